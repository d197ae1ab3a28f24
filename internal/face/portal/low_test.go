package portal_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/care/document"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

var quiet = slog.New(slog.DiscardHandler)

// open is a portal with its pages of signing in, on one server.
func (h *house) open(t *testing.T) *gate {
	t.Helper()
	if _, err := h.db.ExecContext(t.Context(), `delete from account`); err != nil { // the gate makes its own
		t.Fatal(err)
	}
	g := newGate(t, h.db)
	now := haletest.Clock(haletest.Noon)
	site := web.NewSite(clinic, g.accounts, quiet, now, false)
	in := portal.NewSignIn(portal.SignInConfig{Site: site, Accounts: g.accounts, Codes: g, Doors: haletest.Doors(h.db), Log: quiet})
	g.signIn = in
	p := portal.New(portal.Config{
		Site: site, Doors: haletest.Doors(h.db), People: patient.NewStore(h.db), Results: result.NewStore(h.db), Medicines: medication.NewStore(h.db),
		Tasks: h.tasks, Supplies: medication.NewSupplies(h.db, h.records, h.tasks, haletest.IDs(), now),
		Problems: problem.NewStore(h.db), Documents: document.NewStore(h.db, h.records), Visits: visit.NewStore(h.db, h.records, nil, haletest.IDs(), now), Inbox: h.inbox,
		Records: h.records, Fences: h.records, Now: now, SignIn: in,
	})
	g.server.Config.Handler = site.Wrap(p.Handler())
	return g
}

// A code on a strange device lands on the visits to come, with one sentence
// and one way on; the record stays closed until one more proof.
func TestCodeOnAStrangeDevice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		if _, err := h.visits.Book(t.Context(), haletest.Pass(t, d, "maria", access.BookVisits), "fu-60", how); err != nil {
			t.Fatal(err)
		}
		g := h.open(t)
		g.visitor(t).signIn("maria@example.org", "") // the first device is known
		v := g.visitor(t)
		if p := v.signIn("maria@example.org", ""); p.status != http.StatusSeeOther || p.to != "/visits" {
			t.Fatalf("a code on a second device leads to %q, %d, want /visits", p.to, p.status)
		}
		if p := v.get("/home"); p.to != "/visits" {
			t.Errorf("/home leads to %q, want /visits", p.to)
		}
		p := v.get("/visits")
		for _, want := range []string{"so for now you see your coming visits only", "/signin/again?next=%2Fhome", "Follow-up visit"} {
			if !strings.Contains(p.body, want) {
				t.Errorf("/visits = %d without %q", p.status, want)
			}
		}
		for _, not := range []string{"Past visits", "Check up", "eye exam", `href="/health"`, `href="/inbox"`} {
			if strings.Contains(p.body, not) {
				t.Errorf("/visits shows %q to a code alone", not)
			}
		}
		for _, path := range []string{"/health", "/health/results", "/results/a1c-5", "/inbox", "/inbox/msg1", "/documents/d1", "/visits/e1"} {
			if p := v.get(path); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/signin/again") {
				t.Errorf("%s to a code alone = %d to %q, want one more proof", path, p.status, p.to)
			}
		}
		if p := v.get("/book"); p.status != http.StatusOK {
			t.Errorf("/book to a code alone = %d, want it open", p.status)
		}
		if p := v.get("/signin/again"); p.status != http.StatusOK || !strings.Contains(p.body, "call us or come by") || !strings.Contains(p.body, `href="/visits"`) {
			t.Errorf("/signin/again = %d, want other ways, the clinic's phone and a way back", p.status)
		}
	})
}

// What a programme under 42 CFR Part 2 wrote is shown to its own patient
// after a fresh proof. Before, the page says that there is more, and a
// direct address asks for the proof; a record without any says nothing.
func TestProtectedIsNeverSilentlyMissing(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		g := h.open(t)
		v := g.visitor(t)
		v.signIn("maria@example.org", "") // reaches the portal, and no further
		const button = "Show protected information"
		if p := v.get("/health/results"); p.status != http.StatusOK || strings.Contains(p.body, button) {
			t.Fatalf("/health/results = %d, want a page that offers nothing more", p.status)
		}
		h.put(t, `{"resourceType":"Observation","id":"p2","status":"final",
			"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},"category":[{"coding":[{"code":"laboratory"}]}],
			"code":{"text":"Programme test"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-02-25T09:12:00Z","valueQuantity":{"value":7.5,"unit":"ng"}}`)
		p := v.get("/health/results")
		if strings.Contains(p.body, "Programme test") || !strings.Contains(p.body, button) || !strings.Contains(p.body, "/signin/again?next=%2Fhealth%2Fresults") {
			t.Errorf("the list without a proof shows it, or says nothing of it: %t", strings.Contains(p.body, "Programme test"))
		}
		if p := v.get("/results/p2"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/signin/again?next=") {
			t.Errorf("its own page = %d to %q, want to be asked for a proof", p.status, p.to)
		}
		if p := v.get("/results/none"); p.status == http.StatusOK {
			t.Errorf("a result that is not there = %d", p.status)
		}
		v.enter("maria") // proved now
		if p := v.get("/health/results"); !strings.Contains(p.body, "Programme test") || strings.Contains(p.body, button) {
			t.Error("after a proof the list leaves it out, or still asks")
		}
		if p := v.get("/results/p2"); p.status != http.StatusOK {
			t.Errorf("its own page after a proof = %d", p.status)
		}
	})
}
