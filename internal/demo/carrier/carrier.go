// Package carrier is the demo town's phone company: it takes text messages
// over HTTP as a real gateway does, keeps them in memory, and reports
// receipts and replies by signed callbacks.
//
// A few numbers behave badly on purpose; see Manners.
package carrier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"hale/internal/demo/shelf"
	"hale/internal/gateway/sms"
)

// Config is what the carrier needs.
type Config struct {
	Addr   string // to listen on; empty: a free port of this machine
	Secret string // shared with the gateway that sends here
	Now    func() time.Time
	Log    *slog.Logger
}

// Text is one message on a phone.
type Text struct {
	ID, Key   string
	Phone     string // whose phone it is on
	Other     string // who sent it, or whom the phone sent it to
	Body      string
	Mine      bool   // sent by the phone
	Status    string // of an incoming one: delivered, failed
	At        time.Time
	RepliesTo string // of one of the phone's own: the id it answers
}

// Manner is a number that behaves in its own way.
type Manner struct{ Number, Name, Words string }

// Manners lists the numbers that behave in their own way.
func Manners() []Manner {
	return []Manner{
		{"+12025550190", "bounce", "does not exist: the carrier refuses it for good"},
		{"+12025550191", "busy", "the carrier asks to try again later"},
		{"+12025550192", "vanish", "is taken, but the carrier never says so"},
		{"+12025550193", "slow", "is taken after five seconds"},
		{"+12025550194", "stop", "is delivered, and answers STOP"},
		{"+12025550195", "never", "is delivered, and nobody ever looks"},
		{"+12025550196", "lost", "is taken, and reported as undelivered later"},
		{"+12025550197", "answers", "is delivered, and is a person who answers the phone"},
	}
}

// MannerOf returns the name of number's manner, empty for none.
func MannerOf(number string) string {
	for _, m := range Manners() {
		if m.Number == number {
			return m.Name
		}
	}
	return ""
}

// The bounds of what is kept.
const (
	perPhone  = 60
	allTexts  = 40_000
	allKeys   = 100_000
	toReport  = 50_000
	reporters = 8
)

// Carrier is the phone company.
type Carrier struct {
	c       Config
	listen  net.Listener
	server  *http.Server
	phones  *shelf.Shelf[Text]
	reports chan sms.Event
	pause   time.Duration // of a slow number
	client  *http.Client

	mu      sync.Mutex
	n       int
	keys    map[string]string // idempotency key → id
	order   []string          // keys, oldest first
	arrived []func(Text)
}

// Open starts to listen; Run serves.
func Open(c Config) (*Carrier, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	listen, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("carrier: open: %w", err)
	}
	s := &Carrier{
		c: c, listen: listen, phones: shelf.New[Text](perPhone, allTexts),
		reports: make(chan sms.Event, toReport), pause: 5 * time.Second,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: reporters}},
		keys:   map[string]string{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", s.take)
	mux.HandleFunc("GET /messages/{key}", s.ask)
	s.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	return s, nil
}

// URL is where the gateway posts its texts.
func (s *Carrier) URL() string { return "http://" + s.listen.Addr().String() + "/messages" }

// OnText adds a function that hears of each text that arrived on a phone. It
// must not wait for anything.
func (s *Carrier) OnText(fn func(Text)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(s.arrived, fn)
}

// Run serves until ctx ends. Receipts and replies go to callback, an
// address; empty for nowhere.
func (s *Carrier) Run(ctx context.Context, callback string) error {
	var work sync.WaitGroup
	for range reporters {
		work.Go(func() { s.report(ctx, callback) })
	}
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	defer stop()
	err := s.server.Serve(s.listen)
	if ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("carrier: serve: %w", err)
	}
	work.Wait()
	s.client.CloseIdleConnections()
	return nil
}

// Close ends a carrier that was opened and never run.
func (s *Carrier) Close() error { return errors.Join(s.server.Close(), s.listen.Close()) }

// Texts returns what is on a phone, newest first.
func (s *Carrier) Texts(number string) []Text { return s.phones.Of(number) }

// Phones returns up to n phones whose number contains part, the one that got
// something last first.
func (s *Carrier) Phones(part string, n int) []shelf.Owner[Text] { return s.phones.Owners(part, n) }

// Count returns how many texts are here, and on how many phones.
func (s *Carrier) Count() (texts, phones int) { return s.phones.Count() }

// Reply sends body from a phone to whoever texted it last.
func (s *Carrier) Reply(number, body string) error {
	for _, t := range s.Texts(number) {
		if !t.Mine {
			return s.answer(t, body)
		}
	}
	return errors.New("carrier: reply: nobody has texted this phone")
}

func (s *Carrier) answer(t Text, body string) error {
	reply := Text{
		ID: s.id(), Phone: t.Phone, Other: t.Other, Body: body, Mine: true,
		At: s.c.Now(), RepliesTo: t.ID,
	}
	s.phones.Put(t.Phone, reply)
	return s.queue(sms.Event{
		ID: reply.ID, Kind: sms.Reply, Ref: t.ID, From: t.Phone, To: t.Other, Text: body, At: reply.At,
	})
}

func (s *Carrier) id() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return fmt.Sprintf("T%08d", s.n)
}
