// Package mailbox is the demo town's mail server: real SMTP with STARTTLS,
// whose mail boxes live in memory and go no further.
//
// It takes mail for anybody. A few addresses behave badly on purpose; see
// Manners.
//
// Spec: https://www.rfc-editor.org/rfc/rfc5321
package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"hale/internal/demo/shelf"
)

// Config is what the server needs.
type Config struct {
	Addr string // to listen on; empty: a free port of this machine
	Now  func() time.Time
	Log  *slog.Logger
}

// Mail is one message that arrived.
type Mail struct {
	ID          string // of its place in this server
	To, From    string
	Subject     string
	Text, HTML  string
	MessageID   string
	Unsubscribe string // address of a one-click opt-out
	TLS         bool   // came over TLS
	At          time.Time
}

// Manner is an address that behaves in its own way.
type Manner struct{ Name, Words string }

// Manners lists the addresses that behave in their own way, at any domain:
// bounce@… and bounce.anything@….
func Manners() []Manner {
	return []Manner{
		{"bounce", "does not exist: the server refuses it for good"},
		{"full", "is over its quota: the server asks to try again later"},
		{"vanish", "is taken, but the connection breaks before the server says so"},
		{"slow", "is taken after five seconds"},
		{"never", "arrives, and nobody ever looks"},
	}
}

// MannerOf returns the name of the manner that address has, empty for none.
func MannerOf(address string) string {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	word, _, _ := strings.Cut(local, ".")
	for _, m := range Manners() {
		if m.Name == word {
			return word
		}
	}
	return ""
}

// Server is the mail server.
type Server struct {
	c       Config
	listen  net.Listener
	smtp    *smtp.Server
	ca      []byte
	boxes   *shelf.Shelf[Mail]
	pause   time.Duration // of a slow address
	mu      sync.Mutex
	n       int
	arrived []func(Mail)
}

// The bounds of what is kept, and of one message.
const (
	perBox   = 40
	allMails = 20_000
	maxBytes = 1 << 20
	maxPart  = 256 << 10
)

// Open starts to listen; Run serves.
func Open(c Config) (*Server, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	listen, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("mailbox: open: %w", err)
	}
	cert, ca, err := selfSigned(c.Now())
	if err != nil {
		_ = listen.Close()
		return nil, fmt.Errorf("mailbox: open: %w", err)
	}
	s := &Server{c: c, listen: listen, ca: ca, boxes: shelf.New[Mail](perBox, allMails), pause: 5 * time.Second}
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain = "mail.town.example"
	s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s.smtp.EnableREQUIRETLS = true // nothing leaves this machine
	s.smtp.MaxMessageBytes = maxBytes
	s.smtp.MaxRecipients = 10
	s.smtp.ReadTimeout = time.Minute
	s.smtp.WriteTimeout = 10 * time.Second
	s.smtp.ErrorLog = quiet{}
	return s, nil
}

// quiet drops go-smtp's log lines, which hold addresses.
type quiet struct{}

// Printf does nothing.
func (quiet) Printf(string, ...any) {}

// Println does nothing.
func (quiet) Println(...any) {}

// Addr is HOST:PORT to send to.
func (s *Server) Addr() string { return s.listen.Addr().String() }

// CA is the authority, as PEM, that vouches for the server's certificate.
func (s *Server) CA() []byte { return s.ca }

// OnMail adds a function that hears of each mail that arrived. It must not
// wait for anything.
func (s *Server) OnMail(fn func(Mail)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(s.arrived, fn)
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	err := s.smtp.Serve(s.listen)
	if ctx.Err() != nil || errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("mailbox: serve: %w", err)
}

// Close ends a server that was opened and never run.
func (s *Server) Close() error { return errors.Join(s.smtp.Close(), s.listen.Close()) }

// Mails returns what address got, newest first.
func (s *Server) Mails(address string) []Mail { return s.boxes.Of(strings.ToLower(address)) }

// Mail returns one mail of address.
func (s *Server) Mail(address, id string) (Mail, bool) {
	for _, m := range s.Mails(address) {
		if m.ID == id {
			return m, true
		}
	}
	return Mail{}, false
}

// Boxes returns up to n mail boxes whose address contains part, the one that
// got something last first.
func (s *Server) Boxes(part string, n int) []shelf.Owner[Mail] {
	return s.boxes.Owners(strings.ToLower(part), n)
}

// Count returns how many mails are here, and in how many boxes.
func (s *Server) Count() (mails, boxes int) { return s.boxes.Count() }

// keep stores m and tells of it.
func (s *Server) keep(m Mail) {
	s.mu.Lock()
	s.n++
	m.ID = fmt.Sprint(s.n)
	tell := s.arrived
	s.mu.Unlock()
	s.boxes.Put(strings.ToLower(m.To), m)
	for _, fn := range tell {
		fn(m)
	}
}
