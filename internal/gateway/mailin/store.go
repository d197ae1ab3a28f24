package mailin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach/verp"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// keep puts a letter on the disk; fresh is false where it is there already.
func (d *Desk) keep(ctx context.Context, l Letter, route verp.Route) (id string, fresh bool, err error) {
	id = d.IDs.New()
	plain, err := packed(l)
	if err != nil {
		return "", false, fmt.Errorf("mailin: keep: %w", err)
	}
	digest := d.Key.Hash(strings.ToLower(strings.Join(l.To, " ")) + "\n" + string(l.Raw))
	err = d.DB.Tx(ctx, func(tx *db.Tx) error {
		sealed, err := d.Keys.Seal(ctx, tx, keys.Messages, "mail_in", "sealed", id, plain)
		if err != nil {
			return err
		}
		const q = `
			insert into mail_in (id, digest, at, size, route, state, sealed) values ($1, $2, $3, $4, $5, 'new', $6)
			on conflict (digest) do nothing`
		n, err := db.Changed(tx.ExecContext(ctx, q, id, digest, db.Micro(d.Now()), len(l.Raw), string(route), sealed))
		fresh = n > 0
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("mailin: keep: %w", err)
	}
	return id, fresh, nil
}

// kept is a row.
type kept struct {
	id, state, files string
	at               time.Time
	tries            int
	sealed           []byte
}

func (d *Desk) row(ctx context.Context, id string) (k kept, l Letter, err error) {
	const q = `select id, state, at, tries, files, sealed from mail_in where id = $1`
	k, err = db.One(ctx, d.DB, func(scan db.Scan) (k kept, err error) {
		var at int64
		err = scan(&k.id, &k.state, &at, &k.tries, &k.files, &k.sealed)
		k.at = db.Time(at)
		return k, err
	}, q, id)
	if err != nil || k.state != "new" {
		return k, l, err
	}
	plain, err := d.Keys.Open(ctx, k.sealed, "mail_in", "sealed", id)
	if err != nil {
		return k, l, err
	}
	l, err = unpacked(plain)
	return k, l, err
}

// outcome is what a letter came to.
type outcome struct {
	state   string // done or unknown
	kind    string
	message string
	verdict string
}

// done closes a letter, in the transaction of what it led to. What it said is
// kept no longer, unless nobody could tell what it was about.
func done(ctx context.Context, tx *db.Tx, id string, o outcome) error {
	const q = `
		update mail_in set state = $2, kind = $3, message = $4, verdict = $5, sealed = case when $2 = 'done' then $6 else sealed end
		where id = $1 and state = 'new'`
	_, err := tx.ExecContext(ctx, q, id, o.state, o.kind, o.message, o.verdict, []byte{})
	return err
}

// maxTries is how often a letter is looked at before it is given up.
const maxTries = 8

// failed counts a try; a letter that cannot be dealt with is left for staff,
// with why in words that name nobody.
func (d *Desk) failed(ctx context.Context, id string, cause error) error {
	const q = `update mail_in set tries = tries + 1, cause = $3, state = case when tries + 1 >= $2 then 'failed' else state end where id = $1 and state = 'new'`
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, id, maxTries, errs.Say(cause))
		return err
	})
}

// attached notes which documents were made of a letter's attachments, so that
// a letter looked at again makes no second ones.
func (d *Desk) attached(ctx context.Context, id, files string) error {
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `update mail_in set files = $2 where id = $1`, id, files)
		return err
	})
}

// keepUnknown is how long a machine's report is kept of which nobody could
// tell what it was about. What a person may have written waits for the staff,
// however long.
const keepUnknown = 30 * 24 * time.Hour

// Sweep deals with letters that were left over, and forgets reports of which
// nobody could tell what they were about, and those that are old.
func (d *Desk) Sweep(ctx context.Context) error {
	const q = `select id from mail_in where state = 'new' and at < $1 order by at, id limit 200`
	list, err := db.All(ctx, d.DB, db.Value[string], q, db.Micro(d.Now().Add(-time.Minute)))
	if err != nil {
		return fmt.Errorf("mailin: sweep: %w", err)
	}
	for _, id := range list {
		if err := d.deal(ctx, id); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			d.Log.Error("mailin: letter put off", "letter", id, "error", err)
		}
	}
	const old = `update mail_in set sealed = $2 where state = 'unknown' and kind in ('bounce', 'delayed', 'delivered', 'complaint') and at < $1`
	err = d.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, old, db.Micro(d.Now().Add(-keepUnknown)), []byte{}); err != nil {
			return err
		}
		return d.forgetReports(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("mailin: sweep: %w", err)
	}
	return nil
}

// Run sweeps once a minute until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("mailin: sweep", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
