// Package bulk brings folders of FHIR bundles and NDJSON into the record.
//
// A bundle of type transaction goes in whole or not at all; running an
// import twice changes nothing.
//
// Spec: https://hl7.org/fhir/R4/bundle.html and https://hl7.org/fhir/uv/bulkdata/STU2/
package bulk

import (
	"context"
	"errors"
	"io"
	"time"

	"hale/internal/record"
	"hale/internal/store/db"
)

// Progress is how far an import is.
type Progress struct {
	Done, Total int64         // bytes; Total is 0 where it is not known
	Resources   int           // read so far
	Rate        float64       // resources per second
	Left        time.Duration // a guess
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
	Counts    map[string]int // per type, created or changed
	Unchanged int
	Bad       []Bad
	Skipped   []Bad // files and lines that are no FHIR; they fail nothing
	Files     int
	Resources int
	Bytes     int64
	Took      time.Duration
}

// Importer brings files into the record.
type Importer struct {
	store *record.Store
	db    *db.DB
	src   record.Source
}

// New returns an importer that writes to s as src.
func New(s *record.Store, d *db.DB, src record.Source) *Importer {
	return &Importer{store: s, db: d, src: src}
}

// Import reads the file or folder at dir.
func (im *Importer) Import(ctx context.Context, dir string, progress func(Progress)) (Report, error) {
	return Report{}, errors.New("bulk: not yet")
}

// ImportStream reads NDJSON from r.
func (im *Importer) ImportStream(ctx context.Context, name string, r io.Reader, progress func(Progress)) (Report, error) {
	return Report{}, errors.New("bulk: not yet")
}
