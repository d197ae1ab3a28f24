package prooftest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
	"hale/internal/reach"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// recoverIn is how long Hale may take to be itself again, once PostgreSQL
// answers.
const recoverIn = 10 * time.Second

// TestPostgresRestart kills PostgreSQL below a Hale that serves, three times
// here and ten times with HALE_DEEP, while results, looks, messages and pages
// are written. What was acknowledged is there afterwards, what was not was
// answered with an error, and Hale recovers by itself: pages, the work
// queue, the sender and the notary.
func TestPostgresRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: kills servers for many seconds")
	}
	kills := 3
	if os.Getenv("HALE_DEEP") != "" {
		kills = 10
	}
	r := newRestart(t, newCluster(t))
	slowest := time.Duration(0)
	for i := range kills {
		time.Sleep(time.Duration(500+mrand.IntN(1000)) * time.Millisecond)
		r.server.kill()
		time.Sleep(time.Duration(mrand.IntN(500)) * time.Millisecond)
		r.server.start()
		slowest = max(slowest, r.recovers(t, i))
	}
	close(r.stop)
	r.writers.Wait()
	lost := r.missing(t)
	t.Logf("%d kills: %d results, %d looks, %d messages and %d pages acknowledged, %d answered with an error, %d missing; slowest recovery %v",
		kills, r.acked[0].Load(), r.acked[1].Load(), r.acked[2].Load(), r.acked[3].Load(), r.failed.Load(), lost, slowest)
	if r.failed.Load() == 0 {
		t.Error("no write failed: the test tests nothing")
	}
	if kills < 10 {
		return // the figures are those of the whole run
	}
	figures.Write(t, figures.Run{Proof: "restart", Engine: string(db.Postgres),
		Counts: map[string]int64{"kills": int64(kills), "results acknowledged": r.acked[0].Load(), "looks acknowledged": r.acked[1].Load(),
			"messages acknowledged": r.acked[2].Load(), "pages shown": r.acked[3].Load(), "answered with an error": r.failed.Load(), "acknowledged and missing": lost},
		Millis: map[string]int64{"slowest recovery after PostgreSQL answers": slowest.Milliseconds()}})
}

// restart is a Hale that serves, one that writes beside it, and what they
// acknowledged.
type restart struct {
	server  *cluster
	node    *app.App
	db      *db.DB
	audit   *audit.Log
	addr    string
	cookie  string
	stop    chan struct{}
	writers sync.WaitGroup
	acked   [4]atomic.Int64 // results, looks, messages, pages
	failed  atomic.Int64
	odd     sync.Map // answers to a page that are neither the page nor 503
	log     *strings.Builder
}

func newRestart(t *testing.T, server *cluster) *restart {
	t.Helper()
	r := &restart{server: server, stop: make(chan struct{}), log: &strings.Builder{}}
	c := worldConfig("", time.Now, &locked{w: r.log})
	c.Database = server.url()
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan string, 1)
	go func() { ended <- app.Serve(ctx, c, func(addr string) { ready <- addr }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want it to outlive its database", err)
		}
	})
	select {
	case r.addr = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	beside := c
	beside.Log = worldConfig("", time.Now, io.Discard).Log
	var err error
	if r.node, err = app.New(t.Context(), beside); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.node.Close() })
	if r.db, err = db.Open(t.Context(), server.url(), haletest.Key); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.db.Close() })
	r.settle(t)
	for kind, write := range r.kinds() {
		r.writers.Go(func() { r.write(kind, write) })
	}
	return r
}

func (r *restart) kinds() []func(context.Context, int64) error {
	return []func(context.Context, int64) error{r.result, r.look, r.message, r.page}
}

// settle makes the patients, the people and a session.
func (r *restart) settle(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if _, err := r.node.Importer("clinic").ImportStream(ctx, "world.ndjson", strings.NewReader(strings.TrimSpace(resources)), nil); err != nil {
		t.Fatal(err)
	}
	source := ids.NewSource(time.Now, rand.Reader)
	r.audit = audit.NewLog(r.db, source, time.Now)
	w := &world{t: t, db: r.db, now: time.Now, ids: source}
	w.exec(`insert into account (id, kind, status, name, patient, roles, created_at) values ('account-patient', 'patient', 'active', 'Ada', $1, '', 0)`, subject)
	r.cookie = cookieHeader(w.session(actors[1]))
}

// write writes one kind until the end: number after number, each until it is
// acknowledged, so that what was acknowledged is 1 to acked.
func (r *restart) write(kind int, one func(context.Context, int64) error) {
	for {
		select {
		case <-r.stop:
			return
		case <-time.After(3 * time.Millisecond):
		}
		ctx, cancel := context.WithTimeout(context.Background(), recoverIn)
		err := one(ctx, r.acked[kind].Load()+1)
		cancel()
		if err != nil {
			r.failed.Add(1)
			time.Sleep(20 * time.Millisecond)
			continue
		}
		r.acked[kind].Add(1)
	}
}

func (r *restart) result(ctx context.Context, n int64) error {
	body := fmt.Appendf(nil, `{"resourceType":"Observation","id":"put-%d","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/cleo"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":%d}}`, n, n)
	src := record.Source{Actor: access.SystemActor("lab", access.WriteRecord), Feed: "lab"}
	return r.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := r.node.Record.PutAll(ctx, tx, src, []record.Draft{{Type: "Observation", ID: fmt.Sprint("put-", n), Body: body}})
		return err
	})
}

func (r *restart) look(ctx context.Context, n int64) error {
	return r.audit.Add(ctx, audit.Row{ActorKind: "staff", Actor: "restart", Action: "record.read", Patient: fmt.Sprint("look-", n), Granted: true})
}

func (r *restart) message(ctx context.Context, n int64) error {
	return r.node.Reach.SendNow(ctx, reach.Direct{Patient: fmt.Sprint("message-", n), Channel: reach.Inbox, Subject: "A message", Text: fmt.Sprint("number ", n)})
}

// page asks the Hale that serves for a result, which writes down the look.
func (r *restart) page(ctx context.Context, _ int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.addr+"/results/ada-a1c", nil)
	if err != nil {
		return err
	}
	req.Host = host
	req.Header.Set("Cookie", r.cookie)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusOK && strings.Contains(string(body), "CanaryResultNote"):
		return nil
	case res.StatusCode != http.StatusServiceUnavailable:
		r.odd.Store(fmt.Sprintf("%d %s", res.StatusCode, res.Header.Get("Location")), true)
	}
	return fmt.Errorf("page = %d", res.StatusCode)
}

// recovers waits until everything works again and returns how long it took.
func (r *restart) recovers(t *testing.T, n int) time.Duration {
	t.Helper()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), recoverIn)
	defer cancel()
	until := func(what string, done func() error) {
		t.Helper()
		var err error
		for ctx.Err() == nil {
			if err = done(); err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("%v after restart %d there is no %s: %v\n%s", recoverIn, n+1, what, err, tail(r.log.String()))
	}
	until("page", func() error { return r.page(ctx, 0) })
	var id string
	until("new outreach", func() (err error) { id, err = r.outreach(ctx, n); return err })
	until("planning and sending", func() error {
		return r.none(ctx, `select count(*) from outreach where id = $1 and state = 'running'`, id)
	})
	at := time.Now().UnixMicro()
	until("new leaf of the audit log", func() error {
		return r.none(ctx, `select 1 - count(*) from (select 1 from audit_leaf l join audit a on a.id = l.id where a.at >= $1 limit 1) s`, at)
	})
	return time.Since(begin)
}

// none fails while q, a count, is not zero.
func (r *restart) none(ctx context.Context, q string, args ...any) error {
	n, err := db.One(ctx, r.db, db.Value[int], q, args...)
	if err == nil && n != 0 {
		err = fmt.Errorf("%d", n)
	}
	return err
}

// outreach starts an outreach to one patient's inbox: the work queue of the
// Hale that serves plans it, and its sender ends it.
func (r *restart) outreach(ctx context.Context, n int) (string, error) {
	pass, err := r.node.Doors.CheckAll(ctx, access.SystemActor("restart", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return "", err
	}
	o, err := r.node.Reach.Save(ctx, pass, reach.Outreach{Name: fmt.Sprint("Recall ", n), Purpose: "care", Service: "follow-up",
		Segment: segment.Expr{Patients: []string{"nobody-of-this-id"}},
		Template: template.Template{Sensitivity: 2, Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Time for a visit", Body: "Hello {{ first_name | default: \"there\" }}, it is time."}}}})
	if err != nil {
		return "", err
	}
	return o.ID, r.node.Reach.Start(ctx, pass, o.ID)
}

// missing counts what was acknowledged and is not there.
func (r *restart) missing(t *testing.T) (lost int64) {
	t.Helper()
	if err := audit.Settle(t.Context(), r.db); err != nil {
		t.Fatal(err)
	}
	for i, q := range []string{
		`select count(*) from resource where typ = 'Observation' and id like 'put-%'`,
		`select count(distinct patient) from audit where actor = 'restart'`,
		`select count(distinct patient) from message where patient like 'message-%'`,
		`select count(*) from audit where actor = 'account-patient' and patient = 'ada' and outcome = 'granted'`,
	} {
		n, err := db.One(t.Context(), r.db, db.Value[int64], q)
		if err != nil {
			t.Fatal(err)
		}
		if short := r.acked[i].Load() - n; short > 0 {
			t.Errorf("kind %d: %d acknowledged, %d there", i, r.acked[i].Load(), n)
			lost += short
		}
	}
	r.odd.Range(func(status, _ any) bool {
		t.Errorf("while PostgreSQL was away a page was answered with %v, want 503", status)
		return true
	})
	return lost
}

func tail(text string) string { return text[max(0, len(text)-2000):] }
