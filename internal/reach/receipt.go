package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/care/contact"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// rank orders what a message can be known to be. A receipt only ever raises
// it, so receipts may come in any order and any number of times.
func rank(state string) int {
	return slices.Index([]string{
		"scheduled", "handing_off", "uncertain", "cancelled", "suppressed", "given_up", "accepted", "delivered", "undelivered", "seen", "acted",
	}, state)
}

// tells is the state that an event proves, or "" for none. A bounce wins over
// a delivery, for servers bounce what they took; a reader wins over both.
func tells(kind string, actor Actor) string {
	switch kind {
	case "accepted":
		return "accepted"
	case "delivered", "voicemail_left":
		return "delivered"
	case "bounced", "undelivered", "failed", "letter_returned":
		return "undelivered"
	case "revealed", "replied", "acknowledged", "key_pressed":
		if actor == Machine {
			return ""
		}
		return "seen"
	case "acted":
		return "acted"
	}
	return ""
}

var errReceipt = errs.New(errs.Invalid, "A receipt says which message, and what happened.")

// Receipt takes a channel's report. A report about a message that is not
// known yet is kept until the message's own attempt names it.
func (e *Engine) Receipt(ctx context.Context, r Receipt) error {
	err := e.DB.Tx(ctx, func(tx *db.Tx) error { return e.ReceiptIn(ctx, tx, r) })
	if err != nil {
		return fmt.Errorf("reach: receipt %s: %w", r.Message, err)
	}
	if err := e.nodded(ctx, r); err != nil {
		return fmt.Errorf("reach: an answer about a visit: %w", err)
	}
	e.nudge()
	return nil
}

// ReceiptIn is Receipt within the transaction of whoever brings the report.
func (e *Engine) ReceiptIn(ctx context.Context, tx *db.Tx, r Receipt) error {
	if r.Kind == "" || r.Message == "" && r.ProviderRef == "" && r.From == "" {
		return errReceipt
	}
	if r.At.IsZero() {
		r.At = e.Now()
	}
	if r.Actor == "" {
		r.Actor = Unknown
	}
	if r.Kind == "replied" && r.Channel == "" {
		r.Channel = SMS
	}
	id, err := e.about(ctx, tx, r)
	if err != nil {
		return err
	}
	if r.Kind == "replied" {
		return e.reply(ctx, tx, r, id)
	}
	if id == "" {
		id = "ref:" + r.ProviderRef
	}
	return e.happened(ctx, tx, id, r, r.facts())
}

// facts is what is kept with the event, nil for nothing.
func (r Receipt) facts() any {
	if len(r.Facts) == 0 {
		return nil
	}
	return r.Facts
}

// about finds the message of a receipt: by its id or its key, by the peer's
// name for it, or the last one to the address that answers.
func (e *Engine) about(ctx context.Context, tx *db.Tx, r Receipt) (string, error) {
	var q, arg string
	switch {
	case r.Message != "":
		q, arg = `select id from message where id = $1 or key = $1`, r.Message
	case r.ProviderRef != "":
		q, arg = `select id from message where provider_ref = $1 order by id desc limit 1`, r.ProviderRef
	default:
		value := contact.Normal(contact.Kind(r.Channel), r.From)
		q, arg = `select id from message where address_hash = $1 and attempts > 0 and purpose <> 'security' order by created_at desc, id desc limit 1`, e.hash(r.Channel, value)
	}
	list, err := db.All(ctx, tx, db.Value[string], q, arg)
	if err == nil && len(list) == 0 && r.Message != "" && r.ProviderRef != "" {
		r.Message = ""
		return e.about(ctx, tx, r)
	}
	if err == nil && len(list) == 0 && r.ProviderRef != "" && r.From != "" {
		r.Message, r.ProviderRef = "", ""
		return e.about(ctx, tx, r)
	}
	if err != nil || len(list) == 0 {
		if err == nil && r.Message != "" {
			err = db.ErrNone
		}
		return "", err
	}
	if r.Kind == "replied" && r.Message == "" && r.ProviderRef == "" {
		if several, err := e.several(ctx, tx, arg); err != nil || several {
			return "", err
		}
	}
	return list[0], nil
}

// answerable is how long after a message somebody may still answer it.
const answerable = 14 * 24 * time.Hour

// several says whether messages to an address were about more than one person
// of late: then nobody knows which of them an answer is about, and what one
// says belongs neither in the other's conversation nor to the other's visit.
func (e *Engine) several(ctx context.Context, c db.Conn, hash string) (bool, error) {
	const q = `select count(distinct patient) from message where address_hash = $1 and attempts > 0 and patient <> '' and purpose <> 'security' and created_at > $2`
	n, err := db.One(ctx, c, db.Value[int], q, hash, db.Micro(e.Now().Add(-answerable)))
	return n > 1, err
}

// happened adds an event and lets it count, once.
func (e *Engine) happened(ctx context.Context, tx *db.Tx, message string, r Receipt, data any) error {
	text := []byte("{}")
	if data != nil {
		var err error
		if text, err = json.Marshal(data); err != nil {
			return err
		}
	}
	if r.Dedupe == "" {
		r.Dedupe = r.Kind + "|" + r.Code
		if r.Kind == "replied" {
			r.Dedupe += fmt.Sprint(db.Micro(r.At), r.Text)
		}
	}
	dedupe := seal.Hash(message + "|" + string(r.Channel) + "|" + r.Dedupe)
	// The row is locked first: receipts of one message wait for each other.
	if _, err := tx.ExecContext(ctx, `update message set state_at = state_at where id = $1`, message); err != nil {
		return err
	}
	const q = `
		insert into message_event (id, message, kind, at, received_at, actor_class, code, dedupe, data)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (dedupe) do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, q, e.IDs.New(), message, r.Kind, db.Micro(r.At), db.Micro(e.Now()), string(r.Actor), r.Code, dedupe, string(text)))
	if err != nil || n == 0 {
		return err
	}
	return e.apply(ctx, tx, message, r)
}

// early brings in receipts that came before the attempt that names their
// message.
func (e *Engine) early(ctx context.Context, tx *db.Tx, refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	type row struct {
		id string
		Receipt
	}
	q := `select id, message, kind, at, actor_class, code from message_event where message in (` + db.In(1, len(refs)) + `) order by id`
	list, err := db.All(ctx, tx, func(scan db.Scan) (r row, err error) {
		var at int64
		err = scan(&r.id, &r.ProviderRef, &r.Kind, &at, &r.Actor, &r.Code)
		r.At = db.Time(at)
		return r, err
	}, q, db.Args(refs)...)
	if err != nil {
		return err
	}
	for _, r := range list {
		id, err := db.One(ctx, tx, db.Value[string], `select id from message where provider_ref = $1 limit 1`, r.ProviderRef[len("ref:"):])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update message_event set message = $2 where id = $1`, r.id, id); err != nil {
			return err
		}
		if err := e.apply(ctx, tx, id, r.Receipt); err != nil {
			return err
		}
	}
	return nil
}

// lost brings in receipts that came at the very moment at which their
// message's attempt was written down, so that neither saw the other.
func (e *Engine) lost(ctx context.Context) error {
	const q = `
		select distinct e.message
		from message_event e
			join message m on m.provider_ref <> '' and m.provider_ref = substr(e.message, 5)
		where substr(e.message, 1, 4) = 'ref:'
		limit 500`
	refs, err := db.All(ctx, e.DB, db.Value[string], q)
	if err == nil && len(refs) > 0 {
		err = e.DB.Tx(ctx, func(tx *db.Tx) error { return e.early(ctx, tx, refs) })
	}
	if err != nil {
		return fmt.Errorf("reach: lost receipts: %w", err)
	}
	return nil
}

// caughtUp is how far back a sweep looks for visits of which nobody said what
// led to them.
const caughtUp = 48 * time.Hour

// booked counts visits as acted where the process died between booking one
// and saying so. Who said so is not counted again: the event is the same.
func (e *Engine) booked(ctx context.Context) error {
	const q = `
		select m.id, v.booked_at
		from visit v join message m on m.id = v.ref and m.patient = v.patient
		where v.ref <> '' and v.booked_at > $1 and m.acted_at = 0
		limit 500`
	type led struct {
		message string
		at      int64
	}
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (l led, err error) {
		err = scan(&l.message, &l.at)
		return l, err
	}, q, db.Micro(e.Now().Add(-caughtUp)))
	if err == nil && len(list) > 0 {
		err = e.DB.Tx(ctx, func(tx *db.Tx) error {
			for _, l := range list {
				if err := e.happened(ctx, tx, l.message, Receipt{Kind: "acted", At: db.Time(l.at), Actor: Human, Dedupe: "acted"}, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("reach: booked: %w", err)
	}
	return nil
}

// known is what a message's row says.
type known struct {
	id, intent, outreach, patient, purpose, state, hash string
	channel                                             Channel
	sealed                                              []byte
	seen                                                int64
}

func one(ctx context.Context, c db.Conn, message string) (known, error) {
	const q = `select id, intent, outreach, patient, purpose, state, address_hash, channel, body, first_seen_at from message where id = $1`
	return db.One(ctx, c, func(scan db.Scan) (m known, err error) {
		err = scan(&m.id, &m.intent, &m.outreach, &m.patient, &m.purpose, &m.state, &m.hash, &m.channel, &m.sealed, &m.seen)
		return m, err
	}, q, message)
}

// mine is one for a message of patient's. Another's is not there.
func mine(ctx context.Context, c db.Conn, patient, message string) (known, error) {
	m, err := one(ctx, c, message)
	if err == nil && m.patient != patient {
		err = db.ErrNone
	}
	return m, err
}

// apply folds all events of a message into its row. The fold takes the
// highest state and the earliest times, so no order of events matters.
func (e *Engine) apply(ctx context.Context, tx *db.Tx, message string, r Receipt) error {
	m, err := one(ctx, tx, message)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return nil // not known yet; early will bring it in
		}
		return err
	}
	type happening struct {
		kind  string
		at    int64
		actor Actor
	}
	const q = `select kind, at, actor_class from message_event where message = $1`
	list, err := db.All(ctx, tx, func(scan db.Scan) (h happening, err error) {
		err = scan(&h.kind, &h.at, &h.actor)
		return h, err
	}, q, message)
	if err != nil {
		return err
	}
	first := map[string]int64{}
	state := m.state
	for _, h := range list {
		s := tells(h.kind, h.actor)
		if s == "" {
			continue
		}
		if at, ok := first[s]; !ok || h.at < at {
			first[s] = h.at
		}
		if rank(s) > rank(state) {
			state = s
		}
	}
	seen := first["seen"]
	if acted := first["acted"]; acted > 0 && (seen == 0 || acted < seen) {
		seen = acted // who acted has seen
	}
	const set = `
		update message set state = $2, state_at = case when state = $2 then state_at else $3 end, first_seen_at = $4, acted_at = $5,
			delivered_at = case when cast($6 as bigint) > 0 then cast($6 as bigint) else delivered_at end,
			lease = case when state = $2 then lease else '' end, lease_until = case when state = $2 then lease_until else 0 end,
			reason = case when $2 in ('seen', 'acted') and substr(reason, 1, 8) = 'bounced_' then '' else reason end
		where id = $1`
	if _, err := tx.ExecContext(ctx, set, message, state, db.Micro(e.Now()), seen, first["acted"], first["delivered"]); err != nil {
		return err
	}
	return e.follow(ctx, tx, m, state, r)
}

// follow does what an event asks for beyond its message.
func (e *Engine) follow(ctx context.Context, tx *db.Tx, m known, state string, r Receipt) error {
	switch {
	case r.Kind == "bounced":
		return e.bounced(ctx, tx, m)
	case r.Kind == "opted_out" && r.Actor == Machine && m.channel == SMS:
		b, err := e.open(ctx, tx, m.id, m.sealed)
		if err != nil {
			return err
		}
		return e.carrierStop(ctx, tx, m.channel, b.To)
	case r.Kind == "undelivered" || r.Kind == "failed" || r.Kind == "letter_returned":
		return wakeIntent(ctx, tx, m.intent, e.Now())
	case r.Kind == "complaint":
		return e.complained(ctx, tx, m)
	}
	if confirms := r.Kind == "acknowledged" || r.Kind == "confirmed"; !confirms && (state == m.state || state != "seen" && state != "acted") {
		return nil
	}
	return e.satisfied(ctx, tx, m, state, r.Kind, r.At)
}

// reached says whether what is known of m meets its outreach's goal.
func (e *Engine) reached(ctx context.Context, tx *db.Tx, m known, state, kind string) (bool, error) {
	if m.outreach == "" || state == "acted" {
		return true, nil
	}
	o, err := get(ctx, tx, m.outreach)
	if errors.Is(err, db.ErrNone) {
		return true, nil
	}
	switch o.Goal {
	case Acted:
		return false, err
	case Acknowledged:
		return kind == "acknowledged" || kind == "confirmed", err
	}
	return true, err
}

// satisfied ends an intent whose message was read: later tries are
// cancelled, the others' links stay.
func (e *Engine) satisfied(ctx context.Context, tx *db.Tx, m known, state, kind string, at time.Time) error {
	ok, err := e.reached(ctx, tx, m, state, kind)
	if err == nil && ok {
		err = e.goalMet(ctx, tx, m)
	}
	if err != nil || e.Events == nil || state == m.state {
		return err
	}
	return e.Events.Add(ctx, tx, event.Event{At: at, Kind: "message." + state, Patient: m.patient, Subject: m.id, Data: map[string]string{"outreach": m.outreach, "channel": string(m.channel)}})
}

// goalMet ends an intent well, and takes back what waits of it.
func (e *Engine) goalMet(ctx context.Context, tx *db.Tx, m known) error {
	const intent = `update intent set state = 'satisfied', wake_at = 0 where id = $1 and state in ('active', 'deferred', 'exhausted', 'expired')`
	if _, err := tx.ExecContext(ctx, intent, m.intent); err != nil {
		return err
	}
	_, err := withdraw(ctx, tx, e.Now(), "seen", `intent = $3 and id <> $4 and state in ('scheduled', 'uncertain')`, m.intent, m.id)
	return err
}
