package reach

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/store/db"
)

// holder are the marks that whoever holds a link may leave, without the
// second factor: they take away or ask, and show nothing.
func holder(kind string) bool {
	switch kind {
	case "wrong_person", "opted_out", "call_wanted", "page_shown":
		return true
	}
	return false
}

// marker returns the patient on whose message pass may leave a mark.
func marker(pass access.Pass, kind string) (string, error) {
	if holder(kind) {
		if patient, err := pass.Open(access.EditContacts); err == nil {
			return patient, nil
		}
	}
	return reader(pass)
}

var errNoAddress = errs.New(errs.Invalid, "This message went to no number or address.")

// Renew sends a new link for a message to where the message itself went: a
// patient asked for it whose link had ended.
func (e *Engine) Renew(ctx context.Context, pass access.Pass, message string) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	ok := true
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		m, err := mine(ctx, tx, patient, message)
		if err != nil {
			return err
		}
		b, err := e.open(ctx, tx, m.id, m.sealed)
		if err != nil {
			return err
		}
		if b.To == "" || m.channel == Post { // a letter is not written twice; they are asked to call
			return errNoAddress
		}
		tag, err := db.One(ctx, tx, db.Value[string], `select lang from message where id = $1`, message)
		if err != nil {
			return err
		}
		if ok, err = e.asked(ctx, tx, m.channel, b.To); err != nil || !ok {
			return err
		}
		token, err := e.Links.Again(ctx, tx, message, m.channel == SMS)
		if err != nil {
			return err
		}
		l := lang.Pick("", tag)
		return e.sendIn(ctx, tx, Direct{
			Channel: m.channel, To: b.To, Lang: tag, Patient: patient,
			Subject: l.T("The new link you asked for"),
			Text:    l.T("%s: here is the new link you asked for. %s", e.clinic().Name, e.BaseURL+"/m/"+token),
		})
	})
	if err == nil && !ok {
		err = errSpent
	}
	if err != nil {
		return fmt.Errorf("reach: renew %s: %w", message, err)
	}
	e.nudge()
	return nil
}
