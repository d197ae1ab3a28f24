// Package client holds the programs that may ask for records: who they are,
// who let them in and with what, and the codes and tokens that show it.
//
// A token is 256 random bits and says nothing by itself: what it opens stands
// in the database and ends there, at once. A code or a refresh token that
// comes a second time ends everything that came from it.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/, RFC 6749, RFC 9700
package client

import (
	"context"
	"net/http"
	"sync"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// How long things last.
const (
	AskLife     = 30 * time.Minute // for somebody to sign in and to read
	LaunchLife  = 5 * time.Minute
	CodeLife    = time.Minute
	AccessLife  = time.Hour
	BackendLife = 5 * time.Minute
	KeepLife    = 93 * 24 * time.Hour // three months at least, begun anew at each use
	OnlineLife  = 12 * time.Hour
	usedEvery   = time.Minute // how often a grant's last use is written down
)

// Status is how far a client has come.
type Status string

// The statuses.
const (
	Waiting   Status = "waiting" // it registered; nobody has looked at it
	Approved  Status = "approved"
	Refused   Status = "refused"
	Suspended Status = "suspended"
)

// Method is how a client proves who it is at the token endpoint.
type Method string

// The methods.
const (
	None   Method = "none" // a public client: PKCE alone
	Basic  Method = "client_secret_basic"
	Post   Method = "client_secret_post"
	KeyJWT Method = "private_key_jwt"
)

// Client is one registered program.
type Client struct {
	ID, Name, Website, Contact string
	Status                     Status
	Auth                       Method
	Native                     bool     // runs on a device: redirects to a scheme of its own, or to any port of the device
	Backend                    bool     // asks in its own name, nobody signs in
	Redirects                  []string // compared letter by letter
	Launch                     string   // where a launch from the desk goes
	Scopes                     string   // the most it may ask for
	JWKS, JWKSURI              string
	Labels                     access.Label // what of the sensitive sorts a backend client sees
	Verified                   bool         // the clinic knows who stands behind it
	Introspects                bool         // may ask about every token
	Logo                       []byte       // drawn anew; empty: none
	LogoType                   string
	Origin                     string // register, desk or demo
	Created, Decided           time.Time
	DecidedBy                  string
}

// Secret says whether the client proves itself by a shared secret.
func (c Client) Secret() bool { return c.Auth == Basic || c.Auth == Post }

// Grant is what somebody let a client have.
type Grant struct {
	ID, Client, ClientName, Website string
	Verified                        bool
	Account, Patient, Encounter     string
	Scopes                          string // exactly what was granted
	Labels                          access.Label
	Keep                            string // Offline, Online, or nothing
	Launch                          string // standalone, ehr or backend
	AuthAt, Created, Used           time.Time
	Until                           time.Time // its last token's end
	Ended                           time.Time // zero: not
	EndedBy, EndedWhy               string
}

// How long a grant outlives its first access token.
const (
	Offline = "offline"
	Online  = "online"
)

// Live says whether the grant opens anything at now.
func (g Grant) Live(now time.Time) bool { return g.Ended.IsZero() && now.Before(g.Until) }

// People knows who is behind an account.
type People interface {
	// Person returns the owner of an active account as an actor, with the
	// grants of this moment; errs.Unauthenticated if nobody can sign in to it.
	Person(ctx context.Context, account string) (access.Actor, error)
}

// Sealer keeps secrets; place says what a secret belongs to.
type Sealer interface {
	Seal(ctx context.Context, plain []byte, place string) ([]byte, error)
	Open(ctx context.Context, sealed []byte, place string) ([]byte, error)
}

// Config is what a Store is made of.
type Config struct {
	DB     *db.DB
	IDs    *ids.Source
	Now    func() time.Time
	Log    *audit.Log
	People People
	Sealer Sealer
	HTTP   *http.Client // fetches clients' keys; from package outbound
	Token  string       // URL of the token endpoint: the audience of assertions

	// Granted is told of a grant in its transaction; nil: nobody is.
	Granted func(ctx context.Context, tx *db.Tx, by access.Actor, c Client, g Grant) error
}

// Store keeps clients and what they hold.
type Store struct {
	Config
	tokens  tokens
	jwks    jwks
	origins origins
	signing signing
}

// New returns a store made of c.
func New(c Config) *Store {
	s := &Store{Config: c}
	s.signing.turn = make(chan struct{}, 1)
	return s
}

// The refusals that a person reads.
var (
	errToken   = errs.New(errs.Unauthenticated, "The access token is unknown, or it has ended.")
	errNoApp   = errs.New(errs.NotFound, "We could not find that app.")
	errMoved   = errs.New(errs.Conflict, "Somebody else has changed this app in the meantime. Please look again.")
	errAsked   = errs.New(errs.NotFound, "This question was answered already, or it is too old. Go back to the app and start again.")
	errNotOpen = errs.New(errs.Forbidden, "The clinic has not let this app in. Nothing was shared.")
)

// locked guards a small map.
type locked[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]V
}
