package audit

import (
	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/store/db"
)

// excess looks for what lies beyond the end of the tree. One statement sees
// one moment, while others go on adding.
func (v *verifier) excess() error {
	const q = `
		select t.size, (select count(*) from audit_leaf where n < 0 or n >= t.size),
			(select count(*) from audit_hash where block < 0),
			coalesce((select max(block) from audit_hash), -1),
			coalesce((select length(hashes) from audit_hash where block = (select max(block) from audit_hash)), 0)
		from audit_tree t`
	type end struct{ size, beyond, below, block, bytes int64 }
	scan := func(scan db.Scan) (e end, err error) {
		return e, scan(&e.size, &e.beyond, &e.below, &e.block, &e.bytes)
	}
	list, err := db.All(v.ctx, v.book.db, scan, q)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return v.nameless()
	}
	e := list[0]
	if e.beyond > 0 {
		v.report.find("leaf", "", "%d leaves lie beyond the end of the log at %d: the log was cut off, or they were put in.", e.beyond, e.size)
	}
	if want := tlog.StoredHashCount(e.size) * tlog.HashSize; e.below > 0 || max(e.block, 0)*perBlock*tlog.HashSize+e.bytes != want {
		v.report.find("hash", "", "There are not as many stored hashes as a log of %d rows has.", e.size)
	}
	return nil
}

// nameless is excess where there is no tree: then there may be nothing.
func (v *verifier) nameless() error {
	const q = `select (select count(*) from audit_leaf) + (select count(*) from audit_hash) + (select count(*) from audit_checkpoint)`
	n, err := db.One(v.ctx, v.book.db, db.Value[int64], q)
	if err == nil && n > 0 {
		v.report.find("leaf", "", "The log's size and name are gone.")
	}
	return err
}

// What strays asks. Each is one statement, so that it sees one moment.
const (
	inserted = `
		select a.id from audit a
		where not exists (select 1 from audit_leaf l where l.id = a.id) and not exists (select 1 from audit_wait w where w.id = a.id)
		order by a.id limit $1`
	vanished = `select w.id from audit_wait w where not exists (select 1 from audit a where a.id = w.id) order by w.id limit $1`
	again    = `select w.id from audit_wait w where exists (select 1 from audit_leaf l where l.id = w.id) order by w.id limit $1`
)

// strays looks for rows that are neither in the tree nor wait for it.
func (v *verifier) strays() error {
	const many = 10 * maxFindings
	put, err := db.All(v.ctx, v.book.db, db.Value[string], inserted, many)
	if err != nil {
		return err
	}
	gone, err := db.All(v.ctx, v.book.db, db.Value[string], vanished, many)
	if err != nil {
		return err
	}
	twice, err := db.All(v.ctx, v.book.db, db.Value[string], again, many)
	if err != nil {
		return err
	}
	for _, id := range put {
		v.report.find("row", id, "Row %s was put in: it is not in the log and did not wait to be.", id)
	}
	for _, id := range gone {
		v.report.find("waiting", id, "Row %s waited for its place in the log and is gone.", id)
	}
	for _, id := range twice {
		v.report.find("waiting", id, "Row %s waits for a place in the log although it has one.", id)
	}
	waiting, err := db.One(v.ctx, v.book.db, db.Value[int64], `select count(*) from audit_wait`)
	if err != nil {
		return err
	}
	n, bent, err := fresh(v.ctx, v.book.db)
	if bent != "" {
		v.report.find("waiting", bent, "What waited with row %s for its place in the log was changed.", bent)
	}
	v.report.Waiting = waiting + n
	return err
}
