package reach

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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
	Link        string `json:"link,omitempty"`    // of a letter: what its square code says
}

// open unseals a body.
func (e *Engine) open(ctx context.Context, c db.Conn, message string, sealed []byte) (b body, err error) {
	if len(sealed) == 0 {
		return forgotten(""), nil
	}
	plain, err := e.Keys.OpenIn(ctx, c, sealed, "message", "body", message)
	if err != nil {
		return b, err
	}
	return readBody(plain, func(id string) ([]byte, error) { return e.baseText(ctx, c, id) })
}

// linkMark stands for the link where none is made: in what is shown before
// anything is sent.
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

// stopMark stands for the address of a one-click opt-out there.
const stopMark = "https://stop.hale.invalid/"

// render writes what patient gets on a candidate channel.
func (p *planner) render(patient string, c policy.Candidate, o own) template.Message {
	return p.compiled[o.variant].Render(p.want(patient, c, o))
}

// message makes the message of one step: rendered once, linked, sealed and
// counted. It returns the name of a field that is missing; then there is no
// message.
func (p *planner) message(ctx context.Context, conn db.Conn, intent, patient string, step int, c policy.Candidate, expires time.Time) (missing string, err error) {
	e, id, o := p.e, p.e.IDs.New(), p.own[intent]
	var due time.Time
	if c.Digest {
		due = digestAt(p.now, c.Window, p.rules, p.crowd.by[patient].From())
		c.Digest = due.Add(digestSlack).Before(expires) // else its time would be over
	}
	if c.Digest {
		c.NotBefore = due.Add(digestSlack)
	}
	links, err := p.link(id, patient, c, &o)
	if err != nil {
		return "", err
	}
	m := p.render(patient, c, o)
	if m.Missing != "" {
		return m.Missing, nil
	}
	p.links = append(p.links, links...)
	named(&m, m.Lang, p.crowd.by[patient].given, c)
	if c.Digest {
		p.part(id, patient, c, due)
	}
	b := body{To: c.Address, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Title: m.Title, Page: m.Page, Unsubscribe: o.stop, Hours: c.Window.String(), Neutral: c.Mode == policy.Generic}
	if c.Channel == Post {
		b.Link = o.link
	}
	p.known(patient, m.Lang, c, &b)
	if err := p.report(ctx, conn, id, patient, c, &b); err != nil {
		return "", err
	}
	class, day := "", 0
	if c.Channel != Inbox && c.Channel != Post && p.purpose.Caps != "" {
		class, day = p.purpose.Caps, c.Day
		p.crowd.promise(patient, c, class)
		for _, key := range []string{patient, e.hash(c.Channel, c.Address)} {
			p.caps[capKey{key: key, channel: string(c.Channel), class: class, day: day}]++
		}
	}
	like := func(text []byte) (*base, error) {
		return p.like(ctx, conn, textKey{p.o.ID, o.variant, c.Channel, m.Lang, c.Mode}, text)
	}
	row, err := e.row(ctx, conn, messageRow{
		id: id, like: like, intent: intent, outreach: p.o.ID, patient: patient, purpose: p.o.Purpose, channel: c.Channel, step: step,
		mode: c.Mode, level: c.Level, lang: m.Lang, masked: c.Masked, body: b,
		notBefore: c.NotBefore, expires: expires, created: p.now, capDay: day, capClass: class, recipient: c.For,
	})
	if err != nil {
		return "", err
	}
	p.remember(c, id, patient, row[15].([]byte), b)
	p.messages = append(p.messages, row...)
	p.shield(id, patient)
	return "", nil
}

// link makes a message's link, if it gets one, and writes its addresses into
// o. The row is for the message's own transaction.
func (p *planner) link(id, patient string, c policy.Candidate, o *own) (row []any, err error) {
	if c.Channel == Inbox || c.Channel == Voice {
		return nil, nil
	}
	life := linkLife(p.o.Template.Sensitivity)
	if c.Channel == Post {
		life = max(life, postLife)
	}
	token, row, err := p.e.Links.Make(link.New{
		Message: id, Patient: patient, Factor: p.factor(c), Short: c.Channel == SMS || c.Channel == Post,
		Expires: c.NotBefore.Add(life),
		MaxUses: p.o.Pickup.MaxUses, Alone: p.o.Pickup.Alone,
	})
	if err != nil {
		return nil, err
	}
	o.link = p.e.BaseURL + "/m/" + token
	if c.Channel == Email {
		o.stop = p.e.BaseURL + "/u/" + token
	}
	return row, nil
}

// factor is what a link on c asks for, by how much stands behind it.
func (p *planner) factor(c policy.Candidate) string {
	switch {
	case p.o.labels() != 0:
		return link.SignIn
	case c.Channel == Post && c.Mode == policy.Full:
		return link.DOB // the paper in their hand says as much
	case p.o.Template.Sensitivity < policy.S2 && !c.Shared && !c.Unproven && c.For == "" && c.Channel != Post:
		return link.None
	case p.o.Template.Sensitivity >= policy.S3:
		return link.Code
	}
	return link.DOB
}

// postLife is how long the link in a letter opens at least: it is printed,
// mailed and left on a table.
const postLife = 45 * 24 * time.Hour

// messageRow is a message before it is in its table.
type messageRow struct {
	id, intent, outreach, patient, purpose string
	channel                                Channel
	step                                   int
	mode                                   policy.Mode
	level                                  policy.Level
	lang, masked                           string
	body                                   body
	notBefore, expires, created            time.Time
	capDay                                 int
	capClass, recipient                    string
	like                                   func(text []byte) (*base, error) // nil: it is kept whole
}

const messageWidth = 26

// row seals m and returns its values.
func (e *Engine) row(ctx context.Context, c db.Conn, m messageRow) ([]any, error) {
	text, lens := m.body.texts()
	var like *base
	var err error
	if m.like != nil {
		if like, err = m.like(text); err != nil {
			return nil, fmt.Errorf("reach: message %s: %w", m.id, err)
		}
	}
	plain, err := m.body.write(like, text, lens)
	if err != nil {
		return nil, fmt.Errorf("reach: message %s: %w", m.id, err)
	}
	sealed, err := e.Keys.Seal(ctx, c, keys.Messages, "message", "body", m.id, plain)
	if err != nil {
		return nil, fmt.Errorf("reach: message %s: %w", m.id, err)
	}
	mode := "notice"
	if m.mode == policy.Full {
		mode = "full"
	}
	// Keys of one time begin alike, so that they lie side by side in the index.
	key := m.id[:10] + e.Key.Hash("message " + m.intent + " " + strconv.Itoa(m.step))[:22]
	return []any{
		m.id, m.intent, m.outreach, m.patient, m.purpose, string(m.channel), m.step, "scheduled", db.Micro(m.created), "",
		mode, m.level, m.lang, e.hash(m.channel, m.body.To), m.masked, sealed, like.proof(e.Key, plain), key,
		db.Micro(m.notBefore), db.Micro(m.expires), db.Micro(m.created), m.capDay, m.capClass, 0, 0, m.recipient,
	}, nil
}

func insertMessages(ctx context.Context, tx *db.Tx, args []any) error {
	const head = `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, reason,
		mode, require_tls, lang, address_hash, address_mask, body, body_hash, key,
		not_before, expires_at, created_at, cap_day, cap_class, attempts, in_doubt, recipient)`
	if err := db.InsertMany(ctx, tx, head, "", messageWidth, args); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	var waits []any
	for row := range slices.Chunk(args, messageWidth) {
		waits = append(waits, lane(row[4].(string)), row[18], row[0], row[2], row[5])
	}
	return enqueue(ctx, tx, waits)
}

func cmpKeys(a, b capKey) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.channel, b.channel), cmp.Compare(a.class, b.class), cmp.Compare(a.day, b.day))
}

// SendNow sends one message outside any outreach, through the same ledger:
// a sign-in code, the answer to a STOP.
func (e *Engine) SendNow(ctx context.Context, d Direct) error {
	ok := true
	err := e.DB.Tx(ctx, func(tx *db.Tx) (err error) {
		if ok, err = e.asked(ctx, tx, d.Channel, d.To); err != nil || !ok {
			return err
		}
		return e.sendIn(ctx, tx, d)
	})
	if err == nil && !ok {
		err = errSpent
	}
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
		notBefore: now, expires: now.Add(cmp.Or(d.Within, directLife)), created: now,
	})
	if err != nil {
		return err
	}
	return insertMessages(ctx, tx, row)
}
