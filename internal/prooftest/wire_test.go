package prooftest

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever a request says, the program's log gets one line for it, in JSON.
func TestLogInjection(t *testing.T) {
	w := newWorld(t)
	forged := "x\r\n{\"level\":\"INFO\",\"msg\":\"request\",\"request\":\"forged\"}\u2028\x1b[2J"
	n := 0
	for _, path := range []string{"/home", "/signin", "/nowhere%0d%0a%7b%22msg%22%3a%22request%22%7d", "/m/%0aforged", "/desk/patients/%0d%0aforged", "/signin?next=%0d%0aforged"} {
		res := w.ask(http.MethodGet, path, actors[1], http.Header{"User-Agent": {forged}, "Referer": {forged}, "Accept-Language": {forged}, "X-Request-Id": {forged}, "X-Forwarded-For": {forged}})
		for name, values := range res.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Errorf("%s: the header %s is broken", path, name)
			}
		}
		n++
	}
	requests := 0
	for line := range strings.Lines(w.log.String()) {
		var entry struct{ Msg, Request string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("%q is no line of the log: %v", line, err)
		}
		if entry.Msg == "request" {
			requests++
		}
		if strings.Contains(line, "forged") || strings.Contains(line, "\x1b") {
			t.Errorf("the log repeats what a request said: %q", line)
		}
	}
	if requests != n {
		t.Errorf("%d lines for %d requests", requests, n)
	}
}

// A message whose end can be read in two ways is refused, and nothing behind
// it is answered.
func TestSmuggling(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.app.Handler())
	defer server.Close()
	const behind = "GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	head := "POST /lang HTTP/1.1\r\nHost: " + host + "\r\n"
	for name, text := range map[string]string{
		"two lengths":                 head + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + behind,
		"a signed length":             head + "Content-Length: +0\r\n\r\n" + behind,
		"a negative length":           head + "Content-Length: -1\r\n\r\n" + behind,
		"an unknown coding":           head + "Transfer-Encoding: xchunked\r\n\r\n" + behind,
		"two codings":                 head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + behind,
		"a space before the colon":    head + "Content-Length : 0\r\n\r\n" + behind,
		"two hosts":                   "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + behind,
		"a chunk that is no number":   head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + behind,
		"a header without its colon":  head + "Nonsense\r\n\r\n" + behind,
		"a NUL in a header":           head + "X-A: a\x00b\r\nContent-Length: 0\r\n\r\n" + behind,
		"a newline alone in a header": head + "X-A: a\rContent-Length: 9\r\n\r\n" + behind,
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		first, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("%s: no answer: %v", name, err)
			continue
		}
		_, _ = io.Copy(io.Discard, first.Body)
		if first.StatusCode < 400 && !strings.HasPrefix(name, "a chunk") { // a body that nobody reads is not looked at
			t.Errorf("%s = %d, want it refused", name, first.StatusCode)
		}
		if second, err := http.ReadResponse(in, nil); err == nil {
			t.Errorf("%s: what stood behind it was answered with %d", name, second.StatusCode)
		}
		c.Close()
	}
}

// A name that is given twice, or in the address and in the form, opens
// nothing that one alone would not.
func TestParametersTwice(t *testing.T) {
	w := newWorld(t)
	before := w.state()
	for _, path := range []string{
		"/visits/ada-visit/cancel?patient=cleo&patient=ada", "/for/ada/visits/ada-visit/cancel?patient=cleo", "/privacy/request-1?id=request-1&patient=ada&patient=cleo",
		"/for/cleo/../ada/visits/ada-visit/cancel", "/for/cleo%2f..%2fada/visits/ada-visit/cancel", "/inbox/" + w.msg + "?patient=ada;patient=cleo",
	} {
		if res := w.ask(http.MethodPost, path, who("other"), nil); res.Code < 300 {
			t.Errorf("POST %s as another patient = %d, want it refused", path, res.Code)
		}
	}
	if d := differ(before, w.state()); d != "" {
		t.Errorf("parameters given twice changed %s", d)
	}
}
