// Package bulk brings folders of FHIR bundles and NDJSON into the record.
//
// A bundle goes in whole or not at all, NDJSON line by line; running an
// import twice changes nothing. What a file is, its content says, not its
// name.
//
// Spec: https://hl7.org/fhir/R4/bundle.html and https://hl7.org/fhir/uv/bulkdata/STU2/
package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Progress is how far an import is.
type Progress struct {
	Done, Total int64         // bytes; Total is 0 where it is not known
	Resources   int           // taken or refused so far
	Rate        float64       // resources per second
	Left        time.Duration // a guess, 0 where there is none
	File        string
}

// Bad is something that did not go in.
type Bad struct {
	File   string
	Entry  int    // the entry of a bundle or the line of NDJSON, from 1; 0 is the whole file
	Place  string // where in the JSON
	Reason string
}

// Report is what an import did.
type Report struct {
	Counts    map[string]int // created or changed, by type
	Unchanged int
	Bad       []Bad
	Skipped   []Bad // files and lines that are no FHIR; they fail nothing
	Files     int
	Resources int // created, changed or unchanged
	Bytes     int64
	Took      time.Duration
}

// Importer brings files into the record.
type Importer struct {
	store *record.Store
	db    *db.DB
	src   record.Source
	feeds Feeds
}

// Feeds hears how far a source has come.
type Feeds interface {
	Began(ctx context.Context, feed string) error
	Ended(ctx context.Context, feed, reason string) error
}

// Reporting returns a copy of im that tells feeds when an import begins and
// how it ends. One that could go on to its end went well, whatever was bad in
// its files: that is in its report.
func (im *Importer) Reporting(feeds Feeds) *Importer {
	c := *im
	c.feeds = feeds
	return &c
}

// began tells that an import begins.
func (im *Importer) began(ctx context.Context) error {
	if im.feeds == nil {
		return nil
	}
	return im.feeds.Began(ctx, im.src.Feed)
}

// ended tells how an import ended.
func (im *Importer) ended(ctx context.Context, err error) error {
	if im.feeds == nil {
		return err
	}
	reason := ""
	if err != nil {
		reason = "The import stopped before its end."
	}
	return errors.Join(err, im.feeds.Ended(context.WithoutCancel(ctx), im.src.Feed, reason))
}

// New returns an importer that writes to s, which is in d, as src.
func New(s *record.Store, d *db.DB, src record.Source) *Importer {
	return &Importer{store: s, db: d, src: src}
}

// Import reads the file or every file in the folder called at and calls
// progress, which may be nil, as it goes. An error means that it could not go
// on; what was bad in the files is in the report.
func (im *Importer) Import(ctx context.Context, at string, progress func(Progress)) (Report, error) {
	list, err := files(at)
	if err != nil {
		return Report{}, err
	}
	if err := im.began(ctx); err != nil {
		return Report{}, err
	}
	r := im.newRun(progress)
	for _, f := range list {
		r.total += f.size
	}
	r.report.Files = len(list)
	for before := math.MaxInt; len(list) > 0 && err == nil; {
		list, err = r.round(ctx, list)
		r.last = waiting(list) >= before // nothing new came in: name what is missing
		before = waiting(list)
	}
	return r.finish(), im.ended(ctx, err)
}

// waiting returns how much of list refers to what is not there yet.
func waiting(list []*file) int {
	n := len(list)
	for _, f := range list {
		n += len(f.pending)
	}
	return n
}

// ImportStream reads NDJSON from in, which progress and the report call name.
func (im *Importer) ImportStream(ctx context.Context, name string, in io.Reader, progress func(Progress)) (Report, error) {
	if err := im.began(ctx); err != nil {
		return Report{}, err
	}
	r := im.newRun(progress)
	r.report.Files = 1
	f := &file{name: name, stream: in}
	_, err := r.round(ctx, []*file{f})
	if err == nil {
		err = r.leftovers(ctx)
	}
	return r.finish(), im.ended(ctx, err)
}

// file is one file of an import.
type file struct {
	name, path string
	size       int64
	stream     io.Reader                     // instead of path: NDJSON from somewhere else
	unpack     func() (io.ReadCloser, error) // instead of path: from a packed file
	pending    []int32                       // lines that refer to what is not there yet, in order
}

// opened is a file being read.
type opened struct {
	io.ReadCloser
	file *file
}

func (f *file) open() (*opened, error) {
	if f.stream != nil {
		return &opened{io.NopCloser(f.stream), f}, nil
	}
	if f.unpack != nil {
		in, err := f.unpack()
		return &opened{in, f}, err
	}
	in, err := os.Open(f.path)
	return &opened{in, f}, err
}

// files lists the regular files at root, and those inside packed ones, by
// rank and name.
func files(root string) ([]*file, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, errs.New(errs.NotFound, "There is no such file or folder to import.").Because(err)
	}
	if !info.IsDir() {
		return unpacked(&file{name: filepath.Base(root), path: root, size: info.Size()})
	}
	var list []*file
	err = filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(at) // follows a link to a file
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		more, err := unpacked(&file{name: filepath.ToSlash(name), path: at, size: info.Size()})
		list = append(list, more...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bulk: list: %w", err)
	}
	slices.SortFunc(list, func(a, b *file) int {
		return cmp.Or(cmp.Compare(rank(a.name), rank(b.name)), cmp.Compare(a.name, b.name))
	})
	return list, nil
}

// rank puts files that others often refer to in front. Nothing depends on it
// but how often a file is read.
func rank(name string) int {
	name = strings.ToLower(path.Base(name))
	for i, word := range []string{"hospital", "organization", "location", "practitioner", "patient"} {
		if strings.HasPrefix(name, word) {
			return i
		}
	}
	return 9
}
