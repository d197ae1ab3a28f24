package reach

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/care/contact"
	"hale/internal/reach/verp"
	"hale/internal/store/db"
)

// addressed says where reports about h and answers to it come back. Without
// addresses of our own both go to the sender.
func (e *Engine) addressed(h *Handoff) {
	h.ReturnPath = e.Back.Address(verp.Bounce, h.Key)
	h.ReplyTo = e.Back.Address(verp.Reply, h.Key)
	if h.Unsubscribe != "" {
		h.StopTo = e.Back.Address(verp.Stop, h.Key)
	}
}

// Origin is a message of ours that something which came back is about.
type Origin struct {
	Message string
	Patient string // empty: of no patient, such as a code before signing in
	Purpose string
	To      string // where it went; empty where that can no longer be read
}

const originColumns = `select id, patient, purpose, body from message where `

// Origin returns the message with a key, the one in its addresses and in its
// Message-ID; false if there is none.
func (e *Engine) Origin(ctx context.Context, pass access.Pass, key string) (Origin, bool, error) {
	return e.origin(ctx, pass, originColumns+`key = $1`, key)
}

// OriginTo returns the last message that went to an address; false if there
// is none. Who asks knows only who it was about, which proves nothing.
func (e *Engine) OriginTo(ctx context.Context, pass access.Pass, c Channel, address string) (Origin, bool, error) {
	value := contact.Normal(contact.Kind(c), address)
	if value == "" {
		return Origin{}, false, nil
	}
	const last = originColumns + `address_hash = $1 and attempts > 0 and purpose <> 'security' order by created_at desc, id desc limit 1`
	return e.origin(ctx, pass, last, e.hash(c, value))
}

func (e *Engine) origin(ctx context.Context, pass access.Pass, q, arg string) (Origin, bool, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Origin{}, false, err
	}
	var sealed []byte
	o, err := db.One(ctx, e.DB, func(scan db.Scan) (o Origin, err error) {
		err = scan(&o.Message, &o.Patient, &o.Purpose, &sealed)
		return o, err
	}, q, arg)
	if errors.Is(err, db.ErrNone) {
		return o, false, nil
	}
	if err != nil {
		return o, false, fmt.Errorf("reach: origin: %w", err)
	}
	if b, err := e.open(ctx, e.DB, o.Message, sealed); err == nil {
		o.To = b.To // a shredded body leaves it empty
	}
	return o, true, nil
}
