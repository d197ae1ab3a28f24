package mailbox

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

// session is one SMTP connection.
type session struct {
	s    *Server
	conn *smtp.Conn
	from string
	to   []string
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{s: s, conn: c}, nil
}

// Reset forgets the message under way.
func (x *session) Reset() { x.from, x.to = "", nil }

// Logout ends the session.
func (x *session) Logout() error { return nil }

// Mail begins a message.
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.from = from
	return nil
}

// Rcpt adds a recipient.
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch MannerOf(to) {
	case "bounce":
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mail box here"}
	case "full":
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "Mail box is full"}
	}
	x.to = append(x.to, to)
	return nil
}

// Data takes the message.
func (x *session) Data(r io.Reader) error {
	m, err := read(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The message could not be read"}
	}
	_, m.TLS = x.conn.TLSConnectionState()
	m.From = x.from
	m.At = x.s.c.Now()
	for _, to := range x.to {
		m.To = to
		if MannerOf(to) == "slow" {
			time.Sleep(x.s.pause)
		}
		x.s.keep(m)
		if MannerOf(to) == "vanish" {
			_ = x.conn.Conn().Close()
			return errors.New("vanished")
		}
	}
	return nil
}

// read takes a message apart.
func read(r io.Reader) (Mail, error) {
	rest := func() { _, _ = io.Copy(io.Discard, r) } // SMTP wants the data read to its end
	defer rest()
	reader, err := mail.CreateReader(r)
	if err != nil {
		return Mail{}, err
	}
	var m Mail
	m.Subject, _ = reader.Header.Subject()
	m.MessageID, _ = reader.Header.MessageID()
	m.Unsubscribe = strings.Trim(reader.Header.Get("List-Unsubscribe"), "<> ")
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		if err := m.add(part); err != nil {
			return m, err
		}
	}
}

// add takes one part of the body.
func (m *Mail) add(p *mail.Part) error {
	header, ok := p.Header.(*mail.InlineHeader)
	if !ok {
		return nil // an attachment
	}
	body, err := io.ReadAll(io.LimitReader(p.Body, maxPart))
	if err != nil {
		return err
	}
	typ, _, _ := header.ContentType()
	if typ == "text/html" {
		m.HTML = string(body)
		return nil
	}
	m.Text = string(body)
	return nil
}
