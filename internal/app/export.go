package app

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/disclosure"
	"hale/internal/care/summary"
	"hale/internal/record"
	"hale/internal/standard/ccda"
	"hale/internal/store/db"
)

// The forms of an export.
const (
	AsBundle = "bundle" // one FHIR bundle of everything for each patient
	AsNDJSON = "ndjson" // one file for each type
	AsCCD    = "ccd"    // one C-CDA document for each patient
	AsIPS    = "ips"    // one International Patient Summary for each patient
)

// Export says what is taken out of the record, and for whom.
type Export struct {
	Patient   string // empty: everyone
	Format    string
	Window    summary.Window
	Out       string // a folder that is not there yet
	Protected bool   // with what the law protects more, and what waits for its release

	Recipient, Address, Purpose string
	Basis                       disclosure.Basis
}

// Exported is what came out.
type Exported struct{ Patients, Resources, Files int }

// exporting is one export under way.
type exporting struct {
	a     *App
	e     Export
	actor access.Actor
	dir   string // until it is whole
	files map[string]*bufio.Writer
	open  []*os.File
	seen  map[string]bool // what is nobody's own and was written already
	done  Exported
}

var (
	errThere   = errs.New(errs.Conflict, "There is something at that place already. Name a folder that does not exist yet.")
	errNobody  = errs.New(errs.NotFound, "There is no such patient.")
	errCCDRule = errs.New(errs.Internal, "A document does not follow the order of CDA. Nothing was written.")
)

// Export writes files into the folder e.Out, which appears when all of it is
// there. Each patient's copy leaves an audit row, and stands in the ledger of
// disclosures where the law asks for that.
func (a *App) Export(ctx context.Context, e Export, show func(done, total int)) (Exported, error) {
	if _, err := os.Lstat(e.Out); !errors.Is(err, fs.ErrNotExist) {
		return Exported{}, errThere.Because(err)
	}
	x := &exporting{a: a, e: e, dir: e.Out + ".part", files: map[string]*bufio.Writer{}, seen: map[string]bool{}}
	x.actor = access.SystemActor("export", access.ReadRecord)
	if e.Protected {
		x.actor = access.SystemActor("export", access.ReadRecord, access.WriteRecord)
	}
	if err := os.Mkdir(x.dir, 0o700); err != nil {
		return Exported{}, fmt.Errorf("app: export: %w", err)
	}
	err := x.run(ctx, show)
	for _, f := range x.open {
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = os.Rename(x.dir, e.Out)
	}
	if err != nil {
		return Exported{}, errors.Join(err, os.RemoveAll(x.dir))
	}
	return x.done, nil
}

// run writes every patient's copy.
func (x *exporting) run(ctx context.Context, show func(done, total int)) error {
	list := []string{x.e.Patient}
	if x.e.Patient == "" {
		var err error
		if list, err = x.everyone(ctx); err != nil {
			return err
		}
	}
	for i, patient := range list {
		if err := x.disclose(ctx, patient); err != nil {
			return err
		}
		if err := x.one(ctx, patient); err != nil {
			return err
		}
		show(i+1, len(list))
	}
	for _, w := range x.files {
		if err := w.Flush(); err != nil {
			return fmt.Errorf("app: export: %w", err)
		}
	}
	return nil
}

// everyone returns the ids of all patients.
func (x *exporting) everyone(ctx context.Context) ([]string, error) {
	pass, err := x.a.Doors.CheckAll(ctx, x.actor, access.ReadRecord)
	if err != nil {
		return nil, err
	}
	newest, err := x.a.Record.Newest(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	err = x.a.Record.Walk(ctx, pass, record.Walk{At: x.a.c.Now().Add(time.Second), Types: []string{"Patient"}, To: newest}, func(s record.Stored) error {
		list = append(list, strings.Clone(s.ID))
		return nil
	})
	return list, err
}

// disclose notes to whom a patient's copy goes.
func (x *exporting) disclose(ctx context.Context, patient string) error {
	what := "A copy of the record as " + x.e.Format
	return x.a.db.Tx(ctx, func(tx *db.Tx) error {
		return x.a.people.Given.Record(ctx, tx, x.actor, disclosure.Entry{Patient: patient, Recipient: x.e.Recipient, Address: x.e.Address, What: what, Purpose: x.e.Purpose, Basis: x.e.Basis, Origin: "export/cli"})
	})
}

// one writes one patient's copy.
func (x *exporting) one(ctx context.Context, patient string) error {
	pass, err := x.a.Doors.Check(ctx, x.actor, access.ReadRecord, patient)
	if err != nil {
		return err
	}
	var types []string
	if x.e.Format == AsIPS {
		types = summary.IPSTypes
	}
	c, err := x.a.papers.summaries.Gather(ctx, pass, x.e.Window, types...)
	if errs.KindOf(err) == errs.NotFound {
		return errNobody.Because(err)
	}
	if err != nil {
		return err
	}
	x.done.Patients++
	x.done.Resources += 1 + len(c.List)
	switch x.e.Format {
	case AsNDJSON:
		return x.lines(c)
	case AsCCD:
		body := x.a.papers.summaries.CCD(c, documentID())
		if bad := ccda.Check(strings.NewReader(string(body))); len(bad) > 0 {
			return errCCDRule.Because(errors.New(bad[0]))
		}
		return x.file(patient+".xml", body)
	case AsIPS:
		body, err := x.a.papers.summaries.IPS(c, documentID())
		if err != nil {
			return err
		}
		return x.file(patient+".json", body)
	}
	body, err := x.a.papers.summaries.Bundle(c)
	if err != nil {
		return err
	}
	return x.file(patient+".json", body)
}

// file writes one file that only its owner may read.
func (x *exporting) file(name string, body []byte) error {
	if err := os.WriteFile(filepath.Join(x.dir, name), body, 0o600); err != nil {
		return fmt.Errorf("app: export: %w", err)
	}
	x.done.Files++
	return nil
}

// lines adds a patient's resources to the files of their types, and what
// they refer to once.
func (x *exporting) lines(c summary.Content) error {
	for _, e := range append(append([]summary.Entry{c.Who}, c.List...), c.Around...) {
		if e.Patient == "" {
			if x.seen[e.Ref()] {
				continue
			}
			x.seen[e.Ref()] = true
		}
		w := x.files[e.Type]
		if w == nil {
			f, err := os.OpenFile(filepath.Join(x.dir, e.Type+".ndjson"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return fmt.Errorf("app: export: %w", err)
			}
			w = bufio.NewWriterSize(f, 1<<16)
			x.open, x.files[e.Type] = append(x.open, f), w
			x.done.Files++
		}
		if _, err := w.Write(append(oneLine(e.JSON()), '\n')); err != nil {
			return fmt.Errorf("app: export: %w", err)
		}
	}
	return nil
}

// oneLine takes the line breaks out of JSON: between its values they mean
// nothing, and inside of a text they are escaped.
func oneLine(body []byte) []byte {
	out := make([]byte, 0, len(body)+1)
	for _, b := range body {
		if b != '\n' && b != '\r' {
			out = append(out, b)
		}
	}
	return out
}

// documentID draws a random UUID.
//
// Spec: RFC 9562 §5.4
func documentID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
