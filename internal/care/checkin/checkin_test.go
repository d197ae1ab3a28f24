package checkin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/checkin"
	"hale/internal/care/clinician"
	"hale/internal/care/contact"
	"hale/internal/care/document"
	"hale/internal/care/patient"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// hall is a clinic in which p1 has a visit in two hours.
type hall struct {
	*checkin.Store
	db      *db.DB
	records *record.Store
	tasks   *task.Store
	visits  *visit.Store
	now     time.Time
	visit   string
}

func open(t *testing.T, d *db.DB) *hall {
	t.Helper()
	h := &hall{db: d, now: haletest.Noon}
	now := func() time.Time { return h.now }
	ids, events := haletest.IDs(), event.NewLog(haletest.IDs(), now)
	h.records = record.New(d, ids, now, events, visit.View(), clinician.View(), task.View(), patient.View(), contact.View(), document.View())
	h.visits = visit.NewStore(d, h.records, events, ids, now)
	h.tasks = task.NewStore(d, h.records, events, ids, now, func() task.Hours { return task.Usual(time.UTC) })
	h.Store = checkin.NewStore(checkin.Config{DB: d, Records: h.records, Visits: h.visits, Tasks: h.tasks, Events: events, IDs: ids, Now: now,
		Letters: document.NewLetterbox(d, h.records, ids, now, nil)})
	for _, p := range []string{"p1", "p2"} {
		h.put(t, "Patient", p, `"active":true,"name":[{"given":["Ana"],"family":"Ruiz"}],"telecom":[{"system":"phone","value":"+17085550111","use":"mobile"},{"system":"email","value":"old@example.net"}],
			"address":[{"use":"home","line":["1 Elm St"],"city":"Riverside","state":"IL","postalCode":"60546"}]`)
	}
	h.put(t, "Schedule", "eye", `"serviceType":[{"coding":[{"system":"https://hale.example/service","code":"eye-exam"}]}],"actor":[{"reference":"Practitioner/raman"}]`)
	h.put(t, "Slot", "s1", fmt.Sprintf(`"status":"free","schedule":{"reference":"Schedule/eye"},"start":%q,"end":%q`, haletest.Noon.Add(2*time.Hour).Format(time.RFC3339), haletest.Noon.Add(140*time.Minute).Format(time.RFC3339)))
	v, err := h.visits.Book(t.Context(), haletest.Pass(t, d, "p1", access.BookVisits), "s1", visit.How{Via: "portal"})
	if err != nil {
		t.Fatal(err)
	}
	h.visit = v.ID
	return h
}

func (h *hall) put(t *testing.T, typ, id, rest string) {
	t.Helper()
	err := h.db.Tx(t.Context(), func(tx *db.Tx) error {
		body := fmt.Sprintf(`{"resourceType":%q,"id":%q,%s}`, typ, id, rest)
		_, err := h.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")}, []record.Draft{{Type: typ, ID: id, Body: []byte(body)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *hall) waiting(t *testing.T) []task.Task {
	t.Helper()
	list, err := h.tasks.Open(t.Context(), haletest.Everyone(t, h.db, access.AnswerPatients), task.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func card(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// From the first step to the desk and back: what changed waits for a look,
// what did not change bothers nobody, and where one left off is kept.
func TestStoreSteps(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		pass, send := haletest.Pass(t, d, "p1", access.BookVisits), haletest.Pass(t, d, "p1", access.SendMessages)
		same := []checkin.Change{{Field: "city", Was: "Riverside", Now: " Riverside "}, {Field: "zip", Was: "60546", Now: ""}}
		must(t, h.You(ctx, pass, h.visit, same))
		if list := h.waiting(t); len(list) != 0 {
			t.Fatalf("what did not change made %+v", list)
		}
		st, err := h.Get(ctx, pass, h.visit)
		if err != nil || !st.Has(checkin.You) || st.Next(checkin.Steps) != checkin.Insurance {
			t.Errorf("state = %+v, %v, want to go on with the card", st, err)
		}
		must(t, h.You(ctx, pass, h.visit, []checkin.Change{{Field: "phone", Was: "+17085550111", Now: "(708) 555-0199"}, {Field: "line", Was: "1 Elm St", Now: "9 Oak Ave"}}))
		must(t, h.Card(ctx, pass, send, h.visit, nil, nil))
		must(t, h.Card(ctx, pass, send, h.visit, card(t), card(t)))
		must(t, h.Meds(ctx, pass, h.visit, []checkin.Taking{{Ref: "MedicationRequest/m1", Name: "Metformin", Answer: "yes"}, {Ref: "MedicationRequest/m2", Name: "Aspirin", Answer: "no"}}, "fish oil"))
		must(t, h.Forms(ctx, pass, h.visit))
		list := h.waiting(t)
		if len(list) != 3 {
			t.Fatalf("%d tasks wait, want details, card and medicines: %+v", len(list), list)
		}
		var details task.Task
		for _, x := range list {
			switch x.Values["about"] {
			case "details":
				details = x
			case "card":
				if x.Kind != task.Insurance || x.Values["front"] == "" || x.Values["back"] == "" {
					t.Errorf("the card is %+v", x)
				}
			case "medicines":
				if !strings.Contains(x.Text, "No longer takes: Aspirin") || !strings.Contains(x.Text, "fish oil") || strings.Contains(x.Text, "Metformin") {
					t.Errorf("the medicines are %q", x.Text)
				}
			}
		}
		desk := nurse(t, d)
		must(t, h.Apply(ctx, desk, haletest.Pass(t, d, "p1", access.EditContacts), details.ID))
		res, err := h.records.Get(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), "Patient", "p1")
		if err != nil || !strings.Contains(string(res.Body), "(708) 555-0199") || strings.Contains(string(res.Body), "5550111") || !strings.Contains(string(res.Body), "9 Oak Ave") || !strings.Contains(string(res.Body), "old@example.net") {
			t.Errorf("the record has %s, %v", res.Body, err)
		}
		if done, err := h.tasks.Get(ctx, desk, details.ID); err != nil || done.Status != task.Done || done.Answer == "" {
			t.Errorf("the task is %+v, %v", done, err)
		}
	})
}

// A double tap makes one task, also where both arrive at the same moment;
// what is said anew makes another.
func TestStoreTwice(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		pass, send := haletest.Pass(t, d, "p1", access.BookVisits), haletest.Pass(t, d, "p1", access.SendMessages)
		photo := card(t)
		phone := func(now string) error {
			return h.You(ctx, pass, h.visit, []checkin.Change{{Field: "phone", Was: "+17085550111", Now: now}})
		}
		steps := []func() error{
			func() error { return phone("(708) 555-0199") },
			func() error { return h.Card(ctx, pass, send, h.visit, photo, nil) },
			func() error {
				return h.Meds(ctx, pass, h.visit, []checkin.Taking{{Ref: "MedicationRequest/m2", Name: "Aspirin", Answer: "no"}}, "fish oil")
			},
		}
		var all sync.WaitGroup
		failed := make(chan error, 4*len(steps))
		for _, do := range steps {
			for range 4 {
				all.Go(func() { failed <- do() })
			}
		}
		all.Wait()
		close(failed)
		for err := range failed {
			must(t, err)
		}
		if list := h.waiting(t); len(list) != 3 {
			t.Fatalf("%d tasks of three steps: %+v", len(list), list)
		}
		must(t, phone("(708) 555-0142"))
		must(t, phone("(708) 555-0199"))
		if n := len(h.waiting(t)); n != 5 {
			t.Errorf("%d tasks after two changes more, want 5", n)
		}
	})
}

// nurse returns the pass of a nurse who answers p1.
func nurse(t *testing.T, d *db.DB) access.Pass {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "n", Name: "J. Okafor", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	pass, err := haletest.Doors(d).Check(t.Context(), a, access.AnswerPatients, "p1")
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A signature keeps the very words that were signed, however they change.
func TestStoreSign(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		pass := haletest.Pass(t, d, "p1", access.BookVisits)
		p, err := h.Paper(ctx)
		must(t, err)
		good := checkin.Signature{Version: p.N, Lang: "es", Name: "Ana Ruiz", Agree: true}
		for name, change := range map[string]func(checkin.Signature) checkin.Signature{
			"without a tick": func(s checkin.Signature) checkin.Signature { s.Agree = false; return s },
			"one name":       func(s checkin.Signature) checkin.Signature { s.Name = "Ana"; return s },
		} {
			if err := h.Sign(ctx, pass, h.visit, change(good)); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Sign %s = %v, want invalid", name, err)
			}
		}
		staff := haletest.Everyone(t, d, access.AnswerPatients)
		must(t, h.SetPaper(ctx, staff, checkin.Paper{Title: "Consent", Text: "New words.", TitleES: "Consentimiento", TextES: "Palabras nuevas."}))
		if err := h.Sign(ctx, pass, h.visit, good); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Sign of words that changed meanwhile = %v, want a conflict", err)
		}
		good.Version++
		must(t, h.Sign(ctx, pass, h.visit, good))
		must(t, h.SetPaper(ctx, staff, checkin.Paper{Title: "Consent", Text: "Newer words."}))
		page, err := h.records.Search(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), "Consent", url.Values{})
		if err != nil || len(page.Resources) != 1 {
			t.Fatalf("Consents = %d, %v", len(page.Resources), err)
		}
		var c struct {
			SourceAttachment struct{ Data, Title string } `json:"sourceAttachment"`
			DateTime         string                       `json:"dateTime"`
		}
		must(t, json.Unmarshal(page.Resources[0].Body, &c))
		text, err := base64.StdEncoding.DecodeString(c.SourceAttachment.Data)
		if err != nil || !strings.Contains(string(text), "Palabras nuevas.") || !strings.Contains(string(text), "Ana Ruiz") || c.DateTime != haletest.Noon.Format("2006-01-02T15:04:05Z") {
			t.Errorf("signed: %s at %s, %v", text, c.DateTime, err)
		}
	})
}

func TestStoreHere(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, ctx := open(t, d), t.Context()
		pass := haletest.Pass(t, d, "p1", access.BookVisits)
		h.now = haletest.Noon.Add(-8 * 24 * time.Hour)
		if err := h.Here(ctx, pass, h.visit); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Here, a week too early = %v, want a conflict", err)
		}
		h.now = haletest.Noon.Add(-24 * time.Hour)
		if err := h.Here(ctx, pass, h.visit); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Here, a day early = %v, want a conflict", err)
		}
		h.now = haletest.Noon
		for range 2 { // a second tap changes nothing
			must(t, h.Here(ctx, pass, h.visit))
		}
		v, err := h.visits.Get(ctx, pass, h.visit)
		st, err2 := h.Get(ctx, pass, h.visit)
		if err != nil || err2 != nil || v.Status != "arrived" || st.Arrived.IsZero() {
			t.Errorf("the visit is %s, %+v, %v %v", v.Status, st, err, err2)
		}
		for name, pass := range map[string]access.Pass{"none": {}, "another's": haletest.Pass(t, d, "p2", access.BookVisits), "to read": haletest.Pass(t, d, "p1", access.ReadVisits)} {
			if err := h.Forms(ctx, pass, h.visit); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Forms with a pass %s = %v, want a refusal", name, err)
			}
		}
	})
}
