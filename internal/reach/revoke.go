package reach

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/law"
	"hale/internal/reach/policy"
	"hale/internal/reach/wish"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// autocall is the channel of calls that a machine makes: what a STOP ends
// where it ends everything automated. Calls of the staff are none.
const autocall = "autocall"

// stopping is a reply that takes a permission back.
type stopping struct {
	Receipt
	value   string // the address that answered
	message string // the one answered, or ""
	reading wish.Reading
	visit   bool // CANCEL to a message about a visit: what was meant is asked
}

// method says how the word came.
func (s stopping) method() string {
	switch {
	case s.Channel == Email:
		return "email_reply"
	case s.reading.Rule == "keyword":
		return "sms_keyword"
	}
	return "sms_freetext"
}

// stopReach is how far a STOP goes now: as far as the law says, and where
// that leaves it open, as far as the clinic says; strictly, if it says
// nothing.
func (e *Engine) stopReach(now time.Time) law.Stop {
	rules := e.rules()
	stop := law.Stop{Reach: law.Channel, Days: 10}
	if rules.Law != nil {
		stop = rules.Law.Stop(now)
	}
	if stop.Reach == law.Topic && rules.Laid.Stop != string(law.Topic) {
		stop.Reach = law.Channel
	}
	return stop
}

// stopAddress ends what a STOP ends for everybody at an address, at once.
func (e *Engine) stopAddress(ctx context.Context, tx *db.Tx, s stopping) error {
	now := e.Now()
	stop, purpose := e.stopReach(now), consent.Any
	if stop.Reach == law.Topic {
		purpose = consent.Any
		if s.message != "" {
			m, err := one(ctx, tx, s.message)
			if err != nil {
				return err
			}
			if p, ok := policy.PurposeOf(m.purpose); ok && !p.Fixed {
				purpose = m.purpose
			}
		}
	}
	n, err := e.suppress(ctx, tx, Block{Channel: s.Channel, Value: s.value, Scope: purpose, Reason: "stop", Why: "answered " + s.method(), By: "recipient"})
	if err != nil || n == 0 {
		return err // or said before
	}
	list, err := people(ctx, tx, s.Channel, s.value)
	if err != nil {
		return err
	}
	if err := e.takenBack(ctx, tx, s, stop, purpose, list); err != nil {
		return err
	}
	if purpose == consent.Any {
		if err := e.contacts.SetStatus(ctx, tx, contact.Kind(s.Channel), s.value, contact.OptedOut); err != nil {
			return err
		}
		if err := e.cancelAt(ctx, tx, s.Channel, s.value, "stop", ""); err != nil {
			return err
		}
	} else if err := e.cancelTopic(ctx, tx, s.Channel, s.value, purpose); err != nil {
		return err
	}
	return e.confirmStop(ctx, tx, s)
}

// cancelTopic cancels what of one purpose is queued to an address.
func (e *Engine) cancelTopic(ctx context.Context, tx *db.Tx, c Channel, value, purpose string) error {
	const waits = `address_hash = $3 and channel = $4 and purpose = $5 and state in ('scheduled', 'uncertain')`
	list, err := withdraw(ctx, tx, e.Now(), "stop", waits, e.hash(c, value), string(c), purpose)
	if err != nil {
		return err
	}
	if err := e.keepBack(ctx, tx, `address_hash = $1 and channel = $2 and purpose = $3`, e.hash(c, value), string(c), purpose); err != nil {
		return err
	}
	for _, intent := range list {
		if err := wakeIntent(ctx, tx, intent, e.Now()); err != nil {
			return err
		}
	}
	return nil
}

// takenBack writes down the word of everybody at an address, with its clock.
// Of an address that nobody has the clock alone is kept.
func (e *Engine) takenBack(ctx context.Context, tx *db.Tx, s stopping, stop law.Stop, purpose string, patients []string) error {
	now := e.Now()
	due := now.AddDate(0, 0, stop.Days)
	if book := e.rules().Law; book != nil {
		due = book.Due(s.At, stop.Days, e.Clinic.Zone)
	}
	channels := []string{string(s.Channel)}
	if stop.Reach == law.Calls && s.Channel == SMS {
		channels = append(channels, autocall)
	}
	var events []consent.Event
	for _, p := range patients {
		for _, c := range channels {
			events = append(events, consent.Event{
				Patient: p, Channel: c, Purpose: purpose, Action: consent.Revoke, Method: s.method(), Actor: "recipient",
				Evidence: "reply at " + s.At.UTC().Format("2006-01-02T15:04:05Z"), Scope: string(stop.Reach), At: now, Received: s.At, Due: due,
				Rule: s.reading.Rule, Unsure: !s.reading.Sure, Message: s.message,
			})
		}
	}
	if len(events) > 0 {
		return e.consents.AddIn(ctx, tx, events...)
	}
	const q = `insert into revocation (id, channel, purpose, method, rule, sure, message, received_at, honoured_at, due_at) values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)`
	_, err := tx.ExecContext(ctx, q, e.IDs.New(), string(s.Channel), purpose, s.method(), s.reading.Rule, s.message, db.Micro(s.At), db.Micro(now), db.Micro(due))
	return err
}

// startAddress takes a STOP back.
func (e *Engine) startAddress(ctx context.Context, tx *db.Tx, r Receipt, value, message string) error {
	n, err := db.Changed(tx.ExecContext(ctx, `delete from suppression where channel = $1 and address_hash = $2 and reason = 'stop'`, string(r.Channel), e.hash(r.Channel, value)))
	if err != nil || n == 0 {
		return err
	}
	if err := e.logBlock(ctx, tx, Block{Channel: r.Channel, Value: value, Scope: consent.Any, Reason: "stop", Why: "answered START", By: "recipient"}, "lift"); err != nil {
		return err
	}
	list, err := people(ctx, tx, r.Channel, value)
	if err != nil {
		return err
	}
	for _, p := range list {
		ev := consent.Event{Patient: p, Channel: string(r.Channel), Purpose: consent.Any, Action: consent.Grant, Method: "sms_keyword", Actor: "recipient", Evidence: "START at " + r.At.UTC().Format("2006-01-02T15:04:05Z")}
		if err := e.consents.AddIn(ctx, tx, ev); err != nil {
			return err
		}
	}
	if err := e.contacts.SetStatus(ctx, tx, contact.Kind(r.Channel), value, contact.Active); err != nil || r.Channel != SMS {
		return err
	}
	return e.answerStart(ctx, tx, value, message)
}

// Revocation is one time somebody took a permission back.
type Revocation struct {
	ID, Patient, Channel, Purpose string
	Method, Rule, Message         string
	Sure                          bool
	Received, Honoured, Due       time.Time // Honoured is zero where it was not yet
	Review                        string    // meant, not_meant, or "" for not looked at
	ReviewedBy                    string
	Said                          string // what the person wrote, where it is known
}

// Open says whether somebody has to do something about r still.
func (r Revocation) Open() bool { return r.Honoured.IsZero() || !r.Sure && r.Review == "" }

const revocationColumns = `v.id, v.patient, v.channel, v.purpose, v.method, v.rule, v.message, v.sure, v.received_at, v.honoured_at, v.due_at, v.review, v.reviewed_by,
	coalesce((select e.data from message_event e where e.message = v.message and e.message <> '' and e.kind = 'reply_stop' order by e.received_at desc, e.id desc limit 1), '')`

func readRevocation(scan db.Scan) (r Revocation, err error) {
	var sure int
	var received, honoured, due int64
	var data string
	err = scan(&r.ID, &r.Patient, &r.Channel, &r.Purpose, &r.Method, &r.Rule, &r.Message, &sure, &received, &honoured, &due, &r.Review, &r.ReviewedBy, &data)
	r.Sure, r.Received, r.Due, r.Said = sure == 1, db.Time(received), db.Time(due), noted(data)
	if honoured > 0 {
		r.Honoured = db.Time(honoured)
	}
	return r, err
}

// RevocationsOpen returns those that somebody has to look at, the soonest due
// first, five hundred at most.
func (e *Engine) RevocationsOpen(ctx context.Context, pass access.Pass) ([]Revocation, error) {
	const q = `select ` + revocationColumns + ` from revocation v where v.honoured_at = 0 or v.sure = 0 and v.review = '' order by v.due_at, v.id limit 500`
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, e.DB, readRevocation, q)
	if err != nil {
		return nil, fmt.Errorf("reach: revocations: %w", err)
	}
	return list, nil
}

// Revocations returns the last n, newest first.
func (e *Engine) Revocations(ctx context.Context, pass access.Pass, n int) ([]Revocation, error) {
	const q = `select ` + revocationColumns + ` from revocation v order by v.received_at desc, v.id desc limit $1`
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, e.DB, readRevocation, q, n)
	if err != nil {
		return nil, fmt.Errorf("reach: revocations: %w", err)
	}
	return list, nil
}

// Clock is how the words that take permissions back stand, in numbers.
type Clock struct {
	All, Open, Unsure, Late int // Late: not honoured when due, ever
	Longest                 time.Duration
}

// RevocationsWaiting counts those that somebody has to look at: open ones, and
// ones that may not have been meant.
func (e *Engine) RevocationsWaiting(ctx context.Context, pass access.Pass) (open, unsure int, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return 0, 0, err
	}
	const q = `
		select coalesce(sum(case when honoured_at = 0 then 1 else 0 end), 0), coalesce(sum(case when sure = 0 and review = '' then 1 else 0 end), 0)
		from revocation
		where honoured_at = 0 or sure = 0 and review = ''`
	if _, err = db.One(ctx, e.DB, func(scan db.Scan) (int, error) { return 0, scan(&open, &unsure) }, q); err != nil {
		return 0, 0, fmt.Errorf("reach: revocations: %w", err)
	}
	return open, unsure, nil
}

// RevocationClock counts them.
func (e *Engine) RevocationClock(ctx context.Context, pass access.Pass) (c Clock, err error) {
	if err := pass.OpenAll(access.AnswerPatients); err != nil {
		return c, err
	}
	const q = `
		select count(*), coalesce(sum(case when honoured_at = 0 then 1 else 0 end), 0), coalesce(sum(case when sure = 0 and review = '' then 1 else 0 end), 0),
			coalesce(sum(case when honoured_at > due_at or honoured_at = 0 and due_at < $1 then 1 else 0 end), 0),
			coalesce(max(case when honoured_at > 0 then honoured_at - received_at else 0 end), 0)
		from revocation`
	var longest int64
	_, err = db.One(ctx, e.DB, func(scan db.Scan) (int, error) { return 0, scan(&c.All, &c.Open, &c.Unsure, &c.Late, &longest) }, q, db.Micro(e.Now()))
	c.Longest = time.Duration(longest) * time.Microsecond
	if err != nil {
		return c, fmt.Errorf("reach: revocations: %w", err)
	}
	return c, nil
}

var errReviewed = errs.New(errs.Conflict, "Somebody has looked at this already.")

// ReviewRevocation says what an ambiguous word of the patient whom pass opens meant.
// Where it was no STOP, what it ended begins again.
func (e *Engine) ReviewRevocation(ctx context.Context, pass access.Pass, id string, meant bool) error {
	patient, err := pass.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	now, word := e.Now(), "not_meant"
	if meant {
		word = "meant"
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `update revocation set review = $3, reviewed_by = $4, reviewed_at = $5 where id = $1 and patient = $2 and sure = 0 and review = '' returning channel, purpose, message`
		list, err := db.All(ctx, tx, func(scan db.Scan) (r Revocation, err error) { return r, scan(&r.Channel, &r.Purpose, &r.Message) }, q, id, patient, word, pass.Actor().ID, db.Micro(now))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errReviewed
		}
		row := pass.Actor().Row("revocation.review", patient, true)
		row.About, row.Reason = "revocation/"+id, word
		if err := e.log.AddIn(ctx, tx, []audit.Row{row}...); err != nil || meant {
			return err
		}
		return e.beginAgain(ctx, tx, pass, patient, list[0])
	})
	if err != nil {
		return fmt.Errorf("reach: review %s: %w", id, err)
	}
	e.nudge()
	return nil
}

// beginAgain gives a permission back that nobody meant to take.
func (e *Engine) beginAgain(ctx context.Context, tx *db.Tx, pass access.Pass, patient string, r Revocation) error {
	ev := consent.Event{Patient: patient, Channel: r.Channel, Purpose: r.Purpose, Action: consent.Grant, Method: "staff", Actor: pass.Actor().ID, Evidence: "the answer was no STOP: looked at by staff"}
	if err := e.consents.AddIn(ctx, tx, ev); err != nil || r.Message == "" {
		return err
	}
	m, err := one(ctx, tx, r.Message)
	if err != nil {
		return err
	}
	b, err := e.open(ctx, tx, m.id, m.sealed)
	if err != nil {
		return err
	}
	if _, err := e.unblock(ctx, tx, Block{Channel: m.channel, Value: b.To, Scope: r.Purpose, Reason: "stop", Why: "the answer was no STOP", By: pass.Actor().ID}); err != nil {
		return err
	}
	const q = `update contact_point set status = 'active', updated_at = $4 where patient = $1 and kind = $2 and value = $3 and status = 'opted_out'`
	_, err = tx.ExecContext(ctx, q, patient, string(m.channel), b.To, db.Micro(e.Now()))
	return err
}
