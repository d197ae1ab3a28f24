package disclosure_test

import (
	"errors"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/care/disclosure"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

func TestStoreRecord(t *testing.T) {
	officer := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-officer", Roles: []access.Role{access.Privacy}}
	whole := disclosure.Entry{Patient: "ada", Recipient: "County Health", Address: "1 Main St", What: "A test result", Purpose: "Reportable disease", Basis: disclosure.PublicHealth, Origin: "desk"}
	tests := []struct {
		name    string
		change  func(*disclosure.Entry)
		kind    errs.Kind
		ok      bool
		counted bool // comes into the accounting
	}{
		{name: "public health", ok: true, counted: true},
		{name: "treatment", change: func(e *disclosure.Entry) { e.Basis = disclosure.Treatment }, ok: true},
		{name: "authorised", change: func(e *disclosure.Entry) { e.Basis = disclosure.Authorized }, ok: true},
		{name: "to the patient", change: func(e *disclosure.Entry) { e.Basis, e.Address = disclosure.ToPatient, "" }, ok: true},
		{name: "no address", change: func(e *disclosure.Entry) { e.Address = " " }, kind: errs.Invalid},
		{name: "no recipient", change: func(e *disclosure.Entry) { e.Recipient = "" }, kind: errs.Invalid},
		{name: "no basis", change: func(e *disclosure.Entry) { e.Basis = "because" }, kind: errs.Invalid},
		{name: "tomorrow", change: func(e *disclosure.Entry) { e.At = haletest.Noon.Add(24 * time.Hour) }, kind: errs.Invalid},
		{name: "seven years ago", change: func(e *disclosure.Entry) { e.At = haletest.Noon.AddDate(-7, 0, 0) }, ok: true},
		{name: "six years ago less a day", change: func(e *disclosure.Entry) { e.At = haletest.Noon.AddDate(-6, 0, 1) }, ok: true, counted: true},
		{name: "silent for nobody", change: func(e *disclosure.Entry) {
			e.Basis, e.SilentUntil = disclosure.LawEnforcement, haletest.Noon.AddDate(0, 1, 0)
		}, kind: errs.Invalid},
		{name: "silent without the law", change: func(e *disclosure.Entry) {
			e.SilentFor, e.SilentUntil = "Sheriff", haletest.Noon.AddDate(0, 1, 0)
		}, kind: errs.Invalid},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := disclosure.NewStore(d, haletest.IDs(), haletest.Clock(haletest.Noon), audit.NewLog(d, haletest.IDs(), haletest.Clock(haletest.Noon)))
		own := haletest.Pass(t, d, "ada", access.AskPrivacy)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				e := whole
				if tt.change != nil {
					tt.change(&e)
				}
				before, err := s.Of(t.Context(), own)
				if err != nil {
					t.Fatal(err)
				}
				err = d.Tx(t.Context(), func(tx *db.Tx) error { return s.Record(t.Context(), tx, officer, e) })
				if (err == nil) != tt.ok || err != nil && errs.KindOf(err) != tt.kind {
					t.Fatalf("Record = %v, want ok=%t", err, tt.ok)
				}
				after, err := s.Of(t.Context(), own)
				if err != nil || (len(after) > len(before)) != tt.counted {
					t.Errorf("the accounting grew from %d to %d, %v; want counted=%t", len(before), len(after), err, tt.counted)
				}
			})
		}
		if list, err := s.Of(t.Context(), haletest.Pass(t, d, "bob", access.AskPrivacy)); err != nil || len(list) != 0 {
			t.Errorf("another's accounting = %v, %v", list, err)
		}
	})
}

// A disclosure that rolls back leaves no entry; one kept silent, or void, is
// the office's alone until the day has come.
func TestStoreSilent(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		now := haletest.Noon
		clock := func() time.Time { return now }
		log := audit.NewLog(d, haletest.IDs(), clock)
		doors := access.NewDoors(log, lookup.New(d, clock), clock)
		s := disclosure.NewStore(d, haletest.IDs(), clock, log)
		officer := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-officer", Roles: []access.Role{access.Privacy}}
		staff, err := doors.Check(t.Context(), officer, access.AnswerPrivacy, "ada")
		if err != nil {
			t.Fatal(err)
		}
		own := haletest.Pass(t, d, "ada", access.AskPrivacy)
		seen := func(pass access.Pass) int {
			list, err := s.Of(t.Context(), pass)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		e := disclosure.Entry{Recipient: "Sheriff", Address: "2 Main St", What: "Visit dates", Purpose: "A warrant", Basis: disclosure.LawEnforcement, SilentFor: "Sheriff", SilentUntil: now.AddDate(0, 6, 0)}
		if err := s.Note(t.Context(), staff, e); err != nil {
			t.Fatal(err)
		}
		if seen(own) != 0 || seen(staff) != 1 {
			t.Errorf("while silent the patient sees %d and the office %d, want 0 and 1", seen(own), seen(staff))
		}
		now = now.AddDate(0, 6, 0)
		if seen(own) != 1 {
			t.Error("the patient does not see it when the silence is over")
		}
		list, err := s.Of(t.Context(), staff)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Void(t.Context(), staff, list[0].ID, " "); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Void without a reason = %v", err)
		}
		if err := s.Void(t.Context(), staff, list[0].ID, "Wrong patient."); err != nil {
			t.Fatal(err)
		}
		if seen(own) != 0 || seen(staff) != 1 {
			t.Error("what is void is not the office's alone")
		}
		boom := errors.New("the export failed")
		err = d.Tx(t.Context(), func(tx *db.Tx) error {
			e.Patient, e.SilentUntil, e.SilentFor = "ada", time.Time{}, ""
			if err := s.Record(t.Context(), tx, officer, e); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) || seen(staff) != 1 {
			t.Errorf("a disclosure that was not made is in the ledger: %v, %d", err, seen(staff))
		}
	})
}
