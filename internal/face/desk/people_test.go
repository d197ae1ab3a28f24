package desk

import (
	"context"
	"encoding/csv"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/proxy"
	"hale/internal/base/seal"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/request"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// unsent takes invitations and sends none.
type unsent struct{ sent []string }

func (u *unsent) SendInvite(_ context.Context, s proxy.Sent) error {
	u.sent = append(u.sent, s.ID)
	return nil
}

// withPeople adds the real parts about caregivers, requests, disclosures and
// the log.
func withPeople(t *testing.T, d *db.DB) (*guarded, *request.Store) {
	t.Helper()
	g := newGuarded(t, d)
	clock := haletest.Clock(g.now)
	ages, err := proxy.NewAges(g.config.Site.Clinic.Zone, "")
	if err != nil {
		t.Fatal(err)
	}
	asked := request.NewStore(d, haletest.IDs(), clock, g.config.Site.Clinic.Zone, g.log, g.records)
	g.config.Helpers, g.config.Invited = proxy.NewStore(d, haletest.IDs(), clock, seal.NewKey(), g.log, ages), &unsent{}
	g.config.Requests, g.config.Given = asked, disclosure.NewStore(d, haletest.IDs(), clock, g.log)
	g.config.Log, g.config.Book, g.config.Audit = g.log, audit.NewBook(d, seal.NewKey()), g.log
	g.serve()
	return g, asked
}

func TestCaregiverPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g, _ := withPeople(t, d)
		const at = "/desk/patients/maria/proxies"
		g.says(t, "nurse", "GET", "/desk/proxies", nil, 200, "Nothing is due")
		g.says(t, "marketer", "GET", "/desk/proxies", nil, 404)
		g.says(t, "marketer", "GET", at, nil, 404)
		if body := g.says(t, "admin", "GET", at, nil, 200); strings.Contains(body, "proxies/new") {
			t.Error("an administrator is led to a form that refuses")
		}
		g.says(t, "admin", "GET", at+"/new", nil, 404)
		g.says(t, "nurse", "GET", at+"/new", nil, 200, "Add a caregiver")
		form := url.Values{"name": {"Lucía Alvarez"}, "address": {"nowhere"}, "basis": {"patient"}, "category": {"visits"}, "until": {"2027-05-01"}}
		g.says(t, "nurse", "POST", at+"/new", form, 422, "Lucía Alvarez", `value="2027-05-01"`)
		form.Set("address", "lucia@mail.example.net")
		w := ask(t, g.handler, "nurse", "POST", at+"/new", form)
		to, note, _ := strings.Cut(w.Header().Get("Location"), "?")
		if w.Code != 303 || note != "note=invited" {
			t.Fatalf("an invitation = %d to %q %q: %s", w.Code, to, note, text(w.Body.String()))
		}
		g.says(t, "nurse", "GET", to+"?"+note, nil, 200, "is on its way", "Tell Lucía Alvarez this code")
		if body := g.says(t, "admin", "GET", to, nil, 200); strings.Contains(body, "End at once") {
			t.Error("an administrator is led to a form that refuses")
		}
		g.says(t, "nurse", "POST", to+"/end", url.Values{"why": {" "}}, 422, "write why it ends")
		g.says(t, "nurse", "POST", to+"/end", url.Values{"why": {"she asked"}}, 303)
		g.says(t, "nurse", "GET", to+"?note=ended", nil, 200, "It has ended", "she asked")
		g.says(t, "privacy", "GET", "/desk/patients/maria", nil, 200, "Lucía Alvarez")
	})
}

func TestRequestPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g, asked := withPeople(t, d)
		pass, err := g.doors.Check(t.Context(), access.Actor{Kind: access.Patient, ID: "a-maria", Name: "Maria Alvarez", Patient: "maria", Proof: access.Proof{Zone: access.PortalZone}}, access.AskPrivacy, "maria")
		if err != nil {
			t.Fatal(err)
		}
		one, err := asked.Ask(t.Context(), pass, request.Complaint, "", request.Details{Words: "Somebody talked about me in the hall."})
		if err != nil {
			t.Fatal(err)
		}
		at := "/desk/requests/" + one.ID
		for _, who := range []string{"nurse", "admin", "marketer"} {
			g.says(t, who, "GET", "/desk/requests", nil, 404)
			g.says(t, who, "GET", at, nil, 404)
			g.says(t, who, "GET", "/desk/patients/maria/disclosures", nil, 404)
		}
		g.says(t, "privacy", "GET", "/desk", nil, 200, "Privacy requests", `href="/desk/reviews"`, `href="/desk/requests"`, `href="/desk/audit"`)
		g.says(t, "privacy", "GET", "/desk/requests", nil, 200, "Maria Alvarez", "Complaint", `aria-current="true"`)
		g.says(t, "privacy", "GET", "/desk/restrictions", nil, 200, "No request waits")
		g.says(t, "privacy", "POST", at+"/claim", url.Values{}, 303)
		g.says(t, "privacy", "GET", at+"?note=claimed", nil, 200, "You work on it now", "talked about me")
		g.says(t, "privacy", "POST", at+"/decide", url.Values{"act": {"answer"}}, 422, `value="answer" checked`)
		g.says(t, "privacy", "POST", at+"/decide", url.Values{"act": {"answer"}, "answer": {"We talked to the staff."}}, 303)
		g.says(t, "privacy", "GET", at+"?note=decided", nil, 200, "was told", "We talked to the staff.")
		g.says(t, "privacy", "GET", "/desk/patients/maria", nil, 200, "Maria Alvarez", "Complaint", "Answered", "sent a privacy request", "opens nothing clinical")
		g.says(t, "privacy", "GET", "/desk/patients/nobody", nil, 404)
	})
}

func TestDisclosurePages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g, _ := withPeople(t, d)
		const at = "/desk/patients/maria/disclosures"
		g.says(t, "privacy", "GET", at, nil, 200, "Nothing was disclosed")
		form := url.Values{"recipient": {"=cmd|' /C calc'!A0"}, "address": {"\t118 Clark Street"}, "what": {"+1 date"}, "purpose": {"@registry"}, "basis": {"nonsense"}, "day": {g.now.Format("2006-01-02")}}
		g.says(t, "privacy", "POST", at, form, 422, "why the law allows it", "118 Clark Street")
		form.Set("basis", string(disclosure.PublicHealth))
		g.says(t, "privacy", "POST", at, form, 303)
		g.says(t, "privacy", "GET", at+"?note=noted", nil, 200, "It is in the ledger.")
		w := ask(t, g.handler, "privacy", "GET", at+".csv", nil)
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("the sheet has %v, %v", rows, err)
		}
		if got := rows[1][1]; !strings.HasPrefix(got, "'=") {
			t.Errorf("the sheet has %q, which a spreadsheet would run", got)
		}
		if h := w.Header(); !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("the sheet comes with %v", h)
		}
		id, err := db.One(t.Context(), d, db.Value[string], `select id from disclosure`)
		if err != nil {
			t.Fatal(err)
		}
		g.says(t, "nurse", "POST", "/desk/disclosures/"+id+"/void", url.Values{"why": {"x"}}, 404)
		g.says(t, "privacy", "POST", "/desk/disclosures/"+id+"/void", url.Values{"why": {"it was another patient"}}, 303)
		g.says(t, "privacy", "GET", at+"?note=void", nil, 200, "The entry is void", "it was another patient")
	})
}

func TestAuditPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g, _ := withPeople(t, d)
		for _, reason := range []string{"=1+1", "+1+1", "-1+1", "@sum(a1)", "\tx"} {
			row := audit.Row{ActorKind: "staff", Actor: "nurse", Action: "hold.set", Patient: "maria", Reason: reason, Granted: true}
			if err := g.log.Add(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
		for _, who := range []string{"nurse", "marketer"} {
			g.says(t, who, "GET", "/desk/audit", nil, 404)
			g.says(t, who, "GET", "/desk/audit/log.csv", nil, 404)
		}
		g.says(t, "privacy", "GET", "/desk/audit?patient=maria", nil, 200, "held a result back", "J. Okafor", "Nothing is signed yet")
		g.says(t, "privacy", "GET", "/desk/audit?who=zzz", nil, 200, "Nobody found")
		w := ask(t, g.handler, "privacy", "GET", "/desk/audit/log.csv?action=hold.set&patient=maria", nil)
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || len(rows) < 6 {
			t.Fatalf("the sheet has %d rows, %v", len(rows), err)
		}
		at, safe := slices.Index(rows[0], "reason"), 0
		for _, row := range rows[1:] {
			if strings.HasPrefix(row[at], "'") {
				safe++
			} else if row[at] != "" && strings.ContainsAny(row[at][:1], "=+-@\t") {
				t.Errorf("a spreadsheet would run %q", row[at])
			}
		}
		if safe != 5 {
			t.Errorf("%d cells are made safe, want 5: %v", safe, rows)
		}
		g.says(t, "privacy", "GET", "/desk/audit", nil, 200, "searched the audit log") // reading it leaves a row
	})
}

// letterbox is one letter that Maria sent.
type letterbox struct{ looked []string }

func (l *letterbox) New(context.Context, access.Pass, int) ([]document.Sent, int, error) {
	if len(l.looked) > 0 {
		return nil, 0, nil
	}
	return []document.Sent{{Document: "letter", Patient: "maria", Title: "My <b>insurance</b> card", At: noon}}, 1, nil
}

func (l *letterbox) Looked(_ context.Context, _ access.Pass, id string, _ time.Time) error {
	l.looked = append(l.looked, id)
	return nil
}

func (*letterbox) Read(context.Context, access.Pass, string) (document.Reading, error) {
	return document.Reading{Document: document.Document{Title: "My <b>insurance</b> card"}, File: true}, nil
}

func (*letterbox) File(context.Context, access.Pass, string) (string, []byte, error) {
	return "text/html", []byte("<script>alert(1)</script>"), nil
}

func TestLetterPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		box := &letterbox{}
		g.config.Letters, g.config.Documents = box, box
		g.serve()
		const at = "/desk/patients/maria/letters/letter"
		for _, who := range []string{"marketer", "admin", "privacy"} {
			g.says(t, who, "GET", "/desk/letters", nil, 404)
			g.says(t, who, "GET", at, nil, 404)
			g.says(t, who, "GET", at+"/file", nil, 404)
			g.says(t, who, "POST", at, url.Values{}, 404)
		}
		g.says(t, "nurse", "GET", "/desk", nil, 200, "Documents from patients")
		g.says(t, "nurse", "GET", "/desk/letters", nil, 200, "Maria Alvarez", "My &lt;b&gt;insurance", at)
		g.says(t, "nurse", "GET", at, nil, 200, at+"/file", "I have looked at it")
		w := ask(t, g.handler, "nurse", "GET", at+"/file", nil)
		h := w.Header()
		if w.Code != 200 || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") ||
			h.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(h.Get("Content-Type"), "html") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("the file = %d with %v", w.Code, h)
		}
		g.says(t, "nurse", "POST", at, url.Values{}, 303)
		g.says(t, "nurse", "GET", "/desk/letters?note=looked", nil, 200, "Noted", "Nothing is waiting here")
		if !slices.Equal(box.looked, []string{"letter"}) {
			t.Errorf("looked at %v", box.looked)
		}
	})
}

func TestUserPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		members := account.NewStore(d, haletest.IDs(), haletest.Clock(g.now), seal.NewKey())
		g.config.Members = members
		g.config.Accounts = members
		g.serve()
		for _, who := range []string{"nurse", "privacy", "marketer"} {
			g.says(t, who, "GET", "/desk/users", nil, 404)
			g.says(t, who, "POST", "/desk/users", url.Values{"name": {"X"}}, 404)
		}
		form := url.Values{"name": {"New Nurse"}, "email": {"new@clinic.example.org"}}
		g.says(t, "admin", "POST", "/desk/users", form, 422, "at least one role", `value="New Nurse"`)
		form.Set("role", "nurse")
		g.says(t, "admin", "POST", "/desk/users", form, 200, "/signin/invite/")
		g.says(t, "admin", "GET", "/desk/users", nil, 200, "New Nurse", "needs an invitation", "Privacy officer")
		staff, err := members.Members(t.Context())
		if err != nil || len(staff) != 1 {
			t.Fatalf("who works here: %v, %v", staff, err)
		}
		at := "/desk/users/" + staff[0].ID
		g.says(t, "admin", "GET", at, nil, 200, "None", "Shut this person out")
		g.says(t, "admin", "POST", at+"/disable", url.Values{}, 303)
		g.says(t, "admin", "GET", at+"?done=disabled", nil, 200, "Shut out")
		g.says(t, "admin", "POST", at+"/invite", url.Values{}, 409, "is shut")
		g.says(t, "nurse", "GET", at, nil, 404)
	})
}
