package reach

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"hale/internal/reach/policy"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// fresh are messages that this process wrote a moment ago, with their words
// and what was known of their people: most are claimed at once, and need not
// be opened and looked up again if nothing changed in between.
type fresh struct {
	mu      sync.Mutex
	by      map[string]freshly
	order   []string  // as they were added; some of them are gone
	senders int       // that run in this process
	runs    time.Time // until then the planner does not wait
}

// freshly is one of them.
type freshly struct {
	message, patient, purpose string
	sealed                    []byte
	body                      body
	who                       *subject // nil: to be looked up in any case
	mark                      db.Mark  // before who was read
	at                        time.Time
}

const (
	mostFresh   = 1300             // so many are remembered
	enoughFresh = 500              // so many may wait before the planner does
	freshFor    = 30 * time.Second // so long; what depends on the hour is looked up again then
	paceFor     = 300 * time.Millisecond
	runFor      = 5 * time.Second
)

// asOf marks what a claim goes by: everything but what the sender itself
// writes, and new messages.
func (e *Engine) asOf() db.Mark {
	return e.DB.Mark(planning, claiming, settling, audit.Aside, jobs.Aside)
}

// add remembers messages that are on disk.
func (f *fresh) add(list []freshly) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.senders == 0 { // nobody asks
		return
	}
	if f.by == nil {
		f.by = map[string]freshly{}
	}
	for _, m := range list {
		f.by[m.message] = m
		f.order = append(f.order, m.message)
	}
	old := 0
	for ; old < len(f.order) && len(f.by) > mostFresh; old++ {
		delete(f.by, f.order[old])
	}
	if f.order = slices.Delete(f.order, 0, old); len(f.order) > 2*mostFresh {
		f.order = slices.DeleteFunc(f.order, func(id string) bool { _, ok := f.by[id]; return !ok })
	}
}

// of returns a message that was written a moment before now.
func (f *fresh) of(id string, now time.Time) (freshly, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok := f.by[id]
	age := now.Sub(m.at)
	return m, ok && age >= 0 && age < freshFor
}

// body returns what m says, if that is known and its row is as it was.
func (f *fresh) body(m *sending, now time.Time) (body, bool) {
	k, ok := f.of(m.id, now)
	return k.body, ok && bytes.Equal(k.sealed, m.sealed)
}

// said returns what m says, if the look before its claim or the planner knows.
func (e *Engine) said(m *sending, seen *glance, now time.Time) (body, bool) {
	if b, ok := seen.body(m); ok {
		return b, true
	}
	return e.fresh.body(m, now)
}

// forget drops messages that were claimed.
func (f *fresh) forget(batch []*sending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range batch {
		delete(f.by, m.id)
	}
}

// run counts the senders of this process.
func (f *fresh) run(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.senders += n; f.senders == 0 {
		f.by, f.order = nil, nil
	}
}

// full says whether the planner is far enough ahead.
func (f *fresh) full(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.senders > 0 && now.After(f.runs) && len(f.by) > enoughFresh
}

// keepPace has the planner wait for the sender, but not for long: what it
// plans much earlier has to be read back. Where the sender is slow, or another
// node's, it runs on for a while.
func (e *Engine) keepPace(ctx context.Context) {
	const step = 5 * time.Millisecond
	for range paceFor / step {
		if !e.fresh.full(e.Now()) || ctx.Err() != nil {
			return
		}
		time.Sleep(step)
	}
	e.fresh.mu.Lock()
	defer e.fresh.mu.Unlock()
	e.fresh.runs = e.Now().Add(runFor)
}

// remember keeps a message of p that may leave at once, when it is on disk.
func (p *planner) remember(c policy.Candidate, id, patient string, sealed []byte, b body) {
	if c.NotBefore.After(p.now) || len(b.Text)+len(b.HTML) > 32<<10 {
		return
	}
	if c.Channel == Email {
		b.Page = "" // it stays here
	}
	b.Text, b.HTML = strings.Clone(b.Text), strings.Clone(b.HTML) // without the room that they were written in
	m := freshly{message: id, patient: patient, purpose: p.o.Purpose, sealed: sealed, body: b, mark: p.mark, at: p.now}
	if !p.purpose.Authorization { // else a signature is asked for each time
		m.who = p.crowd.by[patient]
	}
	p.made = append(p.made, m)
}
