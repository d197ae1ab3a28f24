package journey_test

import (
	"context"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/reach/journey"

	"hale/internal/store/db"
)

const (
	killedDB     = "HALE_JOURNEY_DB" // with it, this binary takes people on and does nothing else
	killedKey    = "HALE_JOURNEY_KEY"
	killedLook   = "HALE_JOURNEY_LOOK" // with it, it only looks who came and who left
	killedPeople = 300
)

func TestMain(m *testing.M) {
	at := os.Getenv(killedDB)
	if at == "" {
		os.Exit(m.Run())
	}
	if err := killedChild(at); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killedChild takes everybody on until all wait for their message to be seen.
func killedChild(at string) error {
	ctx := context.Background()
	key, err := seal.ParseKey(os.Getenv(killedKey))
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, "sqlite:"+at, key)
	if err != nil {
		return err
	}
	c := openWith(&testing.B{}, d, key)
	c.now = midday.Add(time.Minute)
	if os.Getenv(killedLook) != "" {
		c.now = time.Now()
		return c.s.Look(ctx)
	}
	for {
		f := c.s.Follower()
		f.Batch = 7 // many small transactions, to be killed between
		seq, err := c.record.FollowOnce(ctx, f)
		if err != nil {
			return err
		}
		if err := c.s.Sweep(ctx); err != nil {
			return err
		}
		if seq == 0 {
			return c.reach.Sweep(ctx)
		}
	}
}

// However often the process is killed: each cause takes its person in once,
// and each gets one message.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	d := haletest.SQLiteAt(t, path)
	c := open(t, d)
	c.run(reminder())
	for i := range killedPeople {
		who := fmt.Sprintf("p%03d", i)
		c.put(person(who, i), visitAt("v"+who, who, "booked", midday.Add(30*time.Hour)))
	}
	kills := untilKilled(t, path)
	for q, want := range map[string]int{
		`select count(*) from enrolment`:                                          killedPeople,
		`select count(*) from enrolment where state = 'waiting' and intent <> ''`: killedPeople,
		`select count(*) from intent`:                                             killedPeople,
		`select count(distinct patient) from intent`:                              killedPeople,
		`select count(*) from message`:                                            killedPeople,
		`select count(*) from enrolment_step where node = 'early'`:                killedPeople,
	} {
		if n := c.count(q); n != want {
			t.Errorf("after %d kills: %s = %d, want %d", kills, q, n, want)
		}
	}
	if kills == 0 {
		t.Error("nothing was killed: the test shows nothing")
	}
}

// untilKilled has processes begin their work and kills them, until one is let
// finish. It returns how many were killed.
func untilKilled(t *testing.T, path string, env ...string) (kills int) {
	t.Helper()
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), append(env, killedDB+"="+path, killedKey+"="+haletest.Key.Hex())...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		wait := time.Duration(30+mrand.IntN(120)) * time.Millisecond
		if kills >= 15 {
			wait = time.Minute
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return kills
		case <-time.After(wait):
			_ = cmd.Process.Kill()
			<-done
			kills++
		}
	}
}

// However often the process is killed while it looks: who was in the segment
// from the beginning never came, and who comes or leaves does so once.
func TestKilledLooking(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hale.db")
	c := open(t, haletest.SQLiteAt(t, path))
	const there, come, away = 3000, 2000, 1000
	out := []journey.Node{{ID: "wait", Kind: journey.Wait, For: "9d"}}
	came := c.run(journey.Definition{Name: "In", Trigger: journey.Trigger{On: journey.Entered, Segment: women}, Nodes: out})
	left := c.run(journey.Definition{Name: "Out", Trigger: journey.Trigger{On: journey.Left, Segment: women}, Nodes: out})
	c.crowd(0, there)
	kills := untilKilled(t, path, killedLook+"=1")
	if n := c.count(`select count(*) from enrolment`); n != 0 {
		t.Errorf("%d people who were there from the beginning set something off", n)
	}
	c.crowd(there, there+come)
	if _, err := c.d.ExecContext(t.Context(), `update person set sex = 'male' where id < $1`, fmt.Sprintf("x%06d", away)); err != nil {
		t.Fatal(err)
	}
	kills += untilKilled(t, path, killedLook+"=1")
	const begun = `select count(*) from enrolment where journey = $1`
	if n := c.count(begun, came); n != come {
		t.Errorf("after %d kills %d people came in, want %d", kills, n, come)
	}
	if n := c.count(begun, left); n != away {
		t.Errorf("after %d kills %d people left, want %d", kills, n, away)
	}
	if n := c.count(`select count(*) from journey_member where inside = 1`); n != 2*(there+come-away) {
		t.Errorf("%d places in the segments, want %d", n, 2*(there+come-away))
	}
	if kills == 0 {
		t.Error("nothing was killed: the test shows nothing")
	}
}
