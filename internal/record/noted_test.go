package record_test

import (
	"fmt"
	"testing"

	"hale/internal/access"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// A person's change leaves a row of its own and a feed's batch one row, in
// the transaction of the change; what was written can be proved by them.
func TestNoted(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ids, now := haletest.IDs(), haletest.Clock(haletest.Noon)
		s := record.New(d, ids, now, event.NewLog(ids, now))
		put := func(src record.Source, drafts ...record.Draft) {
			t.Helper()
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				_, err := s.PutAll(t.Context(), tx, src, drafts)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		patient := func(id, family string) record.Draft {
			return record.Draft{Type: "Patient", ID: id, Body: fmt.Appendf(nil, `{"resourceType":"Patient","id":%q,"name":[{"family":%q}]}`, id, family)}
		}
		nurse := access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "n1", Request: "r1", Session: "s1"}
		put(record.Source{Actor: access.SystemActor("import"), Feed: "lab"}, patient("p1", "A"), patient("p2", "B"), patient("p3", "C"))
		put(record.Source{Actor: nurse}, patient("p1", "D"))
		put(record.Source{Actor: nurse}, patient("p1", "D")) // no change, no row
		put(record.Source{Actor: access.SystemActor("import"), Feed: "lab2"}, patient("p2", "E"))

		log := audit.NewLog(d, ids, now)
		rows, err := log.Find(t.Context(), audit.Query{Action: record.Written}, 10)
		if err != nil || len(rows) != 3 {
			t.Fatalf("there are %d rows, %v, want 3", len(rows), err)
		}
		if r := rows[1]; r.Actor != "n1" || r.About != "Patient/p1/_history/2" || r.Patient != "p1" || r.Request != "r1" || r.Session != "s1" || !r.Granted {
			t.Errorf("the nurse's row is %+v", r)
		}
		if r := rows[2]; r.Actor != "import" || r.Reason != "lab" || r.Patient != "" {
			t.Errorf("the feed's row is %+v", r)
		}
		for _, r := range rows {
			if ok, err := s.Proven(t.Context(), r); err != nil || !ok {
				t.Errorf("Proven(%s) = %v, %v, want true", r.About, ok, err)
			}
		}
		if _, err := d.ExecContext(t.Context(), `update resource_version set body = $1`, []byte(`{"resourceType":"Patient","id":"p2"}`)); err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, true, false} { // the first batch's p1 and p2 are old versions now
			if ok, err := s.Proven(t.Context(), rows[i]); err != nil || ok != want {
				t.Errorf("after a version was bent, Proven(%s) = %v, %v, want %v", rows[i].About, ok, err, want)
			}
		}
	})
}

// Two batches of one feed in one microsecond prove each its own; a version
// that was altered is named, one that was shredded is not called altered.
func TestProveAll(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		ids, now := haletest.IDs(), haletest.Clock(haletest.Noon)
		s := record.New(d, ids, now, event.NewLog(ids, now))
		for i := range 3 {
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("import"), Feed: "lab"}, []record.Draft{
					{Type: "Patient", ID: fmt.Sprintf("p%d", i), Body: fmt.Appendf(nil, `{"resourceType":"Patient","id":"p%d","name":[{"family":"A"}]}`, i)},
					{Type: "Patient", ID: fmt.Sprintf("q%d", i), Body: fmt.Appendf(nil, `{"resourceType":"Patient","id":"q%d","name":[{"family":"B"}]}`, i)},
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if p, err := s.ProveAll(t.Context()); err != nil || p.Rows != 3 || len(p.Altered) != 0 {
			t.Fatalf("ProveAll = %+v, %v, want three rows as they were written", p, err)
		}
		if _, err := d.ExecContext(t.Context(), `update resource set body = $1 where id = 'q1'`, []byte(`{"resourceType":"Patient","id":"q1"}`)); err != nil {
			t.Fatal(err)
		}
		p, err := s.ProveAll(t.Context())
		if err != nil || len(p.Altered) != 1 || p.Altered[0] != fmt.Sprintf("batch/%s", batchOf(t, d, 1)) {
			t.Errorf("ProveAll after a version was bent = %+v, %v, want the second batch alone", p, err)
		}
	})
}

// batchOf returns source/time/number of the feed's batch i.
func batchOf(t *testing.T, d *db.DB, i int) string {
	t.Helper()
	list, err := db.All(t.Context(), d, db.Value[string], `select about from audit where action = $1 order by id`, record.Written)
	if err != nil || len(list) <= i {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	return list[i][len("batch/"):]
}
