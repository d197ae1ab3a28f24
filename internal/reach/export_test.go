package reach

import (
	"context"

	"hale/internal/access"
	"hale/internal/reach/policy"
)

// Facts reads what is known of patients for the outreach id, and returns what
// then decides on each of them and counts whom it would write to.
func (e *Engine) Facts(ctx context.Context, pass access.Pass, id string, patients []string) (decide func() int, err error) {
	o, err := get(ctx, e.DB, id)
	if err != nil {
		return nil, err
	}
	able := map[string]policy.Ability{}
	if err := e.abilities(ctx, pass, patients, able); err != nil {
		return nil, err
	}
	crowd, err := e.load(ctx, e.DB, pass, patients, o.Purpose, able)
	if err != nil {
		return nil, err
	}
	p, err := e.planner(ctx, e.DB, o, crowd)
	if err != nil {
		return nil, err
	}
	return func() (n int) {
		for _, patient := range patients {
			if d, _, _ := p.decide(patient); d.Verdict == policy.Treat {
				n++
			}
		}
		return n
	}, nil
}

// PlanBatch is how many people are decided on at once.
const PlanBatch = planBatch
