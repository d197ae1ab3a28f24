package prooftest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/app"
	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
)

// The limits of a listener: a head has 5 s, a request 30 s, an answer 60 s.
// A slow connection is gone by then, and a little.
const (
	headGone = 7 * time.Second
	bodyGone = 33 * time.Second
	slowAll  = 500
)

// TestSlowConnections holds 500 connections that hardly send open against a
// Hale that serves, while others look at pages: the slow ones are gone within
// the limits, and the pages stay quick. With HALE_DEEP there are slow bodies,
// too, which have longer.
func TestSlowConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: waits for the limits of connections")
	}
	s := serveSlow(t)
	quiet := s.pages(t, 4*time.Second)
	begun := time.Now()
	gone := make(chan time.Duration, slowAll)
	var slow sync.WaitGroup
	var opened atomic.Int64
	for i := range slowAll {
		slow.Go(func() {
			if took, ok := s.crawl(i, &opened, begun); ok {
				gone <- took
			}
		})
	}
	busy := s.pages(t, 8*time.Second)
	slow.Wait()
	close(gone)
	var times []time.Duration
	for d := range gone {
		times = append(times, d)
	}
	slices.Sort(times)
	if len(times) != slowAll || times[len(times)-1] > bodyGone+3*time.Second {
		t.Errorf("%d of %d slow connections were ended by Hale, the last after %v, want all within %v", len(times), slowAll, times[len(times)-1], bodyGone)
	}
	ratio := float64(busy) / float64(max(quiet, time.Millisecond))
	t.Logf("p95 of a page %v alone, %v among %d slow connections: %.2f times; the last slow one was gone after %v", quiet, busy, opened.Load(), ratio, times[len(times)-1])
	most := 2.0
	if quiet > 20*time.Millisecond {
		most = 4 // other tests have the cores, sometimes more of them and sometimes less
	}
	if ratio >= most && busy > 20*time.Millisecond {
		t.Errorf("pages take %.2f times as long among slow connections, want less than %v", ratio, most)
	}
	if os.Getenv("HALE_DEEP") == "" {
		return // the figures are those of the whole run
	}
	figures.Write(t, figures.Run{Proof: "slow-connections",
		Counts: map[string]int64{"slow connections": opened.Load(), "ended by Hale": int64(len(times)), "p95 of a page alone, microseconds": quiet.Microseconds(),
			"p95 of a page among them, microseconds": busy.Microseconds(), "p95 among them, percent of alone": int64(ratio * 100)},
		Millis: map[string]int64{"last slow connection gone after": times[len(times)-1].Milliseconds()}})
}

// slowly is a Hale that serves on loopback, with a patient who is signed in.
type slowly struct{ addr, cookie string }

func serveSlow(t *testing.T) *slowly {
	t.Helper()
	m, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/hale.db"
	w := openWorld(t, m, path, haletest.Clock(haletest.Noon))
	ctx, ready, ended := t.Context(), make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- app.Serve(ctx, worldConfig(path, haletest.Clock(haletest.Noon), io.Discard), func(addr string) { ready <- addr })
	}()
	t.Cleanup(func() { <-ended })
	select {
	case addr := <-ready:
		return &slowly{addr: strings.TrimPrefix(addr, "http://"), cookie: cookieHeader(w.session(actors[1]))}
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
		return nil
	}
}

// pages looks at a page with two browsers for so long and returns the 95th
// percentile of how long it took.
func (s *slowly) pages(t *testing.T, long time.Duration) time.Duration {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var browsers sync.WaitGroup
	for range 2 {
		browsers.Go(func() {
			for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				begin := time.Now()
				if err := s.page(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(begin))
				mu.Unlock()
			}
		})
	}
	browsers.Wait()
	if len(took) < 20 {
		t.Fatalf("%d pages: too few to measure", len(took))
	}
	slices.Sort(took)
	return took[len(took)*95/100]
}

func (s *slowly) page() error {
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr+"/results/ada-a1c", nil)
	if err != nil {
		return err
	}
	req.Host = host
	req.Header.Set("Cookie", s.cookie)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("page = %d, %v", res.StatusCode, err)
	}
	return nil
}

// crawl is one slow connection: two of five never end their head, two their
// body, and one asks and hardly reads. It returns when Hale ended it.
func (s *slowly) crawl(i int, opened *atomic.Int64, begun time.Time) (time.Duration, bool) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, false
	}
	defer c.Close()
	opened.Add(1)
	const head = "GET /help/signin HTTP/1.1\r\nHost: " + host + "\r\n"
	limit, word, kind := headGone, "X-A: b\r\n", i%5
	if os.Getenv("HALE_DEEP") == "" && kind != 4 {
		kind = 0 // a body may take half a minute
	}
	switch kind {
	case 0, 1:
		_, err = io.WriteString(c, head)
	case 2, 3:
		limit, word = bodyGone, "a"
		_, err = io.WriteString(c, "POST /signin HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nwho=a")
	default:
		_, err = io.WriteString(c, head+"Connection: close\r\n\r\n")
		word = ""
	}
	if err != nil {
		return 0, false
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		in := bufio.NewReaderSize(c, 16)
		for {
			if _, err := in.ReadByte(); err != nil {
				return
			}
		}
	}()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	end := time.After(time.Until(begun.Add(limit + 15*time.Second)))
	for {
		select {
		case <-closed:
			return time.Since(begun), true
		case <-beat.C:
			_, _ = io.WriteString(c, word)
		case <-end:
			return 0, false
		}
	}
}
