// Package smpp sends text messages to a carrier or an aggregator over SMPP,
// and takes its receipts and what people answer.
//
// What was written and not answered is in doubt and is never sent again by the
// gateway itself. A receipt may come before the answer that it is about, and
// an answer may name no message: then the number and the order tell.
//
// Spec: SMPP 3.4 (12 October 1999, issue 1.2); SMPP 3.3 for receipts that
// write message ids in another base
package smpp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"hale/internal/gateway/inbound"
	"hale/internal/reach"
	"hale/internal/standard/gsm"
)

// The ways to bind.
const (
	Auto        = "auto" // as a transceiver, or as a pair where that is unknown
	Transceiver = "transceiver"
	Pair        = "pair" // a receiver and a transmitter
)

// The ways to join the parts of a long message.
const (
	UDH     = "udh"     // a header in each part
	SAR     = "sar"     // optional parameters in each part
	Payload = "payload" // one message in message_payload
)

// How receipts write the ids that answers to submit_sm gave.
const (
	SameIDs    = "same"
	DecimalIDs = "decimal" // answers are hexadecimal, receipts decimal
	HexIDs     = "hex"     // answers are decimal, receipts hexadecimal
)

// Config is what the gateway needs.
type Config struct {
	Name       string      // of the provider, in receipts; empty: smpp
	Addr       string      // host:port
	TLS        *tls.Config // nil: none
	System     string      // system_id
	Password   string
	SystemType string
	Bind       string  // Auto, Transceiver, Pair
	Long       string  // UDH, SAR, Payload
	ReceiptIDs string  // SameIDs, DecimalIDs, HexIDs
	Latin      bool    // data coding 0 is ISO 8859-1 at this peer, not the GSM alphabet
	From       string  // who sends; empty: whom the handoff names
	Window     int     // requests under way; zero is 10
	Rate       float64 // messages a second at most; zero is 30
	KeyTag     Tag     // a provider's own optional parameter that carries our key; zero: none
	MaxParts   int     // zero is 4

	Timeout     time.Duration // for an answer; zero is 20 s
	BindTimeout time.Duration // zero is 10 s
	Enquire     time.Duration // a peer that is quiet so long is asked; zero is 30 s
	Beat        time.Duration // how often Run looks; zero is 5 s

	Now  func() time.Time
	Log  *slog.Logger
	Take func(context.Context, inbound.Report) error // keeps what comes in; nil: it is refused for now
}

// Gateway sends texts over one link.
type Gateway struct {
	c       Config
	pace    *pace
	dialing chan struct{}
	ctx     context.Context // of what comes in
	cancel  context.CancelFunc

	mu        sync.Mutex
	link      *link
	closed    bool
	pair      bool // the peer takes no transceiver
	redial    time.Duration
	notBefore time.Time
	sent      *memory // what cannot be told from a message id alone
}

// New returns a gateway for c. It connects when there is something to send, or
// when Run is called.
func New(c Config) (*Gateway, error) {
	if c.Addr == "" || c.System == "" {
		return nil, errors.New("smpp: an address and a system id are needed")
	}
	if c.Now == nil {
		return nil, errors.New("smpp: Now is needed")
	}
	if len(c.System) > 15 || len(c.Password) > 8 && len(c.Password) > 64 || len(c.SystemType) > 12 {
		return nil, errors.New("smpp: the system id, the password or the system type is too long")
	}
	c.Name, c.Bind, c.Long, c.ReceiptIDs = or(c.Name, "smpp"), or(c.Bind, Auto), or(c.Long, UDH), or(c.ReceiptIDs, SameIDs)
	for _, v := range [...]struct{ value, allowed string }{
		{c.Bind, Auto + " " + Transceiver + " " + Pair}, {c.Long, UDH + " " + SAR + " " + Payload}, {c.ReceiptIDs, SameIDs + " " + DecimalIDs + " " + HexIDs},
	} {
		if !strings.Contains(" "+v.allowed+" ", " "+v.value+" ") {
			return nil, fmt.Errorf("smpp: %q is none of %s", v.value, v.allowed)
		}
	}
	c.Window, c.MaxParts, c.Rate = or(c.Window, 10), or(c.MaxParts, 4), or(c.Rate, 30)
	c.Timeout, c.BindTimeout = or(c.Timeout, 20*time.Second), or(c.BindTimeout, 10*time.Second)
	c.Enquire, c.Beat = or(c.Enquire, 30*time.Second), or(c.Beat, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Gateway{c: c, pace: newPace(c.Rate, c.Now), dialing: make(chan struct{}, 1), ctx: ctx, cancel: cancel, sent: newMemory()}, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Close takes leave of the peer.
func (g *Gateway) Close() error {
	g.mu.Lock()
	l := g.link
	g.closed, g.link = true, nil
	g.mu.Unlock()
	g.cancel()
	if l != nil {
		l.close()
	}
	return nil
}

// Channel is the text message.
func (g *Gateway) Channel() reach.Channel { return reach.SMS }

// Capability says whether to looks like a number. A text is never private.
func (g *Gateway) Capability(_ context.Context, to string) (reach.Capability, error) {
	return inbound.Capability(to), nil
}

// Validate returns what keeps h from being sent.
func (g *Gateway) Validate(h reach.Handoff) []reach.Problem {
	return inbound.Problems(h, g.c.MaxParts)
}

// Send submits h once, in as many parts as it takes.
func (g *Gateway) Send(ctx context.Context, h reach.Handoff) reach.Result {
	if p := g.Validate(h); len(p) > 0 {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: p[0].Field + " " + p[0].Reason}
	}
	l, err := g.bound(ctx)
	if err != nil {
		var refused errBind
		if errors.As(err, &refused) {
			return reach.Result{Outcome: reach.Temp, Code: fmt.Sprintf("bind_0x%02x", uint32(refused.status)), Detail: "the provider did not let us in", RetryAfter: 5 * time.Minute}
		}
		return reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "the provider was not reached", RetryAfter: time.Minute}
	}
	parts := g.parts(h)
	g.sent.begin(h.To, h.Key)
	var out reach.Result
	for i, p := range parts {
		out = g.submit(ctx, l, h, p, i == len(parts)-1)
		if out.Outcome != reach.Accepted {
			if out.Outcome != reach.Uncertain {
				g.sent.reported(h.To, h.Key)
			}
			return out
		}
		if i < len(parts)-1 {
			g.sent.named(out.Ref, h.Key) // a receipt for it tells of the whole
		}
	}
	return out
}

// submit sends one part. Without its last part nobody is shown a message, and
// the same parts sent again join with those that went: only the last leaves a
// message in doubt.
func (g *Gateway) submit(ctx context.Context, l *link, h reach.Handoff, p PDU, last bool) reach.Result {
	if err := g.pace.wait(ctx); err != nil {
		return reach.Result{Outcome: reach.Temp, Code: "cancelled", Detail: "not handed over in time", RetryAfter: time.Minute}
	}
	res, left, err := l.out.call(ctx, p)
	peer := "smpp " + g.c.Addr
	switch {
	case err != nil && left && last:
		g.sent.doubt(l.out, res.Seq, h.Key)
		return reach.Result{Outcome: reach.Uncertain, Code: "no_answer", Detail: "the provider did not answer", Peer: peer}
	case err != nil:
		return reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "the provider was not reached", RetryAfter: time.Minute}
	case res.Command == GenericNack && res.Status == OK:
		res.Status = BadCommand
	}
	if res.Status != OK {
		if res.Status.full() {
			g.pace.throttled()
		}
		out := res.Status.result()
		out.Peer = peer
		return out
	}
	g.pace.took()
	return reach.Result{Outcome: reach.Accepted, Ref: g.ref(res.ID, h), Code: "0x00", Peer: peer}
}

// ref is how the ledger names a message: by the id it got, or, where the peer
// names none, by its number and our own reference for it.
func (g *Gateway) ref(id string, h reach.Handoff) string {
	if id = g.c.canonical(id); id != "" {
		g.sent.reported(h.To, h.Key)
		return id
	}
	return userName(h.To, userRef(h.Key))
}

// userRef is the 16-bit user_message_reference of a message.
func userRef(key string) uint16 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint16(sum[:])
}

// userName names a message by the number it went to and our reference.
func userName(to string, ref uint16) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d", strings.TrimPrefix(to, "+"), ref))
	return fmt.Sprintf("u-%x", sum[:10])
}

// parts are the PDUs of h.
func (g *Gateway) parts(h reach.Handoff) []PDU {
	m := Message{DestTON: 1, DestNPI: 1, Dest: strings.TrimPrefix(h.To, "+"), Registered: 1, Validity: g.validity(h.Expires)}
	m.SourceTON, m.SrcNPI, m.Source = sender(or(g.c.From, h.From))
	encode := func(text string) []byte { b, _ := gsm.Encode(text); return b }
	switch {
	case !gsm.Fits(h.Text):
		m.Coding, encode = 8, gsm.EncodeWide
	case g.c.Latin:
		encode = latin
	}
	tags := func() map[Tag][]byte {
		t := map[Tag][]byte{TagUserRef: binary.BigEndian.AppendUint16(nil, userRef(h.Key))}
		if g.c.KeyTag != 0 {
			t[g.c.KeyTag] = []byte(h.Key)
		}
		return t
	}
	texts := gsm.Split(h.Text)
	if len(texts) == 1 || g.c.Long == Payload {
		p := PDU{Command: SubmitSM, Message: m, Tags: tags()}
		if body := encode(h.Text); len(texts) == 1 {
			p.Message.Short = body
		} else {
			p.Tags[TagPayload] = body
		}
		return []PDU{p}
	}
	list := make([]PDU, len(texts))
	for i, text := range texts {
		p := PDU{Command: SubmitSM, Message: m, Tags: tags()}
		body, n, seq := encode(text), byte(len(texts)), byte(i+1)
		if g.c.Long == SAR {
			p.Tags[TagSarRef] = binary.BigEndian.AppendUint16(nil, userRef(h.Key))
			p.Tags[TagSarTotal], p.Tags[TagSarSeq] = []byte{n}, []byte{seq}
		} else { // the same parts again, should it be sent again, join with the first
			p.Message.Class |= classUDH
			body = append([]byte{5, 0, 3, byte(userRef(h.Key)), n, seq}, body...)
		}
		if i < len(texts)-1 {
			p.Message.Registered = 2 // of all but the last, only if they fail
		}
		p.Message.Short = body
		list[i] = p
	}
	return list
}

// latin writes text in ISO 8859-1 where the peer takes that for its default;
// what that lacks and the GSM alphabet has shows as a question mark.
func latin(text string) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return out
}

// sender is an address of ours with its type: international, alphanumeric, or
// the network's own for a short code.
func sender(from string) (ton, npi byte, address string) {
	digits := strings.TrimPrefix(from, "+")
	switch {
	case from == "":
		return 0, 0, ""
	case strings.Trim(digits, "0123456789") != "":
		return 5, 0, from
	case len(digits) < 7:
		return 3, 0, digits
	}
	return 1, 1, digits
}

// validity is when a message is no longer worth delivering, as section 7.1.1
// writes a time: YYMMDDhhmmsstnnp.
func (g *Gateway) validity(expires time.Time) string {
	if expires.IsZero() || !expires.After(g.c.Now()) {
		return ""
	}
	return expires.UTC().Format("060102150405") + "000+"
}
