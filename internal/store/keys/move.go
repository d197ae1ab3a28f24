package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// batch is how many rows one transaction moves: few enough that no writer
// waits for long.
const batch = 100

// Grace is how long an emptied key is kept: longer than any transaction
// that may still write under it.
const Grace = 24 * time.Hour

// Sealed is a column of the inventory whose rows lie under keys of a class,
// with the statements that move them.
type sealed struct {
	Column
}

// columns returns where values of class lie. Those of the class patients are
// the patients' keys.
func columns(class Class) []sealed {
	var list []sealed
	if class == Patients {
		return []sealed{{Column{Table: "data_key", Column: "wrapped", ID: "kid", Class: Patients, Text: true}}}
	}
	for _, c := range Inventory() {
		if c.Class == class {
			list = append(list, sealed{c})
		}
	}
	return list
}

// only narrows the ring's own table to patients' keys.
func (c sealed) only() string {
	if c.Table == "data_key" {
		return ` and class = 'patient' and wrapped <> ''`
	}
	return ""
}

// prefix is the beginning of a row's value.
func (c sealed) prefix() string {
	return fmt.Sprintf("substr(%s, 1, %d)", c.Column.Column, seal.PrefixSize)
}

// arg is a value as the column's type.
func (c sealed) arg(v []byte) any {
	if c.Text {
		return string(v)
	}
	return v
}

// value is a row to be moved.
type value struct {
	id   string
	body []byte
}

func readValue(scan db.Scan) (v value, err error) {
	err = scan(&v.id, &v.body)
	return v, err
}

// Left counts the values of class that are not under its active key, from
// the database itself.
func (r *Ring) Left(ctx context.Context, class Class) (int64, error) {
	e, err := r.newest(ctx, class)
	if err != nil {
		return 0, err
	}
	var all int64
	for _, c := range columns(class) {
		q := `select count(*) from ` + c.Table + ` where ` + c.prefix() + ` <> $1` + c.only()
		n, err := db.One(ctx, r.c.DB, db.Value[int64], q, c.arg([]byte(seal.Prefix(e.kid))))
		if err != nil {
			return 0, fmt.Errorf("keys: count %s: %w", c.Table, err)
		}
		all += n
	}
	return all, nil
}

// newest returns the active key of class as the database has it now.
func (r *Ring) newest(ctx context.Context, class Class) (entry, error) {
	if err := r.refresh(ctx, r.c.DB); err != nil {
		return entry{}, err
	}
	return r.current(ctx, r.c.DB, class)
}

// Move brings every value of class under the active key, in small
// transactions, and calls progress after each with how many were moved. It
// can be cut off and begun again at any time, and done by several at once.
func (r *Ring) Move(ctx context.Context, class Class, progress func(moved int)) (moved int, err error) {
	for {
		n, err := r.pass(ctx, class, func(n int) {
			moved += n
			progress(moved)
		})
		if err != nil {
			return moved, fmt.Errorf("keys: move %s: %w", class, err)
		}
		if n == 0 {
			return moved, nil
		}
	}
}

// pass goes once over everything and returns how many it found.
func (r *Ring) pass(ctx context.Context, class Class, progress func(int)) (found int, err error) {
	e, err := r.newest(ctx, class)
	if err != nil {
		return 0, err
	}
	for _, c := range columns(class) {
		after := ""
		for {
			n, last, err := r.step(ctx, c, e, after)
			if err != nil {
				return found, err
			}
			if n == 0 {
				break
			}
			found += n
			after = last
			progress(n)
		}
	}
	return found, nil
}

// step moves the next rows behind after and returns the last one's id.
func (r *Ring) step(ctx context.Context, c sealed, e entry, after string) (n int, last string, err error) {
	q := `select ` + c.ID + `, ` + c.Column.Column + ` from ` + c.Table +
		` where ` + c.ID + ` > $1 and ` + c.prefix() + ` <> $2` + c.only() +
		` order by ` + c.ID + fmt.Sprint(` limit `, batch)
	list, err := db.All(ctx, r.c.DB, readValue, q, after, c.arg([]byte(seal.Prefix(e.kid))))
	if err != nil || len(list) == 0 {
		return 0, after, err
	}
	err = r.c.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, v := range list {
			if err := r.again(ctx, tx, c, e, v); err != nil {
				return fmt.Errorf("%s %s: %w", c.Table, v.id, err)
			}
		}
		return nil
	})
	return len(list), list[len(list)-1].id, err
}

// again seals one value anew, unless somebody has changed it meanwhile.
func (r *Ring) again(ctx context.Context, tx *db.Tx, c sealed, e entry, v value) error {
	plain, err := r.OpenIn(ctx, tx, v.body, c.Table, c.Column.Column, v.id)
	if errors.Is(err, ErrShredded) && c.Table == "data_key" {
		return nil
	}
	if err != nil {
		return err
	}
	fresh := e.key.SealAs(e.kid, plain, seal.Place{Table: c.Table, Column: c.Column.Column, Row: v.id})
	q := `update ` + c.Table + ` set ` + c.Column.Column + ` = $1 where ` + c.ID + ` = $2 and ` + c.Column.Column + ` = $3`
	_, err = tx.ExecContext(ctx, q, c.arg(fresh), v.id, c.arg(v.body))
	return err
}

// Tidy is the background's part, once a minute: it goes on with what a turn
// has left, and erases keys under which nothing has lain for a day. It ends
// in time for the next.
func (r *Ring) Tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Second)
	defer cancel()
	const q = `select kid, class, owner, state, wrapped from data_key where state = 'retired' and owner = ''`
	list, err := db.All(ctx, r.c.DB, readRow, q)
	if err != nil {
		return fmt.Errorf("keys: tidy: %w", err)
	}
	done := map[Class]bool{}
	for _, k := range list {
		if done[k.class] {
			continue
		}
		done[k.class] = true
		_, err := r.Move(ctx, k.class, func(int) {})
		if errors.Is(err, context.DeadlineExceeded) {
			return nil // the next goes on
		}
		if err != nil {
			return err
		}
		if err := r.Settle(ctx, k.class); err != nil {
			return err
		}
	}
	return nil
}

// Settle notes that nothing lies under the retired keys of class any more,
// and erases those of which that is noted since Grace. Something found under
// one takes the note back.
func (r *Ring) Settle(ctx context.Context, class Class) error {
	left, err := r.Left(ctx, class)
	if err != nil {
		return err
	}
	now := r.c.Now()
	if left > 0 {
		_, err := r.c.DB.ExecContext(ctx, `update data_key set emptied_at = 0 where class = $1 and state = 'retired'`, string(class))
		return err
	}
	return r.c.DB.Tx(ctx, func(tx *db.Tx) error {
		const erase = `
			update data_key set state = 'destroyed', wrapped = '', destroyed_at = $1
			where class = $2 and owner = '' and state = 'retired' and emptied_at > 0 and emptied_at < $3`
		const note = `
			update data_key set emptied_at = $1
			where class = $2 and owner = '' and state = 'retired' and emptied_at = 0 and retired_at < $3`
		if _, err := tx.ExecContext(ctx, erase, now.UnixMicro(), string(class), now.Add(-Grace).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, note, now.UnixMicro(), string(class), now.Add(-2*noticed).UnixMicro())
		return err
	})
}

// TidyJob is what the work queue runs.
const TidyJob = "keys.tidy"

// TidyHandler is Tidy as a job.
func (r *Ring) TidyHandler(ctx context.Context, _ json.RawMessage) error { return r.Tidy(ctx) }
