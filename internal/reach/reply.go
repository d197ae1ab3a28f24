package reach

import (
	"context"
	"strings"

	"hale/internal/care/contact"
	"hale/internal/reach/wish"
	"hale/internal/store/db"
)

// Meaning is what a reply asks for.
type Meaning = wish.Meaning

// The meanings.
const (
	Stop        = wish.Stop
	StartAgain  = wish.Start
	Help        = wish.Help
	WrongPerson = wish.WrongPerson
	Other       = wish.Other
)

// Understand reads a reply to a text.
func Understand(text string) Meaning { return wish.Read(text).Meaning }

// longestReply is how much of a reply is kept, in characters.
const longestReply = 500

func cut(text string, most int) string {
	list := []rune(strings.ToValidUTF8(text, ""))
	return string(list[:min(len(list), most)])
}

// reply takes what somebody answered. message is the one answered, or "".
func (e *Engine) reply(ctx context.Context, tx *db.Tx, r Receipt, message string) error {
	read := wish.Read(r.Text)
	meaning := read.Meaning
	r.Code = string(meaning)
	if r.Actor == Unknown {
		r.Actor = Human
	}
	value := contact.Normal(contact.Kind(r.Channel), r.From)
	if message != "" {
		m, err := one(ctx, tx, message)
		if err != nil {
			return err
		}
		if b, err := e.open(ctx, tx, m.id, m.sealed); err == nil && value == "" {
			value = b.To
		}
		kind := r
		if meaning != Other {
			kind.Kind = "reply_" + string(meaning) // to say STOP is not to read
		}
		said := map[string]string{"note": cut(r.Text, longestReply)} // for whoever answers it
		if err := e.happened(ctx, tx, message, kind, said); err != nil {
			return err
		}
	}
	if value == "" {
		return nil
	}
	if kept, err := e.keeps(ctx, tx, r, value); err != nil || kept {
		return err
	}
	if err := e.hear(ctx, tx, r, value, message, read); err != nil {
		return err
	}
	switch meaning {
	case Stop:
		visit, err := aboutVisit(ctx, tx, r.Text, message)
		if err != nil {
			return err
		}
		return e.stopAddress(ctx, tx, stopping{Receipt: r, value: value, message: message, reading: read, visit: visit})
	case StartAgain:
		return e.startAddress(ctx, tx, r, value, message)
	case WrongPerson:
		return e.wrongPerson(ctx, tx, r.Channel, value)
	case Help:
		if r.Channel == SMS {
			return e.answerHelp(ctx, tx, value, message)
		}
	}
	return nil
}

// people are the patients at an address.
func people(ctx context.Context, tx *db.Tx, c Channel, value string) ([]string, error) {
	return db.All(ctx, tx, db.Value[string], `select patient from contact_point where value = $1 and kind = $2 order by patient`, value, string(c))
}

// wrongPerson takes an address out of use for everyone and cancels what is
// queued to it.
func (e *Engine) wrongPerson(ctx context.Context, tx *db.Tx, c Channel, value string) error {
	if err := e.contacts.SetStatus(ctx, tx, contact.Kind(c), value, contact.WrongPerson); err != nil {
		return err
	}
	return e.notTheirs(ctx, tx, c, value, "")
}

// notTheirs takes back what went to an address that is somebody else's, or of
// it what is one patient's, and cancels what is queued to it.
func (e *Engine) notTheirs(ctx context.Context, tx *db.Tx, c Channel, value, patient string) error {
	const q = `select id from message where address_hash = $1 and channel = $2 and ($3 = '' or patient = $3)`
	list, err := db.All(ctx, tx, db.Value[string], q, e.hash(c, value), string(c), patient)
	if err != nil {
		return err
	}
	if err := e.Links.Retract(ctx, tx, list...); err != nil {
		return err
	}
	return e.cancelAt(ctx, tx, c, value, "wrong_person", patient)
}

// cancelAt cancels what is queued to an address, or of it what is one
// patient's, and has the intents look for another way.
func (e *Engine) cancelAt(ctx context.Context, tx *db.Tx, c Channel, value, reason, patient string) error {
	now := e.Now()
	const waits = `address_hash = $3 and channel = $4 and state in ('scheduled', 'uncertain') and purpose <> 'security' and ($5 = '' or patient = $5)`
	list, err := withdraw(ctx, tx, now, reason, waits, e.hash(c, value), string(c), patient)
	if err != nil {
		return err
	}
	if err := e.keepBack(ctx, tx, `address_hash = $1 and channel = $2 and ($3 = '' or patient = $3)`, e.hash(c, value), string(c), patient); err != nil {
		return err
	}
	for _, intent := range list {
		if err := wakeIntent(ctx, tx, intent, now); err != nil {
			return err
		}
	}
	return nil
}
