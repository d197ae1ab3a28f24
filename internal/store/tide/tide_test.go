package tide_test

import (
	"errors"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/store/db"
	"hale/internal/store/tide"
)

func TestMark(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		clock := func() time.Time { return now }
		open := func() *tide.Mark {
			m, err := tide.Open(t.Context(), d, clock)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		m := open()
		steps := []struct {
			name   string
			to     time.Time
			again  bool // the process starts anew
			refuse bool
		}{
			{"the first time", haletest.Noon, false, false},
			{"a correction", haletest.Noon.Add(-tide.Slack), false, false},
			{"too far back", haletest.Noon.Add(-tide.Slack - time.Second), false, true},
			{"an hour on", haletest.Noon.Add(time.Hour), false, false},
			{"an hour back", haletest.Noon, false, true},
			{"an hour back, and a new start", haletest.Noon, true, true},
			{"right again", haletest.Noon.Add(time.Hour), true, false},
			{"ten years back", haletest.Noon.AddDate(-10, 0, 0), true, true},
			{"ten years on", haletest.Noon.AddDate(10, 0, 0), false, false},
			{"back from there", haletest.Noon.Add(2 * time.Hour), false, true},
		}
		for _, s := range steps {
			if now = s.to; s.again {
				m = open()
			}
			if err := m.Check(t.Context()); errors.Is(err, tide.ErrBack) != s.refuse || err != nil && !s.refuse {
				t.Errorf("%s: Check = %v, want it to refuse: %v", s.name, err, s.refuse)
			}
		}
		if err := tide.Accept(t.Context(), d, now); err != nil {
			t.Fatal(err)
		}
		if err := open().Check(t.Context()); err != nil {
			t.Errorf("after Accept: Check = %v, want nil", err)
		}
	})
}
