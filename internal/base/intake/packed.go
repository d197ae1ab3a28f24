package intake

import (
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"path"
	"strings"
)

// Budget is what a packed file may become.
type Budget struct {
	Files int   // entries
	Bytes int64 // of all of them together, unpacked
	Ratio int64 // unpacked to packed, of any one beyond its first megabyte
}

// Imports is the budget of what an operator imports.
func Imports() Budget { return Budget{Files: 100_000, Bytes: 64 << 30, Ratio: 200} }

// ErrBudget is in the chain of every error about a file that goes beyond its
// budget.
var ErrBudget = errors.New("intake: beyond the budget")

// Zip goes through the files of a ZIP archive in their order, each with its
// name and a reader that keeps to the budget. Folders are left out; a name
// that leads out of the archive, a link or an encrypted entry ends it with an
// error.
func Zip(in io.ReaderAt, size int64, b Budget) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		archive, err := zip.NewReader(in, size)
		if err != nil {
			yield(Entry{}, errBroken.Because(err))
			return
		}
		if len(archive.File) > b.Files {
			yield(Entry{}, errPacked.Because(ErrBudget))
			return
		}
		left := b.Bytes
		for _, f := range archive.File {
			if f.FileInfo().IsDir() {
				continue
			}
			entry, shut, err := open(f, &left, b.Ratio)
			if err != nil {
				yield(Entry{Name: f.Name}, err)
				return
			}
			more := yield(entry, nil)
			shut()
			if !more {
				return
			}
		}
	}
}

// Entry is one file of an archive. It is good until the next one is asked for.
type Entry struct {
	Name string // slash-separated, within the archive
	io.Reader
}

func open(f *zip.File, left *int64, ratio int64) (Entry, func(), error) {
	if !inside(f.Name) || !f.Mode().IsRegular() || f.Flags&1 != 0 {
		return Entry{}, nil, errPacked
	}
	r, err := f.Open()
	if err != nil {
		return Entry{}, nil, errBroken.Because(err)
	}
	m := &meter{r: r, left: left, ratio: ratio, packed: func() int64 { return int64(f.CompressedSize64) }}
	return Entry{Name: f.Name, Reader: m}, func() { _ = r.Close() }, nil
}

// inside says whether name stays within the archive.
func inside(name string) bool {
	return name != "" && !strings.HasPrefix(name, "/") && !strings.ContainsAny(name, "\\\x00") && !strings.Contains(name, ":") &&
		path.Clean(name) == strings.TrimSuffix(name, "/") && name != ".." && !strings.HasPrefix(name, "../")
}

// Gzip unpacks in within the budget.
func Gzip(in io.Reader, b Budget) (io.Reader, error) {
	c := &counter{r: in}
	r, err := gzip.NewReader(c)
	if err != nil {
		return nil, errBroken.Because(err)
	}
	left := b.Bytes
	return &meter{r: r, left: &left, ratio: b.Ratio, packed: func() int64 { return c.n }}, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// meter reads until the budget is used up.
type meter struct {
	r      io.Reader
	left   *int64
	read   int64
	ratio  int64
	packed func() int64
}

// Read returns an error about the budget where the file goes beyond it.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.read += int64(n)
	*m.left -= int64(n)
	if *m.left < 0 || m.read > 1<<20 && m.read > m.ratio*max(1, m.packed()) {
		return 0, errPacked.Because(ErrBudget)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, errBroken.Because(err)
	}
	return n, err
}
