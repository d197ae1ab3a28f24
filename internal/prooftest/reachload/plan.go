package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/prooftest/rig"
	"hale/internal/store/db"
)

// planned is a line of the table of plans.
type planned struct {
	people, messages int
	start, plan      time.Duration // the segment and its snapshot; deciding and writing it all
	cpu              float64       // seconds of this process while it planned
	soon, at, peak   int           // MiB after a tenth, at the end, at most
}

// plans has each engine decide on everybody of a clinic, with nothing sent.
func (o options) plans(ctx context.Context) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "engine\tpeople\tmessages\tsegment s\tplan s\tplanned/s\tCPU µs\tMiB after a tenth\tMiB at the end\tMiB at most\t")
	for _, engine := range o.engines {
		p, err := o.planOne(ctx, engine)
		if err != nil {
			return errors.Join(w.Flush(), fmt.Errorf("%s: %w", engine, err))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.1f\t%.0f\t%.0f\t%d\t%d\t%d\t\n", engine, p.people, p.messages, p.start.Seconds(), p.plan.Seconds(),
			float64(p.people)/max(p.plan.Seconds(), 1e-9), p.cpu/float64(max(1, p.people))*1e6, p.soon, p.at, p.peak)
	}
	return w.Flush()
}

func (o options) planOne(ctx context.Context, engine string) (p planned, err error) {
	mail, err := startPost(ctx, true) // it is asked what it can do, and gets nothing
	if err != nil {
		return p, err
	}
	defer mail.stop()
	h, err := rig.NewHouse(ctx, o.binary, engine)
	if h != nil {
		defer func() { err = errors.Join(err, h.Stop()) }()
	}
	if err != nil {
		return p, err
	}
	err = inside(ctx, h, mail.addr, func(a *app.App, d *db.DB) error {
		if err := moveIn(ctx, d, o.people); err != nil {
			return err
		}
		p, err = plan(ctx, a, d, o.people)
		return err
	})
	return p, err
}

// settleAtOnce is how many people move in at once.
const settleAtOnce = 5000

// moveIn writes people and their addresses where outreach reads them,
// without the resources that they would come from.
func moveIn(ctx context.Context, d *db.DB, people int) error {
	now, where := time.Now().UnixMicro(), zone(time.Now())
	const person = `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`
	const point = `insert into contact_point (patient, kind, value, rank, use, zone, updated_at)`
	for first := 0; first < people; first += settleAtOnce {
		var persons, points []any
		for n := first; n < min(first+settleAtOnce, people); n++ {
			id, given, family := fmt.Sprintf("p%07d", n), fmt.Sprintf("Given%d", n%700), fmt.Sprintf("Family%d", n%5000)
			persons = append(persons, id, given+" "+family, given, family, fmt.Sprintf("family%d given%d", n%5000, n%700),
				fmt.Sprintf("%04d-%02d-%02d", 1930+n%70, 1+n%12, 1+n%28), [...]string{"male", "female"}[n%2], "en", fmt.Sprintf("MRN%09d", n),
				fmt.Sprintf("%d Long Street", n%9999), "Springfield", "MA", "02101", where, 0, 1, now)
			points = append(points, id, "email", fmt.Sprintf("%s@d%d.example", id, n%200), 1, "home", "", now)
		}
		err := d.Tx(ctx, func(tx *db.Tx) error {
			return errors.Join(db.InsertMany(ctx, tx, person, "", 17, persons), db.InsertMany(ctx, tx, point, "", 7, points))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// plan starts the outreach and decides on everybody.
func plan(ctx context.Context, a *app.App, d *db.DB, people int) (p planned, err error) {
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("load", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return p, err
	}
	o, err := a.Reach.Save(ctx, pass, letter())
	if err != nil {
		return p, err
	}
	debug.FreeOSMemory() // of those who moved in
	if err := rig.ForgetPeak(); err != nil {
		return p, err
	}
	began := time.Now()
	if err := a.Reach.Start(ctx, pass, o.ID); err != nil {
		return p, err
	}
	p.start = time.Since(began)
	watch, stop := context.WithCancel(ctx)
	soon := make(chan int, 1)
	go func() { soon <- tenth(watch, d, o.ID, people) }()
	used := rig.CPU(os.Getpid())
	began = time.Now()
	err = a.Reach.Plan(ctx, o.ID)
	p.plan, p.cpu = time.Since(began), rig.CPU(os.Getpid())-used
	p.at, p.peak = rig.Resident(os.Getpid()), rig.Peak(os.Getpid())
	stop()
	p.soon = <-soon
	if err != nil {
		return p, err
	}
	type counts struct{ intents, messages int }
	n, err := db.One(ctx, d, func(scan db.Scan) (c counts, err error) { return c, scan(&c.intents, &c.messages) },
		`select (select count(*) from intent where outreach = $1), (select count(*) from message where outreach = $1)`, o.ID)
	if err == nil && (n.intents != people || n.messages < people*8/10) {
		err = fmt.Errorf("%d intents and %d messages of %d people", n.intents, n.messages, people)
	}
	p.people, p.messages = n.intents, n.messages
	return p, err
}

// tenth returns how much memory this process has when a tenth of the people
// is decided on, zero if that is over too soon to see.
func tenth(ctx context.Context, d *db.DB, outreach string, people int) int {
	for ctx.Err() == nil {
		n, err := db.One(ctx, d, db.Value[int], `select planned from outreach where id = $1`, outreach)
		if err == nil && n >= people/10 {
			return rig.Resident(os.Getpid())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 0
}
