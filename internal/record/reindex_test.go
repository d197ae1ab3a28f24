package record_test

import (
	"testing"

	"net/url"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// After an upgrade, what could not be searched before says so until the index
// is made; what could be stays searchable.
func TestStoreReindex(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		villagers(t, d)
		err := d.Tx(t.Context(), func(tx *db.Tx) error { // as the rules before left it
			for _, q := range []string{`delete from quantity_index`, `delete from part_index`, `delete from word_index`, `update search_state set rules = 1`} {
				if _, err := tx.ExecContext(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := newStore(d)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		searches := []url.Values{{"value-quantity": {"5.4"}}, {"component-code-value-quantity": {"sys$gt130"}}, {"_content": {"glucose"}}, {"_tag": {"x"}}}
		for _, q := range searches {
			if _, err := s.Find(t.Context(), pass, "Observation", q); errs.KindOf(err) != errs.Unavailable {
				t.Errorf("Find(%v) before the index is made = %v", q, err)
			}
		}
		if got := idsOf(find(t, s, pass, "Observation", "code=2339-0").Matches); got != "gluc" {
			t.Errorf("what was indexed before finds %q", got)
		}
		for {
			r, err := s.Reindex(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !r.More {
				break
			}
		}
		for i, want := range []string{"gluc", "bp", "gluc", ""} {
			f, err := s.Find(t.Context(), pass, "Observation", searches[i])
			if err != nil || idsOf(f.Matches) != want {
				t.Errorf("Find(%v) = %s, %v, want %s", searches[i], idsOf(f.Matches), err, want)
			}
		}
		if last, more, err := s.ReindexType(t.Context(), "Observation", 0); err != nil || more || last == 0 {
			t.Errorf("ReindexType = %d, %t, %v", last, more, err)
		}
	})
}

// What is deleted or becomes protected leaves no words behind.
func TestWordsGo(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := villagers(t, d)
		pass := haletest.Everyone(t, d, access.ReadRecord)
		put(t, s, d, `{"resourceType":"Patient","id":"bob","name":[{"family":"Wu"}]}`)
		if got := idsOf(find(t, s, pass, "Patient", "_content=bob").Matches); got != "" {
			t.Errorf("words of a version from before find %q", got)
		}
		if _, err := s.FollowOnce(t.Context(), s.Words("test")); err != nil {
			t.Fatal(err)
		}
		if got := idsOf(find(t, s, pass, "Patient", "_content=wu").Matches); got != "bob" {
			t.Errorf("the new words find %q", got)
		}
	})
}
