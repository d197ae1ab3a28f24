package reach

import (
	"context"
	"time"

	"hale/internal/store/db"
)

// common is a base whose messages may all be forgotten.
type common struct {
	id, outreach string
	made, until  int64
}

// forgetBases destroys what messages of one purpose have in common and were
// made before a time, where none that may name it has words any more. Of the
// empty purpose are those from before it was written down.
func (e *Engine) forgetBases(ctx context.Context, purpose string, before time.Time) error {
	const some = `select id, outreach, made_at, until_at from message_base
		where purpose = $1 and id > $2 and id < $3 and until_at < $4 order by id limit $5`
	after := ""
	for {
		list, err := db.All(ctx, e.DB, func(scan db.Scan) (c common, err error) { return c, scan(&c.id, &c.outreach, &c.made, &c.until) },
			some, purpose, after, madeBy(before), db.Micro(e.Now()), forgetBatch)
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := e.forgetBase(ctx, c); err != nil {
				return err
			}
		}
		if len(list) < forgetBatch {
			return nil
		}
		after = list[len(list)-1].id
	}
}

// forgetBase destroys a base, unless a message with words may name it.
func (e *Engine) forgetBase(ctx context.Context, c common) error {
	const named = `select id from message where id > $1 and id < $2 and length(body) > 0 and (outreach = $3 or $3 = '') limit 1`
	const slack = time.Hour // between the names of messages and the times they were made at
	words, err := db.All(ctx, e.DB, db.Value[string], named, madeBy(db.Time(c.made).Add(-slack)), madeBy(db.Time(c.until).Add(slack)), c.outreach)
	if err != nil || len(words) > 0 {
		return err
	}
	if _, err := e.DB.ExecContext(ctx, `delete from message_base where id = $1`, c.id); err != nil {
		return err
	}
	e.kin.lose(c.id)
	return nil
}
