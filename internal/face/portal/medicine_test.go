package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/care/medication"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// pharmacies puts two of them, a fill, and medicines of every way into the
// record of Maria.
func (h *house) pharmacies(t *testing.T) {
	t.Helper()
	const of = `"subject":{"reference":"Patient/maria"}`
	h.put(t,
		`{"resourceType":"Organization","id":"corner","name":"Corner Drugs","type":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"3336C0003X"}]}],"telecom":[{"system":"phone","value":"+12025550160"}]}`,
		`{"resourceType":"Location","id":"oak","name":"Oak Pharmacy","status":"active","type":[{"coding":[{"code":"OUTPHARM"}]}]}`,
		`{"resourceType":"MedicationDispense","id":"disp1","status":"completed","medicationCodeableConcept":{"text":"Metformin"},`+of+`,"authorizingPrescription":[{"reference":"MedicationRequest/m1"}],
			"whenHandedOver":"2026-01-10","daysSupply":{"value":60,"unit":"days"},"performer":[{"actor":{"reference":"Organization/corner"}}]}`,
		`{"resourceType":"MedicationRequest","id":"m3","status":"active","intent":"order","medicationCodeableConcept":{"text":"Zolpidem 5 MG Oral Tablet"},`+of+`,"authoredOn":"2026-02-01",
			"dosageInstruction":[{"text":"1 TAB PO QHS PRN"}],"dispenseRequest":{"numberOfRepeatsAllowed":1}}`,
		`{"resourceType":"MedicationStatement","id":"ms1","status":"active","medicationCodeableConcept":{"text":"Metformin 500 mg"},`+of+`,"dateAsserted":"2025-12-01"}`)
}

func TestMedicinePages(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	h.pharmacies(t)
	list := h.get(t, "maria", "/health/medicines")
	checkPage(t, list.body)
	for _, want := range []string{"Metformin 500 mg tablet", "Take 1 tablet twice a day", "2 refills left", "Your supply should last until Mar 11, 2026", "In your record 2 times", "You told us about this one",
		"Take 1 tablet by mouth at bedtime only when you need it", "I need more of this", "Ibuprofen 200 mg tablet", "/health/wrong?about=MedicationRequest/m1", "List to carry along"} {
		if !strings.Contains(list.body, want) && !strings.Contains(list.body, strings.ReplaceAll(want, "/health/wrong?about=", "?about=")) {
			t.Errorf("the list does not say %q", want)
		}
	}
	one := h.get(t, "maria", "/health/medicines/m1")
	checkPage(t, one.body)
	for _, want := range []string{"How to take it", "Diabetes", "Dr. Priya Raman", "Corner Drugs", "(202)", "Jan 10, 2026", "Good until", "Alder Clinical Labs", "Something wrong?"} {
		if !strings.Contains(one.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/health/medicines/m1", nil)
	r.Header.Set("Accept-Language", "es")
	if spanish := h.do(t, r, "maria"); !strings.Contains(spanish.body, "Tome 1 tableta dos veces al día") || !strings.Contains(spanish.body, "Quedan 2 surtidos") {
		t.Errorf("in Spanish: %d, and not how to take it", spanish.code)
	}
	wallet := h.get(t, "maria", "/health/medicines/card")
	checkPage(t, wallet.body)
	for _, want := range []string{"Maria Alvarez", "May 14, 1960", "Penicillin", "Metformin 500 mg tablet", "wallet"} {
		if !strings.Contains(wallet.body, want) {
			t.Errorf("the list to carry along does not say %q", want)
		}
	}
	for path, want := range map[string][2]string{
		"/health/medicines/more?m=MedicationRequest/m1": {"This is a refill", "Ask for the refill"},
		"/health/medicines/more?m=MedicationRequest/m3": {"This is a question: the law", "Send the question"},
		"/health/medicines/more?m=MedicationRequest/m2": {"you no longer take this", "Send the question"},
		"/health/medicines/more?m=other":                {"we did not prescribe", "Name of the medicine"},
		"/health/medicines/more":                        {"Which medicine do you need?", "Another medicine"},
	} {
		a := h.get(t, "maria", path)
		checkPage(t, a.body)
		if a.code != http.StatusOK || !strings.Contains(a.body, want[0]) || !strings.Contains(a.body, want[1]) {
			t.Errorf("GET %s = %d, want %q", path, a.code, want)
		}
	}
	for as, path := range map[string]string{"sam": "/health/medicines/m1", "driver": "/for/maria/health/medicines/m1", "": "/health/medicines/m1"} {
		if a := h.get(t, as, path); a.code == http.StatusOK || strings.Contains(a.body, "Metformin") {
			t.Errorf("%s: GET %s = %d, want nothing", as, path, a.code)
		}
	}
}

func TestMoreToTheHands(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		h.pharmacies(t)
		form := url.Values{"m": {"MedicationRequest/m1"}, "pharmacy": {"Organization/corner"}, "note": {"Before Friday"}}
		if a := h.post(t, "maria", "/health/medicines/more", url.Values{"m": {"MedicationRequest/m1"}}); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Please choose a pharmacy.") {
			t.Errorf("without a pharmacy: %d", a.code)
		}
		first, second := h.post(t, "rosa", "/for/maria/health/medicines/more", form), h.post(t, "maria", "/health/medicines/more", form)
		if first.code != http.StatusSeeOther || "/for/maria"+second.to != first.to {
			t.Fatalf("asked by two: %s and %s, want one request", first.to, second.to)
		}
		page, _, _ := strings.Cut(second.to, "?")
		id := page[strings.LastIndex(page, "/")+1:]
		a := h.get(t, "maria", second.to)
		checkPage(t, a.body)
		for _, want := range []string{"We got your request", "the nurse team", "You get an answer by", "Before Friday", "Rosa Alvarez", "From here to your hands", "Take it back"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the request does not say %q", want)
			}
		}
		if a := h.get(t, "maria", "/health/medicines"); !strings.Contains(a.body, "Your request is with us") || strings.Contains(a.body, "more?m=MedicationRequest/m1") {
			t.Error("the card does not say that it is asked for, or offers to ask again")
		}
		if a := h.get(t, "maria", "/health/medicines/more?m=MedicationRequest/m1"); a.to != page {
			t.Errorf("asking again leads to %q, want the request", a.to)
		}
		if a := h.get(t, "maria", "/requests/"+id); a.to != page {
			t.Errorf("the general page leads to %q, want the request's own", a.to)
		}
		for as, path := range map[string]string{"sam": page, "driver": "/for/maria" + page} {
			if a := h.get(t, as, path); a.code == http.StatusOK {
				t.Errorf("%s sees %s", as, path)
			}
		}
		h.followed(t, d, id, page)
	})
}

// followed leads a request on at the desk, and looks at what the patient sees.
func (h *house) followed(t *testing.T, d *db.DB, id, page string) {
	t.Helper()
	nurse := access.Actor{Kind: access.Staff, ID: "n", Name: "J. Okafor", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	passes, err := haletest.Doors(d).CheckMany(t.Context(), nurse, "maria", access.AnswerPatients, access.ReadRecord)
	if err != nil {
		t.Fatal(err)
	}
	k, s := medication.Keys{Act: passes[0], Read: passes[1]}, h.supplies
	says := func(what string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		a := h.get(t, "maria", page)
		checkPage(t, a.body)
		for _, w := range want {
			if !strings.Contains(a.body, w) {
				t.Errorf("after %s the page does not say %q", what, w)
			}
		}
	}
	says("a question", s.AskBack(t.Context(), k, id, "Which strength?"), "We have a question for you", "Which strength?", "Send my answer")
	if a := h.post(t, "maria", page+"/reply", url.Values{"words": {" "}}); a.code != http.StatusUnprocessableEntity {
		t.Errorf("an empty answer: %d", a.code)
	}
	if a := h.post(t, "maria", page+"/reply", url.Values{"words": {"500 mg"}}); a.code != http.StatusSeeOther {
		t.Errorf("an answer: %d", a.code)
	}
	says("the answer", nil, "Your request is with us", "500 mg")
	says("yes", s.Approve(t.Context(), k, id, medication.Approval{}), "Your request is approved")
	says("the pharmacy", s.Send(t.Context(), k, id, "fax"), "Your pharmacy has the request", "I have my medicine", "(202)")
	says("ready", s.Ready(t.Context(), k, id), "Your medicine is ready to pick up")
	if a := h.post(t, "rosa", "/for/maria"+page+"/have", nil); a.code != http.StatusSeeOther {
		t.Errorf("picked up: %d", a.code)
	}
	says("picked up", nil, "You have your medicine")
	if list, err := h.tasks.Mine(t.Context(), haletest.Pass(t, d, "maria", access.ReadRecord), 10); err != nil || len(list) != 1 || list[0].Status != task.Done {
		t.Errorf("in the end: %+v, %v", list, err)
	}
	if a := h.post(t, "maria", page+"/cancel", nil); a.code != http.StatusSeeOther {
		t.Errorf("taken back when it was over: %d, want the page as it is", a.code)
	}
}

func TestMedicineToldByThePatient(t *testing.T) {
	h := newHouse(t, haletest.SQLite(t))
	h.maria(t)
	if a := h.post(t, "maria", "/health/medicines/add", url.Values{"name": {""}}); a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Please write the name of the medicine.") {
		t.Errorf("without a name: %d", a.code)
	}
	form := url.Values{"name": {"Vitamin D"}, "sig": {"1 cap po qd"}, "why": {"Bones"}, "since": {"2025-05-01"}}
	a, b := h.post(t, "maria", "/health/medicines/add", form), h.post(t, "maria", "/health/medicines/add", form)
	if a.code != http.StatusSeeOther || a.to != b.to {
		t.Fatalf("told twice: %s, %s, want one line", a.to, b.to)
	}
	page := h.get(t, "maria", a.to)
	checkPage(t, page.body)
	for _, want := range []string{"Vitamin D", "Take 1 capsule by mouth once a day", "Your care team looks at it by", "Bones", "I stopped taking this"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	path, _, _ := strings.Cut(a.to, "?")
	if a := h.post(t, "maria", "/health/medicines/m1/stop", nil); a.code != http.StatusNotFound {
		t.Errorf("a prescription stopped by the patient: %d, want not found", a.code)
	}
	if a := h.post(t, "maria", path+"/stop", nil); a.code != http.StatusSeeOther {
		t.Errorf("stopped: %d", a.code)
	}
	if a := h.get(t, "maria", path); !strings.Contains(a.body, "you no longer take this") {
		t.Error("what was stopped is not shown as stopped")
	}
}
