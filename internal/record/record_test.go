package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

var source = record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "Riverside Lab"}

func newStore(d *db.DB, views ...record.Projector) *record.Store {
	now := haletest.Clock(haletest.Noon)
	return record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), views...)
}

// draft reads the type and id out of body.
func draft(body string) record.Draft {
	var r struct{ ResourceType, ID string }
	_ = json.Unmarshal([]byte(body), &r)
	return record.Draft{Type: r.ResourceType, ID: r.ID, Body: []byte(body)}
}

func put(t testing.TB, s *record.Store, d *db.DB, bodies ...string) []record.Change {
	t.Helper()
	var list []record.Draft
	for _, b := range bodies {
		list = append(list, draft(b))
	}
	var changes []record.Change
	err := d.Tx(t.Context(), func(tx *db.Tx) (err error) {
		changes, err = s.PutAll(t.Context(), tx, source, list)
		return err
	})
	if err != nil {
		t.Fatalf("PutAll = %v", err)
	}
	return changes
}

const (
	maria = `{"resourceType":"Patient","id":"maria","name":[{"family":"Álvarez","given":["María José"]}],"birthDate":"1961-04-02","gender":"female"}`
	ben   = `{"resourceType":"Patient","id":"ben","name":[{"family":"Alvarado","given":["Ben"]}],"birthDate":"1990"}`
)

func condition(id, patient, system, code, onset string) string {
	return fmt.Sprintf(`{"resourceType":"Condition","id":%q,"code":{"coding":[{"system":%q,"code":%q}]},"subject":{"reference":"Patient/%s"},"onsetDateTime":%q}`, id, system, code, patient, onset)
}

const snomed = "http://snomed.info/sct"

func TestStorePutAll(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		first := put(t, s, d, maria, condition("c1", "maria", snomed, "44054006", "2019-05"))
		if len(first) != 2 || !first[0].Created || first[1].Patient != "maria" || first[1].Version != 1 {
			t.Fatalf("PutAll = %+v, want two new resources of maria", first)
		}
		if again := put(t, s, d, maria); len(again) != 0 {
			t.Errorf("PutAll of the same bytes = %+v, want no change", again)
		}
		second := put(t, s, d, condition("c1", "maria", snomed, "73211009", "2019-05"))
		if len(second) != 1 || second[0].Created || second[0].Version != 2 {
			t.Fatalf("PutAll of other bytes = %+v, want version 2", second)
		}
		pass := haletest.Pass(t, d, "maria", access.ReadRecord)
		r, err := s.Get(t.Context(), pass, "Condition", "c1")
		if err != nil || r.Source != "Riverside Lab" || !strings.Contains(string(r.Body), "73211009") || !r.Updated.Equal(haletest.Noon) {
			t.Errorf("Get = %+v, %v", r, err)
		}
		history, err := s.History(t.Context(), pass, "Condition", "c1")
		if err != nil || len(history) != 2 || history[0].Version != 2 || string(history[1].Body) != condition("c1", "maria", snomed, "44054006", "2019-05") {
			t.Errorf("History = %+v, %v, want both versions byte for byte, the newest first", history, err)
		}
		if got := search(t, s, pass, "Condition", "code=44054006"); len(got) != 0 {
			t.Errorf("Search finds the version before: %v", got)
		}
		events, err := db.All(t.Context(), d, db.Value[string], `select data from event where kind = 'record.changed' and patient = $1 order by id`, "maria")
		if err != nil || len(events) != 2 || events[0] != `{"Condition":1,"Patient":1}` {
			t.Errorf("events = %v, %v", events, err)
		}
	})
}

func TestStorePutAllMovesToAnotherPatient(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria, ben, condition("c1", "maria", snomed, "1", "2019"))
		put(t, s, d, condition("c1", "ben", snomed, "1", "2019"))
		for patient, want := range map[string]int{"maria": 0, "ben": 1} {
			pass := haletest.Pass(t, d, patient, access.ReadRecord)
			if got := search(t, s, pass, "Condition", "code=1"); len(got) != want {
				t.Errorf("%s finds %v, want %d", patient, got, want)
			}
		}
	})
}

func TestStorePutAllTwiceInOneCall(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		changes := put(t, s, d, condition("c1", "maria", snomed, "1", "2019"), condition("c1", "maria", snomed, "2", "2019"))
		if len(changes) != 2 || changes[1].Version != 2 {
			t.Fatalf("PutAll = %+v, want versions 1 and 2", changes)
		}
		pass := haletest.Pass(t, d, "maria", access.ReadRecord)
		if a, b := search(t, s, pass, "Condition", "code=1"), search(t, s, pass, "Condition", "code=2"); len(a) != 0 || len(b) != 1 {
			t.Errorf("code=1 finds %v, code=2 finds %v", a, b)
		}
	})
}

func TestStorePutAllIfVersion(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria)
		for version, want := range map[int64]errs.Kind{2: errs.Conflict, 1: errs.Internal} {
			dr := draft(strings.Replace(maria, "female", "other", 1))
			dr.IfVersion = version
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				_, err := s.PutAll(t.Context(), tx, source, []record.Draft{dr})
				if err == nil {
					err = errRollback
				}
				return err
			})
			if errs.KindOf(err) != want {
				t.Errorf("PutAll if version %d = %v, want kind %d", version, err, want)
			}
		}
	})
}

var errRollback = errors.New("rolled back on purpose")

func TestStorePutAllRefuses(t *testing.T) {
	tests := []struct{ name, typ, id, body, place string }{
		{"truncated", "Patient", "a", `{"resourceType":"Patient","id":"a"`, "Patient.id byte 34"},
		{"unknown type", "Person2", "a", `{"resourceType":"Person2","id":"a"}`, "resourceType"},
		{"another type", "Patient", "a", `{"resourceType":"Person","id":"a"}`, "resourceType"},
		{"another id", "Patient", "a", `{"resourceType":"Patient","id":"b"}`, "id"},
		{"id with a slash", "Patient", "a/b", `{"resourceType":"Patient","id":"a/b"}`, "id"},
		{"id too long", "Patient", strings.Repeat("a", 65), `{"resourceType":"Patient"}`, "id"},
		{"array", "Patient", "a", `[]`, "resourceType"},
		{"code is text", "Condition", "a", `{"resourceType":"Condition","id":"a","code":"diabetes"}`, "Condition.code"},
		{"name is no list", "Patient", "a", `{"resourceType":"Patient","id":"a","name":{"family":"x"}}`, "Patient.name"},
		{"status is a list", "Slot", "a", `{"resourceType":"Slot","id":"a","status":["free"]}`, "Slot.status"},
		{"name is a number", "Patient", "a", `{"resourceType":"Patient","id":"a","name":[{"family":7}]}`, "Patient.name[0].family"},
		{"birth date of the tongue", "Patient", "a", `{"resourceType":"Patient","id":"a","birthDate":"last May"}`, "Patient.birthDate"},
		{"period of nonsense", "Encounter", "a", `{"resourceType":"Encounter","id":"a","period":{"start":"x"}}`, "Encounter.period"},
		{"active is text", "Patient", "a", `{"resourceType":"Patient","id":"a","active":"true"}`, "Patient.active"},
		{"reference to nowhere", "Condition", "a", `{"resourceType":"Condition","id":"a","subject":{"reference":"maria"}}`, "Condition.subject.reference"},
		{"conditional reference", "Condition", "a", `{"resourceType":"Condition","id":"a","subject":{"reference":"Patient?identifier=http://x|1"}}`, "Condition.subject.reference"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				err := d.Tx(t.Context(), func(tx *db.Tx) error {
					_, err := s.PutAll(t.Context(), tx, source, []record.Draft{draft(maria), {Type: tt.typ, ID: tt.id, Body: []byte(tt.body)}})
					return err
				})
				bad, ok := errors.AsType[*record.InvalidError](err)
				if errs.KindOf(err) != errs.Invalid || !ok || bad.Place != tt.place {
					t.Errorf("PutAll = %v, want it refused at %s", err, tt.place)
				}
				everyone := haletest.Everyone(t, d, access.ReadRecord)
				if got := search(t, s, everyone, "Patient", ""); len(got) != 0 {
					t.Errorf("something was written: %v", got)
				}
			})
		}
	})
}

func TestStoreGetOfAnother(t *testing.T) {
	const clinic = `{"resourceType":"Organization","id":"clinic","name":"Riverside"}`
	const device = `{"resourceType":"Device","id":"d1"}` // could be a patient's, but is nobody's
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria, ben, clinic, device, condition("c1", "maria", snomed, "1", "2019"),
			`{"resourceType":"Appointment","id":"a1","status":"booked","participant":[{"actor":{"reference":"Patient/maria"},"status":"accepted"}]}`)
		tests := []struct {
			name    string
			pass    access.Pass
			typ, id string
			ok      bool
		}{
			{"own", haletest.Pass(t, d, "maria", access.ReadRecord), "Condition", "c1", true},
			{"another's", haletest.Pass(t, d, "ben", access.ReadRecord), "Condition", "c1", false},
			{"another patient", haletest.Pass(t, d, "ben", access.ReadRecord), "Patient", "maria", false},
			{"not there", haletest.Pass(t, d, "maria", access.ReadRecord), "Condition", "c2", false},
			{"the wrong right", haletest.Pass(t, d, "maria", access.ReadVisits), "Condition", "c1", false},
			{"visits by the right to see them", haletest.Pass(t, d, "maria", access.ReadVisits), "Appointment", "a1", true},
			{"of no patient", haletest.Pass(t, d, "ben", access.ReadMessages), "Organization", "clinic", true},
			{"nobody's of a personal type", haletest.Pass(t, d, "ben", access.ReadRecord), "Device", "d1", false},
			{"everyone's", haletest.Everyone(t, d, access.RunOutreach), "Condition", "c1", true},
			{"everyone's by another right", haletest.Everyone(t, d, access.ReadMeasure), "Condition", "c1", false},
			{"the zero pass", access.Pass{}, "Condition", "c1", false},
			{"the zero pass, of no patient", access.Pass{}, "Organization", "clinic", false},
		}
		for _, tt := range tests {
			_, err := s.Get(t.Context(), tt.pass, tt.typ, tt.id)
			if ok := err == nil; ok != tt.ok || !ok && errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s: Get = %v, want ok %v", tt.name, err, tt.ok)
			}
			_, err = s.History(t.Context(), tt.pass, tt.typ, tt.id)
			if ok := err == nil; ok != tt.ok {
				t.Errorf("%s: History = %v, want ok %v", tt.name, err, tt.ok)
			}
		}
	})
}

func TestResourceJSON(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"nothing there", `{"resourceType":"Basic"}`, `{"meta":{"versionId":"3","lastUpdated":"2026-03-02T12:00:00.000Z"},"id":"b","resourceType":"Basic"}`},
		{"all there", "{\n \"id\": \"b\", \"meta\": {\"profile\": [\"x\"], \"versionId\": \"1\"}, \"n\": 1.50 }",
			"{\n \"id\": \"b\", \"meta\": {\"lastUpdated\":\"2026-03-02T12:00:00.000Z\",\"profile\": [\"x\"], \"versionId\": \"3\"}, \"n\": 1.50 }"},
		{"empty meta", `{"id":"b","meta":{}}`, `{"id":"b","meta":{"versionId":"3","lastUpdated":"2026-03-02T12:00:00.000Z"}}`},
	}
	for _, tt := range tests {
		r := record.Resource{Type: "Basic", ID: "b", Version: 3, Updated: haletest.Noon, Body: []byte(tt.body)}
		var got, want any
		if err := json.Unmarshal(r.JSON(), &got); err != nil {
			t.Fatalf("%s: JSON() = %s: %v", tt.name, r.JSON(), err)
		}
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: JSON() = %s", tt.name, r.JSON())
		}
	}
}

// follower is a view that remembers, and can refuse.
type follower struct {
	got []record.Change
	err error
}

func (f *follower) Types() []string { return []string{"Condition"} }

func (f *follower) Project(_ context.Context, _ *db.Tx, batch []record.Change) error {
	f.got = append(f.got, batch...)
	return f.err
}

func TestStoreProjects(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		var f follower
		s := newStore(d, &f)
		put(t, s, d, maria, condition("c1", "maria", snomed, "1", "2019"))
		put(t, s, d, condition("c1", "maria", snomed, "1", "2019"))
		if len(f.got) != 1 || f.got[0].ID != "c1" || f.got[0].Node.Get("code").Codings()[0].Code != "1" {
			t.Errorf("the view got %+v, want c1 once", f.got)
		}
		f.err = errRollback
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := s.PutAll(t.Context(), tx, source, []record.Draft{draft(condition("c2", "maria", snomed, "1", "2019"))})
			return err
		})
		if !errors.Is(err, errRollback) {
			t.Errorf("PutAll = %v, want the view's error", err)
		}
		if _, err := s.Get(t.Context(), haletest.Everyone(t, d, access.ReadRecord), "Condition", "c2"); err == nil {
			t.Error("c2 was written though its view failed")
		}
	})
}

func search(t testing.TB, s *record.Store, pass access.Pass, typ, query string) []string {
	t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Search(t.Context(), pass, typ, q)
	if err != nil {
		t.Fatalf("Search(%s?%s) = %v", typ, query, err)
	}
	var list []string
	for _, r := range page.Resources {
		list = append(list, r.ID)
	}
	return list
}
