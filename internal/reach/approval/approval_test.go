package approval_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/haletest"
	"hale/internal/reach/approval"
	"hale/internal/store/db"
)

func staff(id string) access.Actor {
	return access.Actor{ID: id, Kind: access.Staff, Name: "Staff " + id, Roles: []access.Role{access.Nurse}}
}

// It takes two, for exactly what was shown.
func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		clock := func() time.Time { now = now.Add(time.Second); return now }
		s := approval.NewStore(d, ids.NewSource(clock, rand.Reader), clock)
		ctx, ada, ben := t.Context(), staff("ada"), staff("ben")
		stands := func(content string) bool {
			t.Helper()
			_, ok, err := s.Standing(ctx, d, "outreach/1", approval.Sum(content))
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if _, err := s.Ask(ctx, access.Actor{ID: "p", Kind: access.Patient}, "outreach/1", "one", ""); !errors.Is(err, approval.ErrNobody) {
			t.Errorf("a patient asks = %v", err)
		}
		a, err := s.Ask(ctx, ada, "outreach/1", "one", "please")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Ask(ctx, ada, "outreach/1", "one", "please"); err != nil || again.ID != a.ID {
			t.Errorf("asking twice = %v, %v, want the same", again.ID, err)
		}
		if stands("one") {
			t.Error("what is only asked for stands")
		}
		if err := s.Approve(ctx, ada, a.ID, a.Sum, ""); !errors.Is(err, approval.ErrSelf) {
			t.Errorf("approving one's own = %v", err)
		}
		if err := s.Approve(ctx, ben, a.ID, approval.Sum("two"), ""); !errors.Is(err, approval.ErrOver) {
			t.Errorf("approving another content = %v", err)
		}
		if err := s.Refuse(ctx, ben, a.ID, a.Sum, "  "); !errors.Is(err, approval.ErrReason) {
			t.Errorf("refusing without a reason = %v", err)
		}
		b, err := s.Ask(ctx, ada, "outreach/1", "two", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Approve(ctx, ben, a.ID, a.Sum, ""); !errors.Is(err, approval.ErrOver) {
			t.Errorf("approving what is void = %v", err)
		}
		if err := s.Approve(ctx, ben, b.ID, b.Sum, "fine"); err != nil {
			t.Fatal(err)
		}
		if !stands("two") || stands("one") || stands("two ") {
			t.Error("the approval holds for something else than what was shown")
		}
		if err := s.Refuse(ctx, ben, b.ID, b.Sum, "changed my mind"); !errors.Is(err, approval.ErrOver) {
			t.Errorf("deciding twice = %v", err)
		}
		c, err := s.Ask(ctx, ada, "outreach/1", "two", "again")
		if err != nil || s.Refuse(ctx, ben, c.ID, c.Sum, "no more") != nil || stands("two") {
			t.Errorf("a later refusal does not end the approval: %v", err)
		}
		if list, err := s.Waiting(ctx); err != nil || len(list) != 0 {
			t.Errorf("Waiting = %v, %v, want none", list, err)
		}
		if list, err := s.Answered(ctx, "ada", haletest.Noon); err != nil || len(list) != 2 || list[0].Reason != "no more" {
			t.Errorf("Answered = %v, %v", list, err)
		}
		if list, err := s.History(ctx, "outreach/1"); err != nil || len(list) != 3 {
			t.Errorf("History = %d, %v, want 3", len(list), err)
		}
	})
}

func TestDiff(t *testing.T) {
	var b strings.Builder
	for _, l := range approval.Diff("a\nb\nc\n", "a\nx\nc\nd\n") {
		b.WriteString(map[int]string{0: " ", 1: "+", -1: "-"}[l.Change] + l.Text)
	}
	if got := b.String(); got != " a-b+x c+d" {
		t.Errorf("Diff = %q", got)
	}
}
