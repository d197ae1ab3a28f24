package access_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

func TestDoorsCheck(t *testing.T) {
	ada := access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a1", Patient: "ada"}
	son := access.Actor{Kind: access.Proxy, Proof: access.Proof{Zone: access.PortalZone}, ID: "a2", Patient: "bob", Grants: []access.Grant{{Patient: "ada", Rights: []access.Right{access.ReadVisits}, Categories: []access.Category{access.Visits}}}}
	nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a3", Roles: []access.Role{access.Nurse}}
	marketer := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a4", Roles: []access.Role{access.Marketer}}
	link := access.LinkActor("l1", "ada", access.ReadMessage)

	tests := []struct {
		name    string
		actor   access.Actor
		right   access.Right
		patient string // empty: everyone
		want    errs.Kind
		ok      bool
	}{
		{name: "own record", actor: ada, right: access.ReadRecord, patient: "ada", ok: true},
		{name: "another's record", actor: ada, right: access.ReadRecord, patient: "bob", want: errs.NotFound},
		{name: "nobody's record", actor: ada, right: access.ReadRecord, want: errs.NotFound},
		{name: "nobody", right: access.ReadRecord, patient: "ada", want: errs.Unauthenticated},
		{name: "proxy within the grant", actor: son, right: access.ReadVisits, patient: "ada", ok: true},
		{name: "proxy outside the grant", actor: son, right: access.ReadRecord, patient: "ada", want: errs.NotFound},
		{name: "proxy's own record", actor: son, right: access.ReadRecord, patient: "bob", ok: true},
		{name: "nurse", actor: nurse, right: access.ReadRecord, patient: "ada", ok: true},
		{name: "nurse for everyone's outreach", actor: nurse, right: access.RunOutreach, ok: true},
		{name: "nurse for everyone's record", actor: nurse, right: access.ReadRecord, want: errs.NotFound},
		{name: "marketer at a record", actor: marketer, right: access.ReadRecord, patient: "ada", want: errs.NotFound},
		{name: "link to its message", actor: link, right: access.ReadMessage, patient: "ada", ok: true},
		{name: "link to the record", actor: link, right: access.ReadRecord, patient: "ada", want: errs.NotFound},
		{name: "link to another", actor: link, right: access.ReadMessage, patient: "bob", want: errs.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				pass, err := check(t, d, tt.actor, tt.right, tt.patient)
				if got := errs.KindOf(err); (err == nil) != tt.ok || !tt.ok && got != tt.want {
					t.Fatalf("Check = %v, of kind %d, want ok=%t kind %d", err, got, tt.ok, tt.want)
				}
				if !tt.ok {
					pass = access.Pass{}
				}
				if got, err := pass.Open(tt.right); (err == nil) != (tt.ok && tt.patient != "") || err == nil && got != tt.patient {
					t.Errorf("Open = %q, %v", got, err)
				}
				if err := pass.OpenAll(tt.right); (err == nil) != (tt.ok && tt.patient == "") {
					t.Errorf("OpenAll = %v", err)
				}
				if _, err := pass.Open(access.ManageUsers); err == nil {
					t.Error("Open for a right the pass is not for = nil error, want one")
				}
			})
		})
	}
}

func check(t *testing.T, d *db.DB, a access.Actor, right access.Right, patient string) (access.Pass, error) {
	t.Helper()
	if patient == "" && a.Kind == access.Staff {
		return haletest.Doors(d).CheckAll(t.Context(), a, right)
	}
	return haletest.Doors(d).Check(t.Context(), a, right, patient)
}

// Every look and every refusal leaves a row; without the row there is no pass.
func TestDoorsAudit(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		doors := haletest.Doors(d)
		ada := access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a1", Patient: "ada"}
		_, _ = doors.Check(t.Context(), ada, access.ReadRecord, "ada")
		_, _ = doors.Check(t.Context(), ada, access.ReadRecord, "bob")

		log := audit.NewLog(d, haletest.IDs(), haletest.Clock(haletest.Noon))
		for patient, granted := range map[string]bool{"ada": true, "bob": false} {
			rows, err := log.Of(t.Context(), patient, 9)
			if err != nil || len(rows) != 1 || rows[0].Granted != granted || rows[0].Actor != "a1" {
				t.Errorf("audit of %s = %+v, %v, want one row, granted=%t", patient, rows, err, granted)
			}
		}

		passes, err := doors.CheckMany(t.Context(), ada, "ada", access.ReadVisits, access.ReadMessages)
		if err != nil || len(passes) != 2 {
			t.Fatalf("CheckMany = %v, %v, want two passes", passes, err)
		}
		if _, err := passes[0].Open(access.ReadMessages); err == nil {
			t.Error("the pass for visits opens messages")
		}
		if _, err := doors.CheckMany(t.Context(), ada, "ada", access.ReadVisits, access.ReadDecisions); err == nil {
			t.Error("CheckMany with a right that ada does not have = nil, want an error")
		}
		rows, err := log.Of(t.Context(), "ada", 9)
		if err != nil || len(rows) != 5 {
			t.Errorf("audit of ada = %+v, %v, want a row for each right that was asked for", rows, err)
		}

		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), "drop table audit")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if p, err := doors.Check(t.Context(), ada, access.ReadRecord, "ada"); err == nil {
			t.Errorf("Check without an audit log = %v, nil error, want one", p)
		}
	})
}
