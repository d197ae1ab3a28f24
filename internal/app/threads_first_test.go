package app

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The clinic writes first: the patient is told, reads it, and answers; only
// then does it stand in the desk's queue.
func TestClinicWritesFirst(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		shows(t, "the record", k.see("nia", "/desk/patients/maria"), "Write to the patient", "/desk/patients/maria/write")
		form := k.see("nia", "/desk/patients/maria/write")
		shows(t, "the form", form, "Write to Maria Alvarez", "About a bill, from the billing office", "Nothing written yet")
		once := regexp.MustCompile(`name="once" value="([^"]+)"`).FindStringSubmatch(form.body)[1]
		if p := k.press("nia", "/desk/patients/maria/write", "do", "send", "once", once, "reason", "medicine"); p.status != 422 || !strings.Contains(p.body, "Not sent yet.") {
			t.Errorf("nothing written is %d", p.status)
		}
		in := []string{"do", "send", "once", once, "reason", "medicine", "title", "Your new pills", "text", "Your diabetes pills are ready. Please take them with food.", "private", "yes"}
		sent := k.press("nia", "/desk/patients/maria/write", in...)
		shows(t, "what was sent", sent, "A notice with a link is on its way", "Your new pills", "Please take them with food")
		id := regexp.MustCompile(`/desk/messages/([^/?]+)`).FindStringSubmatch(sent.url)[1]
		shows(t, "sent twice", k.press("nia", "/desk/patients/maria/write", in...), "This was sent already, once.", "Your new pills")
		if p := k.see("nia", "/desk/queue"); strings.Contains(p.body, "Your new pills") {
			t.Error("it stands in the queue before the patient answered")
		}
		link := k.texted(texts)
		shows(t, "the patient's first page", k.see("maria", "/home"), "A message: Your new pills")
		k.pickUp(link, "Please take them with food.")
		shows(t, "the thread", k.see("maria", "/inbox/"+id), "Your new pills", "We wrote to you on", "Nia Nurse", "You can write back below.")
		if n := strings.Count(k.see("maria", "/inbox").body, `/inbox/`+id); n != 1 {
			t.Errorf("the thread stands in the list %d times", n)
		}
		k.clock.move(time.Minute)
		shows(t, "the answer", k.writes("maria", "/inbox/thread/"+id+"/reply", "Thank you. How many a day?"), "Your message is with us.", "It is with the nurse team.")
		shows(t, "the queue", k.see("nia", "/desk/queue"), "Maria Alvarez", "About a medicine")
		shows(t, "the desk", k.see("nia", "/desk/messages/"+id), "How many a day?", "answer due in")
		for _, who := range []string{"alan", "maria", "rosa"} {
			if p := k.see(who, "/desk/patients/maria/write"); p.status != 404 {
				t.Errorf("%s at the form is %d", who, p.status)
			}
			if p := k.read(k.who[who].PostForm(k.base+"/desk/patients/maria/write", url.Values{"text": {"x"}, "reason": {"bill"}})); p.status != 404 && p.status != 403 {
				t.Errorf("%s may write: %d", who, p.status)
			}
		}
	})
}
