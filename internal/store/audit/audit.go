// Package audit keeps who looked at or touched whose data, so that nobody can
// bend it afterwards.
//
// A row is on disk before the answer is given; where it cannot be written,
// there is no answer. Within a second each row becomes a leaf of a Merkle
// tree, whose signed checkpoints go to witnesses elsewhere: whoever alters,
// removes, inserts or cuts off rows later cannot make the tree fit again.
//
// Spec: 45 CFR 164.312(b) and (c), RFC 9162 §2.1,
// https://c2sp.org/tlog-checkpoint
package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Row is one thing that happened: a look, a change, a sending, a refusal.
// It names people by ids, never by name.
type Row struct {
	ID        string
	At        time.Time
	ActorKind string // patient, proxy, staff, link, system, or nobody who was known
	Actor     string
	Behalf    string // the patient whom a caregiver acted for, else empty
	Action    string // the right that was asked for, or noun.verb: record.put, message.send
	Patient   string // empty: the whole population
	About     string // the thing: Type/id
	Purpose   string
	Reason    string
	Digest    string // SHA-256 in hexadecimal of what was written, if anything was
	Granted   bool
	Session   string // a short hash of the session
	Request   string // id of the request
	Node      string // the process that wrote it
}

// Log appends rows.
type Log struct {
	db   *db.DB
	ids  *ids.Source
	now  func() time.Time
	node string
	pen  *group
}

// NewLog returns a log on d.
func NewLog(d *db.DB, ids *ids.Source, now func() time.Time) *Log {
	l := &Log{db: d, ids: ids, now: now}
	l.pen = newGroup(l.write)
	return l
}

// On returns l for rows that the process named node writes.
func (l *Log) On(node string) *Log {
	c := *l
	c.node = node
	return &c
}

// Add appends rows, all of them or none, and returns when they are on disk.
// It fills in ID, At and Node. Inside a request that only reads it returns at
// once: the request waits before its first byte.
func (l *Log) Add(ctx context.Context, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	rows = l.made(rows)
	if kept(ctx, l, rows) {
		return nil
	}
	return l.pen.add(ctx, rows)
}

// AddIn appends rows in the transaction of what they tell.
func (l *Log) AddIn(ctx context.Context, c db.Conn, rows ...Row) error {
	if len(rows) == 0 {
		return nil
	}
	return l.insert(ctx, c, l.made(rows))
}

// made returns rows with what Add fills in.
func (l *Log) made(rows []Row) []Row {
	at := l.now().UTC().Truncate(time.Microsecond)
	made := make([]Row, len(rows))
	for i, r := range rows {
		r.ID, r.At = l.ids.New(), at
		if r.Node == "" {
			r.Node = l.node
		}
		made[i] = r.clean()
	}
	return made
}

// clean returns r without what a database refuses: bytes that are no text.
func (r Row) clean() Row {
	for _, s := range []*string{&r.ActorKind, &r.Actor, &r.Behalf, &r.Action, &r.Patient, &r.About, &r.Purpose, &r.Reason,
		&r.Digest, &r.Session, &r.Request, &r.Node} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "\uFFFD")
	}
	return r
}

// write appends rows in a transaction of their own.
func (l *Log) write(ctx context.Context, rows []Row) error {
	return l.db.Tx(ctx, func(tx *db.Tx) error {
		tx.Aside(Aside)
		return l.insert(ctx, tx, rows)
	})
}

// Aside is what transactions that write to the log alone are called
// (db.Tx.Aside).
const Aside = "audit"

// columns of a row in the order that args and read have.
const columns = `id, at, actor_kind, actor, behalf, action, patient, about, purpose, reason, digest, outcome, session, request, node`

// insert writes rows, to the table or in pieces.
func (l *Log) insert(ctx context.Context, c db.Conn, rows []Row) error {
	if len(rows) >= crowd {
		return l.put(ctx, c, rows)
	}
	if err := keep(ctx, c, rows); err != nil {
		return fmt.Errorf("audit: add: %w", err)
	}
	if err := wait(ctx, c, rows); err != nil {
		return fmt.Errorf("audit: add: %w", err)
	}
	return nil
}

// keep writes rows into the table.
func keep(ctx context.Context, c db.Conn, rows []Row) error {
	const width = 15
	args := make([]any, 0, width*len(rows))
	for i := range rows {
		r := &rows[i]
		args = append(args, r.ID, r.At.UnixMicro(), r.ActorKind, r.Actor, r.Behalf, r.Action, r.Patient, r.About, r.Purpose, r.Reason,
			r.Digest, r.outcome(), r.Session, r.Request, r.Node)
	}
	return db.InsertMany(ctx, c, `insert into audit (`+columns+`)`, "", width, args)
}

// wait notes that rows wait for their place in the tree.
func wait(ctx context.Context, c db.Conn, rows []Row) error {
	args := make([]any, 0, len(rows))
	for i := range rows {
		args = append(args, rows[i].ID)
	}
	return db.InsertMany(ctx, c, `insert into audit_wait (id)`, "", 1, args)
}

func (r *Row) outcome() string {
	if r.Granted {
		return "granted"
	}
	return "denied"
}

// Of returns the newest n rows about patient, newest first.
func (l *Log) Of(ctx context.Context, patient string, n int) ([]Row, error) {
	const q = `select ` + columns + ` from audit where patient = $1 order by at desc, id desc limit $2`
	if err := Settle(ctx, l.db); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, l.db, read, q, patient, n)
	if err != nil {
		return nil, fmt.Errorf("audit: of: %w", err)
	}
	return list, nil
}

func read(scan db.Scan) (r Row, err error) {
	var at int64
	var outcome string
	err = scan(&r.ID, &at, &r.ActorKind, &r.Actor, &r.Behalf, &r.Action, &r.Patient, &r.About, &r.Purpose, &r.Reason,
		&r.Digest, &outcome, &r.Session, &r.Request, &r.Node)
	r.At = time.UnixMicro(at).UTC()
	r.Granted = outcome == "granted"
	return r, err
}
