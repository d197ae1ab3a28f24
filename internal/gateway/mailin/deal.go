package mailin

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/verp"
	"hale/internal/reach/wish"
	"hale/internal/standard/dsn"
	"hale/internal/store/db"
)

// deal works out what a letter means and does it. It can be called again.
func (d *Desk) deal(ctx context.Context, id string) error {
	k, l, err := d.row(ctx, id)
	if err != nil {
		_ = d.failed(ctx, id, err) // counted if it can be; the letter stays either way
		return fmt.Errorf("mailin: open %s: %w", id, err)
	}
	if k.state != "new" {
		return nil
	}
	pass, err := d.Doors.CheckAll(ctx, access.SystemActor("mail that comes back", access.RunOutreach), access.RunOutreach)
	if err == nil {
		err = d.sort(ctx, pass, k, l)
	}
	if err != nil {
		_ = d.failed(ctx, id, err)
		return fmt.Errorf("mailin: deal with %s: %w", id, err)
	}
	return nil
}

// sort tells what a letter is. A report is one wherever it comes in.
func (d *Desk) sort(ctx context.Context, pass access.Pass, k kept, l Letter) error {
	route, key := verp.Route(""), ""
	for _, to := range l.To {
		if r, found, ok := d.route(to); ok && (route == "" || key == "" && found != "") {
			route, key = r, found
		}
	}
	if key == "" { // else it is an answer to one message
		if r, from, ok := d.told(l); ok {
			return d.keepReport(ctx, k, l, r, from)
		}
	}
	report := dsn.Parse(l.Raw)
	switch report.Kind {
	case dsn.Bounce, dsn.Delayed, dsn.Delivered, dsn.Complaint:
		return d.reported(ctx, pass, k, key, report)
	case dsn.AutoReply:
		return d.automatic(ctx, pass, k, key)
	}
	if route == verp.Bounce && !plainStop(l.Raw) { // a person who answers to the return path, or a report that nobody understands: the staff looks
		return d.DB.Tx(ctx, func(tx *db.Tx) error { return done(ctx, tx, k.id, outcome{state: "unknown", kind: "none"}) })
	}
	return d.answered(ctx, pass, k, l, route, key)
}

// plainStop says whether a letter is a word that takes a permission back and
// nothing else: that counts at whatever address of ours it comes in. A report
// that nobody understands may quote such a word, but is never only that.
func plainStop(raw []byte) bool {
	said := wish.Read(read(raw).text)
	return said.Meaning == reach.Stop && said.Rule == "keyword"
}

// found is the message that a letter is about, and how sure that is.
type found struct {
	reach.Origin
	sure bool // only who has seen the message knows what named it
}

// find looks for the message: by the address that the letter came to, then by
// whom it says it is about, then by the Message-ID that it quotes. What only
// an address names may have been made up; a quoted key makes it sure.
func (d *Desk) find(ctx context.Context, pass access.Pass, key, recipient, messageID string) (f found, ok bool, err error) {
	if key != "" {
		if f.Origin, ok, err = d.Reach.Origin(ctx, pass, key); ok || err != nil {
			f.sure = ok
			return f, ok, err
		}
	}
	if recipient != "" {
		if f.Origin, ok, err = d.Reach.OriginTo(ctx, pass, reach.Email, recipient); err != nil {
			return f, false, err
		}
	}
	quoted, _, _ := strings.Cut(messageID, "@")
	if quoted == "" || len(quoted) > 120 {
		return f, ok, nil
	}
	exact, named, err := d.Reach.Origin(ctx, pass, quoted)
	if err != nil || !named {
		return f, ok, err
	}
	return found{exact, true}, true, nil
}

// receiptKinds are what reports are called in the ledger.
var receiptKinds = map[dsn.Kind]string{dsn.Bounce: "bounced", dsn.Delayed: "deferred", dsn.Delivered: "delivered", dsn.Complaint: "complaint"}

// reported brings a report into the ledger, as far as it shows that its
// writer has seen the message.
func (d *Desk) reported(ctx context.Context, pass access.Pass, k kept, key string, report dsn.Report) error {
	type line struct {
		f  found
		it dsn.Item
	}
	var lines []line
	for _, it := range report.Items {
		f, ok, err := d.find(ctx, pass, key, it.Recipient, report.MessageID)
		if err != nil {
			return err
		}
		if ok {
			lines = append(lines, line{f, it})
		}
	}
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		o := outcome{state: "unknown", kind: string(report.Kind)}
		for _, l := range lines {
			if !l.f.sure { // anybody can write such a report about anybody: it stops nothing and proves nothing
				o.verdict = "named by its recipient only"
				continue
			}
			o.state, o.message = "done", l.f.Message
			if err := d.Reach.ReceiptIn(ctx, tx, receipt(k, l.f, l.it)); err != nil {
				return err
			}
		}
		return done(ctx, tx, k.id, o)
	})
}

// receipt is one recipient's line of a report.
func receipt(k kept, f found, it dsn.Item) reach.Receipt {
	r := reach.Receipt{
		Message: f.Message, Channel: reach.Email, Kind: receiptKinds[it.Kind], At: k.at, Actor: reach.Machine,
		Facts: map[string]string{"reason": string(it.Reason)}, Dedupe: k.id + "|" + it.Recipient,
	}
	if it.Status != "" {
		r.Facts["status"] = it.Status
	}
	if it.Kind == dsn.Bounce {
		r.Code = string(kind(it))
		// The same report by another way is the same bounce.
		r.Dedupe = "bounced|" + r.Code + "|" + r.Facts["reason"] + "|" + r.Facts["status"]
	}
	if it.Kind == dsn.Complaint {
		r.Facts["feedback"] = it.Feedback
	}
	return r
}

// kind is whose fault a bounce is.
func kind(it dsn.Item) reach.BounceKind {
	if it.Hard {
		return reach.HardBounce
	}
	switch it.Reason {
	case dsn.Blocked, dsn.RequirePTR, dsn.AuthFailure, dsn.SpamDetected, dsn.TooMany, dsn.Speeding, dsn.Rejected, dsn.NoRelaying:
		return reach.BlockBounce
	case dsn.PolicyViolation, dsn.VirusDetected, dsn.ContentError, dsn.NotCompliant, dsn.TooBig, dsn.ExceedLimit, dsn.SecurityError, dsn.SyntaxError:
		return reach.PolicyBounce
	}
	return reach.SoftBounce
}

// automatic notes that a machine answered: nobody has read, and nobody has
// said anything.
func (d *Desk) automatic(ctx context.Context, pass access.Pass, k kept, key string) error {
	f, ok, err := d.find(ctx, pass, key, "", "")
	if err != nil {
		return err
	}
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		if ok {
			r := reach.Receipt{Message: f.Message, Channel: reach.Email, Kind: "auto_reply", At: k.at, Actor: reach.Machine}
			if err := d.Reach.ReceiptIn(ctx, tx, r); err != nil {
				return err
			}
		}
		return done(ctx, tx, k.id, outcome{state: "done", kind: "auto_reply", message: f.Message})
	})
}

// answered brings what a person wrote into the ledger and into the
// conversation with them.
func (d *Desk) answered(ctx context.Context, pass access.Pass, k kept, l Letter, route verp.Route, key string) error {
	said := read(l.Raw)
	proof := d.prove(ctx, l, said.from)
	f, ok, err := d.find(ctx, pass, key, "", said.inReplyTo)
	if err != nil {
		return err
	}
	// Who has the message's own address has the message: what is said counts
	// for the address that it went to.
	from := said.from
	if ok && f.To != "" {
		from = f.To
	}
	proven := proof.passed && (!ok || strings.EqualFold(said.from, f.To))
	text := said.text
	if route == verp.Stop {
		text = "unsubscribe"
	}
	reading := wish.Read(text)
	came, files, notes, err := d.sorted(ctx, k, f, reading, said.files)
	if err != nil {
		return err
	}
	if !proven {
		notes += "\n\n[" + proof.warning(said.from, from) + "]"
	}
	heard := words{said, f, reading, proven}.heard(k, files, notes)
	heard.Files = came
	if heard.From == "" && f.Patient == "" && f.Message == "" {
		return d.DB.Tx(ctx, func(tx *db.Tx) error {
			return done(ctx, tx, k.id, outcome{state: "unknown", kind: "reply", verdict: proof.words})
		})
	}
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		o := outcome{state: "done", kind: "reply", message: f.Message, verdict: proof.words}
		if reading.Meaning == reach.Stop {
			o.kind = "stop"
		}
		// Of what nothing proves only a refusal counts in the ledger; a person
		// looks at all else. Who gives a permission back has to be who took it:
		// whoever was forwarded a message knows where its answers go.
		if reading.Meaning == reach.Stop || proven || reading.Meaning != reach.StartAgain && (f.sure || proof.passed) {
			r := reach.Receipt{
				Message: f.Message, Channel: reach.Email, Kind: "replied", From: from, Text: text, At: k.at, Actor: reach.Human,
				Dedupe: "mail|" + k.id, Facts: map[string]string{"proof": proof.words},
			}
			if err := d.Reach.ReceiptIn(ctx, tx, r); err != nil {
				return err
			}
		}
		if err := d.Dialogs.Heard(ctx, tx, heard); err != nil {
			return err
		}
		return done(ctx, tx, k.id, o)
	})
}

// words are what a person wrote, and what is made of it.
type words struct {
	said
	about   found
	reading wish.Reading
	proven  bool
}

// heard is w as it stands in the conversation. What is a plain and proven
// word needs nobody; all else is looked at.
func (w words) heard(k kept, files []dialog.Attachment, notes string) dialog.Heard {
	h := dialog.Heard{
		Channel: reach.Email, From: w.from, Patient: w.about.Patient, Message: w.about.Message, Subject: w.subject,
		Text: strings.TrimSpace(w.text + notes), At: k.at, Key: "mail:" + k.id, Attachments: files,
	}
	if w.reading.Meaning != reach.Other {
		h.Meaning = string(w.reading.Meaning)
		h.Quiet = w.proven && w.reading.Rule == "keyword"
	}
	return h
}
