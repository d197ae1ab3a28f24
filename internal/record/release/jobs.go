package release

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/jobs"
)

// Teller tells a patient that a result is there, in the transaction that
// shows it. It names neither the test nor the value.
type Teller interface {
	Arrived(ctx context.Context, tx *db.Tx, patient, typ, id string) error
}

// dueJob is the kind of the periodic job.
const dueJob = "release.due"

// Handlers are the jobs of this package.
func (s *Store) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{dueJob: func(ctx context.Context, _ json.RawMessage) error { return s.Due(ctx) }}
}

// Periodic says how often what is due is released. A page shows a result at
// its minute in any case; the job tells of it.
func (s *Store) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: dueJob, Every: time.Minute}}
}

// dueBatch is how many holds one transaction ends.
const dueBatch = 100

// Due releases everything whose time has come: each once, however often and
// wherever it runs, and whatever the clock did in between.
func (s *Store) Due(ctx context.Context) error {
	for {
		n := 0
		err := s.DB.Tx(ctx, func(tx *db.Tx) error {
			var err error
			n, err = s.dueIn(ctx, tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("release: due: %w", err)
		}
		if n > 0 {
			s.touched()
		}
		if n < dueBatch {
			return nil
		}
	}
}

func (s *Store) dueIn(ctx context.Context, tx *db.Tx) (int, error) {
	now := s.Now()
	const q = `select ` + holdColumns + ` from release_hold where released_at = 0 and until_at <= $1 order by until_at, id limit $2`
	list, err := db.All(ctx, tx, readHold, q, now.UnixMicro(), dueBatch)
	if err != nil {
		return 0, err
	}
	for _, h := range list {
		const end = `update release_hold set released_at = $1, released_by = 'time' where id = $2 and released_at = 0`
		n, err := db.Changed(tx.ExecContext(ctx, end, now.UnixMicro(), h.ID))
		if err != nil {
			return 0, err
		}
		if n == 0 { // another node was first
			continue
		}
		row := audit.Row{ActorKind: string(access.System), Actor: "release", Action: "hold.release", Patient: h.Patient, Granted: true}
		if err := s.note(ctx, tx, row, h); err != nil {
			return 0, err
		}
		if err := s.settle(ctx, tx, h.Patient, h.Type, h.Resource, now); err != nil {
			return 0, err
		}
		if err := s.arrived(ctx, tx, h); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// arrived makes a result new that nothing holds any more: on the pages that
// say what is new, in the events, and to the patient.
func (s *Store) arrived(ctx context.Context, tx *db.Tx, h Hold) error {
	now := s.Now()
	const still = `select count(*) from release_hold where patient = $1 and typ = $2 and resource = $3 and released_at = 0 and until_at > $4`
	n, err := db.One(ctx, tx, db.Value[int], still, h.Patient, h.Type, h.Resource, now.UnixMicro())
	if err != nil || n > 0 {
		return err
	}
	const result = `update result set updated_at = $1 where patient = $2 and id = $3`
	const document = `update document set updated_at = $1 where patient = $2 and id = $3`
	q := document
	if h.Type == "Observation" {
		q = result
	}
	if _, err := tx.ExecContext(ctx, q, now.UnixMicro(), h.Patient, h.Resource); err != nil {
		return err
	}
	e := event.Event{At: now, Kind: "result.new", Patient: h.Patient, Subject: h.Type + "/" + h.Resource, Data: map[string]string{"after": h.Rule}}
	if err := s.Events.Add(ctx, tx, e); err != nil {
		return err
	}
	if s.tell == nil {
		return nil
	}
	return s.tell.Arrived(ctx, tx, h.Patient, h.Type, h.Resource)
}
