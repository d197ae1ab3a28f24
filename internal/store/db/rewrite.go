package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

var errInUse = errs.New(errs.Conflict, "The database is in use. Stop Hale first: its file can only be rewritten while nothing else has it open.")

// Rewrite writes the SQLite file at path anew under key after, in the place
// of the one under before. It needs the file for itself. Until the very end,
// which is one rename, the old file is there and whole.
func Rewrite(ctx context.Context, path string, before, after seal.Key) error {
	fresh := path + ".new"
	if err := remove(fresh, fresh+"-wal", fresh+"-shm", fresh+"-journal"); err != nil {
		return fmt.Errorf("db: rewrite: %w", err)
	}
	if err := copyInto(ctx, path, before.For("sqlite"), fresh, after.For("sqlite")); err != nil {
		return err
	}
	d, err := openSQLite(ctx, fresh, after.For("sqlite"))
	if err != nil {
		return fmt.Errorf("db: rewrite: what was written does not open: %w", err)
	}
	said, err := One(ctx, d, Value[string], "pragma integrity_check")
	if err = errors.Join(err, d.Close()); err != nil || said != "ok" {
		return fmt.Errorf("db: rewrite: what was written is not whole: %w", err)
	}
	if err := synced(fresh); err != nil {
		return fmt.Errorf("db: rewrite: %w", err)
	}
	if err := remove(path+"-wal", path+"-shm"); err != nil { // both are empty: the last to close took them in
		return fmt.Errorf("db: rewrite: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("db: rewrite: %w", err)
	}
	return synced(filepath.Dir(path))
}

// copyInto has SQLite copy what is in path to a new file, holding path for
// itself.
func copyInto(ctx context.Context, path string, before seal.Key, fresh string, after seal.Key) (err error) {
	d, err := sql.Open("sqlite3", dsn(path, before, "exclusive", writerCache))
	if err != nil {
		return fmt.Errorf("db: rewrite: %w", err)
	}
	d.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := assertDurable(ctx, d); err != nil {
		return err
	}
	// Leaving write-ahead logging needs the file for oneself, and leaves no
	// log behind.
	for _, q := range []string{"pragma busy_timeout = 1000", "pragma locking_mode = exclusive", "pragma wal_checkpoint(truncate)"} {
		if _, err := d.ExecContext(ctx, q); err != nil {
			return errInUse.Because(err)
		}
	}
	var mode string
	if err := d.QueryRowContext(ctx, "pragma journal_mode = delete").Scan(&mode); err != nil || mode != "delete" {
		return errInUse.Because(err)
	}
	if _, err := d.ExecContext(ctx, "begin exclusive"); err != nil {
		return errInUse.Because(err)
	}
	if _, err := d.ExecContext(ctx, "commit"); err != nil {
		return errInUse.Because(err)
	}
	to := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: fresh}).EscapedPath()}).String() + "?vfs=adiantum&hexkey=" + after.Hex()
	if _, err := d.ExecContext(ctx, "vacuum into ?1", to); err != nil {
		return fmt.Errorf("db: rewrite: %w", err)
	}
	return nil
}

func remove(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// synced makes sure that a file or folder is on the disk.
func synced(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
