// Package audit keeps who looked at or touched whose data.
//
// A row is written before the answer is given; where it cannot be written,
// there is no answer.
//
// Spec: 45 CFR 164.312(b)
package audit

import (
	"context"
	"fmt"
	"time"

	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Row is one look or one refusal.
type Row struct {
	ID        string
	At        time.Time
	ActorKind string
	Actor     string
	Action    string
	Patient   string // empty: the whole population
	Granted   bool
	Request   string
}

// Log appends rows.
type Log struct {
	db  *db.DB
	ids *ids.Source
	now func() time.Time
}

// NewLog returns a log on d.
func NewLog(d *db.DB, ids *ids.Source, now func() time.Time) *Log {
	return &Log{db: d, ids: ids, now: now}
}

// Add appends rows, all of them or none. It fills in ID and At.
func (l *Log) Add(ctx context.Context, rows ...Row) error {
	if len(rows) == 1 { // one statement needs no transaction around it
		return l.AddIn(ctx, l.db, rows...)
	}
	return l.db.Tx(ctx, func(tx *db.Tx) error { return l.AddIn(ctx, tx, rows...) })
}

// AddIn appends rows in the transaction of what they tell.
func (l *Log) AddIn(ctx context.Context, c db.Conn, rows ...Row) error {
	const head = `insert into audit (id, at, actor_kind, actor, action, patient, outcome, request)`
	at := l.now().UnixMicro()
	args := make([]any, 0, 8*len(rows))
	for _, r := range rows {
		outcome := "denied"
		if r.Granted {
			outcome = "granted"
		}
		args = append(args, l.ids.New(), at, r.ActorKind, r.Actor, r.Action, r.Patient, outcome, r.Request)
	}
	if err := db.InsertMany(ctx, c, head, "", 8, args); err != nil {
		return fmt.Errorf("audit: add: %w", err)
	}
	return nil
}

// Of returns the newest n rows about patient, newest first.
func (l *Log) Of(ctx context.Context, patient string, n int) ([]Row, error) {
	const q = `
		select id, at, actor_kind, actor, action, patient, outcome, request
		from audit
		where patient = $1
		order by at desc, id desc
		limit $2`
	list, err := db.All(ctx, l.db, read, q, patient, n)
	if err != nil {
		return nil, fmt.Errorf("audit: of: %w", err)
	}
	return list, nil
}

func read(scan db.Scan) (r Row, err error) {
	var at int64
	var outcome string
	err = scan(&r.ID, &at, &r.ActorKind, &r.Actor, &r.Action, &r.Patient, &outcome, &r.Request)
	r.At = time.UnixMicro(at).UTC()
	r.Granted = outcome == "granted"
	return r, err
}
