package reach

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/store/db"
)

// Pickup says how often and where the links of an outreach open. Zero: as
// often as one likes until they end, and in any browser that passes the
// second factor.
type Pickup struct {
	MaxUses int  `json:"maxUses,omitempty"` // so often, for half an hour each
	Alone   bool `json:"alone,omitempty"`   // only in the browser that opened it first
}

// SendCode sends a one-time code for a link of message, in the words of its
// language. It goes to another address of the same patient; where there is
// none, and only with the date of birth known, to where the link went.
// Nothing is sent, and no error returned, where no code may be: what the page
// says is the same.
func (e *Engine) SendCode(ctx context.Context, pass access.Pass, link, message string, known bool) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		m, err := mine(ctx, tx, patient, message)
		if err != nil {
			return err
		}
		to, other, err := e.codeTo(ctx, tx, m, known)
		if err != nil || to.Value == "" {
			return err
		}
		code, err := e.Links.NewCode(ctx, tx, link, other)
		if err != nil || code == "" {
			return err
		}
		tag, err := db.One(ctx, tx, db.Value[string], `select lang from message where id = $1`, message)
		if err != nil {
			return err
		}
		l := lang.Pick("", tag)
		return e.sendIn(ctx, tx, Direct{
			Channel: Channel(to.Kind), To: to.Value, Lang: tag, Patient: patient, Subject: l.T("Your code"),
			Text: l.T("%s: your code is %s. It works for 10 minutes. We never ask you for it on the phone.", e.clinic().Name, code),
		})
	})
	if err != nil {
		return fmt.Errorf("reach: code for %s: %w", message, err)
	}
	e.nudge()
	return nil
}

// codeTo returns where a code goes: the best other address of the patient
// that nobody else has, else where the message went, if known allows that.
func (e *Engine) codeTo(ctx context.Context, tx *db.Tx, m known, knows bool) (to contact.Point, other bool, err error) {
	b, err := e.open(ctx, tx, m.id, m.sealed)
	if err != nil {
		return to, false, err
	}
	points, err := contact.List(ctx, tx, []string{m.patient})
	if err != nil {
		return to, false, err
	}
	own := slices.ContainsFunc(points[m.patient], func(p contact.Point) bool { return p.Value == b.To })
	if !own && b.To != "" && m.channel != Inbox && m.channel != Post { // somebody who helps has it: a code for the patient's phone would not reach them
		if knows {
			to = contact.Point{Kind: contact.Kind(m.channel), Value: b.To}
		}
		return to, false, nil
	}
	list := slices.DeleteFunc(points[m.patient], func(p contact.Point) bool {
		return p.Status != contact.Active || e.gates[Channel(p.Kind)] == nil || Channel(p.Kind) != SMS && Channel(p.Kind) != Email || p.Shared && p.Value != b.To
	})
	if i := slices.IndexFunc(list, func(p contact.Point) bool { return p.Value != b.To }); i >= 0 {
		return list[i], true, nil
	}
	if i := slices.IndexFunc(list, func(p contact.Point) bool { return p.Value == b.To }); i >= 0 && knows {
		return list[i], false, nil
	}
	return contact.Point{}, false, nil
}

// Passed records that somebody passed the second factor of a link, and says
// in the audit log where it was another browser than before.
func (e *Engine) Passed(ctx context.Context, pass access.Pass, message, factor, browser string, first bool) error {
	if err := e.Mark(ctx, pass, message, "factor_passed", map[string]any{"first": first, "factor": factor, "browser": browser}); err != nil {
		return err
	}
	if strings.Contains(factor, "dob") {
		if err := e.proven(ctx, pass, message); err != nil {
			return err
		}
	}
	if browser != "another" {
		return nil
	}
	patient, err := reader(pass)
	if err != nil {
		return err
	}
	row := pass.Actor().Row(OtherBrowser, patient, true)
	row.About, row.Reason = "message/"+message, factor
	return e.DB.Tx(ctx, func(tx *db.Tx) error { return e.log.AddIn(ctx, tx, row) })
}

// proven notes that the number which a message went to is its patient's: the
// link in it was opened with the date of birth.
func (e *Engine) proven(ctx context.Context, pass access.Pass, message string) error {
	patient, err := reader(pass)
	if err != nil {
		return err
	}
	return e.DB.Tx(ctx, func(tx *db.Tx) error {
		m, err := mine(ctx, tx, patient, message)
		if err != nil || m.channel != SMS && m.channel != Email {
			return err
		}
		b, err := e.open(ctx, tx, m.id, m.sealed)
		if err != nil {
			return err
		}
		return e.contacts.Confirm(ctx, tx, patient, b.To, e.Now())
	})
}

// OtherBrowser is what audit rows call the opening of a link in another
// browser than the one that opened it first.
const OtherBrowser = "link.browser"

// lockedNote is what the staff read of a link that somebody guessed at.
const lockedNote = "Six wrong dates of birth were given for this message's link, and it was locked. Somebody else may have the phone or the mailbox: please call and ask."

// Locked says that a link was locked for good by wrong answers: somebody of
// the staff should call.
func (e *Engine) Locked(ctx context.Context, pass access.Pass, message string) error {
	patient, err := pass.Open(access.EditContacts)
	if err != nil {
		return err
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := mine(ctx, tx, patient, message); err != nil {
			return err
		}
		now := e.Now()
		dead := Receipt{Kind: "factor_failed", At: now, Actor: Unknown, Code: "locked", Dedupe: fmt.Sprint("locked", now.UnixMicro())}
		if err := e.happened(ctx, tx, message, dead, nil); err != nil {
			return err
		}
		call := Receipt{Kind: "call_wanted", At: now, Actor: Unknown, Code: "link_locked", Dedupe: fmt.Sprint("link_locked", now.UnixMicro())}
		return e.happened(ctx, tx, message, call, map[string]string{"note": lockedNote})
	})
	if err != nil {
		return fmt.Errorf("reach: locked %s: %w", message, err)
	}
	return nil
}

// Hear keeps what somebody wrote, in the transaction of its cause.
type Hear func(ctx context.Context, tx *db.Tx, patient, message, text string, meaning Meaning) error

var errEmpty = errs.New(errs.Invalid, "Please write something first.")

// longestAnswer is how long an answer on a page may be, in characters.
const longestAnswer = 2000

// Wrote takes what a reader wrote on the message's page, once however often
// it is sent, and hands it to hear. Who asks in words to be left alone is.
func (e *Engine) Wrote(ctx context.Context, pass access.Pass, message, text string, hear Hear) error {
	patient, err := reader(pass)
	if err != nil {
		return err
	}
	if text = cut(text, longestAnswer); text == "" {
		return errEmpty
	}
	meaning := Understand(text)
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		m, err := mine(ctx, tx, patient, message)
		if err != nil {
			return err
		}
		r := Receipt{Kind: "replied", At: e.Now(), Actor: Human, Code: string(meaning), Dedupe: "page|" + text}
		if err := e.happened(ctx, tx, message, r, map[string]string{"note": cut(text, longestReply)}); err != nil {
			return err
		}
		if hear != nil {
			if err := hear(ctx, tx, patient, message, text, meaning); err != nil {
				return err
			}
		}
		if meaning == Stop {
			return e.optOut(ctx, tx, m, "channel")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: answer to %s: %w", message, err)
	}
	e.nudge()
	return nil
}

var errTaken = errs.New(errs.Conflict, "This message was taken back before.")

// Retract takes a message back: its links end, nobody reads it any more, and
// what of it has not left is cancelled.
func (e *Engine) Retract(ctx context.Context, pass access.Pass, message, reason string) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	const add = `insert into message_retracted (message, by, reason, at) values ($1, $2, $3, $4) on conflict (message) do nothing`
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if _, err := mine(ctx, tx, patient, message); err != nil {
			return err
		}
		now := e.Now()
		n, err := db.Changed(tx.ExecContext(ctx, add, message, pass.Actor().ID, cut(reason, longestReply), db.Micro(now)))
		if err == nil && n == 0 {
			err = errTaken
		}
		if err != nil {
			return err
		}
		if err := e.Links.Retract(ctx, tx, message); err != nil {
			return err
		}
		if _, err := withdraw(ctx, tx, now, "retracted", `id = $3 and state in ('scheduled', 'uncertain')`, message); err != nil {
			return err
		}
		if err := e.keepBack(ctx, tx, `id = $1`, message); err != nil {
			return err
		}
		if err := e.happened(ctx, tx, message, Receipt{Kind: "retracted", At: now, Actor: Human, Dedupe: "retracted"}, nil); err != nil {
			return err
		}
		row := pass.Actor().Row(TakenBack, patient, true)
		row.About, row.Reason = "message/"+message, cut(reason, longestReply)
		return e.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return fmt.Errorf("reach: retract %s: %w", message, err)
	}
	return nil
}

// TakenBack is what audit rows call a message that the staff took back.
const TakenBack = "message.retract"

// kept is the condition on message m that nobody has taken it back.
const kept = `not exists (select 1 from message_retracted k where k.message = m.id)`
