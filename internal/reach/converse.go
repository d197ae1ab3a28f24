package reach

import (
	"context"
	"fmt"
	"html"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/reach/dialog"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/standard/gsm"
	"hale/internal/store/db"
)

// Saying is an answer of the staff in a conversation.
type Saying struct {
	Text    string
	Private bool // to be read behind a link, whatever the words are
	First   bool // nobody asked: it is no answer

	Translated bool // it was said before, and is now in the patient's language
}

// The refusals of an answer.
var (
	errNoWords = errs.New(errs.Invalid, "Please write an answer first.")
	errTooLong = errs.New(errs.Invalid, "This is more than four texts. Please shorten it, or tick “Private”: behind a link it may be as long as you like.")
	errNobodys = errs.New(errs.Invalid, "Nobody knows whose number this is, so nothing about health may go there.")
)

// sayMost is how much an answer may have, in bytes, and sayTexts how many
// texts it may be.
const (
	sayMost  = 8000
	sayTexts = 4
)

// sayLife is how long an answer waits to be sent.
const sayLife = 3 * 24 * time.Hour

// Sayable says how an answer would go, and how many texts it is.
type Sayable struct {
	Channel Channel
	Masked  string // to where
	Mode    policy.Mode
	Word    string   // about health, that keeps it from going as it is
	Size    gsm.Size // of what goes over the channel, where that is a text
	Wider   []string // characters that make the text longer
	Over    string   // what goes over the channel
	Refused string   // why nothing may go
}

// saying is an answer on its way.
type saying struct {
	Sayable
	d      dialog.Dialog
	to     string
	shared bool
	lang   lang.Lang
	said   Saying

	recipient string // the account of a caregiver to whom it goes; empty: the patient
}

// Weigh says how an answer would go, without sending it.
func (e *Engine) Weigh(ctx context.Context, pass access.Pass, d dialog.Dialog, in Saying) (Sayable, error) {
	s, err := e.weigh(ctx, pass, d, in)
	return s.Sayable, err
}

// weigh decides where an answer goes, and how much of it that may carry.
func (e *Engine) weigh(ctx context.Context, pass access.Pass, d dialog.Dialog, in Saying) (saying, error) {
	s := saying{d: d, said: in, lang: lang.Pick("", "en")}
	in.Text = strings.TrimSpace(in.Text)
	if err := e.addressee(ctx, pass, &s); err != nil || s.Refused != "" {
		return s, err
	}
	class := policy.S1
	if s.Word = template.Health(in.Text); s.Word != "" || in.Private {
		class = policy.S2
	}
	s.Mode = e.rules().Carries(s.Channel, policy.Ability{OK: true}, class, s.shared)
	if s.Channel == SMS && in.Private && s.Mode == policy.Full {
		s.Mode = policy.Notice
	}
	switch {
	case s.Mode == policy.None:
		s.Refused = "Nothing of this may go to that address. Please call."
	case d.Patient == "" && s.Mode != policy.Full:
		s.Refused = errNobodys.Error()
	}
	s.Over = in.Text
	if s.Mode != policy.Full {
		s.Over = s.notice(e, "0123456789AB")
	}
	if s.Channel == SMS {
		s.Over = template.GSM(s.Over)
		s.Size, s.Wider = gsm.Measure(s.Over), gsm.Wider(s.Over)
		if s.Size.Segments > sayTexts {
			s.Refused = errTooLong.Error()
		}
	}
	return s, nil
}

// addressee finds where an answer goes: to where the person wrote from, or to
// the best address where they wrote on a page, if they still want that.
func (e *Engine) addressee(ctx context.Context, pass access.Pass, s *saying) error {
	s.Channel, s.to = s.d.Channel, s.d.Contact
	if s.d.Patient == "" {
		return e.stranger(ctx, pass, s)
	}
	eyes, err := e.eyes(ctx, "converse")
	if err != nil {
		return err
	}
	k, err := e.load(ctx, e.DB, eyes, []string{s.d.Patient}, "care", nil)
	if err != nil {
		return err
	}
	who := k.by[s.d.Patient]
	s.lang = lang.Pick("", who.language())
	points, err := contact.List(ctx, e.DB, []string{s.d.Patient})
	if err != nil {
		return err
	}
	var reason string
	for _, p := range points[s.d.Patient] {
		c := Channel(p.Kind)
		if c != SMS && c != Email || e.gates[c] == nil {
			continue
		}
		same := c == s.d.Channel && p.Value == s.d.Contact
		if s.d.Contact != "" && s.d.Channel != dialog.Page && !same {
			continue
		}
		r, ok := policy.Recheck(e.Now(), &who.Facts, policy.Ask{Purpose: mustPurpose(e.rules(), "care")}, c, p.Value)
		if !ok {
			reason = r.Words
			continue
		}
		s.Channel, s.to, s.shared, s.Masked = c, p.Value, p.Shared, p.Masked()
		return nil
	}
	if s.Refused = reason; s.Refused == "" {
		s.Refused = "There is no number or address left that takes messages. Please call."
	}
	return nil
}

func mustPurpose(rules *policy.Settings, key string) policy.Purpose {
	p, _ := rules.Purpose(key)
	return p
}

// stranger looks whether a number that is nobody's may be answered.
func (e *Engine) stranger(ctx context.Context, pass access.Pass, s *saying) error {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return err
	}
	s.Masked, s.shared = contact.Mask(contact.Kind(s.Channel), s.to), false
	if s.Channel != SMS || s.to == "" || e.gates[SMS] == nil {
		s.Refused = "There is nowhere to answer to."
		return nil
	}
	const q = `select count(*) from suppression where channel = $1 and address_hash = $2 and scope = '*' and (until = 0 or until > $3)`
	n, err := db.One(ctx, e.DB, db.Value[int], q, string(SMS), e.hash(SMS, s.to), db.Micro(e.Now()))
	if n > 0 {
		s.Refused = "This number asked us to stop."
	}
	return err
}

// Say sends an answer through the ledger and writes it down in the
// conversation. What may not go by its channel stays behind a link.
func (e *Engine) Say(ctx context.Context, pass access.Pass, d dialog.Dialog, in Saying) (Sayable, error) {
	in.Text = strings.TrimSpace(in.Text)
	switch {
	case in.Text == "":
		return Sayable{}, errNoWords
	case len(in.Text) > sayMost:
		return Sayable{}, errTooLong
	}
	s, err := e.weigh(ctx, pass, d, in)
	if err != nil {
		return Sayable{}, fmt.Errorf("reach: say: %w", err)
	}
	if s.Refused != "" {
		return s.Sayable, errs.New(errs.Conflict, s.Refused)
	}
	s.said = in
	err = e.DB.Tx(ctx, func(tx *db.Tx) error { return e.say(ctx, tx, pass, s) })
	if err != nil {
		return s.Sayable, fmt.Errorf("reach: say: %w", err)
	}
	e.nudge()
	return s.Sayable, nil
}

// say makes the message of an answer.
func (e *Engine) say(ctx context.Context, tx *db.Tx, pass access.Pass, s saying) error {
	id, err := e.bear(ctx, tx, s)
	if err != nil {
		return err
	}
	return e.Dialogs.Said(ctx, tx, s.d, pass.Actor().ID, s.Channel, id, s.said.Text)
}

// bear makes the message that carries what was said, or tells of it, and
// returns its id.
func (e *Engine) bear(ctx context.Context, tx *db.Tx, s saying) (string, error) {
	now, id := e.Now(), e.IDs.New()
	title := s.lang.T("An answer from %s", e.clinic().Name)
	if s.said.First {
		title = s.lang.T("A message from %s", e.clinic().Name)
	}
	if s.said.Translated {
		title = s.lang.T("Now in your language: words from %s", e.clinic().Name)
	}
	b := body{To: s.to, Subject: title, Title: title, Text: s.Over, Page: s.said.Text}
	if s.Mode != policy.Full {
		token, err := e.Links.Create(ctx, tx, link.New{Message: id, Patient: s.d.Patient, Factor: link.DOB, Short: s.Channel == SMS, Expires: now.Add(linkLife(policy.S2))})
		if err != nil {
			return "", err
		}
		b.Text = s.notice(e, token)
	}
	if s.Channel == SMS {
		b.Text = template.GSM(b.Text)
	} else {
		b.HTML = "<p>" + strings.ReplaceAll(html.EscapeString(b.Text), "\n", "<br>") + "</p>"
	}
	purpose := "care"
	if s.d.Patient == "" {
		purpose = "admin"
	}
	row, err := e.row(ctx, tx, messageRow{
		id: id, intent: id, patient: s.d.Patient, purpose: purpose, channel: s.Channel, step: 1, mode: s.Mode, lang: s.lang.Tag(),
		masked: s.Masked, body: b, notBefore: now, expires: now.Add(sayLife), created: now, recipient: s.recipient,
	})
	if err != nil {
		return "", err
	}
	return id, insertMessages(ctx, tx, row)
}

// notice is what goes over a channel that may not carry the words.
func (s *saying) notice(e *Engine, token string) string {
	if s.said.Translated {
		return s.lang.T("%s: what we wrote to you is now in your language. Read it here: %s", e.clinic().Name, e.BaseURL+"/m/"+token)
	}
	if s.said.First {
		return s.lang.T("%s: we have written to you. Read it here: %s", e.clinic().Name, e.BaseURL+"/m/"+token)
	}
	return s.lang.T("%s: we have answered you. Read it here: %s", e.clinic().Name, e.BaseURL+"/m/"+token)
}

// bodies opens what messages say, for the conversations they are part of.
func (e *Engine) bodies(ctx context.Context, message string, sealed []byte) (dialog.Body, error) {
	b, err := e.open(ctx, e.DB, message, sealed)
	return dialog.Body{Subject: b.Subject, Text: b.Text, Page: b.Page}, err
}
