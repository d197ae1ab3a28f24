package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/store/audit"
)

// Pass lets one actor use one right on one patient's record, or on the whole
// population. The zero Pass opens nothing, and shows nothing that is
// labelled or waits.
type Pass struct {
	actor    Actor
	patient  string
	right    Right
	everyone bool
	sight    sight
	at       time.Time
}

// Actor returns who was let in, for provenance.
func (p Pass) Actor() Actor { return p.actor }

// Open returns the id of the patient whose record p opens for right.
func (p Pass) Open(right Right) (patient string, err error) {
	if p.patient == "" || p.right != right {
		return "", errForbidden
	}
	return p.patient, nil
}

// OpenAll says whether p opens the whole population for right.
func (p Pass) OpenAll(right Right) error {
	if !p.everyone || p.right != right {
		return errForbidden
	}
	return nil
}

// OpenOne is Open for whichever of rights p is for: where a narrower right
// opens what a wider one does.
func (p Pass) OpenOne(rights ...Right) (patient string, err error) {
	if p.patient == "" || !slices.Contains(rights, p.right) {
		return "", errForbidden
	}
	return p.patient, nil
}

// OpenAllOne is OpenAll for whichever of rights p is for.
func (p Pass) OpenAllOne(rights ...Right) error {
	if !p.everyone || !slices.Contains(rights, p.right) {
		return errForbidden
	}
	return nil
}

// The refusals. errForbidden says the same of a record that is not there and
// of one that is somebody else's.
var (
	errSignIn    = errs.New(errs.Unauthenticated, "Please sign in.")
	errForbidden = errs.New(errs.NotFound, "We could not find that record.")
	errReason    = errs.New(errs.Forbidden, "This record is specially protected. To open it, say why you need it.")
	errProve     = errs.New(errs.StepUp, "Please show once more that it is you.")
)

// NeedsReason says whether err refuses a record that emergency access, with
// a stated reason, would open.
func NeedsReason(err error) bool { return errs.KindOf(err) == errs.Forbidden }

// Doors makes passes and audits each.
type Doors struct {
	log    *audit.Log
	lookup Lookup
	now    func() time.Time
	ages   AgeRules
	known  *remembered
	also   func() // what forgets together with the doors
}

// NewDoors returns doors that audit to log and decide by what lookup finds.
func NewDoors(log *audit.Log, lookup Lookup, now func() time.Time) *Doors {
	return &Doors{log: log, lookup: lookup, now: now, known: &remembered{}}
}

// WithAgeRules returns d narrowing parents' grants by rules.
func (d *Doors) WithAgeRules(rules AgeRules) *Doors {
	d.ages = rules
	return d
}

// Forget drops every fact that d remembers. Whoever changes one calls it
// after the change is committed.
func (d *Doors) Forget() {
	d.known.forget()
	if d.also != nil {
		d.also()
	}
}

// WithForget lets also be called whenever d forgets.
func (d *Doors) WithForget(also func()) *Doors {
	d.also = also
	return d
}

// Check returns a pass for right on patient, or an error a person may read.
// It fails when the audit row cannot be written, and when what the decision
// rests on cannot be looked up.
func (d *Doors) Check(ctx context.Context, a Actor, right Right, patient string) (Pass, error) {
	passes, err := d.CheckMany(ctx, a, patient, right)
	if err != nil {
		return Pass{}, err
	}
	return passes[0], nil
}

// CheckMany returns a pass for each of rights on patient, in their order, or
// none where one is refused. Each leaves its own audit row, in one
// transaction: a page that shows several things waits for the disk once.
func (d *Doors) CheckMany(ctx context.Context, a Actor, patient string, rights ...Right) ([]Pass, error) {
	if a.ID == "" {
		return nil, errSignIn
	}
	if patient == "" {
		return nil, errForbidden
	}
	now := d.now()
	facts, err := d.facts(ctx, a, patient, now)
	if err != nil {
		return nil, err
	}
	passes, refusals := d.look(a, patient, rights, facts, now)
	purpose := ""
	if now.Before(facts.Emergency) {
		purpose = InEmergency
	}
	if err := d.record(ctx, a, patient, rights, refusals, purpose); err != nil {
		return nil, err
	}
	return passes, nil
}

// Refuse notes a refusal that a page decided by what a grant keeps closed,
// and returns it.
func (d *Doors) Refuse(ctx context.Context, a Actor, right Right, patient string) error {
	return d.record(ctx, a, patient, []Right{right}, []error{errForbidden}, "")
}

// look decides about each of rights, and writes nothing down.
func (d *Doors) look(a Actor, patient string, rights []Right, facts Facts, now time.Time) (passes []Pass, refusals []error) {
	passes, refusals = make([]Pass, len(rights)), make([]error, len(rights))
	for i, right := range rights {
		passes[i] = Pass{actor: a, patient: patient, right: right, at: now}
		passes[i].sight, refusals[i] = d.decide(a, right, patient, facts, now)
	}
	return passes, refusals
}

// CheckAll returns a pass for right on the whole population.
func (d *Doors) CheckAll(ctx context.Context, a Actor, right Right) (Pass, error) {
	if a.ID == "" {
		return Pass{}, errSignIn
	}
	now := d.now()
	seen, refusal := d.decide(a, right, "", Facts{}, now)
	if err := d.record(ctx, a, "", []Right{right}, []error{refusal}, ""); err != nil {
		return Pass{}, err
	}
	return Pass{actor: a, right: right, everyone: true, sight: seen, at: now}, nil
}

// facts returns what a decision about a and patient rests on, if more than
// who a is.
func (d *Doors) facts(ctx context.Context, a Actor, patient string, now time.Time) (Facts, error) {
	if a.Kind != Staff && (a.Kind != Proxy || a.Patient == patient) {
		return Facts{}, nil
	}
	key := pair{a.Kind, a.ID, patient}
	f, era, ok := d.known.get(key, now)
	if ok {
		return f, nil
	}
	f, err := d.lookup.Facts(ctx, a, patient)
	if err != nil {
		return Facts{}, fmt.Errorf("access: look up: %w", err)
	}
	d.known.put(key, f, now, era)
	return f, nil
}

// InEmergency is the purpose of looks while a record is open in an emergency.
const InEmergency = "emergency"

// record writes the audit rows and returns the first refusal, if there is
// one.
func (d *Doors) record(ctx context.Context, a Actor, patient string, rights []Right, refusals []error, purpose string) error {
	rows := make([]audit.Row, len(rights))
	var refused error
	for i, right := range rights {
		if refused == nil {
			refused = refusals[i]
		}
		rows[i] = a.Row(string(right), patient, refusals[i] == nil)
		if purpose != "" {
			rows[i].Purpose = purpose
		}
	}
	if err := d.log.Add(ctx, rows...); err != nil {
		return fmt.Errorf("access: check: %w", err)
	}
	return refused
}
