package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/task"
	"hale/internal/store/db"
)

// joins signs in somebody new of the staff and returns their account.
func (k *served) joins(name string, role access.Role) string {
	k.t.Helper()
	full := strings.ToUpper(name[:1]) + name[1:] + " Newhire"
	made, err := k.app.Accounts.Add(k.t.Context(), account.Account{Kind: access.Staff, Name: full, Email: name + "@x.example", Roles: []access.Role{role}})
	if err != nil {
		k.t.Fatal(err)
	}
	k.signIn(name, made)
	return made.ID
}

// notices counts what waits to be told, or was, about promises.
func (k *served) notices() (waiting int) {
	k.t.Helper()
	n, err := db.One(k.t.Context(), k.app.db, db.Value[int], `select count(*) from account_notice`)
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

// raise does what the clock of promises does.
func (k *served) raise() {
	k.t.Helper()
	if err := k.app.raiseLate(k.t.Context(), nil); err != nil {
		k.t.Fatal(err)
	}
}

// A promise that passed is raised once: to all of the team where nobody
// leads it, to whoever leads it, on the desk, and to the patient.
func TestPromisesPass(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		k := newClinic(t, url)
		fran := k.joins("fran", access.FrontDesk)
		due := k.clock.Now().Add(5 * time.Minute)
		closed := k.asked(task.New{Kind: task.Booking, Title: "A visit in time", Due: due})
		first := k.asked(task.New{Kind: task.Booking, Title: "A visit early in the morning", Due: due})
		k.raise()
		if n := k.notices(); n != 0 {
			t.Fatalf("%d are told before anything is late", n)
		}
		if p := k.press("fran", "/desk/queue/"+closed.ID+"/close", "reason", "finished", "answer", "Booked."); p.status != 200 {
			t.Fatalf("the front desk closes a booking: %d", p.status)
		}
		if _, err := k.app.Accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.clock.move(6 * time.Minute)
		k.raise()
		if n := k.notices(); n != 3 {
			t.Errorf("%d notices: want one to the front desk, one to the administrator and one to the patient", n)
		}
		k.raise()
		if n := k.notices(); n != 3 {
			t.Errorf("%d notices after the second turn", n)
		}
		mine := "/requests/" + first.ID
		shows(t, "the patient's page", k.see("ada", mine), "We are late.", "We asked the front desk to look at it.", "You get an answer by", "If it cannot wait")
		shows(t, "the queue", k.see("fran", "/desk/queue?who=late"), "A visit early in the morning", "raised to all of the front desk")
		shows(t, "the administrator's first page", k.see("alan", "/desk"), "Promises that passed", "Choose who leads")
		if _, err := k.app.Accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		said, err := db.All(t.Context(), k.app.db, db.Value[string], `select channel from message where patient = 'ada' and purpose = 'security'`)
		if err != nil || !slices.Contains(said, "inbox") {
			t.Errorf("the patient is told by %v, %v", said, err)
		}
		k.led(t, fran)
	})
}

// led: with somebody who leads, they alone are told, and once for all that is
// late at that moment; what is answered in time is never raised.
func (k *served) led(t *testing.T, fran string) {
	if p := k.press("nia", "/desk/queue/promises/lead", "team", "the front desk", "lead", fran); p.status != 404 {
		t.Errorf("a nurse says who leads: %d", p.status)
	}
	ada, err := db.One(t.Context(), k.app.db, db.Value[string], `select id from account where name = 'Max Marketer'`)
	if err != nil {
		t.Fatal(err)
	}
	if p := k.press("alan", "/desk/queue/promises/lead", "team", "the front desk", "lead", ada); p.status != 404 {
		t.Errorf("a marketer leads the front desk: %d", p.status)
	}
	shows(t, "the promises", k.press("alan", "/desk/queue/promises/lead", "team", "the front desk", "lead", fran), "Fran Newhire", "Who is told when a promise passes")
	due := k.clock.Now().Add(5 * time.Minute)
	second := k.asked(task.New{Kind: task.CheckIn, Title: "A new address", Due: due})
	k.asked(task.New{Kind: task.Booking, Title: "Another visit", Due: due})
	k.clock.move(6 * time.Minute)
	k.raise()
	if n := k.notices(); n != 2 {
		t.Errorf("%d notices: want one to who leads and one to the patient", n)
	}
	shows(t, "the lead's first page", k.see("fran", "/desk"), "Promises that passed, raised to you")
	shows(t, "the lead's list", k.see("fran", "/desk/queue?who=raised"), "A new address", "Another visit", "raised to you")
	shows(t, "the task", k.see("fran", "/desk/queue/"+second.ID), "Raised to you", "Give it to", "Nia Nurse")
	shows(t, "the patient's page", k.see("ada", "/requests/"+second.ID), "We asked Fran Newhire to look at it.")
}

// Who keeps visits and who keeps bills each open what is theirs, and nothing
// of the record.
func TestFrontDeskAndBilling(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		k := newClinic(t, url)
		k.joins("fran", access.FrontDesk)
		k.joins("bert", access.Billing)
		ids := map[string]string{}
		for _, in := range []task.New{
			{Kind: task.Booking, Title: "Early visit"}, {Kind: task.Bill, Title: "Why so much"}, {Kind: task.MedicineQuestion, Title: "Itchy pills"},
			{Kind: task.Reading, Title: "High pressure"},
		} {
			ids[in.Title] = "/desk/queue/" + k.asked(in).ID
		}
		tests := []struct{ path, who string }{ // who may, of nurse, front desk, billing
			{"/desk", "nfb"}, {"/desk/queue", "nfb"}, {"/desk/patients", "nfb"}, {"/desk/patients/ada", "nfb"},
			{"/desk/schedule", "nf"}, {"/desk/slots", "nf"}, {"/desk/waitlist", "nf"}, {"/desk/patients/ada/signin", "nf"},
			{"/desk/bills", "nb"}, {"/desk/prices", "nb"}, {"/desk/patients/ada/bills", "nb"}, {"/desk/bills/compare", "nb"},
			{"/desk/results", "n"}, {"/desk/inbox", "n"}, {"/desk/forms", "nf"}, {"/desk/letters", "n"}, {"/desk/calls", "nf"}, {"/desk/patients/ada/forms", "nf"}, {"/desk/holds", "n"},
			{"/desk/todo", "n"}, {"/desk/content", "n"}, {"/desk/outreach", "n"}, {"/desk/patients/ada/results", "n"}, {"/desk/patients/ada/as", "n"},
			{"/desk/patients/ada/write", "n"}, {"/desk/users", ""}, {"/desk/audit", ""}, {"/desk/requests", ""}, {"/desk/policy", "n"},
			{ids["Early visit"], "nf"}, {ids["Why so much"], "nb"}, {ids["Itchy pills"], "n"}, {ids["High pressure"], "n"},
			{"/for/ada/home", ""}, {"/for/ada/health/results", ""},
		}
		who := map[string]string{"n": "nia", "f": "fran", "b": "bert"}
		for _, tt := range tests {
			for key, name := range who {
				p := k.see(name, tt.path)
				if want := strings.Contains(tt.who, key); (p.status == 200) != want {
					t.Errorf("%s at %s is %d, want it open: %v", name, tt.path, p.status, want)
				}
			}
		}
		for name, gone := range map[string][]string{
			"fran": {`href="/desk/bills"`, `href="/desk/inbox"`, `href="/desk/outreach"`, "Why so much", "Itchy pills"},
			"bert": {`href="/desk/schedule"`, `href="/desk/inbox"`, `href="/desk/forms"`, `href="/desk/outreach"`, "Early visit", "Itchy pills"},
		} {
			for _, path := range []string{"/desk", "/desk/queue", "/desk/patients/ada"} {
				for _, words := range gone {
					if p := k.see(name, path); strings.Contains(p.body, words) {
						t.Errorf("%s sees %q at %s", name, words, path)
					}
				}
			}
		}
		if p := k.press("bert", ids["Early visit"]+"/close", "reason", "finished", "answer", "No."); p.status != 404 {
			t.Errorf("billing closes a booking: %d", p.status)
		}
		shows(t, "what billing answers", k.press("bert", ids["Why so much"]+"/close", "reason", "finished", "answer", "It was two visits."), "Closed, and the patient is told.")
		shows(t, "the patient's page", k.see("ada", "/requests/"+strings.TrimPrefix(ids["Why so much"], "/desk/queue/")), "It was two visits.")
	})
}
