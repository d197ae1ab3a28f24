package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/reach/segment"
	"hale/internal/store/db"
)

// Late says what becomes of a start whose time passed while nothing ran.
type Late string

// The three answers.
const (
	LateSend Late = "send"
	LateSkip Late = "skip"
	LateAsk  Late = "ask"
)

// Grace is how late a start may be and still count as in time.
const Grace = 2 * time.Hour

// Rule is when an outreach goes out by itself: each time is a run of its own
// with a snapshot of its own.
type Rule struct {
	Every   string `json:"every"`             // "", week, month: once, weekly, or monthly on the day of the first time
	GapDays int    `json:"gapDays,omitempty"` // whoever got an earlier run within so many days is left out
}

// next returns the time after one, at the same hour of the clinic's day. A
// month that is too short has it on its last day.
func (r Rule) next(at, first time.Time, zone *time.Location) time.Time {
	l, f := at.In(zone), first.In(zone)
	hour := func(y int, m time.Month, d int) time.Time {
		return time.Date(y, m, d, f.Hour(), f.Minute(), 0, 0, zone)
	}
	switch r.Every {
	case "week":
		return hour(l.Year(), l.Month(), l.Day()+7)
	case "month":
		last := time.Date(l.Year(), l.Month()+2, 0, 0, 0, 0, 0, zone).Day()
		return hour(l.Year(), l.Month()+1, min(f.Day(), last))
	}
	return time.Time{}
}

// Fence is a count kept outside the database. A database that counts less
// was restored from a backup, and what it thinks is due may have gone out.
type Fence interface {
	Count() (n int64, err error) // 0 where none was kept yet
	Keep(n int64) error
}

// Schedule is when an outreach starts by itself.
type Schedule struct {
	Outreach string
	Rule     Rule
	First    time.Time
	Next     time.Time // zero: no more
	Late     Late
	Asked    time.Time // waits for somebody's word since then
	Why      string    // late or restored
}

var (
	errSchedule = errs.New(errs.Invalid, "A start lies ahead, and repeats every week, every month or not at all.")
	errWaits    = errs.New(errs.Conflict, "Nothing waits for a word here.")
)

// stored is a rule as its row has it.
type stored struct {
	Rule
	First int64 `json:"first"`
}

// SetSchedule lets a draft start at a time, or every week or
// month from then on. The draft stays as it is and each run is a copy.
func (e *Engine) SetSchedule(ctx context.Context, pass access.Pass, s Schedule) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	now := e.Now()
	switch s.Rule.Every {
	case "", "week", "month":
	default:
		return errSchedule
	}
	if s.Late == "" {
		s.Late = LateAsk
	}
	if !s.First.After(now) || s.Rule.GapDays < 0 || s.Rule.GapDays > 3650 || s.Late != LateSend && s.Late != LateSkip && s.Late != LateAsk {
		return errSchedule
	}
	o, err := get(ctx, e.DB, s.Outreach)
	if err != nil {
		return err
	}
	if o.State != Draft {
		return errStarted
	}
	if segment.Labels(o.Segment)&pass.Hidden() != 0 {
		return errProtected
	}
	if err := o.ready(); err != nil {
		return err
	}
	text, err := json.Marshal(stored{s.Rule, db.Micro(s.First)})
	if err != nil {
		return fmt.Errorf("reach: schedule: %w", err)
	}
	const q = `
		insert into outreach_schedule (outreach, rule, next_at, late, grace, labels, by, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (outreach) do update set rule = excluded.rule, next_at = excluded.next_at, late = excluded.late, asked_at = 0, why = '',
			labels = excluded.labels, by = excluded.by, at = excluded.at`
	_, err = e.DB.ExecContext(ctx, q, s.Outreach, string(text), db.Micro(s.First), string(s.Late), Grace.Microseconds(), int64(access.Every&^pass.Hidden()), pass.Actor().Name, db.Micro(now))
	if err != nil {
		return fmt.Errorf("reach: schedule %s: %w", s.Outreach, err)
	}
	return nil
}

// Schedules returns what starts by itself, the soonest first.
func (e *Engine) Schedules(ctx context.Context, pass access.Pass) ([]Schedule, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	return e.schedules(ctx, e.DB, scheduleColumns+`next_at > 0 order by next_at, outreach`)
}

const scheduleColumns = `select outreach, rule, next_at, late, asked_at, why from outreach_schedule where `

func (e *Engine) schedules(ctx context.Context, c db.Conn, q string, args ...any) ([]Schedule, error) {
	list, err := db.All(ctx, c, func(scan db.Scan) (s Schedule, err error) {
		var text string
		var next, asked int64
		if err := scan(&s.Outreach, &text, &next, &s.Late, &asked, &s.Why); err != nil {
			return s, err
		}
		var r stored
		err = json.Unmarshal([]byte(text), &r)
		s.Rule, s.First = r.Rule, db.Time(r.First)
		if next > 0 {
			s.Next = db.Time(next)
		}
		if asked > 0 {
			s.Asked = db.Time(asked)
		}
		return s, err
	}, q, args...)
	if err != nil {
		return nil, fmt.Errorf("reach: schedules: %w", err)
	}
	return list, nil
}

// startDue starts what is due. A start that is late by more than its grace,
// or that a restored database may have made before, goes by its Late.
func (e *Engine) startDue(ctx context.Context) error {
	now := e.Now()
	list, err := e.schedules(ctx, e.DB, scheduleColumns+`next_at > 0 and next_at <= $1 and asked_at = 0 order by next_at, outreach`, db.Micro(now))
	if err == nil && len(list) == 0 {
		err = e.keepFence(ctx)
	}
	if err != nil || len(list) == 0 {
		return err
	}
	restored, err := e.restored(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		word, why := "sent", ""
		switch {
		case restored:
			word, why = "ask", "restored"
		case now.Sub(s.Next) > Grace:
			word, why = string(s.Late), "late"
		}
		if err := e.startOne(ctx, s, word, why, "Hale"); err != nil {
			return err
		}
	}
	return nil
}

// keepFence brings the count outside up to the database's while nothing is
// due: on a node that is new, or that others started more than.
func (e *Engine) keepFence(ctx context.Context) error {
	if e.Fence == nil {
		return nil
	}
	inside, err := db.One(ctx, e.DB, db.Value[int64], `select n from reach_fence where one = 1`)
	if err == nil {
		var outside int64
		if outside, err = e.Fence.Count(); err == nil && outside < inside {
			err = e.Fence.Keep(inside)
		}
	}
	if err != nil {
		return fmt.Errorf("reach: fence: %w", err)
	}
	return nil
}

// restored says whether the count outside knows of more starts than the
// database does.
func (e *Engine) restored(ctx context.Context) (bool, error) {
	if e.Fence == nil {
		return false, nil
	}
	inside, err := db.One(ctx, e.DB, db.Value[int64], `select n from reach_fence where one = 1`)
	if err != nil {
		return false, fmt.Errorf("reach: fence: %w", err)
	}
	outside, err := e.Fence.Count()
	if err != nil {
		return false, fmt.Errorf("reach: fence: %w", err)
	}
	return outside > inside || outside == 0 && inside > 0, nil
}

// startOne makes one run, leaves it out, or asks.
func (e *Engine) startOne(ctx context.Context, s Schedule, word, why, by string) error {
	pass, err := e.eyes(ctx, "campaign")
	if err != nil {
		return err
	}
	if word == "ask" {
		return e.askFirst(ctx, s, why)
	}
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, e.Now()); err != nil {
			return err
		}
		next := s.Rule.next(s.Next, s.First, e.Clinic.Zone)
		for !next.IsZero() && !next.After(e.Now()) { // several passed at once: one is enough
			next = s.Rule.next(next, s.First, e.Clinic.Zone)
		}
		const on = `update outreach_schedule set next_at = $3, asked_at = 0, why = '' where outreach = $1 and next_at = $2`
		n, err := db.Changed(tx.ExecContext(ctx, on, s.Outreach, db.Micro(s.Next), db.Micro(next)))
		if err != nil || n == 0 { // another node was here
			return err
		}
		run := ""
		if word != string(LateSkip) {
			if run, err = e.run(ctx, tx, pass, s); err != nil {
				return err
			}
		}
		const note = `insert into outreach_run (outreach, due_at, run, word, by, at) values ($1, $2, $3, $4, $5, $6)`
		_, err = tx.ExecContext(ctx, note, s.Outreach, db.Micro(s.Next), run, word, by, db.Micro(e.Now()))
		return err
	})
	if errors.Is(err, errApproval) && by == "Hale" { // it waits for the second person's word, and then for somebody's
		err = e.askFirst(ctx, s, "approval")
	}
	if err != nil {
		return fmt.Errorf("reach: start %s: %w", s.Outreach, err)
	}
	return nil
}

// askFirst has a start wait for somebody's word.
func (e *Engine) askFirst(ctx context.Context, s Schedule, why string) error {
	const q = `update outreach_schedule set asked_at = $2, why = $3 where outreach = $1 and next_at = $4 and asked_at = 0`
	_, err := e.DB.ExecContext(ctx, q, s.Outreach, db.Micro(e.Now()), why, db.Micro(s.Next))
	return err
}

// run copies an outreach, takes the snapshot of who is in it now and starts
// it. The count outside goes first: should the process die in between, the
// next start asks.
func (e *Engine) run(ctx context.Context, tx *db.Tx, pass access.Pass, s Schedule) (string, error) {
	now := e.Now()
	o, err := get(ctx, tx, s.Outreach)
	if err != nil {
		return "", err
	}
	text, err := o.text()
	if err != nil {
		return "", err
	}
	parent, whole := o.ID, o
	o.ID, o.Parent, o.Kind = e.IDs.New(), parent, Once
	name := o.Name + ", " + s.Next.In(e.Clinic.Zone).Format("Jan 2, 2006")
	if _, err := tx.ExecContext(ctx, outreachInsert, o.ID, name, o.Purpose, o.Service, string(Running), o.Holdout, o.WindowDays, o.ExpireDays, text, seal.Token(16), o.CreatedBy, db.Micro(now), "", parent, db.Micro(now)); err != nil {
		return "", err
	}
	if s.Rule.GapDays > 0 {
		late := segment.Expr{Not: &segment.Expr{Fact: &segment.Fact{Key: "sent", Value: parent, Days: s.Rule.GapDays}}}
		if o.Segment.Everyone() {
			o.Segment = late
		} else {
			o.Segment = segment.Expr{All: []segment.Expr{o.Segment, late}}
		}
	}
	if err := e.snapshot(ctx, tx, pass, o, now); err != nil {
		return "", err
	}
	if err := e.approvedFor(ctx, tx, whole, o.ID); err != nil {
		return "", err
	}
	if err := e.addPlan(ctx, tx, o.ID); err != nil {
		return "", err
	}
	n, err := db.One(ctx, tx, db.Value[int64], `update reach_fence set n = n + 1 where one = 1 returning n`)
	if err != nil {
		return "", err
	}
	if e.Fence != nil {
		if err := e.Fence.Keep(n); err != nil {
			return "", err
		}
	}
	return o.ID, nil
}

// Answer is somebody's word on a start that waits for one: send it now, or
// leave it out.
func (e *Engine) Answer(ctx context.Context, pass access.Pass, outreach string, send bool) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	list, err := e.schedules(ctx, e.DB, scheduleColumns+`outreach = $1 and asked_at > 0`, outreach)
	if err == nil && len(list) == 0 {
		err = errWaits
	}
	if err != nil {
		return err
	}
	if e.Fence != nil { // somebody has looked: the counts agree from here on
		n, err := e.Fence.Count()
		if err == nil {
			_, err = e.DB.ExecContext(ctx, `update reach_fence set n = $1 where one = 1 and n < $1`, n)
		}
		if err == nil {
			n, err = db.One(ctx, e.DB, db.Value[int64], `select n from reach_fence where one = 1`)
		}
		if err == nil {
			err = e.Fence.Keep(n)
		}
		if err != nil {
			return fmt.Errorf("reach: fence: %w", err)
		}
	}
	word := string(LateSkip)
	if send {
		word = "sent"
	}
	return e.startOne(ctx, list[0], word, "", pass.Actor().Name)
}

// Unschedule takes a start back.
func (e *Engine) Unschedule(ctx context.Context, pass access.Pass, outreach string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n, err := db.Changed(e.DB.ExecContext(ctx, `update outreach_schedule set next_at = 0, asked_at = 0 where outreach = $1 and next_at > 0`, outreach))
	if err == nil && n == 0 {
		err = errWaits
	}
	if err != nil && !errors.Is(err, errWaits) {
		return fmt.Errorf("reach: unschedule %s: %w", outreach, err)
	}
	return err
}
