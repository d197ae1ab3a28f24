package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/client"
	"hale/internal/access/proxy"
	"hale/internal/base/errs"
	"hale/internal/care/background"
	"hale/internal/care/clinician"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/look"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/reading"
	"hale/internal/care/request"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/choice"
	"hale/internal/record"
	"hale/internal/record/arrival"
	"hale/internal/record/release"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// clinic is whose portal the tests look at.
var clinic = web.Clinic{Name: "Riverside Family Medicine", Phone: "+12025550142", Address: "412 Alder Street, Suite 2", Zone: time.UTC}

// house is a portal with what stands behind it.
type house struct {
	db       *db.DB
	records  *record.Store
	visits   *visit.Store
	tasks    *task.Store
	supplies *medication.Supplies
	inbox    *shelf
	handler  http.Handler
	log      *strings.Builder
	rows     *audit.Log
	feeds    *arrival.Store
	sent     []proxy.Sent // invitations
}

// people who may sign in, by the token in their cookie.
var actors = sessions{
	"maria": {Kind: access.Patient, ID: "a-maria", Name: "Maria Alvarez", Patient: "maria"},
	"sam":   {Kind: access.Patient, ID: "a-sam", Name: "Sam Short", Patient: "sam"},
	"rosa": {Kind: access.Proxy, ID: "a-rosa", Name: "Rosa Alvarez", Grants: []access.Grant{{Patient: "maria", Name: "Maria Alvarez",
		Rights: []access.Right{access.ReadRecord, access.ReadVisits, access.BookVisits, access.ReadMessages, access.AskMedicines}, Categories: access.Categories}}},
	"helper": {Kind: access.Proxy, ID: "a-helper", Name: "Sam Short", Patient: "sam", Grants: []access.Grant{{Patient: "maria", Name: "Maria Alvarez",
		Rights: []access.Right{access.ReadRecord, access.ReadVisits}, Categories: []access.Category{access.Visits, access.Medicines}}}},
	"driver": {Kind: access.Proxy, ID: "a-driver", Name: "Dan Driver", Grants: []access.Grant{{Patient: "maria", Name: "Maria Alvarez",
		Rights: []access.Right{access.ReadVisits}, Categories: []access.Category{access.Visits}}}},
}

type sessions map[string]access.Actor

func (s sessions) Actor(_ context.Context, token string) (access.Actor, account.Session, error) {
	if a, ok := s[token]; ok {
		a.Proof = access.Proof{Zone: access.AccountZone, At: haletest.Noon}
		return a, account.Session{ID: token, Account: a.ID}, nil
	}
	return access.Actor{}, account.Session{}, errs.New(errs.Unauthenticated, "Please sign in.")
}

// shelf is an inbox in memory.
type shelf struct {
	list  []reach.Content
	marks []string
}

func (s *shelf) Inbox(_ context.Context, pass access.Pass) ([]reach.Content, error) {
	who, err := pass.Open(access.ReadMessages)
	if err != nil {
		return nil, err
	}
	var mine []reach.Content
	for _, m := range s.list {
		if m.Patient == who {
			mine = append(mine, m)
		}
	}
	return mine, nil
}

func (s *shelf) Mark(_ context.Context, pass access.Pass, message, kind string, _ any) error {
	if _, err := pass.Open(access.ReadMessages); err != nil {
		return err
	}
	s.marks = append(s.marks, kind+" "+message)
	for i := range s.list {
		if s.list[i].Message == message {
			s.list[i].SeenAt = haletest.Noon
		}
	}
	return nil
}

// newHouse returns a portal on d.
func newHouse(t testing.TB, d *db.DB) *house {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	events := event.NewLog(haletest.IDs(), now)
	rows := audit.NewLog(d, haletest.IDs(), now)
	book, err := release.ReadBook()
	if err != nil {
		t.Fatal(err)
	}
	if book, err = book.Only(nil); err != nil {
		t.Fatal(err)
	}
	holds := release.New(release.Config{DB: d, IDs: haletest.IDs(), Now: now, Events: events, Audit: rows, Book: book, Zone: time.UTC})
	records := record.New(d, haletest.IDs(), now, events, clinician.View(), patient.View(), result.View(), medication.View(),
		problem.View(), document.View(), background.View(), review.View(), visit.View(), task.View(), holds.View()).WithHolders(holds)
	holds.Use(records, nil, func() {})
	h := &house{db: d, records: records, inbox: &shelf{}, log: &strings.Builder{}, rows: rows}
	h.visits = visit.NewStore(d, records, events, haletest.IDs(), now)
	h.tasks = task.NewStore(d, records, events, haletest.IDs(), now, func() task.Hours { return task.Usual(time.UTC) })
	h.supplies = medication.NewSupplies(d, records, h.tasks, haletest.IDs(), now)
	feeds := arrival.NewStore(d, now, rows)
	h.feeds = feeds
	site := web.NewSite(clinic, actors, slog.New(slog.NewTextHandler(h.log, nil)), now, false)
	p := portal.New(portal.Config{
		Site: site, Doors: haletest.Doors(d), People: patient.NewStore(d), Results: result.NewStore(d), Medicines: medication.NewStore(d),
		Tasks: h.tasks, Supplies: h.supplies, Readings: reading.NewStore(d, records, h.tasks, haletest.IDs(), now),
		Problems: problem.NewStore(d), Documents: document.NewStore(d, records), Visits: h.visits, Inbox: h.inbox,
		Entries: background.NewStore(d), Reviews: review.NewStore(d, records, haletest.IDs(), now, nil), Feeds: feeds,
		Looks: look.NewStore(d, now), Records: records, Now: now, Releases: holds,
		Letters: document.NewLetterbox(d, records, haletest.IDs(), now, nil),
		Helpers: h.helpers(t), Invited: h, Rows: h.rows, Requests: request.NewStore(d, haletest.IDs(), now, time.UTC, h.rows, records),
		Given: disclosure.NewStore(d, haletest.IDs(), now, h.rows),
		Audit: h.rows, Proofs: audit.NewBook(d, haletest.Key), Names: crew{},
		Choices: choice.NewStore(contact.NewStore(d, now), consent.NewStore(d, haletest.IDs(), now)),
		Apps:    client.New(client.Config{DB: d, IDs: haletest.IDs(), Now: now, Log: h.rows}),
	})
	h.handler = site.Wrap(p.Handler())
	return h
}

// put writes resources, each a JSON object, into the record.
func (h *house) put(t testing.TB, resources ...any) {
	t.Helper()
	var drafts []record.Draft
	for _, r := range resources {
		var body []byte
		switch r := r.(type) {
		case string:
			body = []byte(r)
		default:
			var err error
			if body, err = json.Marshal(r); err != nil {
				t.Fatal(err)
			}
		}
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal(body, &head); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		drafts = append(drafts, record.Draft{Type: head.ResourceType, ID: head.ID, Body: body})
	}
	err := h.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := h.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "Alder Clinical Labs"}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	code int
	body string
	to   string // where a redirect leads
	head http.Header
}

// get asks for a page as somebody, "" for nobody.
func (h *house) get(t testing.TB, as, path string) answer {
	t.Helper()
	return h.do(t, httptest.NewRequest(http.MethodGet, path, nil), as)
}

// post sends a form.
func (h *house) post(t testing.TB, as, path string, form url.Values) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return h.do(t, r, as)
}

func (h *house) do(t testing.TB, r *http.Request, as string) answer {
	t.Helper()
	if as != "" {
		r.AddCookie(&http.Cookie{Name: "hale", Value: as})
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{code: w.Code, body: string(body), to: w.Header().Get("Location"), head: w.Header()}
}

// maria is a record to look at: type 2 diabetes, an A1c that comes down, a
// goal, a visit to come, a message about the eye exam.
func (h *house) maria(t testing.TB) {
	t.Helper()
	h.put(t,
		`{"resourceType":"Practitioner","id":"raman","name":[{"prefix":["Dr."],"given":["Priya"],"family":"Raman"}]}`,
		`{"resourceType":"Organization","id":"alder","name":"Alder Clinical Labs"}`,
		`{"resourceType":"Location","id":"suite2","name":"412 Alder Street, Suite 2"}`,
		`{"resourceType":"Patient","id":"maria","birthDate":"1960-05-14","gender":"female","name":[{"given":["Maria"],"family":"Alvarez"}],
			"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"MRN-1001"}],"address":[{"line":["9 River Road"],"city":"Riverside","state":"OH","postalCode":"44001"}]}`,
		`{"resourceType":"Patient","id":"sam","birthDate":"1990-01-01","gender":"male","name":[{"given":["Sam"],"family":"Short"}]}`,
		`{"resourceType":"Goal","id":"g1","lifecycleStatus":"active","description":{"text":"Keep A1c below 7 %"},"subject":{"reference":"Patient/maria"},
			"target":[{"measure":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"detailQuantity":{"value":7,"comparator":"<","unit":"%","code":"%"}}]}`,
		`{"resourceType":"Condition","id":"c1","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"44054006","display":"Diabetes mellitus type 2 (disorder)"}]},
			"subject":{"reference":"Patient/maria"},"onsetDateTime":"2019-04-02"}`,
		`{"resourceType":"Condition","id":"c2","clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"coding":[{"system":"http://snomed.info/sct","code":"36971009","display":"Sinusitis (disorder)"}]},
			"subject":{"reference":"Patient/maria"},"onsetDateTime":"2021-01-02","abatementDateTime":"2021-02-01"}`,
		`{"resourceType":"AllergyIntolerance","id":"al1","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"Penicillin"},"patient":{"reference":"Patient/maria"},
			"reaction":[{"manifestation":[{"text":"Rash"}]}]}`,
		`{"resourceType":"Immunization","id":"im1","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140","display":"Influenza, seasonal, injectable, preservative free"}]},
			"patient":{"reference":"Patient/maria"},"occurrenceDateTime":"2025-10-04"}`,
		`{"resourceType":"Procedure","id":"pr1","status":"completed","code":{"coding":[{"system":"http://snomed.info/sct","code":"252779009","display":"Single bright white flash electroretinography"}]},
			"subject":{"reference":"Patient/maria"},"performedDateTime":"2025-01-06"}`,
		`{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"code":"860975"}],"text":"Metformin 500 MG Oral Tablet"},
			"subject":{"reference":"Patient/maria"},"authoredOn":"2025-11-12","requester":{"reference":"Practitioner/raman"},"reasonReference":[{"reference":"Condition/c1"}],
			"dosageInstruction":[{"timing":{"repeat":{"frequency":2,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}],
			"dispenseRequest":{"numberOfRepeatsAllowed":2}}`,
		`{"resourceType":"MedicationRequest","id":"m2","status":"stopped","intent":"order","medicationCodeableConcept":{"text":"Ibuprofen 200 MG Oral Tablet"},
			"subject":{"reference":"Patient/maria"},"authoredOn":"2022-11-12"}`,
		`{"resourceType":"DocumentReference","id":"d1","status":"current","type":{"text":"Visit note"},"subject":{"reference":"Patient/maria"},"date":"2026-02-24T15:00:00Z",
			"author":[{"reference":"Practitioner/raman"}],"content":[{"attachment":{"contentType":"text/plain","data":"IyBQbGFuCgpLZWVwIHRoZSBldmVuaW5nIHdhbGsuCgotIEEuMWMgaW4gTWF5Ci0gRXllIGV4YW0K"}}]}`,
		`{"resourceType":"DocumentReference","id":"d2","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/maria"},"date":"2026-01-24T15:00:00Z",
			"content":[{"attachment":{"contentType":"text/html","data":"PGgyPkhlbGxvPC9oMj48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ+PHAgb25jbGljaz0ieCgpIj5QbGVhc2UgY2FsbCB1cy48L3A+"}}]}`,
		`{"resourceType":"DocumentReference","id":"d3","status":"current","type":{"text":"Scan"},"subject":{"reference":"Patient/maria"},"date":"2026-01-02T15:00:00Z",
			"content":[{"attachment":{"contentType":"application/pdf","data":"JVBERi0xLjQK"}}]}`,
		`{"resourceType":"CarePlan","id":"cp1","status":"active","intent":"order","title":"Diabetes self management plan","subject":{"reference":"Patient/maria"},"period":{"start":"2025-05-16"},
			"activity":[{"detail":{"status":"in-progress","code":{"text":"Diabetic diet"}}},{"detail":{"status":"in-progress","code":{"text":"Exercise therapy"}}}]}`,
		`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"code":"AMB"},"type":[{"text":"Encounter for check up (procedure)"}],"subject":{"reference":"Patient/maria"},
			"participant":[{"individual":{"reference":"Practitioner/raman"}}],"period":{"start":"2025-11-12T09:40:00Z","end":"2025-11-12T10:00:00Z"}}`,
	)
	for i, v := range []struct {
		day   string
		value float64
	}{{"2024-06-10", 8.6}, {"2024-10-12", 8.3}, {"2025-02-11", 8.4}, {"2025-05-20", 8.1}, {"2025-09-02", 7.7}, {"2026-02-24", 7.4}} {
		h.put(t, observation("a1c-"+fmt.Sprint(i), "maria", "laboratory", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", v.value, "%", v.day))
	}
	for i, day := range []string{"2025-02-11", "2025-05-20", "2025-11-12", "2026-02-24"} {
		h.put(t, fmt.Sprintf(`{"resourceType":"Observation","id":"bp-%d","status":"final","category":[{"coding":[{"code":"vital-signs"}]}],
			"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"Blood pressure panel"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"%s","component":[
			{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic"}]},"valueQuantity":{"value":%d,"unit":"mm[Hg]","code":"mm[Hg]"}},
			{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic"}]},"valueQuantity":{"value":%d,"unit":"mm[Hg]","code":"mm[Hg]"}}]}`,
			i, day, 142-4*i, 88-3*i),
			observation(fmt.Sprintf("kg-%d", i), "maria", "vital-signs", "29463-7", "Body Weight", 82.4-float64(i), "kg", day),
			observation(fmt.Sprintf("ldl-%d", i), "maria", "laboratory", "18262-6", "Low Density Lipoprotein Cholesterol", 118-6*float64(i), "mg/dL", day),
			observation(fmt.Sprintf("hb-%d", i), "maria", "laboratory", "718-7", "Hemoglobin [Mass/volume] in Blood", 13.2, "g/dL", day))
	}
	h.put(t, `{"resourceType":"DiagnosticReport","id":"rep1","status":"final","code":{"text":"A1c"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-02-24T09:12:00Z",
		"resultsInterpreter":[{"reference":"Practitioner/raman"}],"result":[{"reference":"Observation/a1c-5"}],"conclusion":"Good progress. Keep the evening walk."}`,
		`{"resourceType":"DiagnosticReport","id":"rep2","status":"final","code":{"text":"Blood panel"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-02-24T09:12:00Z",
		"resultsInterpreter":[{"reference":"Practitioner/raman"}],"result":[{"reference":"Observation/ldl-3"},{"reference":"Observation/hb-3"}],"conclusion":"Both look as we hoped."}`)
	h.schedule(t)
	h.inbox.list = []reach.Content{
		{Message: "msg1", Patient: "maria", From: "J. Okafor, RN", Title: "Time for your eye exam", Service: "eye-exam", SentAt: haletest.Noon.Add(-26 * time.Hour),
			Body: "Dear Maria,\n\nit has been more than a year since your last eye exam. With diabetes, a yearly look keeps your eyes safe.\n\nPlease choose a time that suits you."},
		{Message: "msg2", Patient: "maria", From: "J. Okafor, RN", Title: "Your flu shot", SentAt: haletest.Noon.Add(-90 * 24 * time.Hour), SeenAt: haletest.Noon.Add(-89 * 24 * time.Hour), State: "acted", Service: "eye-exam",
			Body: "Thank you for coming in."},
		{Message: "msg3", Patient: "sam", Title: "For Sam alone", SentAt: haletest.Noon, Body: "Secret of Sam"},
	}
}

// schedule makes free times and one visit of Maria's.
func (h *house) schedule(t testing.TB) {
	t.Helper()
	h.put(t, `{"resourceType":"Schedule","id":"eye","serviceType":[{"coding":[{"system":"https://hale.example/service","code":"eye-exam","display":"Eye exam"}]}],
		"actor":[{"reference":"Practitioner/raman"},{"reference":"Location/suite2"}]}`,
		`{"resourceType":"Schedule","id":"fu","serviceType":[{"coding":[{"system":"https://hale.example/service","code":"follow-up","display":"Follow-up visit"}]}],
		"actor":[{"reference":"Practitioner/raman"},{"reference":"Location/suite2"}]}`)
	n := 0
	for _, service := range []string{"eye", "fu"} {
		for day := range 12 {
			for _, hour := range []int{9, 10, 11, 14} {
				start := haletest.Noon.Truncate(24*time.Hour).AddDate(0, 0, day+1).Add(time.Duration(hour)*time.Hour + 40*time.Minute)
				h.put(t, fmt.Sprintf(`{"resourceType":"Slot","id":"%s-%d","schedule":{"reference":"Schedule/%s"},"status":"free","start":"%s","end":"%s"}`,
					service, n, service, start.Format(time.RFC3339), start.Add(20*time.Minute).Format(time.RFC3339)))
				n++
			}
		}
	}
}

func observation(id, who, category, code, name string, value float64, unit, day string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"code":%q}]}],
		"code":{"coding":[{"system":"http://loinc.org","code":%q,"display":%q}]},"subject":{"reference":"Patient/%s"},"performer":[{"reference":"Organization/alder"}],
		"effectiveDateTime":"%sT09:12:00Z","issued":"%sT16:12:00Z","valueQuantity":{"value":%g,"unit":%q,"code":%q}}`,
		id, category, code, name, who, day, day, value, unit, unit)
}
