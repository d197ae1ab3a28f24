package access

import (
	"context"
	"fmt"

	"hale/internal/store/audit"
)

// Pass lets one actor use one right on one patient's record, or on the whole
// population. The zero Pass opens nothing.
type Pass struct {
	actor    Actor
	patient  string
	right    Right
	everyone bool
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

// Doors makes passes and audits each.
type Doors struct {
	log *audit.Log
}

// NewDoors returns doors that audit to log.
func NewDoors(log *audit.Log) *Doors { return &Doors{log: log} }

// Check returns a pass for right on patient, or an error a person may read.
// It fails when the audit row cannot be written.
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
	if err := d.record(ctx, a, patient, rights...); err != nil {
		return nil, err
	}
	passes := make([]Pass, len(rights))
	for i, right := range rights {
		passes[i] = Pass{actor: a, patient: patient, right: right}
	}
	return passes, nil
}

// CheckAll returns a pass for right on the whole population.
func (d *Doors) CheckAll(ctx context.Context, a Actor, right Right) (Pass, error) {
	if a.ID == "" {
		return Pass{}, errSignIn
	}
	if err := d.record(ctx, a, "", right); err != nil {
		return Pass{}, err
	}
	return Pass{actor: a, right: right, everyone: true}, nil
}

// record writes the audit rows and returns the refusal, if there is one.
func (d *Doors) record(ctx context.Context, a Actor, patient string, rights ...Right) error {
	rows, refused := make([]audit.Row, len(rights)), false
	for i, right := range rights {
		granted := a.may(right, patient)
		refused = refused || !granted
		rows[i] = audit.Row{
			ActorKind: string(a.Kind), Actor: a.ID, Action: string(right),
			Patient: patient, Granted: granted, Request: a.Request,
		}
	}
	if err := d.log.Add(ctx, rows...); err != nil {
		return fmt.Errorf("access: check: %w", err)
	}
	if refused {
		return errForbidden
	}
	return nil
}

// SystemActor is the part of Hale named name, with rights.
func SystemActor(name string, rights ...Right) Actor {
	return Actor{Kind: System, ID: name, Name: name, Rights: rights}
}

// LinkActor is whoever opened the link id about patient, with rights.
func LinkActor(id, patient string, rights ...Right) Actor {
	return Actor{Kind: Link, ID: id, Patient: patient, Rights: rights}
}
