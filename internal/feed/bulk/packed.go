package bulk

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
)

// unpacked returns the files in f where it is packed by ZIP or gzip, and f
// itself where it is not. What it is, its content says.
func unpacked(f *file) ([]*file, error) {
	in, err := os.Open(f.path)
	if err != nil {
		return []*file{f}, nil // reading it will say so, by name
	}
	head := make([]byte, 4)
	n, err := io.ReadFull(in, head)
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		f.unpack = func() (io.ReadCloser, error) { return gunzip(f.path) }
		return []*file{f}, in.Close()
	case err == nil && bytes.Equal(head, []byte("PK\x03\x04")):
		list, err := unzip(f, in)
		if err != nil {
			return nil, errs.New(errs.Invalid, fmt.Sprintf("%s: %s", f.name, errs.Say(err))).Because(err)
		}
		return list, nil // the archive stays open as long as its files are read
	}
	return []*file{f}, in.Close()
}

// unzip lists what is in an archive.
func unzip(f *file, in *os.File) ([]*file, error) {
	a, err := intake.OpenArchive(in, f.size, intake.Imports())
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	list := make([]*file, a.Len())
	for i := range list {
		list[i] = &file{
			name: f.name + "/" + a.Name(i), size: a.Size(i),
			unpack: func() (io.ReadCloser, error) { return a.Open(i) },
		}
	}
	return list, nil
}

// gunzip reads a file that gzip packed.
func gunzip(path string) (io.ReadCloser, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := intake.Gzip(in, intake.Imports())
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, in}, nil
}
