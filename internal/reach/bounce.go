package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// BounceKind is how much of a bounce is the address's fault.
type BounceKind string

// The kinds, the weakest first.
const (
	SoftBounce   BounceKind = "soft"   // the mailbox, for now
	BlockBounce  BounceKind = "block"  // our server is not trusted there
	PolicyBounce BounceKind = "policy" // the message broke a rule
	HardBounce   BounceKind = "hard"   // there is no such address
)

var bounceKinds = []BounceKind{SoftBounce, BlockBounce, PolicyBounce, HardBounce}

// bounceKind is the kind that a receipt's code names; a bounce of which
// nothing is said condemns the address.
func bounceKind(code string) BounceKind {
	if k := BounceKind(code); slices.Contains(bounceKinds, k) {
		return k
	}
	return HardBounce
}

// What soft bounces lead to: so many messages that come back within the
// window, and nothing goes there for the pause.
const (
	softMost   = 3
	softWindow = 30 * 24 * time.Hour
	softPause  = 30 * 24 * time.Hour
)

// rest is how long an address is left alone after a message came back.
func rest(k BounceKind, reason string) time.Duration {
	switch {
	case k == HardBounce:
		return 0
	case reason == "mailboxfull" || reason == "suspend":
		return 48 * time.Hour
	}
	return 24 * time.Hour
}

// Bounce is why mail to an address came back.
type Bounce struct {
	Kind   BounceKind
	Reason string // as package dsn names it
	Status string
	At     time.Time
	Again  time.Time // nothing goes there until then; zero: never again
}

// bounced remembers why a message came back: the strongest of its reports,
// whatever their order. Of an address that does not exist nothing is sent
// any more; another is left alone for a while. The intent looks for another
// way.
func (e *Engine) bounced(ctx context.Context, tx *db.Tx, m known) error {
	b, err := strongest(ctx, tx, m.id)
	if err != nil {
		return err
	}
	if m.hash != "" {
		if err := e.remember(ctx, tx, m, b); err != nil {
			return err
		}
	}
	if b.Kind == HardBounce {
		sealed, err := e.open(ctx, tx, m.id, m.sealed)
		if err != nil {
			return err
		}
		if err := e.contacts.SetStatus(ctx, tx, contact.Kind(m.channel), sealed.To, contact.Bounced); err != nil {
			return err
		}
	}
	const why = `update message set reason = $2 where id = $1 and state = 'undelivered'`
	if _, err := tx.ExecContext(ctx, why, m.id, "bounced_"+string(b.Kind)); err != nil {
		return err
	}
	return wakeIntent(ctx, tx, m.intent, e.Now())
}

// strongest folds the reports of one message.
func strongest(ctx context.Context, tx *db.Tx, message string) (b Bounce, err error) {
	type report struct {
		code, data string
		at         int64
	}
	const q = `select code, data, at from message_event where message = $1 and kind = 'bounced' order by at, dedupe`
	list, err := db.All(ctx, tx, func(scan db.Scan) (r report, err error) {
		err = scan(&r.code, &r.data, &r.at)
		return r, err
	}, q, message)
	if err != nil {
		return b, err
	}
	for _, r := range list {
		k := bounceKind(r.code)
		if b.Kind != "" && slices.Index(bounceKinds, k) <= slices.Index(bounceKinds, b.Kind) {
			continue
		}
		var facts map[string]string
		if err := json.Unmarshal([]byte(r.data), &facts); err != nil {
			facts = nil // another kind of event's data; the code says enough
		}
		b = Bounce{Kind: k, Reason: facts["reason"], Status: facts["status"], At: db.Time(r.at)}
	}
	return b, nil
}

// remember writes b down, with how long its address is left alone.
func (e *Engine) remember(ctx context.Context, tx *db.Tx, m known, b Bounce) error {
	if pause := rest(b.Kind, b.Reason); pause > 0 {
		b.Again = b.At.Add(pause)
	}
	if b.Kind == SoftBounce {
		const q = `select count(*) from bounce where address_hash = $1 and kind = 'soft' and message <> $2 and at > $3 and at <= $4`
		n, err := db.One(ctx, tx, db.Value[int], q, m.hash, m.id, db.Micro(b.At.Add(-softWindow)), db.Micro(b.At))
		if err != nil {
			return err
		}
		if n+1 >= softMost {
			b.Again = b.At.Add(softPause)
		}
	}
	again := int64(0)
	if !b.Again.IsZero() {
		again = db.Micro(b.Again)
	}
	const q = `
		insert into bounce (message, channel, address_hash, kind, reason, status, at, again_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (message) do update set kind = excluded.kind, reason = excluded.reason, status = excluded.status, at = excluded.at, again_at = excluded.again_at`
	_, err := tx.ExecContext(ctx, q, m.id, string(m.channel), m.hash, string(b.Kind), b.Reason, b.Status, db.Micro(b.At), again)
	return err
}

// complained ends every purpose of the class that a reader called unwanted,
// on the channel on which it came.
func (e *Engine) complained(ctx context.Context, tx *db.Tx, m known) error {
	p, ok := policy.PurposeOf(m.purpose)
	if !ok {
		return e.refuse(ctx, tx, m, string(m.channel), m.purpose, "complaint")
	}
	for _, other := range policy.Purposes() {
		if other.Class != p.Class || other.Key == "security" {
			continue
		}
		if err := e.refuse(ctx, tx, m, string(m.channel), other.Key, "complaint"); err != nil {
			return err
		}
	}
	return nil
}

// resting returns until when each of the addresses behind keys is left alone.
func (k *crowd) resting(ctx context.Context, c db.Conn, keys []string, rests map[string]time.Time, now int64) error {
	n := len(keys)
	q := fmt.Sprintf(`select address_hash, max(again_at) from bounce where address_hash in (%s) and again_at > $%d group by address_hash`, db.In(1, n), n+1)
	type row struct {
		hash  string
		until int64
	}
	rows, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) {
		err = scan(&r.hash, &r.until)
		return r, err
	}, q, append(db.Args(keys), now)...)
	if err != nil {
		return fmt.Errorf("reach: resting: %w", err)
	}
	for _, r := range rows {
		rests[k.address[r.hash]] = db.Time(r.until)
	}
	return nil
}

// Bounces returns why mail to the addresses of the patient whom pass opens
// came back, the last of each, by channel and address.
func (e *Engine) Bounces(ctx context.Context, pass access.Pass) (map[contact.Kind]map[string]Bounce, error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return nil, err
	}
	by, err := contact.List(ctx, e.DB, []string{patient})
	if err != nil {
		return nil, err
	}
	out := map[contact.Kind]map[string]Bounce{}
	const q = `select kind, reason, status, at, again_at from bounce where address_hash = $1 order by at desc limit 1`
	for _, p := range by[patient] {
		list, err := db.All(ctx, e.DB, readBounce, q, e.hash(Channel(p.Kind), p.Value))
		if err != nil {
			return nil, fmt.Errorf("reach: bounces: %w", err)
		}
		if len(list) == 0 {
			continue
		}
		if out[p.Kind] == nil {
			out[p.Kind] = map[string]Bounce{}
		}
		out[p.Kind][p.Value] = list[0]
	}
	return out, nil
}

func readBounce(scan db.Scan) (b Bounce, err error) {
	var at, again int64
	err = scan(&b.Kind, &b.Reason, &b.Status, &at, &again)
	b.At = db.Time(at)
	if again > 0 {
		b.Again = db.Time(again)
	}
	return b, err
}
