package saved_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/saved"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// What was begun is there again for whoever wrote it, about that patient and
// in that form, and for nobody else.
func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		clock := func() time.Time { return now }
		s, ctx := saved.NewStore(d, haletest.Ring(t, d, clock), clock), t.Context()
		ada, bob := haletest.Pass(t, d, "ada", access.SendMessages), haletest.Pass(t, d, "bob", access.SendMessages)
		words := url.Values{"text": {"My knee hurts", ""}, "team": {"nurse"}}

		if f, err := s.Load(ctx, ada, "message/new"); err != nil || !f.At.IsZero() {
			t.Fatalf("Load before anything was saved = %+v, %v", f, err)
		}
		if at, err := s.Save(ctx, ada, "message/new", url.Values{"text": {"My kn"}}); err != nil || !at.Equal(now) {
			t.Fatalf("Save = %v, %v", at, err)
		}
		now = now.Add(time.Minute)
		if _, err := s.Save(ctx, ada, "message/new", words); err != nil {
			t.Fatal(err)
		}
		f, err := s.Load(ctx, ada, "message/new")
		if err != nil || f.Values.Encode() != words.Encode() || !f.At.Equal(now) {
			t.Errorf("Load = %+v, %v, want the last that was saved", f, err)
		}
		for name, try := range map[string]func() (saved.Form, error){
			"another patient": func() (saved.Form, error) { return s.Load(ctx, bob, "message/new") },
			"another form":    func() (saved.Form, error) { return s.Load(ctx, ada, "form/1") },
		} {
			if f, err := try(); err != nil || len(f.Values) != 0 {
				t.Errorf("Load of %s = %+v, %v, want nothing", name, f, err)
			}
		}
		if list, err := s.List(ctx, ada); err != nil || len(list) != 1 || list[0].Place != "message/new" || list[0].Values != nil {
			t.Errorf("List = %+v, %v", list, err)
		}
		if raw, err := db.One(ctx, d, db.Value[[]byte], `select sealed from saved`); err != nil || strings.Contains(string(raw), "knee") {
			t.Errorf("the words lie open: %q, %v", raw, err)
		}
		if err := s.Drop(ctx, bob, "message/new"); err != nil {
			t.Error(err)
		}
		if f, _ := s.Load(ctx, ada, "message/new"); f.At.IsZero() {
			t.Error("somebody else dropped it")
		}
		now = now.Add(saved.Life)
		if f, err := s.Load(ctx, ada, "message/new"); err != nil || !f.At.IsZero() {
			t.Errorf("Load after its life = %+v, %v", f, err)
		}
		if err := s.Tidy(ctx, nil); err != nil {
			t.Error(err)
		}
		if n, err := db.One(ctx, d, db.Value[int], `select count(*) from saved`); err != nil || n != 0 {
			t.Errorf("%d rows are left, %v", n, err)
		}
	})
}

// What is too much, secret, or of a pass for something else is not kept.
func TestStoreRefuses(t *testing.T) {
	d := haletest.SQLite(t)
	clock := haletest.Clock(haletest.Noon)
	s, ctx := saved.NewStore(d, haletest.Ring(t, d, clock), clock), t.Context()
	ada := haletest.Pass(t, d, "ada", access.SendMessages)
	for name, tt := range map[string]struct {
		place  string
		values url.Values
	}{
		"no place":   {"", url.Values{"text": {"x"}}},
		"a password": {"signin", url.Values{"password": {"x"}}},
		"too much":   {"message/new", url.Values{"text": {strings.Repeat("x", 256<<10)}}},
	} {
		if _, err := s.Save(ctx, ada, tt.place, tt.values); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Save of %s = %v, want invalid", name, err)
		}
	}
	for name, pass := range map[string]access.Pass{"none": {}, "one to read": haletest.Pass(t, d, "ada", access.ReadRecord)} {
		if _, err := s.Save(ctx, pass, "message/new", url.Values{"text": {"x"}}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Save with the pass %s = %v, want not found", name, err)
		}
		if _, err := s.Load(ctx, pass, "message/new"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Load with the pass %s = %v, want not found", name, err)
		}
	}
}
