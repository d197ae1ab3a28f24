package dsn_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/standard/dsn"
)

// report is a multipart/report with the fields of one recipient.
func report(fields string) string {
	return strings.ReplaceAll(`Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.town.example>
To: b+abc.def@bounce.clinic.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

I am sorry. Your message could not be delivered.

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.town.example

`+fields+`

--x
Content-Type: text/rfc822-headers

Message-ID: <k1@clinic.example>
Subject: =?utf-8?q?Su_cita_en_la_cl=C3=ADnica?=
To: ana@town.example

--x--
`, "\n", "\r\n")
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, raw string
		kind      dsn.Kind
		hard      bool
		reason    dsn.Reason
		status    string
		to        string
	}{
		{"no such user", report("Final-Recipient: rfc822; Ana@Town.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ana@town.example>: Recipient address rejected: User unknown in virtual mailbox table"), dsn.Bounce, true, dsn.UserUnknown, "5.1.1", "ana@town.example"},
		{"no such domain", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=town.example type=AAAA: Host not found"), dsn.Bounce, true, dsn.HostUnknown, "5.4.4", "ana@town.example"},
		{"takes no mail", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp; 556 5.1.10 town.example does not accept mail (nullMX)"), dsn.Bounce, true, dsn.NotAccept, "5.1.10", "ana@town.example"},
		{"full", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 The email account that you tried to reach is over quota"), dsn.Bounce, false, dsn.MailboxFull, "5.2.2", "ana@town.example"},
		{"full, in another's words", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 Postfach voll"), dsn.Bounce, false, dsn.MailboxFull, "5.0.0", "ana@town.example"},
		{"shut", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 5.2.1 The email account that you tried to reach is disabled"), dsn.Bounce, false, dsn.Suspend, "5.2.1", "ana@town.example"},
		{"DMARC", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.7.26\nDiagnostic-Code: smtp; 550-5.7.26 Unauthenticated email from clinic.example is not accepted due to domain's DMARC policy"), dsn.Bounce, false, dsn.AuthFailure, "5.7.26", "ana@town.example"},
		{"our address is on a list", report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.list.example; see https://list.example/userunknown"), dsn.Bounce, false, dsn.Blocked, "5.7.1", "ana@town.example"},
		{"late", report("Final-Recipient: rfc822; ana@town.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; connect to mx.town.example[192.0.2.9]:25: Connection timed out\nWill-Retry-Until: Mon, 2 Mar 2026 12:00:00 +0000"), dsn.Delayed, false, dsn.Expired, "4.4.1", "ana@town.example"},
		{"arrived", report("Final-Recipient: rfc822; ana@town.example\nAction: delivered\nStatus: 2.0.0\nDiagnostic-Code: smtp; 250 2.0.0 Ok"), dsn.Delivered, false, dsn.Arrived, "2.0.0", "ana@town.example"},
		{"an alias: the address that we wrote to", report("Original-Recipient: rfc822;ana@town.example\nFinal-Recipient: rfc822; box17@inside.example\nAction: failed\nStatus: 5.1.1"), dsn.Bounce, true, dsn.UserUnknown, "5.1.1", "ana@town.example"},
		{"a complaint", strings.ReplaceAll("From: fbl@town.example\nSubject: FW: news\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\nContent-Type: text/plain\n\nThis is an abuse report.\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: F/1\nVersion: 1\nOriginal-Rcpt-To: <ana@town.example>\n\n--x\nContent-Type: message/rfc822\n\nMessage-ID: <k1@clinic.example>\nTo: ana@town.example\n\nhello\n--x--\n", "\n", "\r\n"), dsn.Complaint, false, dsn.Feedback, "", "ana@town.example"},
		{"a holiday note", "From: Ana <ana@town.example>\nSubject: Re: Your visit\nAuto-Submitted: auto-replied\n\nI am away until Monday. This address does not exist any more.\n", dsn.AutoReply, false, "", "", ""},
		{"a holiday note that only its subject tells", "From: Ana <ana@town.example>\nSubject: Automatic reply: Your visit\n\nI am out of the office.\n", dsn.AutoReply, false, "", "", ""},
		{"a holiday note in Spanish", "From: Ana <ana@town.example>\nSubject: =?utf-8?q?Respuesta_autom=C3=A1tica:_Su_cita?=\n\nEstoy fuera.\n", dsn.AutoReply, false, "", "", ""},
		{"a reader's receipt", "From: Ana <ana@town.example>\nSubject: Read: Your visit\nContent-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n--x\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;ana@town.example\nDisposition: manual-action/MDN-sent-manually; displayed\n--x--\n", dsn.AutoReply, false, "", "", ""},
		{"a person answers", "From: Ana <ana@town.example>\nSubject: Re: Your visit\n\nYes, I can come. My mailbox was full yesterday, sorry.\n", dsn.None, false, "", "", ""},
		{"a person answers about mail", "From: Ana <ana@town.example>\nSubject: Re: Your visit\n\nThe letter you sent could not be delivered to my mother.\n", dsn.None, false, "", "", ""},
		{"nothing", "", dsn.None, false, "", "", ""},
		{"no report at all", "\r\n\r\n\x00\xff", dsn.None, false, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := dsn.Parse([]byte(tt.raw))
			if r.Kind != tt.kind {
				t.Fatalf("Parse = %+v, want kind %s", r, tt.kind)
			}
			if tt.reason == "" {
				if len(r.Items) != 0 {
					t.Errorf("Items = %+v, want none", r.Items)
				}
				return
			}
			if len(r.Items) != 1 {
				t.Fatalf("Items = %+v, want one", r.Items)
			}
			it := r.Items[0]
			if it.Kind != tt.kind || it.Hard != tt.hard || it.Reason != tt.reason || it.Status != tt.status || it.Recipient != tt.to {
				t.Errorf("Item = %+v, want %s hard=%t %s %s %s", it, tt.kind, tt.hard, tt.reason, tt.status, tt.to)
			}
			if r.MessageID != "k1@clinic.example" {
				t.Errorf("MessageID = %q, want ours", r.MessageID)
			}
		})
	}
	if r := dsn.Parse([]byte(report("Final-Recipient: rfc822; ana@town.example\nAction: failed\nStatus: 5.1.1"))); r.Subject != "Su cita en la clínica" {
		t.Errorf("Subject = %q", r.Subject)
	}
}

// A letter made to be slow is not: what grew with the square of its length
// would take minutes, and the race detector makes all of it ten times slower.
func TestParseLarge(t *testing.T) {
	groups := strings.Repeat("Final-Recipient: rfc822; a@town.example\nAction: failed\nStatus: 5.0.0\n\n", 20000)
	lines := strings.Repeat("<a@town.example>: 550 no\n>>>>>>>>>>\n", 20000)
	for _, raw := range []string{report(groups), "From: MAILER-DAEMON@x.example\n\n" + lines, "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\nContent-Type: multipart/mixed; boundary=x\n\n", 20000)} {
		begin := time.Now()
		r := dsn.Parse([]byte(raw))
		if took := time.Since(begin); took > 30*time.Second || len(r.Items) > 200 {
			t.Errorf("Parse of %d bytes took %v and gave %d items", len(raw), took, len(r.Items))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(report("Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no")))
	f.Add([]byte("From: MAILER-DAEMON@x\nSubject: failure notice\n\n<a@b.example>:\n550 5.2.2 full\n--- Below this line is a copy of the message.\n\nMessage-ID: <x@y>\n"))
	f.Add([]byte("From: a@sns.amazonaws.com\n\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@b.example\",\"status\":\"5.1.1\"}]}}"))
	f.Add([]byte("Content-Type: multipart/report; boundary=\"\"\n\n--\n\n----"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := dsn.Parse(raw)
		switch r.Kind {
		case dsn.Bounce, dsn.Delayed, dsn.Delivered, dsn.Complaint:
			if len(r.Items) == 0 {
				t.Errorf("%s with no items", r.Kind)
			}
		case dsn.AutoReply, dsn.None:
			if len(r.Items) != 0 {
				t.Errorf("%s with items %+v", r.Kind, r.Items)
			}
		default:
			t.Errorf("Kind = %q", r.Kind)
		}
		for _, it := range r.Items {
			if it.Kind != dsn.Complaint && it.Reason == "" {
				t.Errorf("no reason: %+v", it)
			}
			if it.Hard && (it.Kind == dsn.Delivered || it.Kind == dsn.Complaint) || strings.ContainsAny(it.Diagnostic+it.Status+it.Code, "\r\n") {
				t.Errorf("Item = %+v", it)
			}
		}
		if strings.ContainsAny(r.MessageID, "\r\n<> ") {
			t.Errorf("MessageID = %q", r.MessageID)
		}
	})
}
