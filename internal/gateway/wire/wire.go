// Package wire speaks SMTP as a client, one connection at a time.
//
// It reads no more of an answer than an answer may have, and nothing that was
// there before TLS is read as if it had come by it.
//
// Spec: RFC 5321 (SMTP), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS), RFC 4954 (AUTH)
package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The errors that are not the peer's own words.
var (
	ErrGarbled  = errors.New("wire: not an answer of SMTP")
	ErrNoTLS    = errors.New("wire: STARTTLS is not offered")
	ErrInjected = errors.New("wire: something was said before TLS that was to be read after it")
	ErrNoAuth   = errors.New("wire: no way to sign in that we know is offered")
)

// Answer is what the peer says to a command.
type Answer struct {
	Code int
	Text string // its lines, without the code, parted by line breaks
}

// Error is an answer that was not the one wanted.
func (a *Answer) Error() string { return strconv.Itoa(a.Code) + " " + a.Text }

// Enhanced is the enhanced status code that a begins with (RFC 2034), or "".
func (a *Answer) Enhanced() string {
	word, _, _ := strings.Cut(a.Text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 16); err != nil {
			return ""
		}
	}
	return word
}

// Session is one connection. It is for one goroutine at a time; End may be
// called from any.
type Session struct {
	raw   net.Conn // as dialled: what deadlines are set on
	conn  net.Conn // with TLS, if there is any
	r     *bufio.Reader
	w     *bufio.Writer
	timer *time.Timer
	ext   map[string]string // keyword → its parameters
	state *tls.ConnectionState
}

// New returns a session over raw, each wait of which is bounded by Wait.
func New(raw net.Conn, first time.Duration) *Session {
	s := &Session{raw: raw}
	s.over(raw)
	s.timer = time.AfterFunc(first, s.End)
	return s
}

func (s *Session) over(c net.Conn) {
	s.conn, s.r, s.w = c, bufio.NewReaderSize(c, 4<<10), bufio.NewWriterSize(c, 16<<10)
}

// Wait bounds all that follows until the next Wait.
func (s *Session) Wait(d time.Duration) { s.timer.Reset(d) }

// Guard makes the session fail when ctx ends, until stop is called. Stop says
// whether it still was in time.
func (s *Session) Guard(ctx context.Context) (stop func() bool) { return context.AfterFunc(ctx, s.End) }

// End makes every read and write fail from now on.
func (s *Session) End() { _ = s.raw.SetDeadline(time.Unix(1, 0)) }

// Close ends the connection without a word.
func (s *Session) Close() {
	s.timer.Stop()
	_ = s.raw.Close()
}

// Rest stops the clock while the session is not in use.
func (s *Session) Rest() { s.timer.Stop() }

// Quit ends the session politely, without waiting long.
func (s *Session) Quit() {
	s.Wait(time.Second)
	_, _ = s.Do("QUIT", 221) // it closes anyway
	s.Close()
}

// TLS is the state of the connection's TLS, or nil.
func (s *Session) TLS() *tls.ConnectionState { return s.state }

// Ext says whether the peer offers a keyword, with its parameters.
func (s *Session) Ext(keyword string) (string, bool) {
	v, ok := s.ext[keyword]
	return v, ok
}

// Secure starts TLS at once (port 465), before anything is said.
func (s *Session) Secure(ctx context.Context, config *tls.Config) error {
	secured := tls.Client(s.raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	s.over(secured)
	state := secured.ConnectionState()
	s.state = &state
	return nil
}

// Greet reads the greeting and says hello as name.
func (s *Session) Greet(name string) error {
	if _, err := s.Read(220); err != nil {
		return err
	}
	return s.Hello(name)
}

// Hello says EHLO, or HELO to a peer that does not know it.
func (s *Session) Hello(name string) error {
	s.ext = map[string]string{}
	a, err := s.Do("EHLO "+name, 250)
	if _, isAnswer := errors.AsType[*Answer](err); isAnswer {
		_, err = s.Do("HELO "+name, 250)
		return err
	}
	if err != nil {
		return err
	}
	lines := strings.Split(a.Text, "\n")
	for _, line := range lines[1:] {
		keyword, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.ext[strings.ToUpper(keyword)] = rest
	}
	return nil
}

// StartTLS secures a greeted session and says hello again, for what was
// offered before counts no more. ErrNoTLS: it is not offered.
func (s *Session) StartTLS(ctx context.Context, config *tls.Config, name string) error {
	if _, ok := s.Ext("STARTTLS"); !ok {
		return ErrNoTLS
	}
	if _, err := s.Do("STARTTLS", 220); err != nil {
		return err
	}
	if s.r.Buffered() > 0 { // RFC 3207 section 4.2
		return ErrInjected
	}
	if err := s.Secure(ctx, config); err != nil {
		return err
	}
	return s.Hello(name)
}

// Auth signs in by PLAIN or LOGIN. It does so over TLS only, or to this
// machine.
func (s *Session) Auth(user, password string) error {
	if at, ok := s.raw.RemoteAddr().(*net.TCPAddr); s.state == nil && !(ok && at.IP.IsLoopback()) {
		return ErrNoTLS
	}
	offered, _ := s.Ext("AUTH")
	switch ways := strings.Fields(strings.ToUpper(offered)); {
	case slices.Contains(ways, "PLAIN"):
		_, err := s.Do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)), 235)
		return err
	case slices.Contains(ways, "LOGIN"):
		if _, err := s.Do("AUTH LOGIN", 334); err != nil {
			return err
		}
		if _, err := s.Do(base64.StdEncoding.EncodeToString([]byte(user)), 334); err != nil {
			return err
		}
		_, err := s.Do(base64.StdEncoding.EncodeToString([]byte(password)), 235)
		return err
	}
	return ErrNoAuth
}

// Do sends one command and reads its answer, which has to begin with the
// digits of want.
func (s *Session) Do(command string, want int) (*Answer, error) {
	s.Say(command)
	if err := s.Flush(); err != nil {
		return nil, err
	}
	return s.Read(want)
}

// Say puts a command into the buffer. An error shows in Flush.
func (s *Session) Say(command string) {
	_, _ = s.w.WriteString(command)
	_, _ = s.w.WriteString("\r\n")
}

// Chunk puts a whole message into the buffer, as one chunk and the last
// (RFC 3030). Its lines have to end as CR LF.
func (s *Session) Chunk(body []byte) error {
	s.Say("BDAT " + strconv.Itoa(len(body)) + " LAST")
	_, err := s.w.Write(body)
	return err
}

// Lines puts a message into the buffer as DATA has it: dots at the beginning
// of a line are doubled (RFC 5321 section 4.5.2). The final dot is Dot's.
func (s *Session) Lines(body []byte) error {
	if len(body) > 0 && body[0] == '.' {
		_ = s.w.WriteByte('.')
	}
	for {
		i := bytes.Index(body, []byte("\n."))
		if i < 0 {
			break
		}
		_, _ = s.w.Write(body[:i+2])
		_ = s.w.WriteByte('.')
		body = body[i+2:]
	}
	_, err := s.w.Write(body)
	if err == nil && !bytes.HasSuffix(body, []byte("\n")) {
		_, err = s.w.WriteString("\r\n")
	}
	return err
}

// Dot ends a message of Lines.
func (s *Session) Dot() { s.Say(".") }

// Flush sends what is in the buffer.
func (s *Session) Flush() error { return s.w.Flush() }

// Bounds of one answer: RFC 5321 section 4.5.3.1.5 allows 512 octets a line,
// and some peers say more.
const (
	mostLine  = 4 << 10
	mostLines = 128
)

// Read reads one answer. One whose code does not begin with the digits of
// want is returned as an error, an *Answer.
func (s *Session) Read(want int) (*Answer, error) {
	a := &Answer{}
	for n := 0; ; n++ {
		line, err := s.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if err != nil || n == mostLines || len(line) > mostLine {
			return nil, ErrGarbled
		}
		code, more, text, ok := parse(line)
		if !ok || n > 0 && code != a.Code {
			return nil, ErrGarbled
		}
		if a.Code = code; n > 0 {
			a.Text += "\n"
		}
		a.Text += text
		if !more {
			break
		}
	}
	if !begins(a.Code, want) {
		return a, a
	}
	return a, nil
}

// parse takes one line of an answer apart.
func parse(line []byte) (code int, more bool, text string, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) < 3 {
		return 0, false, "", false
	}
	code, err := strconv.Atoi(string(line[:3]))
	if err != nil || code < 200 || code > 599 {
		return 0, false, "", false
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	return code, line[3] == '-', strings.ToValidUTF8(string(line[4:]), "?"), true
}

// begins says whether code begins with the digits of want: 250 does with 25.
func begins(code, want int) bool {
	switch {
	case want < 10:
		return code/100 == want
	case want < 100:
		return code/10 == want
	}
	return code == want
}

// Evidence says in a few words what TLS there is: "TLS 1.3,
// TLS_AES_128_GCM_SHA256".
func (s *Session) Evidence() string {
	if s.state == nil {
		return "no TLS"
	}
	return fmt.Sprintf("%s, %s", tls.VersionName(s.state.Version), tls.CipherSuiteName(s.state.CipherSuite))
}
