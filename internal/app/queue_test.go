package app

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/store/db"
)

// see opens a page as somebody.
func (k *served) see(who, path string) page {
	k.t.Helper()
	p := k.read(k.who[who].Get(k.base + path))
	p.body = html.UnescapeString(p.body)
	return p
}

// press sends a form as somebody and returns the page where that ends.
func (k *served) press(who, path string, pairs ...string) page {
	k.t.Helper()
	p := k.read(k.who[who].PostForm(k.base+path, changed(url.Values{}, pairs...)))
	p.body = html.UnescapeString(p.body)
	return p
}

// asked is something that Ada asked.
func (k *served) asked(in task.New) task.Task { return k.askedFor("ada", in) }

// askedFor is something that a patient asked.
func (k *served) askedFor(who string, in task.New) task.Task {
	k.t.Helper()
	self := access.Actor{Kind: access.Patient, ID: who + "-by-herself", Name: "Ada Byron", Patient: who, Proof: access.Proof{Zone: access.PortalZone, At: k.clock.Now()}}
	pass, err := k.app.Doors.Check(k.t.Context(), self, access.SendMessages, who)
	if err != nil {
		k.t.Fatal(err)
	}
	t, err := k.app.Tasks.Ask(k.t.Context(), pass, in)
	if err != nil {
		k.t.Fatal(err)
	}
	return t
}

// shows says which of words a page lacks.
func shows(t *testing.T, what string, p page, words ...string) {
	t.Helper()
	if p.status != 200 {
		t.Fatalf("%s is %d at %s", what, p.status, p.url)
	}
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			t.Errorf("%s does not say %q", what, w)
		}
	}
}

func TestQueue(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		k := newClinic(t, url)
		thereAndBack(t, k)
		honestAndClosed(t, k)
		asThePatient(t, k)
	})
}

// thereAndBack goes from what a patient asked to the desk's answer, and back
// to the patient.
func thereAndBack(t *testing.T, k *served) {
	one := k.asked(task.New{Kind: task.MedicineQuestion, Title: "May I take it with milk?", Text: "It makes me sick in the morning."})
	mine, desk := "/requests/"+one.ID, "/desk/queue/"+one.ID
	shows(t, "the patient's list", k.see("ada", "/requests"), "May I take it with milk?", "It is with the nurse team", "You get an answer by")
	shows(t, "home", k.see("ada", "/home"), "What you asked for", "May I take it with milk?")
	shows(t, "the desk's first page", k.see("nia", "/desk"), "What patients asked for", `href="/desk/queue"`)
	shows(t, "the queue", k.see("nia", "/desk/queue"), "May I take it with milk?", "Ada Byron", "Medicine question", "Due in")
	shows(t, "the task", k.see("nia", desk), "It makes me sick in the morning.", "Claim it")
	shows(t, "what was read", k.see("ada", mine), "We have read it.", "Nia Nurse read it")
	shows(t, "the claimed task", k.press("nia", desk+"/claim"), "You have it now", "Yours")
	shows(t, "the list of hers", k.see("nia", "/desk/queue?who=mine"), "May I take it with milk?")
	shows(t, "what is with somebody", k.see("ada", mine), "It is with Nia Nurse.")
	shows(t, "a step", k.press("nia", desk+"/step", "to", "waiting", "note", "We asked the pharmacist."), "Noted.")
	shows(t, "what waits", k.see("ada", mine), "waits for something", "We asked the pharmacist.")

	shows(t, "a saved reply", k.press("nia", "/desk/queue/replies", "title", "With food", "words", "Dear {first}, take it with food.", "kind", "medicine-question"), "With food", "Saved.")
	if p := k.press("nia", "/desk/queue/replies", "title", "Broken", "words", "Dear {name}", "kind", ""); p.status != 422 {
		t.Errorf("a text with an unknown place is %d", p.status)
	}
	reply := regexp.MustCompile(`\?reply=([^"#]+)`).FindStringSubmatch(k.see("nia", desk).body)
	if reply == nil {
		t.Fatal("the task offers no saved reply")
	}
	shows(t, "the reply in place", k.see("nia", desk+"?reply="+reply[1]), "Dear Ada, take it with food.")
	if p := k.press("nia", desk+"/close", "reason", "refused", "answer", " "); p.status != 422 || !strings.Contains(p.body, "why not") {
		t.Errorf("a refusal without a word is %d", p.status)
	}
	shows(t, "the queue after it", k.press("nia", desk+"/close", "reason", "finished", "answer", "Dear Ada, take it with food."), "Closed, and the patient is told.", "Undo")
	shows(t, "the answer", k.see("ada", mine), "Dear Ada, take it with food.", "Answered")
	if _, err := k.app.Accounts.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	const told = `select count(*) from message where patient = 'ada' and channel = 'inbox' and purpose = 'security'`
	if n, err := db.One(t.Context(), k.app.db, db.Value[int], told); err != nil || n != 2 {
		t.Errorf("%d notices are on their way, %v: want one for the step and one for the answer", n, err)
	}
	shows(t, "what was closed", k.see("nia", "/desk/queue?kind=closed"), "May I take it with milk?", "Done")
	shows(t, "the undone closing", k.press("nia", desk+"/open"), "Open again")
	shows(t, "what is open again", k.see("ada", mine), "It is with Nia Nurse.")
	shows(t, "what was taken back", k.press("ada", mine+"/cancel"), "Taken back.")
	if p := k.see("nia", "/desk/queue?who=mine"); strings.Contains(p.body, "May I take it with milk?") {
		t.Error("what was taken back still waits")
	}
}

// honestAndClosed: what is late is called late on both sides, and what is
// nobody else's business is not there.
func honestAndClosed(t *testing.T, k *served) {
	late := k.asked(task.New{Kind: task.Refill, Title: "Refill of the blue pills", Due: k.clock.Now().Add(-3 * time.Hour)})
	other := k.asked(task.New{Kind: task.Message, Title: "Second"})
	shows(t, "what is late", k.see("ada", "/requests/"+late.ID), "We are late. We said you would hear from us by", "We are sorry")
	shows(t, "the queue", k.see("nia", "/desk/queue?who=late"), "Refill of the blue pills", "Overdue by 3 hours", "1 thing is overdue")
	if p := k.see("nia", "/desk/queue?who=late"); strings.Contains(p.body, "Second") {
		t.Error("what is in time is among what is late")
	}
	claimed := k.read(k.who["nia"].PostForm(k.base+"/desk/queue/claim", map[string][]string{"task": {late.ID, other.ID}}))
	shows(t, "many claimed", claimed, "Refill of the blue pills", "Second", "Claimed.")
	for _, at := range [][2]string{{"cleo", "/requests/" + late.ID}, {"max", "/desk/queue"}, {"alan", "/desk/queue/" + late.ID}, {"ada", "/desk/queue"},
		{"rosa", "/for/ada/requests/" + late.ID}, {"nia", "/desk/queue/gone"}} {
		if p := k.see(at[0], at[1]); p.status != 404 || strings.Contains(p.body, "blue pills") {
			t.Errorf("%s at %s is %d", at[0], at[1], p.status)
		}
	}
	if p := k.press("nia", "/desk/queue/promises", "kind", "refill", "n", "4", "unit", "days", "team", "the front desk"); p.status != 404 {
		t.Errorf("a nurse who changes a promise is %d", p.status)
	}
	if p := k.press("alan", "/desk/queue/promises", "kind", "refill", "n", "0", "unit", "days", "team", "the front desk"); p.status != 422 {
		t.Errorf("no promise at all is %d", p.status)
	}
	shows(t, "the promises", k.press("alan", "/desk/queue/promises", "kind", "refill", "n", "4", "unit", "hours", "team", "the front desk"), "Within 4 working hours, by the front desk")
	if next := k.asked(task.New{Kind: task.Refill, Title: "Another"}); next.Team != "the front desk" {
		t.Errorf("a refill goes to %q", next.Team)
	}
}

// asThePatient: staff see the portal as the patient sees it once they have
// begun to, change nothing there, and see no more than both may.
func asThePatient(t *testing.T, k *served) {
	const begin = "/desk/patients/ada/as"
	if p := k.see("nia", "/for/ada/home"); p.status != 404 {
		t.Errorf("a patient's page, without having begun, is %d", p.status)
	}
	shows(t, "the patient's page at the desk", k.see("nia", "/desk/patients/ada"), "See what the patient sees", "Timeline", "Refill: Refill of the blue pills", "Visit: Checkup")
	shows(t, "what it says before", k.see("nia", begin), "Begin to look")
	for _, who := range []string{"max", "alan", "ada"} {
		if p := k.press(who, begin); p.status != 404 {
			t.Errorf("%s begins: %d", who, p.status)
		}
	}
	shows(t, "home", k.press("nia", begin), "You see the portal as Ada Byron sees it.", "Refill of the blue pills")
	shows(t, "a list", k.see("nia", "/for/ada/health/results"), "You see the portal as Ada Byron sees it.", "Stop looking")
	for _, path := range []string{"/for/cleo/home", "/for/ada/looks", "/for/ada/privacy"} {
		if p := k.see("nia", path); p.status != 404 {
			t.Errorf("%s is %d", path, p.status)
		}
	}
	var open string
	if m := regexp.MustCompile(`/for/ada(/requests/[^"?]+)"`).FindStringSubmatch(k.see("nia", "/for/ada/requests").body); m != nil {
		open = m[1]
	}
	if p := k.press("nia", "/for/ada"+open+"/cancel"); p.status != 403 || !strings.Contains(p.body, "Nothing can be changed here") {
		t.Errorf("taking back in the patient's place is %d", p.status)
	}
	shows(t, "what was not taken back", k.see("ada", open), "Don’t need this any more?")
	shows(t, "the end", k.press("nia", begin+"/end"), "You no longer look at the portal as this patient.")
	if p := k.see("nia", "/for/ada/home"); p.status != 404 {
		t.Errorf("a patient's page after the end is %d", p.status)
	}
	shows(t, "who looked", k.see("ada", "/looks"), "Looked at your pages as you see them, to help you", "As you see it")
	k.press("nia", begin)
	k.clock.move(31 * time.Minute)
	if p := k.see("nia", "/for/ada/home"); strings.Contains(p.body, "as Ada Byron sees it") {
		t.Error("a look lasts longer than half an hour")
	}
}
