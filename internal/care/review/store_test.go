package review_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// told remembers whom somebody told of a look.
type told struct{ list []string }

func (l *told) Looked(_ context.Context, _ *db.Tx, patient string) error {
	l.list = append(l.list, patient)
	return nil
}

type house struct {
	d       *db.DB
	records *record.Store
	reviews *review.Store
	told    told
}

func newHouse(d *db.DB) *house {
	clock := haletest.Clock(haletest.Noon)
	h := &house{d: d, records: record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), clinician.View(), result.View(), review.View())}
	h.reviews = review.NewStore(d, h.records, haletest.IDs(), clock, &h.told)
	return h
}

func (h *house) put(t *testing.T, typ, id, rest string) {
	t.Helper()
	err := h.d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := h.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,"subject":{"reference":"Patient/p1"},%s}`, typ, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lab puts a laboratory result with a flag, so many days before now.
func (h *house) lab(t *testing.T, id, status, flag string, days int) {
	t.Helper()
	h.put(t, "Observation", id, fmt.Sprintf(`"status":%q,"category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":%q},"effectiveDateTime":%q,"interpretation":[{"coding":[{"code":%q}]}]`,
		status, id, haletest.Noon.AddDate(0, 0, -days).Format(time.RFC3339), flag))
}

func (h *house) waits(t *testing.T) string {
	t.Helper()
	list, n, err := h.reviews.Waits(t.Context(), haletest.Everyone(t, h.d, access.AnswerPatients), 10)
	if err != nil || n < len(list) {
		t.Fatal(n, err)
	}
	var all []string
	for _, w := range list {
		all = append(all, w.Result)
	}
	return strings.Join(all, " ")
}

func TestStoreWaits(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(d)
		h.put(t, "Patient", "p1", `"active":true`)
		h.lab(t, "fine", "final", "N", 9)
		h.lab(t, "high", "final", "H", 2)
		h.lab(t, "low", "final", "L", 5)
		h.lab(t, "old", "final", "H", 90)
		h.lab(t, "early", "preliminary", "H", 1)
		h.put(t, "DiagnosticReport", "r1", `"status":"final","code":{"text":"Panel"},"result":[{"reference":"Observation/fine"},{"reference":"Observation/later"}],"resultsInterpreter":[{"display":"Dr. Sol"}],"issued":"2026-03-01T00:00:00Z"`)
		h.lab(t, "later", "final", "N", 9) // comes after the report that names it
		if got := h.waits(t); got != "low high" {
			t.Errorf("Waits = %q, want the oldest first and none that somebody looked at", got)
		}
		h.lab(t, "later", "corrected", "H", 9)
		if got := h.waits(t); got != "later low high" {
			t.Errorf("Waits after a correction = %q", got)
		}
		h.put(t, "DiagnosticReport", "r2", `"status":"final","code":{"text":"x"},"result":[{"reference":"Observation/low"}]`)
		if got := h.waits(t); got != "later low high" {
			t.Errorf("Waits after a report that nobody interpreted = %q", got)
		}
		states, err := h.reviews.Of(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord))
		if err != nil || !states["high"].Waiting || states["fine"].By != "Dr. Sol" || states["fine"].Others != 1 || states["fine"].Waiting {
			t.Errorf("Of = %+v, %v", states, err)
		}
	})
}

func TestStoreLook(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := newHouse(d), t.Context()
		h.put(t, "Patient", "p1", `"active":true`)
		h.lab(t, "a", "final", "H", 1)
		h.lab(t, "b", "final", "N", 1)
		nurse := access.Actor{Kind: access.Staff, ID: "n1", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
		staff, err := haletest.Doors(d).Check(ctx, nurse, access.AnswerPatients, "p1")
		if err != nil {
			t.Fatal(err)
		}
		mine := haletest.Pass(t, d, "p1", access.ReadRecord)
		look := review.Look{Results: []string{"a", "b"}, By: "Dr. Sol", Title: "Blood test", Remark: " All fine. "}
		if err := h.reviews.Look(ctx, staff, look); err != nil {
			t.Fatal(err)
		}
		if got := h.waits(t); got != "" || len(h.told.list) != 1 {
			t.Errorf("after the look %q waits and %v were told", got, h.told.list)
		}
		states, err := h.reviews.Of(ctx, mine)
		st := states["a"]
		if err != nil || !st.Looked || st.By != "Dr. Sol" || !st.Remark || !st.At.Equal(haletest.Noon) {
			t.Errorf("Of = %+v, %v", st, err)
		}
		p, err := h.reviews.Panel(ctx, mine, st.Panel)
		if err != nil || p.Remark != "All fine." || strings.Join(p.Results, " ") != "a b" {
			t.Errorf("Panel = %+v, %v", p, err)
		}
		for name, l := range map[string]review.Look{"again": look, "none": {By: "x"}, "another's": {Results: []string{"zzz"}}} {
			want := map[string]errs.Kind{"again": errs.Conflict, "none": errs.Invalid, "another's": errs.NotFound}[name]
			if err := h.reviews.Look(ctx, staff, l); errs.KindOf(err) != want {
				t.Errorf("Look(%s) = %v", name, err)
			}
		}
		if err := h.reviews.Look(ctx, mine, look); err == nil {
			t.Error("a patient's pass looks at results for the clinic")
		}
	})
}
