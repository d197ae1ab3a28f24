// Command fuzz runs every fuzz test of the module, two at a time, and counts
// what each was given.
//
//	fuzz -for 20s                      each for 20 seconds
//	fuzz -for 20s -within 10m          less each, if all would take longer
//	fuzz -until 10000000 -budget 30m   until each had so many, over many runs
//
// With -state the counts of all runs so far are kept in a file, and go on
// from there. A test that finds something prints it and fails the command.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"hale/internal/prooftest/figures"
)

func main() {
	var p plan
	flag.DurationVar(&p.each, "for", 20*time.Second, "how long each test runs at a stretch")
	flag.DurationVar(&p.within, "within", 0, "how long a round of all tests may take; 0: as long as it does")
	flag.Int64Var(&p.until, "until", 0, "go on until each test had so many inputs")
	flag.DurationVar(&p.budget, "budget", 24*time.Hour, "with -until: begin no stretch after so long")
	flag.StringVar(&p.state, "state", "", "file that keeps the counts of all runs")
	flag.StringVar(&p.only, "only", "", "only tests whose package or name holds this")
	flag.IntVar(&p.side, "side", 2, "how many tests run side by side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// plan is what to run, and what came of it.
type plan struct {
	each, within, budget time.Duration
	until                int64
	state, only          string
	side                 int

	mu     sync.Mutex
	counts map[string]int64 // inputs by target, of all runs
	found  []string         // targets that failed
}

func (p *plan) run(ctx context.Context) error {
	all, err := targets(".")
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(t target) bool { return !strings.Contains(t.String(), p.only) })
	if err := p.load(); err != nil {
		return err
	}
	if p.within > 0 && len(all) > 0 {
		p.each = share(p.within, p.each, p.side, len(all))
		fmt.Printf("%d tests, each for %s\n", len(all), p.each)
	}
	stop := time.Now().Add(p.budget)
	for round := 0; ; round++ {
		due := p.due(all, round)
		if len(due) == 0 || ctx.Err() != nil || p.until > 0 && time.Now().After(stop) {
			break
		}
		p.stretch(ctx, due, stop)
	}
	for _, t := range all {
		fmt.Printf("%12d %s\n", p.counts[t.String()], t)
	}
	if len(p.found) > 0 {
		return errors.New("found something: " + strings.Join(p.found, ", "))
	}
	return ctx.Err()
}

// Building a test and giving it its seeds takes this long, and less than so
// much time is too little to find anything.
const (
	setUp = 8 * time.Second
	least = 5 * time.Second
)

// share is how long each of n tests runs, so that all of them, side at a
// time, are done within a while: no longer than each.
func share(within, each time.Duration, side, n int) time.Duration {
	one := within*time.Duration(side)/time.Duration(n) - setUp
	return max(least, min(each, one.Truncate(time.Second)))
}

// due returns the targets of the next round, those with the fewest inputs
// first.
func (p *plan) due(all []target, round int) []target {
	if p.until == 0 && round > 0 {
		return nil
	}
	var due []target
	for _, t := range all {
		if n := p.counts[t.String()]; (p.until == 0 || n < p.until) && !slices.Contains(p.found, t.String()) {
			due = append(due, t)
		}
	}
	slices.SortStableFunc(due, func(a, b target) int { return cmp.Compare(p.counts[a.String()], p.counts[b.String()]) })
	return due
}

// stretch gives each of due one stretch.
func (p *plan) stretch(ctx context.Context, due []target, stop time.Time) {
	work := make(chan target)
	var runners sync.WaitGroup
	for range p.side {
		runners.Go(func() {
			for t := range work {
				p.one(ctx, t)
			}
		})
	}
	for _, t := range due {
		if ctx.Err() != nil || p.until > 0 && time.Now().After(stop) {
			break
		}
		work <- t
	}
	close(work)
	runners.Wait()
}

func (p *plan) one(ctx context.Context, t target) {
	n, text, err := t.run(ctx, p.each)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[t.String()] += n
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.found = append(p.found, t.String())
		fmt.Printf("== %s failed: %v\n%s\n", t, err, text)
	default:
		fmt.Printf("ok  %-60s %10d inputs\n", t, n)
	}
	if err := p.save(); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
	}
}

// load reads the counts of earlier runs.
func (p *plan) load() error {
	p.counts = map[string]int64{}
	if p.state == "" {
		return nil
	}
	r, err := figures.ReadFile(p.state)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, l := range r.Detail {
		p.counts[l.Name] = l.Counts["inputs"]
	}
	return err
}

func (p *plan) save() error {
	if p.state == "" {
		return nil
	}
	r := figures.Run{Proof: "fuzz", Test: "make deep-fuzz", Counts: map[string]int64{}}
	least := int64(-1)
	for name, n := range p.counts {
		r.Detail = append(r.Detail, figures.Line{Name: name, Counts: map[string]int64{"inputs": n}})
		r.Counts["inputs"] += n
		if least < 0 || n < least {
			least = n
		}
	}
	r.Counts["targets"], r.Counts["inputs of the least"] = int64(len(p.counts)), least
	slices.SortFunc(r.Detail, func(a, b figures.Line) int { return cmp.Compare(a.Name, b.Name) })
	return figures.WriteFile(p.state, r)
}
