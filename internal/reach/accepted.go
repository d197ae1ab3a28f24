package reach

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hale/internal/store/db"
)

// An attempt is written once, when its end is known. Until then the claim
// stands for it (noteClaim), and after a crash the recovery writes it.
const (
	attemptInsert = `insert into attempt (message, n, worker, started_at, ended_at, outcome, ref, code, detail, peer)`
	attemptWidth  = 10

	// attemptKnown is for a worker whose lease ran out: it knows better than
	// the one who took it for dead.
	attemptKnown = `on conflict (message, n) do update set ended_at = excluded.ended_at, outcome = excluded.outcome,
		ref = excluded.ref, code = excluded.code, detail = excluded.detail, peer = excluded.peer`
	// attemptLost is for a dead worker, who may have told of it all the same.
	attemptLost = `on conflict (message, n) do update set ended_at = excluded.ended_at, outcome = excluded.outcome,
		code = excluded.code where attempt.outcome = ''`
)

// attempted is the row of m's attempt by a worker.
func (m *sending) attempted(worker string, now time.Time) []any {
	r := m.result
	return []any{m.id, m.attempt, worker, db.Micro(m.started), db.Micro(now), string(r.Outcome), r.Ref, r.Code, r.Detail, r.Peer}
}

// attempts are the rows of those attempts of a claim whose end nobody knows.
func (c oldClaim) attempts(list []*sending, now time.Time) []any {
	rows := make([]any, 0, attemptWidth*len(list))
	for _, m := range list {
		m.result = Result{Outcome: Uncertain, Code: "crashed"}
		rows = append(rows, m.attempted(c.worker, now)...)
	}
	return rows
}

// accepted writes down what the peers took.
func (e *Engine) accepted(ctx context.Context, tx *db.Tx, now time.Time, sent []*sending) error {
	var first, rest []*sending
	for _, m := range sent {
		if m.reported() {
			rest = append(rest, m)
			continue
		}
		first = append(first, m)
	}
	byLease := map[int64][]*sending{}
	for _, m := range first {
		byLease[m.lease] = append(byLease[m.lease], m)
	}
	var rows []any
	for _, lease := range slices.Sorted(maps.Keys(byLease)) {
		for chunk := range slices.Chunk(byLease[lease], acceptChunk) {
			asClaimed, err := e.acceptClaimed(ctx, tx, now, lease, chunk)
			if err != nil {
				return err
			}
			if !asClaimed {
				rest = append(rest, chunk...)
				continue
			}
			for _, m := range chunk {
				rows = append(rows, m.attempted(e.Node, now)...)
			}
		}
	}
	if err := db.InsertMany(ctx, tx, attemptInsert, "", attemptWidth, rows); err != nil {
		return err
	}
	for chunk := range slices.Chunk(rest, settleChunk) {
		if err := e.acceptLate(ctx, tx, now, chunk); err != nil {
			return err
		}
	}
	return nil
}

// acceptChunk and settleChunk are how many rows one statement settles.
const (
	acceptChunk = 512
	settleChunk = 128
)

// acceptClaimed writes down of messages of one lease that they were taken, if
// nothing happened to any of them since the claim; else it says so. Then some
// may be written already, and acceptLate writes the same.
func (e *Engine) acceptClaimed(ctx context.Context, tx *db.Tx, now time.Time, lease int64, list []*sending) (bool, error) {
	ids := make([]string, len(list))
	for i, m := range list {
		ids[i] = m.id
	}
	some := padded(ids)
	q := `update message set lease = '', lease_until = 0, reason = '', state_at = $1,
			accepted_at = case when accepted_at = 0 then $1 else accepted_at end,
			delivered_at = case when channel = 'inbox' and delivered_at = 0 then $1 else delivered_at end,
			state = case when channel = 'inbox' then 'delivered' else 'accepted' end
		where state = 'handing_off' and lease = $2 and lease_until = $3 and id in (` + db.In(4, len(some)) + `)`
	n, err := db.Changed(tx.ExecContext(ctx, q, append([]any{db.Micro(now), e.Node, lease}, db.Args(some)...)...))
	return n == int64(len(list)), err
}

// padded returns ids with the last one again and again, so that there are few
// different lengths, and few different texts to compile.
func padded(ids []string) []string {
	n := 4
	for n < len(ids) {
		n *= 2
	}
	for len(ids) < n {
		ids = append(ids, ids[len(ids)-1])
	}
	return ids
}

// acceptLate writes down what the peers took of messages of which more may be
// known: a receipt may have come before and said more, or the lease ran out.
func (e *Engine) acceptLate(ctx context.Context, tx *db.Tx, now time.Time, list []*sending) error {
	var attempts []any
	var refs []string
	messages := []any{db.Micro(now)}
	for _, m := range list {
		attempts = append(attempts, m.attempted(e.Node, now)...)
		messages = append(messages, m.id, m.result.Ref)
		if m.result.Ref != "" {
			refs = append(refs, "ref:"+m.result.Ref)
		}
	}
	if err := db.InsertDistinct(ctx, tx, attemptInsert, attemptKnown, attemptWidth, attempts); err != nil {
		return err
	}
	q := `update message set lease = '', lease_until = 0, provider_ref = v.column2,
			reason = case when reason = '` + keptBack + `' then '' else reason end,
			accepted_at = case when accepted_at = 0 then $1 else accepted_at end,
			delivered_at = case when channel = 'inbox' and delivered_at = 0 then $1 else delivered_at end,
			state_at = case when state in ('handing_off', 'scheduled', 'uncertain', 'cancelled', 'given_up') then $1 else state_at end,
			state = case when state not in ('handing_off', 'scheduled', 'uncertain', 'cancelled', 'given_up') then state
				when channel = 'inbox' then 'delivered' else 'accepted' end
		from (values ` + rows(2, len(list), "text", "text") + `) as v
		where message.id = v.column1`
	if _, err := tx.ExecContext(ctx, q, messages...); err != nil {
		return err
	}
	return e.early(ctx, tx, refs)
}

// rows returns rows of placeholders from $first on, the first of them typed:
// PostgreSQL does not guess the types of values that come from nowhere.
func rows(first, n int, types ...string) string {
	var b strings.Builder
	for r := range n {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c, t := range types {
			if c > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "cast($%d as %s)", first+r*len(types)+c, t)
		}
		b.WriteByte(')')
	}
	return b.String()
}
