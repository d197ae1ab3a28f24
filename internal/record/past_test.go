package record_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/care/document"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// past returns a history as one line: Type/id/version and how it came to be.
func past(t *testing.T, s *record.Store, pass access.Pass, q record.PastQuery) string {
	t.Helper()
	var list []string
	for {
		p, err := s.Past(t.Context(), pass, q)
		if err != nil {
			return fmt.Sprint("kind ", errs.KindOf(err))
		}
		for _, e := range p.Entries {
			list = append(list, fmt.Sprintf("%s/%d %s", e.ID, e.Version, e.Verb))
			if (e.Verb == record.Delete) != (len(e.Body) == 0) {
				t.Errorf("%s/%d, a %s, has the body %s", e.ID, e.Version, e.Verb, e.Body)
			}
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return strings.Join(list, ", ")
		}
		if len(p.Entries) != q.Count {
			t.Errorf("a page of %d has %d and is not the last", q.Count, len(p.Entries))
		}
	}
}

// ticking is a record whose clock goes on a minute at each look.
func ticking(t *testing.T, d *db.DB, views ...record.Projector) *record.Store {
	at := haletest.Noon
	now := func() time.Time { at = at.Add(time.Minute); return at }
	return record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), views...).WithKeys(haletest.Ring(t, d, now))
}

func TestStorePast(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := ticking(t, d)
		write, read := app(t, d, access.WriteRecord, "system/*.cruds"), app(t, d, access.ReadRecord, "system/*.rs")
		did(t, s, write, update(`{"resourceType":"Patient","id":"a"}`))
		b := did(t, s, write, update(condition("b", "a", "x", "1", "2020")))[0]
		did(t, s, write, update(condition("b", "a", "x", "2", "2020")))
		gone := did(t, s, write, remove("Condition", "b"))[0]
		did(t, s, write, update(condition("c", "a", "x", "1", "2020")))
		did(t, s, write, update(condition("b", "a", "x", "3", "2020")))
		did(t, s, write, update(condition("d", "z", "x", "1", "2020")))
		last := did(t, s, write, remove("Condition", "d"))[0]
		tests := []struct {
			name string
			q    record.PastQuery
			want string
		}{
			{"of one", record.PastQuery{Type: "Condition", ID: "b"}, "b/4 create, b/3 delete, b/2 update, b/1 create"},
			{"of one that is deleted", record.PastQuery{Type: "Condition", ID: "d"}, "d/2 delete, d/1 create"},
			{"of none", record.PastQuery{Type: "Condition", ID: "x"}, fmt.Sprint("kind ", errs.NotFound)},
			{"of a type", record.PastQuery{Type: "Condition"}, "d/2 delete, d/1 create, b/4 create, c/1 create, b/3 delete, b/2 update, b/1 create"},
			{"of all", record.PastQuery{}, "d/2 delete, d/1 create, b/4 create, c/1 create, b/3 delete, b/2 update, b/1 create, a/1 create"},
			{"since", record.PastQuery{Since: gone.Updated}, "d/2 delete, d/1 create, b/4 create, c/1 create, b/3 delete"},
			{"at", record.PastQuery{Type: "Condition", At: gone.Updated.Add(-time.Second)}, "b/2 update"},
			{"at the time of a deletion", record.PastQuery{Type: "Condition", At: gone.Updated}, "b/3 delete"},
			{"in a span", record.PastQuery{Type: "Condition", At: b.Updated, AtEnd: gone.Updated}, "b/2 update, b/1 create"},
			{"before all", record.PastQuery{At: haletest.Noon}, ""},
			{"now", record.PastQuery{At: last.Updated.Add(time.Hour)}, "d/2 delete, b/4 create, c/1 create, a/1 create"},
		}
		for _, tt := range tests {
			for _, count := range []int{0, 1, 2, 3} {
				tt.q.Count = count
				if got := past(t, s, read, tt.q); got != tt.want {
					t.Errorf("%s, %d on a page: Past = %s, want %s", tt.name, count, got, tt.want)
				}
			}
		}
		if got := past(t, s, haletest.Pass(t, d, "a", access.ReadRecord), record.PastQuery{}); got != "b/4 create, c/1 create, b/3 delete, b/2 update, b/1 create, a/1 create" {
			t.Errorf("of hers alone: %s", got)
		}
		if _, err := s.Past(t.Context(), read, record.PastQuery{Cursor: "x"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Past with a cursor that is none = %v", err)
		}
		if p, err := s.Past(t.Context(), read, record.PastQuery{}); err != nil || p.Total != 8 {
			t.Errorf("Total = %d, %v, want 8", p.Total, err)
		}
	})
}

// TestStorePastVeiled shows of the past no more than of the present, and of
// what was deleted no more than before.
func TestStorePastVeiled(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := ticking(t, d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		hiv := func(id string) record.Op { return update(string(labelled(id, "a", "secret", "HIV").Body)) }
		plain := func(id string) record.Op { return update(string(labelled(id, "a", "a cough", "").Body)) }
		did(t, s, write, plain("was"), hiv("is"), hiv("gone"), plain("plain"), update(condition("moved", "z", "x", "1", "2020")))
		did(t, s, write, hiv("was"), plain("is"), remove("Condition", "gone"), remove("Condition", "plain"), update(condition("moved", "a", "x", "2", "2020")))
		all := app(t, d, access.ReadRecord, "system/*.rs")
		blind := appSeeing(t, d, access.ReadRecord, 0, "system/*.rs")
		codes := app(t, d, access.ReadRecord, "system/Condition.rs?code=x|2")
		hers := haletest.Pass(t, d, "a", access.ReadRecord)
		another := haletest.Pass(t, d, "z", access.ReadRecord)
		tests := []struct {
			id                               string
			all, blind, codes, hers, another string
		}{
			{"was", "was/2 update, was/1 create", "kind 4", "kind 4", "was/2 update, was/1 create", "kind 4"},
			{"is", "is/2 update, is/1 create", "is/2 update", "kind 4", "is/2 update, is/1 create", "kind 4"},
			{"gone", "gone/2 delete, gone/1 create", "kind 4", "kind 4", "gone/2 delete, gone/1 create", "kind 4"},
			{"plain", "plain/2 delete, plain/1 create", "plain/2 delete, plain/1 create", "kind 4", "plain/2 delete, plain/1 create", "kind 4"},
			{"moved", "moved/2 update, moved/1 create", "moved/2 update, moved/1 create", "moved/2 update", "moved/2 update", "kind 4"},
		}
		for _, tt := range tests {
			for who, pass := range map[string]struct {
				pass access.Pass
				want string
			}{"all": {all, tt.all}, "blind": {blind, tt.blind}, "codes": {codes, tt.codes}, "hers": {hers, tt.hers}, "another": {another, tt.another}} {
				if got := past(t, s, pass.pass, record.PastQuery{Type: "Condition", ID: tt.id}); got != pass.want {
					t.Errorf("of %s for %s: %s, want %s", tt.id, who, got, pass.want)
				}
				of := past(t, s, pass.pass, record.PastQuery{Type: "Condition"})
				for v := range 2 {
					name := fmt.Sprintf("%s/%d", tt.id, v+1)
					_, err := s.Version(t.Context(), pass.pass, "Condition", tt.id, int64(v+1))
					shown := strings.Contains(pass.want, name+" ")
					if (err == nil || errs.KindOf(err) == errs.Gone) != shown {
						t.Errorf("Version of %s for %s = %v, want shown: %v", name, who, err, shown)
					}
					if strings.Contains(of, name+" ") != shown {
						t.Errorf("the history of the type for %s is %s, want %s in it: %v", who, of, name, shown)
					}
				}
			}
		}
		if _, err := s.Get(t.Context(), blind, "Condition", "gone"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get of what was protected and is deleted = %v", err)
		}
		if _, err := s.Get(t.Context(), hers, "Condition", "gone"); errs.KindOf(err) != errs.Gone {
			t.Errorf("Get of what was hers and is deleted = %v", err)
		}
		if _, err := do(t, s, appSeeing(t, d, access.WriteRecord, 0, "system/*.cruds"), plain("was")); errs.KindOf(err) != errs.NotFound {
			t.Errorf("update of what is not shown = %v", err)
		}
		if err := d.Tx(t.Context(), func(tx *db.Tx) error { _, err := s.Shred(t.Context(), tx, "a"); return err }); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"was", "gone"} {
			if got := past(t, s, all, record.PastQuery{Type: "Condition", ID: id}); got != "kind 4" {
				t.Errorf("of %s, which was erased for good: %s", id, got)
			}
		}
	})
}

// TestStoreDoDeletes has every view let go of what is deleted.
func TestStoreDoDeletes(t *testing.T) {
	bodies := map[string]string{
		"Patient":           `"id":"p","name":[{"family":"Ito"}],"telecom":[{"system":"email","value":"a@b.example"}]`,
		"Observation":       `"id":"o","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"A"},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-01-01","valueQuantity":{"value":1}`,
		"Goal":              `"id":"g","lifecycleStatus":"active","description":{"text":"A"},"subject":{"reference":"Patient/p"},"target":[{"measure":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"detailQuantity":{"value":7}}]`,
		"Condition":         `"id":"c","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"code":{"text":"A"},"subject":{"reference":"Patient/p"}`,
		"MedicationRequest": `"id":"m","status":"active","intent":"order","medicationCodeableConcept":{"text":"A"},"subject":{"reference":"Patient/p"},"authoredOn":"2024-01-01"`,
		"DocumentReference": `"id":"d","status":"current","type":{"text":"A"},"subject":{"reference":"Patient/p"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"QQ=="}}]`,
		"Appointment":       `"id":"v","status":"booked","start":"2030-01-01T10:00:00Z","end":"2030-01-01T10:30:00Z","participant":[{"actor":{"reference":"Patient/p"},"status":"accepted"}]`,
		"Slot":              `"id":"s","schedule":{"reference":"Schedule/t"},"status":"free","start":"2030-01-01T10:00:00Z","end":"2030-01-01T10:30:00Z"`,
		"Schedule":          `"id":"t","actor":[{"reference":"Location/l","display":"Hall"}]`,
	}
	tables := []string{"person", "person_piece", "contact_point", "result", "problem", "medication", "document", "visit", "slot", "schedule", "shield"}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := ticking(t, d, contact.View(), document.View(), medication.View(), patient.View(), problem.View(), result.View(), visit.View())
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		var ops, deletes []record.Op
		for typ, body := range bodies {
			ops = append(ops, update(`{"resourceType":"`+typ+`",`+body+`}`))
			deletes = append(deletes, remove(typ, ops[len(ops)-1].ID))
		}
		rows := func(table string) int {
			n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from `+table)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for range 2 { // and it comes back
			did(t, s, write, ops...)
			for _, table := range tables {
				if rows(table) == 0 {
					t.Errorf("%s is empty before", table)
				}
			}
			did(t, s, write, deletes...)
			for _, table := range append(tables, "token_index", "date_index", "string_index", "reference_index") {
				if n := rows(table); n != 0 {
					t.Errorf("%s has %d rows of what was deleted", table, n)
				}
			}
		}
	})
}

// TestStoreGetMoved reads while others write: never another version than was
// asked about, and never what was taken back.
func TestStoreGetKept(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s, other := newStore(d), newStore(d) // two nodes
		write, read := app(t, d, access.WriteRecord, "system/*.cruds"), app(t, d, access.ReadRecord, "system/*.rs")
		for v := range 3 {
			body := condition("c", "maria", "x", fmt.Sprint(v), "2020")
			did(t, s, write, update(body))
			for range 2 {
				for _, node := range []*record.Store{s, other} {
					r, err := node.Get(t.Context(), read, "Condition", "c")
					if err != nil || string(r.Body) != body || r.Version != int64(v+1) || !strings.Contains(string(r.JSON()), fmt.Sprintf(`"versionId":"%d"`, v+1)) {
						t.Errorf("Get = version %d %s, %v, want %d %s", r.Version, r.JSON(), err, v+1, body)
					}
				}
			}
		}
		no := errors.New("taken back")
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			if _, err := s.PutAll(t.Context(), tx, source, []record.Draft{draft(condition("c", "maria", "x", "9", "2020"))}); err != nil {
				return err
			}
			if r, err := s.GetIn(t.Context(), tx, read, "Condition", "c"); err != nil || r.Version != 4 {
				t.Errorf("GetIn = %d, %v, want 4", r.Version, err)
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		did(t, s, write, update(string(labelled("c", "maria", "secret", "HIV").Body)))
		for _, node := range []*record.Store{s, other} {
			if r, err := node.Get(t.Context(), read, "Condition", "c"); err != nil || r.Version != 4 || !strings.Contains(string(r.Body), "secret") {
				t.Errorf("Get = %s, %v, want what is labelled", r.Body, err)
			}
			if _, err := node.Get(t.Context(), appSeeing(t, d, access.ReadRecord, 0, "system/*.rs"), "Condition", "c"); errs.KindOf(err) != errs.NotFound {
				t.Errorf("Get of what is labelled = %v", err)
			}
		}
	})
}
