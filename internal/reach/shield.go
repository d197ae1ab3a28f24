package reach

import (
	"context"
	"math"
	"time"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/record/label"
	"hale/internal/store/db"
)

// asMessage is the type under which a message stands in table shield.
const asMessage = "Message"

// delicate are the sorts of what is treated as specially protected without
// saying why.
const delicate = access.SubstanceUse | access.MentalHealth | access.HIV | access.Reproductive

// labels are the sorts of protected information that a message of o tells.
func (o Outreach) labels() access.Label {
	if l := segment.Labels(o.Segment); l != 0 {
		return l
	}
	if o.Template.Sensitivity >= policy.S4 {
		return delicate
	}
	return 0
}

// shield notes who may see a message that tells of what is protected: not a
// helper to whom the patient did not open it, not a minor's parent.
func (p *planner) shield(id, patient string) {
	labels := p.o.labels()
	if labels == 0 {
		return
	}
	born := p.crowd.by[patient].born
	whole := labels | label.Minor(labels, born, "", p.now)
	p.shields = append(p.shields, patient, asMessage, id, int64(labels), int64(whole), p.now.UnixMicro(), 0, "")
}

func insertShields(ctx context.Context, tx *db.Tx, rows []any) error {
	const head = `insert into shield (patient, typ, id, own, labels, cared_at, held_until, hold)`
	return db.InsertMany(ctx, tx, head, "", 8, rows)
}

// veil returns the parameters by which a reader's messages are chosen. A
// link opens its one message, whatever it tells.
func veil(pass access.Pass) (hidden, until int64) {
	if pass.Actor().Kind == access.Link {
		return 0, math.MaxInt64
	}
	return pass.Veil()
}

// veiled leaves out the messages that a reader may not see.
const veiled = ` not exists (select 1 from shield z where z.patient = m.patient and z.typ = 'Message' and z.id = m.id
	and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// mayKnow says whether pass may know that somebody was in o: of an outreach
// about what is protected, that tells it.
func mayKnow(pass access.Pass, o Outreach) bool { return pass.Shows(o.labels(), time.Time{}) }
