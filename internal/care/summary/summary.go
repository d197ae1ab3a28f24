// Package summary puts one patient's record together as others can read it:
// an International Patient Summary, a Continuity of Care Document, a bundle
// of everything, a page.
//
// It reads through one pass, and so shows what that pass shows: nothing that
// is labelled, waits, or lies beyond an app's scopes, unless the pass does.
//
// Spec: https://hl7.org/fhir/uv/ips/STU1.1/ and C-CDA R2.1
package summary

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// Window is the time that somebody asks about. A side that is zero is open;
// To itself is outside.
type Window struct{ From, To time.Time }

// Whole says whether w leaves nothing out.
func (w Window) Whole() bool { return w.From.IsZero() && w.To.IsZero() }

// holds says whether any of s lies in w.
func (w Window) holds(s fhir.Span) bool {
	return (w.To.IsZero() || s.Low.Before(w.To)) && (w.From.IsZero() || s.High.After(w.From))
}

// Entry is one resource.
type Entry struct {
	record.Resource
	Node fhir.Node
	When fhir.Span // its own time; zero where it names none
}

// Ref is how others refer to e.
func (e Entry) Ref() string { return e.Type + "/" + e.ID }

// Content is what of a record is put together.
type Content struct {
	Who    Entry   // the Patient
	List   []Entry // what is theirs, by type, the newest first
	Around []Entry // who and where those name: practitioners, organizations, places
	Window Window
	At     time.Time
}

// Of returns the entries of some types.
func (c Content) Of(types ...string) []Entry {
	var list []Entry
	for _, e := range c.List {
		if slices.Contains(types, e.Type) {
			list = append(list, e)
		}
	}
	return list
}

// records is what this package needs of the record.
type records interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Search(ctx context.Context, pass access.Pass, typ string, q url.Values) (record.Page, error)
	Held(ctx context.Context, pass access.Pass) ([]string, error)
}

// Store puts records together.
type Store struct {
	records records
	now     func() time.Time
	clinic  Clinic
}

// Clinic is who keeps the record.
type Clinic struct {
	Name, Phone, Address string
	Base                 string // of the FHIR API, without a slash at the end
	Zone                 *time.Location
}

// NewStore returns a store over r for a clinic.
func NewStore(r records, now func() time.Time, clinic Clinic) *Store {
	if clinic.Zone == nil {
		clinic.Zone = time.UTC
	}
	return &Store{records: r, now: now, clinic: clinic}
}

// around are the types that are nobody's own and that entries name.
var around = []string{"Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device", "Specimen", "RelatedPerson"}

// few are how many resources around a record come with it.
const few = 500

// errTooMuch refuses a record that does not fit into memory as one document.
var errTooMuch = errs.New(errs.Invalid, "That is too much for one file. Please choose fewer days.")

// most is how many entries one document takes.
const most = 50_000

// Gather reads what pass shows of the record of the patient whom it opens
// for ReadRecord, within a window. Without types, it is everything.
func (s *Store) Gather(ctx context.Context, pass access.Pass, w Window, types ...string) (Content, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return Content{}, err
	}
	c := Content{Window: w, At: s.now()}
	who, err := s.records.Get(ctx, pass, "Patient", patient)
	if err != nil {
		return Content{}, err
	}
	if c.Who, err = entry(who); err != nil {
		return Content{}, err
	}
	held, err := s.records.Held(ctx, pass)
	if err != nil {
		return Content{}, err
	}
	for _, typ := range held {
		if typ == "Patient" || len(types) > 0 && !slices.Contains(types, typ) {
			continue
		}
		if err := s.read(ctx, pass, typ, &c); err != nil {
			return Content{}, err
		}
	}
	slices.SortStableFunc(c.List, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), b.When.Low.Compare(a.When.Low), strings.Compare(a.ID, b.ID))
	})
	return c, s.surround(ctx, pass, &c)
}

// read adds the resources of one type.
func (s *Store) read(ctx context.Context, pass access.Pass, typ string, c *Content) error {
	q := url.Values{"_count": {"500"}}
	for {
		page, err := s.records.Search(ctx, pass, typ, q)
		if err != nil {
			return fmt.Errorf("summary: read %s: %w", typ, err)
		}
		for _, r := range page.Resources {
			e, err := entry(r)
			if err != nil {
				return err
			}
			if !c.Window.Whole() && !e.When.Low.IsZero() && !c.Window.holds(e.When) {
				continue
			}
			c.List = append(c.List, e)
		}
		if len(c.List) > most {
			return errTooMuch
		}
		if page.Next == "" {
			return nil
		}
		q.Set("_cursor", page.Next)
	}
}

func entry(r record.Resource) (Entry, error) {
	n, err := fhir.Parse(r.Body)
	if err != nil {
		return Entry{}, fmt.Errorf("summary: %s %s: %w", r.Type, r.ID, err)
	}
	return Entry{Resource: r, Node: n, When: when(r.Type, n)}, nil
}

// surround adds who and what the entries name, as far as pass shows them.
func (s *Store) surround(ctx context.Context, pass access.Pass, c *Content) error {
	asked := map[string]bool{c.Who.Ref(): true}
	for _, e := range c.List {
		asked[e.Ref()] = true
	}
	layer := append([]Entry{c.Who}, c.List...)
	for depth := 0; depth < 3 && len(layer) > 0; depth++ {
		var next []Entry
		for _, e := range layer {
			for _, ref := range references(e.Node) {
				typ, id := fhir.SplitReference(ref)
				if asked[typ+"/"+id] || !slices.Contains(around, typ) || len(c.Around)+len(next) >= few {
					continue
				}
				asked[typ+"/"+id] = true
				r, err := s.records.Get(ctx, pass, typ, id)
				if k := errs.KindOf(err); k == errs.NotFound || k == errs.Forbidden {
					continue // it is not there, or not shown: only its name stands
				}
				if err != nil {
					return fmt.Errorf("summary: %s: %w", typ, err)
				}
				found, err := entry(r)
				if err != nil {
					return err
				}
				next = append(next, found)
			}
		}
		c.Around, layer = append(c.Around, next...), next
	}
	return nil
}

// references returns what a resource refers to.
func references(n fhir.Node) []string {
	var list []string
	for o := range n.Holding("reference") {
		list = append(list, o.Get("reference").Text())
	}
	return list
}

// Visit returns what belongs to one encounter alone.
func (c Content) Visit(encounter string) Content {
	ref := "Encounter/" + encounter
	out := c
	out.List = nil
	for _, e := range c.List {
		if e.Ref() == ref || slices.Contains(references(e.Node), ref) {
			out.List = append(out.List, e)
		}
	}
	return out
}

// Bundle returns everything as a FHIR bundle of type collection.
//
// Spec: https://hl7.org/fhir/R4/bundle.html
func (s *Store) Bundle(c Content) ([]byte, error) {
	list := append(append([]Entry{c.Who}, c.List...), c.Around...)
	entries := make([]any, len(list))
	for i, e := range list {
		entries[i] = map[string]any{"fullUrl": s.clinic.Base + "/" + e.Ref(), "resource": json.RawMessage(e.JSON())}
	}
	out, err := json.MarshalIndent(map[string]any{"resourceType": "Bundle", "type": "collection", "timestamp": instant(c.At), "entry": entries}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("summary: bundle: %w", err)
	}
	return out, nil
}

// instant writes a time as FHIR does.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
