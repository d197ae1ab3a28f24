package desk

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/ids"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/journey"
	"hale/internal/reach/segment"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// townDesk is a desk with a real engine, journeys and segments behind it.
func townDesk(t *testing.T, d *db.DB, now func() time.Time) (http.Handler, *reach.Engine) {
	t.Helper()
	source := ids.NewSource(now, rand.Reader)
	ring, err := keys.Open(t.Context(), keys.Config{DB: d, Roots: keys.Plain(haletest.Key), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	engine := reach.New(reach.Config{DB: d, Doors: haletest.Doors(d), IDs: source, Now: now, Key: haletest.Key, Keys: ring, BaseURL: "https://rfm.example",
		Clinic: reach.Clinic{Name: "Riverside Family Medicine", Address: "412 Alder Street", Zone: time.UTC}})
	site := web.NewSite(web.Clinic{Name: "Riverside Family Medicine", Zone: time.UTC}, sessions{}, slog.New(slog.DiscardHandler), now, false)
	f := known()
	return site.Wrap(New(Config{Site: site, Doors: haletest.Doors(d), Reach: engine, Todos: fakeTodos{f}, Measure: f, Patients: fakePatients{f}, Contacts: fakeContacts{f},
		Consents: fakeConsents{f}, Visits: f, Accounts: fakeAccounts{f}, Audit: fakeLooks{f}, Schedules: engine, Segments: segment.NewStore(d, source, now),
		Journeys: journey.NewStore(journey.Config{DB: d, IDs: source, Now: now, Reach: engine, Record: record.New(d, source, now, event.NewLog(source, now)), Doors: haletest.Doors(d), Node: "test", Zone: time.UTC}),
	}).Handler()), engine
}

// try is one request that has to go well, and what it leads to.
func try(t *testing.T, h http.Handler, who, method, at string, in url.Values, want ...string) (body, to string) {
	t.Helper()
	w := ask(t, h, who, method, at, in)
	if w.Code >= 400 {
		t.Fatalf("%s %s as %s = %d %s", method, at, who, w.Code, w.Body)
	}
	for _, one := range want {
		if !strings.Contains(w.Body.String(), one) {
			t.Errorf("%s %s lacks %q", method, at, one)
		}
	}
	return w.Body.String(), w.Header().Get("Location")
}

// What starts by itself is said where its outreach is, and on the first page
// when it waits for somebody's word.
func TestSchedulePages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		at := noon
		h, engine := townDesk(t, d, func() time.Time { return at })
		o := theDraft(t, known())
		o.ID = ""
		o, err := engine.Save(t.Context(), haletest.Everyone(t, d, access.RunOutreach), o)
		if err != nil {
			t.Fatal(err)
		}
		page := path(o.ID) + "/schedule"
		try(t, h, "marketer", "GET", path(o.ID)+"/edit/plan", nil, page)
		try(t, h, "marketer", "GET", page, nil, "No start is planned")
		if w := ask(t, h, "marketer", "POST", page, url.Values{"first": {"x"}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("no time = %d", w.Code)
		}
		try(t, h, "marketer", "POST", page, url.Values{"first": {"2026-11-23T09:00"}, "every": {"week"}, "late": {"ask"}})
		for _, where := range []string{path(o.ID) + "/edit/message", path(o.ID) + "/edit/check", "/desk/outreach"} {
			try(t, h, "nurse", "GET", where, nil, "Starts every Monday at 9:00 am")
		}
		if body, _ := try(t, h, "nurse", "GET", "/desk", nil); strings.Contains(body, "A start waits") {
			t.Error("a start that is planned asks for something")
		}
		at = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
		if err := engine.Handlers()["reach.sweep"](context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		try(t, h, "nurse", "GET", "/desk", nil, "A start waits: "+o.Name, "Waits for your word: it is late", page)
		try(t, h, "nurse", "GET", page, nil, "This start waits for your word.")
		try(t, h, "nurse", "POST", page, url.Values{"do": {"skip"}})
		if body, _ := try(t, h, "nurse", "GET", "/desk", nil); strings.Contains(body, "A start waits") {
			t.Error("what was answered still asks")
		}
		try(t, h, "nurse", "POST", page, url.Values{"do": {"never"}})
		try(t, h, "nurse", "GET", page, nil, "No start is planned")
	})
}

// A journey is begun, changed, published, started, tried and stopped by plain
// forms, and a marketer never sees who is on it.
func TestJourneyPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, _ := townDesk(t, d, func() time.Time { return noon })
		const person = `insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)
			values ('maria', 'Maria Alvarez', 'Maria', 'Alvarez', '', '1961-04-27', 'female', 'en', '', '', '', 'IL', '', 'America/Chicago', 0, 1, 0)`
		if _, err := d.ExecContext(t.Context(), person); err != nil {
			t.Fatal(err)
		}
		ready, err := journey.ReadyMade()
		if err != nil {
			t.Fatal(err)
		}
		try(t, h, "nurse", "GET", "/desk/journeys", nil, ready[0].Definition.Name)
		for _, one := range ready {
			_, at := try(t, h, "nurse", "POST", "/desk/journeys", url.Values{"from": {one.Key}})
			try(t, h, "nurse", "GET", at, nil, one.Definition.Name, "Not started")
			for _, n := range one.Definition.Nodes {
				try(t, h, "nurse", "GET", at+"/steps/"+n.ID, nil)
			}
			try(t, h, "nurse", "POST", at+"/publish", url.Values{})
		}

		_, at := try(t, h, "marketer", "POST", "/desk/journeys", url.Values{"from": {""}})
		try(t, h, "marketer", "GET", at+"/edit", nil, "New journey")
		if w := ask(t, h, "marketer", "POST", at+"/edit", url.Values{"name": {""}, "on": {journey.VisitBooked}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a journey without a name = %d", w.Code)
		}
		try(t, h, "marketer", "POST", at+"/edit", url.Values{"name": {"After a booking"}, "words": {"Says hello."}, "on": {journey.VisitBooked}, "goal": {""}})
		_, step := try(t, h, "marketer", "POST", at+"/steps", url.Values{"kind": {"wait"}, "after": {""}})
		try(t, h, "marketer", "GET", step, nil, "Wait")
		if w := ask(t, h, "marketer", "POST", step, url.Values{"for": {"soon"}, "do": {"save"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "cannot be published so") {
			t.Errorf("a wait that is none = %d", w.Code)
		}
		try(t, h, "marketer", "POST", step, url.Values{"for": {"2d"}, "name": {"Two days"}, "do": {"save"}})
		try(t, h, "marketer", "GET", at, nil, "After a booking", "Two days")
		if w := ask(t, h, "marketer", "POST", at+"/start", url.Values{}); w.Code != http.StatusConflict {
			t.Errorf("starting what is not published = %d", w.Code)
		}
		for _, do := range []string{"publish", "start", "pause", "start", "stop"} {
			_, to := try(t, h, "marketer", "POST", at+"/"+do, url.Values{})
			try(t, h, "marketer", "GET", to, nil, journeySaid(do))
		}
		if w := ask(t, h, "marketer", "POST", at+"/nonsense", url.Values{}); w.Code != http.StatusNotFound {
			t.Errorf("doing nonsense = %d", w.Code)
		}
		try(t, h, "nurse", "GET", at+"/try?patient=maria&at=2026-11-23T10:00&start=2026-12-01T10:00&as=looks", nil, "Maria Alvarez", "Two days")
		try(t, h, "nurse", "GET", at+"/try?patient=nobody-of-this-name", nil, "Nobody was found")
		if body, _ := try(t, h, "marketer", "GET", at+"/try?patient=maria", nil); strings.Contains(body, "Alvarez") {
			t.Error("a marketer sees a patient in a rehearsal")
		}
		try(t, h, "nurse", "GET", at+"/people", nil, "Who has come to an end")
		if w := ask(t, h, "marketer", "GET", at+"/people", nil); w.Code != http.StatusNotFound {
			t.Errorf("a marketer asks who is on a journey = %d", w.Code)
		}
		try(t, h, "nurse", "POST", step, url.Values{"do": {"remove"}})
		if body, _ := try(t, h, "nurse", "GET", at, nil); strings.Contains(body, "Two days") {
			t.Error("a step that was taken out is still there")
		}
	})
}

// What a journey asks the staff to do is listed and ticked off.
func TestJourneyTasks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, _ := townDesk(t, d, func() time.Time { return noon })
		for _, q := range []string{
			`insert into journey (id, name, state, draft, created_by, created_at) values ('j', 'After a booking', 'running', '{}', 'x', 0)`,
			`insert into journey_task (id, enrolment, journey, patient, words, at) values ('t', 'e', 'j', 'maria', 'Please call about the bus.', 1)`,
		} {
			if _, err := d.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		try(t, h, "nurse", "GET", "/desk/journey-tasks", nil, "Please call about the bus.", "Maria Alvarez")
		if w := ask(t, h, "marketer", "GET", "/desk/journey-tasks", nil); w.Code != http.StatusNotFound {
			t.Errorf("a marketer asks for the tasks = %d", w.Code)
		}
		try(t, h, "nurse", "POST", "/desk/journey-tasks/t", url.Values{})
		if body, _ := try(t, h, "nurse", "GET", "/desk/journey-tasks", nil); strings.Contains(body, "about the bus") {
			t.Error("a task that is done is still there")
		}
	})
}

// A segment is counted, named, changed into a new version and retired.
func TestSegmentPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, _ := townDesk(t, d, func() time.Time { return noon })
		body, _ := try(t, h, "marketer", "POST", "/desk/segments/new", url.Values{"name": {"Grown up"}, "do": {"and"}, "add": {"age"}})
		if w := ask(t, h, "marketer", "POST", "/desk/segments/new", url.Values{"name": {"Nobody"}, "do": {"save"}}); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("a segment without a line = %d", w.Code)
		}
		in := fields(body)
		if len(in) < 3 {
			t.Fatalf("the form has %v", in)
		}
		for name := range in {
			if strings.HasSuffix(name, ".min") {
				in.Set(name, "18")
			}
		}
		in.Set("name", "Grown up")
		in.Set("do", "save")
		_, at := try(t, h, "marketer", "POST", "/desk/segments/new", in)
		try(t, h, "marketer", "GET", at, nil, "Grown up", "18", "Version 1")
		try(t, h, "marketer", "GET", "/desk/segments", nil, "Grown up")
		if w := ask(t, h, "marketer", "POST", "/desk/segments/new", in); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("the same name again = %d", w.Code)
		}
		in.Set("name", "Adults")
		try(t, h, "marketer", "POST", at+"/edit/count", in, "0 patients")
		try(t, h, "marketer", "POST", at+"/edit", in)
		try(t, h, "marketer", "GET", at, nil, "Adults", "Version 2")
		try(t, h, "marketer", "POST", at+"/retire", url.Values{})
		if body, _ := try(t, h, "marketer", "GET", "/desk/segments", nil); strings.Contains(body, "Adults") {
			t.Error("a retired segment is still offered")
		}
	})
}

var inputs = regexp.MustCompile(`<(?:input|select)[^>]*?\bname="([^"]+)"[^>]*>`)

var inputValue = regexp.MustCompile(`\bvalue="([^"]*)"`)

// fields are the fields of a page's forms, as a browser would send them back.
func fields(page string) url.Values {
	in := url.Values{}
	if i := strings.Index(page, "<main"); i >= 0 {
		page = page[i:]
	}
	for _, m := range inputs.FindAllStringSubmatch(page, -1) {
		value := ""
		if v := inputValue.FindStringSubmatch(m[0]); v != nil {
			value = v[1]
		}
		in.Set(m[1], value)
	}
	return in
}
