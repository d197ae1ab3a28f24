package haletest

import (
	"crypto/rand"
	"math/big"
	"net"
	"strconv"
	"testing"
)

// Ports from which no system here takes one for a connection that goes out
// (Linux: 32768 to 60999), so nobody comes in between looking and listening.
const firstPort, lastPort = 15000, 32000

// FreePort returns a port on this machine that nobody listens on, for a
// server that has to be told its port.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort))
		if err != nil {
			t.Fatal(err)
		}
		port := firstPort + int(n.Int64())
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port found")
	return 0
}
