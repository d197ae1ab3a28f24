package prooftest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// check opens what a cut left, as Hale would, and compares it with what had
// been promised.
func (c *cuts) check(l left) {
	dir := lay(c.t, l.image)
	defer os.RemoveAll(dir)
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(dir, "hale.db"), haletest.Key)
	if err != nil {
		c.corrupt.Add(1)
		c.lost.Add(1)
		return
	}
	defer d.Close()
	if err := d.Migrate(sound); err != nil {
		c.corrupt.Add(1)
		return
	}
	missing, err := kept(ctx, d, l)
	if err != nil {
		c.corrupt.Add(1)
		return
	}
	if missing {
		c.lost.Add(1)
	}
}

// sound asks SQLite whether the file is whole.
func sound(d *sql.DB) error {
	var words string
	if err := d.QueryRow("pragma integrity_check").Scan(&words); err != nil {
		return err
	}
	if words != "ok" {
		return fmt.Errorf("integrity: %s", words)
	}
	rows, err := d.Query("pragma foreign_key_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		return fmt.Errorf("a row points nowhere")
	}
	return rows.Err()
}

// kept compares what is there with what was promised. What is not whole is
// an error: half of a transaction.
func kept(ctx context.Context, d *db.DB, l left) (missing bool, err error) {
	count := func(q string) int64 {
		n, e := db.One(ctx, d, db.Value[int64], q)
		if e != nil && err == nil {
			err = e
		}
		return n
	}
	if err := audit.Settle(ctx, d); err != nil {
		return false, err
	}
	results := count(`select count(*) from resource where typ = 'Observation'`)
	arrivals := count(`select count(*) from audit where action = 'record.write' and actor = 'lab'`)
	events := count(`select count(*) from event where kind = 'record.changed' and patient <> ''`)
	shown := count(`select count(*) from result`)
	if err == nil && (results != 2*arrivals || events != arrivals || shown != results) {
		err = fmt.Errorf("%d observations, %d shown, %d events, %d audit rows: half a transaction", results, shown, events, arrivals)
	}
	halves := count(`select count(*) from resource where typ = 'Basic'`)
	told := count(`select count(*) from change c join resource r on r.n = c.resource where r.typ = 'Basic' and c.version = r.version`)
	if err == nil && (halves%2 != 0 || told != halves) {
		err = fmt.Errorf("%d of pairs, %d in the feed: half a transaction", halves, told)
	}
	looks := count(`select count(*) from audit where action = 'record.read' and actor = 'power'`)
	consents := count(`select count(*) from consent_event`)
	messages := count(`select count(*) from message`)
	if err != nil {
		return false, err
	}
	unsent, err := db.All(ctx, d, db.Value[string], `select key from message where state = 'scheduled'`)
	if err != nil {
		return false, err
	}
	for _, key := range l.handed { // a message that has left never looks unsent
		missing = missing || slices.Contains(unsent, key)
	}
	p := l.promise
	return missing || arrivals < p.results || looks < p.looks || consents < p.consents || messages < p.messages || halves < 2*p.pairs, nil
}
