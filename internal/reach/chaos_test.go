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
	"strconv"
	"strings"
	"sync"
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

	// chaosBatch is how many messages are claimed at once; a death leaves
	// these in doubt, and those whose results were not written down yet.
	chaosBatch = 100
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
	e.Lease, e.Batch = time.Minute, chaosBatch
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
// HALE_CHAOS=20 (make chaos-reach) 10,000 through twenty.
func TestChaosReach(t *testing.T) {
	n, kills := 1000, 5
	if more, err := strconv.Atoi(os.Getenv("HALE_CHAOS")); err == nil {
		n, kills = 10_000, more
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "chaos.db")
		d, err := db.Open(t.Context(), "sqlite:"+path, haletest.Key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schema.Up(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		chaos(t, d, "sqlite:"+path, n, kills)
	})
	t.Run("postgres", func(t *testing.T) {
		d := haletest.Postgres(t)
		chaos(t, d, d.Pool().Config().ConnString(), n, kills)
	})
}

func chaos(t *testing.T, d *db.DB, url string, n, kills int) {
	w := newWorld(t, d)
	people := many(n)
	for i := range people {
		people[i].email = ""
	}
	w.add(people...)
	pass := w.run(access.RunOutreach)
	o := care()
	o.Holdout = 0.1
	o, err := w.e.Save(t.Context(), pass, o)
	must(w, err)
	must(w, w.e.Start(t.Context(), pass, o.ID))
	if d.Engine() == db.SQLite {
		must(w, d.Close()) // the child is the only process
	}
	s := newSink(t, 6*time.Millisecond)
	seed := uint64(time.Now().UnixNano())
	dice := mrand.New(mrand.NewPCG(seed, 1))
	start, killed := time.Now(), 0
	share := n * 9 / 10 / (kills + 2) // messages between two deaths
	for {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), chaosSink+"="+s.Addr().String(), chaosDB+"="+url, chaosKey+"="+haletest.Key.Hex(), chaosID+"="+o.ID)
		var said strings.Builder
		cmd.Stderr = &said
		must(w, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if killed == kills {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("last life: %v: %s", err, said.String())
				}
			case <-time.After(2 * time.Minute):
				_ = cmd.Process.Kill()
				t.Fatal("last life did not end")
			}
			break
		}
		// Death comes at random: while it plans, while it sends, or later.
		until := s.taken() + dice.IntN(2*share)
		limit := time.After(time.Duration(300+dice.IntN(3000)) * time.Millisecond)
	alive:
		for s.taken() < until {
			select {
			case <-ended:
				break alive
			case <-limit:
				break alive
			case <-time.After(time.Millisecond):
			}
		}
		_ = cmd.Process.Kill() // SIGKILL
		<-ended
		killed++
	}
	took := time.Since(start)
	if d.Engine() == db.SQLite {
		if d, err = db.Open(t.Context(), url, haletest.Key); err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		w = newWorld(t, d)
	}
	account(t, w, s, o.ID, n, killed, took)
}

// account holds the ledger against what the sink counted.
func account(t *testing.T, w *world, s *sink, id string, n, killed int, took time.Duration) {
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
	lost, twice, extra, unlisted, doubt := 0, 0, 0, 0, 0
	for _, l := range list {
		c := s.got[l.key]
		doubt += l.doubt
		if c == 0 {
			lost++
		}
		if c > 1 {
			twice++
			extra += c - 1
			if l.doubt == 0 {
				unlisted++
			}
		}
		if l.state != "accepted" && l.state != "given_up" {
			t.Errorf("a message ended as %s", l.state)
		}
		delete(s.got, l.key)
	}
	uncertain := w.count(`select count(*) from attempt where outcome = 'uncertain'`)
	t.Logf("%d people, %d deaths, %.1f s: %s; %d messages, %d in doubt (%d attempts), %d sent more than once (%d copies too many), %d lost",
		n, killed, took.Seconds(), p.Line, len(list), doubt, uncertain, twice, extra, lost)
	if lost > 0 || unlisted > 0 || len(s.got) > 0 || extra > uncertain {
		t.Errorf("lost %d, twice without being listed %d, unknown keys %d, copies too many %d of %d attempts in doubt", lost, unlisted, len(s.got), extra, uncertain)
	}
	if p.Planned != n || len(list) != p.Intents["active"]+p.Intents["exhausted"]+p.Intents["satisfied"] || p.Intents["holdout"]+len(list) != n {
		t.Errorf("intents %v and %d messages do not account for %d people", p.Intents, len(list), n)
	}
	if doubt > killed*(chaosBatch+200) {
		t.Errorf("%d in doubt after %d deaths: more than was in flight", doubt, killed)
	}
}
