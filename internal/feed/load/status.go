package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/blob"
	"hale/internal/store/db"
)

// Wait is how long a client should wait before it asks again.
const Wait = 2 * time.Second

// soon and patience say how much haste is borne with: so often in a row less
// than so long after the last time.
const (
	soon     = 900 * time.Millisecond
	patience = 4
)

// mine returns a load of the client that asks.
func (s *Store) mine(ctx context.Context, a access.Actor, id string) (Task, error) {
	client, err := clientOf(a)
	if err != nil {
		return Task{}, err
	}
	t, err := db.One(ctx, s.DB, readTask, columns+` where id = $1 and client = $2`, id, client)
	if err != nil {
		return t, fmt.Errorf("load: look: %w", err)
	}
	if t.State == Stopped || t.cleaned != 0 || !t.Expires.IsZero() && !s.Now().Before(t.Expires) {
		return Task{}, db.ErrNone
	}
	return t, s.inputs(ctx, &t)
}

// Status returns a load of the client that asks; errs.TooMany where that
// asks too often.
func (s *Store) Status(ctx context.Context, a access.Actor, id string) (Task, error) {
	t, err := s.mine(ctx, a, id)
	if err != nil || t.State == Done || t.State == Failed {
		return t, err
	}
	now, hurried := s.Now().UnixMicro(), int64(0)
	if time.Duration(now-t.polled)*time.Microsecond < soon {
		hurried = t.hurried + 1
	}
	if _, err := s.DB.ExecContext(ctx, `update bulk_load set polled_at = $2, hurried = $3 where id = $1`, id, now, hurried); err != nil {
		return t, fmt.Errorf("load: status: %w", err)
	}
	if hurried > patience {
		return t, errSoon
	}
	return t, nil
}

// Cancel ends a load of the client that asks. What was taken in stays.
func (s *Store) Cancel(ctx context.Context, a access.Actor, id string) error {
	t, err := s.mine(ctx, a, id)
	if err != nil {
		return err
	}
	return s.stop(ctx, a, t)
}

func (s *Store) stop(ctx context.Context, by access.Actor, t Task) error {
	err := s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update bulk_load set state = 'stopped', claim = '', finished_at = $2 where id = $1`
		if _, err := tx.ExecContext(ctx, q, t.ID, s.Now().UnixMicro()); err != nil {
			return fmt.Errorf("load: stop: %w", err)
		}
		return s.note(ctx, tx, by, "bulk.stop", t.ID)
	})
	if err != nil {
		return err
	}
	return s.clean(ctx, t.ID)
}

// List returns the latest loads, for who watches over them.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Task, error) {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, readTask, columns+` order by made_at desc, id limit $1`, n)
	if err != nil {
		return nil, fmt.Errorf("load: list: %w", err)
	}
	for i := range list {
		if err := s.inputs(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Stop ends a load of any client.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.ReadAudit); err != nil {
		return err
	}
	t, err := db.One(ctx, s.DB, readTask, columns+` where id = $1`, id)
	if err != nil {
		return fmt.Errorf("load: stop: %w", err)
	}
	return s.stop(ctx, pass.Actor(), t)
}

// Problem is a file of OperationOutcomes about lines that were refused.
type Problem struct {
	ID           string
	Input        int
	Lines, Bytes int64
}

func readProblem(scan db.Scan) (p Problem, err error) {
	return p, scan(&p.ID, &p.Input, &p.Lines, &p.Bytes)
}

// Problems returns the files about what a load refused.
func (s *Store) Problems(ctx context.Context, a access.Actor, id string) ([]Problem, error) {
	if _, err := s.mine(ctx, a, id); err != nil {
		return nil, err
	}
	const q = `select id, n, lines, bytes from bulk_load_problem where load = $1 order by n, id`
	list, err := db.All(ctx, s.DB, readProblem, q, id)
	if err != nil {
		return nil, fmt.Errorf("load: problems: %w", err)
	}
	return list, nil
}

// Open opens such a file.
func (s *Store) Open(ctx context.Context, a access.Actor, id, problem string) (*blob.File, error) {
	list, err := s.Problems(ctx, a, id)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.ID == problem {
			return s.Files.Open(ctx, "load/"+p.ID)
		}
	}
	return nil, db.ErrNone
}

// clean destroys the files of a load.
func (s *Store) clean(ctx context.Context, id string) error {
	list, err := db.All(ctx, s.DB, db.Value[string], `select id from bulk_load_problem where load = $1`, id)
	if err != nil {
		return fmt.Errorf("load: clean: %w", err)
	}
	for _, p := range list {
		err = errors.Join(err, s.Files.Delete(ctx, "load/"+p))
	}
	inputs, failed := db.All(ctx, s.DB, db.Value[int], `select n from bulk_load_input where load = $1`, id)
	err = errors.Join(err, failed)
	for _, n := range inputs {
		err = errors.Join(err, s.Files.Delete(ctx, name(id, n)))
	}
	if err != nil {
		return fmt.Errorf("load: clean: %w", err)
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from bulk_load_problem where load = $1`, id); err != nil {
			return fmt.Errorf("load: clean: %w", err)
		}
		_, err := tx.ExecContext(ctx, `update bulk_load set cleaned_at = $2 where id = $1`, id, s.Now().UnixMicro())
		return err
	})
}
