package mailin_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/mailin"
	"hale/internal/haletest"
	"hale/internal/reach/verp"
	"hale/internal/store/db"
)

// dsn is a standard report about one recipient.
func dsn(to, action, status, words, messageID string) string {
	return strings.ReplaceAll(fmt.Sprintf(`From: MAILER-DAEMON@mx.town.example
To: x@bounce.clinic.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

I am sorry.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.town.example

Final-Recipient: rfc822; %s
Action: %s
Status: %s
Diagnostic-Code: smtp; %s

--x
Content-Type: text/rfc822-headers

Message-ID: <%s>

--x--
`, to, action, status, words, messageID), "\n", "\r\n")
}

func (c *clinic) take(raw, from string, to ...string) {
	c.t.Helper()
	c.must(c.desk.Take(c.t.Context(), mailin.Letter{From: from, To: to, Raw: []byte(raw)}))
}

func TestDeskReports(t *testing.T) {
	tests := []struct {
		name, action, status, words string
		want, took                  string
	}{
		{"no such mailbox", "failed", "5.1.1", "550 5.1.1 User unknown", "undelivered bounced_hard bounced", "bounce done bounce  empty"},
		{"full", "failed", "5.2.2", "552 5.2.2 Mailbox full", "undelivered bounced_soft active", "bounce done bounce  empty"},
		{"our server is blocked", "failed", "5.7.1", "554 5.7.1 Client host blocked using a blocklist", "undelivered bounced_block active", "bounce done bounce  empty"},
		{"against their rules", "failed", "5.7.9", "554 5.7.9 Message not accepted for policy reasons", "undelivered bounced_policy active", "bounce done bounce  empty"},
		{"late", "delayed", "4.4.1", "connect to mx.town.example: Connection timed out", "accepted  active", "bounce done delayed  empty"},
		{"arrived", "delivered", "2.0.0", "250 2.0.0 Ok", "delivered  active", "bounce done delivered  empty"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var to []string
		for i := range tests {
			to = append(to, fmt.Sprintf("p%d@town.example", i))
		}
		c := open(t, d, nil, to...)
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				h := c.gate.got(t, to[i])
				raw := dsn("another@inside.example", tt.action, tt.status, tt.words, "x@y.example")
				for range 2 { // the same letter twice is one
					c.take(raw, "", h.ReturnPath)
				}
				if got := c.state(to[i]); got != tt.want {
					t.Errorf("message and address = %q, want %q", got, tt.want)
				}
				if got := c.took(); got != tt.took {
					t.Errorf("letter = %q, want %q", got, tt.took)
				}
			})
		}
		if n := c.count(`select count(*) from mail_in`); n != len(tests) {
			t.Errorf("%d letters kept, want %d", n, len(tests))
		}
		if n := c.count(`select count(*) from message_event`); n != len(tests) {
			t.Errorf("%d events, want %d", n, len(tests))
		}
	})
}

// The address that a report came to says what it is about; what it says
// itself counts less, and what only names a recipient condemns nobody.
func TestDeskFinds(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example", "pb@town.example", "pc@town.example", "pd@town.example")
		gone := func(to, id string) string { return dsn(to, "failed", "5.1.1", "550 5.1.1 User unknown", id) }
		c.take(gone("pb@town.example", "x@y.example"), "", c.gate.got(t, "pa@town.example").ReturnPath)
		if a, b := c.state("pa@town.example"), c.state("pb@town.example"); a != "undelivered bounced_hard bounced" || b != "accepted  active" {
			t.Errorf("by the address: %q and %q", a, b)
		}
		c.take(gone("pb@town.example", "x@y.example"), "", "care@clinic.example")
		if got := c.state("pb@town.example"); got != "accepted  active" || !strings.Contains(c.took(), "named by its recipient only") {
			t.Errorf("by the recipient alone: %q, %q", got, c.took())
		}
		forged := strings.Replace(fmt.Sprintf(fbl, "x"), "Version: 1\r\n", "Version: 1\r\nOriginal-Rcpt-To: <pb@town.example>\r\n", 1)
		c.take(forged, "", "care@clinic.example")
		if n := c.count(`select count(*) from consent_event`); n != 0 || !strings.Contains(c.took(), "named by its recipient only") {
			t.Errorf("a complaint in somebody else's name: %d words, %q", n, c.took())
		}
		c.take(gone("pd@town.example", c.gate.got(t, "pc@town.example").Key+"@clinic.example"), "", "care@clinic.example")
		if cc, dd := c.state("pc@town.example"), c.state("pd@town.example"); cc != "undelivered bounced_hard bounced" || dd != "accepted  active" {
			t.Errorf("by the Message-ID: %q and %q", cc, dd)
		}
		c.take(gone("stranger@else.example", "x@y.example"), "", "care@clinic.example")
		if got := c.took(); got != "reply unknown bounce  kept" {
			t.Errorf("about nobody = %q", got)
		}
		c.later(31 * 24 * time.Hour)
		c.must(c.desk.Sweep(t.Context()))
		if got := c.took(); got != "reply unknown bounce  empty" {
			t.Errorf("about nobody, a month later = %q", got)
		}
	})
}

func TestDeskForged(t *testing.T) {
	c := open(t, haletest.SQLite(t), nil, "pa@town.example")
	h := c.gate.got(t, "pa@town.example")
	other := verp.New(haletest.Key.For("another"), "bounce.clinic.example")
	for _, to := range []string{
		other.Address(verp.Bounce, h.Key), strings.Replace(h.ReturnPath, "b+", "r+", 1), strings.Replace(h.ReturnPath, "@bounce.", "@other.", 1),
		"b+" + h.Key + "@bounce.clinic.example", "b+@bounce.clinic.example", "postmaster@bounce.clinic.example", "",
	} {
		err := c.desk.Take(t.Context(), mailin.Letter{To: []string{to}, Raw: []byte(dsn("pa@town.example", "failed", "5.1.1", "550", ""))})
		if !errors.Is(err, mailin.ErrNobody) {
			t.Errorf("Take for %q = %v, want that there is no such address", to, err)
		}
	}
	if got := c.state("pa@town.example"); got != "accepted  active" {
		t.Errorf("state = %q", got)
	}
	if !c.desk.Takes(strings.ToUpper(h.ReturnPath)) {
		t.Error("an address in capitals is not known")
	}
}

const fbl = "From: fbl@town.example\r\nSubject: FW\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: F/1\r\nVersion: 1\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <%s@clinic.example>\r\n\r\nhi\r\n--x--\r\n"

func TestDeskComplaint(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		c.take(fmt.Sprintf(fbl, c.gate.got(t, "pa@town.example").Key), "fbl@town.example", "care@clinic.example")
		if got := c.text(`select channel || ' ' || purpose || ' ' || action || ' ' || method from consent_event`); got != "email care revoke complaint" {
			t.Errorf("consent = %q", got)
		}
		if got := c.took(); got != "reply done complaint  empty" {
			t.Errorf("letter = %q", got)
		}
	})
}

// reply is what a person writes.
func reply(from, subject, text string, more ...string) string {
	head := strings.Join(more, "")
	return head + "From: Ana <" + from + ">\r\nTo: r@bounce.clinic.example\r\nSubject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.ReplaceAll(text, "\n", "\r\n")
}

const proven = "Authentication-Results: mx.clinic.example; dkim=pass header.d=town.example; spf=pass smtp.mailfrom=town.example\r\n"

func TestDeskReply(t *testing.T) {
	tests := []struct {
		name, raw      string
		state, meaning string
		unread         int
		took           string
	}{
		{"an answer", reply("p%d@town.example", "Re: Time", "Can I come on Friday?\n\nOn Mon, 2 Mar 2026 at 12:30, Riverside wrote:\n> it is time.\n", proven), "seen  active", "", 1, "reply done reply dkim=pass empty"},
		{"a holiday note", reply("p%d@town.example", "Automatic reply: Time", "I am away. Please stop by the office.", proven, "Auto-Submitted: auto-replied\r\n"), "accepted  active", "-", 0, "reply done auto_reply  empty"},
		{"STOP", reply("p%d@town.example", "Re: Time", "stop\n\n-- \nAna\n", proven), "accepted  opted_out", "stop", 0, "reply done stop dkim=pass empty"},
		{"stop in other words", reply("p%d@town.example", "Re: Time", "Please stop sending me these e-mails.", proven), "accepted  opted_out", "stop", 1, "reply done stop dkim=pass empty"},
		{"stop, and nothing proves who says it", reply("p%d@town.example", "Re: Time", "stop"), "accepted  opted_out", "stop", 1, "reply done stop none empty"},
		{"stop, from another address", reply("spouse@else.example", "Re: Time", "stop", proven), "accepted  opted_out", "stop", 1, "reply done stop failed empty"},
		{"quoted words are not hers", reply("p%d@town.example", "Re: Time", "Thanks!\n\n> To end these, reply STOP\n> unsubscribe\n", proven), "seen  active", "", 1, "reply done reply dkim=pass empty"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var to []string
		for i := range tests {
			to = append(to, fmt.Sprintf("p%d@town.example", i))
		}
		c := open(t, d, nil, to...)
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				h := c.gate.got(t, to[i])
				raw := tt.raw
				if strings.Contains(raw, "%d") {
					raw = fmt.Sprintf(raw, i)
				}
				c.take(raw, "x@town.example", h.ReplyTo)
				if got := c.state(to[i]); got != tt.state {
					t.Errorf("state = %q, want %q", got, tt.state)
				}
				if got := c.took(); got != tt.took {
					t.Errorf("letter = %q, want %q", got, tt.took)
				}
				patient := c.text(`select patient from message where key = $1`, h.Key)
				if tt.meaning == "-" {
					if n := c.count(`select count(*) from dialog where patient = $1`, patient); n != 0 {
						t.Error("a machine's answer is no conversation")
					}
					return
				}
				if got := c.text(`select e.meaning || ' ' || d.unread from dialog d join dialog_entry e on e.dialog = d.id where d.patient = $1`, patient); got != fmt.Sprint(tt.meaning, " ", tt.unread) {
					t.Errorf("conversation = %q, want %q and %d unread", got, tt.meaning, tt.unread)
				}
			})
		}
	})
}

// A mail to the address of List-Unsubscribe opts out, whatever it says.
func TestDeskUnsubscribe(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		h := c.gate.got(t, "pa@town.example")
		if h.StopTo == "" {
			t.Fatal("the mail names no address to opt out at")
		}
		c.take(reply("pa@town.example", "unsubscribe", ""), "pa@town.example", h.StopTo)
		if got := c.state("pa@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("state = %q", got)
		}
	})
}

// Who only says that he is somebody is believed when he wants no more, and
// nothing else.
func TestDeskUnproven(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example", "pb@town.example")
		c.take(reply("pa@town.example", "Hi", "This is the wrong person."), "pa@town.example", "care@clinic.example")
		if got := c.state("pa@town.example"); got != "accepted  active" {
			t.Errorf("wrong person, unproven: %q", got)
		}
		c.take(reply("pb@town.example", "Hi", "Please unsubscribe me"), "pb@town.example", "care@clinic.example")
		if got := c.state("pb@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("stop, unproven: %q", got)
		}
		if n := c.count(`select count(*) from dialog where unread = 1`); n != 2 {
			t.Errorf("%d conversations wait for somebody, want both", n)
		}
	})
}

func TestDeskAttachment(t *testing.T) {
	pdf := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"))
	raw := proven + strings.ReplaceAll("From: pa@town.example\nSubject: Re: Time\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nHere is my form.\n--m\nContent-Type: application/pdf; name=form.pdf\nContent-Disposition: attachment; filename=form.pdf\nContent-Transfer-Encoding: base64\n\n"+pdf+
		"\n--m\nContent-Type: application/x-msdownload\nContent-Disposition: attachment; filename=run.exe\nContent-Transfer-Encoding: base64\n\nTVqQAAMAAAA=\n--m--\n", "\n", "\r\n")
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		c.take(raw, "pa@town.example", c.gate.got(t, "pa@town.example").ReplyTo)
		if n := c.count(`select count(*) from upload where patient = 'pa'`); n != 1 {
			t.Errorf("%d documents, want the form and not the program", n)
		}
		if got := c.text(`select files from mail_in`); !strings.HasSuffix(got, ",-") {
			t.Errorf("files = %q", got)
		}
	})
}

// listen starts a server for c.
func listen(t testing.TB, c *clinic, lmtp bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.must(err)
	ctx, stop := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		s := mailin.Server{Desk: c.desk, Domain: "bounce.clinic.example", LMTP: lmtp}
		if err := s.Serve(ctx, l); err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	t.Cleanup(func() { stop(); served.Wait() })
	return l.Addr().String()
}

// A letter that came by SMTP is on the disk when it is answered.
func TestServer(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		addr := listen(t, c, false)
		h := c.gate.got(t, "pa@town.example")
		raw := []byte(dsn("pa@town.example", "failed", "5.1.1", "550 5.1.1 User unknown", ""))
		if err := smtp.SendMail(addr, nil, "", []string{h.ReturnPath}, raw); err != nil {
			t.Fatal(err)
		}
		if got := c.state("pa@town.example"); got != "undelivered bounced_hard bounced" {
			t.Errorf("state = %q", got)
		}
		if err := smtp.SendMail(addr, nil, "", []string{"nobody@bounce.clinic.example"}, raw); err == nil || !strings.Contains(err.Error(), "no such address") {
			t.Errorf("for nobody = %v, want refused", err)
		}
		c.desk.Most = 2000
		if err := smtp.SendMail(listen(t, c, false), nil, "", []string{h.ReturnPath}, append(raw, make([]byte, 3000)...)); err == nil {
			t.Error("a letter that is too large was taken")
		}
	})
}

// What cannot be kept is not answered with 250.
func TestServerNotDurable(t *testing.T) {
	d := haletest.SQLite(t)
	c := open(t, d, nil, "pa@town.example")
	addr := listen(t, c, false)
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.ExecContext(t.Context(), `create trigger full before insert on mail_in begin select raise(abort, 'disk full'); end`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = smtp.SendMail(addr, nil, "", []string{c.gate.got(t, "pa@town.example").ReturnPath}, []byte(dsn("pa@town.example", "failed", "5.1.1", "550", "")))
	if err == nil || !strings.HasPrefix(err.Error(), "451") {
		t.Errorf("answer = %v, want 451", err)
	}
}

// A letter that could not be dealt with at once is dealt with later, and one
// that never can be is left for staff.
func TestDeskAgain(t *testing.T) {
	d := haletest.SQLite(t)
	c := open(t, d, nil, "pa@town.example")
	trigger := func(q string) {
		t.Helper()
		c.must(d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.ExecContext(t.Context(), q)
			return err
		}))
	}
	trigger(`create trigger broken before insert on message_event begin select raise(abort, 'broken'); end`)
	c.take(dsn("pa@town.example", "failed", "5.1.1", "550 5.1.1 User unknown", ""), "", c.gate.got(t, "pa@town.example").ReturnPath)
	if got := c.took(); got != "bounce new   kept" {
		t.Fatalf("letter = %q, want it to wait", got)
	}
	trigger(`drop trigger broken`)
	c.later(2 * time.Minute)
	c.must(c.desk.Sweep(t.Context()))
	if got := c.state("pa@town.example"); got != "undelivered bounced_hard bounced" {
		t.Errorf("state = %q", got)
	}
	if got := c.took(); got != "bounce done bounce  empty" {
		t.Errorf("letter = %q", got)
	}
}

// Whoever was forwarded a message knows where its answers go: it takes a
// permission away for whom it went to, and gives none back.
func TestDeskForwarded(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		answers := c.gate.got(t, "pa@town.example").ReplyTo
		c.take(reply("friend@else.example", "Fwd", "STOP"), "friend@else.example", answers)
		if got := c.state("pa@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Fatalf("STOP by whoever holds it: %q", got)
		}
		c.take(reply("friend@else.example", "Fwd", "START"), "friend@else.example", answers)
		if got := c.state("pa@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("START by whoever holds it: %q", got)
		}
		c.take(proven+strings.ReplaceAll(reply("friend@else.example", "Fwd", "START"), "town.example", "else.example"), "friend@else.example", answers)
		if got := c.state("pa@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("START by somebody else, proven: %q", got)
		}
		c.take(proven+reply("pa@town.example", "Re: x", "START"), "pa@town.example", answers)
		if got := c.state("pa@town.example"); strings.HasSuffix(got, "opted_out") {
			t.Errorf("START by the person: %q", got)
		}
	})
}
