package reach

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/base/seal"
	"hale/internal/care/contact"
	"hale/internal/care/visit"
	"hale/internal/reach/nod"
	"hale/internal/store/db"
)

// Visits is what an answer to a message about a visit needs of package visit.
type Visits interface {
	Upcoming(ctx context.Context, pass access.Pass, n int) ([]visit.Visit, error)
	Confirm(ctx context.Context, pass access.Pass, id string) (visit.Visit, error)
	Cancel(ctx context.Context, pass access.Pass, id string) error
}

// nodding is a yes or no to a message about a visit.
type nodding struct {
	Receipt
	answer  nod.Answer
	value   string // the number
	message known
	about   string // what the message was about, as who set it off named it
}

// nodded does what a yes or no by text to a message about a visit asks for: it
// confirms or cancels the visit in the record, says so, and ends what else was
// to be sent about it. Where it is not certain which visit is meant, it is
// left to the staff, and that is said.
func (e *Engine) nodded(ctx context.Context, r Receipt) error {
	answer := nod.Read(r.Text)
	if r.Kind != "replied" || r.Channel != SMS || answer == nod.None || Understand(r.Text) != Other || e.Visits == nil {
		return nil
	}
	n := nodding{Receipt: r, answer: answer, value: contact.Normal(contact.SMS, r.From)}
	ok := false
	err := e.DB.Tx(ctx, func(tx *db.Tx) (err error) {
		ok, err = e.nodAbout(ctx, tx, &n)
		return err
	})
	if err != nil || !ok {
		return err
	}
	pass, err := e.Doors.Check(ctx, access.SystemActor("reply", access.BookVisits, access.ReadVisits), access.BookVisits, n.message.patient)
	if err != nil {
		return err
	}
	look, err := e.Doors.Check(ctx, access.SystemActor("reply", access.BookVisits, access.ReadVisits), access.ReadVisits, n.message.patient)
	if err != nil {
		return err
	}
	list, err := e.Visits.Upcoming(ctx, look, 5)
	if err != nil {
		return err
	}
	v, sure := which(list, n.about)
	if sure && answer == nod.Yes {
		_, err = e.Visits.Confirm(ctx, pass, v.ID)
	} else if sure {
		err = e.Visits.Cancel(ctx, pass, v.ID)
	}
	if err != nil {
		e.Log.Warn("reach: an answer about a visit is left to the staff", "error", err)
		sure = false
	}
	return e.DB.Tx(ctx, func(tx *db.Tx) error { return e.nodDone(ctx, tx, n, v, sure) })
}

// nodAbout finds the message that n answers. It reports false where that is
// about no visit, or n was dealt with.
func (e *Engine) nodAbout(ctx context.Context, tx *db.Tx, n *nodding) (bool, error) {
	id, err := e.about(ctx, tx, n.Receipt)
	if err != nil || id == "" {
		return false, err
	}
	if n.message, err = one(ctx, tx, id); err != nil {
		return false, err
	}
	if n.message.purpose != "appointment" || n.message.patient == "" || n.value == "" {
		return false, nil
	}
	const done = `select count(*) from message_event where dedupe = $1`
	again, err := db.One(ctx, tx, db.Value[int], done, seal.Hash(id+"|"+string(n.Channel)+"|"+n.key()))
	if err != nil || again > 0 {
		return false, err
	}
	list, err := db.All(ctx, tx, db.Value[string], nodSubject, n.message.intent)
	if err == nil && len(list) > 0 {
		n.about = list[0]
	}
	return true, err
}

// nodSubject reads what intent $1 is about: what set its journey off, or else
// the names that a program gave it.
const nodSubject = `
	select case when s.id is null then i.trigger || ' ' || i.supersede else s.subject end
	from intent i left join enrolment s on i.supersede = 'enrolment/' || s.id
	where i.id = $1`

// key names the answer in the ledger, once however often it is brought.
func (n nodding) key() string {
	if n.Dedupe != "" {
		return "nod|" + n.Dedupe
	}
	return fmt.Sprintf("nod|%d|%s", db.Micro(n.At), n.Text)
}

// which returns the visit that is meant: the one that about names, or the only
// one to come where about names nothing.
func which(list []visit.Visit, about string) (visit.Visit, bool) {
	var meant []visit.Visit
	for _, v := range list {
		if names(about, v.ID) {
			meant = append(meant, v)
		}
	}
	if strings.TrimSpace(about) == "" {
		meant = list
	}
	if len(meant) != 1 {
		return visit.Visit{}, false
	}
	return meant[0], true
}

// names says whether id stands in about, and not as a part of a longer name.
func names(about, id string) bool {
	whole := func(s string, at int) bool {
		return at < 0 || at >= len(s) || !unicode.IsLetter(rune(s[at])) && !unicode.IsDigit(rune(s[at]))
	}
	for from := 0; id != ""; {
		i := strings.Index(about[from:], id)
		if i < 0 {
			break
		}
		i += from
		if whole(about, i-1) && whole(about, i+len(id)) {
			return true
		}
		from = i + 1
	}
	return false
}

// nodDone writes down what came of an answer, and says it.
func (e *Engine) nodDone(ctx context.Context, tx *db.Tx, n nodding, v visit.Visit, sure bool) error {
	l, err := e.tongue(ctx, tx, SMS, n.value, n.message.id)
	if err != nil {
		return err
	}
	text := l.T("%s: thank you. We could not tell which visit you mean. We will get back to you, or call %s.", e.clinic().Name, e.clinic().Phone)
	happened := Receipt{Kind: "visit_unclear", At: n.At, Actor: Human, Channel: n.Channel, Dedupe: n.key()}
	meaning := ""
	if sure {
		happened.Kind = "acted"
		at := when(l, v.Start.In(e.Clinic.Zone))
		switch n.answer {
		case nod.Yes:
			happened.Code, meaning = "confirmed", "confirm"
			text = l.T("%s: thank you. You are down for %s. To cancel, reply X. Questions? Call %s.", e.clinic().Name, at, e.clinic().Phone)
		case nod.No:
			happened.Code, meaning = "cancelled", "cancel"
			text = l.T("%s: your visit on %s is cancelled. For another time, call %s.", e.clinic().Name, at, e.clinic().Phone)
		}
	}
	if err := e.happened(ctx, tx, n.message.id, happened, nil); err != nil {
		return err
	}
	if meaning != "" {
		if err := e.Dialogs.Settled(ctx, tx, n.message.patient, meaning, n.hearing()); err != nil {
			return err
		}
		if err := e.visitSettled(ctx, tx, n.message.patient, v.ID); err != nil {
			return err
		}
	}
	return e.answer(ctx, tx, n.value, l, text, directLife)
}

// visitSettled ends what else waits to be sent about a visit that patient has
// answered for: of programs, that name it Appointment/<id> to take it back by,
// and of the journeys that it set off, which go on as for those who acted.
func (e *Engine) visitSettled(ctx context.Context, tx *db.Tx, patient, id string) error {
	now := e.Now()
	if err := lockPlan(ctx, tx, now); err != nil {
		return err
	}
	const (
		about = `patient = $1 and state in ('active', 'deferred', 'exhausted')
			and (supersede = $2 or supersede in (select 'enrolment/' || s.id from enrolment s where s.subject = $2 and s.patient = $1))`
		settle = `update intent set state = 'satisfied', wake_at = 0 where ` + about + ` returning id`
	)
	list, err := db.All(ctx, tx, db.Value[string], settle, patient, "Appointment/"+id)
	if err != nil || len(list) == 0 {
		return err
	}
	where := `intent in (` + db.In(3, len(list)) + `) and state in ('scheduled', 'uncertain')`
	_, err = withdraw(ctx, tx, now, "superseded", where, db.Args(list)...)
	return err
}

// hearing is the key under which the conversation holds what was said.
func (n nodding) hearing() string {
	if n.Dedupe != "" {
		return n.Dedupe
	}
	return n.At.UTC().Format(time.RFC3339Nano) + n.value + n.Text
}

func when(l lang.Lang, t time.Time) string { return l.Date(t) + ", " + l.Clock(t) }
