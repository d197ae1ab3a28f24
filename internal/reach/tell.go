package reach

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/reach/dialog"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Telling is words of the clinic that stand in a thread, and of which the
// patient is told by the way they are reached.
type Telling struct {
	Patient string
	Writer  string // the account of the caregiver who wrote last; empty: the patient did
	Text    string
	Private bool // to be read behind a link, whatever the words are
	First   bool // the clinic begins the thread

	Translated bool // the words stand in the thread already, and this is what they say in the patient's language
}

// Keep writes the words into their thread, in the transaction that makes the
// message which tells of them; message is empty where nothing can be sent.
type Keep func(ctx context.Context, tx *db.Tx, message string) error

// WeighTelling says how t would go, without sending it.
func (e *Engine) WeighTelling(ctx context.Context, pass access.Pass, t Telling) (Sayable, error) {
	s, err := e.weighTelling(ctx, pass, t)
	return s.Sayable, err
}

func (e *Engine) weighTelling(ctx context.Context, pass access.Pass, t Telling) (saying, error) {
	whose, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits, access.AnswerBills)
	if err != nil || whose != t.Patient || t.Patient == "" {
		return saying{}, errOther
	}
	in := Saying{Text: strings.TrimSpace(t.Text), Private: t.Private, First: t.First, Translated: t.Translated}
	s, err := e.weigh(ctx, pass, dialog.Dialog{Patient: t.Patient}, in)
	if err != nil {
		return s, err
	}
	if t.Writer == "" {
		return s, nil
	}
	return s, e.toWriter(ctx, t, &s)
}

// toWriter has words go to the caregiver who asked, as far as they still
// help: behind a link alone.
func (e *Engine) toWriter(ctx context.Context, t Telling, s *saying) error {
	eyes, err := e.eyes(ctx, "converse")
	if err != nil {
		return err
	}
	k, err := e.load(ctx, e.DB, eyes, []string{t.Patient}, "care", nil)
	if err != nil {
		return err
	}
	who := k.by[t.Patient]
	for _, h := range who.Helpers {
		if h.Account != t.Writer {
			continue
		}
		for _, p := range h.Points {
			c := Channel(p.Kind)
			if e.gates[c] == nil {
				continue
			}
			if _, ok := policy.Recheck(e.Now(), &who.Facts, policy.Ask{Purpose: mustPurpose(e.rules(), "care")}, c, p.Value); !ok {
				continue
			}
			s.Channel, s.to, s.shared, s.Masked = c, p.Value, true, contact.Mask(p.Kind, p.Value)
			s.Mode, s.Refused, s.recipient = policy.Notice, "", h.Account
			s.Over = s.notice(e, "0123456789AB")
			return nil
		}
	}
	return nil
}

// Tell tells a patient, or the caregiver who wrote, of words of the clinic,
// and has keep write them down. Where nothing may be sent they stand in the
// thread alone, and Refused says why.
func (e *Engine) Tell(ctx context.Context, pass access.Pass, t Telling, keep Keep) (Sayable, error) {
	if t.Text = strings.TrimSpace(t.Text); t.Text == "" {
		return Sayable{}, errNoWords
	}
	if len(t.Text) > sayMost {
		return Sayable{}, errTooLong
	}
	s, err := e.weighTelling(ctx, pass, t)
	if err != nil {
		return Sayable{}, fmt.Errorf("reach: tell: %w", err)
	}
	if s.Refused == errTooLong.Error() { // more than four texts: it stands behind a link
		s.Mode, s.Refused = policy.Notice, ""
	}
	s.said = Saying{Text: t.Text, First: t.First, Translated: t.Translated}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		message := ""
		if s.Refused == "" {
			if message, err = e.bear(ctx, tx, s); err != nil {
				return err
			}
		}
		return keep(ctx, tx, message)
	})
	if err != nil {
		return s.Sayable, fmt.Errorf("reach: tell: %w", err)
	}
	e.nudge()
	return s.Sayable, nil
}

// errOther refuses what is about another patient than pass opens.
var errOther = errs.New(errs.NotFound, "We could not find that record.")
