package app

import (
	"bytes"
	"mime/multipart"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/care/visit"
	"hale/internal/store/db"
)

// part returns what a pattern's group finds on a page.
func part(t testing.TB, what string, p page, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s: nothing like %s at %s (%d)", what, pattern, p.url, p.status)
	}
	return m[1]
}

// brings puts resources into the record.
func (k *served) brings(lines ...string) {
	k.t.Helper()
	if report, err := k.app.Importer("clinic").ImportStream(k.t.Context(), "more.ndjson", strings.NewReader(strings.Join(lines, "\n")), nil); err != nil || len(report.Bad) > 0 {
		k.t.Fatal(err, report.Bad)
	}
}

// opened is a clinic whose nurse has opened times, and Maria's visit in nine
// days.
func opened(t *testing.T, database string) (k *served, texts chan string, id string) {
	t.Helper()
	k, texts = talkClinic(t, database)
	k.brings(`{"resourceType":"Patient","id":"paul","active":true,"name":[{"family":"Stone","given":["Paul"]}],"birthDate":"1990-01-31","gender":"male"}`)
	shows(t, "adding a clinician", k.press("nia", "/desk/slots/rooms", "service", "follow-up", "name", "Dr. Priya Raman", "where", "Suite 2"), "Now you can open times for it")
	room := part(t, "the room", k.see("nia", "/desk/slots"), `<option value="([^"]+)"[^>]*>Dr. Priya Raman · Follow-up visit`)
	p := k.fill("nia", "/desk/slots", "room", room, "first", "2026-10-07", "last", "2026-10-15", "from", "09:00", "to", "10:00", "minutes", "20", "day", "1", "day", "2", "day", "3", "day", "4", "day", "5")
	shows(t, "opening times", p, "The new times are open.")
	slot := part(t, "a late time", k.see("maria", "/book/follow-up?from=2026-10-15"), `name="slot" value="([^"]+)"`)
	booked := k.press("maria", "/book/follow-up", "slot", slot)
	shows(t, "the booking", booked, "Your visit is booked", "Thursday, October 15", "How to get there")
	return k, texts, part(t, "the visit", booked, `/visits/([^/"?]+)/calendar`)
}

// later turns the clock, and signs those in again whose session ended.
func (k *served) later(d time.Duration) {
	k.t.Helper()
	k.clock.move(d)
	for _, who := range []string{"maria", "nia", "dan"} {
		id, err := db.One(k.t.Context(), k.app.db, db.Value[string], `select id from account where email = $1`, who+"@x.example")
		if err != nil {
			k.t.Fatal(err)
		}
		a, err := k.app.Accounts.Get(k.t.Context(), id)
		if err != nil {
			k.t.Fatal(err)
		}
		k.signIn(who, a)
	}
}

// first is the first time of a day as the desk lists it.
func (k *served) first(day string) string {
	k.t.Helper()
	return part(k.t, "the first time", k.see("nia", "/desk/schedule?day="+day), `href="/desk/slots/([^"]+)"`)
}

// From the wish to the message and to the new time, in one tap; and what the
// desk sees of it.
func TestAnEarlierTime(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts, id := opened(t, database)
		go func() { _ = k.app.queue.Run(t.Context()) }()
		if p := k.fill("maria", "/visits/"+id+"/waitlist", "part", "morning"); p.status != 422 || !strings.Contains(p.body, "Please choose at least one day.") {
			t.Errorf("no day = %d", p.status)
		}
		shows(t, "the wish", k.fill("maria", "/visits/"+id+"/waitlist", "day", "3", "day", "4", "part", "morning", "notice", "2"), "You are on the list.")
		shows(t, "the line", k.see("nia", "/desk/waitlist"), "Maria Alvarez", "Wed Thu, morning", "0 offers")

		slot := k.first("2026-10-07")
		shows(t, "finding Paul", k.press("nia", "/desk/slots/"+slot+"/find", "q", "stone"), "Paul Stone")
		atDesk := k.press("nia", "/desk/slots/"+slot+"/book", "patient", "paul", "via", "phone")
		shows(t, "booking for Paul", atDesk, "Booked. The patient is told.", "Paul Stone")
		paul := part(t, "Paul's visit", atDesk, `action="(/desk/patients/paul/visits/[^/"]+)"`)
		if p := k.press("nia", paul+"/cancel", "why", " "); p.status != 422 {
			t.Errorf("cancelling without a reason = %d, want 422", p.status)
		}
		shows(t, "cancelling", k.press("nia", paul+"/cancel", "why", "The doctor is away that day."), "Cancelled. The patient is told", "The doctor is away that day.")

		text := ""
		for text == "" || !strings.Contains(text, "earlier time") {
			select {
			case text = <-texts:
			case <-time.After(20 * time.Second):
				t.Fatal("no text came")
			}
		}
		if strings.Contains(text, "Follow") || !strings.Contains(text, "Please answer by") {
			t.Errorf("the text is %q", text)
		}
		link := strings.TrimPrefix(regexp.MustCompile(`http://\S+/m/\S+`).FindString(text), k.base)
		shows(t, "the message", k.press("nobody", link, "m", "3", "d", "9", "y", "1948"), "An earlier time came free", "Wednesday, October 7", "Take the earlier time")
		shows(t, "home", k.see("maria", "/home"), "An earlier time came free")
		shows(t, "the offer in the portal", k.see("maria", "/visits/"+id), "We keep it for you until", "Thursday, October 15")
		told := regexp.MustCompile(`/inbox/[0-9A-Za-z_-]{8,}`).FindString(k.see("maria", "/inbox").body)
		shows(t, "the offer among the messages", k.see("maria", told), "An earlier time came free", "Take it or keep the time I have", `href="/visits/`+id+`"`)
		if p := k.see("nia", "/desk/slots/"+slot); !strings.Contains(p.body, "It is kept for a patient") {
			t.Error("the desk does not see that the time is kept")
		}
		shows(t, "taking it", k.press("nobody", link+"/take"), "Your visit has a new time", "Wednesday, October 7")
		shows(t, "the visit", k.see("maria", "/visits/"+id), "Wednesday, October 7", "9:00")
		shows(t, "a second tap", k.press("nobody", link+"/take"), "Wednesday, October 7", "That time is no longer free")
		shows(t, "the offers", k.see("nia", "/desk/waitlist"), "Taken", "Nobody waits.")

		// two taps from the same page: another time, and then none
		move := k.see("nobody", link+"/move")
		shows(t, "moving", k.press("nobody", link+"/move", "slot", part(t, "a time", move, `name="slot" value="([^"]+)"`)), "Your visit has a new time")
		shows(t, "cancelling by link", k.press("nobody", link+"/cancel"), "Your visit is cancelled")
		shows(t, "the visit after it", k.see("maria", "/visits/"+id), "Cancelled")
	})
}

// Checking in from the first page to the desk, and what came of the visit.
func TestCheckingIn(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, _, id := opened(t, database)
		if p := k.see("maria", "/checkin/"+id); p.status != 404 {
			t.Errorf("checking in nine days before = %d, want 404", p.status)
		}
		k.later(3 * 24 * time.Hour)
		check := "/checkin/" + id
		shows(t, "the schedule before", k.see("nia", "/desk/schedule?day=2026-10-15"), "Maria Alvarez", "Check-in: not begun")
		shows(t, "the steps", k.see("maria", check), "Your details", "Insurance card", "Sign", "Begin")
		shows(t, "the visit", k.see("maria", "/visits/"+id), "Check in now")
		shows(t, "details", k.press("maria", check+"/you", "line", "9 Oak Avenue", "phone", "+12025550142"), "Your insurance card", "step 2 of")
		shows(t, "the schedule under way", k.see("nia", "/desk/schedule?day=2026-10-15"), "Check-in: begun, 1 step of 5 done")
		shows(t, "the card", k.card("maria", check+"/insurance", picture(t)), "Do you still take these?")
		shows(t, "medicines", k.press("maria", check+"/medicines", "also", "Vitamin D"), "step 4 of", "Forms")
		shows(t, "forms", k.press("maria", check+"/forms"), "I have read this and I agree", "Consent to care")
		shows(t, "resuming", k.see("maria", "/visits/"+id), "Go on with check-in", check+"/sign")
		if p := k.press("maria", check+"/sign", "version", "1", "name", "Maria"); p.status != 422 {
			t.Errorf("signing without a tick = %d, want 422", p.status)
		}
		shows(t, "signing", k.press("maria", check+"/sign", "version", "1", "name", "Maria Alvarez", "agree", "yes"), "You are checked in")

		queue := k.see("nia", "/desk/queue")
		shows(t, "the queue", queue, "New contact details", "New insurance card", "Medicines, as the patient takes them")
		var details page
		for _, m := range regexp.MustCompile(`href="(/desk/queue/[0-9a-z]{20,}[^"]*)"`).FindAllStringSubmatch(queue.body, -1) {
			if p := k.see("nia", m[1]); strings.Contains(p.body, "Put these into the record") {
				details = p
			}
		}
		shows(t, "the task", details, "9 Oak Avenue", "Put these into the record")
		shows(t, "putting them in", k.press("nia", part(t, "the button", details, `action="(/desk/patients/maria/details/[^"]+)"`)), "Queue")
		shows(t, "the record", k.see("maria", check+"/you"), `value="9 Oak Avenue"`)

		k.later(5*24*time.Hour + 17*time.Hour + 40*time.Minute) // the day, at 8:54
		shows(t, "arriving", k.press("maria", check+"/arrive"), "We know that you are here")
		shows(t, "the schedule", k.see("nia", "/desk/schedule?day=2026-10-15"), "Maria Alvarez", "Here", "Check-in: ready")
		at := "/desk/patients/maria/visits/" + id
		shows(t, "the visit at the desk", k.see("nia", at), "Visit is done", "Signed")
		shows(t, "done", k.press("nia", at, "mark", string(visit.MarkDone)), "Noted.", "Done")
		shows(t, "no summary yet", k.see("maria", "/visits/"+id+"/summary"), "There is no summary of this visit yet")
		k.brings(`{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/maria"},"appointment":[{"reference":"Appointment/`+id+`"}],"reasonCode":[{"text":"Blood pressure"}],"period":{"start":"2026-10-15T09:00:00Z","end":"2026-10-15T09:20:00Z"}}`,
			`{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","medicationCodeableConcept":{"text":"Amlodipine 5 MG"},"subject":{"reference":"Patient/maria"},"encounter":{"reference":"Encounter/e1"},"authoredOn":"2026-10-15","dosageInstruction":[{"text":"Take 1 tablet each morning"}]}`)
		shows(t, "the summary", k.see("maria", "/visits/"+id+"/summary"), "Why you came", "Blood pressure", "Amlodipine 5 MG", "New", "Complete to")
		if p := k.see("dan", "/for/maria/visits/"+id+"/summary"); p.status == 200 {
			t.Error("somebody who only drives reads the summary")
		}
	})
}

// card sends a photo of the front of a card.
func (k *served) card(who, path string, photo []byte) page {
	k.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	w, err := form.CreateFormFile("front", "card.jpg")
	if err == nil {
		_, err = w.Write(photo)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return k.read(k.who[who].Post(k.base+path, form.FormDataContentType(), &body))
}
