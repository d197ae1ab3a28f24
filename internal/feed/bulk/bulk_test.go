package bulk_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/feed/bulk"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func newStore(d *db.DB, views ...record.Projector) *record.Store {
	return record.New(d, haletest.IDs(), time.Now, event.NewLog(haletest.IDs(), time.Now), views...)
}

var source = record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "test"}

func TestImporterImportSynthea(t *testing.T) {
	dir := haletest.Data(t, "fhir/synthea")
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		im := bulk.New(s, d, source)
		start := time.Now()
		report, err := im.Import(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v %+v", time.Since(start), report)
		report, err = im.Import(t.Context(), dir, nil)
		t.Logf("%v %+v %v", time.Since(start), report, err)
	})
}
