package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// request is what a worker asks next.
type request struct {
	method, path string
	body         []byte
	wants        string // a text that a right answer has
	resources    int
}

// tally is what one worker counted.
type tally struct {
	waits     []time.Duration
	resources int
	wrong     int
	first     string // the first wrong answer
}

// load is a closed loop of workers with one connection each.
type load struct {
	addr    string
	token   func() string
	workers int
	warm    time.Duration
	last    time.Duration
}

// run asks what next makes until the time is up, and returns what it counted
// after the warm-up. around is called when counting begins, and ends it.
func (l load) run(next func(*rand.Rand) (request, error), around func() func()) (tally, error) {
	var counting, over atomic.Bool
	tallies, errs := make([]tally, l.workers), make([]error, l.workers)
	var group sync.WaitGroup
	for i := range l.workers {
		group.Go(func() {
			r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))
			errs[i] = l.work(&tallies[i], r, next, &counting, &over)
		})
	}
	time.Sleep(l.warm)
	counting.Store(true)
	end := around()
	time.Sleep(l.last)
	counting.Store(false)
	end()
	over.Store(true)
	group.Wait()
	var all tally
	for i, t := range tallies {
		if errs[i] != nil {
			return all, errs[i]
		}
		all.waits = append(all.waits, t.waits...)
		all.resources += t.resources
		all.wrong += t.wrong
		if all.first == "" {
			all.first = t.first
		}
	}
	slices.Sort(all.waits)
	return all, nil
}

// work is one worker.
func (l load) work(t *tally, r *rand.Rand, next func(*rand.Rand) (request, error), counting, over *atomic.Bool) error {
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var out, answer bytes.Buffer
	for !over.Load() {
		q, err := next(r)
		if err != nil {
			return err
		}
		out.Reset()
		fmt.Fprintf(&out, "%s /fhir%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: application/fhir+json\r\n", q.method, q.path, l.addr, l.token())
		if q.body != nil {
			fmt.Fprintf(&out, "Content-Type: application/fhir+json\r\nContent-Length: %d\r\n", len(q.body))
		}
		out.WriteString("\r\n")
		out.Write(q.body)
		began := time.Now()
		status, err := exchange(conn, in, &out, &answer)
		if err != nil {
			return fmt.Errorf("%s %s: %w", q.method, q.path, err)
		}
		wait := time.Since(began)
		if !counting.Load() {
			continue
		}
		if status >= http.StatusBadRequest || !bytes.Contains(answer.Bytes(), []byte(q.wants)) {
			t.wrong++
			if t.first == "" {
				t.first = strconv.Itoa(status) + " " + string(answer.Bytes()[:min(300, answer.Len())])
			}
			continue
		}
		t.waits = append(t.waits, wait)
		t.resources += q.resources
	}
	return nil
}

// exchange sends out and reads the answer to it.
func exchange(conn net.Conn, in *bufio.Reader, out, answer *bytes.Buffer) (status int, err error) {
	if _, err := out.WriteTo(conn); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	answer.Reset()
	_, err = io.Copy(answer, res.Body)
	return res.StatusCode, err
}
