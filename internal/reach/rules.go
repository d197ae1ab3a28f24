package reach

import (
	"context"
	"fmt"
	"sync/atomic"

	"hale/internal/reach/policy"
	"hale/internal/reach/rulebook"
	"hale/internal/reach/trial"
)

// ruling is what the engine goes by: the rules that Hale comes with, and over
// them what the clinic has in force.
type ruling struct {
	base policy.Settings
	live atomic.Pointer[laid]
}

// laid are rules as they were read last.
type laid struct {
	settings *policy.Settings
	version  string
}

// rules are the rules in force, as they were when a batch was begun last.
func (e *Engine) rules() *policy.Settings {
	if l := e.ruling.live.Load(); l != nil {
		return l.settings
	}
	return &e.ruling.base
}

// refresh reads the rules anew where they have changed.
func (e *Engine) refresh(ctx context.Context) error {
	version, err := rulebook.Version(ctx, e.DB)
	if err != nil {
		return fmt.Errorf("reach: rules: %w", err)
	}
	if l := e.ruling.live.Load(); l != nil && l.version == version {
		return nil
	}
	s, err := rulebook.Settings(ctx, e.DB, e.ruling.base)
	if err == nil && s.Laid.Global > 0 {
		s.Laid.Salt, err = rulebook.Salt(ctx, e.DB, e.Now())
	}
	if err != nil {
		return fmt.Errorf("reach: rules: %w", err)
	}
	e.ruling.live.Store(&laid{settings: s, version: version})
	return nil
}

// Rules returns the rules in force, and the ones that Hale comes with.
func (e *Engine) Rules(ctx context.Context) (now *policy.Settings, base policy.Settings, err error) {
	err = e.refresh(ctx)
	return e.rules(), e.ruling.base, err
}

// assign draws somebody twice: for the clinic's group that gets nothing it
// could be held out of, and for the outreach's own. p is the probability of
// being held out by either.
func (p *planner) assign(unit string) (arm trial.Arm, prob float64, by string) {
	laid := p.rules.Laid
	arm, prob = trial.Assign(p.o.salt, p.o.ID, unit, p.o.Purpose, p.o.Holdout)
	if arm == trial.Holdout {
		by = "outreach"
	}
	if laid.Global <= 0 || laid.Salt == "" || !p.purpose.Holdout {
		return arm, prob, by
	}
	all, share := trial.Assign(laid.Salt, "everything", unit, p.o.Purpose, laid.Global)
	if all == trial.Holdout {
		arm, by = trial.Holdout, "everything"
	}
	return arm, 1 - (1-prob)*(1-share), by
}
