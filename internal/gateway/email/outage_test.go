package email_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/gateway/email"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// flaky is a mail server that is down, or breaks every second letter: half of
// those before the dot, half after it and before its answer.
type flaky struct {
	net.Listener
	mu    sync.Mutex
	down  bool
	whole bool // it breaks nothing
	n     int
	got   map[string]int // by Message-ID
	cut   int            // letters it had whole and did not answer
	broke int            // and those it broke before their end: the other side has sent all of it and cannot know
}

func newFlaky(t *testing.T) *flaky {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: l, down: true, got: map[string]int{}}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); served.Wait() })
	return f
}

func (f *flaky) set(down, whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.whole = down, whole
}

func (f *flaky) serve(c net.Conn) {
	defer c.Close()
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down {
		return
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 hi\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.ToUpper(line[:min(4, len(line))]) {
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			if !f.letter(c, in) {
				return
			}
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// letter reads one letter and says whether the connection lives on.
func (f *flaky) letter(c net.Conn, in *bufio.Reader) bool {
	f.mu.Lock()
	f.n++
	n := f.n
	if f.whole {
		n = 1
	}
	f.mu.Unlock()
	key := ""
	for i := 0; ; i++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if n%4 == 0 && i == 5 {
			f.mu.Lock()
			f.broke++
			f.mu.Unlock()
			return false // before the dot
		}
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "Message-ID: "); ok {
			key = id
		}
		if line == ".\r\n" {
			break
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[key]++
	if n%4 == 2 {
		f.cut++
		return false // it has the letter, and nobody will know
	}
	fmt.Fprint(c, "250 taken\r\n")
	return true
}

// outage is an engine that sends to a flaky server, with a clock of its own.
type outage struct {
	t   *testing.T
	d   *db.DB
	e   *reach.Engine
	mu  sync.Mutex
	now time.Time
}

type nobody struct{}

func (nobody) BornOn(context.Context, string, string) (bool, error) { return false, nil }

func (o *outage) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// later turns the clock on, past the night.
func (o *outage) later(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now = o.now.Add(d); o.now.Hour() > 22 || o.now.Hour() < 17 {
		o.now = o.now.Add(18 * time.Hour)
	}
}

func (o *outage) count(q string, args ...any) int {
	o.t.Helper()
	n, err := db.One(o.t.Context(), o.d, db.Value[int], q, args...)
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// send hands over what is due.
func (o *outage) send() {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- o.e.RunSender(ctx) }()
	for range 4000 {
		if o.count(`select count(*) from message where state = 'handing_off' or state = 'scheduled' and not_before <= $1`, o.clock().UnixMicro()) == 0 {
			break
		}
		time.Sleep(3 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		o.t.Fatal(err)
	}
}

func newOutage(t *testing.T, d *db.DB, f *flaky, people int) *outage {
	t.Helper()
	o := &outage{t: t, d: d, now: time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)}
	source := ids.NewSource(o.clock, rand.Reader)
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	g := gateway(t, &relay{addr: f.Addr().String()}, func(c *email.Config) { c.TLS, c.CA, c.Now = email.Opportunistic, nil, o.clock })
	o.e = reach.New(reach.Config{
		Keys: haletest.Ring(t, d, o.clock), DB: d, Doors: haletest.Doors(d), IDs: source, Now: o.clock, Key: haletest.Key, Events: event.NewLog(source, o.clock),
		Links: link.NewStore(d, source, o.clock, rand.Reader, nobody{}), Gateways: []reach.Gateway{g},
		Clinic:  reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", Address: "1 Main St, Riverside", From: "care@clinic.example", Zone: zone},
		BaseURL: "https://clinic.example", Node: "test", Poll: 5 * time.Millisecond,
	})
	var persons, points []any
	for i := range people {
		id := fmt.Sprintf("p%03d", i)
		persons = append(persons, id, "Ada "+id, "Ada", id, "", "1960-05-04", "female", "", "", "", "Riverside", "IL", "", "America/Chicago", 0, 1, 0)
		points = append(points, id, "email", id+"@town.example", 0, 1, 0)
	}
	err = d.Tx(t.Context(), func(tx *db.Tx) error {
		if err := db.InsertMany(t.Context(), tx, `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)`, "", 17, persons); err != nil {
			return err
		}
		return db.InsertMany(t.Context(), tx, `insert into contact_point (patient, kind, value, shared, rank, updated_at)`, "", 6, points)
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *outage) start(purpose string) {
	o.t.Helper()
	pass := haletest.Everyone(o.t, o.d, access.RunOutreach)
	out, err := o.e.Save(o.t.Context(), pass, reach.Outreach{
		Name: "Eye exam", Purpose: purpose, Segment: segment.Expr{}, NextAfter: 20 * 24 * time.Hour,
		Template: template.Template{Sensitivity: 2, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "Time for your eye exam", Body: "It is time."}}},
	})
	if err == nil {
		err = o.e.Start(o.t.Context(), pass, out.ID)
	}
	if err == nil {
		err = o.e.Plan(o.t.Context(), out.ID)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// A mail server that is down for a day and a half, and then breaks every
// second letter, loses nothing: each arrives, what may have come twice is
// listed, and of what may rather be missed than come twice none comes twice.
func TestOutage(t *testing.T) {
	for purpose, hold := range map[string]bool{"care": false, "education": true} {
		t.Run(purpose, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				const people = 24
				f := newFlaky(t)
				o := newOutage(t, d, f, people)
				o.start(purpose)
				for range 12 {
					o.send()
					o.later(61 * time.Minute)
				}
				if n := o.count(`select count(*) from message where state = 'scheduled'`); n != people {
					t.Fatalf("%d messages wait after the outage, want all %d", n, people)
				}
				f.set(false, false)
				for i := 0; i < 40 && o.count(`select count(*) from message where state = 'scheduled'`) > 0; i++ {
					if i == 1 { // each was tried twice, the second time at once
						f.set(false, true)
					}
					o.send()
					o.later(61 * time.Minute)
				}
				o.account(f, people, hold)
			})
		})
	}
}

// account holds the ledger against what the server had.
func (o *outage) account(f *flaky, people int, hold bool) {
	o.t.Helper()
	type row struct {
		key, state string
		doubt      int
	}
	list, err := db.All(o.t.Context(), o.d, func(scan db.Scan) (r row, err error) { return r, scan(&r.key, &r.state, &r.doubt) }, `select key, state, in_doubt from message`)
	if err != nil {
		o.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	doubt, twice := 0, 0
	for _, r := range list {
		times := f.got["<"+r.key+"@clinic.example>"]
		doubt += r.doubt
		switch {
		case times == 0 && (!hold || r.doubt == 0):
			o.t.Errorf("a message that is %s never arrived", r.state)
		case times > 1 && (hold || r.doubt == 0):
			o.t.Errorf("a message came %d times, in doubt %d", times, r.doubt)
		case times > 1:
			twice++
		}
	}
	o.t.Logf("%d letters, %d cut before the dot and %d after it: %d messages in doubt, %d of them came twice", f.n, f.broke, f.cut, doubt, twice)
	if len(list) != people || f.cut == 0 || f.broke == 0 || doubt == 0 || doubt > f.cut+f.broke {
		o.t.Errorf("%d messages; %d in doubt of %d letters that were not answered", len(list), doubt, f.cut+f.broke)
	}
}
