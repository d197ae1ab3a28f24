package arrival_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record/arrival"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

func TestFeedState(t *testing.T) {
	now, day := haletest.Noon, 24*time.Hour
	tests := []struct {
		name string
		feed arrival.Feed
		want arrival.State
	}{
		{"came whole", arrival.Feed{Good: now.Add(-40 * day)}, arrival.Whole},
		{"first run not over", arrival.Feed{Began: now}, arrival.Coming},
		{"on time", arrival.Feed{Good: now.Add(-36 * time.Hour), Every: day}, arrival.Whole},
		{"late", arrival.Feed{Good: now.Add(-36*time.Hour - time.Second), Every: day}, arrival.Away},
		{"failed", arrival.Feed{Good: now.Add(-time.Hour), Failed: now}, arrival.Away},
	}
	for _, tt := range tests {
		if got, _ := tt.feed.State(now); got != tt.want {
			t.Errorf("%s: State = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestOf(t *testing.T) {
	now := haletest.Noon
	feeds := []arrival.Feed{
		{Name: "clinic", Good: now.Add(-time.Hour)},
		{Name: "lab", Title: "Alder Labs", Good: now.Add(-2 * time.Hour), Failed: now.Add(-time.Minute), Brings: []access.Category{access.Results}},
	}
	if s := arrival.Of(feeds, now, access.Results); s.State != arrival.Away || s.Feed.Called() != "Alder Labs" || !s.Whole.Equal(now.Add(-2*time.Hour)) {
		t.Errorf("Of(results) = %+v", s)
	}
	if s := arrival.Of(feeds, now, access.Conditions); s.State != arrival.Whole || !s.Whole.Equal(now.Add(-time.Hour)) {
		t.Errorf("Of(conditions) = %+v, want nothing of the lab", s)
	}
	if s := arrival.Of(nil, now, access.Results); s.State != arrival.Whole || !s.Whole.IsZero() {
		t.Errorf("Of(none) = %+v", s)
	}
}

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		clock := func() time.Time { now = now.Add(time.Minute); return now }
		s, ctx := arrival.NewStore(d, clock, audit.NewLog(d, haletest.IDs(), clock)), t.Context()
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		state := func() (arrival.State, arrival.Feed) {
			t.Helper()
			list, err := s.List(ctx)
			if err != nil || len(list) != 1 {
				t.Fatalf("List = %v, %v", list, err)
			}
			st, _ := list[0].State(now)
			return st, list[0]
		}
		do(s.Began(ctx, "lab"))
		if st, _ := state(); st != arrival.Coming {
			t.Errorf("after it began: %v", st)
		}
		do(s.Ended(ctx, "lab", ""))
		do(s.Ended(ctx, "lab", "no answer"))
		_, first := state()
		do(s.Ended(ctx, "lab", "again no answer"))
		st, f := state()
		if st != arrival.Away || !f.Failed.Equal(first.Failed) || f.Reason != "again no answer" {
			t.Errorf("after two failures: %v %+v, want since the first", st, f)
		}
		do(s.Ended(ctx, "lab", ""))
		if st, f := state(); st != arrival.Whole || f.Reason != "" {
			t.Errorf("after it came back: %v %+v", st, f)
		}
		rules := haletest.Everyone(t, d, access.SetRules)
		do(s.Name(ctx, rules, arrival.Feed{Name: "lab", Title: "Alder Labs", Every: time.Hour, Brings: []access.Category{access.Results}}))
		if _, f := state(); f.Called() != "Alder Labs" || f.Every != time.Hour || !f.For(access.Results) || f.For(access.Visits) {
			t.Errorf("named = %+v", f)
		}
		if err := s.Name(ctx, rules, arrival.Feed{Name: "none"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Name(none) = %v", err)
		}
	})
}
