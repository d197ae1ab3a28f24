package reach

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// reader returns the patient whose messages pass opens: one by its link, or
// all of them in the portal.
func reader(pass access.Pass) (string, error) {
	patient, err := pass.Open(access.ReadMessage)
	if err == nil {
		return patient, nil
	}
	return pass.Open(access.ReadMessages)
}

const contentColumns = `m.id, m.intent, m.outreach, m.patient, m.channel, m.state, m.mode, m.lang, m.address_mask, m.body,
	case when m.accepted_at > 0 then m.accepted_at else m.created_at end, m.first_seen_at, coalesce(o.service, '')`

// sealedContent is a row of contentColumns.
type sealedContent struct {
	Content
	sealed []byte
}

func readContent(scan db.Scan) (c sealedContent, err error) {
	var sent, seen int64
	err = scan(&c.Message, &c.Intent, &c.Outreach, &c.Patient, &c.Channel, &c.State, &c.Mode, &c.Lang, &c.ToMasked, &c.sealed, &sent, &seen, &c.Service)
	c.SentAt, c.SeenAt = db.Time(sent), db.Time(seen)
	return c, err
}

// contents runs q, which reads contentColumns, and opens what it finds.
func (e *Engine) contents(ctx context.Context, q string, args ...any) ([]Content, error) {
	list, err := db.All(ctx, e.DB, readContent, q, args...)
	if err != nil {
		return nil, err
	}
	out := make([]Content, len(list))
	for i, c := range list {
		b, err := e.open(ctx, e.DB, c.Message, c.sealed)
		if err != nil {
			return nil, err
		}
		if len(c.sealed) == 0 {
			b = forgotten(c.Lang)
		}
		c.From, c.Title, c.Body, c.Text = e.clinic().Name, b.Title, b.Page, b.Text
		out[i] = c.Content
	}
	return out, nil
}

// Content opens one message for its reader. Another's message is not there,
// nor one of an outreach that was stopped, nor a code to sign in with: of
// those about security the inbox has its own.
func (e *Engine) Content(ctx context.Context, pass access.Pass, message string) (Content, error) {
	patient, err := reader(pass)
	if err != nil {
		return Content{}, err
	}
	const q = `select ` + contentColumns + ` from message m left join outreach o on o.id = m.outreach 
		where m.patient = $1 and ` + veiled + ` and m.id = $4 and ` + kept + ` and (m.purpose <> 'security' or m.channel = 'inbox') and coalesce(o.state, '') <> 'stopped' and ` + stillHelps
	hidden, until := veil(pass)
	now := db.Micro(e.Now())
	if pass.Actor().Kind != access.Link {
		now = 0 // who signed in comes by their own right
	}
	list, err := e.contents(ctx, q, patient, hidden, until, message, now)
	if err == nil && len(list) == 0 {
		err = db.ErrNone
	}
	if err != nil {
		return Content{}, fmt.Errorf("reach: content %s: %w", message, err)
	}
	return list[0], nil
}

// stillHelps leaves out of messages m what went to a caregiver whose grant has
// ended by $5, or whom the patient has shut out: the link in it opens nothing
// any more. With 0 it leaves out nothing.
const stillHelps = ` (m.recipient = '' or cast($5 as bigint) = 0 or exists (select 1 from account_grant g
	where g.patient = m.patient and g.account = m.recipient and g.until_at > $5
		and not exists (select 1 from proxy_block b where b.patient = g.patient and b.account = g.account)))`

// Inbox returns what a patient was sent by outreaches, newest first: each
// once, however many channels it was tried on. Notices about the account are
// there, too.
func (e *Engine) Inbox(ctx context.Context, pass access.Pass) ([]Content, error) {
	patient, err := pass.Open(access.ReadMessages)
	if err != nil {
		return nil, err
	}
	const q = `
		select ` + contentColumns + `
		from message m left join outreach o on o.id = m.outreach
		where m.patient = $1 and ` + veiled + ` and m.created_at > 0 and ` + kept + ` and coalesce(o.state, '') <> 'stopped'
			and (o.id is not null or m.outreach = '' and m.purpose in ('appointment', 'clinical_result') or m.purpose in ('security', 'clinical_result') and m.channel = 'inbox') and m.state not in ('scheduled', 'suppressed')
			and not (m.state = 'cancelled' and m.attempts = 0)
			and not exists (select 1 from message n where n.intent = m.intent and n.step > m.step
				and n.state not in ('scheduled', 'suppressed') and not (n.state = 'cancelled' and n.attempts = 0))
		order by m.created_at desc, m.id desc
		limit 200`
	hidden, until := veil(pass)
	list, err := e.contents(ctx, q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("reach: inbox: %w", err)
	}
	return list, nil
}

var errMark = errs.New(errs.Invalid, "We could not note that.")

// Mark records what a reader did with a message: page_shown, factor_passed,
// factor_failed, revealed, acted, replied, acknowledged, dwell, wrong_person,
// opted_out, call_wanted, done_elsewhere.
// Data of opted_out may be a scope: "this" purpose, the "channel", or "all".
func (e *Engine) Mark(ctx context.Context, pass access.Pass, message, kind string, data any) error {
	patient, err := marker(pass, kind)
	if err != nil {
		return err
	}
	switch kind {
	case "page_shown", "attachment_downloaded", "factor_passed", "factor_failed", "revealed", "acted", "replied", "acknowledged", "dwell", "wrong_person", "opted_out",
		"call_wanted", "done_elsewhere":
	default:
		return errMark
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		m, err := mine(ctx, tx, patient, message)
		if err != nil {
			return err
		}
		now := e.Now()
		r := Receipt{Kind: kind, At: now, Actor: Human, Dedupe: kind}
		if kind != "revealed" && kind != "acted" && kind != "page_shown" { // of these the first is what counts
			r.Dedupe = fmt.Sprint(kind, now.Truncate(time.Second).UnixMicro())
		}
		if err := e.happened(ctx, tx, message, r, data); err != nil {
			return err
		}
		switch kind {
		case "wrong_person":
			return e.notMe(ctx, tx, m)
		case "opted_out":
			scope, _ := data.(string)
			return e.optOut(ctx, tx, m, scope)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: mark %s %s: %w", message, kind, err)
	}
	e.nudge()
	return nil
}

// notMe takes the address that a message went to away from its patient.
func (e *Engine) notMe(ctx context.Context, tx *db.Tx, m known) error {
	b, err := e.open(ctx, tx, m.id, m.sealed)
	if err != nil || b.To == "" {
		return err
	}
	if err := e.contacts.SetStatusOf(ctx, tx, m.patient, contact.Kind(m.channel), b.To, contact.WrongPerson); err != nil {
		return err
	}
	to, err := db.One(ctx, tx, db.Value[string], `select recipient from message where id = $1`, m.id)
	if err != nil {
		return err
	}
	if to != "" { // a caregiver's address is on no record of the patient's
		block := Block{Channel: m.channel, Value: b.To, Scope: consent.Any, Reason: "wrong_person", Why: "said not to be the caregiver", By: "recipient"}
		if _, err := e.suppress(ctx, tx, block); err != nil {
			return err
		}
	}
	return e.notTheirs(ctx, tx, m.channel, b.To, m.patient)
}

// optOut writes down what a reader wants no more of. An unknown scope is
// read strictly.
func (e *Engine) optOut(ctx context.Context, tx *db.Tx, m known, scope string) error {
	if m.purpose == joined && (scope == "this" || scope == "one_click") {
		return e.refuseParts(ctx, tx, m)
	}
	switch scope {
	case "one_click":
		return e.refuse(ctx, tx, m, consent.Any, m.purpose, "one_click")
	case "this":
		return e.refuse(ctx, tx, m, consent.Any, m.purpose, "link")
	case "channel":
		return e.refuse(ctx, tx, m, string(m.channel), consent.Any, "link")
	}
	return e.refuse(ctx, tx, m, consent.Any, consent.Any, "link")
}

// refuse adds a refusal and cancels what is queued against it.
func (e *Engine) refuse(ctx context.Context, tx *db.Tx, m known, channel, purpose, method string) error {
	ev := consent.Event{Patient: m.patient, Channel: channel, Purpose: purpose, Action: consent.Revoke, Method: method, Actor: "recipient", Evidence: "message " + m.id}
	if err := e.consents.AddIn(ctx, tx, ev); err != nil {
		return err
	}
	const waits = `patient = $3 and ($4 = '*' or channel = $4) and ($5 = '*' or purpose = $5) and purpose <> 'security' and state in ('scheduled', 'uncertain')`
	list, err := withdraw(ctx, tx, e.Now(), "opted_out", waits, m.patient, channel, purpose)
	if err != nil {
		return err
	}
	for _, intent := range append(list, m.intent) {
		if err := wakeIntent(ctx, tx, intent, e.Now()); err != nil {
			return err
		}
	}
	return nil
}
