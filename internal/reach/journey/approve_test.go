package journey_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/approval"
	"hale/internal/reach/journey"
	"hale/internal/store/db"
)

// A journey that tells of a result is published and started on the word of
// two, who agreed to exactly what runs; one that tells less on the word of
// one.
func TestApproval(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		store := approval.NewStore(d, ids.NewSource(c.clock, rand.Reader), c.clock)
		c.reach.Approvals, c.reach.Approve = store, reach.Threshold{Class: 3}
		ctx, pass := context.Background(), haletest.Everyone(t, d, access.RunOutreach)
		ada := access.Actor{ID: "ada", Kind: access.Staff, Name: "Ada"}
		ben := access.Actor{ID: "ben", Kind: access.Staff, Name: "Ben"}
		list, err := journey.ReadyMade()
		if err != nil {
			t.Fatal(err)
		}
		two := 0
		for _, r := range list {
			id, err := c.s.Save(ctx, pass, "", r.Definition)
			if err != nil {
				t.Fatal(err)
			}
			propose := func() reach.Proposal {
				t.Helper()
				p, err := c.s.Proposal(ctx, pass, id)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			agree := func() {
				t.Helper()
				p := propose()
				a, err := store.Ask(ctx, ada, p.Subject, p.Content, "")
				if err == nil {
					err = store.Approve(ctx, ben, a.ID, p.Sum, "")
				}
				if err != nil || !propose().Stands {
					t.Fatal("the approval does not stand: ", err)
				}
			}
			refused := func(why string, err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), "second person") {
					t.Errorf("%s: %s = %v, want it refused", r.Key, why, err)
				}
			}
			if p := propose(); p.Why != "" {
				two++
				if r.Key != "result-ready" || !strings.Contains(p.Content, "You have a new test result") {
					t.Errorf("%s takes two people for\n%s", r.Key, p.Content)
				}
				refused("publishing", c.s.Publish(ctx, pass, id))
				agree()
				edited := r.Definition
				edited.Late = "3d"
				if _, err := c.s.Save(ctx, pass, id, edited); err != nil {
					t.Fatal(err)
				}
				refused("publishing what was changed since", c.s.Publish(ctx, pass, id))
				agree()
			}
			if err := c.s.Publish(ctx, pass, id); err != nil {
				t.Fatalf("%s: %v", r.Key, err)
			}
			if err := c.s.Start(ctx, pass, id); err != nil {
				t.Errorf("%s: %v", r.Key, err)
			}
		}
		if two != 1 {
			t.Errorf("%d journeys take two people, want 1", two)
		}

		// What one person published before two were asked for does not start.
		c.reach.Approve.Class = 0
		for _, r := range list {
			if r.Key != "result-ready" {
				continue
			}
			r.Definition.Name = "Published by one"
			id, err := c.s.Save(ctx, pass, "", r.Definition)
			if err == nil {
				err = c.s.Publish(ctx, pass, id)
			}
			if err != nil {
				t.Fatal(err)
			}
			c.reach.Approve.Class = 3
			if err := c.s.Start(ctx, pass, id); err == nil {
				t.Error("what one person published starts")
			}
			if j, _ := c.s.Get(ctx, pass, id); j.State != journey.Draft {
				t.Errorf("it is %s", j.State)
			}
		}
	})
}
