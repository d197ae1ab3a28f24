package export

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
	"hale/internal/store/blob"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// File is one file of an export.
type File struct {
	ID, Kind, Type string // Kind: output, error or deleted
	Resources      int64
	Bytes          int64 // as it reads, unpacked
}

func readFile(scan db.Scan) (f File, err error) {
	return f, scan(&f.ID, &f.Kind, &f.Type, &f.Resources, &f.Bytes)
}

// Files returns the files of an export that is done, of the client that asks.
func (s *Store) Files(ctx context.Context, a access.Actor, id string) ([]File, error) {
	t, err := s.mine(ctx, a, id)
	if err != nil {
		return nil, err
	}
	if t.State != Done {
		return nil, db.ErrNone
	}
	const q = `select id, kind, typ, resources, bytes from bulk_export_file where export = $1 order by kind, typ, made_at, id`
	list, err := db.All(ctx, s.DB, readFile, q, id)
	if err != nil {
		return nil, fmt.Errorf("export: files: %w", err)
	}
	return list, nil
}

// Content is an open file of an export.
type Content struct {
	File
	Packed int64 // its size as gzip
	blob   *blob.File
}

// Gzip returns the content as it lies: one gzip stream.
func (c *Content) Gzip() io.Reader { return c.blob }

// Plain returns the content unpacked.
func (c *Content) Plain() (io.Reader, error) { return gzip.NewReader(c.blob) }

// Close closes the file.
func (c *Content) Close() error { return c.blob.Close() }

var errScope = errs.New(errs.Forbidden, "The scopes of the token do not allow that.")

// Open opens a file of an export of the client that pass was made for, whose
// scopes must still be on what is in it.
func (s *Store) Open(ctx context.Context, pass access.Pass, file string) (*Content, error) {
	if err := pass.OpenAll(access.ReadRecord); err != nil {
		return nil, err
	}
	type row struct {
		File
		export string
	}
	const q = `select id, kind, typ, resources, bytes, export from bulk_export_file where id = $1`
	f, err := db.One(ctx, s.DB, func(scan db.Scan) (r row, err error) {
		r.File, err = readFile(func(dest ...any) error { return scan(append(dest, &r.export)...) })
		return r, err
	}, q, file)
	if err != nil {
		return nil, fmt.Errorf("export: open: %w", err)
	}
	t, err := s.mine(ctx, pass.Actor(), f.export)
	if err != nil {
		return nil, err
	}
	if t.State != Done {
		return nil, db.ErrNone
	}
	if some, ok := pass.Reaches(f.Type, smart.Read); f.Kind == "output" && (!ok || len(some) > 0 && !narrow(t.actor, f.Type)) {
		return nil, errScope
	}
	in, err := s.Config.Files.Open(ctx, "export/"+file)
	if err != nil {
		return nil, err
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		return s.note(ctx, tx, pass.Actor(), "bulk.download", f.export, f.Type)
	})
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return &Content{File: f.File, Packed: in.Size(), blob: in}, nil
}

// clean destroys the files of an export.
func (s *Store) clean(ctx context.Context, id string) error {
	list, err := db.All(ctx, s.DB, db.Value[string], `select id from bulk_export_file where export = $1`, id)
	if err != nil {
		return fmt.Errorf("export: clean: %w", err)
	}
	for _, f := range list {
		if err := s.Config.Files.Delete(ctx, "export/"+f); err != nil {
			return err
		}
	}
	return s.DB.Tx(ctx, func(tx *db.Tx) error {
		for _, q := range [...]string{`delete from bulk_export_file where export = $1`, `delete from bulk_export_beside where export = $1`} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return fmt.Errorf("export: clean: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, `update bulk_export set cleaned_at = $2 where id = $1`, id, s.Now().UnixMicro())
		return err
	})
}

// sweep destroys the files of exports that have expired, goes on with those
// whose worker died, and takes away what crashes left in the folder.
func (s *Store) sweep(ctx context.Context, _ json.RawMessage) error {
	now := s.Now().UnixMicro()
	const old = `select id from bulk_export where cleaned_at = 0 and (state = 'stopped' or state in ('done', 'failed') and expires_at <= $1)`
	list, err := db.All(ctx, s.DB, db.Value[string], old, now)
	if err != nil {
		return fmt.Errorf("export: sweep: %w", err)
	}
	for _, id := range list {
		if err := s.clean(ctx, id); err != nil {
			return err
		}
	}
	const left = `select id from bulk_export where state in ('waiting', 'running') and lease_until < $1 and made_at < $2`
	lost, err := db.All(ctx, s.DB, db.Value[string], left, now, s.Now().Add(-s.Lease).UnixMicro())
	if err != nil {
		return fmt.Errorf("export: sweep: %w", err)
	}
	for _, id := range lost {
		err := s.DB.Tx(ctx, func(tx *db.Tx) error {
			return s.queue.Add(ctx, tx, jobs.Job{Kind: Job, Args: id, Unique: id + "/again", MaxAttempts: 3})
		})
		if err != nil {
			return err
		}
	}
	if f, ok := s.Config.Files.(*blob.Folder); ok {
		if _, err := f.Sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}
