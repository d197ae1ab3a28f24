package reach

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// Meaning is what a reply asks for.
type Meaning string

// The meanings.
const (
	Stop        Meaning = "stop"
	StartAgain  Meaning = "start"
	Help        Meaning = "help"
	WrongPerson Meaning = "wrong_person"
	Other       Meaning = "other"
)

var (
	stopWords  = []string{"stop", "stopall", "stop all", "unsubscribe", "end", "quit", "cancel", "revoke", "optout", "opt out", "opt-out", "remove", "arret", "td", "alto", "parar", "pare", "basta", "cancelar", "baja"}
	startWords = []string{"start", "unstop", "yes start", "iniciar", "empezar"}
	helpWords  = []string{"help", "info", "ayuda"}

	// Any reasonable way of saying it counts; where in doubt, it is a stop.
	stopText  = regexp.MustCompile(`\b(stop|quit|cease)\b.{0,20}\b(text|messag|send|contact|call|bother)|\b(do not|don'?t|never)\b.{0,12}\b(text|messag|contact|call|send)\b|\bleave me alone\b|\bunsubscribe\b|\bopt(ing)?[ -]?out\b|\btake me off\b|\bremove me\b|\bno (more|mas) (text|messag|mensaj)|\bno me (escrib|mand|envi|llam|contact)|\bdej(e|en|a) de (escrib|mand|envi|llam)`)
	wrongText = regexp.MustCompile(`\bwrong (number|person)\b|\bnumero equivocado\b|\bpersona equivocada\b|\b(this|that) is ?n[o']?t (her|him|me)\b|\bwho is this\b|\bno soy\b`)
)

// Understand reads a reply to a text.
func Understand(text string) Meaning {
	t := strings.ToLower(strings.TrimSpace(text))
	t = strings.NewReplacer("’", "'", "ú", "u", "á", "a", "é", "e", "í", "i", "ó", "o").Replace(t)
	word := strings.Trim(t, " .!\"'¡\n\t")
	switch {
	case slices.Contains(stopWords, word):
		return Stop
	case slices.Contains(startWords, word):
		return StartAgain
	case slices.Contains(helpWords, word):
		return Help
	case stopText.MatchString(t):
		return Stop
	case wrongText.MatchString(t):
		return WrongPerson
	}
	first, _, _ := strings.Cut(word, " ")
	if first = strings.Trim(first, ".,!;:"); (first == "stop" || first == "stopall" || first == "unsubscribe") && len(t) < 60 {
		return Stop
	}
	return Other
}

// longestReply is how much of a reply is kept, in characters.
const longestReply = 500

func cut(text string, most int) string {
	list := []rune(strings.ToValidUTF8(text, ""))
	return string(list[:min(len(list), most)])
}

// reply takes what somebody answered. message is the one answered, or "".
func (e *Engine) reply(ctx context.Context, tx *db.Tx, r Receipt, message string) error {
	meaning := Understand(r.Text)
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
	switch meaning {
	case Stop:
		return e.stopAddress(ctx, tx, r, value)
	case StartAgain:
		return e.startAddress(ctx, tx, r, value)
	case WrongPerson:
		return e.wrongPerson(ctx, tx, r.Channel, value)
	case Help:
		return e.answer(ctx, tx, r.Channel, value, e.Clinic.Name+": call us at "+e.Clinic.Phone+". Reply STOP to end texts.")
	}
	return nil
}

// people are the patients at an address.
func people(ctx context.Context, tx *db.Tx, c Channel, value string) ([]string, error) {
	return db.All(ctx, tx, db.Value[string], `select patient from contact_point where value = $1 and kind = $2 order by patient`, value, string(c))
}

// stopAddress ends a channel for everybody at an address, at once and
// whatever the purpose: the strict reading.
func (e *Engine) stopAddress(ctx context.Context, tx *db.Tx, r Receipt, value string) error {
	now := e.Now()
	const q = `
		insert into suppression (channel, address_hash, scope, reason, at) values ($1, $2, '*', 'stop', $3)
		on conflict (channel, address_hash, scope) do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, q, string(r.Channel), e.hash(r.Channel, value), db.Micro(now)))
	if err != nil {
		return err
	}
	if n == 0 {
		return nil // said before
	}
	list, err := people(ctx, tx, r.Channel, value)
	if err != nil {
		return err
	}
	for _, p := range list {
		ev := consent.Event{Patient: p, Channel: string(r.Channel), Purpose: consent.Any, Action: consent.Revoke, Method: "reply", Actor: "recipient", Evidence: "reply at " + r.At.UTC().Format("2006-01-02T15:04:05Z")}
		if err := e.consents.AddIn(ctx, tx, ev); err != nil {
			return err
		}
	}
	if err := e.contacts.SetStatus(ctx, tx, contact.Kind(r.Channel), value, contact.OptedOut); err != nil {
		return err
	}
	if err := e.cancelAt(ctx, tx, r.Channel, value, "stop", ""); err != nil {
		return err
	}
	return e.answer(ctx, tx, r.Channel, value, e.Clinic.Name+": you will get no more texts from us. Reply START to get them again.")
}

// startAddress takes a STOP back.
func (e *Engine) startAddress(ctx context.Context, tx *db.Tx, r Receipt, value string) error {
	n, err := db.Changed(tx.ExecContext(ctx, `delete from suppression where channel = $1 and address_hash = $2 and reason = 'stop'`, string(r.Channel), e.hash(r.Channel, value)))
	if err != nil || n == 0 {
		return err
	}
	list, err := people(ctx, tx, r.Channel, value)
	if err != nil {
		return err
	}
	for _, p := range list {
		ev := consent.Event{Patient: p, Channel: string(r.Channel), Purpose: consent.Any, Action: consent.Grant, Method: "reply", Actor: "recipient"}
		if err := e.consents.AddIn(ctx, tx, ev); err != nil {
			return err
		}
	}
	return e.contacts.SetStatus(ctx, tx, contact.Kind(r.Channel), value, contact.Active)
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
	for _, intent := range list {
		if err := wakeIntent(ctx, tx, intent, now); err != nil {
			return err
		}
	}
	return nil
}

// answer sends the one confirmation that a STOP or a HELP may get.
func (e *Engine) answer(ctx context.Context, tx *db.Tx, c Channel, to, text string) error {
	if c != SMS {
		return nil
	}
	return e.sendIn(ctx, tx, Direct{Channel: c, To: to, Lang: "en", Text: text})
}
