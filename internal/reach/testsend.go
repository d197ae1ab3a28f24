package reach

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

var (
	errNotStaff = errs.New(errs.Forbidden, "A test goes to addresses of the staff alone. Add this one to a staff account first.")
	errUnready  = errs.New(errs.Invalid, "The text cannot be read yet. Please settle the points that are listed first.")
)

// Problems says what has to change in an outreach's texts, and what had better.
func (e *Engine) Problems(o Outreach) (list []template.Problem) {
	purpose, _ := e.rules().Purpose(o.Purpose)
	for _, t := range o.templates() {
		list = append(list, t.Review(purpose, e.Style)...)
	}
	return list
}

// TestSend sends a text to an address of somebody of the staff, written for a
// made-up reader. It says that it is a test, and no patient is in it.
func (e *Engine) TestSend(ctx context.Context, pass access.Pass, t template.Template, service, lang string, channel Channel, to string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	gate := e.gates[channel]
	if gate == nil || channel != Email && channel != SMS {
		return errNoGateway
	}
	s, err := e.Specimen(t, service, lang)
	if err != nil || s.Missing != "" {
		return errUnready
	}
	b := body{To: to, Subject: "[Test] " + s.Mail.Subject, Text: s.Mail.Text, HTML: s.Mail.HTML}
	if channel == SMS {
		b = body{To: to, Text: "[Test] " + s.Text}
	}
	now, id := e.Now(), e.IDs.New()
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int], `select count(*) from account where kind = 'staff' and status = 'active' and case when $2 = 'sms' then phone else email end = $1`, to, string(channel))
		if err != nil {
			return err
		}
		if n == 0 || strings.TrimSpace(to) == "" {
			return errNotStaff
		}
		row, err := e.row(ctx, tx, messageRow{
			id: id, intent: id, purpose: "security", channel: channel, step: 1, mode: policy.Full, lang: lang, body: b,
			notBefore: now, expires: now.Add(directLife), created: now,
		})
		if err != nil {
			return err
		}
		return insertMessages(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("reach: test: %w", err)
	}
	e.nudge()
	return nil
}
