package clamd_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/gateway/clamd"
)

// daemon speaks as clamd does: it finds the test file of the antivirus
// makers, refuses what is long, and says nonsense to what says so.
func daemon(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return l.Addr().String()
}

func answer(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	command, err := in.ReadString(0)
	if err != nil {
		return
	}
	if command == "zPING\x00" {
		_, _ = io.WriteString(conn, "PONG\x00")
		return
	}
	var body []byte
	for {
		var n uint32
		if binary.Read(in, binary.BigEndian, &n) != nil {
			return
		}
		if n == 0 {
			break
		}
		part := make([]byte, n)
		if _, err := io.ReadFull(in, part); err != nil {
			return
		}
		if body = append(body, part...); len(body) > 1<<20 {
			_, _ = io.WriteString(conn, "INSTREAM size limit exceeded. ERROR\x00")
			return
		}
	}
	switch {
	case bytes.Contains(body, []byte("EICAR-STANDARD-ANTIVIRUS-TEST-FILE")):
		_, _ = io.WriteString(conn, "stream: Eicar-Test-Signature FOUND\x00")
	case bytes.Contains(body, []byte("silence")):
	default:
		_, _ = io.WriteString(conn, "stream: OK\x00")
	}
}

func TestScan(t *testing.T) {
	for name, address := range map[string]string{
		"tcp": daemon(t, "tcp", "127.0.0.1:0"), "unix": daemon(t, "unix", filepath.Join(t.TempDir(), "s")),
	} {
		s := clamd.New(address)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%s: ping: %v", name, err)
		}
		for body, want := range map[string]string{
			"a letter": "", "": "", strings.Repeat("x", 300_000): "",
			`X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*": "Eicar-Test-Signature",
		} {
			if got, err := s.Scan(t.Context(), []byte(body)); err != nil || got != want {
				t.Errorf("%s: Scan of %d bytes = %q, %v, want %q", name, len(body), got, err, want)
			}
		}
		for _, body := range []string{"silence", strings.Repeat("x", 2<<20)} {
			if got, err := s.Scan(t.Context(), []byte(body)); err == nil {
				t.Errorf("%s: a scan that was not made says %q", name, got)
			}
		}
	}
	if _, err := clamd.New("127.0.0.1:1").Scan(t.Context(), []byte("x")); err == nil {
		t.Error("a daemon that is not there finds nothing")
	}
}
