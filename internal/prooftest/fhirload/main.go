// Command fhirload measures the FHIR API of a served Hale: auth, labels,
// audit and validation on, encrypted at rest, one connection a worker.
//
//	withpg -durable fhirload -binary ./hale -sizes 10000,100000
//
// For each engine and size it makes an installation, fills it by `hale
// import`, lets a client in by `hale app add`, starts `hale serve`, and loads
// it over loopback with 16 connections that each wait for their answer. The
// client takes part of the same cores: what the server itself used is in the
// table, as are its most memory and the share of the machine's time that its
// host took away.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"hale/internal/prooftest/rig"
)

// kind is one sort of load.
type kind struct {
	name  string
	peer  float64 // a second, by the server that Hale is compared with; 0: unknown
	times float64 // how many times that Hale is held to
	next  func(r *rand.Rand, people int) (request, error)
}

// kinds are measured in this order: what writes comes last. The peer's
// figures are of Medplum's server (Node, PostgreSQL, Redis) on such a
// machine, at 16 connections.
var kinds = []kind{
	{"read", 603, 8, read},
	{"search", 388, 10, search},
	{"everything", 0, 0, everything},
	{"create", 141, 12, create},
	{"bundle", 145, 20, bundle}, // resources, not requests
}

func read(r *rand.Rand, people int) (request, error) {
	return request{method: "GET", path: "/Observation/" + observationID(r.IntN(people), r.IntN(observations)), wants: `"Observation"`, resources: 1}, nil
}

func search(r *rand.Rand, people int) (request, error) {
	q := url.Values{"patient": {"Patient/" + patientID(r.IntN(people))}, "code": {"http://loinc.org|" + tests[r.IntN(len(tests))][0]}}
	return request{method: "GET", path: "/Observation?" + q.Encode(), wants: `"searchset"`, resources: 1}, nil
}

func everything(r *rand.Rand, people int) (request, error) {
	return request{method: "GET", path: "/Patient/" + patientID(r.IntN(people)) + "/$everything", wants: `"searchset"`, resources: 1}, nil
}

func create(r *rand.Rand, people int) (request, error) {
	body, err := json.Marshal(observation(r, "Patient/"+patientID(r.IntN(people)), ""))
	return request{method: "POST", path: "/Observation", body: body, wants: `"Observation"`, resources: 1}, err
}

func bundle(r *rand.Rand, _ int) (request, error) {
	body, n, err := transaction(r, 8)
	return request{method: "POST", path: "", body: body, wants: "transaction-response", resources: n}, err
}

// options are the flags.
type options struct {
	binary  string
	engines []string
	sizes   []int
	kinds   []string
	workers int
	last    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "./hale", "the hale to measure")
	engines := flag.String("engines", "sqlite,postgres", "which engines")
	sizes := flag.String("sizes", "10000", "how many resources there are, one run each")
	only := flag.String("kinds", "", "only these, such as read,search")
	flag.IntVar(&o.workers, "c", 16, "connections")
	flag.DurationVar(&o.last, "d", 8*time.Second, "how long each is measured")
	flag.Parse()
	o.engines = strings.Split(*engines, ",")
	if *only != "" {
		o.kinds = strings.Split(*only, ",")
	}
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < perPatient {
			fmt.Fprintln(os.Stderr, "fhirload: -sizes takes numbers of resources such as 10000,100000")
			os.Exit(2)
		}
		o.sizes = append(o.sizes, n)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fhirload:", err)
		os.Exit(1)
	}
}

// run measures every engine at every size.
func (o options) run(ctx context.Context) error {
	for _, engine := range o.engines {
		for _, size := range o.sizes {
			if err := o.measure(ctx, engine, size); err != nil {
				return fmt.Errorf("%s, %d resources: %w", engine, size, err)
			}
		}
	}
	return nil
}

// measure fills one installation, loads it and prints the table.
func (o options) measure(ctx context.Context, engine string, size int) (err error) {
	s, err := newServer(ctx, o.binary, engine)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	people, began := size/perPatient, time.Now()
	if err := s.fill(ctx, people); err != nil {
		return err
	}
	filled := time.Since(began)
	if err := s.start(ctx); err != nil {
		return err
	}
	rested, err := rig.Rest(ctx, s.PID())
	if err != nil {
		return err
	}
	fmt.Printf("\n%s, %d resources of %d patients, filled in %.1f s, followed up in %.1f s; %d connections, %v each\n",
		engine, size, people, filled.Seconds(), rested.Seconds(), o.workers, o.last)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "load\ta second\tp50 ms\tp99 ms\thale CPU µs\tdatabase CPU µs\tsteal %\twrong\tpeer's\theld to\t")
	for _, k := range kinds {
		if len(o.kinds) > 0 && !strings.Contains(","+strings.Join(o.kinds, ",")+",", ","+k.name+",") {
			continue
		}
		if err := o.line(w, s, engine, people, k); err != nil {
			return errors.Join(err, w.Flush())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("most memory of hale: %d MiB resident\n", rig.Peak(s.PID()))
	return nil
}

// line measures one kind of load.
func (o options) line(w *tabwriter.Writer, s *server, engine string, people int, k kind) error {
	var used rig.Measured
	l := load{addr: s.Addr, token: s.token, workers: o.workers, warm: 2 * time.Second, last: o.last}
	t, err := l.run(func(r *rand.Rand) (request, error) { return k.next(r, people) }, func() func() {
		before := rig.Take(s.PID(), engine)
		return func() { used = before.Until(rig.Take(s.PID(), engine)) }
	})
	if err != nil {
		return err
	}
	if t.wrong > 0 {
		fmt.Fprintf(os.Stderr, "%s: a wrong answer: %s\n", k.name, t.first)
	}
	rate, n := float64(t.resources)/used.Time.Seconds(), float64(max(1, t.resources))
	peers, held := "", ""
	if k.peer > 0 {
		peers, held = fmt.Sprintf("%.1f×", rate/k.peer), fmt.Sprintf("≥ %.0f×", k.times)
	}
	fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%.1f\t%d\t%s\t%s\t\n", k.name, rate, at(t.waits, 0.5), at(t.waits, 0.99),
		used.Server/n*1e6, used.Database/n*1e6, used.Steal*100, t.wrong, peers, held)
	return nil
}

// at returns the quantile p of sorted waits, in milliseconds.
func at(waits []time.Duration, p float64) float64 {
	if len(waits) == 0 {
		return 0
	}
	return float64(waits[int(p*float64(len(waits)-1))].Microseconds()) / 1000
}
