package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// load is what is asked of a server, and how long it took.
type load struct {
	addr     string
	requests [][]byte

	mu       sync.Mutex
	hits     []time.Duration
	pages    []time.Duration
	answered int64
}

func newLoad(addr string, paths []string) *load {
	l := &load{addr: addr}
	for _, p := range paths {
		l.requests = append(l.requests, fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n"+
			"User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148\r\n"+
			"Accept: image/*\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n", p, addr))
	}
	return l
}

// run fetches on conns connections and reads pages beside them, until a
// time.
func (l *load) run(until time.Time, conns, readers int, token string) error {
	var wait sync.WaitGroup
	failed := make(chan error, conns+readers)
	for i := range conns {
		wait.Go(func() { failed <- l.fetch(until, i, conns) })
	}
	for range readers {
		wait.Go(func() { failed <- l.read(until, token) })
	}
	wait.Wait()
	close(failed)
	var all error
	for err := range failed {
		all = errors.Join(all, err)
	}
	return all
}

// fetch loads pictures on one connection, one after the other.
func (l *load) fetch(until time.Time, i, step int) error {
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 4096)
	took := make([]time.Duration, 0, 1<<14)
	for n := i; time.Now().Before(until); n += step {
		begin := time.Now()
		if _, err := c.Write(l.requests[n%len(l.requests)]); err != nil {
			return err
		}
		if err := picture(in); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hits = append(l.hits, took...)
	l.answered += int64(len(took))
	return nil
}

// picture reads one answer, which must be the picture.
func picture(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("a picture was answered by %q", line)
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if rest, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(rest))); err != nil {
				return err
			}
		}
	}
	if length == 0 {
		return errors.New("a picture without bytes")
	}
	_, err = in.Discard(length)
	return err
}

// pause is how long a reader waits between two pages.
const pause = 20 * time.Millisecond

// read opens a message and reads its gate and its page again and again.
func (l *load) read(until time.Time, token string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	gate := "http://" + l.addr + "/m/" + token
	if _, err := page(client, http.MethodPost, gate, url.Values{"button": {"1"}}, "Please bring your medicines"); err != nil {
		return err
	}
	var took []time.Duration
	for n := 0; time.Now().Before(until); n++ {
		at, wants := gate, "You have a message"
		if n%2 == 0 {
			at, wants = gate+"/message", "Please bring your medicines"
		}
		d, err := page(client, http.MethodGet, at, nil, wants)
		if err != nil {
			return err
		}
		took = append(took, d)
		time.Sleep(pause)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages = append(l.pages, took...)
	return nil
}

// page asks for one page, which must say what is wanted.
func page(c *http.Client, method, at string, form url.Values, wants string) (time.Duration, error) {
	begin := time.Now()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, at, body)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && !strings.Contains(string(text), wants) {
		err = fmt.Errorf("%s %s = %d without %q: %.300s", method, at, res.StatusCode, wants, text)
	}
	return time.Since(begin), err
}

// sum returns what was measured over a time.
func (l *load) sum(over time.Duration) measured {
	return measured{
		rate: float64(len(l.hits)) / over.Seconds(), p50: at(l.hits, 50), p99: at(l.hits, 99),
		page50: at(l.pages, 50), page95: at(l.pages, 95),
	}
}

// at returns the p-th percentile, in milliseconds.
func at(list []time.Duration, p int) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return float64(list[min(len(list)-1, len(list)*p/100)].Microseconds()) / 1000
}
