package reach

import (
	"log/slog"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
	"hale/internal/store/keys"
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
	Doors    *access.Doors
	IDs      *ids.Source
	Now      func() time.Time
	Key      seal.Key   // hashes addresses
	Keys     *keys.Ring // seals what messages say
	Events   *event.Log
	Links    *link.Store
	Gateways []Gateway
	Clinic   Clinic
	BaseURL  string // https://portal.example: what links begin with
	Log      *slog.Logger
	Node     string        // names this process in attempts
	Batch    int           // messages claimed at once; 0: 100
	Senders  int           // messages in flight per channel; 0: 16
	Lease    time.Duration // how long a claim lasts; 0: two minutes
	Poll     time.Duration // how often to look for due messages; 0: one second
}

// Engine plans, sends and accounts for outreach.
type Engine struct {
	Config
	rules    policy.Settings
	gates    map[Channel]Gateway
	contacts *contact.Store
	consents *consent.Store
	log      *audit.Log
	queue    jobs.Queue    // bound by Use
	wake     chan struct{} // something became due

	mu    sync.Mutex
	zones map[string]*time.Location
}

// New returns an engine. Use binds the work queue afterwards, because the
// queue is opened with the engine's own handlers.
func New(c Config) *Engine {
	if c.Batch == 0 {
		c.Batch = 100
	}
	if c.Senders == 0 {
		c.Senders = 16
	}
	if c.Lease == 0 {
		c.Lease = 2 * time.Minute
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clinic.Zone == nil {
		c.Clinic.Zone = time.UTC
	}
	c.Key = c.Key.For("reach")
	e := &Engine{
		Config: c, gates: map[Channel]Gateway{}, wake: make(chan struct{}, 1),
		contacts: contact.NewStore(c.DB, c.Now), consents: consent.NewStore(c.DB, c.IDs, c.Now),
		log:   audit.NewLog(c.DB, c.IDs, c.Now),
		zones: map[string]*time.Location{c.Clinic.Zone.String(): c.Clinic.Zone},
	}
	for _, g := range c.Gateways {
		e.gates[g.Channel()] = g
	}
	e.rules = policy.Settings{
		Matrix: policy.Defaults(), Caps: policy.DefaultCaps(), Clinic: c.Clinic.Zone.String(),
		// Someone of whom nothing is known may be on either coast.
		Anywhere: []string{"America/New_York", "America/Los_Angeles"},
		Load:     e.zone,
	}
	return e
}

// Use binds the work queue that Start adds to.
func (e *Engine) Use(q jobs.Queue) { e.queue = q }

// zone loads a time zone once.
func (e *Engine) zone(name string) (*time.Location, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if loc := e.zones[name]; loc != nil {
		return loc, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	e.zones[name] = loc
	return loc, nil
}

// nudge tells the sender that something became due.
func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// hash finds an address in the ledger without keeping it there.
func (e *Engine) hash(c Channel, address string) string {
	if address == "" {
		return ""
	}
	return e.Key.Hash(string(c) + " " + address)
}
