// Package residents is how the people of the demo town behave: they get
// texts and mails, open links, book, ignore them, or say STOP.
//
// They come through the same door as everybody: the served address over
// HTTP, a link, a date of birth. What they do is planted in town.Truth, and
// never faster than a calm computer bears.
package residents

import (
	"container/heap"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/care/visit"
	"hale/internal/demo/carrier"
	"hale/internal/demo/mailbox"
	"hale/internal/demo/town"
	"hale/internal/reach/link"
	"hale/internal/store/db"
)

// Phones is how people answer a text.
type Phones interface {
	Reply(number, body string) error
}

// Visits is how people book by telephone.
type Visits interface {
	Slots(ctx context.Context, service string, from time.Time, n int) ([]visit.Slot, error)
	Book(ctx context.Context, pass access.Pass, slot string, how visit.How) (visit.Visit, error)
}

// Reader is how people read what is in their inbox.
type Reader interface {
	Mark(ctx context.Context, pass access.Pass, message, kind string, data any) error
}

// Links tells whose a link is: people know who they are.
type Links interface {
	Whose(ctx context.Context, token string) (link.Opened, error)
}

// Config is what the town's people need.
type Config struct {
	Town   *town.Town
	DB     *db.DB
	Doors  *access.Doors
	Visits Visits
	Links  Links
	Reader Reader // nil: nobody reads the inbox
	Phones Phones // nil: nobody answers texts
	Base   string // the address Hale is served at, http://127.0.0.1:8080
	Log    *slog.Logger
	Now    func() time.Time

	Pace      time.Duration // how long the slowest take to look at a message; 0: 90 s
	CallSpan  time.Duration // the window in which those call who book by telephone; 0: 3 minutes
	PerSecond int           // requests over HTTP at most; 0: 20
}

// People are the residents in action.
type People struct {
	Config
	by   map[string]town.Resident // by patient
	turn chan struct{}            // one for each request that may be made

	mu     sync.Mutex
	todo   tasks
	booked map[string]bool // outreach ␟ patient
	known  map[string]map[string]bool
	stats  Stats
}

// Stats counts what the people did.
type Stats struct{ Letters, Scans, Opened, Wrong, Booked, Called, Stopped, NotMe, Inbox, Failed int }

// New returns the people of c. Give Text and Mail to the carrier and the
// mail server, then Run.
func New(c Config) *People {
	if c.Pace == 0 {
		c.Pace = 90 * time.Second
	}
	if c.CallSpan == 0 {
		c.CallSpan = 3 * time.Minute
	}
	if c.PerSecond == 0 {
		c.PerSecond = 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Base = strings.TrimSuffix(c.Base, "/")
	p := &People{Config: c, by: make(map[string]town.Resident, len(c.Town.Residents)), turn: make(chan struct{}),
		booked: map[string]bool{}, known: map[string]map[string]bool{}}
	for _, r := range c.Town.Residents {
		p.by[r.Patient] = r
	}
	return p
}

// Stats returns what the people did so far.
func (p *People) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

func (p *People) count(add func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(&p.stats)
}

var linkIn = regexp.MustCompile(`/m/([0-9A-Za-z]{8,64})`)

// letter is a text or a mail with a link in it.
type letter struct {
	channel string
	to      string
	token   string
}

// Text hears of a text that arrived on a phone. It waits for nothing.
func (p *People) Text(t carrier.Text) {
	if !t.Mine {
		p.arrive(letter{channel: town.SMS, to: t.Phone}, t.Body)
	}
}

// Mail hears of a mail that arrived. It waits for nothing.
func (p *People) Mail(m mailbox.Mail) {
	p.arrive(letter{channel: town.Email, to: strings.ToLower(m.To)}, m.Text+"\n"+m.HTML)
}

func (p *People) arrive(l letter, body string) {
	found := linkIn.FindStringSubmatch(body)
	if found == nil || mailbox.MannerOf(l.to) == "never" || carrier.MannerOf(l.to) == "never" {
		return
	}
	l.token = found[1]
	p.count(func(s *Stats) { s.Letters++ })
	if l.channel == town.Email && scanned(l.to) {
		p.add(0, func(ctx context.Context) { p.scan(ctx, l) })
	}
	p.add(0, func(ctx context.Context) { p.consider(ctx, l) })
}

// scanned says whether the mail host looks at every link before its people
// do.
func scanned(address string) bool { return strings.HasSuffix(address, "@post.example.net") }

// task is something somebody will do.
type task struct {
	at time.Time
	do func(ctx context.Context)
}

type tasks []task

// Len is the number of tasks.
func (t tasks) Len() int { return len(t) }

// Less says which comes first.
func (t tasks) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

// Swap swaps two.
func (t tasks) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push adds one.
func (t *tasks) Push(x any) { *t = append(*t, x.(task)) }

// Pop takes the last.
func (t *tasks) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// add has do done after a while.
func (p *People) add(after time.Duration, do func(ctx context.Context)) {
	at := p.Now().Add(after)
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.todo, task{at, do})
}

// next returns what is due, nil for nothing.
func (p *People) next() func(context.Context) {
	now := p.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.todo) == 0 || p.todo[0].at.After(now) {
		return nil
	}
	return heap.Pop(&p.todo).(task).do
}

// hands is how many people act at the same time.
const hands = 4

// Run lets the people act until ctx ends.
func (p *People) Run(ctx context.Context) error {
	began := p.Now()
	work := make(chan func(context.Context))
	var all sync.WaitGroup
	for range hands {
		all.Go(func() {
			for do := range work {
				do(ctx)
			}
		})
	}
	all.Go(func() { p.turns(ctx) })
	all.Go(func() { p.listen(ctx, began) })
	p.hand(ctx, work)
	close(work)
	all.Wait()
	return nil
}

// hand gives out what is due until ctx ends.
func (p *People) hand(ctx context.Context, work chan<- func(context.Context)) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		for do := p.next(); do != nil; do = p.next() {
			select {
			case work <- do:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// turns lets PerSecond requests through each second.
func (p *People) turns(ctx context.Context) {
	tick := time.NewTicker(time.Second / time.Duration(p.PerSecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
