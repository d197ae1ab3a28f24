package app

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// drugs are two pharmacies and Ada's medicines: one with refills left, one
// that is too old.
func drugs(now time.Time) string {
	day := func(months int) string { return now.AddDate(0, months, 0).Format(time.DateOnly) }
	const of = `"intent":"order","subject":{"reference":"Patient/ada"},"requester":{"display":"Dr. Priya Raman"}`
	return strings.Join([]string{
		`{"resourceType":"Organization","id":"corner","active":true,"name":"Corner Drugs","type":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"3336C0003X"}]}],"telecom":[{"system":"phone","value":"+12025550160"}]}`,
		`{"resourceType":"Location","id":"oak","name":"Oak Pharmacy","type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"OUTPHARM"}]}]}`,
		`{"resourceType":"AllergyIntolerance","id":"al","clinicalStatus":{"coding":[{"code":"active"}]},"code":{"text":"Penicillin"},"patient":{"reference":"Patient/ada"}}`,
		`{"resourceType":"MedicationRequest","id":"lis","status":"active",` + of + `,"authoredOn":"` + day(-4) + `","medicationCodeableConcept":{"text":"Lisinopril 10 mg tablet"},"dosageInstruction":[{"text":"Take 1 tablet by mouth once a day"}],"dispenseRequest":{"numberOfRepeatsAllowed":3}}`,
		`{"resourceType":"MedicationDispense","id":"fill","status":"completed","subject":{"reference":"Patient/ada"},"medicationCodeableConcept":{"text":"Lisinopril"},"authorizingPrescription":[{"reference":"MedicationRequest/lis"}],"whenHandedOver":"` + day(-3) + `","daysSupply":{"value":90,"unit":"days"},"performer":[{"actor":{"reference":"Organization/corner"}}]}`,
		`{"resourceType":"MedicationRequest","id":"met","status":"active",` + of + `,"authoredOn":"` + day(-20) + `","medicationCodeableConcept":{"text":"Metformin 500 mg tablet"},"dosageInstruction":[{"text":"1 tab po bid"}],"dispenseRequest":{"numberOfRepeatsAllowed":3,"expectedSupplyDuration":{"value":90,"unit":"days","code":"d","system":"http://unitsofmeasure.org"}}}`,
	}, "\n") + "\n"
}

func TestMoreOfAMedicine(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		k := newClinic(t, url)
		report, err := k.app.Importer("clinic").ImportStream(t.Context(), "drugs.ndjson", strings.NewReader(drugs(k.clock.Now())), nil)
		if err != nil || len(report.Bad) > 0 {
			t.Fatal(err, report.Bad)
		}
		refilled(t, k)
		renewed(t, k)
		told(t, k)
	})
}

// requestIn finds the address of a request, without what was just done.
var requestIn = regexp.MustCompile(`/health/medicines/requests/([0-9a-z]+)`)

// refilled goes from the tap to the hands: a refill that the nurse approves.
func refilled(t *testing.T, k *served) {
	shows(t, "the list", k.see("ada", "/health/medicines"), "Lisinopril 10 mg tablet", "3 refills left", "I need more of this", "Take 1 tablet by mouth twice a day")
	shows(t, "what happens", k.see("ada", "/health/medicines/more?m=MedicationRequest/lis"), "This is a refill", "It goes to the nurse team.", "You get an answer by", "Corner Drugs", "You use this one", "Oak Pharmacy")
	sent := []string{"m", "MedicationRequest/lis", "pharmacy", "Organization/corner", "note", "I travel on Friday."}
	first, second := k.press("ada", "/health/medicines/more", sent...), k.press("ada", "/health/medicines/more", sent...)
	shows(t, "the confirmation", first, "We got your request", "the nurse team")
	ids := requestIn.FindStringSubmatch(first.url)
	if again := requestIn.FindStringSubmatch(second.url); ids == nil || again == nil || ids[1] != again[1] {
		t.Fatalf("two taps led to %s and %s, want one request", first.url, second.url)
	}
	mine, queue, do := "/health/medicines/requests/"+ids[1], "/desk/queue/"+ids[1], "/desk/medicines/"+ids[1]
	shows(t, "the queue", k.see("nia", "/desk/queue"), "Lisinopril 10 mg tablet", "Refill")
	shows(t, "the panel", k.see("nia", queue), "I travel on Friday.", "Penicillin", "3 of 3", "Metformin 500 mg tablet", "Corner Drugs", "refills are left", "Approve the refill")
	for _, act := range []string{"/approve", "/send", "/deny"} {
		if p := k.press("max", do+act, "how", "fax", "words", "no"); p.status == 200 {
			t.Errorf("a marketer may %s: %d", act, p.status)
		}
		if p := k.press("ada", do+act, "how", "fax", "words", "no"); p.status == 200 {
			t.Errorf("the patient may %s: %d", act, p.status)
		}
	}
	shows(t, "a question back", k.press("nia", do+"/ask", "words", "How many are left?"), "The patient reads your question")
	shows(t, "the question", k.see("ada", mine), "We have a question for you", "How many are left?")
	shows(t, "the answer", k.press("ada", mine+"/reply", "words", "Five."), "We got your answer")
	shows(t, "the answer at the desk", k.see("nia", queue), "Five.")
	if p := k.press("nia", do+"/send", "how", "fax"); p.status != 422 || !strings.Contains(p.body, "Somebody was faster") {
		t.Errorf("sent before it was approved: %d", p.status)
	}
	shows(t, "yes", k.press("nia", do+"/approve"), "Approved. The patient is told.", "no link to a network for electronic prescriptions", "Letter to the pharmacy")
	shows(t, "yes, to the patient", k.see("ada", mine), "Your request is approved")
	shows(t, "the letter", k.see("nia", do+"/letter"), "Lisinopril 10 mg tablet", "Take 1 tablet by mouth once a day", "Corner Drugs", "Ada Byron", "Signature")
	shows(t, "sent", k.press("nia", do+"/send", "how", "fax"), "Noted that the pharmacy has it")
	shows(t, "sent, to the patient", k.see("ada", mine), "Your pharmacy has the request", "(202)\u00a0555-0160")
	shows(t, "the card", k.see("ada", "/health/medicines"), "Your pharmacy has the request.", "2 refills left")
	shows(t, "ready", k.press("nia", do+"/ready"), "The patient is told to pick it up")
	shows(t, "home", k.see("ada", "/home"), "Ready for you")
	shows(t, "in the hands", k.press("ada", mine+"/have"), "You have your medicine")
	shows(t, "closed", k.see("nia", queue), "Closed")
	if p := k.see("cleo", mine); p.status != 404 {
		t.Errorf("somebody else sees the request: %d", p.status)
	}
	if p := k.see("rosa", "/for/ada"+mine); p.status == 200 {
		t.Errorf("a helper without medicines sees the request: %d", p.status)
	}
}

// renewed asks for what is too old: a new prescription on a doctor's word,
// and once no.
func renewed(t *testing.T, k *served) {
	first := k.press("ada", "/health/medicines/more", "m", "MedicationRequest/met", "pharmacy", "other", "told", "Market Pharmacy, Elm Town")
	shows(t, "the confirmation", first, "We got your request", "A new prescription")
	id := requestIn.FindStringSubmatch(first.url)[1]
	do := "/desk/medicines/" + id
	shows(t, "the panel", k.see("nia", "/desk/queue/"+id), "the prescription is too old", "Market Pharmacy, Elm Town", "typed this pharmacy in", "Authorised by")
	if p := k.press("nia", do+"/approve", "authorised", "", "refills", "3"); p.status != 422 || !strings.Contains(p.body, "Say who authorised") {
		t.Errorf("approved on nobody's word: %d", p.status)
	}
	if p := k.press("nia", do+"/approve", "authorised", "Dr. Raman", "refills", "many"); p.status != 422 || !strings.Contains(p.body, "whole numbers") {
		t.Errorf("approved with many refills: %d", p.status)
	}
	shows(t, "no", k.press("nia", do+"/deny", "words", "Please come for a blood test first."), "The patient reads why")
	shows(t, "no, to the patient", k.see("ada", "/health/medicines/requests/"+id), "We could not do this", "Please come for a blood test first.")
	second := k.press("ada", "/health/medicines/more", "m", "MedicationRequest/met", "pharmacy", "Location/oak")
	if id2 := requestIn.FindStringSubmatch(second.url)[1]; id2 == id {
		t.Fatal("after a no one cannot ask again")
	} else {
		do = "/desk/medicines/" + id2
	}
	shows(t, "yes", k.press("nia", do+"/approve", "authorised", "Dr. Raman", "refills", "2", "days", "30"), "Approved.")
	shows(t, "the letter", k.see("nia", do+"/letter"), "Authorised by", "Dr. Raman", "Oak Pharmacy")
	shows(t, "sent", k.press("nia", do+"/send", "how", "phone"), "Noted that the pharmacy has it")
	shows(t, "the desk hears that she has it", k.press("nia", do+"/picked"), "Picked up")
	list := k.see("ada", "/health/medicines")
	shows(t, "the list", list, "2 refills left", "1 past medicine")
	if n := strings.Count(list.body, ">Metformin 500 mg tablet<"); n == 0 {
		t.Error("the renewed medicine is gone from the list")
	}
}

// told is what the patient tells, and the nurse strikes out.
func told(t *testing.T, k *served) {
	page := k.press("ada", "/health/medicines/add", "name", "Saint John’s wort", "why", "Sleep")
	shows(t, "what was told", page, "Thank you.", "Saint John’s wort", "Your care team looks at it by")
	queue := k.see("nia", "/desk/queue?kind=medicine-question")
	shows(t, "the queue", queue, "Saint John’s wort")
	id := regexp.MustCompile(`/desk/queue/([0-9a-z]{20,})"`).FindStringSubmatch(queue.body)
	if id == nil {
		t.Fatal("the queue does not lead to what was told")
	}
	shows(t, "the panel", k.see("nia", "/desk/queue/"+id[1]), "The patient tells of this medicine", "Strike it out")
	shows(t, "struck out", k.press("nia", "/desk/medicines/"+id[1]+"/reject", "words", "We spoke: it was tea."), "Struck out")
	if p := k.see("ada", "/health/medicines"); strings.Contains(p.body, "wort") {
		t.Error("what was struck out is still on the list")
	}
	shows(t, "why", k.see("ada", "/requests/"+id[1]), "We spoke: it was tea.")
}

// measured is a minute ago, as the form writes it.
func (k *served) measured() string {
	return k.clock.Now().In(k.app.c.Clinic.Zone).Add(-time.Minute).Format("2006-01-02T15:04")
}

func TestReadingsFromHome(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		k := newClinic(t, url)
		shows(t, "no readings", k.see("ada", "/health/readings"), "No readings from home yet", "below 90 or above 160", "call 911")
		well := k.press("ada", "/readings/new", "kind", "pressure", "upper", "128", "lower", "79", "at", k.measured())
		shows(t, "an expected one", well, "Your reading is in your record", "You do not need to do anything", "128")
		if again := k.press("ada", "/readings/new", "kind", "pressure", "upper", "128", "lower", "79", "at", k.measured()); again.url != well.url {
			t.Errorf("sent twice: %s, want %s", again.url, well.url)
		}
		if p := k.press("ada", "/readings/new", "kind", "pressure", "upper", "80", "lower", "130", "at", k.measured()); p.status != 422 || !strings.Contains(p.body, "the higher one first") {
			t.Errorf("the wrong way round: %d", p.status)
		}
		shows(t, "what is out", k.press("ada", "/readings/new", "kind", "glucose", "glucose", "260", "at", k.measured(), "note", "After cake"), "Your care team looks at this reading", "Your care team was told", "the nurse team")
		danger := k.press("ada", "/readings/new", "kind", "weight", "weight", "165", "unit", "lb", "at", k.measured())
		shows(t, "a weight", danger, "Your reading is in your record", "165 lb")
		shows(t, "the limits", k.press("nia", "/desk/limits", "upper-low", "90", "upper-high", "150", "upper-danger-high", "170", "lower-high", "100"), "Saved.")
		if p := k.press("nia", "/desk/limits", "upper-low", "200", "upper-high", "150"); p.status != 422 || !strings.Contains(p.body, "cross each other") {
			t.Errorf("crossed limits: %d", p.status)
		}
		if p := k.press("max", "/desk/limits", "upper-high", "300"); p.status == 200 {
			t.Error("a marketer sets limits")
		}
		k.clock.now = k.clock.now.Add(2 * time.Minute)
		shows(t, "what is dangerous", k.press("ada", "/readings/new", "kind", "pressure", "upper", "171", "lower", "95", "at", k.measured()), "This reading is dangerous", "Get help now. Call 911", "Do not wait for our answer")
		queue := k.see("nia", "/desk/queue?kind=reading")
		shows(t, "the queue", queue, "Blood pressure from home", "Blood sugar from home")
		id := regexp.MustCompile(`/desk/queue/([0-9a-z]{20,})"[^>]*>[^<]*(?:<[^>]*>)*Blood pressure from home`).FindStringSubmatch(queue.body)
		if id == nil {
			id = regexp.MustCompile(`/desk/queue/([0-9a-z]{20,})"`).FindStringSubmatch(queue.body)
		}
		shows(t, "the panel", k.see("nia", "/desk/queue/"+id[1]), "The last readings", "at home", "Limits of this patient")
		shows(t, "own limits", k.press("nia", "/desk/limits/"+id[1], "upper-high", "180"), "Saved. These limits hold")
		shows(t, "the patient’s own limits", k.see("ada", "/health/readings"), "above 180")
		if p := k.see("cleo", well.url[len(k.base):]); p.status != 404 {
			t.Errorf("somebody else sees it: %d", p.status)
		}
	})
}
