package document

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/intake"
	"hale/internal/base/seal"
	"hale/internal/record"
	"hale/internal/store/db"
)

// What one patient's letterbox takes.
const (
	maxDay   = 20        // documents in a day
	maxBytes = 300 << 20 // of all that were ever sent
	maxNote  = 200       // letters of a note: it is shown beside the title
	maxForm  = 10        // that come with one form
)

// Letterbox takes what patients send, and keeps it until somebody looks.
type Letterbox struct {
	db      *db.DB
	records letters
	ids     *ids.Source
	now     func() time.Time
	scan    Scanner
}

// letters is what the letterbox needs of the record.
type letters interface {
	PutAll(ctx context.Context, tx *db.Tx, src record.Source, drafts []record.Draft) ([]record.Change, error)
	Hold(ctx context.Context, tx *db.Tx, patient string) error
}

// Scanner looks for malware.
type Scanner interface {
	// Scan returns what was found in body, empty for nothing. An error means
	// that it could not look.
	Scan(ctx context.Context, body []byte) (found string, err error)
}

// NewLetterbox returns a letterbox. Without a scanner nothing looks for
// malware: what is sent is never opened here, only saved.
func NewLetterbox(d *db.DB, r letters, ids *ids.Source, now func() time.Time, scan Scanner) *Letterbox {
	return &Letterbox{db: d, records: r, ids: ids, now: now, scan: scan}
}

// Letter is what somebody sends.
type Letter struct {
	Sort string // one of Sorts
	Note string // in their words; may be empty
	Body []byte // the file as it came
	Form string // the form that waits and that it comes with; empty: none
}

// insuranceCard is what LOINC calls a card of a health plan.
const insuranceCard = "64290-0"

// Sorts are what a letter can be, as LOINC document types where there is one.
func Sorts() []Sort {
	return []Sort{
		{"letter", "Letter or form", "51855-5"}, {"insurance", "Insurance card", insuranceCard}, {"photo", "Photo for my care team", "72170-4"},
		{"diary", "Home readings or diary", "51855-5"}, {"legal", "Legal paper", "64298-3"}, {"other", "Something else", "51855-5"},
	}
}

// Sort is one of them.
type Sort struct {
	Key, Name string
	code      string // LOINC
}

// The refusals.
var (
	errSort  = errs.New(errs.Invalid, "Please say what it is that you send.")
	errNote  = errs.New(errs.Invalid, "Your note is too long. Please make it shorter.")
	errFull  = errs.New(errs.TooMany, "That is all we can take today. Please send the rest tomorrow, or call us.")
	errFound = errs.New(errs.Invalid, "That file may harm computers, so we did not take it. Please make a new photo of it, or call us.")
	errForm  = errs.New(errs.TooMany, "That is all we can take with this form. Please call us if you have more to send.")
	errScan  = errs.New(errs.Unavailable, "We cannot take files right now. Please try again later, or call us.")
)

// Send puts a letter into the record of the patient whom pass opens for
// SendMessages, and returns its id. A photo is drawn anew first, and nothing
// is taken that a scanner finds harmful or cannot look at.
func (l *Letterbox) Send(ctx context.Context, pass access.Pass, in Letter) (id string, err error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return "", err
	}
	in.Note = strings.TrimSpace(clean(strings.ToValidUTF8(in.Note, "")))
	at := slices.IndexFunc(Sorts(), func(s Sort) bool { return s.Key == in.Sort })
	switch {
	case at < 0:
		return "", errSort
	case utf8.RuneCountInString(in.Note) > maxNote:
		return "", errNote
	}
	file, err := intake.Open(in.Body)
	if err != nil {
		return "", err
	}
	if err := l.look(ctx, in.Body); err != nil {
		return "", err
	}
	id = l.ids.New()
	body, err := l.resource(id, patient, pass.Actor(), Sorts()[at], in.Note, file)
	if err != nil {
		return "", err
	}
	err = l.db.Tx(ctx, func(tx *db.Tx) (err error) {
		first, err := l.once(ctx, tx, id, patient, pass.Actor().ID, in)
		if err != nil || first != id {
			if id = first; err != nil {
				return err
			}
			return l.with(ctx, tx, id, patient, in.Form)
		}
		if err := l.fits(ctx, tx, patient, len(file.Body)); err != nil {
			return err
		}
		if err := l.with(ctx, tx, id, patient, in.Form); err != nil {
			return err
		}
		_, err = l.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, []record.Draft{{Type: "DocumentReference", ID: id, Body: body}})
		if err != nil {
			return err
		}
		const add = `insert into upload (document, patient, account, at, bytes) values ($1, $2, $3, $4, $5)`
		_, err = tx.ExecContext(ctx, add, id, patient, pass.Actor().ID, l.now().UnixMicro(), len(file.Body))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("document: send: %w", err)
	}
	return id, nil
}

// once returns id where nothing like in was sent today, or else the document
// that the first of them became: a button was pressed twice.
func (l *Letterbox) once(ctx context.Context, tx *db.Tx, id, patient, account string, in Letter) (string, error) {
	now := l.now()
	key := seal.Hash(strings.Join([]string{patient, account, in.Sort, in.Note, now.UTC().Format(time.DateOnly), string(in.Body)}, "\x00"))
	if _, err := tx.ExecContext(ctx, `delete from upload_once where at < $1`, now.AddDate(0, 0, -2).UnixMicro()); err != nil {
		return "", err
	}
	const claim = `insert into upload_once (once, document, at) values ($1, $2, $3) on conflict (once) do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, claim, key, id, now.UnixMicro()))
	if err != nil || n > 0 {
		return id, err
	}
	return db.One(ctx, tx, db.Value[string], `select document from upload_once where once = $1`, key)
}

// Check opens a file that comes with a message, and refuses what a scanner
// finds harmful or cannot look at: a photo is drawn anew, as in Send.
func (l *Letterbox) Check(ctx context.Context, body []byte) (intake.File, error) {
	file, err := intake.Open(body)
	if err != nil {
		return intake.File{}, err
	}
	return file, l.look(ctx, body)
}

// look asks the scanner. Where it does not answer, nothing is taken.
func (l *Letterbox) look(ctx context.Context, body []byte) error {
	if l.scan == nil {
		return nil
	}
	found, err := l.scan.Scan(ctx, body)
	if err != nil {
		return errScan.Because(err)
	}
	if found != "" {
		return errFound.Because(fmt.Errorf("document: the scanner found %q", found))
	}
	return nil
}

// fits says whether n more bytes have room. The patient's record is held, so
// that two at once cannot both take the last place.
func (l *Letterbox) fits(ctx context.Context, tx *db.Tx, patient string, n int) error {
	if err := l.records.Hold(ctx, tx, patient); err != nil {
		return err
	}
	const q = `select count(case when at > $2 then 1 end), coalesce(sum(bytes), 0) from upload where patient = $1`
	type used struct{ day, bytes int64 }
	u, err := db.One(ctx, tx, func(scan db.Scan) (u used, err error) {
		err = scan(&u.day, &u.bytes)
		return u, err
	}, q, patient, l.now().Add(-24*time.Hour).UnixMicro())
	if err != nil {
		return err
	}
	if u.day >= maxDay || u.bytes+int64(n) > maxBytes {
		return errFull
	}
	return nil
}

// with notes for which form a letter came, as far as that takes one more.
func (l *Letterbox) with(ctx context.Context, tx *db.Tx, id, patient, form string) error {
	if form == "" {
		return nil
	}
	const count = `select count(*) from form_file where ask = $1 and document <> $2`
	n, err := db.One(ctx, tx, db.Value[int], count, form, id)
	if err != nil {
		return err
	}
	if n >= maxForm {
		return errForm
	}
	const add = `insert into form_file (document, patient, ask) values ($1, $2, $3) on conflict (document, ask) do nothing`
	_, err = tx.ExecContext(ctx, add, id, patient, form)
	return err
}

// resource returns the letter as FHIR: tagged as coming from the patient, as
// the law asks of what patients share (45 CFR 170.315(e)(3)).
func (l *Letterbox) resource(id, patient string, by access.Actor, sort Sort, note string, file intake.File) ([]byte, error) {
	author := map[string]any{"reference": "Patient/" + patient}
	if by.Kind != access.Patient && by.Patient != patient {
		author = map[string]any{"display": by.Name}
	}
	now := l.now().UTC().Format("2006-01-02T15:04:05Z")
	title := sort.Name
	r := map[string]any{
		"resourceType": "DocumentReference", "id": id, "status": "current",
		"meta":     map[string]any{"tag": []any{map[string]string{"system": Tags, "code": Shared}}},
		"type":     map[string]any{"coding": []any{map[string]string{"system": "http://loinc.org", "code": sort.code}}, "text": title},
		"category": []any{map[string]any{"coding": []any{map[string]string{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}}}},
		"subject":  map[string]any{"reference": "Patient/" + patient}, "date": now, "author": []any{author},
		"content": []any{map[string]any{"attachment": map[string]any{
			"contentType": file.Media, "data": base64.StdEncoding.EncodeToString(file.Body), "title": title, "size": len(file.Body), "creation": now,
		}}},
	}
	if note != "" {
		r["description"] = title + ": " + note
	}
	return json.Marshal(r)
}

// Tags names the tag of what a patient shared; its code is Shared.
const (
	Tags   = "urn:hale:origin"
	Shared = "patient"
)

// Sent is a letter that came.
type Sent struct {
	Document, Patient, Account string
	Title                      string
	At                         time.Time
	Seen                       time.Time // zero: nobody has looked
}

const sentColumns = `u.document, u.patient, u.account, coalesce(d.title, ''), u.at, u.seen_at`

// New returns the n letters that have waited longest for somebody to look,
// and how many there are.
func (l *Letterbox) New(ctx context.Context, pass access.Pass, n int) ([]Sent, int, error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, 0, err
	}
	hidden, until := pass.Veil()
	const q = `select ` + sentColumns + `
		from upload u join document d on d.patient = u.patient and d.id = u.document
		where u.seen_at = 0 and not exists (select 1 from shield z where z.patient = d.patient and z.id = d.id
			and z.typ = 'DocumentReference' and ((z.labels & $1) <> 0 or z.held_until > $2))
		order by u.at, u.document limit $3`
	list, err := db.All(ctx, l.db, scanSent, q, hidden, until, n)
	if err != nil {
		return nil, 0, fmt.Errorf("document: new letters: %w", err)
	}
	count, err := db.One(ctx, l.db, db.Value[int], `select count(*) from upload where seen_at = 0`)
	if err != nil {
		return nil, 0, fmt.Errorf("document: new letters: %w", err)
	}
	return list, count, nil
}

func scanSent(scan db.Scan) (s Sent, err error) {
	var at, seen int64
	err = scan(&s.Document, &s.Patient, &s.Account, &s.Title, &at, &seen)
	s.At = time.UnixMicro(at).UTC()
	if seen > 0 {
		s.Seen = time.UnixMicro(seen).UTC()
	}
	return s, err
}
