// Command trackload measures what mails report back to a served Hale: how
// many fetches of pictures and links a second are answered once they are on
// the disk, and how long a message's page takes meanwhile.
//
//	withpg -durable trackload -seconds 10
//
// For each engine it serves a new installation in a process of its own and
// loads it over loopback, one request at a time on each of many connections
// that stay open. The client takes part of the same cores.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hale/internal/base/seal"
)

// The goals: fetches a second, and milliseconds within which 19 of 20 pages
// are there.
const (
	goalHits = 15_000
	goalPage = 50
)

type options struct {
	seconds int
	conns   int
	pages   int
	engines string
	serve   string
}

func main() {
	var o options
	flag.IntVar(&o.seconds, "seconds", 10, "how long each engine is loaded")
	flag.IntVar(&o.conns, "conns", 128, "connections that fetch")
	flag.IntVar(&o.pages, "pages", 4, "people who read their messages meanwhile")
	flag.StringVar(&o.engines, "engines", "sqlite,postgres", "which to measure")
	flag.StringVar(&o.serve, "serve", "", "serve this database; the program starts itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "trackload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.serve != "" {
		return serve(ctx, o.serve)
	}
	fmt.Printf("%-9s %10s %9s %9s %11s %11s %11s\n", "engine", "fetches/s", "p50 ms", "p99 ms", "page p50 ms", "page p95 ms", "server MiB")
	var missed []string
	for engine := range strings.SplitSeq(o.engines, ",") {
		m, err := measure(ctx, engine, o)
		if errors.Is(err, errNoServer) {
			fmt.Printf("%-9s skipped: HALE_TEST_POSTGRES names no server\n", engine)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Printf("%-9s %10.0f %9.1f %9.1f %11.1f %11.1f %11d\n", engine, m.rate, m.p50, m.p99, m.page50, m.page95, m.memory>>20)
		if m.lost != 0 {
			missed = append(missed, fmt.Sprintf("%s lost %d fetches that it had answered", engine, m.lost))
		}
		if m.rate < goalHits || m.page95 > goalPage {
			missed = append(missed, engine+" is below the goals: "+fmt.Sprintf("%d fetches a second, pages within %d ms", goalHits, goalPage))
		}
	}
	if len(missed) > 0 {
		return errors.New(strings.Join(missed, "; "))
	}
	return nil
}

var errNoServer = errors.New("no server")

// measured is what one engine did.
type measured struct {
	rate, p50, p99, page50, page95 float64
	memory                         int64
	lost                           int64
}

// measure serves a new installation on an engine, loads it, and counts what
// it kept.
func measure(ctx context.Context, engine string, o options) (m measured, err error) {
	folder, err := os.MkdirTemp("", "trackload")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(folder)
	database, drop, err := fresh(ctx, engine, folder)
	if err != nil {
		return m, err
	}
	defer drop()
	key := seal.NewKey()
	s, err := start(ctx, database, key)
	if err != nil {
		return m, err
	}
	defer s.stop()
	urls, err := addresses(key, 20_000)
	if err != nil {
		return m, err
	}
	load := newLoad(s.addr, urls)
	until := time.Now().Add(time.Duration(o.seconds) * time.Second)
	if err := load.run(until, o.conns, o.pages, s.token); err != nil {
		return m, err
	}
	m = load.sum(time.Duration(o.seconds) * time.Second)
	m.memory = s.memory()
	kept, err := s.kept()
	m.lost = load.answered - kept
	return m, err
}

// server is the Hale under load.
type server struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	addr  string
	token string // of the link to a message
}

// start runs this program again, as the server.
func start(ctx context.Context, database string, key seal.Key) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-serve", database)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if _, err := fmt.Fprintln(in, key.Hex()); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(s.out, &s.addr, &s.token); err != nil {
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return s, nil
}

// kept asks the server how many fetches it has kept.
func (s *server) kept() (n int64, err error) {
	if _, err := fmt.Fprintln(s.in, "count"); err != nil {
		return 0, err
	}
	_, err = fmt.Fscanln(s.out, &n)
	return n, err
}

// memory returns the most that the server took, in bytes.
func (s *server) memory() int64 {
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(s.cmd.Process.Pid), "status"))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	var kb int64
	if ok {
		_, _ = fmt.Sscan(rest, &kb)
	}
	return kb << 10
}

func (s *server) stop() {
	_ = s.in.Close()
	_ = s.cmd.Wait()
}
