package app

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/visit"
)

// A receptionist finishes a check-in: the details, the photo of the card, the
// arrival, with two taps on each button; what the patient says about medicines
// is for the nurses, and another's rows are not there.
func TestCheckInAtTheFrontDesk(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, _, id := opened(t, database)
		k.joins("fran", access.FrontDesk)
		k.later(3 * 24 * time.Hour)
		k.joins("fritz", access.FrontDesk) // signed in after the wait
		check := "/checkin/" + id
		k.press("maria", check+"/you", "line", "9 Oak Avenue", "phone", "+12025550142")
		k.card("maria", check+"/insurance", picture(t))
		k.press("maria", check+"/medicines", "also", "Vitamin D")
		shows(t, "the nurses' queue", k.see("nia", "/desk/queue"), "Medicines, as the patient takes them")
		queue := k.see("fritz", "/desk/queue")
		shows(t, "the queue", queue, "New contact details", "New insurance card")
		if strings.Contains(queue.body, "Medicines, as the patient") {
			t.Error("the front desk reads about medicines")
		}
		tasks := map[string]page{}
		for _, m := range regexp.MustCompile(`href="(/desk/queue/[0-9a-z]{20,}[^"]*)"`).FindAllStringSubmatch(queue.body, -1) {
			p := k.see("fritz", m[1])
			for _, words := range []string{"Put these into the record", "Front of the card"} {
				if strings.Contains(p.body, words) {
					tasks[words] = p
				}
			}
		}
		photo := part(t, "the card", tasks["Front of the card"], `href="(/desk/patients/maria/letters/[^"]+)"`)
		shows(t, "the card", k.see("fritz", photo), "Insurance card", "Save the file", `<img class="sent" src="`+photo+`/file"`)
		if p := k.see("fritz", photo+"/file"); p.status != 200 || len(p.body) == 0 {
			t.Errorf("the photo is %d with %d bytes", p.status, len(p.body))
		}
		if p := k.see("fritz", strings.Replace(photo, "maria", "dan", 1)); p.status != 404 {
			t.Errorf("the card under another's name is %d", p.status)
		}
		if p := k.see("fritz", "/desk/letters"); p.status != 404 {
			t.Errorf("all that patients sent is %d", p.status)
		}
		waits := k.see("nia", "/desk/letters")
		shows(t, "what the nurses have to look at", waits, photo)
		shows(t, "looked at", k.press("fritz", photo), "Noted: you have looked at it.")
		if strings.Contains(k.see("nia", "/desk/letters").body, photo) {
			t.Error("the nurses have to look at a card that the front desk looked at")
		}
		apply := part(t, "the button", tasks["Put these into the record"], `action="(/desk/patients/maria/details/[^"]+)"`)
		if p := k.press("fritz", strings.Replace(apply, "maria", "dan", 1)); p.status != 404 {
			t.Errorf("the details into another's record: %d", p.status)
		}
		shows(t, "putting them in", k.press("fritz", apply), "The new details are in the record")
		if p := k.press("fritz", apply); p.status == 200 {
			t.Errorf("a second tap is taken: %d", p.status)
		}
		at := "/desk/patients/maria/visits/" + id
		shows(t, "arrived", k.press("fritz", at, "mark", string(visit.MarkArrived)), "Noted.", "Here")
		if p := k.press("fritz", at, "mark", string(visit.MarkArrived)); p.status != 422 {
			t.Errorf("arrived twice is %d, want to be told that it is so", p.status)
		}
		if p := k.press("fritz", strings.Replace(at, "maria", "dan", 1), "mark", string(visit.MarkDone)); p.status != 404 {
			t.Errorf("another's visit is marked: %d", p.status)
		}
	})
}
