package reach_test

import (
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// mood is an outreach whose audience tells of a protected matter.
func mood() reach.Outreach {
	o := care()
	o.Name = "Mood check"
	o.Segment = segment.Expr{Not: &segment.Expr{Has: &segment.Has{Type: "Condition", Query: map[string][]string{"code": {"http://hl7.org/fhir/sid/icd-10-cm|F32.A"}}}}}
	return o
}

func staffPass(t *testing.T, d *db.DB, role access.Role, right access.Right) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: string(role), Name: string(role), Roles: []access.Role{role}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
	p, err := haletest.Doors(d).CheckAll(t.Context(), a, right)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Who does not see the facts writes to nobody by them; what is written by
// them says nothing outside, not even who writes; and helpers to whom it was
// not opened do not find it.
func TestProtectedOutreach(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", given: "Ada", sms: "+13125550142", account: true})
		nurse, marketer := staffPass(t, d, access.Nurse, access.RunOutreach), staffPass(t, d, access.Marketer, access.RunOutreach)
		if _, err := w.e.Save(t.Context(), marketer, mood()); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("Save by a marketer = %v, want a refusal", err)
		}
		o, err := w.e.Save(t.Context(), nurse, mood())
		if err != nil || o.Template.Sensitivity != policy.S4 {
			t.Fatalf("Save by a nurse = level %d, %v, want level 4", o.Template.Sensitivity, err)
		}
		if err := w.e.Start(t.Context(), marketer, o.ID); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("Start by a marketer = %v, want a refusal", err)
		}
		id := w.start(mood())
		w.send()
		got := w.gate[reach.SMS].got()
		if len(got) != 1 || strings.Contains(got[0].Text, "Riverside") || strings.Contains(got[0].Text, "care team") || strings.Contains(got[0].Text, "eye") {
			t.Fatalf("sent %+v, want one text that names neither the clinic nor the matter", got)
		}
		admin := staffPass(t, d, access.Admin, access.FindPatients)
		if list, err := w.e.Members(t.Context(), admin, id, "", "", 9); err != nil || len(list) != 0 {
			t.Errorf("Members for an administrator = %v, %v, want nobody", list, err)
		}
		if list, err := w.e.Members(t.Context(), staffPass(t, d, access.Nurse, access.FindPatients), id, "", "", 9); err != nil || len(list) != 1 {
			t.Errorf("Members for a nurse = %v, %v, want one", list, err)
		}
		for labels, want := range map[access.Label]int{0: 0, access.HIV: 0, access.MentalHealth: 1} {
			helper := access.Actor{Kind: access.Proxy, ID: "son", Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}, Grants: []access.Grant{{Patient: "ada",
				Rights: []access.Right{access.ReadMessages}, Categories: []access.Category{access.Messages}, Labels: labels}}}
			p, err := haletest.Doors(d).Check(t.Context(), helper, access.ReadMessages, "ada")
			if err != nil {
				t.Fatal(err)
			}
			list, err := w.e.Inbox(t.Context(), p)
			_, one := w.e.Content(t.Context(), p, got[0].Message)
			if err != nil || len(list) != want || (one == nil) != (want == 1) {
				t.Errorf("a helper who was opened %b finds %d messages, %v, one %v, want %d", labels, len(list), err, one, want)
			}
		}
		own, err := w.e.Inbox(t.Context(), w.pass("ada", access.ReadMessages))
		if err != nil || len(own) != 1 {
			t.Errorf("the patient finds %d messages, %v, want one", len(own), err)
		}
	})
}

// Somebody whom a programme for substance use treats is written to without
// content and without the clinic's name, whatever it is about.
func TestProtectedPerson(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", given: "Ada", email: "ada@mail.example"}, who{id: "bob", given: "Bob", sms: "+13125550142"}, who{id: "eve", given: "Eve", sms: "+13125550143"})
		_, err := d.ExecContext(t.Context(), `insert into shield (patient, typ, id, own, labels) values ('ada', 'Encounter', 'e1', 3, 3), ('bob', 'Encounter', 'e2', 3, 3)`)
		must(w, err)
		w.start(care())
		w.send()
		for _, h := range append(w.gate[reach.Email].got(), w.gate[reach.SMS].got()...) {
			named := strings.Contains(h.Text+h.Subject+h.From, "Riverside")
			if known := h.To == "+13125550143"; known != named {
				t.Errorf("to %s: %q from %q, names the clinic %t, want %t", h.To, h.Text, h.From, named, known)
			}
		}
		if n := len(w.gate[reach.SMS].got()); n != 2 {
			t.Errorf("%d texts, want two", n)
		}
	})
}
