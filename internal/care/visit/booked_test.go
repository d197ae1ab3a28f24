package visit_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestStoreBooked(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o, ctx := open(t, d), t.Context()
		book := func(patient, slot string, how visit.How) visit.Visit {
			t.Helper()
			v, err := o.Book(ctx, haletest.Pass(t, d, patient, access.BookVisits), slot, how)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		later, sooner := book("p1", "s2", byLink), book("p2", "s0", byLink)
		book("p1", "s1", visit.How{Via: "portal"})
		dropped := book("p2", "s3", visit.How{Via: "link", Ref: "m2"})
		if err := o.Cancel(ctx, haletest.Pass(t, d, "p2", access.BookVisits), dropped.ID); err != nil {
			t.Fatal(err)
		}
		everyone := haletest.Everyone(t, d, access.FindPatients)
		list, err := o.Booked(ctx, everyone, "link", haletest.Noon, 9)
		if err != nil || len(list) != 2 || list[0].ID != sooner.ID || list[1].ID != later.ID || list[0].Patient != "p2" {
			t.Errorf("Booked = %+v, %v, want both that are still booked from a link, soonest first", list, err)
		}
		if list, err := o.Booked(ctx, everyone, "link", haletest.Noon.Add(2*time.Hour), 9); err != nil || len(list) != 1 || list[0].ID != later.ID {
			t.Errorf("Booked from later on = %+v, %v, want the later one", list, err)
		}
		if list, err := o.Booked(ctx, everyone, "link", haletest.Noon, 1); err != nil || len(list) != 1 {
			t.Errorf("Booked, one at most = %+v, %v", list, err)
		}
		for name, pass := range map[string]access.Pass{"none": {}, "one patient's": haletest.Pass(t, d, "p1", access.ReadVisits), "another right": haletest.Everyone(t, d, access.RunOutreach)} {
			if list, err := o.Booked(ctx, pass, "link", haletest.Noon, 9); errs.KindOf(err) != errs.NotFound || len(list) != 0 {
				t.Errorf("Booked with the pass %s = %v, %v, want not found", name, list, err)
			}
		}
	})
}
