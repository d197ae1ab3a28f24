package patient_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, id, rest string) {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), patient.View())
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: "Patient", ID: id, Body: fmt.Appendf(nil, `{"resourceType":"Patient","id":%q%s}`, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, "p1", `,"birthDate":"1961-04-09","gender":"female","active":true,
			"name":[{"use":"old","family":"Ruiz"},{"use":"official","given":["María","José"],"family":"Alvarez O'Neil"}],
			"identifier":[{"value":"x"},{"type":{"coding":[{"code":"MR"}]},"value":"MRN-7"}],
			"communication":[{"language":{"coding":[{"code":"en"}]}},{"language":{"coding":[{"code":"es"}]},"preferred":true}],
			"address":[{"use":"old","city":"Elsewhere"},{"use":"home","line":["9 River Road"],"city":"Riverside","state":"OH","postalCode":"44001"}]`)
		put(t, d, "p2", `,"birthDate":"1950","name":[{"given":["Sam"],"family":"Alvarado"}]`)
		put(t, d, "p3", `,"birthDate":"1961-04-09","deceasedBoolean":true,"name":[{"given":["Li"],"family":"Wu"}]`)
		s, ctx := patient.NewStore(d), t.Context()
		p, err := s.Get(ctx, haletest.Pass(t, d, "p1", access.ReadVisits))
		if err != nil || p.Full != "María José Alvarez O'Neil" || p.Born != "1961-04-09" || p.Sex != "female" || p.MRN != "MRN-7" || p.Lang != "es" ||
			p.City != "Riverside" || p.Zip != "44001" || p.Call() != "María" || !p.Active || p.Deceased {
			t.Errorf("Get = %+v, %v", p, err)
		}
		if age, ok := p.Age(time.Date(2026, 4, 8, 0, 0, 0, 0, time.UTC)); age != 64 || !ok {
			t.Errorf("Age the day before the birthday = %d, %v, want 64", age, ok)
		}
		if _, err := s.Get(ctx, access.Pass{}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get with no pass = %v", err)
		}
		everyone := haletest.Everyone(t, d, access.FindPatients)
		finds := []struct{ query, want string }{
			{"maria", "p1"}, {"MARÍA alv", "p1"}, {"alv", "p2 p1"}, {"oneil", "p1"}, {"o'neil jose", "p1"}, {"MRN-7", "p1"}, {"MRN-8", ""},
			{"4/9/1961", "p3 p1"}, {"1961-04-09 maria", "p1"}, {"li", "p3"}, {"al", ""}, {"ruiz", ""}, {"", ""}, {"%", ""}, {"sam maria", ""},
		}
		for _, f := range finds {
			list, err := s.Find(ctx, everyone, f.query, 10)
			var ids []string
			for _, p := range list {
				ids = append(ids, p.ID)
			}
			got := strings.Join(ids, " ")
			if f.want == "p3 p1" && got == "p1 p3" {
				got = f.want
			}
			if err != nil || got != f.want {
				t.Errorf("Find(%q) = %q, %v, want %q", f.query, got, err, f.want)
			}
		}
		if _, err := s.Find(ctx, haletest.Pass(t, d, "p1", access.ReadRecord), "maria", 9); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Find with a patient's own pass = %v, want a refusal", err)
		}
		borns := []struct {
			id, date string
			want     bool
		}{{"p1", "1961-04-09", true}, {"p1", "1961-04-08", false}, {"p1", "", false}, {"p2", "1950", false}, {"p2", "1950-01-01", false},
			{"p3", "1961-04-09", false}, {"none", "1961-04-09", false}}
		for _, b := range borns {
			if got, err := s.BornOn(ctx, b.id, b.date); got != b.want || err != nil {
				t.Errorf("BornOn(%s, %s) = %v, %v, want %v", b.id, b.date, got, err, b.want)
			}
		}
		put(t, d, "p2", `,"birthDate":"1950","name":[{"given":["Sam"],"family":"Short"}]`)
		if list, err := s.Find(ctx, everyone, "alvarado", 9); len(list) != 0 || err != nil {
			t.Errorf("Find of a former name = %v, %v, want none", list, err)
		}
	})
}
