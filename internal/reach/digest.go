package reach

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/consent"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// joined is the purpose under which the message goes that carries others.
// What stops any of those is looked at for each of them.
const joined = "digest"

// digestHour is when the day's one message goes out, on the person's clock.
const digestHour = 9

// digestSlack is how long a message waits to be joined with others after its
// time. Were nobody to join them, each would go by itself.
const digestSlack = time.Hour

// digestAt is when the next daily message to f's person goes.
func digestAt(now time.Time, w policy.Window, s *policy.Settings, from int) time.Time {
	if len(w.Zones) == 0 {
		return now
	}
	loc, err := s.Load(w.Zones[0])
	if err != nil {
		return now
	}
	y, m, d := now.In(loc).Date()
	at := time.Date(y, m, d, max(digestHour, from), 0, 0, 0, loc)
	if !at.After(now) {
		at = time.Date(y, m, d+1, max(digestHour, from), 0, 0, 0, loc)
	}
	if open, ok := w.Next(at, s); ok {
		return open
	}
	return now
}

// part notes that a message waits for the day's one.
func (p *planner) part(id, patient string, c policy.Candidate, due time.Time) {
	p.parts = append(p.parts, id, patient, string(c.Channel), p.e.hash(c.Channel, c.Address), db.Micro(due))
}

// waitingPart is a message that waits to be joined.
type waitingPart struct {
	id, patient, lang, mask, class string
	channel                        Channel
	hash                           string
	sealed                         []byte
	level                          policy.Level
	expires                        time.Time
	capDay                         int
	body                           body
}

// digest joins what waits for the same person by the same channel into one
// message, and passes on what became of those that went before.
func (e *Engine) digest(ctx context.Context) error {
	type group struct{ patient, channel, hash string }
	const due = `select distinct patient, channel, address_hash from digest_part where carrier = '' and due_at <= $1 limit 500`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (g group, err error) {
		err = scan(&g.patient, &g.channel, &g.hash)
		return g, err
	}, due, db.Micro(e.Now()))
	if err != nil {
		return fmt.Errorf("reach: digest: %w", err)
	}
	for _, g := range list {
		err := e.DB.Tx(ctx, func(tx *db.Tx) error {
			if err := lockPlan(ctx, tx, e.Now()); err != nil {
				return err
			}
			return e.join(ctx, tx, g.patient, g.channel, g.hash)
		})
		if err != nil {
			return fmt.Errorf("reach: digest: %w", err)
		}
	}
	if len(list) > 0 {
		e.nudge()
	}
	return e.passOn(ctx)
}

// join makes one message of all that waits there. One alone goes by itself.
func (e *Engine) join(ctx context.Context, tx *db.Tx, patient, channel, hash string) error {
	now := e.Now()
	const q = `
		select m.id, m.patient, m.lang, m.address_mask, m.cap_class, m.channel, m.address_hash, m.body, m.require_tls, m.expires_at, m.cap_day
		from digest_part d join message m on m.id = d.message
		where d.carrier = '' and d.patient = $1 and d.channel = $2 and d.address_hash = $3 and d.due_at <= $4 and m.state = 'scheduled'
		order by m.id`
	list, err := db.All(ctx, tx, func(scan db.Scan) (m waitingPart, err error) {
		var expires int64
		err = scan(&m.id, &m.patient, &m.lang, &m.mask, &m.class, &m.channel, &m.hash, &m.sealed, &m.level, &expires, &m.capDay)
		m.expires = db.Time(expires)
		return m, err
	}, q, patient, channel, hash, db.Micro(now))
	if err != nil {
		return err
	}
	if len(list) < 2 {
		return e.alone(ctx, tx, list, patient, channel, hash)
	}
	ids := make([]any, len(list))
	for i := range list {
		ids[i] = list[i].id
		if list[i].body, err = e.open(ctx, tx, list[i].id, list[i].sealed); err != nil {
			return err
		}
	}
	carrier, err := e.carry(ctx, tx, now, list)
	if err != nil {
		return err
	}
	mark := `update digest_part set carrier = $1 where message in (` + db.In(2, len(ids)) + `)`
	if _, err := tx.ExecContext(ctx, mark, append([]any{carrier}, ids...)...); err != nil {
		return err
	}
	_, err = withdraw(ctx, tx, now, joined, `state = 'scheduled' and id in (`+db.In(3, len(ids))+`)`, ids...)
	return err
}

// alone lets what nothing joins go at once, and forgets those that wait no
// more.
func (e *Engine) alone(ctx context.Context, tx *db.Tx, list []waitingPart, patient, channel, hash string) error {
	for _, m := range list {
		if _, err := tx.ExecContext(ctx, `update message set not_before = $2 where id = $1 and state = 'scheduled'`, m.id, db.Micro(e.Now())); err != nil {
			return err
		}
		if err := requeue(ctx, tx, m.id); err != nil { // its old place is later, or was passed over while a carrier had it
			return err
		}
	}
	const q = `delete from digest_part where carrier = '' and patient = $1 and channel = $2 and address_hash = $3 and due_at <= $4`
	_, err := tx.ExecContext(ctx, q, patient, channel, hash, db.Micro(e.Now()))
	return err
}

// carry writes the message that carries list, and counts it once.
func (e *Engine) carry(ctx context.Context, tx *db.Tx, now time.Time, list []waitingPart) (string, error) {
	first, id := list[0], e.IDs.New()
	level, expires := first.level, first.expires
	for _, m := range list {
		level = max(level, m.level)
		if m.expires.Before(expires) {
			expires = m.expires
		}
	}
	token, err := e.Links.Create(ctx, tx, link.New{Message: id, Patient: first.patient, Factor: link.DOB, Short: first.channel == SMS, Expires: now.Add(linkLife(policy.S2))})
	if err != nil {
		return "", err
	}
	b := e.digestBody(list, token)
	row, err := e.row(ctx, tx, messageRow{
		id: id, intent: id, patient: first.patient, purpose: joined, channel: first.channel, step: 1, mode: policy.Notice, level: level,
		lang: first.lang, masked: first.mask, body: b, notBefore: now, expires: expires, created: now, capDay: first.capDay, capClass: first.class,
	})
	if err != nil {
		return "", err
	}
	if err := insertMessages(ctx, tx, row); err != nil {
		return "", err
	}
	return id, promiseAgain(ctx, tx, id)
}

// digestBody writes what the day's one message says: of each the line that it
// would have had as its subject, and its own link.
func (e *Engine) digestBody(list []waitingPart, token string) body {
	l := lang.Pick("", list[0].lang)
	clinic, isNeutral := e.clinic().Name, slices.ContainsFunc(list, func(m waitingPart) bool { return m.body.Neutral })
	if isNeutral {
		if clinic = neutral[l.Tag()]; clinic == "" {
			clinic = neutral["en"]
		}
	}
	b := body{To: list[0].body.To, Subject: l.T("%d messages from %s", len(list), clinic), Hours: list[0].body.Hours, Neutral: isNeutral}
	choices := e.BaseURL + "/w/" + token
	var text, page strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", clinic, l.T("here are your messages of today."))
	fmt.Fprintf(&page, "<!doctype html><html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title></head><body><h1>%s</h1><ul>", l.Tag(), html.EscapeString(b.Subject), html.EscapeString(b.Subject))
	for i, m := range list {
		title, url := m.body.Subject, e.linkIn(m.body)
		if title == "" || list[0].channel == SMS {
			title = l.T("Message %d", i+1)
		}
		fmt.Fprintf(&text, "%s: %s\n", title, url)
		fmt.Fprintf(&page, "<li><p>%s</p><p><a href=\"%s\">%s</a></p></li>", html.EscapeString(title), html.EscapeString(url), html.EscapeString(l.T("Read it")))
	}
	foot := l.T("Choose how often we write")
	if list[0].channel == Email {
		fmt.Fprintf(&text, "\n%s: %s\n", foot, choices)
		fmt.Fprintf(&page, "</ul><p>%s</p><p><a href=\"%s\">%s</a></p></body></html>", html.EscapeString(e.clinic().Address), html.EscapeString(choices), html.EscapeString(foot))
		if !isNeutral {
			fmt.Fprintf(&text, "%s\n", e.clinic().Address)
		}
		b.HTML, b.Unsubscribe = page.String(), e.BaseURL+"/u/"+token
		if isNeutral {
			b.HTML = strings.Replace(b.HTML, "<p>"+html.EscapeString(e.clinic().Address)+"</p>", "", 1)
		}
	}
	b.Text = text.String()
	return b
}

// linkIn finds the link that a message brings.
func (e *Engine) linkIn(b body) string {
	at := strings.Index(b.Text, e.BaseURL+"/m/")
	if at < 0 {
		return e.BaseURL
	}
	url := b.Text[at:]
	if end := strings.IndexFunc(url, func(r rune) bool { return r <= ' ' }); end >= 0 {
		url = url[:end]
	}
	return strings.TrimRight(url, ".,;)")
}

// promiseAgain counts messages under the caps as their rows say.
func promiseAgain(ctx context.Context, tx *db.Tx, ids ...string) error {
	for _, key := range []string{"address_hash", "patient"} {
		q := fmt.Sprintf(`
			insert into cap_ledger (address_hash, channel, class, day, n)
			select %[1]s, channel, cap_class, cap_day, count(*) from message
			where id in (%[2]s) and cap_day > 0 group by %[1]s, channel, cap_class, cap_day
			on conflict (address_hash, channel, class, day) do update set n = cap_ledger.n + excluded.n`, key, db.In(1, len(ids)))
		if _, err := tx.ExecContext(ctx, q, db.Args(ids)...); err != nil {
			return fmt.Errorf("caps: %w", err)
		}
	}
	return nil
}

// passOn lets each message of a digest come to what the one that carried it
// came to.
func (e *Engine) passOn(ctx context.Context) error {
	type told struct {
		part, state string
		at          int64
	}
	const q = `
		select d.message, c.state, c.state_at
		from digest_part d join message c on c.id = d.carrier
		where d.carrier <> '' and d.settled <> c.state
			and c.state in ('accepted', 'delivered', 'seen', 'acted', 'undelivered', 'given_up', 'suppressed', 'cancelled')
		limit 1000`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (t told, err error) {
		err = scan(&t.part, &t.state, &t.at)
		return t, err
	}, q)
	if err != nil || len(list) == 0 {
		return err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, t := range list {
			r := Receipt{Kind: "undelivered", At: db.Time(t.at), Actor: Machine, Code: joined, Dedupe: joined + " " + t.state}
			switch t.state {
			case "accepted", "seen", "acted": // that the list was looked at shows of no message that it was
				r.Kind, r.Dedupe = "accepted", joined+" accepted"
			case "delivered":
				r.Kind = "delivered"
			}
			if err := e.happened(ctx, tx, t.part, r, nil); err != nil {
				return err
			}
			const set = `update message set accepted_at = $2 where id = $1 and accepted_at = 0 and state in ('accepted', 'delivered')`
			if _, err := tx.ExecContext(ctx, set, t.part, t.at); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `update digest_part set settled = $2 where message = $1`, t.part, t.state); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: digest: %w", err)
	}
	return nil
}

// partsMayGo looks once more at each message that the carriers among taken
// carry. One that may not go any more takes its carrier apart: the others
// are joined anew.
func (e *Engine) partsMayGo(ctx context.Context, tx *db.Tx, pass access.Pass, now time.Time, taken []*sending, out map[*sending]*held) error {
	for _, m := range taken {
		if m.purpose != joined || out[m] != nil {
			continue
		}
		type part struct{ id, purpose string }
		const q = `select d.message, p.purpose from digest_part d join message p on p.id = d.message where d.carrier = $1`
		list, err := db.All(ctx, tx, func(scan db.Scan) (p part, err error) {
			err = scan(&p.id, &p.purpose)
			return p, err
		}, q, m.id)
		if err != nil {
			return err
		}
		apart := false
		for _, p := range list {
			k, err := e.load(ctx, tx, pass, []string{m.patient}, p.purpose, nil)
			if err != nil {
				return err
			}
			purpose, _ := e.rules().Purpose(p.purpose)
			if r, ok := policy.Recheck(now, &k.by[m.patient].Facts, policy.Ask{Purpose: purpose}, m.channel, m.body.To); !ok {
				apart = true
				if err := e.endPart(ctx, tx, now, p.id, r.Code); err != nil {
					return err
				}
			}
		}
		if apart {
			if err := e.takeApart(ctx, tx, now, m.id); err != nil {
				return err
			}
			out[m] = &held{state: "cancelled", reason: "ended"}
		}
	}
	return nil
}

// endPart ends one message of a digest for good.
func (e *Engine) endPart(ctx context.Context, tx *db.Tx, now time.Time, id, reason string) error {
	const q = `update message set state = 'suppressed', reason = $2, state_at = $3 where id = $1 and state = 'cancelled' returning intent`
	list, err := db.All(ctx, tx, db.Value[string], q, id, reason, db.Micro(now))
	if err != nil {
		return err
	}
	for _, intent := range list {
		if err := wakeIntent(ctx, tx, intent, now); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `delete from digest_part where message = $1`, id)
	return err
}

// takeApart lets the messages of a carrier wait again, as before.
func (e *Engine) takeApart(ctx context.Context, tx *db.Tx, now time.Time, carrier string) error {
	const q = `
		update message set state = 'scheduled', reason = '', state_at = $2, not_before = $3
		where state = 'cancelled' and reason = 'digest' and id in (select message from digest_part where carrier = $1)
		returning id`
	ids, err := db.All(ctx, tx, db.Value[string], q, carrier, db.Micro(now), db.Micro(now.Add(digestSlack)))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update digest_part set carrier = '', due_at = $2 where carrier = $1`, carrier, db.Micro(now)); err != nil || len(ids) == 0 {
		return err
	}
	if err := requeue(ctx, tx, ids...); err != nil { // their old places may have been passed over
		return err
	}
	return promiseAgain(ctx, tx, ids...)
}

// refuseParts writes down that a reader wants none of what a digest carried:
// each topic of it once.
func (e *Engine) refuseParts(ctx context.Context, tx *db.Tx, m known) error {
	const q = `select distinct p.purpose from digest_part d join message p on p.id = d.message where d.carrier = $1 order by p.purpose`
	list, err := db.All(ctx, tx, db.Value[string], q, m.id)
	if err != nil {
		return err
	}
	for _, purpose := range list {
		if err := e.refuse(ctx, tx, m, consent.Any, purpose, "link"); err != nil {
			return err
		}
	}
	return nil
}
