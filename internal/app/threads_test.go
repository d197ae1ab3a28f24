package app

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/gateway/sms"
	"hale/internal/reach"
)

// talkClinic serves a Hale with one patient who has a phone, the daughter who
// helps her, and a nurse. What is texted comes through texts.
func talkClinic(t *testing.T, database string) (k *served, texts chan string) {
	t.Helper()
	texts = make(chan string, 20)
	phones := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out sms.Outgoing
		if json.NewDecoder(r.Body).Decode(&out) == nil && out.Text != "" {
			texts <- out.Text
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"`+out.Key+`","status":"accepted"}`)
	}))
	t.Cleanup(phones.Close)
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k = &served{t: t, base: "http://" + listen.Addr().String(), clock: &clock{now: time.Date(2026, 10, 6, 15, 14, 0, 0, time.UTC)}, who: map[string]*http.Client{}}
	c := config(database)
	c.URL, c.Now = k.base, k.clock.Now
	c.Text.URL, c.Text.Secret, c.Text.From = phones.URL, "secret", "+12025550100"
	if k.app, err = New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.app.Close() })
	server := &httptest.Server{Listener: listen, Config: &http.Server{Handler: k.app.Handler()}}
	server.Start()
	t.Cleanup(server.Close)
	const maria = `{"resourceType":"Patient","id":"maria","active":true,"name":[{"family":"Alvarez","given":["Maria"]}],"birthDate":"1948-03-09","gender":"female","telecom":[{"system":"phone","use":"mobile","value":"+12025550142"}]}`
	if report, err := k.app.Importer("clinic").ImportStream(t.Context(), "one.ndjson", strings.NewReader(maria), nil); err != nil || len(report.Bad) > 0 {
		t.Fatal(err, report.Bad)
	}
	for name, a := range map[string]account.Account{
		"maria": {Kind: access.Patient, Name: "Maria Alvarez", Patient: "maria", Email: "maria@x.example"},
		"rosa":  {Kind: access.Proxy, Name: "Rosa Alvarez", Email: "rosa@x.example"},
		"dan":   {Kind: access.Proxy, Name: "Dan Driver", Email: "dan@x.example"},
		"nia":   {Kind: access.Staff, Name: "Nia Nurse", Email: "nia@x.example", Roles: []access.Role{access.Nurse}},
		"alan":  {Kind: access.Staff, Name: "Alan Admin", Email: "alan@x.example", Roles: []access.Role{access.Admin}},
	} {
		made, err := k.app.Accounts.Add(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		g := access.Grant{Patient: "maria", Name: "Maria Alvarez", Rights: []access.Right{access.ReadMessages, access.SendMessages}, Categories: []access.Category{access.Messages}, Basis: access.ByPatient}
		if name == "dan" {
			g.Rights, g.Categories = []access.Right{access.ReadVisits}, []access.Category{access.Visits}
		}
		if name == "rosa" || name == "dan" {
			if err := k.app.Accounts.Grant(t.Context(), made.ID, g, k.clock.Now().AddDate(1, 0, 0)); err != nil {
				t.Fatal(err)
			}
		}
		k.signIn(name, made)
	}
	k.who["nobody"] = k.browser("")
	go func() { _ = k.app.Reach.RunSender(t.Context()) }()
	return k, texts
}

// writes sends a message with photos, as a phone's browser does.
func (k *served) writes(who, path, text string, photos ...[]byte) page {
	k.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("text", text); err != nil {
		k.t.Fatal(err)
	}
	for _, p := range photos {
		w, err := form.CreateFormFile("file", "IMG_2041.jpg")
		if err == nil {
			_, err = w.Write(p)
		}
		if err != nil {
			k.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		k.t.Fatal(err)
	}
	return k.read(k.who[who].Post(k.base+path, form.FormDataContentType(), &body))
}

// picture is a photo.
func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// From the patient's tap to the desk's answer and back: with a photo, by the
// daughter, on the page behind the text's link, by text, and by phone.
func TestMessagesThereAndBack(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k, texts := talkClinic(t, database)
		shows(t, "the list", k.see("maria", "/inbox"), "No messages yet", "Write to us")
		shows(t, "the chooser", k.see("maria", "/inbox/new"), "What is it about?", "A medicine", "Nurses answer how to take a medicine", "Is it an emergency? Call 911 now.")
		form := k.see("maria", "/inbox/new/medicine")
		shows(t, "the form", form, "This goes to the nurse team.", "You get an answer by Wednesday, October 7, 5:00 pm.", `data-autosave="/inbox/new/medicine/save"`)
		if box := regexp.MustCompile(`(?s)enctype="multipart/form-data".*?</form>`).FindString(form.body); strings.Contains(form.body, "emergency") || strings.Count(box, "<button") != 1 {
			t.Error("the form speaks of emergencies, or has more than one button to send")
		}
		k.press("maria", "/inbox/new/medicine/save", "text", "The pill makes me")
		shows(t, "the draft", k.see("maria", "/inbox/new/medicine"), "The pill makes me", "Saved 3:14 pm")

		sent := k.writes("maria", "/inbox/new/medicine", "The pill makes me sick. Is this the right one?", picture(t))
		shows(t, "what was sent", sent, "Your message is with us. 1 attachment.", "We got it on", "It is with the nurse team.", "1 attachment")
		if strings.Contains(k.see("maria", "/inbox/new/medicine").body, "The pill makes me") {
			t.Error("the draft is still there")
		}
		id := regexp.MustCompile(`/inbox/([^/?]+)\?done`).FindStringSubmatch(sent.url)[1]
		file := regexp.MustCompile(`/inbox/thread/` + id + `/file/[^"]+`).FindString(sent.body)
		if p := k.see("maria", file); p.status != 200 || !strings.HasPrefix(p.body, "\xff\xd8") {
			t.Errorf("the photo is %d", p.status)
		}

		desk := "/desk/messages/" + id
		shows(t, "the desk's list", k.see("nia", "/desk/messages"), "Maria Alvarez", "The pill makes me sick", "answer due in")
		shows(t, "the desk's page", k.see("nia", desk), "The pill makes me sick", "photo-1.jpg", "Maria Alvarez", "78 years old", "Take it")
		if p := k.see("nia", desk+strings.TrimPrefix(file, "/inbox/thread/"+id)); p.status != 200 || !strings.HasPrefix(p.body, "\xff\xd8") {
			t.Errorf("the photo at the desk is %d", p.status)
		}
		shows(t, "what was read", k.see("maria", "/inbox/"+id), "We have read it.")
		shows(t, "a note", k.press("nia", desk+"/note", "text", "Ask the pharmacist"), "The patient never sees it", "Ask the pharmacist")
		shows(t, "the owner", k.press("nia", desk+"/assign", "to", "me", "before", ""), "Nia Nurse has this conversation")
		k.clock.move(time.Minute)
		shows(t, "the answer", k.press("nia", desk+"/reply", "do", "send", "text", "Your diabetes pill is the right one. Take it with food.", "private", "yes"), "A notice with a link is on its way", "not read yet")

		link := k.texted(texts)
		shows(t, "the patient's first page", k.see("maria", "/home"), "An answer: About a medicine")
		k.pickUp(link, "Your diabetes pill is the right one.")
		behind := strings.TrimPrefix(link, k.base)
		if file := regexp.MustCompile(`/m/[^"]+/said/[^"]+`).FindString(k.see("nobody", behind+"/message").body); file == "" {
			t.Error("the photo cannot be opened behind the link")
		} else if p := k.see("nobody", file); p.status != 200 || !strings.HasPrefix(p.body, "\xff\xd8") {
			t.Errorf("the photo behind the link is %d", p.status)
		} else if p := k.see("alan", file); strings.HasPrefix(p.body, "\xff\xd8") {
			t.Error("the photo opens in a browser that did not pass the factor")
		}
		shows(t, "the desk after it was read", k.see("nia", desk), "Your last answer was read")
		if p := k.see("maria", "/home"); strings.Contains(p.body, "An answer: About a medicine") {
			t.Error("what was read behind the link is still new in the portal")
		}
		k.press("nobody", strings.TrimPrefix(link, k.base)+"/reply", "text", "Thank you. With milk, too?")
		k.asksNow()
		shows(t, "the thread after the page", k.see("maria", "/inbox/"+id), "With milk, too?", "on the page behind a link", "You get an answer by")
		if p := k.see("maria", "/inbox/"+id); strings.Contains(p.body, "Ask the pharmacist") {
			t.Error("the patient reads the staff's note")
		}
		k.more(id, texts)
	})
}

// more goes on with the thread: the daughter writes, the desk answers, and
// the answer to that comes by text.
func (k *served) more(id string, texts chan string) {
	t, desk := k.t.(*testing.T), "/desk/messages/"+id
	at := "/for/maria/inbox/"
	shows(t, "the daughter's list", k.see("rosa", "/for/maria/inbox"), "About a medicine", "Not read yet")
	shows(t, "the daughter's words", k.writes("rosa", "/for/maria/inbox/thread/"+id+"/reply", "My mother means oat milk."), "You, for Maria Alvarez", "Your message is with us.")
	shows(t, "both names at the desk", k.see("nia", desk), "Rosa Alvarez, for Maria Alvarez", "My mother means oat milk.")
	shows(t, "both names for the patient", k.see("maria", "/inbox/"+id), "Rosa Alvarez, for you")
	k.clock.move(time.Minute)
	shows(t, "a plain answer", k.press("nia", desk+"/reply", "do", "send", "text", "Yes, that is fine. See you on Friday."), "on their way as they are")
	if got := <-texts; !strings.Contains(got, "See you on Friday.") {
		t.Errorf("the text says %q", got)
	}
	if err := k.app.Reach.Receipt(t.Context(), reach.Receipt{Kind: "replied", Channel: reach.SMS, From: "+12025550142", Text: "Good, I will be there with Rosa", At: k.clock.Now(), Actor: reach.Human, Dedupe: "r1"}); err != nil {
		t.Fatal(err)
	}
	k.asksNow()
	shows(t, "what came by text", k.see("nia", desk), "Good, I will be there with Rosa", "by text", "answer due in")
	shows(t, "a call", k.press("nia", desk+"/call", "text", "We agreed on 9 o'clock."), "The call is noted")
	shows(t, "the call in the thread", k.see("maria", "/inbox/"+id), "We agreed on 9 o'clock.", "on the phone", "Answered on")
	shows(t, "the closing", k.press("nia", desk+"/close", "reason", "called"), "Closed.")
	shows(t, "what is closed", k.see("maria", "/inbox/"+id), "This is closed. If you write again, it opens again.")
	shows(t, "what is open again", k.writes("maria", "/inbox/thread/"+id+"/reply", "One more thing."), "It is with the nurse team.")
	shows(t, "what was taken back", k.press("maria", "/inbox/thread/"+id+"/close"), "Nobody works on this any more.")
	shows(t, "what was found", k.press("maria", "/inbox", "words", "OAT milk"), "About a medicine")
	shows(t, "what was not found", k.press("maria", "/inbox", "words", "pharmacist"), "Nothing found")
	for _, p := range [][2]string{{"dan", at + id}, {"maria", "/desk/messages/" + id}, {"alan", desk}, {"rosa", at + "elsewhere"}, {"maria", "/inbox/new/gossip"}} {
		if got := k.see(p[0], p[1]); got.status != 404 || strings.Contains(got.body, "oat milk") {
			t.Errorf("%s at %s is %d", p[0], p[1], got.status)
		}
	}
	if p := k.press("alan", "/desk/messages/fee", "words", "A message may cost up to $25."); p.status != 200 || !strings.Contains(p.body, "Kept.") {
		t.Errorf("the price is %d", p.status)
	}
	shows(t, "the price before writing", k.see("maria", "/inbox/new/result"), "A message may cost up to $25.")
	if p := k.see("maria", "/inbox/new/bill"); strings.Contains(p.body, "may cost") {
		t.Error("a question on a bill has a price")
	}
	if p := k.writes("maria", "/inbox/new/result", "What does it mean?"); p.status != 400 && p.status != 422 || !strings.Contains(p.body, "What does it mean?") {
		t.Errorf("without a tick it is %d", p.status)
	}
}

// texted returns the link of the next text.
func (k *served) texted(texts chan string) string {
	k.t.Helper()
	select {
	case text := <-texts:
		link := regexp.MustCompile(`http://\S+/m/\S+`).FindString(text)
		if link == "" || strings.Contains(text, "diabetes") {
			k.t.Fatalf("the text says %q", text)
		}
		return link
	case <-time.After(20 * time.Second):
		k.t.Fatal("no text came")
	}
	return ""
}

// pickUp opens a link by the date of birth and reads the message.
func (k *served) pickUp(link, want string) {
	k.t.Helper()
	k.see("nobody", strings.TrimPrefix(link, k.base))
	p := k.read(k.who["nobody"].PostForm(link, url.Values{"m": {"3"}, "d": {"9"}, "y": {"1948"}}))
	if p.status != 200 || !strings.Contains(p.body, want) {
		k.t.Fatalf("the page behind the link is %d at %s: %s", p.status, p.url, p.body)
	}
}

// asksNow does what the queue would: asks the desk for answers.
func (k *served) asksNow() {
	k.t.Helper()
	if err := k.app.askUnasked(k.t.Context(), nil); err != nil {
		k.t.Fatal(err)
	}
}
