package reach

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// body is what a message says and where it goes, sealed in its row.
type body struct {
	To          string `json:"to,omitempty"`
	Subject     string `json:"subject,omitempty"`
	Text        string `json:"text,omitempty"`
	HTML        string `json:"html,omitempty"`
	Title       string `json:"title,omitempty"`
	Page        string `json:"page,omitempty"`
	Unsubscribe string `json:"stop,omitempty"`
	Hours       string `json:"hours,omitempty"`   // when it may arrive: policy.Window
	Neutral     bool   `json:"neutral,omitempty"` // the sender is not named
}

// open unseals a body.
func (e *Engine) open(ctx context.Context, c db.Conn, message string, sealed []byte) (b body, err error) {
	plain, err := e.Keys.OpenIn(ctx, c, sealed, "message", "body", message)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(plain, &b)
}

// linkMark stands for the link until it is made: a message that turns out to
// lack a field makes none.
const linkMark = "https://link.hale.invalid/"

// linkLife is how long a link of each class opens.
func linkLife(c policy.Class) time.Duration {
	const day = 24 * time.Hour
	switch {
	case c >= policy.S3:
		return 7 * day
	case c == policy.S2:
		return 14 * day
	}
	return 30 * day
}

// neutral is who writes where the clinic's own name would tell something.
var neutral = map[string]string{"en": "Your care office", "es": "Su consultorio"}

// render writes what patient gets on a candidate channel.
func (p *planner) render(patient string, c policy.Candidate) template.Message {
	s := p.crowd.by[patient]
	values := map[string]string{
		"first_name": s.given, "last_name": s.family, "service": strings.ReplaceAll(p.o.Service, "-", " "),
		"clinic": p.e.Clinic.Name, "clinic_phone": p.e.Clinic.Phone,
	}
	address := p.e.Clinic.Address
	if c.Mode == policy.Generic { // that this clinic writes may tell already
		values["clinic"], address = neutral[s.language()], ""
		if values["clinic"] == "" {
			values["clinic"] = neutral["en"]
		}
	}
	if c.Channel != Inbox {
		values["link"] = linkMark
	}
	return p.compiled.Render(template.Want{
		Channel: c.Channel, Mode: c.Mode, Lang: s.language(), Shared: c.Shared, Values: values, Address: address,
	})
}

// message makes the message of one step: rendered once, linked, sealed and
// counted. It returns the name of a field that is missing; then there is no
// message.
func (p *planner) message(ctx context.Context, tx *db.Tx, intent, patient string, step int, c policy.Candidate, expires time.Time) (missing string, err error) {
	m := p.render(patient, c)
	if m.Missing != "" {
		return m.Missing, nil
	}
	e := p.e
	id := e.IDs.New()
	b := body{To: c.Address, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Title: m.Title, Page: m.Page, Hours: c.Window.String(), Neutral: c.Mode == policy.Generic}
	if c.Channel != Inbox {
		if err := p.link(ctx, tx, id, patient, c, &b); err != nil {
			return "", err
		}
	}
	class, day := "", 0
	if c.Channel != Inbox && p.purpose.Caps != "" {
		class, day = p.purpose.Caps, c.Day
		p.crowd.promise(patient, c, class)
		for _, key := range []string{patient, e.hash(c.Channel, c.Address)} {
			p.caps[capKey{key: key, channel: string(c.Channel), class: class, day: day}]++
		}
	}
	row, err := e.row(ctx, tx, messageRow{
		id: id, intent: intent, outreach: p.o.ID, patient: patient, purpose: p.o.Purpose, channel: c.Channel, step: step,
		mode: c.Mode, tls: c.RequireTLS, lang: m.Lang, masked: c.Masked, body: b,
		notBefore: c.NotBefore, expires: expires, created: p.now, capDay: day, capClass: class,
	})
	p.messages = append(p.messages, row...)
	p.shield(id, patient)
	return "", err
}

// link makes the link and puts it where its mark stands.
func (p *planner) link(ctx context.Context, tx *db.Tx, id, patient string, c policy.Candidate, b *body) error {
	factor := link.DOB
	switch {
	case p.o.labels() != 0:
		factor = link.SignIn
	case p.o.Template.Sensitivity < policy.S2 && !c.Shared:
		factor = link.None
	}
	token, err := p.e.Links.Create(ctx, tx, link.New{
		Message: id, Patient: patient, Factor: factor, Short: c.Channel == SMS,
		Expires: c.NotBefore.Add(linkLife(p.o.Template.Sensitivity)),
	})
	if err != nil {
		return err
	}
	url := p.e.BaseURL + "/m/" + token
	b.Text = strings.ReplaceAll(b.Text, linkMark, url)
	b.HTML = strings.ReplaceAll(b.HTML, linkMark, url)
	if c.Channel == Email {
		b.Unsubscribe = p.e.BaseURL + "/u/" + token
	}
	return nil
}

// messageRow is a message before it is in its table.
type messageRow struct {
	id, intent, outreach, patient, purpose string
	channel                                Channel
	step                                   int
	mode                                   policy.Mode
	tls                                    bool
	lang, masked                           string
	body                                   body
	notBefore, expires, created            time.Time
	capDay                                 int
	capClass                               string
}

const messageWidth = 25

// row seals m and returns its values.
func (e *Engine) row(ctx context.Context, c db.Conn, m messageRow) ([]any, error) {
	plain, err := json.Marshal(m.body)
	if err != nil {
		return nil, fmt.Errorf("reach: message %s: %w", m.id, err)
	}
	sealed, err := e.Keys.Seal(ctx, c, keys.Messages, "message", "body", m.id, plain)
	if err != nil {
		return nil, fmt.Errorf("reach: message %s: %w", m.id, err)
	}
	mode, tls := "notice", 0
	if m.mode == policy.Full {
		mode = "full"
	}
	if m.tls {
		tls = 1
	}
	key := e.Key.Hash(fmt.Sprintf("message %s %d", m.intent, m.step))[:32]
	return []any{
		m.id, m.intent, m.outreach, m.patient, m.purpose, string(m.channel), m.step, "scheduled", db.Micro(m.created), "",
		mode, tls, m.lang, e.hash(m.channel, m.body.To), m.masked, sealed, e.Key.Hash(string(plain)), key,
		db.Micro(m.notBefore), db.Micro(m.expires), db.Micro(m.created), m.capDay, m.capClass, 0, 0,
	}, nil
}

func insertMessages(ctx context.Context, tx *db.Tx, args []any) error {
	const head = `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, reason,
		mode, require_tls, lang, address_hash, address_mask, body, body_hash, key,
		not_before, expires_at, created_at, cap_day, cap_class, attempts, in_doubt)`
	if err := db.InsertMany(ctx, tx, head, "", messageWidth, args); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return nil
}

func cmpKeys(a, b capKey) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.channel, b.channel), cmp.Compare(a.class, b.class), cmp.Compare(a.day, b.day))
}

// SendNow sends one message outside any outreach, through the same ledger:
// a sign-in code, the answer to a STOP.
func (e *Engine) SendNow(ctx context.Context, d Direct) error {
	err := e.DB.Tx(ctx, func(tx *db.Tx) error { return e.sendIn(ctx, tx, d) })
	if err != nil {
		return fmt.Errorf("reach: send now: %w", err)
	}
	e.nudge()
	return nil
}

// directLife is how long a direct message is worth sending.
const directLife = 15 * time.Minute

// errNoGateway says that nothing here sends by the channel that was asked
// for.
var errNoGateway = errs.New(errs.Unavailable, "We cannot send this way at the moment. Please call us.")

func (e *Engine) sendIn(ctx context.Context, tx *db.Tx, d Direct) error {
	p, ok := policy.PurposeOf(cmp.Or(d.Purpose, "security"))
	if !ok || p.Key != "security" && (p.Key != "clinical_result" || d.Channel != Inbox) {
		return errPurpose // everything else is decided on, drawn and capped; that a result is there may be said where its owner signs in
	}
	if e.gates[d.Channel] == nil {
		return errNoGateway
	}
	now, id := e.Now(), e.IDs.New()
	text := d.Text
	if d.Channel == SMS {
		text = template.GSM(text)
	}
	row, err := e.row(ctx, tx, messageRow{
		id: id, intent: id, patient: d.Patient, purpose: p.Key, channel: d.Channel, step: 1, mode: policy.Full, lang: d.Lang,
		body:      body{To: d.To, Subject: d.Subject, Text: text, Title: d.Subject, Page: d.Text},
		notBefore: now, expires: now.Add(directLife), created: now,
	})
	if err != nil {
		return err
	}
	return insertMessages(ctx, tx, row)
}
