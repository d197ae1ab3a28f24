package audit

import (
	"fmt"

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

// strays looks for rows that are neither in the tree nor wait for it. Each
// question is one statement, so that it sees one moment.
func (v *verifier) strays() error {
	questions := []struct{ q, kind, words string }{
		{`select a.id from audit a
			where not exists (select 1 from audit_leaf l where l.id = a.id) and not exists (select 1 from audit_wait w where w.id = a.id)
			order by a.id`, "row", "Row %s was put in: it is not in the log and did not wait to be."},
		{`select w.id from audit_wait w where not exists (select 1 from audit a where a.id = w.id) order by w.id`,
			"waiting", "Row %s waited for its place in the log and is gone."},
		{`select w.id from audit_wait w where exists (select 1 from audit_leaf l where l.id = w.id) order by w.id`,
			"waiting", "Row %s waits for a place in the log although it has one."},
	}
	for _, question := range questions {
		list, err := db.All(v.ctx, v.book.db, db.Value[string], question.q+fmt.Sprintf(` limit %d`, 10*maxFindings))
		if err != nil {
			return err
		}
		for _, id := range list {
			v.report.find(question.kind, id, question.words, id)
		}
	}
	n, err := db.One(v.ctx, v.book.db, db.Value[int64], `select count(*) from audit_wait`)
	v.report.Waiting = n
	return err
}
