package journey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach/journey"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

var women = &segment.Expr{Sex: "female"}

// of returns person as it is when something of her changed.
func of(id string, n int, old, now string) string {
	return strings.Replace(person(id, n), old, now, 1)
}

func (c *clinic) look() {
	c.t.Helper()
	c.pass(10 * time.Minute)
	if err := c.s.Look(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.turn()
}

// Who leaves a segment sets a journey off, each time; who was never in it,
// died, or left the record does not.
func TestLeft(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for i, id := range []string{"ada", "bea", "dot", "eva"} {
			c.put(person(id, i))
		}
		c.put(of("tom", 9, `"female"`, `"male"`))
		id := c.run(journey.Definition{Name: "Left", Trigger: journey.Trigger{On: journey.Left, Segment: women}, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}})
		who := func(want string) {
			t.Helper()
			list, err := db.All(t.Context(), d, db.Value[string], `select patient from enrolment where journey = $1 order by patient, started_at`, id)
			if got := strings.Join(list, " "); err != nil || got != want {
				t.Errorf("left: %q, %v, want %q", got, err, want)
			}
		}
		c.look()
		who("")
		c.put(of("ada", 0, `"female"`, `"male"`), of("dot", 2, `"gender":"female"`, `"gender":"male","deceasedBoolean":true`), of("eva", 3, `"active":true`, `"active":false`))
		c.look()
		who("ada")
		c.look()
		who("ada")
		c.put(person("ada", 0))
		c.look()
		c.put(of("ada", 0, `"female"`, `"male"`), of("bea", 1, `"female"`, `"male"`))
		c.look()
		who("ada ada bea")
	})
}

// A journey ends, or goes on, when its person leaves the segment or comes
// back into it; whoever stays is left where they are.
func TestUntilLeft(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		c.put(person("old", 9))
		nodes := func(until string) []journey.Node {
			return []journey.Node{{ID: "wait", Kind: journey.Wait, For: "30d", Until: until, Else: "late"}, {ID: "happened", Kind: journey.Exit, Name: "It happened"}, {ID: "late", Kind: journey.Exit, Name: "Late"}}
		}
		goal := c.run(journey.Definition{Name: "Goal", Trigger: journey.Trigger{On: journey.Entered, Segment: women}, Goal: journey.Left, Nodes: nodes("signed-in")})
		wait := c.run(journey.Definition{Name: "Wait", Trigger: journey.Trigger{On: journey.Entered, Segment: women}, Nodes: nodes(journey.Left)})
		back := c.run(journey.Definition{Name: "Back", Trigger: journey.Trigger{On: journey.Left, Segment: women}, Nodes: nodes(journey.Entered)})
		visit := c.run(journey.Definition{Name: "Visit", Trigger: journey.Trigger{On: journey.VisitBooked, Segment: women}, Goal: journey.Left, Nodes: nodes("signed-in")})
		state := func(journey, patient, want string) {
			t.Helper()
			got := c.text(`select coalesce(max(state || ' ' || outcome), '') from enrolment where journey = $1 and patient = $2`, journey, patient)
			if strings.TrimSpace(got) != want {
				t.Errorf("%s in %s: %q, want %q", patient, journey, got, want)
			}
		}
		c.look()
		c.put(person("ada", 1), person("bea", 2))
		c.look()
		c.put(visitAt("v1", "ada", "booked", c.clock().Add(9*24*time.Hour)), visitAt("v2", "old", "booked", c.clock().Add(9*24*time.Hour)))
		c.turn()
		for _, id := range []string{goal, wait} {
			state(id, "ada", "waiting")
			state(id, "bea", "waiting")
			state(id, "old", "")
		}
		c.put(of("ada", 1, `"female"`, `"male"`))
		c.look()
		state(goal, "ada", "done goal")
		state(wait, "ada", "done It happened")
		state(visit, "ada", "done goal")
		state(back, "ada", "waiting")
		state(goal, "bea", "waiting")
		state(visit, "old", "waiting")
		c.put(person("ada", 1))
		c.look()
		state(back, "ada", "done It happened")
	})
}

// A new version that asks for other people begins with those who are there:
// nobody came, and nobody left.
func TestOtherSegment(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		for i := range 6 {
			sex := "female"
			if i%2 == 0 {
				sex = "male"
			}
			c.put(of(fmt.Sprintf("p%d", i), i, "female", sex))
		}
		ctx, pass := t.Context(), haletest.Everyone(t, d, access.RunOutreach)
		def := journey.Definition{Name: "Left", Trigger: journey.Trigger{On: journey.Left, Segment: women}, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}}
		id := c.run(def)
		c.look()
		def.Trigger.Segment = &segment.Expr{Sex: "male"}
		if _, err := c.s.Save(ctx, pass, id, def); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Publish(ctx, pass, id); err != nil {
			t.Fatal(err)
		}
		c.look()
		if n := c.count(`select count(*) from enrolment`); n != 0 {
			t.Errorf("%d people left because the segment is another one", n)
		}
		c.put(person("p0", 0), of("p1", 1, "female", "male"))
		c.look()
		if got := c.text(`select coalesce(min(patient || trigger_key), '') from enrolment`); !strings.HasPrefix(got, "p0left/") {
			t.Errorf("left: %q, want p0", got)
		}
		if n := c.count(`select count(*) from enrolment`); n != 1 {
			t.Errorf("%d people left, want 1", n)
		}
	})
}

// What asks of a segment has to be about one.
func TestAboutNoSegment(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		pass := haletest.Everyone(t, d, access.RunOutreach)
		def := journey.Definition{Name: "x", Trigger: journey.Trigger{On: journey.VisitBooked}, Nodes: []journey.Node{{ID: "is", Kind: journey.Check, Is: journey.Left}}}
		if err := c.s.Problem(pass, def); errs.KindOf(err) != errs.Invalid {
			t.Errorf("leaving no segment: %v, want a refusal", err)
		}
		def.Trigger.Segment = women
		if err := c.s.Problem(pass, def); err != nil {
			t.Errorf("leaving a segment: %v", err)
		}
		def.Trigger = journey.Trigger{On: journey.Left}
		if err := c.s.Problem(pass, def); errs.KindOf(err) != errs.Invalid {
			t.Errorf("beginning by leaving no segment: %v, want a refusal", err)
		}
	})
}
