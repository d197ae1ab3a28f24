package checkin_test

import (
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/checkin"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// clerk opens a patient for somebody at the front desk.
func clerk(t *testing.T, d *db.DB, right access.Right, patient string) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "f", Name: "Fran", Roles: []access.Role{access.FrontDesk}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	pass, err := haletest.Doors(d).Check(t.Context(), a, right, patient)
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// The front desk puts new details into the record once, of the patient who
// gave them, and touches nothing else that a check-in says.
func TestStoreApply(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		mine := haletest.Pass(t, d, "p1", access.BookVisits)
		must(t, h.You(ctx, mine, h.visit, []checkin.Change{{Field: "line", Was: "1 Elm St", Now: "9 Oak Ave"}}))
		must(t, h.Meds(ctx, mine, h.visit, []checkin.Taking{{Ref: "MedicationRequest/m2", Name: "Aspirin", Answer: "no"}}, ""))
		ids := map[string]string{}
		for _, x := range h.waiting(t) {
			ids[x.Values["about"]] = x.ID
		}
		pass, edit := clerk(t, d, access.AnswerVisits, "p1"), clerk(t, d, access.EditContacts, "p1")
		for name, try := range map[string]func() error{
			"with a pass for another":    func() error { return h.Apply(ctx, clerk(t, d, access.AnswerVisits, "p2"), edit, ids["details"]) },
			"into the record of another": func() error { return h.Apply(ctx, pass, clerk(t, d, access.EditContacts, "p2"), ids["details"]) },
			"another's, with both passes": func() error {
				return h.Apply(ctx, clerk(t, d, access.AnswerVisits, "p2"), clerk(t, d, access.EditContacts, "p2"), ids["details"])
			},
			"what it says about medicines": func() error { return h.Apply(ctx, pass, edit, ids["medicines"]) },
			"the same, as a nurse":         func() error { return h.Apply(ctx, nurse(t, d), edit, ids["medicines"]) },
			"without a pass":               func() error { return h.Apply(ctx, access.Pass{}, edit, ids["details"]) },
			"with a pass that only reads":  func() error { return h.Apply(ctx, clerk(t, d, access.ReadVisits, "p1"), edit, ids["details"]) },
			"what is not there":            func() error { return h.Apply(ctx, pass, edit, "nothing") },
		} {
			if err := try(); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Apply %s = %v, want nothing there", name, err)
			}
		}
		must(t, h.Apply(ctx, pass, edit, ids["details"]))
		before := h.patient(t, "p1")
		if err := h.Apply(ctx, pass, edit, ids["details"]); errs.KindOf(err) != errs.Conflict {
			t.Errorf("a second tap = %v, want a conflict", err)
		}
		if after := h.patient(t, "p1"); after != before || !strings.Contains(after, "9 Oak Ave") {
			t.Errorf("a second tap changed the record: %s", after)
		}
		if other := h.patient(t, "p2"); strings.Contains(other, "9 Oak Ave") {
			t.Errorf("another's record has %s", other)
		}
		if _, err := h.tasks.Get(ctx, pass, ids["medicines"]); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the front desk reads what somebody says about medicines: %v", err)
		}
	})
}

func (h *hall) patient(t *testing.T, id string) string {
	t.Helper()
	res, err := h.records.Get(t.Context(), haletest.Pass(t, h.db, id, access.ReadRecord), "Patient", id)
	if err != nil {
		t.Fatal(err)
	}
	return string(res.Body)
}

// Whoever says twice that they are here came when they said it first; a visit
// of somebody else is not there, for the patient and for the desk.
func TestStoreHereTwice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		mine, theirs := haletest.Pass(t, d, "p1", access.BookVisits), haletest.Pass(t, d, "p2", access.BookVisits)
		if err := h.Here(ctx, theirs, h.visit); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another arrives for the visit: %v", err)
		}
		must(t, h.Here(ctx, mine, h.visit))
		h.now = h.now.Add(10 * 60 * 1e9)
		must(t, h.Here(ctx, mine, h.visit))
		for name, pass := range map[string]access.Pass{"patient": mine, "desk": clerk(t, d, access.BookVisits, "p1")} {
			if st, err := h.Get(ctx, pass, h.visit); err != nil || !st.Arrived.Equal(haletest.Noon) {
				t.Errorf("the %s sees %+v, %v, want the first time", name, st, err)
			}
		}
		if st, err := h.Get(ctx, clerk(t, d, access.BookVisits, "p2"), h.visit); err != nil || !st.Begun.IsZero() {
			t.Errorf("the desk sees with another's pass %+v, %v", st, err)
		}
		if list, err := h.tasks.Open(ctx, haletest.Everyone(t, d, access.AnswerPatients), task.Filter{}); err != nil || len(list) != 0 {
			t.Errorf("arriving made %+v, %v", list, err)
		}
	})
}
