package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

// writerCache and readerCache are page caches in KiB. Each connection has
// its own, so the readers' are small.
const (
	writerCache = 16 << 10
	readerCache = 2 << 10
)

// openSQLite opens the encrypted file at path, in WAL mode with every commit
// synced to disk.
func openSQLite(ctx context.Context, path string, key seal.Key) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("db: open: %w", err)
	}
	register()
	write, err := driver.Open(dsn(path, key, "immediate", writerCache), settled)
	if err != nil {
		return nil, fmt.Errorf("db: open: %w", err)
	}
	write.SetMaxOpenConns(1)
	if err := errors.Join(assertDurable(ctx, write), beginLog(ctx, write), syncFolder(filepath.Dir(path))); err != nil {
		_ = write.Close()
		return nil, err
	}
	read, err := driver.Open(dsn(path, key, "deferred", readerCache)+"&_pragma=query_only(1)", settled)
	if err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("db: open: %w", err)
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	read.SetMaxIdleConns(max(4, runtime.NumCPU()))
	return &DB{engine: SQLite, read: read, write: write, reads: &statements{pool: read}, writes: &statements{pool: write}}, nil
}

// settled has a connection keep the plan of a compiled statement: it would
// compile a search anew whenever its parameters change, which takes longer
// than the search.
func settled(c *sqlite3.Conn) error {
	_, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
	return err
}

func dsn(path string, key seal.Key, lock string, cache int) string {
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	return fmt.Sprintf("%s?vfs="+FileSystem+"&hexkey=%s&_txlock=%s"+
		"&_pragma=busy_timeout(15000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"+
		"&_pragma=foreign_keys(1)&_pragma=temp_store(memory)&_pragma=wal_autocheckpoint(8000)&_pragma=cache_size(-%d)",
		file, key.Hex(), lock, cache)
}

// assertDurable fails unless a commit survives a power cut, and unless key
// opens the file.
func assertDurable(ctx context.Context, d *sql.DB) error {
	var mode string
	var sync int
	if err := d.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode); err != nil {
		return errs.New(errs.Invalid, "The database could not be opened: is the key file the right one, and is the file a Hale database?").Because(err)
	}
	if err := d.QueryRowContext(ctx, "pragma synchronous").Scan(&sync); err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	if mode != "wal" || sync < 2 {
		return fmt.Errorf("db: open: journal_mode=%s synchronous=%d, want wal and 2 (full)", mode, sync)
	}
	return nil
}

// beginLog makes the write-ahead log's file, so that its name is durable
// before the first commit is.
func beginLog(ctx context.Context, d *sql.DB) error {
	if _, err := d.ExecContext(ctx, "select count(*) from sqlite_schema"); err != nil {
		return fmt.Errorf("db: open: %w", err)
	}
	return nil
}

// openPostgres opens a pool, which the work queue shares.
func openPostgres(ctx context.Context, url string) (*DB, error) {
	pool, err := pgxpool.New(ctx, Verified(url))
	if err != nil {
		return nil, errs.New(errs.Invalid, "The PostgreSQL address could not be read.").Because(err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, errs.New(errs.Unavailable, "PostgreSQL could not be reached. Is it running, and is the address right?").Because(err)
	}
	d := stdlib.OpenDBFromPool(pool)
	return &DB{engine: Postgres, read: d, write: d, pool: pool}, nil
}
