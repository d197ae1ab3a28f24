package mailin_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/gateway/mailin"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// stray is a letter to the return path that is no report.
func stray(from, text string) string {
	return strings.ReplaceAll("From: "+from+"\nSubject: About my knee\n\n"+text+"\n", "\n", "\r\n")
}

func TestDeskLeft(t *testing.T) {
	pdf := base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"))
	withFile := strings.ReplaceAll("From: ada@elsewhere.example\nSubject: About my knee\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<p>It still <b>hurts</b>.</p><script>alert(1)</script>\n--m\nContent-Type: application/pdf; name=form.pdf\nContent-Transfer-Encoding: base64\n\n"+pdf+"\n--m--\n", "\n", "\r\n")
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c, ctx := open(t, d, nil, "pa@town.example", "pb@town.example"), t.Context()
		all := haletest.Everyone(t, d, access.AnswerPatients)
		bounce := c.gate.got(t, "pb@town.example").ReturnPath
		c.take(withFile, "ada@elsewhere.example", bounce)
		c.later(time.Minute)
		c.take(stray("ada@elsewhere.example", "Call me."), "", bounce)
		list, err := c.desk.Left(ctx, all, 10)
		c.must(err)
		if len(list) != 2 || list[0].From != "ada@elsewhere.example" || strings.TrimSpace(list[0].Text) != "It still hurts." || len(list[0].Files) != 1 || list[0].Files[0].Name != "form.pdf" {
			t.Fatalf("left = %+v", list)
		}
		one := c.nurse("pa")
		c.must(c.desk.Place(ctx, all, one, list[0].ID))
		if n := c.count(`select count(*) from dialog d join dialog_entry e on e.dialog = d.id where d.patient = 'pa' and d.unread = 1 and e.kind = 'heard'`); n != 1 {
			t.Errorf("%d entries in the conversation, want what was placed", n)
		}
		if n := c.count(`select count(*) from upload where patient = 'pa'`); n != 1 {
			t.Errorf("%d documents, want the form", n)
		}
		if err := c.desk.Place(ctx, all, c.nurse("pb"), list[0].ID); errs.KindOf(err) != errs.Conflict {
			t.Errorf("placed twice = %v", err)
		}
		if err := c.desk.Dismiss(ctx, all, list[1].ID, "because"); errs.KindOf(err) != errs.Invalid {
			t.Errorf("dismissed for no reason = %v", err)
		}
		c.must(c.desk.Dismiss(ctx, all, list[1].ID, mailin.Reasons()[0]))
		if n, err := c.desk.LeftCount(ctx, all); err != nil || n != 0 {
			t.Errorf("%d wait (%v), want none", n, err)
		}
		if got := c.text(`select closed_as || ' ' || patient || ' ' || length(sealed) from mail_in order by id limit 1`); got != "placed pa 0" {
			t.Errorf("the row = %q", got)
		}
	})
}

// A STOP counts at whatever address it comes in, and when somebody places a
// letter that says it.
func TestDeskLeftStop(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c, ctx := open(t, d, nil, "pa@town.example", "pb@town.example"), t.Context()
		c.take(stray("pa@town.example", "STOP"), "pa@town.example", c.gate.got(t, "pa@town.example").ReturnPath)
		if got := c.state("pa@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("STOP to the return path: %q", got)
		}
		c.take(stray("pb@town.example", "Hello there, please stop sending me these mails"), "pb@town.example", c.gate.got(t, "pb@town.example").ReturnPath)
		all := haletest.Everyone(t, d, access.AnswerPatients)
		list, err := c.desk.Left(ctx, all, 10)
		c.must(err)
		if len(list) != 1 {
			t.Fatalf("%d wait, want the letter in words", len(list))
		}
		c.must(c.desk.Place(ctx, all, c.nurse("pb"), list[0].ID))
		if got := c.state("pb@town.example"); !strings.HasSuffix(got, "opted_out") {
			t.Errorf("placed: %q", got)
		}
	})
}

// A letter that fails again and again waits with its reason, is tried again by
// hand, and what a person wrote is not forgotten after a month.
func TestDeskLeftFailed(t *testing.T) {
	d := haletest.SQLite(t)
	c, ctx := open(t, d, nil, "pa@town.example"), t.Context()
	trigger := func(q string) {
		t.Helper()
		c.must(d.Tx(ctx, func(tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, q)
			return err
		}))
	}
	trigger(`create trigger broken before insert on message_event begin select raise(abort, 'broken'); end`)
	c.take(dsn("pa@town.example", "failed", "5.1.1", "550 5.1.1 User unknown", ""), "", c.gate.got(t, "pa@town.example").ReturnPath)
	for range 8 {
		c.later(2 * time.Minute)
		c.must(c.desk.Sweep(ctx))
	}
	c.later(40 * 24 * time.Hour)
	c.must(c.desk.Sweep(ctx))
	all := haletest.Everyone(t, d, access.AnswerPatients)
	list, err := c.desk.Left(ctx, all, 10)
	c.must(err)
	if len(list) != 1 || !list[0].Failed || list[0].Tries != 8 || list[0].Cause == "" || strings.Contains(fmt.Sprint(list[0].Cause), "broken") {
		t.Fatalf("left = %+v", list)
	}
	if dealt, err := c.desk.Again(ctx, all, list[0].ID); err != nil || dealt {
		t.Errorf("again while it is broken = %v, %v", dealt, err)
	}
	trigger(`drop trigger broken`)
	if dealt, err := c.desk.Again(ctx, all, list[0].ID); err != nil || !dealt {
		t.Errorf("again = %v, %v", dealt, err)
	}
	if got := c.state("pa@town.example"); got != "undelivered bounced_hard bounced" {
		t.Errorf("state = %q", got)
	}
}

// nurse is a pass of staff for one patient.
func (c *clinic) nurse(patient string) access.Pass {
	c.t.Helper()
	a := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}, ID: "nurse", Name: "A nurse", Roles: []access.Role{access.Nurse}}
	p, err := haletest.Doors(c.d).Check(c.t.Context(), a, access.AnswerPatients, patient)
	c.must(err)
	return p
}
