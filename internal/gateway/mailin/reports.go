package mailin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/standard/mailreport"
	"hale/internal/store/db"
)

// Told is what another mail server reported about the clinic's mail.
type Told struct {
	mailreport.Report
	Proven bool // the letter came from its sender's domain; else anybody may have written it
	Came   time.Time
}

// keepTold is how long reports are kept.
const keepTold = 400 * 24 * time.Hour

// told returns the report that is attached to a letter about the mail of the
// clinic's domain.
func (d *Desk) told(l Letter) (r mailreport.Report, from string, ok bool) {
	if d.Domain == "" {
		return r, "", false
	}
	said := read(l.Raw)
	for _, f := range said.files {
		if r, err := mailreport.Read(f.body); err == nil && r.Domain == d.Domain {
			return r, said.from, true
		}
	}
	return r, "", false
}

// keepReport keeps a report once. One that nothing proves gives way to the
// same from its sender.
func (d *Desk) keepReport(ctx context.Context, k kept, l Letter, r mailreport.Report, from string) error {
	lines, err := json.Marshal(r.Lines)
	if err != nil {
		return fmt.Errorf("mailin: report: %w", err)
	}
	proof := d.prove(ctx, l, from)
	proven := 0
	if proof.passed {
		proven = 1
	}
	return d.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			insert into mail_report (id, kind, org, ref, from_at, to_at, passed, failed, lines, proven, came_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			on conflict (kind, org, ref) do update set from_at = excluded.from_at, to_at = excluded.to_at, passed = excluded.passed,
				failed = excluded.failed, lines = excluded.lines, proven = excluded.proven, came_at = excluded.came_at
			where mail_report.proven < excluded.proven`
		_, err := tx.ExecContext(ctx, q, d.IDs.New(), string(r.Kind), r.Org, r.ID, db.Micro(r.From), db.Micro(r.To), r.Passed, r.Failed, string(lines), proven, db.Micro(k.at))
		if err != nil {
			return err
		}
		return done(ctx, tx, k.id, outcome{state: "done", kind: "report_" + string(r.Kind), verdict: proof.words})
	})
}

// Reports returns what was reported about time after since, the newest first,
// for whoever runs outreach or the accounts.
func (d *Desk) Reports(ctx context.Context, pass access.Pass, since time.Time, n int) ([]Told, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		if err := pass.OpenAll(access.ManageUsers); err != nil {
			return nil, err
		}
	}
	const q = `select kind, org, ref, from_at, to_at, passed, failed, lines, proven, came_at from mail_report where to_at > $1 order by to_at desc, id limit $2`
	list, err := db.All(ctx, d.DB, func(scan db.Scan) (t Told, err error) {
		var kind, lines string
		var from, to, came int64
		var proven int
		if err := scan(&kind, &t.Org, &t.ID, &from, &to, &t.Passed, &t.Failed, &lines, &proven, &came); err != nil {
			return t, err
		}
		t.Kind, t.Domain, t.From, t.To, t.Came, t.Proven = mailreport.Kind(kind), d.Domain, db.Time(from), db.Time(to), db.Time(came), proven == 1
		return t, json.Unmarshal([]byte(lines), &t.Lines)
	}, q, db.Micro(since), n)
	if err != nil {
		return nil, fmt.Errorf("mailin: reports: %w", err)
	}
	return list, nil
}

// forgetReports forgets what is too old to matter.
func (d *Desk) forgetReports(ctx context.Context, tx *db.Tx) error {
	_, err := tx.ExecContext(ctx, `delete from mail_report where to_at < $1`, db.Micro(d.Now().Add(-keepTold)))
	return err
}
