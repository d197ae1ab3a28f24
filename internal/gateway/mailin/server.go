package mailin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/emersion/go-smtp"

	"hale/internal/base/errs"
)

// Server listens for mail.
type Server struct {
	Desk   *Desk
	Addr   string // HOST:PORT; a loopback address behind a mail server of one's own
	LMTP   bool   // speak LMTP (RFC 2033) instead of SMTP
	Domain string // what to greet as
}

// maxRecipients is how many of our addresses one letter may come to.
const maxRecipients = 20

// Run listens until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("mailin: listen: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve answers on l until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{ctx: ctx, desk: s.Desk}, nil
	}))
	server.Domain, server.LMTP = s.Domain, s.LMTP
	server.MaxMessageBytes, server.MaxRecipients, server.MaxLineLength = int64(s.Desk.Most), maxRecipients, 8000
	server.ReadTimeout, server.WriteTimeout = 2*time.Minute, time.Minute
	server.ErrorLog = log.New(io.Discard, "", 0) // strangers' broken sessions
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); err != nil && !errors.Is(err, smtp.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("mailin: serve: %w", err)
	}
	return nil
}

// session is one sender's.
type session struct {
	ctx  context.Context
	desk *Desk
	from string
	to   []string
}

// Reset forgets the letter under way.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Mail names the sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt names one of our addresses. One that nobody was given is refused at
// once, so that nothing made up gets in.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.desk.Takes(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such address here"}
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes the letter: 250 means that it is on the disk.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return said250(s.desk.Take(s.ctx, Letter{From: s.from, To: s.to, Raw: raw}))
}

// LMTPData takes the letter for each of its addresses.
func (s *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	err := s.Data(r)
	for _, to := range s.to {
		status.SetStatus(to, err)
	}
	return nil
}

// said250 is the answer to a letter.
func said250(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNobody):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such address here"}
	case errs.KindOf(err) == errs.Invalid:
		return &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "the message is too large"}
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not taken now, please come again"}
}
