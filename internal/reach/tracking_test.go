package reach_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/template"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

const flu = "https://clinic.example/flu"

// office is an outreach about nothing personal, whose mails may report.
func office(purpose string) reach.Outreach {
	o := care()
	o.Purpose, o.Service = purpose, ""
	o.Channels = []reach.Channel{reach.Email}
	o.Template = template.Template{Sensitivity: 0, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "How was it?", Body: "Tell us: " + flu + "\n\nOr see " + flu + "-map for the way."},
	}}
	o.Tracking.Links = []string{flu}
	return o
}

// TestReports says which mails carry a picture and counted links, and that
// nothing in any of them leads to a third party.
func TestReports(t *testing.T) {
	tests := []struct {
		name             string
		change           func(*reach.Outreach)
		off              bool // the patient wants no reports
		pictures, counts bool
	}{
		{name: "a survey", change: func(*reach.Outreach) {}, pictures: true, counts: true},
		{name: "a patient who wants none", change: func(*reach.Outreach) {}, off: true},
		{name: "an outreach that wants none", change: func(o *reach.Outreach) { o.Tracking.Off = true }},
		{name: "a purpose without", change: func(o *reach.Outreach) { o.Purpose = "admin" }, counts: true},
		{name: "a purpose without, and an author who asks", change: func(o *reach.Outreach) { o.Purpose, o.Tracking.Opens = "admin", true }, pictures: true, counts: true},
		{name: "about health", change: func(o *reach.Outreach) { o.Template.Sensitivity = 2 }, counts: true},
		{name: "no marked link", change: func(o *reach.Outreach) { o.Tracking.Links = nil }, pictures: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				w := newWorld(t, d)
				w.e.Track = track.NewSigner(haletest.Key, "https://rfm.example")
				w.add(who{id: "ada", family: "Alder", email: "ada@post.example"})
				if tt.off {
					w.tx(func(ctx context.Context, tx *db.Tx) error {
						_, err := tx.ExecContext(ctx, `insert into preference (patient, untracked, updated_at) values ('ada', 1, 0)`)
						return err
					})
				}
				o := office("survey")
				tt.change(&o)
				w.start(o)
				w.send()
				sent := w.gate[reach.Email].got()
				if len(sent) != 1 {
					t.Fatalf("%d mails, want 1", len(sent))
				}
				html := sent[0].HTML
				if got := strings.Contains(html, "<img"); got != tt.pictures {
					t.Errorf("a picture: %t, want %t: %s", got, tt.pictures, html)
				}
				if n := strings.Count(html, "rfm.example/t/") - strings.Count(html, "<img"); n > 0 != tt.counts || n > 2 { // with the link that nobody sees
					t.Errorf("%d counted links, want some: %t: %s", n, tt.counts, html)
				}
				crawl(t, html)
				follow(t, w, html, o.Tracking.Links)
			})
		})
	}
}

var fetched = regexp.MustCompile(`(?i)(?:src|background|srcset|poster)\s*=\s*"([^"]*)"|url\(([^)]*)\)|@import`)

// crawl finds what a mail program would fetch by itself: from our own host
// alone.
func crawl(t *testing.T, html string) {
	t.Helper()
	for _, m := range fetched.FindAllStringSubmatch(html, -1) {
		if !strings.HasPrefix(m[1], "https://rfm.example/t/") || strings.ContainsAny(m[1], "?&=#") {
			t.Errorf("the mail fetches %q", m[0])
		}
	}
	for _, tag := range []string{"<script", "<iframe", "<link", "<form", "<object"} {
		if strings.Contains(strings.ToLower(html), tag) {
			t.Errorf("the mail has a %s", tag)
		}
	}
}

var toTrack = regexp.MustCompile(`https://rfm\.example/t/([0-9A-Za-z_-]+)`)

// follow reads each address of ours in a mail: its message, and a target
// that the author marked or none.
func follow(t *testing.T, w *world, html string, marked []string) {
	t.Helper()
	hits := track.NewStore(w.d, w.clock)
	for _, m := range toTrack.FindAllStringSubmatch(html, -1) {
		message, target, err := w.e.Track.Read(m[1])
		if err != nil || message != w.text(`select id from message`) {
			t.Errorf("an address is of message %q, %v", message, err)
		}
		if target <= 0 {
			continue
		}
		if to, err := hits.Target(t.Context(), target); err != nil || len(marked) == 0 || to != marked[0] {
			t.Errorf("a link leads to %q, %v", to, err)
		}
	}
}

// A fetch never counts as seen, and never stops the next try.
func TestFetchesAreNotSeen(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.e.Track = track.NewSigner(haletest.Key, "https://rfm.example")
		w.add(who{id: "ada", family: "Alder", email: "ada@post.example"})
		w.start(office("survey"))
		w.send()
		id, hits := w.text(`select id from message`), track.NewStore(d, w.clock)
		w.at(midday.Add(time.Hour))
		for _, target := range []int64{track.Picture, 1, track.Honeypot} {
			h := track.HitOf("GET", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)", "en")
			h.Message, h.Target = id, target
			if err := hits.Add(t.Context(), h); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := hits.Apply(t.Context(), w.e.Tracked); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`select count(*) from message_event where kind in ('image_loaded', 'link_fetched')`); n != 3 {
			t.Errorf("%d events, want 3", n)
		}
		if n := w.count(`select count(*) from message_event where kind = 'image_loaded' and actor_class = 'human' and code = 'opened@1'`); n != 1 {
			t.Error("the opening is not labelled")
		}
		if n := w.count(`select count(*) from message where first_seen_at > 0 or state in ('seen', 'acted')`); n != 0 {
			t.Error("a fetch counts as seen")
		}
		if n := w.count(`select count(*) from intent where state = 'satisfied'`); n != 0 {
			t.Error("a fetch ends the tries")
		}
	})
}

// A phrase stands in what goes to its owner, and its bounds are held.
func TestPhrase(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Alder", email: "ada@post.example"}, who{id: "bob", family: "Birch", email: "bob@post.example"})
		own := w.pass("ada", access.EditContacts)
		for _, bad := range []string{"abc", strings.Repeat("long ", 6), "my code 1234", "<b>bold</b>"} {
			if err := w.e.SetPhrase(t.Context(), own, bad); err == nil {
				t.Errorf("SetPhrase(%q) = nil error", bad)
			}
		}
		if err := w.e.SetPhrase(t.Context(), own, "  blue   heron "); err != nil {
			t.Fatal(err)
		}
		if got, err := w.e.Phrase(t.Context(), own); got != "blue heron" || err != nil {
			t.Errorf("Phrase = %q, %v", got, err)
		}
		w.start(office("survey"))
		w.send()
		for _, h := range w.gate[reach.Email].got() {
			mine := h.To == "ada@post.example"
			if strings.Contains(h.Text, "Your phrase: blue heron") != mine || strings.Contains(h.HTML, "Your phrase: blue heron") != mine {
				t.Errorf("the mail to %s says %q", h.To, h.Text)
			}
		}
		if err := w.e.SetPhrase(t.Context(), own, ""); err != nil {
			t.Fatal(err)
		}
		if got, err := w.e.Phrase(t.Context(), own); got != "" || err != nil {
			t.Errorf("Phrase after taking it away = %q, %v", got, err)
		}
	})
}

// What was taken back is gone at once, for its reader and in the portal.
func TestRetract(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Alder", email: "ada@post.example", account: true}, who{id: "bob", family: "Birch", email: "bob@post.example"})
		w.start(office("survey"))
		w.send()
		ctx, id := t.Context(), w.text(`select id from message where patient = 'ada'`)
		if _, err := w.e.Content(ctx, w.pass("ada", access.ReadMessages), id); err != nil {
			t.Fatal(err)
		}
		if err := w.e.Retract(ctx, w.pass("bob", access.AnswerPatients), id, "x"); err == nil {
			t.Error("Retract of another's message = nil error")
		}
		if err := w.e.Retract(ctx, w.pass("ada", access.AnswerPatients), id, "sent to the wrong list"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.e.Content(ctx, w.pass("ada", access.ReadMessages), id); err == nil {
			t.Error("Content of what was taken back = nil error")
		}
		if list, err := w.e.Inbox(ctx, w.pass("ada", access.ReadMessages)); err != nil || len(list) != 0 {
			t.Errorf("Inbox = %d messages, %v", len(list), err)
		}
		if n := w.count(`select count(*) from link where message = $1 and retracted_at = 0`, id); n != 0 {
			t.Error("a link of it still opens")
		}
		if err := w.e.Retract(ctx, w.pass("ada", access.AnswerPatients), id, "again"); err == nil {
			t.Error("Retract twice = nil error")
		}
		if n := w.count(`select count(*) from audit where action = $1`, reach.TakenBack); n == 0 {
			t.Log("the row may wait in a piece") // audit.Settle brings it
		}
	})
}

// What somebody writes back is a reply, and one who asks to be left alone is.
func TestWrote(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "ada", family: "Alder", email: "ada@post.example"})
		w.start(office("survey"))
		w.send()
		id := w.text(`select id from message`)
		var heard []string
		hear := func(_ context.Context, _ *db.Tx, patient, message, text string, meaning reach.Meaning) error {
			heard = append(heard, patient+" "+text+" "+string(meaning))
			return nil
		}
		for range 2 {
			if err := w.e.Wrote(t.Context(), w.pass("ada", access.ReadMessages), id, "I can't come", hear); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.count(`select count(*) from message_event where kind = 'replied'`); n != 1 || heard[0] != "ada I can't come other" {
			t.Errorf("%d replies, heard %q, want one", n, heard)
		}
		if w.text(`select state from message`) != "seen" {
			t.Error("who answers has not seen")
		}
		if err := w.e.Wrote(t.Context(), w.pass("ada", access.ReadMessages), id, "please stop writing, stop emailing me: never contact me", hear); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`select count(*) from consent_event where patient = 'ada' and action = 'revoke' and channel = 'email'`); n != 1 {
			t.Errorf("%d refusals, want 1", n)
		}
	})
}

// A code goes to another number before it goes where the link went.
func TestSendCode(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.e.Links.WithKey(haletest.Key)
		w.add(who{id: "ada", family: "Alder", email: "ada@post.example", sms: "+13122000001"}, who{id: "bob", family: "Birch", email: "bob@post.example"})
		o := care()
		o.Channels, o.Template.Sensitivity, o.Purpose, o.Holdout = []reach.Channel{reach.Email}, 3, "clinical_result", 0
		w.start(o)
		w.send()
		code := regexp.MustCompile(`\b\d{6}\b`)
		ask := func(patient string, known bool) {
			t.Helper()
			id := w.text(`select id from message where patient = $1 and channel = 'email' and purpose <> 'security'`, patient)
			link := w.text(`select id from link where message = $1`, id)
			if err := w.e.SendCode(t.Context(), w.pass(patient, access.EditContacts), link, id, known); err != nil {
				t.Fatal(err)
			}
			w.send()
		}
		if n := w.count(`select count(*) from link where asks_code = 1`); n != 2 {
			t.Errorf("%d links ask for a code, want both", n)
		}
		ask("ada", false)
		if sent := w.gate[reach.SMS].got(); len(sent) != 1 || sent[0].To != "+13122000001" || !code.MatchString(sent[0].Text) {
			t.Errorf("texts %+v, want one with a code", sent)
		}
		before := len(w.gate[reach.Email].got())
		ask("bob", false)
		if n := len(w.gate[reach.Email].got()); n != before {
			t.Error("a code went where the link went, to somebody who proved nothing")
		}
		ask("bob", true)
		if sent := w.gate[reach.Email].got(); len(sent) != before+1 || !code.MatchString(sent[before].Text) {
			t.Errorf("%d mails, want one more with a code", len(sent))
		}
	})
}
