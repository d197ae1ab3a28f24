package app

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/intake"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// recalls sends a message about a visit to Maria, as an outreach does.
func (k *served) recalls(t *testing.T) {
	t.Helper()
	pass, err := k.app.Doors.CheckAll(t.Context(), access.SystemActor("recall", access.RunOutreach), access.RunOutreach)
	if err != nil {
		t.Fatal(err)
	}
	o, err := k.app.Reach.Save(t.Context(), pass, reach.Outreach{Name: "Spring recall", Purpose: "care", Segment: segment.Expr{Patients: []string{"maria"}}, Template: template.Template{Sensitivity: 2,
		Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Time for a visit", Body: "Hello {{ first_name | default: \"there\" }}, it is time for a visit."},
			{Channel: string(reach.SMS), Lang: "en", Body: "{{ clinic }}: we have a message for you. {{ link }}"},
		}}})
	if err == nil {
		err = k.app.Reach.Start(t.Context(), pass, o.ID)
	}
	if err == nil {
		err = k.app.Reach.Plan(t.Context(), o.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is written on the page of an outreach's message begins a thread with
// the message's name, once, and the page goes on with it.
func TestPageBeginsThread(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		k.recalls(t)
		link := k.texted(texts)
		k.pickUp(link, "it is time for a visit.")
		page := strings.TrimPrefix(link, k.base)
		shows(t, "the page after writing", k.press("nobody", page+"/reply", "text", "May I bring my husband?"), "Your message is with us.", "May I bring my husband?", "What else was said")
		shows(t, "pressed twice", k.press("nobody", page+"/reply", "text", "May I bring my husband?"), "Your message is with us.")
		k.asksNow()
		queue := k.see("nia", "/desk/queue")
		shows(t, "the queue", queue, "Time for a visit", "Maria Alvarez")
		if strings.Contains(queue.body, "Wrote on the page") || strings.Contains(queue.body, "/desk/inbox/") {
			t.Error("it stands in the conversations, too")
		}
		if p := k.see("nia", "/desk/inbox"); strings.Contains(p.body, "husband") {
			t.Error("it stands in the inbox of texts, too")
		}
		list := k.see("nia", "/desk/messages")
		id := regexp.MustCompile(`/desk/messages/([0-9a-zA-Z_-]{8,})"`).FindStringSubmatch(list.body)[1]
		one := k.see("nia", "/desk/messages/"+id)
		shows(t, "the thread at the desk", one, "Maria Alvarez: Time for a visit", "on the page behind a link")
		if n := strings.Count(one.body, "May I bring my husband?"); n != 1 {
			t.Errorf("it stands there %d times", n)
		}
		k.clock.move(time.Minute)
		k.press("nia", "/desk/messages/"+id+"/reply", "do", "send", "text", "Yes, please do.", "private", "yes")
		second := k.texted(texts)
		k.pickUp(second, "Yes, please do.")
		again := k.see("nobody", strings.TrimPrefix(second, k.base)+"/message")
		shows(t, "the page of the answer", again, "Yes, please do.", "What else was said", "May I bring my husband?")
		if n := strings.Count(again.body, "Yes, please do."); n != 1 {
			t.Errorf("the answer stands there %d times", n)
		}
		k.clock.move(time.Minute)
		shows(t, "the same words, later", k.press("nobody", strings.TrimPrefix(second, k.base)+"/reply", "text", "May I bring my husband?"), "Your message is with us.")
		if n := strings.Count(k.see("maria", "/inbox/"+id).body, "May I bring my husband?"); n != 2 {
			t.Errorf("what was asked twice stands there %d times", n)
		}
		k.press("nobody", strings.TrimPrefix(second, k.base)+"/reply", "text", "Thank you")
		k.pickUp(link, "it is time for a visit.") // the other link took this browser's half hour
		k.press("nobody", page+"/reply", "text", "And where is it?")
		shows(t, "one thread", k.see("maria", "/inbox/"+id), "Thank you", "And where is it?")
		if n := strings.Count(k.see("maria", "/inbox").body, "Time for a visit"); n > 2 { // the message, and its thread
			t.Errorf("the list has %d of it", n)
		}
	})
}

// Files that come with a mail's answer stand in the thread, for both sides;
// the same mail brought again changes nothing.
func TestMailFilesInThread(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		begun := k.writes("maria", "/inbox/new/medicine", "I have a rash.")
		id := regexp.MustCompile(`/inbox/([^/?]+)\?done`).FindStringSubmatch(begun.url)[1]
		k.press("nia", "/desk/messages/"+id+"/reply", "do", "send", "text", "Please send us a photo of your rash.", "private", "yes")
		k.texted(texts)
		message, err := db.One(t.Context(), k.app.db, db.Value[string], `select message from thread_notice where thread = $1`, id)
		if err != nil {
			t.Fatal(err)
		}
		k.clock.move(time.Minute)
		photo, err := k.app.letterbox().Check(t.Context(), picture(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			err := k.app.db.Tx(t.Context(), func(tx *db.Tx) error {
				return k.app.Reach.Dialogs.Heard(t.Context(), tx, dialog.Heard{Channel: reach.Email, From: "maria@x.example", Message: message, Text: "Here it is.", At: k.clock.Now(), Key: "mail:1", Files: []intake.File{photo}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		k.asksNow()
		one := k.see("nia", "/desk/messages/"+id)
		shows(t, "the thread at the desk", one, "Here it is.", "by email", "photo-1.jpg", "answer due in")
		if n := strings.Count(one.body, "Here it is."); n != 1 {
			t.Errorf("the mail stands there %d times", n)
		}
		file := regexp.MustCompile(`/inbox/thread/` + id + `/file/[^"]+`).FindString(k.see("maria", "/inbox/"+id).body)
		if p := k.see("maria", file); p.status != 200 || !strings.HasPrefix(p.body, "\xff\xd8") {
			t.Errorf("the photo is %d", p.status)
		}
	})
}
