package desk

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/emergency"
	"hale/internal/access/lookup"
	"hale/internal/access/snoop"
	"hale/internal/base/errs"
	"hale/internal/care/document"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/record/release"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
)

// guarded is a desk over real guards and a real record.
type guarded struct {
	now     time.Time
	db      *db.DB
	handler http.Handler
	holds   *release.Store
	config  Config
	doors   *access.Doors
	log     *audit.Log
	records *record.Store
}

// proven signs in staff who have just proved who they are.
type proven struct{ g *guarded }

func (p proven) Actor(_ context.Context, token string) (access.Actor, account.Session, error) {
	roles := map[string]access.Role{"nurse": access.Nurse, "other": access.Nurse, "privacy": access.Privacy, "admin": access.Admin, "marketer": access.Marketer}
	role, ok := roles[token]
	if !ok {
		return access.Actor{}, account.Session{}, errs.New(errs.Unauthenticated, "Please sign in.")
	}
	return access.Actor{Kind: access.Staff, ID: token, Name: "Staff " + token, Roles: []access.Role{role},
		Proof: access.Proof{Zone: access.AccountZone, At: p.g.now}}, account.Session{ID: "s-" + token}, nil
}

// noQueue takes jobs and runs none.
type noQueue struct{ jobs.Queue }

func (noQueue) Add(context.Context, *db.Tx, jobs.Job) error { return nil }

func newGuarded(t *testing.T, d *db.DB) *guarded {
	t.Helper()
	g := &guarded{now: noon, db: d}
	clock := func() time.Time { return g.now }
	book, err := release.ReadBook()
	if err != nil {
		t.Fatal(err)
	}
	if book, err = book.Only([]string{"TX-SB922"}); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	log, events := audit.NewLog(d, haletest.IDs(), clock), event.NewLog(haletest.IDs(), clock)
	doors := access.NewDoors(log, lookup.New(d, clock), clock)
	g.holds = release.New(release.Config{DB: d, IDs: haletest.IDs(), Now: clock, Events: events, Audit: log, Book: book, Zone: zone})
	records := record.New(d, haletest.IDs(), clock, events, patient.View(), result.View(), document.View(), g.holds.View()).WithHolders(g.holds)
	g.holds.Use(records, nil, doors.Forget)
	emergencies := emergency.New(emergency.Config{DB: d, IDs: haletest.IDs(), Now: clock, Audit: log})
	emergencies.Use(noQueue{}, doors.Forget)
	findings := snoop.New(snoop.Config{DB: d, IDs: haletest.IDs(), Now: clock, Audit: log, Zone: zone, Changed: doors.Forget})
	f := &fakes{visits: make([]visit.Visit, 2), staff: []account.Account{{ID: "nurse", Kind: access.Staff, Name: "J. Okafor, RN"}, {ID: "privacy", Kind: access.Staff, Name: "I. Castellano"}}}
	site := web.NewSite(web.Clinic{Name: "Riverside Family Medicine", Zone: zone}, proven{g}, slog.New(slog.DiscardHandler), clock, false)
	g.doors, g.log, g.records = doors, log, records
	g.config = Config{Site: site, Doors: doors, Reach: f, Todos: fakeTodos{f}, Measure: f, Patients: patient.NewStore(d), Contacts: fakeContacts{f},
		Consents: fakeConsents{f}, Visits: f, Accounts: fakeAccounts{f}, Audit: fakeLooks{f}, Holds: g.holds, Emergencies: emergencies, Findings: findings}
	g.serve()
	put := []string{
		`{"resourceType":"Patient","id":"maria","identifier":[{"value":"0042917"}],"name":[{"family":"Alvarez","given":["Maria"]}],"birthDate":"1961-04-27"}`,
		`{"resourceType":"Observation","id":"gene","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"51969-4"}],"text":"Gene panel"},"subject":{"reference":"Patient/maria"},"issued":"2026-11-22T17:00:00Z","valueString":"x"}`,
		`{"resourceType":"Observation","id":"a1c","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}],"text":"Hemoglobin A1c"},"subject":{"reference":"Patient/maria"},"issued":"2026-11-22T17:00:00Z","valueString":"y"}`,
	}
	var drafts []record.Draft
	for _, b := range put {
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &head); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, record.Draft{Type: head.ResourceType, ID: head.ID, Body: []byte(b)})
	}
	if err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("lab", access.WriteRecord)}, drafts)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return g
}

// serve makes the site of the desk as it is configured.
func (g *guarded) serve() { g.handler = g.config.Site.Wrap(New(g.config).Handler()) }

// says asks for a page and wants it to have a status and to say texts.
func (g *guarded) says(t *testing.T, who, method, target string, in url.Values, status int, texts ...string) string {
	t.Helper()
	w := ask(t, g.handler, who, method, target, in)
	body := w.Body.String()
	if w.Code != status {
		t.Fatalf("%s %s as %s = %d, want %d: %s", method, target, who, w.Code, status, text(body))
	}
	for _, s := range texts {
		if !strings.Contains(body, s) {
			t.Errorf("%s %s as %s says %q, want %q in it", method, target, who, text(body), s)
		}
	}
	return body
}

// text is the end of a page, for a failure.
func text(body string) string {
	if i := strings.Index(body, "<main"); i >= 0 {
		body = body[i:]
	}
	return body[:min(len(body), 600)]
}

func (g *guarded) holdID(t *testing.T, rule string) string {
	t.Helper()
	id, err := db.One(t.Context(), g.db, db.Value[string], `select id from release_hold where rule = $1 and released_at = 0`, rule)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestHoldPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		g.says(t, "nurse", "GET", "/desk/holds", nil, 200, "Maria Alvarez", "159.0062", "Genetic tests", "opens in")
		g.says(t, "nurse", "GET", "/desk/holds/rules", nil, 200, "TX-SB922", "calendar days", "45 CFR 171.201")
		g.says(t, "nurse", "GET", "/desk", nil, 200, "Results that wait")
		g.says(t, "marketer", "GET", "/desk/holds", nil, 404)
		g.says(t, "privacy", "GET", "/desk/holds", nil, 200, "Maria Alvarez")
		law := "/desk/patients/maria/holds/" + g.holdID(t, "TX-SB922")
		g.says(t, "nurse", "GET", law, nil, 200, "Gene panel", "nobody may show the result before")
		g.says(t, "privacy", "GET", law, nil, 404)
		g.says(t, "nurse", "POST", law+"/release", url.Values{"note": {"called"}}, 409, "names a day")

		const beside = `insert into release_hold (id, patient, typ, resource, sort, rule, basis, reason, set_by, set_at, final_at, until_at, most_at, early, tell, released_at, released_by, note)
			select 'beside', patient, typ, resource, sort, 'wish', basis, reason, set_by, set_at, final_at, until_at, most_at, 1, tell, 0, '', '' from release_hold where rule = 'TX-SB922'`
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), beside)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if body := g.says(t, "nurse", "GET", "/desk/patients/maria/holds/beside", nil, 200, "nobody may show the result before"); strings.Contains(body, "Release now") {
			t.Error("a wish can be ended, it seems, where a law still holds the result")
		}

		g.says(t, "nurse", "GET", "/desk/patients/maria/hold", nil, 200, "Hemoglobin A1c", "171.201(d)(3)")
		form := url.Values{"result": {"Observation/a1c"}, "why": {"wrong"}, "days": {"2"}, "note": {""}}
		g.says(t, "nurse", "POST", "/desk/patients/maria/hold", form, 422, "few words")
		form.Set("note", "the tubes were mixed up")
		g.says(t, "nurse", "POST", "/desk/patients/maria/hold", form, 303)
		g.says(t, "nurse", "POST", "/desk/patients/maria/hold", form, 409, "waits already")
		mine := "/desk/patients/maria/holds/" + g.holdID(t, "clinician")
		g.says(t, "nurse", "GET", mine, nil, 200, "Release now", "held by J. Okafor", "mixed up")
		g.says(t, "nurse", "POST", mine+"/extend", url.Values{"days": {"30"}, "note": {"more"}}, 422, "longer than")
		g.says(t, "nurse", "POST", mine+"/extend", url.Values{"days": {"3"}, "note": {"more"}}, 303)
		g.says(t, "nurse", "POST", mine+"/release", url.Values{"note": {"checked, it is hers"}}, 303)
		g.says(t, "nurse", "GET", "/desk/holds?note=released", nil, 200, "Released. The patient", "checked", "Every hold of the last 90 days")
	})
}

func TestEmergencyPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		watch := url.Values{"on": {"1"}, "reason": {"the mayor"}}
		g.says(t, "nurse", "POST", "/desk/patients/maria/watch", watch, 404)
		g.says(t, "privacy", "POST", "/desk/patients/maria/watch", url.Values{"on": {"1"}}, 422, "why this record")
		g.says(t, "privacy", "POST", "/desk/patients/maria/watch", watch, 303)
		g.says(t, "privacy", "GET", "/desk/patients/maria/watch", nil, 200, "is watched more closely", "the mayor")

		w := ask(t, g.handler, "nurse", "GET", "/desk/patients/maria", nil)
		if got := w.Header().Get("Location"); w.Code != 303 || got != "/desk/patients/maria/emergency" {
			t.Fatalf("a watched record = %d to %q, want the page that asks for a reason", w.Code, got)
		}
		g.says(t, "nurse", "GET", "/desk/patients/maria/emergency", nil, 200, "Maria Alvarez", "The privacy officers are told at once")
		g.says(t, "marketer", "GET", "/desk/patients/maria/emergency", nil, 404)
		g.says(t, "nurse", "POST", "/desk/patients/maria/emergency", url.Values{"code": {"unable"}, "reason": {"quick"}}, 422, "in a sentence")
		open := url.Values{"code": {"unable"}, "reason": {"The ambulance asks for her allergies."}}
		g.says(t, "nurse", "POST", "/desk/patients/maria/emergency", open, 303)
		g.says(t, "nurse", "GET", "/desk/patients/maria", nil, 200, "Emergency access until", "watermark", "End now")
		g.says(t, "nurse", "GET", "/desk/holds", nil, 200, "Emergency access until")
		if body := g.says(t, "other", "GET", "/desk/holds", nil, 200); strings.Contains(body, "Emergency access until") {
			t.Error("somebody else sees the banner")
		}
		g.says(t, "privacy", "GET", "/desk", nil, 200, "Emergency access to review")
		g.says(t, "nurse", "POST", "/desk/patients/maria/emergency/end", url.Values{}, 303)
		if body := g.says(t, "nurse", "GET", "/desk?note=emergency-ended", nil, 200, "is over"); strings.Contains(body, "Emergency access until") {
			t.Error("the banner stays after the end")
		}
		g.says(t, "nurse", "GET", "/desk/patients/maria", nil, 303)

		g.now = g.now.Add(25 * time.Hour)
		g.says(t, "privacy", "GET", "/desk", nil, 200, "Overdue reviews")
		g.says(t, "nurse", "GET", "/desk/reviews", nil, 404)
		g.says(t, "privacy", "GET", "/desk/reviews", nil, 200, "J. Okafor", "Maria Alvarez", "Overdue by")
		id, err := db.One(t.Context(), d, db.Value[string], `select id from emergency`)
		if err != nil {
			t.Fatal(err)
		}
		at := "/desk/reviews/emergency/" + id
		g.says(t, "privacy", "GET", at, nil, 200, "The ambulance asks", "Was it appropriate?")
		g.says(t, "privacy", "POST", at, url.Values{"verdict": {"appropriate"}}, 422, "few words")
		g.says(t, "privacy", "POST", at, url.Values{"verdict": {"appropriate"}, "note": {"the ambulance did call"}}, 303)
		g.says(t, "privacy", "GET", "/desk/reviews?note=reviewed", nil, 200, "Reviewed by I. Castellano", "the ambulance did call")
	})
}

func TestReviewOfLooks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		g.says(t, "nurse", "GET", "/desk/users/nurse/own", nil, 404)
		g.says(t, "admin", "POST", "/desk/users/nurse/own", url.Values{"record": {"nobody"}}, 404)
		g.says(t, "admin", "POST", "/desk/users/nurse/own", url.Values{"phone": {"12"}}, 422, "area code")
		g.says(t, "admin", "POST", "/desk/users/nurse/own", url.Values{"record": {"maria"}}, 303)
		g.says(t, "admin", "GET", "/desk/users/nurse/own?note=kept", nil, 200, "alvarez", "compared with it")

		log := audit.NewLog(d, haletest.IDs(), func() time.Time { return g.now })
		if err := log.Add(t.Context(), audit.Row{ActorKind: "staff", Actor: "nurse", Action: "record.read", Patient: "maria", Granted: true}); err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation("America/Chicago")
		if err != nil {
			t.Fatal(err)
		}
		find := snoop.New(snoop.Config{DB: d, IDs: haletest.IDs(), Now: func() time.Time { return g.now }, Audit: log, Zone: zone})
		for range 2 { // twice a day is once
			if err := find.Find(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		g.says(t, "privacy", "GET", "/desk/reviews", nil, 200, "It is their own record.")
		id, err := db.One(t.Context(), d, db.Value[string], `select id from snoop_finding`)
		if err != nil {
			t.Fatal(err)
		}
		at := "/desk/reviews/looks/" + id
		g.says(t, "privacy", "GET", at, nil, 200, "Why it is here", "J. Okafor")
		g.says(t, "privacy", "POST", at, url.Values{"verdict": {"not"}, "note": {"talked to her"}}, 303)
		g.says(t, "privacy", "GET", "/desk/reviews", nil, 200, "Not appropriate", "talked to her")
	})
}
