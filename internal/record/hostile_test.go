package record_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

const (
	behavioral = `{"resourceType":"Condition","id":"mh","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]},"subject":{"reference":"Patient/a"}}`
	plainly    = `{"resourceType":"Condition","id":"mh","subject":{"reference":"Patient/a"}}`
)

// walked returns the ids on a walk.
func walked(t *testing.T, s *record.Store, pass access.Pass, w record.Walk) string {
	t.Helper()
	last, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.To = last
	var list []string
	if err := s.Walk(t.Context(), pass, w, func(r record.Stored) error { list = append(list, r.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

// An export tells nothing of what was protected: not that it was deleted, and
// not what it said before it was protected no more.
func TestWalkVeilsThePast(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := ticking(t, d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		all, few := app(t, d, access.ReadRecord, "system/*.rs"), appSeeing(t, d, access.ReadRecord, 0, "system/*.rs")
		did(t, s, write, update(`{"resourceType":"Patient","id":"a"}`))
		was := did(t, s, write, update(behavioral), update(condition("open", "a", "x", "1", "2020")))[0]
		did(t, s, write, update(plainly))
		then := record.Walk{At: was.Updated.Add(time.Second), Types: []string{"Condition"}}
		if got := walked(t, s, few, then); got != "open" {
			t.Errorf("as it was then, without the label: %s", got)
		}
		if got := walked(t, s, all, then); got != "open mh" {
			t.Errorf("as it was then, with it: %s", got)
		}
		did(t, s, write, update(behavioral))
		did(t, s, write, remove("Condition", "mh"), remove("Condition", "open"))
		gone := record.Walk{At: haletest.Noon.Add(24 * time.Hour), Since: haletest.Noon, Deleted: true}
		if got := walked(t, s, few, gone); got != "open" {
			t.Errorf("deleted, without the label: %s", got)
		}
		if got := walked(t, s, all, gone); got != "mh open" && got != "open mh" {
			t.Errorf("deleted, with it: %s", got)
		}
	})
}

// A source that may not see something does not write over it, by no way.
func TestNobodyWritesOverWhatIsHidden(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria, strings.ReplaceAll(behavioral, "Patient/a", "Patient/maria"))
		few := appSeeing(t, d, access.WriteRecord, 0, "system/*.cruds")
		body := strings.ReplaceAll(plainly, "Patient/a", "Patient/maria")
		if _, err := do(t, s, few, update(body)); errs.KindOf(err) != errs.NotFound {
			t.Errorf("update = %v", err)
		}
		if _, err := do(t, s, few, create(body)); err != nil {
			t.Errorf("create = %v", err)
		}
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := s.PutAll(t.Context(), tx, record.Source{Actor: few.Actor(), Feed: "load", Within: &few}, []record.Draft{{Type: "Condition", ID: "mh", Body: []byte(body)}})
			return err
		})
		if errs.KindOf(err) != errs.Conflict {
			t.Errorf("a load over it = %v", err)
		}
	})
}

// Whoever may write sees no more of what waits than who may only read.
func TestWritersSeeNothingEarlier(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		if pass := app(t, d, access.ReadRecord, "system/*.cruds"); pass.SeesHeld() {
			t.Error("an app that may write reads what waits")
		}
	})
}

// A person whose record is there is not deleted from under it.
func TestDeletePatientWithRecord(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		did(t, s, write, update(`{"resourceType":"Patient","id":"a"}`), update(plainly))
		if _, err := do(t, s, write, remove("Patient", "a")); errs.KindOf(err) != errs.Conflict {
			t.Errorf("delete = %v", err)
		}
		did(t, s, write, remove("Patient", "a"), remove("Condition", "mh"))
	})
}

// A scope on some resources opens no version that may have been none of them.
func TestGranularScopesAndThePast(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := ticking(t, d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		did(t, s, write, update(`{"resourceType":"Patient","id":"a"}`))
		did(t, s, write, update(condition("b", "a", "x", "1", "2020")))
		did(t, s, write, update(condition("b", "a", "x", "2", "2020")))
		did(t, s, write, update(condition("b", "a", "x", "2", "2021")))
		some := app(t, d, access.ReadRecord, "system/Condition.rs?code=x|2")
		if got := past(t, s, some, record.PastQuery{Type: "Condition", ID: "b"}); got != "b/3 update, b/2 update" {
			t.Errorf("history = %s", got)
		}
		if _, err := s.Version(t.Context(), some, "Condition", "b", 1); errs.KindOf(err) != errs.NotFound {
			t.Errorf("version 1 = %v", err)
		}
	})
}

// Searches that would ask for the whole world are refused before they do.
func TestSearchesThatLeadToTooMuch(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		pass := app(t, d, access.ReadRecord, "system/*.rs")
		start := time.Now()
		for typ, q := range map[string]map[string][]string{
			"QuestionnaireResponse": {"subject.subject.subject.subject.subject.code": {"x"}},
			"Provenance":            {"target.subject.subject.subject.subject.code": {"x"}},
			"Observation":           {"_include": {strings.Repeat("Observation:*,", 2000) + "Observation:*"}},
		} {
			_, err := s.Find(t.Context(), pass, typ, q)
			if k := errs.KindOf(err); err != nil && k != errs.Invalid {
				t.Errorf("%s = %v", typ, err)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
