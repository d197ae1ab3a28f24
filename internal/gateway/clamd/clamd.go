// Package clamd asks a ClamAV daemon whether a file is harmful.
//
// Spec: clamd(8), INSTREAM: the file follows in pieces, each behind its
// length; a length of zero ends it
package clamd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	piece     = 64 << 10
	maxAnswer = 4 << 10
	patience  = 30 * time.Second
)

// Scanner asks one daemon.
type Scanner struct{ network, address string }

// New returns a scanner that asks the daemon at address: HOST:PORT, or the
// path of a socket.
func New(address string) *Scanner {
	if strings.HasPrefix(address, "/") {
		return &Scanner{"unix", address}
	}
	return &Scanner{"tcp", address}
}

// Scan returns the name of what was found in body, empty for nothing. An
// error means that the daemon did not look.
func (s *Scanner) Scan(ctx context.Context, body []byte) (found string, err error) {
	answer, err := s.ask(ctx, "zINSTREAM\x00", body)
	if err != nil {
		return "", fmt.Errorf("clamd: scan: %w", err)
	}
	name, ok := strings.CutPrefix(answer, "stream: ")
	switch {
	case ok && name == "OK":
		return "", nil
	case ok && strings.HasSuffix(name, " FOUND"):
		return strings.TrimSuffix(name, " FOUND"), nil
	}
	return "", fmt.Errorf("clamd: scan: it answers %q", answer)
}

// Ping says whether the daemon answers.
func (s *Scanner) Ping(ctx context.Context) error {
	answer, err := s.ask(ctx, "zPING\x00", nil)
	if err == nil && answer != "PONG" {
		err = fmt.Errorf("it answers %q", answer)
	}
	if err != nil {
		return fmt.Errorf("clamd: ping: %w", err)
	}
	return nil
}

func (s *Scanner) ask(ctx context.Context, command string, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, s.network, s.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, command); err != nil {
		return "", err
	}
	sendErr := send(conn, body)
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil && len(answer) == 0 {
		return "", errors.Join(sendErr, err)
	}
	return string(bytes.TrimRight(answer, "\x00\n")), nil
}

// send writes body piece by piece; nothing for a command without one. The
// daemon may have heard enough before the end: its answer says so.
func send(conn io.Writer, body []byte) error {
	if body == nil {
		return nil
	}
	for part := body; len(part) > 0; {
		n := min(piece, len(part))
		if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(n)), part[:n]...)); err != nil {
			return err
		}
		part = part[n:]
	}
	_, err := conn.Write([]byte{0, 0, 0, 0})
	return err
}
