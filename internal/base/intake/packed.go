package intake

import (
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
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

// Archive is a ZIP archive whose list of contents keeps to its budget.
type Archive struct{ files []*zip.File }

// OpenArchive reads the list of an archive of size bytes. A name that leads
// out of the archive, a link, an encrypted entry or a size beyond the budget
// refuses the whole of it.
func OpenArchive(in io.ReaderAt, size int64, b Budget) (*Archive, error) {
	r, err := zip.NewReader(in, size)
	if err != nil {
		return nil, errBroken.Because(err)
	}
	if len(r.File) > b.Files {
		return nil, errPacked.Because(ErrBudget)
	}
	a, left := &Archive{}, uint64(b.Bytes)
	for _, f := range r.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if !inside(f.Name) || !f.Mode().IsRegular() || f.Flags&1 != 0 {
			return nil, errPacked
		}
		if n := f.UncompressedSize64; n > left || n > 1<<20 && n/uint64(b.Ratio) > f.CompressedSize64 {
			return nil, errPacked.Because(ErrBudget)
		}
		left -= f.UncompressedSize64
		a.files = append(a.files, f)
	}
	return a, nil
}

// Len returns how many files there are; folders do not count.
func (a *Archive) Len() int { return len(a.files) }

// Name returns the name of file i, slash-separated, within the archive.
func (a *Archive) Name(i int) string { return a.files[i].Name }

// Size returns how many bytes file i says it has unpacked.
func (a *Archive) Size(i int) int64 { return int64(a.files[i].UncompressedSize64) }

// Open returns file i. Reading ends with an error about the budget where it
// goes on beyond its size.
func (a *Archive) Open(i int) (io.ReadCloser, error) {
	r, err := a.files[i].Open()
	if err != nil {
		return nil, errBroken.Because(err)
	}
	return struct {
		io.Reader
		io.Closer
	}{&meter{r: r, left: a.Size(i)}, r}, nil
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
	return &meter{r: r, left: b.Bytes, ratio: b.Ratio, packed: &c.n}, nil
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

// Read reads and counts.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// meter reads until the budget is used up.
type meter struct {
	r          io.Reader
	left, read int64
	ratio      int64 // 0: any
	packed     *int64
}

// Read returns an error about the budget where the file goes beyond it.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.read += int64(n)
	m.left -= int64(n)
	if m.left < 0 || m.ratio > 0 && m.read > 1<<20 && m.read > m.ratio*max(1, *m.packed) {
		return 0, errPacked.Because(ErrBudget)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, errBroken.Because(err)
	}
	return n, err
}
