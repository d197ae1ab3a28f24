package reach

import (
	"log/slog"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/reach/link"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
)

// Clinic is who writes.
type Clinic struct {
	Name    string
	Phone   string
	Address string
	From    string // the e-mail sender's address
	Number  string // the sender of texts
	Zone    *time.Location
}

// Config is all an Engine needs.
type Config struct {
	DB       *db.DB
	IDs      *ids.Source
	Now      func() time.Time
	Key      seal.Key
	Events   *event.Log
	Links    *link.Store
	Gateways []Gateway
	Clinic   Clinic
	BaseURL  string // https://portal.example: what links begin with
	Log      *slog.Logger
	Node     string        // names this process in attempts
	Batch    int           // messages claimed at once; 0: 500
	Senders  int           // messages in flight per channel; 0: 16
	Lease    time.Duration // how long a claim lasts; 0: one minute
	Poll     time.Duration // how often to look for due messages; 0: one second
}

// Engine plans, sends and accounts for outreach.
type Engine struct {
	Config
	gates map[Channel]Gateway
	queue jobs.Queue // bound by Use
	wake  chan struct{}
}

// New returns an engine. Use binds the work queue afterwards, because the
// queue is opened with the engine's own handlers.
func New(c Config) *Engine {
	c.Key = c.Key.For("reach")
	if c.Batch == 0 {
		c.Batch = 500
	}
	if c.Senders == 0 {
		c.Senders = 16
	}
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{Config: c, gates: map[Channel]Gateway{}, wake: make(chan struct{}, 1)}
	for _, g := range c.Gateways {
		e.gates[g.Channel()] = g
	}
	return e
}

// Use binds the work queue that Start adds to.
func (e *Engine) Use(q jobs.Queue) { e.queue = q }
