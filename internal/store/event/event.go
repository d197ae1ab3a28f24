// Package event keeps what happened: an append-only list that the timeline
// and measure read.
package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Event is one thing that happened.
type Event struct {
	ID      string
	At      time.Time
	Kind    string // noun.verb: visit.booked, record.created
	Patient string // empty where it concerns no one patient
	Subject string // the id of the thing it happened to
	Data    any    // written as JSON; nil for none
}

// Log appends events.
type Log struct {
	ids *ids.Source
	now func() time.Time
}

// NewLog returns a log that names and dates events by ids and now.
func NewLog(ids *ids.Source, now func() time.Time) *Log { return &Log{ids: ids, now: now} }

// Add appends events inside the transaction of their cause. It fills in an
// empty ID and a zero At.
func (l *Log) Add(ctx context.Context, tx *db.Tx, events ...Event) error {
	args := make([]any, 0, len(events)*6)
	for _, e := range events {
		data := []byte("{}")
		if e.Data != nil {
			var err error
			if data, err = json.Marshal(e.Data); err != nil {
				return fmt.Errorf("event: add %s: %w", e.Kind, err)
			}
		}
		if e.ID == "" {
			e.ID = l.ids.New()
		}
		if e.At.IsZero() {
			e.At = l.now()
		}
		args = append(args, e.ID, e.At.UnixMicro(), e.Kind, e.Patient, e.Subject, string(data))
	}
	const head = `insert into event (id, at, kind, patient, subject, data)`
	if err := db.InsertMany(ctx, tx, head, "", 6, args); err != nil {
		return fmt.Errorf("event: add: %w", err)
	}
	return nil
}
