package journey_test

import (
	"context"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// calendar holds visits, and notes which were confirmed.
type calendar struct {
	list      []visit.Visit
	confirmed []string
}

func (c *calendar) Upcoming(context.Context, access.Pass, int) ([]visit.Visit, error) {
	return c.list, nil
}
func (c *calendar) Cancel(context.Context, access.Pass, string) error { return nil }
func (c *calendar) Confirm(_ context.Context, _ access.Pass, id string) (visit.Visit, error) {
	c.confirmed = append(c.confirmed, id)
	return visit.Visit{ID: id}, nil
}

// A C by text confirms the visit that set the journey off, though others lie
// ahead as well, and ends every journey about that visit, and only those.
func TestConfirmedByText(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		soon, later := midday.Add(47*time.Hour), midday.Add(60*time.Hour)
		cal := &calendar{list: []visit.Visit{{ID: "v1", Start: soon}, {ID: "v10", Start: later}}}
		c.reach.Visits = cal
		c.put(person("maria", 1))
		first := c.run(reminder())
		again := reminder()
		again.Name, again.Nodes[0].Before = "The day before", "1d"
		second := c.run(again)
		c.put(visitAt("v1", "maria", "booked", soon), visitAt("v10", "maria", "booked", later))
		c.turn()
		if n := c.send(); n != 1 {
			t.Fatalf("%d texts two days before, want 1", n)
		}
		c.pass(24*time.Hour - time.Minute) // the second journey's message waits
		c.turn()
		const waits = `select count(*) from intent i join enrolment s on i.supersede = 'enrolment/' || s.id where i.state in ('active', 'deferred') and s.subject = $1`
		if n := c.count(waits, "Appointment/v1"); n != 1 {
			t.Fatalf("%d intents wait about the visit, want 1", n)
		}
		r := reach.Receipt{Kind: "replied", Channel: reach.SMS, From: "+13125550001", Text: "C", At: c.clock(), Dedupe: "r1"}
		if err := c.reach.Receipt(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		c.turn()
		if len(cal.confirmed) != 1 || cal.confirmed[0] != "v1" {
			t.Errorf("confirmed %v, want v1", cal.confirmed)
		}
		if n := c.count(waits, "Appointment/v1"); n != 0 {
			t.Errorf("%d intents still wait about a confirmed visit", n)
		}
		const state = `select state || ' ' || outcome from enrolment where journey = $1 and subject = $2`
		if got := c.text(state, first, "Appointment/v1"); got != "done goal" {
			t.Errorf("the first journey ended %q, want done goal", got)
		}
		c.pass(24 * time.Hour)
		c.turn()
		if n := c.count(`select count(*) from journey_task t join enrolment s on s.id = t.enrolment where s.subject = 'Appointment/v1'`); n != 0 {
			t.Error("the staff is to call somebody who has confirmed")
		}
		for _, id := range []string{first, second} {
			if n := c.count(`select count(*) from enrolment where journey = $1 and subject = 'Appointment/v10' and outcome <> 'goal'`, id); n != 1 {
				t.Errorf("confirming one visit ended the journey of another")
			}
		}
	})
}
