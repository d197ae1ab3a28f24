package reach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/reach/trial"
	"hale/internal/store/db"
)

// WayTo is how one patient may be reached now, and why not otherwise.
type WayTo struct {
	Points   []PointTo
	Helpers  []HelperTo
	Zones    []string // where it has to be day; several where it is not known which
	Places   []string // whose law counts: US-IL
	Confined string   // the one way that was agreed on, if one was
	Consents []consent.Event
	Papers   []consent.Paper
	Caps     []CapUse
	Purposes []PurposeTo
	Minor    bool
}

// PointTo is one address of a patient, and what holds of it.
type PointTo struct {
	contact.Point
	Blocks []Block
	Able   policy.Ability
	With   int // how many other patients have it
}

// HelperTo is a caregiver to whom messages about the patient may go.
type HelperTo struct {
	Name   string
	Parent bool
	Masked []string
}

// CapUse is how much of a limit is used up.
type CapUse struct {
	Cap  policy.Cap
	Used int
}

// PurposeTo is what would happen to a message of one purpose, asked now.
type PurposeTo struct {
	Key, Name, Basis string
	Wish             string
	Verdict          policy.Verdict
	Reasons          []policy.Reason
	Next             time.Time // the soonest that something could go; zero: nothing
	By               Channel
	Mode             policy.Mode
}

// Reachable explains how the patient whom pass opens may be reached.
func (e *Engine) Reachable(ctx context.Context, pass access.Pass) (w WayTo, err error) {
	patient, err := pass.Open(access.ReadContacts)
	if err != nil {
		return w, err
	}
	everyone, err := e.eyes(ctx, "explain")
	if err != nil {
		return w, fmt.Errorf("reach: reachable: %w", err)
	}
	able := map[string]policy.Ability{}
	if err := e.abilities(ctx, everyone, []string{patient}, able); err != nil {
		return w, fmt.Errorf("reach: reachable: %w", err)
	}
	purposes := policy.Purposes()
	k, err := e.load(ctx, e.DB, everyone, []string{patient}, purposes[0].Key, able)
	if err != nil {
		return w, fmt.Errorf("reach: reachable: %w", err)
	}
	e.wayTo(&w, k.facts(patient))
	for _, p := range purposes {
		if err := e.bar(ctx, e.DB, k, p.Key); err != nil {
			return w, fmt.Errorf("reach: reachable: %w", err)
		}
		w.Purposes = append(w.Purposes, e.purposeTo(k.facts(patient), p.Key))
	}
	if err := e.evidence(ctx, pass, patient, &w); err != nil {
		return w, fmt.Errorf("reach: reachable: %w", err)
	}
	return w, nil
}

// purposeTo asks the policy about one purpose, with content as sensitive as
// it usually is.
func (e *Engine) purposeTo(f *policy.Facts, key string) PurposeTo {
	rules := e.rules()
	p, _ := rules.Purpose(key)
	d := policy.Decide(e.Now(), f, policy.Ask{Purpose: p, Class: p.Sensitivity, Channels: e.channels(nil), Arm: trial.Treat}, *rules)
	to := PurposeTo{Key: key, Name: p.Name, Basis: p.Basis.Words(), Wish: f.Wish(p, e.Now()), Verdict: d.Verdict, Reasons: d.Reasons, Next: d.RetryAt}
	if len(d.Plan) > 0 {
		to.Next, to.By, to.Mode = d.Plan[0].NotBefore, d.Plan[0].Channel, d.Plan[0].Mode
	}
	return to
}

// wayTo fills in what does not hang on the purpose.
func (e *Engine) wayTo(w *WayTo, f *policy.Facts) {
	rules := e.rules()
	w.Minor = f.Minor
	w.Zones, w.Places = policy.Whereabouts(f, rules)
	for _, p := range f.Points {
		w.Points = append(w.Points, PointTo{Point: p, Able: f.Able[p.Value]})
	}
	for _, h := range f.Helpers {
		to := HelperTo{Name: h.Name, Parent: h.Parent}
		for _, p := range h.Points {
			to.Masked = append(to.Masked, p.Masked())
		}
		w.Helpers = append(w.Helpers, to)
	}
	day := 0
	if loc, err := rules.Load(w.Zones[0]); err == nil {
		day = policy.Day(e.Now(), loc)
	}
	for _, c := range rules.Caps {
		w.Caps = append(w.Caps, CapUse{Cap: c, Used: policy.UsedOf(c, f, day)})
	}
}

// evidence reads what the patient said, what is blocked and what was agreed.
func (e *Engine) evidence(ctx context.Context, pass access.Pass, patient string, w *WayTo) (err error) {
	if w.Consents, err = e.consents.Of(ctx, pass); err != nil {
		return err
	}
	if w.Papers, err = e.consents.Papers(ctx, pass); err != nil {
		return err
	}
	slices.Reverse(w.Consents)
	agreed, err := contact.Confined(ctx, e.DB, []string{patient})
	if err != nil {
		return err
	}
	if p, ok := agreed[patient]; ok {
		w.Confined = string(p.Kind)
	}
	for i := range w.Points {
		p := &w.Points[i]
		const q = `select channel, address_hash, mask, scope, reason, why, by, at, until from suppression where channel = $1 and address_hash = $2 order by scope`
		if p.Blocks, err = db.All(ctx, e.DB, readBlock, q, string(p.Kind), e.hash(Channel(p.Kind), p.Value)); err != nil {
			return err
		}
		const others = `select count(distinct patient) from contact_point where value = $1 and patient <> $2`
		if p.With, err = db.One(ctx, e.DB, db.Value[int], others, p.Value, patient); err != nil && !errors.Is(err, db.ErrNone) {
			return err
		}
	}
	return nil
}
