package reach

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"hale/internal/base/lang"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/dialog"
	"hale/internal/reach/policy"
	"hale/internal/reach/wish"
	"hale/internal/store/db"
)

// confirmWithin is how soon after a STOP its confirmation has to be sent, or
// not at all: 47 CFR 64.1200(a)(12).
const confirmWithin = 5 * time.Minute

// keepFor is how long a person may answer what was asked in a confirmation.
const keepFor = 24 * time.Hour

// keepWords ask for texts about visits alone, after a STOP.
var keepWords = []string{"visits", "visit", "citas", "cita"}

// tollFree says whether the carrier itself answers STOP and START to the
// number that sends: then a second answer would be held back.
func tollFree(number string) bool {
	area, ok := strings.CutPrefix(number, "+1")
	return ok && len(area) == 10 && slices.Contains([]string{"800", "833", "844", "855", "866", "877", "888"}, area[:3])
}

// hear keeps what came by text in the conversation it belongs to. What is a
// plain word was dealt with and waits for nobody.
func (e *Engine) hear(ctx context.Context, tx *db.Tx, r Receipt, value, message string, read wish.Reading) error {
	if r.Channel != SMS || value == "" {
		return nil
	}
	h := dialog.Heard{Channel: SMS, From: value, Message: message, Text: r.Text, At: r.At, Key: r.Dedupe}
	if h.Key == "" {
		h.Key = r.At.UTC().Format(time.RFC3339Nano) + value + r.Text
	}
	if read.Meaning != Other {
		h.Meaning = string(read.Meaning)
		h.Quiet = read.Sure && read.Meaning != WrongPerson
	}
	visit, err := aboutVisit(ctx, tx, r.Text, message)
	if err != nil {
		return err
	}
	h.Quiet = h.Quiet && !(visit && read.Meaning == Stop)
	return e.Dialogs.Heard(ctx, tx, h)
}

// cancels is the word alone that takes back a permission by law and, to a text
// about a visit, most often means the visit.
var cancels = regexp.MustCompile(`(?i)^\W*(please |pls |por favor )?cancel(ar|e|en)?( (it|this|please|pls|por favor|la|lo))*\W*$`)

// aboutVisit says whether a text that says CANCEL and no more answers a
// message about a visit.
//
// The law knows no context: "cancel" in reply to a text ends the texts
// (47 CFR 64.1200(a)(10)), so it does, at once. But who writes it to "reply X
// to cancel" may believe the visit to be cancelled and not come, or never hear
// of it again. So the one confirmation that the law allows, which may ask what
// was meant (64.1200(a)(12)), says that the visit stands and how to cancel it,
// and the word waits for somebody of the staff as well: where the confirmation
// may not go, nobody else would ask.
func aboutVisit(ctx context.Context, c db.Conn, text, message string) (bool, error) {
	if message == "" || !cancels.MatchString(text) {
		return false, nil
	}
	list, err := db.All(ctx, c, db.Value[string], `select purpose from message where id = $1 and patient <> ''`, message)
	return err == nil && len(list) == 1 && list[0] == "appointment", err
}

// tongue is the language to answer an address in: that of the message it
// answers, else the first that somebody there has asked for.
func (e *Engine) tongue(ctx context.Context, tx *db.Tx, c Channel, value, message string) (lang.Lang, error) {
	if message != "" {
		list, err := db.All(ctx, tx, db.Value[string], `select lang from message where id = $1`, message)
		if err != nil {
			return "", err
		}
		if len(list) > 0 && list[0] != "" {
			return lang.Pick("", list[0]), nil
		}
	}
	patients, err := people(ctx, tx, c, value)
	if err != nil || len(patients) == 0 {
		return lang.Pick("", "en"), err
	}
	wishes, err := contact.ListPreferences(ctx, tx, patients[:1])
	if err != nil {
		return "", err
	}
	for _, p := range wishes[patients[0]] {
		if p.Lang != "" {
			return lang.Pick("", p.Lang), nil
		}
	}
	return lang.Pick("", "en"), nil
}

// confirmStop sends the one confirmation that a STOP gets, and asks how far it
// was meant: silence is all. It goes within five minutes or not at all, and
// not where the carrier answers itself.
func (e *Engine) confirmStop(ctx context.Context, tx *db.Tx, s stopping) error {
	now := e.Now()
	if s.Channel != SMS || tollFree(e.Clinic.Number) || now.Sub(s.At) > confirmWithin {
		return nil
	}
	l, err := e.tongue(ctx, tx, s.Channel, s.value, s.message)
	if err != nil {
		return err
	}
	const ask = `
		insert into text_asked (address_hash, message, at, until_at) values ($1, $2, $3, $4)
		on conflict (address_hash) do update set message = excluded.message, at = excluded.at, until_at = excluded.until_at, answer = ''`
	if _, err := tx.ExecContext(ctx, ask, e.hash(s.Channel, s.value), s.message, db.Micro(now), db.Micro(now.Add(keepFor))); err != nil {
		return err
	}
	text := l.T("%s: you will get no more texts from us. To keep texts about your visits only, reply VISITS. To get all again, reply START.", e.clinic().Name)
	if s.visit {
		text = l.T("%s: no more texts from us. Your visit still stands: to cancel it, reply X. For texts about visits only, reply VISITS. For all, START.", e.clinic().Name)
	}
	return e.answer(ctx, tx, s.value, l, text, confirmWithin)
}

// keeps reads the answer to what a confirmation asked: texts about visits, and
// no others. It says whether r was that.
func (e *Engine) keeps(ctx context.Context, tx *db.Tx, r Receipt, value string) (bool, error) {
	word := strings.Trim(strings.ToLower(r.Text), " .!\"\n")
	if r.Channel != SMS || !slices.Contains(keepWords, word) {
		return false, nil
	}
	now, hash := e.Now(), e.hash(SMS, value)
	const q = `update text_asked set answer = 'appointment' where address_hash = $1 and until_at >= $2 and answer = ''`
	n, err := db.Changed(tx.ExecContext(ctx, q, hash, db.Micro(now)))
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := e.unblock(ctx, tx, Block{Channel: SMS, Value: value, Scope: consent.Any, Reason: "stop", Why: "asked to keep texts about visits", By: "recipient"}); err != nil {
		return true, err
	}
	for _, p := range policy.Purposes() {
		if p.Fixed || p.Key == "appointment" {
			continue
		}
		if _, err := e.suppress(ctx, tx, Block{Channel: SMS, Value: value, Scope: p.Key, Reason: "stop", Why: "asked to keep texts about visits only", By: "recipient"}); err != nil {
			return true, err
		}
	}
	list, err := people(ctx, tx, SMS, value)
	if err != nil {
		return true, err
	}
	for _, p := range list {
		ev := consent.Event{Patient: p, Channel: string(SMS), Purpose: "appointment", Action: consent.Grant, Method: "sms_keyword", Actor: "recipient", Evidence: strings.ToUpper(word) + " at " + r.At.UTC().Format(time.RFC3339)}
		if err := e.consents.AddIn(ctx, tx, ev); err != nil {
			return true, err
		}
	}
	if err := e.contacts.SetStatus(ctx, tx, contact.SMS, value, contact.Active); err != nil {
		return true, err
	}
	l, err := e.tongue(ctx, tx, SMS, value, "")
	if err != nil {
		return true, err
	}
	return true, e.answer(ctx, tx, value, l, l.T("%s: you will get texts about your visits only. Reply STOP to end these too.", e.clinic().Name), directLife)
}

// answerHelp says who we are and how to reach us.
func (e *Engine) answerHelp(ctx context.Context, tx *db.Tx, value, message string) error {
	l, err := e.tongue(ctx, tx, SMS, value, message)
	if err != nil {
		return err
	}
	return e.answer(ctx, tx, value, l, l.T("%s: texts about your care. For help call %s. Message and data rates may apply. Reply STOP to end texts.", e.clinic().Name, e.clinic().Phone), directLife)
}

// answerStart says that texts come again.
func (e *Engine) answerStart(ctx context.Context, tx *db.Tx, value, message string) error {
	if tollFree(e.Clinic.Number) {
		return nil
	}
	l, err := e.tongue(ctx, tx, SMS, value, message)
	if err != nil {
		return err
	}
	return e.answer(ctx, tx, value, l, l.T("%s: you will get our texts again. Reply HELP for help, STOP to end.", e.clinic().Name), directLife)
}

// answer sends a text that a text asked for. It counts to no cap and asks no
// permission: the person has just written.
func (e *Engine) answer(ctx context.Context, tx *db.Tx, to string, l lang.Lang, text string, within time.Duration) error {
	if e.gates[SMS] == nil {
		return nil
	}
	return e.sendIn(ctx, tx, Direct{Channel: SMS, To: to, Lang: l.Tag(), Text: text, Within: within})
}

// carrierStopped is how a provider says that the person told the network STOP.
func carrierStopped(code string) bool { return strings.HasPrefix(code, "opted_out") }

// carrierStop takes in a STOP that only the network has heard: nothing goes
// there through it, so nothing is tried.
func (e *Engine) carrierStop(ctx context.Context, tx *db.Tx, c Channel, value string) error {
	n, err := e.suppress(ctx, tx, Block{Channel: c, Value: value, Scope: consent.Any, Reason: "stop", Why: "the carrier reports an opt-out", By: "provider"})
	if err != nil || n == 0 {
		return err
	}
	list, err := people(ctx, tx, c, value)
	if err != nil {
		return err
	}
	for _, p := range list {
		ev := consent.Event{Patient: p, Channel: string(c), Purpose: consent.Any, Action: consent.Revoke, Method: "sms_keyword", Actor: "recipient", Evidence: "told the carrier; reported " + e.Now().UTC().Format(time.RFC3339)}
		if err := e.consents.AddIn(ctx, tx, ev); err != nil {
			return err
		}
	}
	if err := e.contacts.SetStatus(ctx, tx, contact.Kind(c), value, contact.OptedOut); err != nil {
		return err
	}
	return e.cancelAt(ctx, tx, c, value, "stop", "")
}
