// Package blob keeps large files that the database should not hold: exports,
// and what was sent to be imported.
//
// A file lies sealed in pieces under a key of its own, which lies in the
// database under the ring: without the row nothing opens it again, so that
// taking away the row destroys the file wherever copies of it are. A file is
// there as a whole or not at all. Several nodes share one folder.
package blob

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Files is what keeps files, whatever they lie on.
type Files interface {
	// Create begins a file. It is there after Keep in a committed
	// transaction.
	Create(ctx context.Context, name string) (*Draft, error)
	// Put keeps all of in as the file called name, in the place of one there.
	Put(ctx context.Context, name string, in io.Reader) (bytes int64, err error)
	// Open opens a file; db.ErrNone where there is none.
	Open(ctx context.Context, name string) (*File, error)
	// Delete destroys a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List returns what there is under a prefix, by name.
	List(ctx context.Context, prefix string) ([]Info, error)
}

// Info is what is known of a file.
type Info struct {
	Name  string
	Bytes int64 // inside
	Made  time.Time
}

// Config is what a Folder needs.
type Config struct {
	DB   *db.DB
	Keys *keys.Ring
	Path string // the folder; made with the first file
	Room int64  // bytes to leave free on the disk; 0: 512 MiB
	Now  func() time.Time
	Free func(path string) (int64, error) // bytes free on the disk of path; nil: asked of the system
	ID   func() string
}

// Folder is Files in a folder.
type Folder struct{ c Config }

// ErrFull says that the disk has too little room left.
var ErrFull = errs.New(errs.Unavailable, "There is too little room on the disk for this now. Please try again later.")

// usualRoom is what is left free on a disk.
const usualRoom = 512 << 20

// Open returns the files in c.Path.
func Open(c Config) (*Folder, error) {
	if c.Room == 0 {
		c.Room = usualRoom
	}
	if c.Free == nil {
		c.Free = free
	}
	if c.Path == "" {
		return nil, errors.New("blob: open: a folder is needed")
	}
	return &Folder{c}, nil
}

// valid says whether name is one: parts of letters, digits and -, apart by /.
func valid(name string) bool {
	if name == "" || len(name) > 200 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

func (f *Folder) path(name string) string {
	return filepath.Join(f.c.Path, filepath.FromSlash(name)+ending)
}

const (
	ending = ".sealed"
	begun  = ".begun" // of a file that is being written
)

// roomEvery is after how many bytes the disk is asked again for its room.
const roomEvery = 16 << 20

// Draft is a file that is being written.
type Draft struct {
	Name string

	folder *Folder
	file   *os.File
	buf    *bufio.Writer
	seal   *seal.StreamWriter
	key    seal.Key
	bytes  int64
	asked  int64 // bytes when the disk was last asked for room
	ended  bool
}

// Create begins a file.
func (f *Folder) Create(_ context.Context, name string) (*Draft, error) {
	if !valid(name) {
		return nil, errors.New("blob: create: not a name")
	}
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		return nil, fmt.Errorf("blob: create: %w", err)
	}
	if err := f.room(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.path(name)+"."+f.c.ID()+begun, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("blob: create: %w", err)
	}
	d := &Draft{Name: name, folder: f, file: file, key: seal.NewKey(), buf: bufio.NewWriterSize(file, 256<<10)}
	d.seal = d.key.StreamTo(d.buf)
	return d, nil
}

// room refuses where the disk has too little of it.
func (f *Folder) room() error {
	n, err := f.c.Free(f.c.Path)
	if err != nil {
		return fmt.Errorf("blob: room: %w", err)
	}
	if n < f.c.Room {
		return ErrFull
	}
	return nil
}

// Write adds p to the file.
func (d *Draft) Write(p []byte) (int, error) {
	if d.bytes-d.asked > roomEvery {
		d.asked = d.bytes
		if err := d.folder.room(); err != nil {
			return 0, err
		}
	}
	n, err := d.seal.Write(p)
	d.bytes += int64(n)
	return n, err
}

// Bytes returns how much was written.
func (d *Draft) Bytes() int64 { return d.bytes }

// Finish puts the whole file on the disk. It can be opened after Keep.
func (d *Draft) Finish() error {
	if d.ended {
		return nil
	}
	d.ended = true
	err := errors.Join(d.seal.Close(), d.buf.Flush())
	if err == nil {
		err = d.file.Sync()
	}
	if err = errors.Join(err, d.file.Close()); err == nil {
		err = os.Rename(d.file.Name(), d.folder.path(d.Name))
	}
	if err == nil {
		err = syncFolder(filepath.Dir(d.folder.path(d.Name)))
	}
	if err != nil {
		_ = os.Remove(d.file.Name())
		return fmt.Errorf("blob: finish: %w", err)
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Keep makes a finished file known in tx.
func (d *Draft) Keep(ctx context.Context, tx *db.Tx) error {
	if err := d.Finish(); err != nil {
		return err
	}
	wrapped, err := d.folder.c.Keys.Seal(ctx, tx, keys.Secrets, "blob", "wrapped", d.Name, []byte(d.key.Hex()))
	if err != nil {
		return fmt.Errorf("blob: keep: %w", err)
	}
	const q = `
		insert into blob (name, wrapped, bytes, made_at) values ($1, $2, $3, $4)
		on conflict (name) do update set wrapped = excluded.wrapped, bytes = excluded.bytes, made_at = excluded.made_at`
	if _, err := tx.ExecContext(ctx, q, d.Name, wrapped, d.bytes, d.folder.c.Now().UnixMicro()); err != nil {
		return fmt.Errorf("blob: keep: %w", err)
	}
	return nil
}

// Discard takes away a file that is not to be kept. After Keep in a
// committed transaction it must not be called.
func (d *Draft) Discard() {
	if !d.ended {
		d.ended = true
		_ = d.file.Close()
		_ = os.Remove(d.file.Name())
		return
	}
	_ = os.Remove(d.folder.path(d.Name))
}

// Put keeps all of in.
func (f *Folder) Put(ctx context.Context, name string, in io.Reader) (int64, error) {
	d, err := f.Create(ctx, name)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(d, in); err != nil {
		d.Discard()
		return 0, fmt.Errorf("blob: put: %w", err)
	}
	if err := d.Finish(); err != nil {
		return 0, err
	}
	return d.Bytes(), f.c.DB.Tx(ctx, func(tx *db.Tx) error { return d.Keep(ctx, tx) })
}

// File is an open file.
type File struct {
	*seal.StreamReader
	file *os.File
}

// Close closes it.
func (f *File) Close() error { return f.file.Close() }

// Open opens a file.
func (f *Folder) Open(ctx context.Context, name string) (*File, error) {
	type row struct {
		wrapped []byte
		bytes   int64
	}
	scan := func(scan db.Scan) (r row, err error) { return r, scan(&r.wrapped, &r.bytes) }
	r, err := db.One(ctx, f.c.DB, scan, `select wrapped, bytes from blob where name = $1`, name)
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	hex, err := f.c.Keys.Open(ctx, r.wrapped, "blob", "wrapped", name)
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	key, err := seal.ParseKey(string(hex))
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	file, err := os.Open(f.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("blob: open: the file is gone: %w", db.ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	open, err := opened(file, key)
	if err == nil && open.Size() != r.bytes {
		err = errors.New("it is not as long as it was written")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob: open: %w", err), file.Close())
	}
	return open, nil
}

func opened(file *os.File, key seal.Key) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	r, err := key.StreamFrom(file, info.Size())
	return &File{r, file}, err
}

// Delete destroys a file: its key first.
func (f *Folder) Delete(ctx context.Context, name string) error {
	if !valid(name) {
		return nil
	}
	if _, err := f.c.DB.ExecContext(ctx, `delete from blob where name = $1`, name); err != nil {
		return fmt.Errorf("blob: delete: %w", err)
	}
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("blob: delete: %w", err)
	}
	return nil
}

// List returns what there is under a prefix, by name.
func (f *Folder) List(ctx context.Context, prefix string) ([]Info, error) {
	const q = `select name, bytes, made_at from blob where name >= $1 and name < $2 order by name`
	list, err := db.All(ctx, f.c.DB, func(scan db.Scan) (i Info, err error) {
		var at int64
		err = scan(&i.Name, &i.Bytes, &at)
		i.Made = time.UnixMicro(at).UTC()
		return i, err
	}, q, prefix, prefix+"\U0010FFFF")
	if err != nil {
		return nil, fmt.Errorf("blob: list: %w", err)
	}
	return list, nil
}
