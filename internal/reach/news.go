package reach

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// News is one message to one patient, outside any outreach: something they
// asked for, or must know. It names no health matter outside its page.
type News struct {
	Patient string
	Purpose string        // by whose rules it goes; empty: those of visits
	Within  time.Duration // not worth sending after it

	// Words are what it says in the patient's language: the title, the line
	// that a text or a mail shows before its link, and the page behind it. The
	// message leaves at leaves or soon after.
	Words func(l lang.Lang, leaves time.Time) (title, line, page string)

	// In runs in the transaction that makes the message. An error undoes both.
	In func(ctx context.Context, tx *db.Tx, message string, leaves time.Time) error
}

// Inform decides by the clinic's rules how a patient may be told, and puts the
// message on its way with a link. Where no channel may be used it waits in
// the portal's inbox. It returns the message's id; empty: nobody may be told,
// such as of somebody who has died.
func (e *Engine) Inform(ctx context.Context, t News) (string, error) {
	if t.Purpose == "" {
		t.Purpose = "appointment"
	}
	eyes, err := e.eyes(ctx, "inform")
	if err != nil {
		return "", err
	}
	able := map[string]policy.Ability{}
	if err := e.abilities(ctx, eyes, []string{t.Patient}, able); err != nil {
		return "", fmt.Errorf("reach: inform: %w", err)
	}
	k, err := e.load(ctx, e.DB, eyes, []string{t.Patient}, t.Purpose, able)
	if err != nil {
		return "", fmt.Errorf("reach: inform: %w", err)
	}
	who, rules := k.facts(t.Patient), e.rules()
	ask := policy.Ask{Purpose: mustPurpose(rules, t.Purpose), Class: policy.S1, Channels: []Channel{SMS, Email, Inbox}}
	d := policy.Decide(e.Now(), who, ask, *rules)
	if d.Verdict == policy.Exclude && (who.Missing || who.Deceased || who.Inactive) {
		return "", nil
	}
	c := policy.Candidate{Channel: Inbox, Mode: policy.Full, NotBefore: e.Now()}
	if i := slices.IndexFunc(d.Plan, func(c policy.Candidate) bool { return e.gates[c.Channel] != nil }); i >= 0 {
		c = d.Plan[i]
	}
	c.NotBefore = later(c.NotBefore, e.Now())
	id := e.IDs.New()
	err = e.DB.Tx(ctx, func(tx *db.Tx) error { return e.informIn(ctx, tx, id, t, c, lang.Pick("", k.by[t.Patient].language())) })
	if err != nil {
		return "", fmt.Errorf("reach: inform: %w", err)
	}
	e.nudge()
	return id, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// informIn makes the message and its link.
func (e *Engine) informIn(ctx context.Context, tx *db.Tx, id string, t News, c policy.Candidate, l lang.Lang) error {
	title, line, page := t.Words(l, c.NotBefore)
	b := body{To: c.Address, Subject: e.Clinic.Name + ": " + title, Title: title, Text: line, Page: page, Hours: c.Window.String()}
	expires := c.NotBefore.Add(t.Within)
	if c.Channel != Inbox {
		factor := link.None
		if c.Shared || c.For != "" {
			factor = link.DOB
		}
		token, err := e.Links.Create(ctx, tx, link.New{Message: id, Patient: t.Patient, Factor: factor, Short: c.Channel == SMS, Expires: c.NotBefore.Add(linkLife(policy.S1))})
		if err != nil {
			return err
		}
		b.Text = e.Clinic.Name + ": " + line + " " + e.BaseURL + "/m/" + token
		if c.Channel == SMS {
			b.Text = template.GSM(b.Text)
		} else {
			b.HTML = "<p>" + strings.ReplaceAll(html.EscapeString(b.Text), "\n", "<br>") + "</p>"
		}
	}
	masked := c.Masked
	if masked == "" && c.Address != "" {
		masked = contact.Mask(contact.Kind(c.Channel), c.Address)
	}
	row, err := e.row(ctx, tx, messageRow{
		id: id, intent: id, patient: t.Patient, purpose: t.Purpose, channel: c.Channel, step: 1, mode: policy.Notice, level: c.Level, lang: l.Tag(),
		masked: masked, body: b, notBefore: c.NotBefore, expires: expires, created: e.Now(), recipient: c.For,
	})
	if err != nil {
		return err
	}
	if err := insertMessages(ctx, tx, row); err != nil {
		return err
	}
	if t.In == nil {
		return nil
	}
	return t.In(ctx, tx, id, c.NotBefore)
}
