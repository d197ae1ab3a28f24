package reach

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Script is what somebody of the staff needs to call a person about a
// message: whom, by which number, and what to say.
type Script struct {
	Message string
	Patient string
	Purpose policy.Purpose
	Title   string
	Text    string
	Lang    string
	Numbers []string  // E.164, the best first
	Zone    string    // where the person is; empty: not known
	Opens   time.Time // when the law and the person allow a call next; zero: not within two weeks
	Closed  string    // why the person may not be called now, in words; empty: they may
}

// Script returns what is to be said about message to the patient whom pass
// opens. The person's wishes are looked at as they are now.
func (e *Engine) Script(ctx context.Context, pass access.Pass, message string) (Script, error) {
	patient, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits)
	if err != nil {
		return Script{}, err
	}
	s, err := e.script(ctx, patient, message)
	if err == nil {
		err = e.shielded(ctx, pass, &s)
	}
	if err != nil {
		return Script{}, fmt.Errorf("reach: script of %s: %w", message, err)
	}
	return s, nil
}

// shielded takes the words out of a script that the reader may not see.
func (e *Engine) shielded(ctx context.Context, pass access.Pass, s *Script) error {
	const q = `select count(*) from message m where m.id = $1 and ` + veiled
	hidden, until := veil(pass)
	n, err := db.One(ctx, e.DB, db.Value[int], q, s.Message, hidden, until)
	if err == nil && n == 0 {
		s.Title, s.Text = "", ""
		s.Closed = "What is to be said is specially protected: leave this call to somebody who may read it."
	}
	return err
}

func (e *Engine) script(ctx context.Context, patient, message string) (Script, error) {
	eyes, err := e.eyes(ctx, "calls")
	if err != nil {
		return Script{}, err
	}
	m, err := mine(ctx, e.DB, patient, message)
	if err != nil {
		return Script{}, err
	}
	purpose, _ := policy.PurposeOf(m.purpose)
	s := Script{Message: m.id, Patient: patient, Purpose: purpose}
	b, err := e.open(ctx, e.DB, m.id, m.sealed)
	if err != nil {
		return s, err
	}
	s.Title, s.Text = b.Title, b.Page
	k, err := e.load(ctx, e.DB, eyes, []string{patient}, m.purpose, nil)
	if err != nil {
		return s, err
	}
	who := k.by[patient]
	s.Lang, s.Zone = who.language(), who.Zone
	to := ""
	if m.channel == Voice {
		to = b.To
	}
	s.Numbers = numbers(who.Points, to)
	if at, ok := policy.Hours(&who.Facts, purpose, *e.rules()).Next(e.Now(), e.rules()); ok {
		s.Opens = at
	}
	if r, ok := policy.Callable(e.Now(), &who.Facts, purpose); !ok {
		s.Closed = r.Words
	}
	return s, nil
}

// numbers returns the numbers at which somebody may be called, the one
// decided on first.
func numbers(points []contact.Point, first string) []string {
	var list []string
	if first != "" {
		list = append(list, first)
	}
	for _, kind := range []contact.Kind{contact.Voice, contact.SMS} {
		for _, p := range points {
			bad := p.Status == contact.WrongPerson || p.Status == contact.Gone || kind == contact.Voice && p.Status == contact.Bounced
			if p.Kind == kind && !bad && p.Value != first {
				list = append(list, p.Value)
			}
		}
	}
	return list
}

// Outcome of a call as the ledger keeps it.
type Called string

// The outcomes.
const (
	Told         Called = "told"           // the person heard it
	Later        Called = "later"          // asked to be called another time
	LeftVoice    Called = "voicemail"      // who called and the number, no more
	NoAnswer     Called = "no_answer"      // or busy
	OtherPerson  Called = "wrong_person"   // the number is somebody else's
	OutOfService Called = "out_of_service" // the number does not work
	NoMoreCalls  Called = "stop"           // asked for no more calls
	GaveUp       Called = "gave_up"        // tried often enough
)

// callKind is the event that a call's outcome leaves, and its class.
var callKind = map[Called]Receipt{
	Told: {Kind: "acknowledged"}, Later: {Kind: "call_later"}, LeftVoice: {Kind: "voicemail_left"}, NoAnswer: {Kind: "no_answer"},
	OtherPerson: {Kind: "wrong_person"}, OutOfService: {Kind: "bounced", Code: "out_of_service"}, NoMoreCalls: {Kind: "opted_out", Code: "calls"},
	GaveUp: {Kind: "undelivered", Code: "gave_up"},
}

// Call is one try to call a person about a message.
type Call struct {
	Message string
	Patient string
	Number  string // that was dialled; empty: the one decided on
	Outcome Called
	Key     string // the same however often it is said
}

// CalledIn writes the outcome of a call into the ledger, in the caller's
// transaction: what was heard counts as seen, a number that is wrong or dead
// is used no more, and whoever wants no more calls gets none.
func (e *Engine) CalledIn(ctx context.Context, tx *db.Tx, c Call) error {
	r, ok := callKind[c.Outcome]
	if !ok {
		return errMark
	}
	m, err := mine(ctx, tx, c.Patient, c.Message)
	if err != nil {
		return err
	}
	r.Channel, r.At, r.Actor, r.Dedupe = Voice, e.Now(), Human, "call|"+c.Key
	if c.Outcome == OutOfService && m.channel != Voice {
		r.Kind = "number_dead" // the call's number bounced, not the message that it is about
	}
	if c.Outcome == GaveUp && m.channel != Voice {
		r.Kind = "call_given_up"
	}
	if err := e.happened(ctx, tx, m.id, r, nil); err != nil {
		return err
	}
	switch c.Outcome {
	case OtherPerson:
		return e.wrongNumber(ctx, tx, m, c.Number)
	case OutOfService:
		return errors.Join(
			e.contacts.SetStatusOf(ctx, tx, m.patient, contact.Voice, c.Number, contact.Bounced),
			e.contacts.SetStatusOf(ctx, tx, m.patient, contact.SMS, c.Number, contact.Bounced))
	case NoMoreCalls:
		return e.refuse(ctx, tx, m, string(Voice), "*", "call")
	}
	return nil
}

// wrongNumber takes a number away from its patient, for texts as well.
func (e *Engine) wrongNumber(ctx context.Context, tx *db.Tx, m known, number string) error {
	for _, kind := range []contact.Kind{contact.Voice, contact.SMS} {
		if err := e.contacts.SetStatusOf(ctx, tx, m.patient, kind, number, contact.WrongPerson); err != nil {
			return err
		}
		if err := e.notTheirs(ctx, tx, Channel(kind), number, m.patient); err != nil {
			return err
		}
	}
	return nil
}
