// Package mailin takes the mail that comes back: reports that a message did
// not arrive, complaints, what people answer, and their asking for no more.
//
// A letter is on the disk, sealed, before its sender hears that we have it;
// what it means is worked out afterwards, once however often it comes. Which
// message of ours it is about is told by the address that it came to, which
// nobody can make up; by whom it names only as far as that proves anything.
//
// Spec: RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 3464, RFC 5965, RFC 3834, RFC 8601 (Authentication-Results)
package mailin

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/seal"
	"hale/internal/care/document"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/verp"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Config is all a Desk needs.
type Config struct {
	DB      *db.DB
	IDs     *ids.Source
	Now     func() time.Time
	Key     seal.Key
	Keys    *keys.Ring
	Doors   *access.Doors
	Reach   *reach.Engine
	Dialogs *dialog.Store
	Letters *document.Letterbox // takes what is attached to answers; nil: nothing is taken
	Threads threads             // knows which messages tell of a thread; nil: none does
	Log     *slog.Logger

	Domain string   // that mail comes from, of which reports are kept; empty: none are
	Also   []string // addresses beside those of the book at which answers come in, such as the sender's own
	Trusts string   // the name of the server whose Authentication-Results are believed; empty: none
	Lookup Lookup   // of TXT records, to verify signatures; nil: none are verified
	Most   int      // the largest letter in bytes; zero: 25 MB
}

// threads is what a desk needs of package thread.
type threads interface {
	Tells(ctx context.Context, message, patient string) (bool, error)
}

// Lookup returns the TXT records of a name.
type Lookup func(ctx context.Context, name string) ([]string, error)

// Desk takes letters and works out what they mean.
type Desk struct {
	Config
	wake chan struct{}
}

// New returns a desk.
func New(c Config) *Desk {
	if c.Most <= 0 {
		c.Most = 25 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Key, c.Domain = c.Key.For("mailin"), strings.ToLower(c.Domain)
	for i, a := range c.Also {
		c.Also[i] = strings.ToLower(a)
	}
	return &Desk{Config: c, wake: make(chan struct{}, 1)}
}

// Letter is a message as it comes.
type Letter struct {
	From string   `json:"from"` // of the envelope; empty: a report
	To   []string `json:"to"`   // of the envelope
	Raw  []byte   `json:"raw"`
}

// The refusals.
var (
	ErrNobody = errs.New(errs.NotFound, "There is no such address here.")
	ErrLarge  = errs.New(errs.Invalid, "The message is too large.")
)

// route says what an address of ours is for and whose message it names.
func (d *Desk) route(to string) (r verp.Route, key string, ok bool) {
	if r, key, ok = d.Reach.Back.Read(to); ok {
		return r, key, true
	}
	to = strings.ToLower(strings.Trim(to, "<> "))
	for _, a := range d.Also {
		if a == to {
			return verp.Reply, "", true
		}
	}
	return "", "", false
}

// Takes says whether an address is one that letters come in at.
func (d *Desk) Takes(to string) bool {
	_, _, ok := d.route(to)
	return ok
}

// Take puts a letter on the disk and then deals with it. An error means that
// it is not there and has to come again; what goes wrong later does not: it
// is tried again.
func (d *Desk) Take(ctx context.Context, l Letter) error {
	if len(l.Raw) > d.Most {
		return ErrLarge
	}
	route, any := verp.Route("other"), false
	for _, to := range l.To {
		if r, _, ok := d.route(to); ok && !any {
			route, any = r, true
		}
	}
	if !any {
		return ErrNobody
	}
	id, fresh, err := d.keep(ctx, l, route)
	if err != nil || !fresh {
		return err
	}
	if err := d.deal(context.WithoutCancel(ctx), id); err != nil {
		d.Log.Error("mailin: letter put off", "letter", id, "error", err)
	}
	return nil
}

// packed is l as it is sealed.
func packed(l Letter) ([]byte, error) { return json.Marshal(l) }

func unpacked(plain []byte) (l Letter, err error) {
	err = json.Unmarshal(plain, &l)
	return l, err
}
