package bulk

import (
	"context"
	"sync"
	"time"

	"hale/internal/record"
)

// run is one import.
type run struct {
	*Importer
	progress func(Progress)
	start    time.Time
	shown    time.Time
	total    int64
	last     bool // what is missing now stays missing

	report Report // the writer's, until the round ends
	held   *piece // the writer's: read, but for later

	mu      sync.Mutex // of what follows: readers and workers share it
	known   map[string]string
	late    []*item // lines of a stream that refer to what is not there yet
	retry   []*file
	skipped []Bad
}

func (im *Importer) newRun(progress func(Progress)) *run {
	return &run{
		Importer: im, progress: progress, start: im.store.Now(),
		report: Report{Counts: map[string]int{}},
		known:  map[string]string{},
	}
}

// finish completes the report.
func (r *run) finish() Report {
	r.report.Skipped = r.skipped
	r.report.Took = r.store.Now().Sub(r.start)
	r.show("", true)
	return r.report
}

// show tells how far the import is, ten times a second at most.
func (r *run) show(name string, always bool) {
	if r.progress == nil {
		return
	}
	now := r.store.Now()
	if !always && now.Sub(r.shown) < 100*time.Millisecond {
		return
	}
	r.shown = now
	p := Progress{Done: r.report.Bytes, Total: r.total, Resources: r.report.Resources + len(r.report.Bad), File: name}
	if took := now.Sub(r.start).Seconds(); took > 0 {
		p.Rate = float64(p.Resources) / took
		if p.Done > 0 && p.Total > p.Done {
			p.Left = time.Duration(took * float64(p.Total-p.Done) / float64(p.Done) * float64(time.Second))
		}
	}
	r.progress(p)
}

// item is one resource on its way in.
type item struct {
	src      *file
	file     string
	entry    int
	raw      []byte
	links    *links
	prepared record.Prepared
	bad      *Bad
	late     bool // refers to what is not there yet
	skip     bool // nothing to write
}

// piece is some items of one file, in order, or the end of a file.
type piece struct {
	file   *file
	atomic bool // the file goes in whole or not at all
	items  []*item
	bytes  int64
	ready  chan struct{} // closed when every item is prepared
	end    bool
	fatal  error // at the end: the file could not be read on
	bad    *Bad  // at the end: what is wrong with the file

	written chan struct{} // instead of items: to be closed when all before it is written
}

// pieceBytes and pieceItems are how much a piece holds: enough for the
// database to take at once, little enough that many are in flight.
const (
	pieceBytes = 512 << 10
	pieceItems = 250
)

// round reads list once and returns the files that refer to what is not
// there yet. Files are read ahead by one goroutine, prepared by several and
// written, in order, by this one.
func (r *run) round(ctx context.Context, list []*file) ([]*file, error) {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	r.retry, r.held = nil, nil
	work := make(chan *piece)
	order := make(chan *piece, 3)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(work)
		defer close(order)
		reader := &reader{run: r, work: work, order: order}
		for _, f := range list {
			if ctx.Err() != nil || reader.file(ctx, f) != nil {
				return
			}
		}
	})
	for range 2 {
		group.Go(func() {
			for p := range work {
				for _, it := range p.items {
					r.prepare(ctx, it)
				}
				close(p.ready)
			}
		})
	}
	err := r.write(ctx, order)
	if whole.Err() != nil {
		err = whole.Err() // whatever the database calls it
	}
	cancel()
	for range order { // let the reader go
	}
	group.Wait()
	return r.retry, err
}
