// Package record holds the FHIR record of everyone.
//
// Resources are kept byte for byte with all their versions; rows of a search
// index make them quick to find. There is one way in, PutAll, which does all
// of that in the caller's transaction.
//
// Spec: https://hl7.org/fhir/R4/http.html and https://hl7.org/fhir/R4/search.html
package record

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/standard/fhir"
	"hale/internal/standard/terms"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// Source is who or what wrote a resource: its provenance.
type Source struct {
	Actor access.Actor
	Feed  string // the name of the feed it came by; empty for a form

	Within *access.Pass // refuses what would replace something that this hides; nil: nothing
}

// Draft is a resource to be put.
type Draft struct {
	Type, ID  string // an empty ID asks for a new one
	Body      []byte // must not change afterwards
	IfVersion int64  // fail unless this is the current version; 0 is any
	Strict    bool   // refuse it if it does not conform
}

// Change is a resource that was put and differs from what was there.
type Change struct {
	Type, ID, Patient string // Patient is empty where it belongs to no one patient
	Was               string // whose it was before, if that was another patient
	Version           int64
	At                time.Time
	Body              []byte
	Node              fhir.Node
	Created, Deleted  bool
	Labels            access.Label // by its own codes and its sender's word

	cared int64 // its main date, or when it was written
	refs  []link
	sum   [sha256.Size]byte // of the body
	by    *writtenBy
	n     int64 // its number
	whose int64 // the patient's number
	born  bool  // it was not there, or was deleted
}

// Projector keeps a narrow typed view of some types, in the transaction of
// the change itself.
type Projector interface {
	Types() []string
	Project(ctx context.Context, tx *db.Tx, batch []Change) error
}

// Holder says which resources wait before the patient sees them, by law or
// by wish. It is asked in the transaction of the change itself, before the
// views follow.
type Holder interface {
	Hold(ctx context.Context, tx *db.Tx, batch []Change) ([]Held, error)
}

// Held is a resource that waits until a time, by the rule that hold names.
type Held struct {
	Type, ID string
	Until    time.Time
	Hold     string
}

// Store is the record.
type Store struct {
	db     *db.DB
	ids    *ids.Source
	now    func() time.Time
	events *event.Log
	audit  *audit.Log
	views  []follower
	holds  []Holder
	keys   *keys.Ring // nil: nothing is sealed

	checker  Checker // nil: nothing is checked
	policy   func(Source) Policy
	fed      fedAt
	terms    *terms.Terms // nil: no value sets are known
	base     string       // our own address, empty: not known
	ready    atomic.Bool  // the search index is by the newest rules
	wake     wakeUp
	together together
	cache    cache
}

// fedAt is when each feed last wrote, in microseconds, and how often then. A
// batch is found again by its provenance and its time, so of two batches of
// one feed in one microsecond the second has a provenance of its own.
type fedAt struct {
	mu   sync.Mutex
	last map[int64][2]int64
}

// again returns how many batches the feed wrote at that time before.
func (f *fedAt) again(source int64, at time.Time) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[int64][2]int64{}
	}
	was, us := f.last[source], at.UnixMicro()
	n := int64(0)
	if was[0] == us {
		n = was[1] + 1
	}
	f.last[source] = [2]int64{us, n}
	return n
}

// follower is a view and the types it wants.
type follower struct {
	view  Projector
	types map[string]bool
}

// New returns the record in d, with views that follow every change.
func New(d *db.DB, ids *ids.Source, now func() time.Time, events *event.Log, views ...Projector) *Store {
	s := &Store{db: d, ids: ids, now: now, events: events, audit: audit.NewLog(d, ids, now)}
	for _, v := range views {
		f := follower{v, map[string]bool{}}
		for _, typ := range v.Types() {
			f.types[typ] = true
		}
		s.views = append(s.views, f)
	}
	return s
}

// WithHolders returns s asking holders about every change.
func (s *Store) WithHolders(holders ...Holder) *Store {
	s.holds = append(s.holds, holders...)
	return s
}

// Now is the time by the record's clock.
func (s *Store) Now() time.Time { return s.now() }
