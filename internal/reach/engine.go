package reach

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hale/internal/access"
	"hale/internal/access/proxy"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/approval"
	"hale/internal/reach/dialog"
	"hale/internal/reach/law"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/spend"
	"hale/internal/reach/template"
	"hale/internal/reach/track"
	"hale/internal/reach/verp"
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
	Brand   string // its colour: #rrggbb or oklch(…); empty: Hale's own
	Logo    []byte // PNG or JPEG, for e-mails; empty: the first letter of the name
}

// Config is all an Engine needs.
type Config struct {
	DB        *db.DB
	Doors     *access.Doors
	IDs       *ids.Source
	Now       func() time.Time
	Key       seal.Key   // hashes addresses
	Keys      *keys.Ring // seals what messages say
	Events    *event.Log
	Links     *link.Store
	Track     *track.Signer // signs what mails report to; nil: no mail reports anything
	Gateways  []Gateway
	Back      verp.Book // the addresses at which answers to e-mail come back
	Clinic    Clinic
	Law       *law.Book       // nil: the one that comes with Hale
	Ages      *proxy.Ages     // what parents may read; nil: as Hale comes
	Approvals *approval.Store // of a second person; nil: nothing takes two
	Approve   Threshold       // from where on
	Style     template.Rules  // what the linter knows of the clinic
	Visits    Visits          // confirmed and cancelled by an answer; nil: left to the staff
	Limits    spend.Limits    // of texts that strangers can bring about
	NoOffers  bool            // the sender of texts is not registered with the carriers for marketing
	BaseURL   string          // https://portal.example: what links begin with
	Log       *slog.Logger
	Node      string             // names this process in attempts
	Fence     Fence              // tells a restored database; nil: none does
	Batch     int                // messages claimed at once; 0: 500
	Senders   int                // messages in flight per channel; 0: 16
	Lease     time.Duration      // how long a claim lasts; 0: two minutes
	Poll      time.Duration      // how often to look for due messages; 0: one second
	At        func(point string) // told of every Point as it is passed; nil: nobody
}

// Engine plans, sends and accounts for outreach.
type Engine struct {
	Config
	Dialogs *dialog.Store // what people answered

	ruling   ruling
	gates    map[Channel]Gateway
	contacts *contact.Store
	consents *consent.Store
	log      *audit.Log
	queue    jobs.Queue    // bound by Use
	wake     chan struct{} // something became due

	voice     atomic.Pointer[voice]
	plainLook *template.Look // of e-mails that do not name the clinic

	halts halts
	fresh fresh

	kin   kin
	mu    sync.Mutex
	zones map[string]*time.Location
}

// voice is who writes, and how that looks in an e-mail.
type voice struct {
	Clinic
	look *template.Look
	logo *logo // nil: none
}

// Speak has messages name the clinic, its address and telephone, and wear its
// colour, as c has them; senders and zone stay. It may be called at any time.
func (e *Engine) Speak(c Clinic) {
	said := e.Clinic
	said.Name, said.Phone, said.Address, said.Brand, said.Logo = c.Name, c.Phone, c.Address, c.Brand, c.Logo
	e.voice.Store(&voice{said, template.NewLook(c.Brand), newLogo(c.Logo)})
}

// clinic is who writes now.
func (e *Engine) clinic() Clinic { return e.voice.Load().Clinic }

// New returns an engine. Use binds the work queue afterwards, because the
// queue is opened with the engine's own handlers.
func New(c Config) *Engine {
	if c.Batch == 0 {
		c.Batch = 500
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
	said := dialog.NewStore(c.DB, c.IDs, c.Now, c.Key, c.Keys)
	c.Key = c.Key.For("reach")
	e := &Engine{
		Dialogs: said,
		Config:  c, gates: map[Channel]Gateway{}, wake: make(chan struct{}, 1),
		contacts: contact.NewStore(c.DB, c.Now), consents: consent.NewStore(c.DB, c.IDs, c.Now),
		log:   audit.NewLog(c.DB, c.IDs, c.Now),
		zones: map[string]*time.Location{c.Clinic.Zone.String(): c.Clinic.Zone},
	}
	e.plainLook = template.NewLook("#4c544f")
	e.Speak(c.Clinic)
	e.Dialogs.Bodies = e.bodies
	e.consents.Revoked = e.Revoked
	for _, g := range c.Gateways {
		e.gates[g.Channel()] = g
	}
	if e.Ages == nil {
		var err error
		if e.Ages, err = proxy.NewAges(c.Clinic.Zone, ""); err != nil {
			c.Log.Error("reach: the ages cannot be read", "error", err)
		}
	}
	if c.Law == nil {
		var err error
		if c.Law, err = law.Default(); err != nil { // the quiet hours hold without it
			c.Log.Error("reach: the book of the law cannot be read", "error", err)
		}
	}
	e.ruling.base = policy.Settings{
		Matrix: policy.Defaults(), Caps: policy.DefaultCaps(), Confirm: policy.ConfirmAfter, NoOffers: c.NoOffers, Law: c.Law, Clinic: c.Clinic.Zone.String(),
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
