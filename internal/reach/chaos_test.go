package reach_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/schema"
)

// The chaos runs kill a real process. The test binary is that process too:
// with
// HALE_CHAOS_SINK set it sends and does nothing else.
const (
	chaosSink = "HALE_CHAOS_SINK" // an address
	chaosDB   = "HALE_CHAOS_DB"
	chaosKey  = "HALE_CHAOS_KEY"
	chaosID   = "HALE_CHAOS_ID"
	chaosAt   = "HALE_CHAOS_AT"   // a point, a slash and how often it is passed before death
	chaosNode = "HALE_CHAOS_NODE" // names the process

	// chaosWindow is how many messages a death may leave in doubt: two turns,
	// and those whose results were not written down yet.
	chaosWindow = 200 + 1000
)

func TestMain(m *testing.M) {
	if os.Getenv(chaosSink) != "" {
		if err := chaosChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// chaosChild plans and sends one outreach until nothing is left of it.
func chaosChild() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	key, err := seal.ParseKey(os.Getenv(chaosKey))
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, os.Getenv(chaosDB), key)
	if err != nil {
		return err
	}
	defer d.Close()
	start := time.Now()
	now := func() time.Time { return midday.Add(30 * time.Since(start)) } // thirty times as fast, never night
	e := engineWith(key, d, now, &wire{addr: os.Getenv(chaosSink), free: make(chan net.Conn, 64)})
	e.Lease, e.Node = time.Minute, os.Getenv(chaosNode)
	if point, times, ok := strings.Cut(os.Getenv(chaosAt), "/"); ok {
		e.At, e.Batch = dieAt(point, times), 40 // so that each point is passed again and again
		if times == "2" {
			e.Batch = 140 // more than a turn, so that the next claim is made ahead
		}
	}
	planned := make(chan error, 1)
	go func() { planned <- e.Plan(ctx, os.Getenv(chaosID)) }()
	done := make(chan error, 1)
	go func() { done <- e.RunSender(ctx) }()
	if err := <-planned; err != nil {
		return err
	}
	for {
		const q = `select count(*) from message where state in ('scheduled', 'handing_off')`
		n, err := db.One(ctx, d, db.Value[int], q)
		if err != nil {
			return err
		}
		if n == 0 {
			cancel()
			return <-done
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// dieAt kills this process when it passes point for the last of so many times.
func dieAt(point, times string) func(string) {
	left, err := strconv.ParseInt(times, 10, 64)
	if err != nil {
		panic(err)
	}
	var passed atomic.Int64
	return func(at string) {
		if at == point && passed.Add(1) == left {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing happens any more
		}
	}
}

// wire is a gateway that writes keys to a sink over TCP and waits for its
// word, as SMTP does.
type wire struct {
	addr string
	free chan net.Conn
}

func (*wire) Channel() reach.Channel { return reach.SMS }
func (*wire) Capability(context.Context, string) (reach.Capability, error) {
	return reach.Capability{OK: true}, nil
}
func (*wire) Validate(reach.Handoff) []reach.Problem { return nil }
func (*wire) Reconcile(context.Context, reach.Handoff) (reach.Result, bool) {
	return reach.Result{}, false
}
func (g *wire) Send(ctx context.Context, h reach.Handoff) reach.Result {
	var c net.Conn
	select {
	case c = <-g.free:
	default:
		var err error
		if c, err = net.Dial("tcp", g.addr); err != nil {
			return reach.Result{Outcome: reach.Temp, Detail: "connect"}
		}
	}
	if _, err := fmt.Fprintf(c, "%s\n", h.Key); err != nil {
		return reach.Result{Outcome: reach.Uncertain, Detail: "write"}
	}
	answer := make([]byte, 3)
	if _, err := io.ReadFull(c, answer); err != nil {
		return reach.Result{Outcome: reach.Uncertain, Detail: "read"}
	}
	g.free <- c
	return reach.Result{Outcome: reach.Accepted}
}

// sink takes keys and counts them before it answers.
type sink struct {
	net.Listener
	delay time.Duration
	mu    sync.Mutex
	got   map[string]int
	total int
}

func newSink(t *testing.T, delay time.Duration) *sink {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{Listener: l, delay: delay, got: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go s.serve(c)
			}
		}
	}()
	return s
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		time.Sleep(s.delay / 2)
		s.mu.Lock()
		s.got[lines.Text()]++
		s.total++
		s.mu.Unlock()
		time.Sleep(s.delay / 2)
		if _, err := io.WriteString(c, "ok\n"); err != nil {
			return
		}
	}
}

func (s *sink) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// TestChaosReach sends 1,000 messages through five deaths; with
// HALE_CHAOS=200 (make chaos-reach) 100,000 through two hundred, four times:
// reminders on each engine, offers, of which none may come twice, and two nodes
// on PostgreSQL, of which one dies again and again. Each ends with a line of
// figures.
func TestChaosReach(t *testing.T) {
	n, kills := 1000, 5
	if more, err := strconv.Atoi(os.Getenv("HALE_CHAOS")); err == nil {
		n, kills = 500*more, more
	}
	run := func(name string, c chaos) {
		t.Run(name, func(t *testing.T) {
			c.name, c.n, c.kills = name, n, kills
			c.run(t)
		})
	}
	run("sqlite", chaos{})
	run("postgres", chaos{postgres: true})
	if n > 1000 {
		run("sqlite, offers", chaos{hold: true})
		run("postgres, offers", chaos{postgres: true, hold: true})
		run("postgres, two nodes", chaos{postgres: true, two: true})
	}
}

// TestChaosPoints has a process die at every named point in turn.
func TestChaosPoints(t *testing.T) {
	points := reach.Points()
	if many, err := strconv.Atoi(os.Getenv("HALE_CHAOS")); err == nil {
		points = slices.Repeat(points, max(1, many/4))
	}
	t.Run("sqlite", func(t *testing.T) { chaos{name: "points on sqlite", n: 60 * len(points), points: points}.run(t) })
	t.Run("postgres", func(t *testing.T) {
		chaos{name: "points on postgres", n: 60 * len(points), points: points, postgres: true}.run(t)
	})
}

// chaos is one outreach sent by processes that die.
type chaos struct {
	name     string
	n, kills int
	points   []string // where they die, one after the other; none: at random
	postgres bool
	two      bool // a second process sends all the time
	hold     bool // an offer: what is in doubt is not sent again
}

// life is one process.
type life struct {
	cmd   *exec.Cmd
	said  strings.Builder
	ended chan error
}

func (c chaos) run(t *testing.T) {
	if c.points != nil {
		c.kills = len(c.points)
	}
	d, url := c.database(t)
	w := newWorld(t, d)
	id := c.launch(w)
	if !c.postgres {
		must(w, d.Close()) // the child is the only process
	}
	s := newSink(t, 6*time.Millisecond)
	begin := func(node, at string) *life {
		l := &life{cmd: exec.Command(os.Args[0]), ended: make(chan error, 1)}
		l.cmd.Env = append(os.Environ(), chaosSink+"="+s.Addr().String(), chaosDB+"="+url, chaosKey+"="+haletest.Key.Hex(), chaosID+"="+id, chaosNode+"="+node, chaosAt+"="+at)
		l.cmd.Stderr = &l.said
		must(w, l.cmd.Start())
		go func() { l.ended <- l.cmd.Wait() }()
		return l
	}
	start, killed := time.Now(), 0
	var idle []string
	var other *life
	if c.two {
		other = begin("other", "")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := mrand.New(mrand.NewPCG(seed, 1))
	for ; killed < c.kills; killed++ {
		if c.two && killed%2 == 1 { // now the one dies, now the other; somebody always sends
			one := begin(fmt.Sprintf("other%d", killed), "") // a node has a name of its own
			c.kill(other, s, dice)
			other = one
			continue
		}
		if c.points != nil {
			point, times := c.points[killed], 1+dice.IntN(3)
			if strings.HasPrefix(point, "plan") || point == "recovered" {
				times = 1 // there is little to plan, and one recovery in a life
			}
			l := begin("one", fmt.Sprintf("%s/%d", point, times))
			select {
			case err := <-l.ended:
				if err == nil {
					idle = append(idle, point) // nothing was left to pass it for
				}
			case <-time.After(20 * time.Second):
				_ = l.cmd.Process.Kill()
				<-l.ended
			}
			continue
		}
		c.kill(begin("one", ""), s, dice)
	}
	for _, l := range []*life{begin("one", ""), other} {
		if l != nil {
			l.last(t)
		}
	}
	if len(idle) > len(c.points)/3 {
		t.Errorf("nobody died at %q", idle)
	}
	took := time.Since(start)
	if !c.postgres {
		var err error
		if d, err = db.Open(t.Context(), url, haletest.Key); err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		w = newWorld(t, d)
	}
	c.account(t, w, s, id, killed, took)
}

// kill lets a process live for a random while: it dies while it plans, while
// it sends, or later.
func (c chaos) kill(l *life, s *sink, dice *mrand.Rand) {
	share := c.n * 9 / 10 / (c.kills + 2) // messages between two deaths
	until := s.taken() + dice.IntN(2*share)
	limit := time.After(time.Duration(300+dice.IntN(3000)) * time.Millisecond)
	for s.taken() < until {
		select {
		case <-l.ended:
			return
		case <-limit:
			until = 0
		case <-time.After(time.Millisecond):
		}
	}
	_ = l.cmd.Process.Kill() // SIGKILL
	<-l.ended
}

// last waits for a process that nobody kills.
func (l *life) last(t *testing.T) {
	select {
	case err := <-l.ended:
		if err != nil {
			t.Fatalf("last life: %v: %s", err, l.said.String())
		}
	case <-time.After(15 * time.Minute): // what all lives before left undone, on a busy machine
		_ = l.cmd.Process.Kill()
		t.Fatal("last life did not end")
	}
}

func (c chaos) database(t *testing.T) (d *db.DB, url string) {
	if c.postgres {
		d = haletest.Postgres(t)
		return d, d.Pool().Config().ConnString()
	}
	url = "sqlite:" + filepath.Join(t.TempDir(), "chaos.db")
	d, err := db.Open(t.Context(), url, haletest.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schema.Up(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d, url
}

// launch starts the outreach.
func (c chaos) launch(w *world) string {
	people := many(c.n)
	for i := range people {
		people[i].email = ""
	}
	w.add(people...)
	pass := w.run(access.RunOutreach)
	o := care()
	if c.hold {
		o.Purpose, o.Service, o.Exception = "marketing", "", reach.ForTreatment
	}
	o.Holdout = 0.1
	o, err := w.e.Save(w.t.Context(), pass, o)
	must(w, err)
	must(w, w.e.Start(w.t.Context(), pass, o.ID))
	return o.ID
}

// account holds the ledger against what the sink counted.
func (c chaos) account(t *testing.T, w *world, s *sink, id string, killed int, took time.Duration) {
	p := w.progress(id)
	type line struct {
		key, state string
		doubt      int
	}
	list, err := db.All(t.Context(), w.d, func(scan db.Scan) (l line, err error) {
		err = scan(&l.key, &l.state, &l.doubt)
		return l, err
	}, `select key, state, in_doubt from message`)
	must(w, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	lost, held, twice, extra, unlisted, doubt := 0, 0, 0, 0, 0, 0
	for _, l := range list {
		times := s.got[l.key]
		doubt += l.doubt
		switch {
		case times == 0 && l.state == "uncertain" && c.hold:
			held++
		case times == 0:
			lost++
		case times > 1:
			twice++
			extra += times - 1
			if l.doubt == 0 {
				unlisted++
			}
		}
		if l.state != "accepted" && l.state != "given_up" && !(c.hold && l.state == "uncertain" && l.doubt == 1) {
			t.Errorf("a message ended as %s", l.state)
		}
		delete(s.got, l.key)
	}
	uncertain := w.count(`select count(*) from attempt where outcome = 'uncertain'`)
	t.Logf("%s: %d people, %d deaths, %.0f s: %d messages = %d accepted + %d in another end; %d in doubt (%d attempts), of these %d held and not there; %d sent more than once (%d copies too many, %d of them not listed); %d lost",
		c.name, c.n, killed, took.Seconds(), len(list), w.count(`select count(*) from message where state = 'accepted'`), w.count(`select count(*) from message where state <> 'accepted'`), doubt, uncertain, held, twice, extra, unlisted, lost)
	if lost > 0 || unlisted > 0 || len(s.got) > 0 || extra > uncertain || c.hold && extra > 0 {
		t.Errorf("lost %d, twice without being listed %d, unknown keys %d, copies too many %d of %d attempts in doubt", lost, unlisted, len(s.got), extra, uncertain)
	}
	if p.Planned != c.n || len(list) != p.Intents["active"]+p.Intents["exhausted"]+p.Intents["satisfied"] || p.Intents["holdout"]+len(list) != c.n {
		t.Errorf("intents %v and %d messages do not account for %d people", p.Intents, len(list), c.n)
	}
	if doubt > killed*chaosWindow {
		t.Errorf("%d in doubt after %d deaths: more than was in flight", doubt, killed)
	}
	if waits := w.count(`select count(*) from message_queue`); waits > 0 {
		t.Errorf("%d are left in the queue", waits)
	}
}
