package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// sink takes every mail that it is given, counts it under its Message-ID and
// forgets it.
type sink struct {
	tls *tls.Config

	mu          sync.Mutex
	keys        map[string]int // Message-ID → times
	all         int
	first, last time.Time
}

// errPipe says that a client did not speak SMTP.
var errPipe = errors.New("not SMTP")

// runSink is the process of the sink: it prints its address, and a line of
// counts for each line that it reads.
func runSink(withTLS bool) error {
	s := &sink{keys: map[string]int{}}
	if withTLS {
		cert, err := selfSigned()
		if err != nil {
			return err
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = s.serve(c) // whoever hangs up hangs up
			}()
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		s.mu.Lock()
		if lines.Text() == "reset" {
			s.keys, s.all, s.first, s.last = map[string]int{}, 0, time.Time{}, time.Time{}
		}
		fmt.Println(s.all, len(s.keys), s.first.UnixMicro(), s.last.UnixMicro())
		s.mu.Unlock()
	}
	return lines.Err()
}

// selfSigned is a certificate of nobody's.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// session is one connection.
type session struct {
	*sink
	c    net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	safe bool
	body []byte
}

func (s *sink) serve(c net.Conn) error {
	k := &session{sink: s, c: c, in: bufio.NewReaderSize(c, 64<<10), out: bufio.NewWriterSize(c, 4<<10)}
	k.say("220 sink ESMTP")
	for {
		if k.in.Buffered() == 0 { // a pipelined answer waits for the others
			if err := k.out.Flush(); err != nil {
				return err
			}
		}
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if err := k.command(bytes.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
}

func (k *session) say(line string) {
	_, _ = k.out.WriteString(line) // an error shows in Flush
	_, _ = k.out.WriteString("\r\n")
}

// command obeys one line.
func (k *session) command(line []byte) error {
	if len(line) < 4 {
		return errPipe
	}
	switch string(bytes.ToUpper(line[:4])) {
	case "EHLO":
		k.say("250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME")
		if k.tls != nil && !k.safe {
			k.say("250-STARTTLS")
		}
		k.say("250 SIZE 52428800")
	case "STAR":
		return k.secure()
	case "DATA":
		return k.data()
	case "BDAT":
		return k.chunk(line)
	case "QUIT":
		k.say("221 bye")
		return errors.Join(k.out.Flush(), io.EOF)
	default:
		k.say("250 ok")
	}
	return nil
}

func (k *session) secure() error {
	k.say("220 go")
	if err := k.out.Flush(); err != nil {
		return err
	}
	c := tls.Server(k.c, k.tls)
	if err := c.Handshake(); err != nil {
		return err
	}
	k.safe = true
	k.in.Reset(c)
	k.out.Reset(c)
	return nil
}

// data reads a message up to its lone dot.
func (k *session) data() error {
	k.say("354 go")
	if err := k.out.Flush(); err != nil {
		return err
	}
	k.body = k.body[:0]
	for {
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 3 && string(bytes.TrimRight(line, "\r\n")) == "." {
			k.took()
			return nil
		}
		if len(k.body) < 2048 { // where the headers are
			k.body = append(k.body, line...)
		}
	}
}

// chunk reads a piece whose length is told before.
func (k *session) chunk(line []byte) error {
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return errPipe
	}
	n, err := strconv.Atoi(string(fields[1]))
	if err != nil || n < 0 {
		return errPipe
	}
	keep := min(n, max(0, 2048-len(k.body)))
	at := len(k.body)
	k.body = append(k.body, make([]byte, keep)...)
	if _, err := io.ReadFull(k.in, k.body[at:]); err != nil {
		return err
	}
	if _, err := k.in.Discard(n - keep); err != nil {
		return err
	}
	if len(fields) > 2 {
		k.took()
		k.body = k.body[:0]
		return nil
	}
	k.say("250 ok")
	return nil
}

// took counts a message.
func (k *session) took() {
	id := ""
	if _, rest, ok := bytes.Cut(k.body, []byte("\nMessage-")); ok {
		if _, rest, ok = bytes.Cut(rest[:min(200, len(rest))], []byte("<")); ok {
			key, _, _ := bytes.Cut(rest, []byte("@"))
			id = string(key)
		}
	}
	now := time.Now()
	k.mu.Lock()
	k.keys[id]++
	k.all++
	if k.first.IsZero() {
		k.first = now
	}
	k.last = now
	k.mu.Unlock()
	k.say("250 2.0.0 ok: queued as " + id[:min(len(id), 16)])
}
