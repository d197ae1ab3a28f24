package access

import (
	"context"
	"sync"
	"time"
)

// Facts is what a decision about one actor and one patient rests on, beside
// who the actor is.
type Facts struct {
	Born       string // YYYY-MM-DD, or as much as is known
	State      string // of the patient's home, such as TX
	VIP        bool   // the record is opened with a stated reason alone
	Near       bool   // staff: the record is the actor's own, a colleague's or the household's
	Blocked    bool   // a court or the clinic keeps this actor out
	Restricted bool   // the patient asked, and the clinic agreed, to keep this actor or role out
	Treats     bool   // staff: on the patient's care team
	Programme  Label  // staff: what treating the patient opens beside the role's own
	Emergency  time.Time
}

// Lookup finds facts. A Check fails where it fails.
type Lookup interface {
	Facts(ctx context.Context, a Actor, patient string) (Facts, error)
}

// AgeRules narrow a parent's grant as the child grows up, by the law of the
// state. They never widen it.
type AgeRules interface {
	Narrow(g Grant, born, state string, at time.Time) Grant
}

// Fresh is how long facts may be used again. Permission that was taken away
// on another node ends within it.
const Fresh = time.Second

// remembered are the facts of who asked for whom lately.
type remembered struct {
	mu    sync.Mutex
	known map[pair]timed
	era   int64 // counts what was forgotten: a look-up begun before is not kept
}

type pair struct {
	kind           Kind
	actor, patient string
}

type timed struct {
	facts Facts
	at    time.Time
}

// most is how many pairs are remembered at a time.
const most = 4096

func (m *remembered) get(k pair, now time.Time) (f Facts, era int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.known[k]
	if age := now.Sub(t.at); !ok || age >= Fresh || age < 0 {
		return Facts{}, m.era, false
	}
	return t.facts, m.era, true
}

func (m *remembered) put(k pair, f Facts, now time.Time, era int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if era != m.era {
		return
	}
	if m.known == nil || len(m.known) >= most {
		m.known = map[pair]timed{}
	}
	m.known[k] = timed{f, now}
}

func (m *remembered) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = nil
	m.era++
}
