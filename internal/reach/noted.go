package reach

import (
	"context"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// Handed is what audit rows call a message that a gateway took.
const Handed = "message.send"

// noted leaves an audit row for each message that left the house, or may
// have.
func (e *Engine) noted(ctx context.Context, tx *db.Tx, group []*sending) error {
	rows := make([]audit.Row, 0, len(group))
	for _, m := range group {
		if m.unsent || m.result.Outcome != Accepted && m.result.Outcome != Uncertain {
			continue
		}
		r := audit.Row{ActorKind: string(access.System), Actor: "reach", Action: Handed, Patient: m.patient, About: "message/" + m.id,
			Purpose: m.purpose, Reason: string(m.channel), Granted: true}
		if m.result.Outcome == Uncertain {
			r.Reason += ", in doubt"
		}
		rows = append(rows, r)
	}
	return e.log.AddIn(ctx, tx, rows...)
}
