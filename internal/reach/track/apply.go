package track

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Tell writes events down in the transaction of what they come from.
type Tell func(ctx context.Context, tx *db.Tx, list []Event) error

// atOnceGroups is how many groups one transaction applies.
const atOnceGroups = 16

// Apply brings the oldest groups of fetches to their messages, labels them
// and tells of what is new. It returns how many fetches that were; 0: all
// are there.
func (s *Store) Apply(ctx context.Context, tell Tell) (hits int, err error) {
	const waiting = `select n, facts from track_log order by n limit $1`
	const any = `select n from track_log limit 1` // mostly there is none: then nobody's way is stood in
	if list, err := db.All(ctx, s.db, db.Value[int64], any); err != nil || len(list) == 0 {
		return 0, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		hits = 0
		if err := tx.Lock(ctx, "track_log"); err != nil {
			return err
		}
		type piece struct {
			n     int64
			facts []byte
		}
		list, err := db.All(ctx, tx, func(scan db.Scan) (p piece, err error) { return p, scan(&p.n, &p.facts) }, waiting, atOnceGroups)
		if err != nil || len(list) == 0 {
			return err
		}
		var all []Hit
		for _, p := range list {
			part, err := unpack(p.facts)
			if err != nil {
				return err
			}
			all = append(all, part...)
		}
		hits = len(all)
		if err := s.settle(ctx, tx, all, tell); err != nil {
			return err
		}
		ns := make([]int64, len(list)) // not "up to the last": numbers are given before they are committed
		for i, p := range list {
			ns[i] = p.n
		}
		q := `delete from track_log where n in (` + db.In(1, len(ns)) + `)`
		_, err = tx.ExecContext(ctx, q, db.Args(ns)...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("track: apply: %w", err)
	}
	return hits, nil
}

// look is what fetches have in common that are kept as one row.
type look struct {
	message            string
	target             int64
	method, agent, net string
	language, prefetch bool
}

func (h Hit) look() look {
	return look{h.Message, h.Target, h.Method, h.Agent, h.Net, h.Language, h.Prefetch}
}

// mostLooks is how many rows one message has at most; what looks yet
// different is counted as others, so a flood fills no disk.
const mostLooks = 40

const others = "(others)"

// settle writes hits down as rows, labels every row of their messages, and
// tells of the new ones.
func (s *Store) settle(ctx context.Context, tx *db.Tx, hits []Hit, tell Tell) error {
	var messages []string
	seen := map[string]bool{}
	for _, h := range hits {
		if !seen[h.Message] {
			seen[h.Message] = true
			messages = append(messages, h.Message)
		}
	}
	slices.Sort(messages)
	for part := range slices.Chunk(messages, chunk) {
		known, err := s.seen(ctx, tx, part)
		if err != nil {
			return err
		}
		fresh := fold(known, hits, part)
		changed := relabel(known)
		if err := save(ctx, tx, known, fresh, changed); err != nil {
			return err
		}
		if err := tell(ctx, tx, events(fresh)); err != nil {
			return err
		}
	}
	return nil
}

// chunk is how many messages one statement reads.
const chunk = 400

// fold adds hits to the rows of the messages in part, and returns the rows
// that they touched.
func fold(known map[string]*Seen, hits []Hit, part []string) map[look]*Row {
	in := map[string]bool{}
	for _, m := range part {
		in[m] = true
	}
	touched := map[look]*Row{}
	at := map[look]int{}
	for _, m := range part {
		for i, r := range known[m].Rows {
			at[r.look()] = i
		}
	}
	for _, h := range hits {
		if !in[h.Message] {
			continue
		}
		s := known[h.Message]
		i, ok := at[h.look()]
		if !ok && len(s.Rows) >= mostLooks {
			h.Agent, h.Net, h.Language, h.Prefetch = others, "", false, false
			i, ok = at[h.look()]
		}
		if !ok {
			s.Rows = append(s.Rows, Row{Hit: h, Last: h.At})
			i = len(s.Rows) - 1
			at[h.look()] = i
		}
		r := &s.Rows[i]
		r.N++
		if h.At.Before(r.At) {
			r.At = h.At
		}
		if h.At.After(r.Last) {
			r.Last = h.At
		}
		touched[h.look()] = nil
	}
	for k := range touched { // rows may have moved while they grew
		touched[k] = &known[k.message].Rows[at[k]]
	}
	return touched
}

// relabel labels every row anew and returns those whose label changed.
func relabel(known map[string]*Seen) []*Row {
	var changed []*Row
	for _, s := range known {
		for i := range s.Rows {
			actor, id := Label(s.Rows[i], *s)
			if actor != s.Rows[i].Actor || id != s.Rows[i].Rule {
				s.Rows[i].Actor, s.Rows[i].Rule = actor, id
				changed = append(changed, &s.Rows[i])
			}
		}
	}
	return changed
}

// events returns an event for each row that was not there before.
func events(touched map[look]*Row) []Event {
	var list []Event
	for k, r := range touched {
		list = append(list, Event{Message: k.message, Kind: kind(k.target), At: r.At, Actor: r.Actor, Rule: r.Rule, Dedupe: k.dedupe()})
	}
	slices.SortFunc(list, func(a, b Event) int { return a.At.Compare(b.At) })
	return list
}

// dedupe names a row for its event.
func (k look) dedupe() string {
	return "track|" + seal.Hash(k.message+"|"+strconv.FormatInt(k.target, 10)+"|"+k.method+"|"+k.agent+"|"+k.net+"|"+
		strconv.FormatBool(k.language)+"|"+strconv.FormatBool(k.prefetch))
}

// save writes rows that were touched, and the labels of others that changed.
func save(ctx context.Context, tx *db.Tx, known map[string]*Seen, touched map[look]*Row, changed []*Row) error {
	const head = `insert into track_hit (message, target, method, agent, net, language, prefetch, n, first_at, last_at, actor, rule)`
	const tail = ` on conflict (message, target, method, agent, net, language, prefetch)
		do update set n = excluded.n, first_at = excluded.first_at, last_at = excluded.last_at, actor = excluded.actor, rule = excluded.rule`
	rows := map[look]*Row{}
	for k, r := range touched {
		rows[k] = r
	}
	var late []*Row
	for _, r := range changed {
		if _, ok := rows[r.look()]; !ok {
			late = append(late, r)
		}
		rows[r.look()] = r
	}
	var args []any
	for k, r := range rows {
		args = append(args, k.message, k.target, k.method, k.agent, k.net, digit(k.language), digit(k.prefetch), r.N,
			r.At.UnixMicro(), r.Last.UnixMicro(), string(r.Actor), r.Rule)
	}
	if err := db.InsertMany(ctx, tx, head, tail, 12, args); err != nil {
		return err
	}
	return correct(ctx, tx, late)
}

// correct gives events the labels that their rows have now.
func correct(ctx context.Context, tx *db.Tx, rows []*Row) error {
	const q = `update message_event set actor_class = $2, code = $3 where dedupe = $1 and (actor_class <> $2 or code <> $3)`
	for _, r := range rows {
		if _, err := tx.ExecContext(ctx, q, r.look().dedupe(), string(r.Actor), r.Rule); err != nil {
			return err
		}
	}
	return nil
}

func digit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// seen reads what is known of messages. One that is not there has no rows and
// no times.
func (s *Store) seen(ctx context.Context, tx *db.Tx, messages []string) (map[string]*Seen, error) {
	known := make(map[string]*Seen, len(messages))
	for _, m := range messages {
		known[m] = &Seen{}
	}
	in, args := db.In(1, len(messages)), db.Args(messages)
	type at struct {
		message string
		at      int64
	}
	read := func(scan db.Scan) (a at, err error) { return a, scan(&a.message, &a.at) }
	q := `select id, accepted_at from message where accepted_at > 0 and id in (` + in + `)`
	accepted, err := db.All(ctx, tx, read, q, args...)
	if err != nil {
		return nil, err
	}
	for _, a := range accepted {
		known[a.message].Accepted = db.Time(a.at)
	}
	q = `select message, at from message_event where actor_class = 'human' and kind in (` + actKinds + `) and message in (` + in + `)`
	acts, err := db.All(ctx, tx, read, q, args...)
	if err != nil {
		return nil, err
	}
	for _, a := range acts {
		known[a.message].Acts = append(known[a.message].Acts, db.Time(a.at))
	}
	q = `select message, target, method, agent, net, language, prefetch, n, first_at, last_at, actor, rule
		from track_hit where message in (` + in + `) order by message, first_at`
	rows, err := db.All(ctx, tx, readRow, q, args...)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		known[r.Message].Rows = append(known[r.Message].Rows, r)
	}
	return known, nil
}

// actKinds are the events that only a person on a page brings about.
const actKinds = `'page_shown', 'factor_passed', 'factor_failed', 'revealed', 'dwell', 'acknowledged', 'acted', 'attachment_downloaded', 'call_wanted', 'opted_out', 'wrong_person'`

func readRow(scan db.Scan) (r Row, err error) {
	var language, prefetch int
	var first, last int64
	err = scan(&r.Message, &r.Target, &r.Method, &r.Agent, &r.Net, &language, &prefetch, &r.N, &first, &last, &r.Actor, &r.Rule)
	r.Language, r.Prefetch = language == 1, prefetch == 1
	r.At, r.Last = db.Time(first), db.Time(last)
	return r, err
}

// Relabel labels the fetches since a time anew, by the rules of today, and
// returns how many rows were looked at and how many labels changed.
func (s *Store) Relabel(ctx context.Context, since time.Time) (rows, changed int, err error) {
	const q = `select distinct message from track_hit where last_at >= $1 and message > $2 order by message limit $3`
	for after := ""; ; {
		list, err := db.All(ctx, s.db, db.Value[string], q, db.Micro(since), after, chunk)
		if err != nil {
			return rows, changed, fmt.Errorf("track: relabel: %w", err)
		}
		if len(list) == 0 {
			return rows, changed, nil
		}
		after = list[len(list)-1]
		err = s.db.Tx(ctx, func(tx *db.Tx) error {
			if err := tx.Lock(ctx, "track_log"); err != nil {
				return err
			}
			known, err := s.seen(ctx, tx, list)
			if err != nil {
				return err
			}
			for _, one := range known {
				rows += len(one.Rows)
			}
			late := relabel(known)
			changed += len(late)
			return save(ctx, tx, known, nil, late)
		})
		if err != nil {
			return rows, changed, fmt.Errorf("track: relabel: %w", err)
		}
	}
}
