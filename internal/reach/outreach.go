package reach

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

var (
	errPurpose   = errs.New(errs.Invalid, "Please choose what the outreach is for.")
	errProtected = errs.New(errs.Forbidden, "The segment asks about information that the law protects more. Somebody who treats these patients has to write it.")
	errName      = errs.New(errs.Invalid, "Please give the outreach a name.")
	errHoldout   = errs.New(errs.Invalid, "Between 0 and half of the people can be held out.")
	errNoHold    = errs.New(errs.Invalid, "Nobody may be held out of messages of this kind.")
	errDays      = errs.New(errs.Invalid, "An outreach runs for 1 to 365 days.")
	errStarted   = errs.New(errs.Conflict, "This outreach has started and cannot be changed any more.")
	errState     = errs.New(errs.Conflict, "The outreach is not in a state for that. Please look again.")
)

// plan is what of an outreach the database keeps as one text.
type plan struct {
	Segment    segment.Expr      `json:"segment"`
	Template   template.Template `json:"template"`
	Channels   []Channel         `json:"channels,omitempty"`
	Households bool              `json:"households,omitempty"`
	Exception  Exception         `json:"exception,omitempty"`
	Paid       bool              `json:"paid,omitempty"`
	Variants   []Variant         `json:"variants,omitempty"`
	Goal       Goal              `json:"goal,omitempty"`
	NextAfter  time.Duration     `json:"nextAfter,omitempty"`

	Waits map[Channel]time.Duration `json:"waits,omitempty"`

	Tracking Tracking     `json:"tracking,omitzero"`
	Pickup   Pickup       `json:"pickup,omitzero"`
	Hours    policy.Times `json:"hours,omitzero"`
}

// check completes o and says what is wrong with it. A draft may still have
// problems in its texts; Start may not.
func (o *Outreach) check(pass access.Pass, now time.Time) error {
	p, ok := policy.PurposeOf(o.Purpose)
	o.Name = strings.TrimSpace(o.Name)
	if o.WindowDays == 0 {
		o.WindowDays = 90
	}
	if o.ExpireDays == 0 {
		o.ExpireDays = 30
	}
	switch {
	case o.Name == "" || len(o.Name) > 200:
		return errName
	case !ok:
		return errPurpose
	case o.permitted(p) != nil:
		return o.permitted(p)
	case o.Holdout < 0 || o.Holdout > 0.5 || o.Holdout != o.Holdout:
		return errHoldout
	case o.Holdout > 0 && (!p.Holdout || !trial.Allowed(o.Purpose)):
		return errNoHold
	case o.WindowDays < 1 || o.WindowDays > 365 || o.ExpireDays < 1 || o.ExpireDays > 365:
		return errDays
	}
	if err := o.Tracking.check(); err != nil {
		return err
	}
	if err := o.Hours.Check(p, o.ExpireDays); err != nil {
		return err
	}
	if o.Template.Sensitivity < p.Sensitivity {
		o.Template.Sensitivity = p.Sensitivity
	}
	if labels := segment.Labels(o.Segment); labels != 0 {
		if labels&pass.Hidden() != 0 {
			return errProtected
		}
		o.Template.Sensitivity = policy.S4 // whom it reaches tells what it is about
	}
	if err := o.checkVariants(p); err != nil {
		return err
	}
	if err := o.checkWaits(); err != nil {
		return err
	}
	_, _, err := segment.Compile(pass, o.Segment, now)
	return err
}

// mostWait is the longest that a message may stay unseen before the next
// channel's turn.
const mostWait = 60 * 24 * time.Hour

var errPauses = errs.New(errs.Invalid, "Between one channel and the next lie a minute to 60 days, and the channels are email, sms, inbox and voice.")

// checkWaits checks the times between one channel and the next.
func (o *Outreach) checkWaits() error {
	for c, w := range o.Waits {
		if w < time.Minute || w > mostWait || !slices.Contains([]Channel{Email, SMS, Inbox, Voice}, c) {
			return errPauses
		}
	}
	return nil
}

// Save keeps a draft. An empty ID makes a new one.
func (e *Engine) Save(ctx context.Context, pass access.Pass, o Outreach) (Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return o, err
	}
	now := e.Now()
	if err := o.check(pass, now); err != nil {
		return o, err
	}
	text, err := o.text()
	if err != nil {
		return o, fmt.Errorf("reach: save: %w", err)
	}
	const update = `
		update outreach set name = $2, purpose = $3, service = $4, holdout = $5, window_days = $6, expire_days = $7, plan = $8, kind = $9
		where id = $1 and state = 'draft'`
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		if o.ID == "" {
			o.ID, o.State, o.Created, o.CreatedBy = e.IDs.New(), Draft, now, pass.Actor().Name
			_, err := tx.ExecContext(ctx, outreachInsert, o.ID, o.Name, o.Purpose, o.Service, string(Draft), o.Holdout, o.WindowDays, o.ExpireDays, text, seal.Token(16), o.CreatedBy, db.Micro(now), string(o.Kind), o.Parent, 0)
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, update, o.ID, o.Name, o.Purpose, o.Service, o.Holdout, o.WindowDays, o.ExpireDays, text, string(o.Kind)))
		if err == nil && n == 0 {
			return errStarted
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("reach: save %s: %w", o.ID, err)
	}
	return o, nil
}

const outreachInsert = `
	insert into outreach (id, name, purpose, service, state, holdout, window_days, expire_days, plan, salt, created_by, created_at, kind, parent, started_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

// text is what of o is kept as one text.
func (o *Outreach) text() (string, error) {
	text, err := json.Marshal(plan{
		Exception: o.Exception, Paid: o.Paid,
		Segment: o.Segment, Template: o.Template, Channels: o.Channels, Households: o.Households,
		Variants: o.Variants, Goal: o.Goal, NextAfter: o.NextAfter, Waits: o.Waits,
		Tracking: o.Tracking, Pickup: o.Pickup, Hours: o.Hours,
	})
	return string(text), err
}

const outreachColumns = `id, name, purpose, service, state, holdout, window_days, expire_days, plan, audience, planned, created_by, created_at, started_at, ended_at, salt, kind, parent`

func readOutreach(scan db.Scan) (o Outreach, err error) {
	var text string
	var created, started, ended int64
	err = scan(&o.ID, &o.Name, &o.Purpose, &o.Service, &o.State, &o.Holdout, &o.WindowDays, &o.ExpireDays, &text, &o.Audience, &o.Planned, &o.CreatedBy, &created, &started, &ended, &o.salt, &o.Kind, &o.Parent)
	if err != nil {
		return o, err
	}
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return o, err
	}
	o.Exception, o.Paid = p.Exception, p.Paid
	o.Segment, o.Template, o.Channels, o.Households, o.NextAfter, o.Waits = p.Segment, p.Template, p.Channels, p.Households, p.NextAfter, p.Waits
	o.Tracking, o.Pickup = p.Tracking, p.Pickup
	o.Variants, o.Goal, o.Hours = p.Variants, p.Goal, p.Hours
	o.Created, o.Started, o.Ended = db.Time(created), db.Time(started), db.Time(ended)
	return o, nil
}

// get reads an outreach as c sees it.
func get(ctx context.Context, c db.Conn, id string) (Outreach, error) {
	o, err := db.One(ctx, c, readOutreach, `select `+outreachColumns+` from outreach where id = $1`, id)
	if err != nil {
		return o, fmt.Errorf("reach: get %s: %w", id, err)
	}
	return o, nil
}

// Get returns an outreach.
func (e *Engine) Get(ctx context.Context, pass access.Pass, id string) (Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Outreach{}, err
	}
	return get(ctx, e.DB, id)
}

// List returns all outreaches, newest first.
func (e *Engine) List(ctx context.Context, pass access.Pass) ([]Outreach, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, e.DB, readOutreach, `select `+outreachColumns+` from outreach order by created_at desc, id desc`)
	if err != nil {
		return nil, fmt.Errorf("reach: list: %w", err)
	}
	return list, nil
}

// Delete removes a draft. What has started stays: it is evidence.
func (e *Engine) Delete(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	n, err := db.Changed(e.DB.ExecContext(ctx, `delete from outreach where id = $1 and state = 'draft'`, id))
	if err == nil && n == 0 {
		err = errStarted
	}
	if err != nil {
		return fmt.Errorf("reach: delete %s: %w", id, err)
	}
	return nil
}

// Start takes the snapshot of the audience and begins.
func (e *Engine) Start(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	o, err := get(ctx, e.DB, id)
	if err != nil {
		return err
	}
	if segment.Labels(o.Segment)&pass.Hidden() != 0 {
		return errProtected
	}
	if err := o.ready(); err != nil {
		return err
	}
	now := e.Now()
	err = e.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, `update outreach set state = 'running', started_at = $2 where id = $1 and state = 'draft'`, id, db.Micro(now)))
		if err != nil {
			return err
		}
		if n == 0 {
			return errStarted
		}
		if o, err = get(ctx, tx, id); err != nil { // as it is now, whoever changed it meanwhile
			return err
		}
		if o.Kind == Journey || o.Kind == API {
			return e.approved(ctx, tx, o) // people come one by one
		}
		if err := e.snapshot(ctx, tx, pass, o, now); err != nil {
			return err
		}
		if err := e.approved(ctx, tx, o); err != nil {
			return err
		}
		return e.addPlan(ctx, tx, id)
	})
	if err != nil {
		return fmt.Errorf("reach: start %s: %w", id, err)
	}
	return nil
}

// ready says whether every text of o may be sent.
func (o *Outreach) ready() error {
	purpose, _ := policy.PurposeOf(o.Purpose)
	for _, t := range o.templates() {
		if problems := t.Lint(purpose); len(problems) > 0 {
			return errs.New(errs.Invalid, "The text is not ready to be sent. "+strings.TrimSpace(problems[0].Part+" "+problems[0].Words))
		}
	}
	return nil
}

// templates are the texts that o sends: its variants', or its one.
func (o *Outreach) templates() []template.Template {
	if len(o.Variants) == 0 {
		return []template.Template{o.Template}
	}
	list := make([]template.Template, len(o.Variants))
	for i, v := range o.Variants {
		list[i] = v.Template
	}
	return list
}

// snapshot writes down who is in the segment now, by what the starter sees.
func (e *Engine) snapshot(ctx context.Context, tx *db.Tx, pass access.Pass, o Outreach, now time.Time) error {
	q, args, err := segment.Compile(pass, o.Segment, now)
	if err != nil {
		return err
	}
	args = append(args, o.ID)
	insert := fmt.Sprintf(`
		insert into audience (outreach, seq, patient)
		select cast($%d as text), row_number() over (order by s.id), s.id from (%s) s`, len(args), q)
	if _, err := tx.ExecContext(ctx, insert, args...); err != nil {
		return err
	}
	const count = `update outreach set audience = (select count(*) from audience where outreach = $1) where id = $1`
	_, err = tx.ExecContext(ctx, count, o.ID)
	return err
}

// addPlan adds the planning job, once.
func (e *Engine) addPlan(ctx context.Context, tx *db.Tx, id string) error {
	if e.queue == nil {
		return nil
	}
	return e.queue.Add(ctx, tx, jobs.Job{Kind: planKind, Args: planArgs{Outreach: id}, Unique: id, MaxAttempts: 100})
}

// Pause holds back what has not been handed off.
func (e *Engine) Pause(ctx context.Context, pass access.Pass, id string) error {
	return e.move(ctx, pass, id, Running, Paused)
}

// Resume goes on after Pause.
func (e *Engine) Resume(ctx context.Context, pass access.Pass, id string) error {
	return e.move(ctx, pass, id, Paused, Running)
}

// move takes an outreach from one state to another. Where it runs again, the
// job that goes on planning is added in the same transaction.
func (e *Engine) move(ctx context.Context, pass access.Pass, id string, from, to State) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	err := e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, e.Now()); err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update outreach set state = $3 where id = $1 and state = $2`, id, string(from), string(to)))
		if err != nil {
			return err
		}
		if n == 0 {
			return errState
		}
		if to == Running {
			return e.addPlan(ctx, tx, id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reach: move %s: %w", id, err)
	}
	e.nudge()
	if to == Paused {
		return e.halt(ctx, id)
	}
	return nil
}

// Stop ends an outreach: what has not been handed off is cancelled, and what
// has is taken back, as far as that goes. From the first moment on nothing
// more of it leaves; should the process die then, a sweep does the rest.
func (e *Engine) Stop(ctx context.Context, pass access.Pass, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	now := e.Now()
	err := e.DB.Tx(ctx, func(tx *db.Tx) error {
		if err := lockPlan(ctx, tx, now); err != nil {
			return err
		}
		n, err := db.Changed(tx.ExecContext(ctx, `update outreach set state = 'stopped', stopping = 1, ended_at = $2 where id = $1 and state in ('running', 'paused')`, id, db.Micro(now)))
		if err == nil && n == 0 {
			return errState
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reach: stop %s: %w", id, err)
	}
	halted := e.halt(ctx, id)
	if err := e.takeBack(ctx, id); err != nil {
		return fmt.Errorf("reach: stop %s: %w", id, err)
	}
	return halted
}
