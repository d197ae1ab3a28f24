package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Each thing that a decision rests on fails in turn: then nobody reads
// anything of the record, staff, patient or helper, and what cannot be noted
// in the log is answered with 503.
func TestFailsClosed(t *testing.T) {
	a, err := New(t.Context(), config("sqlite:"+filepath.Join(t.TempDir(), "hale.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const canary = "Zebrafish-Canary"
	err = a.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := a.Record.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord), Feed: "test"}, []record.Draft{
			{Type: "Patient", ID: "p1", Body: []byte(`{"resourceType":"Patient","id":"p1","birthDate":"1960-05-14","name":[{"given":["Ada"],"family":"` + canary + `"}]}`)},
			{Type: "Condition", ID: "c1", Body: []byte(`{"resourceType":"Condition","id":"c1","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"` + canary + `"},"subject":{"reference":"Patient/p1"}}`)},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	grant := access.Grant{Patient: "p1", Name: "Ada", Rights: []access.Right{access.ReadRecord, access.ReadVisits}, Categories: access.Categories}
	pages := map[string]string{}
	for path, who := range map[string]account.Account{
		"/health/conditions":        {ID: "own", Kind: access.Patient, Name: "Ada", Patient: "p1"},
		"/for/p1/health/conditions": {ID: "helper", Kind: access.Proxy, Name: "Hal"},
		"/desk/patients/p1":         {ID: "nurse", Kind: access.Staff, Name: "N", Roles: []access.Role{access.Nurse}},
	} {
		if who, err = a.Accounts.Add(t.Context(), who); err != nil {
			t.Fatal(err)
		}
		if who.Kind == access.Proxy {
			if err := a.Accounts.Grant(t.Context(), who.ID, grant, a.c.Now().AddDate(0, 0, 1)); err != nil {
				t.Fatal(err)
			}
		}
		in, err := a.Accounts.Enter(t.Context(), a.Accounts.Vouched(who), account.Browser{})
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = in.Token
	}
	get := func(path string) (int, string) {
		a.Doors.Forget()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.AddCookie(&http.Cookie{Name: "hale", Value: pages[path]})
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	all := func(want func(path string, status int, body string)) {
		t.Helper()
		for path := range pages {
			status, body := get(path)
			want(path, status, body)
		}
	}
	whole := func(path string, status int, body string) {
		t.Helper()
		if status != http.StatusOK || !strings.Contains(body, canary) {
			t.Fatalf("%s with everything there = %d, canary %t", path, status, strings.Contains(body, canary))
		}
	}
	all(whole)
	// Whose decision rests on which table: all, or those who are not the patient, or staff.
	for table, who := range map[string]string{"audit": "/", "shield": "/", "account_session": "/", "account_grant": "/", "person": "/",
		"patient_flag": "/for /desk", "proxy_block": "/for /desk", "restriction": "/for /desk", "care_team": "/desk", "emergency": "/desk", "staff_self": "/desk"} {
		rename := func(from, to string) {
			t.Helper()
			if _, err := a.db.ExecContext(t.Context(), fmt.Sprintf("alter table %s rename to %s", from, to)); err != nil {
				t.Fatal(err)
			}
		}
		rename(table, table+"_gone")
		all(func(path string, status int, body string) {
			mine := false
			for prefix := range strings.FieldsSeq(who) {
				mine = mine || strings.HasPrefix(path, prefix)
			}
			switch {
			case !mine:
			case strings.Contains(body, canary), status < http.StatusInternalServerError:
				t.Errorf("%s without %s = %d, canary %t, want nothing shown", path, table, status, strings.Contains(body, canary))
			}
		})
		if table == "patient_flag" { // the doors themselves: an error, and no pass
			nurse := access.Actor{Kind: access.Staff, ID: "nurse", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.AccountZone, At: a.c.Now()}}
			p, err := a.Doors.Check(t.Context(), nurse, access.ReadRecord, "p1")
			if _, opens := p.Open(access.ReadRecord); err == nil || opens == nil || errs.KindOf(err) == errs.Forbidden {
				t.Errorf("Check without %s = %v", table, err)
			}
		}
		rename(table+"_gone", table)
	}
	if _, err := a.db.ExecContext(t.Context(), `create trigger full before insert on audit begin select raise(abort, 'full'); end`); err != nil {
		t.Fatal(err)
	}
	all(func(path string, status int, body string) {
		if status != http.StatusServiceUnavailable || strings.Contains(body, canary) {
			t.Errorf("%s where the log takes no row = %d, canary %t, want 503 and nothing shown", path, status, strings.Contains(body, canary))
		}
	})
	if _, err := a.db.ExecContext(t.Context(), `drop trigger full`); err != nil {
		t.Fatal(err)
	}
	all(whole)
}
