package patient_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestStoreNamed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, "p1", `,"name":[{"given":["Maria"],"family":"Alvarez"}]`)
		put(t, d, "p2", `,"name":[{"given":["Sam"],"family":"Alvarado"}]`)
		put(t, d, "p3", `,"name":[{"given":["Li"],"family":"Wu"}]`)
		s, ctx := patient.NewStore(d), t.Context()
		everyone := haletest.Everyone(t, d, access.FindPatients)
		list, err := s.Named(ctx, everyone, []string{"p1", "p2", "none"})
		if err != nil || len(list) != 2 || list[0].ID != "p2" || list[1].ID != "p1" {
			t.Errorf("Named = %+v, %v, want p2 and p1", list, err)
		}
		if list, err := s.Named(ctx, everyone, nil); err != nil || len(list) != 0 {
			t.Errorf("Named of nobody = %+v, %v", list, err)
		}
		for name, pass := range map[string]access.Pass{"none": {}, "one patient's": haletest.Pass(t, d, "p1", access.ReadRecord), "another right": haletest.Everyone(t, d, access.RunOutreach)} {
			if list, err := s.Named(ctx, pass, []string{"p1"}); errs.KindOf(err) != errs.NotFound || len(list) != 0 {
				t.Errorf("Named with the pass %s = %v, %v, want not found", name, list, err)
			}
		}
	})
}
