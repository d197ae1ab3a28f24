package access

import "context"

// Decide decides as Check does, without the row in the log.
func (d *Doors) Decide(ctx context.Context, a Actor, right Right, patient string) (Pass, error) {
	now := d.now()
	facts, err := d.facts(ctx, a, patient, now)
	if err != nil {
		return Pass{}, err
	}
	passes, refusals := d.look(a, patient, []Right{right}, facts, now)
	return passes[0], refusals[0]
}
