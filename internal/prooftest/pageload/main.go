// Command pageload measures how long each page takes in a town of many: it
// runs `hale demo`, steps in as a stranger, a patient, a caregiver and the
// staff, follows every link to one page of each kind, and asks for each page
// again and again on a connection that stays open.
//
//	withpg -durable pageload -binary ./hale -people 100000
//
// What is measured is what a browser on this machine waits for the document:
// session, access, audit rows and database included.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"hale/internal/prooftest/rig"
)

// goal is within which the middle of a page's answers comes.
const goal = 20 * time.Millisecond

type options struct {
	binary, engines, routes string
	folder                  string
	people, times, shown    int
	build                   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "./hale", "the hale to measure")
	flag.StringVar(&o.engines, "engines", "sqlite,postgres", "which engines")
	flag.StringVar(&o.routes, "routes", "internal/prooftest/testdata/routes.txt", "the list of routes, by which kinds of pages are told apart")
	flag.StringVar(&o.folder, "folder", "", "keep the town of SQLite in this folder, and go on with the one that is there")
	flag.IntVar(&o.people, "people", 100_000, "how many live in the town")
	flag.IntVar(&o.times, "times", 20, "how often each page is asked for")
	flag.IntVar(&o.shown, "shown", 12, "how many of the slowest pages are shown")
	flag.DurationVar(&o.build, "build", 40*time.Minute, "how long the town may take to build")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "pageload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	kinds, err := shapes(o.routes)
	if err != nil {
		return err
	}
	slow := 0
	for engine := range strings.SplitSeq(o.engines, ",") {
		pages, err := measure(ctx, o, engine, kinds)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		slow += report(engine, o, pages)
	}
	if slow > 0 {
		return fmt.Errorf("%d pages are slower than %s", slow, goal)
	}
	return nil
}

// report prints the slowest pages and returns how many miss the goal.
func report(engine string, o options, pages []page) (slow int) {
	if len(pages) == 0 {
		fmt.Printf("%s: no page was met\n", engine)
		return 1
	}
	slices.SortFunc(pages, func(a, b page) int { return cmp.Compare(b.middle, a.middle) })
	for _, p := range pages {
		if p.middle > goal {
			slow++
		}
	}
	fmt.Printf("%s, %d people: %d pages, the middle page in %.1f ms, %d slower than %s\n",
		engine, o.people, len(pages), ms(pages[len(pages)/2].middle), slow, goal)
	if busy := len(slices.DeleteFunc(slices.Clone(pages), func(p page) bool { return p.first == 0 || p.middle > goal })); busy > 0 {
		fmt.Printf("%d more were slower at first alone, while the program was busy with something else\n", busy)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "who\tpage\tp50 ms\tp95 ms\tCPU ms\tkB\tp50 at first")
	for _, p := range pages[:min(len(pages), max(slow, o.shown))] {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.1f\t%d\t%.1f\n", p.who, p.kind, ms(p.middle), ms(p.late), p.cpu*1000, p.bytes/1000, ms(max(p.first, p.middle)))
	}
	_ = w.Flush()
	return slow
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// town is a demo that runs.
type town struct {
	cmd    *exec.Cmd
	origin string
}

// start builds the town and waits until it answers.
func start(ctx context.Context, o options, engine, folder string) (*town, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{"demo", "--quiet", "--json", "--people", strconv.Itoa(o.people), "--addr", addr, "--data", folder}
	if engine == "postgres" {
		database, err := rig.NewDatabase(ctx)
		if err != nil {
			return nil, err
		}
		args = append(args, "--database", database)
	}
	t := &town{cmd: exec.CommandContext(ctx, o.binary, args...)}
	t.cmd.Stderr = os.Stderr
	t.cmd.Cancel = func() error { return t.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(o.build, func() { _ = t.cmd.Process.Signal(syscall.SIGTERM) })
	defer late.Stop()
	var ready struct{ URL string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		return nil, errors.Join(fmt.Errorf("hale demo says nothing of where it is: %w", err), t.stop())
	}
	t.origin = ready.URL
	go func() { // so that it is never held up
		buf := make([]byte, 4096)
		for {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
	return t, nil
}

func (t *town) stop() error {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	return t.cmd.Wait()
}

// place is where a town is kept, and what becomes of it at the end.
func place(o options, engine string) (folder string, leave func(), err error) {
	if o.folder != "" && engine == "sqlite" {
		return o.folder, func() {}, os.MkdirAll(o.folder, 0o700)
	}
	folder, err = os.MkdirTemp("", "hale-pages")
	return folder, func() { _ = os.RemoveAll(folder) }, err
}

// measure runs a town on an engine and times its pages.
func measure(ctx context.Context, o options, engine string, kinds *kinds) ([]page, error) {
	folder, leave, err := place(o, engine)
	if err != nil {
		return nil, err
	}
	defer leave()
	began := time.Now()
	t, err := start(ctx, o, engine, folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.stop() }()
	stands := time.Since(began)
	rested, err := rig.Rest(ctx, t.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: the town stands after %s, and has come to rest %s later\n", engine, stands.Round(time.Second), rested.Round(time.Second))
	var all []page
	for _, w := range walkers {
		list, err := t.walk(ctx, o, engine, kinds, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.who, err)
		}
		all = append(all, list...)
	}
	return all, nil
}
