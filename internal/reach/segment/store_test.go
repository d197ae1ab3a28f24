package segment_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, person("ada", "1961-03-02", "female", "en"), person("bob", "1961-03-03", "male", "es"), person("cid", "1990-01-01", "male", "en"))
		s := segment.NewStore(d, haletest.IDs(), haletest.Clock(haletest.Noon))
		ctx, pass := t.Context(), haletest.Everyone(t, d, access.RunOutreach)
		men, old := segment.Expr{Sex: "male"}, segment.Expr{Age: &segment.Range{Min: 60}}
		id, err := s.Save(ctx, pass, "", "Men", men)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Save(ctx, pass, "", "Men", old); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second segment of the name: %v, want a conflict", err)
		}
		if _, err := s.Save(ctx, pass, "", " ", old); errs.KindOf(err) != errs.Invalid {
			t.Errorf("no name: %v, want a refusal", err)
		}
		if _, err := s.Save(ctx, pass, id, "Men", old); err != nil {
			t.Fatal(err)
		}
		versions, err := s.Versions(ctx, pass, id)
		if err != nil || len(versions) != 2 || versions[0].Version != 2 || versions[1].Expr.Sex != "male" {
			t.Errorf("Versions = %v, %v, want the newer one first and the older one as it was", versions, err)
		}
		if n, err := s.Both(ctx, pass, men, old); n != 1 || err != nil {
			t.Errorf("Both = %d, %v, want 1", n, err)
		}
		list, err := s.Sample(ctx, pass, men, "bob", 5)
		if err != nil || len(list) != 2 || list[0] != "cid" {
			t.Errorf("Sample = %v, %v, want cid and then bob", list, err)
		}
		if err := s.Retire(ctx, pass, id); err != nil {
			t.Fatal(err)
		}
		if all, err := s.List(ctx, pass); len(all) != 0 || err != nil {
			t.Errorf("List = %v, %v, want none", all, err)
		}
		if _, err := s.Save(ctx, pass, "", "Men", men); err != nil {
			t.Errorf("the name of a retired segment: %v", err)
		}
	})
}
