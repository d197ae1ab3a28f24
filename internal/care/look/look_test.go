package look_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/look"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestStoreLook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		s := look.NewStore(d, func() time.Time { return now })
		mine, other := haletest.Pass(t, d, "p1", access.ReadRecord), haletest.Pass(t, d, "p2", access.ReadRecord)
		steps := []struct {
			name string
			at   time.Duration // since the first look
			want time.Time
		}{
			{name: "the first look has none before", at: 0},
			{name: "within a sitting it stays so", at: look.Sitting - time.Second},
			{name: "after a sitting the first is the one before", at: look.Sitting, want: haletest.Noon},
			{name: "and stays so within the next", at: look.Sitting + time.Minute, want: haletest.Noon},
			{name: "then the second is", at: 3 * look.Sitting, want: haletest.Noon.Add(look.Sitting)},
		}
		for _, step := range steps {
			now = haletest.Noon.Add(step.at)
			if got, err := s.Look(t.Context(), mine); !got.Equal(step.want) || err != nil {
				t.Errorf("%s: Look = %v, %v, want %v", step.name, got, err, step.want)
			}
		}
		if got, err := s.Look(t.Context(), other); !got.IsZero() || err != nil {
			t.Errorf("Look at another = %v, %v, want none before", got, err)
		}
		if _, err := s.Look(t.Context(), haletest.Pass(t, d, "p1", access.ReadVisits)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Look with a wrong pass = %v", err)
		}
	})
}
