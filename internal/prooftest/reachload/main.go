// Command reachload measures how fast a served Hale writes to a whole
// clinic: it decides on everybody by the policy, holds a tenth out, renders a
// personal e-mail with a link of its own, keeps the ledger, and hands each
// over to a mail server on this machine that takes and counts it.
//
//	withpg -durable reachload -binary ./hale -people 100000 [-listmonk PATH -assets DIR]
//
// With -plan it writes people straight into the store and plans for all of
// them, with nothing sent.
//
// With -listmonk it has that program send letters of the same size to the
// same addresses by the same mail server, in the same run: it keeps no ledger
// and asks no policy. The mail server takes part of the same cores; to Hale it
// speaks TLS, without which Hale would not send these letters.
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
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"hale/internal/prooftest/rig"
)

// options are the flags.
type options struct {
	binary           string
	engines          []string
	people           int
	limit            time.Duration
	listmonk, assets string
	wait             time.Duration
}

func main() {
	var o options
	asSink := flag.Bool("sink", false, "be the mail server")
	withTLS := flag.Bool("tls", false, "the mail server offers TLS")
	flag.StringVar(&o.binary, "binary", "./hale", "the hale to measure")
	planOnly := flag.Bool("plan", false, "decide on everybody and write it down, and send nothing")
	engines := flag.String("engines", "sqlite,postgres", "which engines")
	flag.IntVar(&o.people, "people", 100_000, "how many patients there are")
	flag.DurationVar(&o.limit, "limit", 5*time.Minute, "how long one run may take")
	flag.DurationVar(&o.wait, "wait", 0, "how long to rest before a run")
	flag.StringVar(&o.listmonk, "listmonk", os.Getenv("LISTMONK"), "a listmonk to measure beside it; or LISTMONK")
	flag.StringVar(&o.assets, "assets", os.Getenv("LISTMONK_ASSETS"), "where its queries.sql, static and i18n are; or LISTMONK_ASSETS")
	flag.Parse()
	if *engines != "" {
		o.engines = strings.Split(*engines, ",")
	}
	if *asSink {
		report(runSink(*withTLS))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	run := o.run
	if *planOnly {
		run = o.plans
	}
	err := run(ctx)
	stop()
	report(err)
}

func report(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "reachload:", err)
		os.Exit(1)
	}
}

// post is the mail server's process.
type post struct {
	cmd  *exec.Cmd
	in   io.Writer
	out  *bufio.Scanner
	addr string
}

func startPost(ctx context.Context, withTLS bool) (*post, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &post{cmd: exec.CommandContext(ctx, self, "-sink", fmt.Sprintf("-tls=%v", withTLS))}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	if !p.out.Scan() {
		return nil, errors.New("the mail server did not start")
	}
	p.addr = strings.TrimSpace(p.out.Text())
	return p, nil
}

// counted is what the mail server took.
type counted struct {
	all, keys   int
	first, last time.Time
}

func (p *post) ask(word string) (c counted, err error) {
	if _, err := fmt.Fprintln(p.in, word); err != nil {
		return c, err
	}
	if !p.out.Scan() {
		return c, errors.New("the mail server is gone")
	}
	var first, last int64
	_, err = fmt.Sscan(p.out.Text(), &c.all, &c.keys, &first, &last)
	c.first, c.last = time.UnixMicro(first), time.UnixMicro(last)
	return c, err
}

func (p *post) stop() error {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	return nil
}

// quiet waits until the mail server has taken nothing for two seconds after
// it took something, and then returns what it took.
func (p *post) quiet(ctx context.Context, limit time.Duration) (counted, error) {
	began, before, still := time.Now(), 0, 0
	for time.Since(began) < limit {
		select {
		case <-ctx.Done():
			return counted{}, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
		c, err := p.ask("count")
		if err != nil {
			return c, err
		}
		if still++; c.all != before || c.all == 0 {
			still = 0
		}
		if still == 12 {
			return c, nil
		}
		before = c.all
	}
	return p.ask("count")
}

// result is a line of the table.
type result struct {
	who           string
	sent, wrong   int
	took          time.Duration // from the beginning of planning to the last that was taken
	planned       float64       // a second
	p50, p99      time.Duration
	server, store float64 // CPU seconds
	post          float64
	memory        int // MiB
	steal         float64
	line          string
}

func (r result) rate() float64 { return float64(r.sent) / max(r.took.Seconds(), 1e-9) }

// run measures every engine, and the peer after them.
func (o options) run(ctx context.Context) error {
	var all []result
	for _, engine := range o.engines {
		r, err := o.hale(ctx, engine)
		if err != nil {
			return errors.Join(o.print(all), fmt.Errorf("%s: %w", engine, err)) // what was measured is told
		}
		all = append(all, r)
	}
	if o.listmonk != "" {
		r, err := o.peer(ctx)
		if err != nil {
			return errors.Join(o.print(all), fmt.Errorf("listmonk: %w", err)) // what was measured is told
		}
		all = append(all, r)
	}
	return o.print(all)
}

// hale measures one engine.
func (o options) hale(ctx context.Context, engine string) (r result, err error) {
	p, err := startPost(ctx, true)
	if err != nil {
		return r, err
	}
	defer p.stop()
	h, err := newHale(ctx, o, engine, p.addr)
	if h != nil {
		defer func() { err = errors.Join(err, h.Stop()) }()
	}
	if err != nil {
		return r, err
	}
	if err := settle(ctx, h, o.wait); err != nil { // what an import leaves to be done is not what is measured
		return r, err
	}
	id, err := launch(ctx, h)
	if err != nil {
		return r, err
	}
	if err := h.Serve(ctx); err != nil {
		return r, err
	}
	before, sink := rig.Take(h.PID(), engine), rig.CPU(p.cmd.Process.Pid)
	c, err := p.quiet(ctx, o.limit)
	if err != nil {
		return r, err
	}
	used := before.Until(rig.Take(h.PID(), engine))
	r = result{who: "hale, " + engine, sent: c.keys, wrong: c.all - c.keys, server: used.Server, store: used.Database, steal: used.Steal,
		post: rig.CPU(p.cmd.Process.Pid) - sink, memory: rig.Peak(h.PID())}
	if err := h.Halt(); err != nil {
		return r, err
	}
	b, err := audit(ctx, h, id)
	if err != nil {
		return r, err
	}
	slices.Sort(b.waits)
	r.p50, r.p99 = quantile(b.waits, 0.5), quantile(b.waits, 0.99)
	r.took, r.planned = c.last.Sub(b.planFrom), float64(b.intents)/max(b.planTo.Sub(b.planFrom).Seconds(), 1e-9)
	r.line = fmt.Sprintf("%s; %d messages, %d taken, %d in another state; the mail server counted %d under %d keys", b.line, b.messages, b.accepted, b.other, c.all, c.keys)
	return r, nil
}

// settle lets an installation do what its import left to do.
func settle(ctx context.Context, h *rig.House, wait time.Duration) error {
	if err := h.Serve(ctx); err != nil {
		return err
	}
	if _, err := rig.Rest(ctx, h.PID()); err != nil {
		return err
	}
	if err := h.Halt(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return ctx.Err()
}

func quantile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(p*float64(len(sorted)-1))]
}

// print writes the table.
func (o options) print(all []result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "who\tsent\ttwice\ts\tsent/s\tplanned/s\tp50 s\tp99 s\tCPU µs\tdatabase µs\tsink µs\tMiB\tsteal %\tlistmonk's\t")
	peer := 0.0
	for _, r := range all {
		if r.who == "listmonk" {
			peer = r.rate()
		}
	}
	for _, r := range all {
		times, n := "", float64(max(1, r.sent))
		if peer > 0 {
			times = fmt.Sprintf("%.2f×", r.rate()/peer)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.0f\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%d\t%.1f\t%s\t\n", r.who, r.sent, r.wrong, r.took.Seconds(), r.rate(), r.planned,
			r.p50.Seconds(), r.p99.Seconds(), r.server/n*1e6, r.store/n*1e6, r.post/n*1e6, r.memory, r.steal*100, times)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range all {
		if r.line != "" {
			fmt.Println(r.who+":", r.line)
		}
	}
	return nil
}
