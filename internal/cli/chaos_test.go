package cli

import (
	"bufio"
	"context"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// The chaos runs kill real processes. The test binary is hale itself with
// chaosCLI set, and a writer with chaosWriter set.
const (
	chaosCLI    = "HALE_CHAOS_CLI"
	chaosWriter = "HALE_CHAOS_WRITER" // the database's address
	chaosKey    = "HALE_CHAOS_KEY"
)

func TestMain(m *testing.M) {
	if os.Getenv(chaosCLI) != "" {
		os.Exit(Main(os.Args[1:], System()))
	}
	if url := os.Getenv(chaosWriter); url != "" {
		if err := writer(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// openRing opens a database and its ring as a process of its own does.
func openRing(ctx context.Context, url string, key seal.Key) (*db.DB, *keys.Ring, error) {
	d, err := db.Open(ctx, url, key)
	if err != nil {
		return nil, nil, err
	}
	r, err := keys.Open(ctx, keys.Config{DB: d, Roots: keys.Plain(key), Now: time.Now})
	return d, r, err
}

// writer seals and commits about 200 values a second, half of them over ones
// that are there, and says each on its output after the commit.
func writer(url string) error {
	ctx := context.Background()
	key, err := seal.ParseKey(os.Getenv(chaosKey))
	if err != nil {
		return err
	}
	d, r, err := openRing(ctx, url, key)
	if err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	for n := 0; ; n++ {
		<-tick.C
		id := fmt.Sprintf("w%d-%d", os.Getpid(), n/2)
		err := d.Tx(ctx, func(tx *db.Tx) error { return chaosPut(ctx, tx, r, id, fmt.Sprint("text ", n%2, " of ", id)) })
		if err != nil {
			return err
		}
		fmt.Printf("%s %d\n", id, n%2)
	}
}

func chaosPut(ctx context.Context, tx *db.Tx, r *keys.Ring, id, text string) error {
	const q = `
		insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at)
		values ($1, $2, '', 'p', 'care', 'sms', 1, 'accepted', 0, 'full', $3, '', $4, 0, 0, 0)
		on conflict (id) do update set body = excluded.body`
	body, err := r.Seal(ctx, tx, keys.Messages, "message", "body", id, []byte(text))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, q, id, id, body, id)
	return err
}

// TestChaosKeys turns the key of messages again and again while another
// process writes 200 values a second, and kills either at random, three
// times here and HALE_CHAOS times in make chaos-keys. Afterwards everything
// that was committed opens, and the turn is finished.
func TestChaosKeys(t *testing.T) {
	kills, filled := 3, 500
	if more, err := strconv.Atoi(os.Getenv("HALE_CHAOS")); err == nil {
		kills, filled = more, 20_000
	}
	each(t, func(t *testing.T, s *shell) {
		s.run(0, "init")
		s.staff("Ada")
		text, err := os.ReadFile(s.path("hale.key"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := seal.ParseKey(string(text[:64]))
		if err != nil {
			t.Fatal(err)
		}
		url := s.vars["HALE_DATABASE"]
		if url == "" {
			url = "sqlite:" + filepath.Join(s.vars["HALE_DATA"], "hale.db")
		}
		c := &chaos{t: t, s: s, url: url, key: key, said: map[string]string{}}
		c.fill(filled)
		c.run(kills)
		c.check(kills)
	})
}

// chaos is one run.
type chaos struct {
	t    *testing.T
	s    *shell
	url  string
	key  seal.Key
	mu   sync.Mutex
	said map[string]string // id → which text was said to be committed last
	done sync.WaitGroup
}

func (c *chaos) fill(n int) {
	d, r, err := openRing(c.t.Context(), c.url, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	defer d.Close()
	if err := d.Tx(c.t.Context(), func(tx *db.Tx) error {
		for i := range n {
			id := fmt.Sprint("f", i)
			c.said[id] = "0"
			if err := chaosPut(c.t.Context(), tx, r, id, "text 0 of "+id); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
}

// write starts a writer and listens to what it says.
func (c *chaos) write() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), chaosWriter+"="+c.url, chaosKey+"="+c.key.Hex())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.done.Go(func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var id, which string
			if n, _ := fmt.Sscan(lines.Text(), &id, &which); n == 2 {
				c.mu.Lock()
				c.said[id] = which
				c.mu.Unlock()
			}
		}
		_ = cmd.Wait()
	})
	return cmd
}

// rotate starts hale keys rotate.
func (c *chaos) rotate() *exec.Cmd {
	name := os.Getenv("HALE_BINARY")
	if name == "" {
		name = os.Args[0]
	}
	cmd := exec.Command(name, "keys", "rotate", "--class", "messages")
	cmd.Env = append(os.Environ(), chaosCLI+"=1", "HALE_DATA="+c.s.vars["HALE_DATA"], "HALE_DATABASE="+c.s.vars["HALE_DATABASE"])
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd
}

func (c *chaos) run(kills int) {
	seed := uint64(time.Now().UnixNano())
	dice := mrand.New(mrand.NewPCG(seed, 1))
	c.t.Logf("seed %d", seed)
	w := c.write()
	for i := range kills {
		r := c.rotate()
		time.Sleep(time.Duration(200+dice.IntN(2500)) * time.Millisecond)
		_ = r.Process.Kill() // SIGKILL, unless it has finished
		_ = r.Wait()
		if i%3 == 2 {
			_ = w.Process.Kill()
			c.done.Wait()
			w = c.write()
		}
	}
	ended := make(chan error, 1)
	last := c.rotate() // goes on, or turns once more, while the writer writes
	go func() { ended <- last.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			c.t.Errorf("the last rotate = %v", err)
		}
	case <-time.After(2 * time.Minute):
		_ = last.Process.Kill()
		c.t.Error("the last rotate did not finish")
	}
	_ = w.Process.Kill()
	c.done.Wait()
}

// check opens everything that was said to be committed. A value that was
// written over and not yet said may be the newer one.
func (c *chaos) check(kills int) {
	d, r, err := openRing(c.t.Context(), c.url, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	defer d.Close()
	left, err := r.Left(c.t.Context(), keys.Messages)
	if err != nil || left != 0 {
		c.t.Errorf("%d values are left under older keys, %v", left, err)
	}
	type row struct {
		id   string
		body []byte
	}
	list, err := db.All(c.t.Context(), d, func(scan db.Scan) (v row, err error) { return v, scan(&v.id, &v.body) }, `select id, body from message`)
	if err != nil {
		c.t.Fatal(err)
	}
	unreadable, older := 0, 0
	there := map[string]bool{}
	for _, v := range list {
		there[v.id] = true
		plain, err := r.Open(c.t.Context(), v.body, "message", "body", v.id)
		if err != nil {
			unreadable++
			continue
		}
		if c.said[v.id] == "1" && string(plain) != "text 1 of "+v.id {
			older++
		}
	}
	lost := 0
	for id := range c.said {
		if !there[id] {
			lost++
		}
	}
	turns, err := db.One(c.t.Context(), d, db.Value[int], `select count(*) from data_key where class = 'messages'`)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("%d deaths, %d keys, %d values committed: %d unreadable, %d lost, %d gone back, %d left under older keys", kills, turns, len(list), unreadable, lost, older, left)
	if unreadable+lost+older > 0 {
		c.t.Fail()
	}
	if len(list) < 2*kills || turns < 2 {
		c.t.Errorf("%d values and %d keys: too little happened to prove anything", len(list), turns)
	}
}
