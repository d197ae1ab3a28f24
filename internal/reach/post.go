package reach

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// onPaper adds where a letter to each of patients goes: what was agreed to, or
// the address on record if it is whole.
func (k *crowd) onPaper(ctx context.Context, c db.Conn, patients []string) error {
	only, err := contact.Confined(ctx, c, patients)
	if err != nil {
		return err
	}
	for id, s := range k.by {
		way, confined := only[id]
		switch {
		case confined && way.Kind != contact.Letter:
			continue
		case confined:
			s.OnPaper = true
			s.Post = envelope(s, strings.Split(way.Value, "\n")...)
		case s.line != "" && s.city != "" && s.State != "" && s.Zip != "":
			s.Post = envelope(s, s.line, s.city+", "+s.State+" "+s.Zip)
		}
	}
	return nil
}

// envelope is what stands on the envelope of a letter to s. A child's letter
// goes to whoever brings the child up.
//
// Spec: USPS Publication 28 §21 (last line: city, state, ZIP)
func envelope(s *subject, lines ...string) contact.Point {
	name := oneLine(s.full)
	if name == "" {
		return contact.Point{}
	}
	block := []string{name}
	if s.Minor {
		block = []string{"Parent or guardian of", name}
	}
	for _, l := range lines {
		if l = oneLine(l); l != "" {
			block = append(block, l)
		}
	}
	return contact.Point{Patient: s.Patient, Kind: contact.Letter, Value: strings.Join(block, "\n"), Status: contact.Active, Rank: 1}
}

// oneLine keeps a line of an envelope to one line of letters.
func oneLine(line string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, line)), " ")
}

// Paper is a letter as it is printed.
type Paper struct {
	Message string
	Patient string
	To      []string // the lines of the address, the name first
	Title   string
	Text    string
	Link    string // what the square code says; empty: none
	Asks    string // what the link asks for: dob, code, none or signin
	Lang    string
	Large   bool // asked for large print
	Neutral bool // nobody may see on the outside who writes
	State   string
}

// Paper returns the letter that message is, to the patient whom pass opens.
func (e *Engine) Paper(ctx context.Context, pass access.Pass, message string) (Paper, error) {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return Paper{}, err
	}
	p, err := e.paper(ctx, pass, patient, message)
	if err != nil {
		return Paper{}, fmt.Errorf("reach: paper %s: %w", message, err)
	}
	return p, nil
}

func (e *Engine) paper(ctx context.Context, pass access.Pass, patient, message string) (Paper, error) {
	const q = `select m.body, m.lang, m.state from message m
		where m.id = $1 and m.channel = 'letter' and m.patient = $4 and ` + veiled
	var sealed []byte
	p := Paper{Message: message, Patient: patient}
	hidden, until := veil(pass)
	if _, err := db.One(ctx, e.DB, func(scan db.Scan) (struct{}, error) {
		return struct{}{}, scan(&sealed, &p.Lang, &p.State)
	}, q, message, hidden, until, patient); err != nil {
		return p, err
	}
	b, err := e.open(ctx, e.DB, message, sealed)
	if err != nil {
		return p, err
	}
	p.To, p.Title, p.Text, p.Link, p.Neutral = strings.Split(b.To, "\n"), b.Subject, b.Text, b.Link, b.Neutral
	if p.Asks, err = e.Links.Asks(ctx, message); err != nil {
		return p, err
	}
	wishes, err := contact.ListPreferences(ctx, e.DB, []string{patient})
	for _, w := range wishes[patient] {
		p.Large = p.Large || w.LargePrint
	}
	return p, err
}

// Posted is what became of a letter.
type Posted string

// What becomes of letters.
const (
	Printed  Posted = "printed"
	Mailed   Posted = "mailed"
	Dropped  Posted = "dropped"  // taken out before it was mailed
	Returned Posted = "returned" // the carrier brought it back
)

// Returns are why a letter comes back, as the carrier stamps it, and what it
// says about the address.
//
// Spec: USPS Domestic Mail Manual 507, exhibit 1.4.1
func Returns() []string {
	return []string{"no_such_address", "not_known", "moved", "vacant", "refused", "unclaimed", "deceased", "other"}
}

// backWords says why a letter came back.
func backWords(code string) string {
	switch code {
	case "no_such_address":
		return "there is no such address"
	case "not_known":
		return "nobody of this name is known there"
	case "moved":
		return "they moved and left no address"
	case "vacant":
		return "nobody lives there"
	case "refused":
		return "it was refused"
	case "unclaimed":
		return "nobody fetched it"
	case "deceased":
		return "the carrier says that they died; please ask the family before you change the record"
	}
	return "the carrier did not say why"
}

// ReturnWords says why a letter came back, for pages.
func ReturnWords(code string) string { return backWords(code) }

// PostedIn writes down what became of a letter, in the caller's transaction.
// One that came back is no delivery, and nothing more is mailed to where it
// came from.
func (e *Engine) PostedIn(ctx context.Context, tx *db.Tx, patient, message string, what Posted, why, by string) error {
	m, err := mine(ctx, tx, patient, message)
	if err != nil {
		return err
	}
	r := Receipt{Kind: "letter_" + string(what), Channel: Post, At: e.Now(), Actor: Human, Code: why, Dedupe: "letter_" + string(what)}
	if what == Dropped { // nothing left, so something else may
		r.Kind, r.Dedupe = "undelivered", "letter_dropped|undelivered"
		if err := e.happened(ctx, tx, m.id, Receipt{Kind: "letter_dropped", Channel: Post, At: r.At, Actor: Human, Code: why, Dedupe: "letter_dropped"}, nil); err != nil {
			return err
		}
	}
	if err := e.happened(ctx, tx, m.id, r, nil); err != nil {
		return err
	}
	if what != Returned || why == "refused" || why == "unclaimed" {
		return nil
	}
	b, err := e.open(ctx, tx, m.id, m.sealed)
	if err != nil {
		return err
	}
	_, err = e.suppress(ctx, tx, Block{Channel: Post, Value: b.To, Scope: "*", Reason: "returned", Why: "A letter came back: " + backWords(why) + ".", By: by})
	return err
}
