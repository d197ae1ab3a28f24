package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// sealing is a record that seals, in d.
func sealing(t testing.TB, d *db.DB, views ...record.Projector) *record.Store {
	now := haletest.Clock(haletest.Noon)
	return record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), views...).WithKeys(haletest.Ring(t, d, now))
}

func labelled(id, patient, text, labels string) record.Draft {
	meta := ""
	if labels != "" {
		meta = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"` + labels + `"}]},`
	}
	return record.Draft{Type: "Condition", ID: id, Body: fmt.Appendf(nil,
		`{"resourceType":"Condition","id":"%s",%s"subject":{"reference":"Patient/%s"},"code":{"text":"%s"}}`, id, meta, patient, text)}
}

func putAll(t testing.TB, d *db.DB, s *record.Store, drafts ...record.Draft) []record.Change {
	t.Helper()
	var changes []record.Change
	err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
		changes, err = s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test", access.WriteRecord)}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func stored(t testing.TB, d *db.DB, q string, args ...any) [][]byte {
	t.Helper()
	list, err := db.All(t.Context(), d, db.Value[[]byte], q, args...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const bodyOf = `select body from resource where id = $1`

// What bears a label lies sealed, opens behind the pass byte for byte, and is
// found as before; what bears none lies open.
func TestSealed(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := sealing(t, d)
		secret, plain := labelled("c1", "p1", "hidden words", "HIV"), labelled("c2", "p1", "a cough", "")
		putAll(t, d, s, secret, plain)
		raw := stored(t, d, bodyOf, "c1")[0]
		if _, ok := seal.KIDOf(raw); !ok || bytes.Contains(raw, []byte("hidden")) {
			t.Errorf("the labelled body lies there as %q", raw)
		}
		if got := stored(t, d, bodyOf, "c2")[0]; !bytes.Equal(got, plain.Body) {
			t.Errorf("the other body lies there as %q", got)
		}
		sum := stored(t, d, `select digest from resource where id = 'c1'`)[0]
		if open := stored(t, d, `select digest from resource where id = 'c2'`)[0]; len(sum) != len(open) {
			t.Errorf("digest has %d bytes, want %d", len(sum), len(open))
		}
		pass := haletest.Pass(t, d, "p1", access.ReadRecord)
		got, err := s.Get(t.Context(), pass, "Condition", "c1")
		if err != nil || !bytes.Equal(got.Body, secret.Body) {
			t.Errorf("Get = %q, %v", got.Body, err)
		}
		page, err := s.Search(t.Context(), pass, "Condition", url.Values{"_sort": {"_id"}})
		if err != nil || len(page.Resources) != 2 || !bytes.Equal(page.Resources[0].Body, secret.Body) {
			t.Errorf("Search = %v, %v", page, err)
		}
		other := haletest.Pass(t, d, "p2", access.ReadRecord)
		if _, err := s.Get(t.Context(), other, "Condition", "c1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("another's Get = %v, want not found", err)
		}
		if again := putAll(t, d, s, secret, plain); len(again) != 0 {
			t.Errorf("putting the same again makes %d changes, want none", len(again))
		}
	})
}

// Gaining a label seals all versions; losing it opens the current one.
func TestSealedByLabel(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := sealing(t, d)
		one, two, three := labelled("c1", "p1", "first", ""), labelled("c1", "p1", "second", "MH"), labelled("c1", "p1", "third", "")
		var sealed []bool
		for _, draft := range []record.Draft{one, two, three} {
			putAll(t, d, s, draft)
			all := append(stored(t, d, bodyOf, "c1"), stored(t, d, `select body from resource_version order by version`)...)
			sealed = sealed[:0]
			for _, b := range all {
				_, ok := seal.KIDOf(b)
				sealed = append(sealed, ok)
			}
			want := map[string]string{string(one.Body): "[false]", string(two.Body): "[true true]", string(three.Body): "[false true true]"}[string(draft.Body)]
			if got := fmt.Sprint(sealed); got != want {
				t.Errorf("after %s: sealed %s, want %s (current, then versions)", draft.Body, got, want)
			}
		}
		list, err := s.History(t.Context(), haletest.Pass(t, d, "p1", access.ReadRecord), "Condition", "c1")
		if err != nil || len(list) != 3 || !bytes.Equal(list[1].Body, two.Body) || !bytes.Equal(list[2].Body, one.Body) {
			t.Errorf("History = %d versions, %v; want three, byte for byte", len(list), err)
		}
	})
}

// counts are how many rows speak of Condition/c1 in the index and the
// shields.
func counts(t testing.TB, d *db.DB) (n int) {
	t.Helper()
	for _, q := range []string{
		`select count(*) from token_index where resource = (select n from resource where id = 'c1')`,
		`select count(*) from date_index where resource = (select n from resource where id = 'c1')`,
		`select count(*) from reference_index where resource = (select n from resource where id = 'c1')`,
		`select count(*) from string_index where resource = (select n from resource where id = 'c1')`,
		`select count(*) from shield where id = 'c1'`,
	} {
		one, err := db.One(t.Context(), d, db.Value[int], q)
		if err != nil {
			t.Fatal(err)
		}
		n += one
	}
	return n
}

// mourner notes what views are told.
type mourner struct{ gone []string }

func (*mourner) Types() []string { return []string{"Condition"} }
func (f *mourner) Project(_ context.Context, _ *db.Tx, batch []record.Change) error {
	for _, c := range batch {
		if c.Deleted {
			f.gone = append(f.gone, c.ID)
		}
	}
	return nil
}

// After Shred a patient's sealed resources are not there, leave no trace in
// index, views and shields, and open neither in the database nor from a copy
// of their rows made before; the rest of the record and other patients stay.
func TestShred(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		view := &mourner{}
		s := sealing(t, d, view)
		putAll(t, d, s, labelled("c1", "p1", "before", "HIV"), labelled("c2", "p1", "a cough", ""), labelled("c3", "p2", "hers", "HIV"))
		putAll(t, d, s, labelled("c1", "p1", "hidden words", "HIV"))
		copied := stored(t, d, bodyOf, "c1")[0]
		if n, err := s.Shreddable(t.Context(), "p1"); n != 1 || err != nil {
			t.Errorf("Shreddable = %d, %v, want 1", n, err)
		}
		if counts(t, d) == 0 {
			t.Fatal("nothing is indexed of c1; the test proves nothing")
		}
		stop := errors.New("stop")
		shred := func(end error) error {
			return d.Tx(t.Context(), func(tx *db.Tx) error {
				_, err := s.Shred(t.Context(), tx, "p1")
				return errors.Join(err, end)
			})
		}
		pass := haletest.Pass(t, d, "p1", access.ReadRecord)
		if err := shred(stop); !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), pass, "Condition", "c1"); err != nil {
			t.Errorf("after a Shred that was undone Get = %v", err)
		}
		view.gone = nil
		if err := shred(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), pass, "Condition", "c1"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("after Shred Get = %v, want not found", err)
		}
		if n := counts(t, d); n != 0 || fmt.Sprint(view.gone) != "[c1]" {
			t.Errorf("after Shred %d rows speak of it and views were told %v", n, view.gone)
		}
		// A copy of the row from before, put back.
		if _, err := d.ExecContext(t.Context(), `update resource set deleted = 0, body = $1 where id = 'c1'`, copied); err != nil {
			t.Fatal(err)
		}
		for name, store := range map[string]*record.Store{"the same process": s, "a new one": sealing(t, d)} {
			if got, err := store.Get(t.Context(), pass, "Condition", "c1"); !errors.Is(err, keys.ErrShredded) {
				t.Errorf("%s: the copy opens: %q, %v", name, got.Body, err)
			}
		}
		if _, err := s.Get(t.Context(), pass, "Condition", "c2"); err != nil {
			t.Errorf("the rest of her record: %v", err)
		}
		if _, err := s.Get(t.Context(), haletest.Pass(t, d, "p2", access.ReadRecord), "Condition", "c3"); err != nil {
			t.Errorf("another patient: %v", err)
		}
		if _, err := d.ExecContext(t.Context(), `update resource set deleted = 1 where id = 'c1'`); err != nil {
			t.Fatal(err)
		}
		putAll(t, d, s, labelled("c1", "p1", "news", "HIV"))
		if got, err := s.Get(t.Context(), pass, "Condition", "c1"); err != nil || !bytes.Contains(got.Body, []byte("news")) {
			t.Errorf("what comes after Shred: %q, %v", got.Body, err)
		}
	})
}
