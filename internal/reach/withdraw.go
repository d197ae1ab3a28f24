package reach

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/store/db"
)

// withdraw cancels the messages that where picks, whose arguments begin at
// $3, gives their places under the caps back and returns their intents.
func withdraw(ctx context.Context, tx *db.Tx, now time.Time, reason, where string, args ...any) (intents []string, err error) {
	q := `update message set state = 'cancelled', reason = $1, state_at = $2 where ` + where + ` returning id, intent`
	list, err := db.All(ctx, tx, func(scan db.Scan) (r [2]string, err error) {
		err = scan(&r[0], &r[1])
		return r, err
	}, q, append([]any{reason, db.Micro(now)}, args...)...)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r[0]
		intents = append(intents, r[1])
	}
	return intents, freeCaps(ctx, tx, ids)
}

// freeChunk is how many messages one statement frees the caps of.
const freeChunk = 400

// freeCaps gives back the places under the caps that messages were promised
// and did not use: those that surely never left. Their rows are locked by the
// caller before the caps are, on every path.
func freeCaps(ctx context.Context, tx *db.Tx, messages []string) error {
	const free = `
		update cap_ledger set n = case when n > v.k then n - v.k else 0 end
		from (select %[1]s as h, channel, cap_class, cap_day, count(*) as k from message
			where id in (%[2]s) and cap_day > 0 and in_doubt = 0 and accepted_at = 0
			group by %[1]s, channel, cap_class, cap_day) v
		where cap_ledger.address_hash = v.h and cap_ledger.channel = v.channel and cap_ledger.class = v.cap_class and cap_ledger.day = v.cap_day`
	for chunk := range slices.Chunk(messages, freeChunk) {
		for _, key := range []string{"address_hash", "patient"} {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(free, key, db.In(1, len(chunk))), db.Args(chunk)...); err != nil {
				return fmt.Errorf("caps: %w", err)
			}
		}
	}
	return nil
}
