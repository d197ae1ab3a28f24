package segment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/haletest"
	"hale/internal/reach/segment"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// diabetesNoEyeExam is the segment of the story.
func diabetesNoEyeExam() segment.Expr {
	return segment.Expr{All: []segment.Expr{
		{Has: &segment.Has{Concept: "diabetes"}},
		{Not: &segment.Expr{Has: &segment.Has{Concept: "eye-exam", Months: 12}}},
	}}
}

// put writes resources, one JSON text each.
func put(t testing.TB, d *db.DB, bodies ...string) {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), patient.View())
	var drafts []record.Draft
	for _, b := range bodies {
		var head struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(b), &head); err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, record.Draft{Type: head.ResourceType, ID: head.ID, Body: []byte(b)})
	}
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func person(id, born, sex, lang string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"F","given":["G"]}],"birthDate":%q,"gender":%q,"communication":[{"preferred":true,"language":{"coding":[{"system":"urn:ietf:bcp:47","code":%q}]}}]}`, id, born, sex, lang)
}

func condition(id, patient, system, code string) string {
	return fmt.Sprintf(`{"resourceType":"Condition","id":%q,"subject":{"reference":"Patient/%s"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":%q,"code":%q}]}}`, id, patient, system, code)
}

func procedure(id, patient, code, date string) string {
	return fmt.Sprintf(`{"resourceType":"Procedure","id":%q,"status":"completed","subject":{"reference":"Patient/%s"},"code":{"coding":[{"system":"http://www.ama-assn.org/go/cpt","code":%q}]},"performedDateTime":%q}`, id, patient, code, date)
}

const sct, icd = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"

func TestCompile(t *testing.T) {
	tests := []struct {
		name string
		expr segment.Expr
		want string // ids
	}{
		{name: "everyone", want: "ada bob cid dee eve"},
		{name: "diabetes, no eye exam in a year", expr: diabetesNoEyeExam(), want: "ada dee"},
		{name: "diabetes", expr: segment.Expr{Has: &segment.Has{Concept: "diabetes"}}, want: "ada bob dee"},
		{name: "65 or older", expr: segment.Expr{Age: &segment.Range{Min: 65}}, want: "ada"},
		{name: "64 or younger", expr: segment.Expr{Age: &segment.Range{Max: 64}}, want: "bob cid dee eve"},
		{name: "exactly 65", expr: segment.Expr{Age: &segment.Range{Min: 65, Max: 65}}, want: "ada"},
		{name: "men", expr: segment.Expr{Sex: "male"}, want: "bob cid"},
		{name: "Spanish", expr: segment.Expr{Lang: "es"}, want: "bob"},
		{name: "English or nothing said", expr: segment.Expr{Lang: "en"}, want: "ada cid dee eve"},
		{name: "either", expr: segment.Expr{Any: []segment.Expr{{Lang: "es"}, {Age: &segment.Range{Min: 65}}}}, want: "ada bob"},
		{name: "not either", expr: segment.Expr{Not: &segment.Expr{Any: []segment.Expr{{Lang: "es"}, {Age: &segment.Range{Min: 65}}}}}, want: "cid dee eve"},
		{name: "has an account", expr: segment.Expr{SignedIn: "ever"}, want: "eve"},
		{name: "has none", expr: segment.Expr{SignedIn: "never"}, want: "ada bob cid dee"},
		{name: "signed in lately", expr: segment.Expr{SignedIn: "30d"}, want: "eve"},
		{name: "signed in yesterday or today", expr: segment.Expr{SignedIn: "1d"}, want: ""},
		{name: "two of them", expr: segment.Expr{Patients: []string{"eve", "ada", "nobody"}}, want: "ada eve"},
		{name: "an own search", expr: segment.Expr{Has: &segment.Has{Type: "Procedure", Query: map[string][]string{"code": {"92250"}}}}, want: "bob dee"},
		{name: "hostile words", expr: segment.Expr{City: "'; drop table person; --"}, want: ""},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d,
			person("ada", "1961-03-02", "female", "en"), person("bob", "1961-03-03", "male", "es"), person("cid", "1990-01-01", "male", "en"),
			person("dee", "1980-06-01", "female", "en"), person("eve", "1970-06-01", "female", "en"),
			condition("c1", "ada", sct, "44054006"), condition("c2", "bob", icd, "E11.9"), condition("c3", "cid", sct, "59621000"), condition("c4", "dee", sct, "73211009"),
			procedure("e1", "bob", "92250", "2025-03-03"), procedure("e2", "dee", "92250", "2025-03-01"))
		exec(t, d, `insert into account (id, kind, name, patient, created_at) values ('a', 'patient', 'Eve', 'eve', 1)`)
		seen := haletest.Noon.Add(-72 * time.Hour).UnixMicro()
		exec(t, d, `insert into account_session (id, token_hash, account, created_at, seen_at, expires_at) values ('s', 'h', 'a', 1, $1, 9)`, seen)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if got := ids(t, d, tt.expr); got != tt.want {
					t.Errorf("%s = %q, want %q", segment.Sentence(tt.expr), got, tt.want)
				}
			})
		}
	})
}

func exec(t testing.TB, d *db.DB, q string, args ...any) {
	t.Helper()
	if _, err := d.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatal(err)
	}
}

func ids(t testing.TB, d *db.DB, e segment.Expr) string {
	t.Helper()
	q, args, err := segment.Compile(haletest.Everyone(t, d, access.RunOutreach), e, haletest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	list, err := db.All(context.Background(), d, db.Value[string], q, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, q)
	}
	return strings.Join(list, " ")
}

func TestCompileRefuses(t *testing.T) {
	deep := segment.Expr{Sex: "male"}
	for range 9 {
		deep = segment.Expr{Not: &deep}
	}
	tests := map[string]segment.Expr{
		"two things at once":    {Sex: "male", Lang: "en"},
		"nothing inside":        {All: []segment.Expr{{}}},
		"an empty list":         {Any: []segment.Expr{}},
		"too deep":              deep,
		"too many":              {Any: slices.Repeat([]segment.Expr{{Sex: "male"}}, 61)},
		"an unknown ingredient": {Has: &segment.Has{Concept: "happiness"}},
		"an unknown sex":        {Sex: "x"},
		"upside down":           {Age: &segment.Range{Min: 60, Max: 50}},
		"an age below zero":     {Age: &segment.Range{Min: -1}},
		"days that are none":    {SignedIn: "soon"},
		"no such type":          {Has: &segment.Has{Type: "Spaceship", Query: map[string][]string{"code": {"1"}}}},
		"no such parameter":     {Has: &segment.Has{Type: "Condition", Query: map[string][]string{"colour": {"red"}}}},
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			if q, _, err := segment.Compile(access.Pass{}, e, haletest.Noon); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Compile = %q, %v, want an error that blames the segment", q, err)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	tests := map[string]segment.Expr{
		"All patients": {},
		"Patients who have diabetes and had no eye exam in the last 12 months":   diabetesNoEyeExam(),
		"Patients who are 65 or older":                                           {Age: &segment.Range{Min: 65}},
		"Patients who are not female and do not prefer Spanish":                  {Not: &segment.Expr{Any: []segment.Expr{{Sex: "female"}, {Lang: "es"}}}},
		"Patients who are male and (have asthma or are 80 or older)":             {All: []segment.Expr{{Sex: "male"}, {Any: []segment.Expr{{Has: &segment.Has{Concept: "asthma"}}, {Age: &segment.Range{Min: 80}}}}}},
		"Patients who have no portal account":                                    {SignedIn: "never"},
		"Patients who signed in to the portal in the last 30 days":               {SignedIn: "30d"},
		"Patients who had an A1c test in the last 3 months or live in Riverside": {Any: []segment.Expr{{Has: &segment.Has{Concept: "a1c", Months: 3}}, {City: "Riverside"}}},
	}
	for want, e := range tests {
		if got := segment.Sentence(e); got != want {
			t.Errorf("Sentence = %q, want %q", got, want)
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back segment.Expr
		if err := json.Unmarshal(text, &back); err != nil || segment.Sentence(back) != want {
			t.Errorf("through JSON: %q, %v", segment.Sentence(back), err)
		}
	}
}

// What Hale keeps in rows of its own.
func TestCompileFacts(t *testing.T) {
	day := func(days int) int64 { return haletest.Noon.AddDate(0, 0, days).UnixMicro() }
	tests := []struct {
		name string
		fact segment.Fact
		want string // ids
		not  string // of those who are not
	}{
		{name: "a ZIP code", fact: segment.Fact{Key: "zip", Value: "60601"}, want: "ada", not: "bob cid dee"},
		{name: "beginnings of ZIP codes", fact: segment.Fact{Key: "zip", Value: "606, 10"}, want: "ada bob", not: "cid dee"},
		{name: "the last A1c is high", fact: segment.Fact{Key: "value", Value: "a1c", Op: "at least", Number: 9, Days: 365}, want: "ada", not: "bob cid dee"},
		{name: "the last A1c is below, ever", fact: segment.Fact{Key: "value", Value: "a1c", Op: "below", Number: 9}, want: "bob cid", not: "ada dee"},
		{name: "by email", fact: segment.Fact{Key: "reachable", Value: "email"}, want: "ada", not: "bob cid dee"},
		{name: "by the portal", fact: segment.Fact{Key: "reachable", Value: "inbox"}, want: "dee", not: "ada bob cid"},
		{name: "a caregiver", fact: segment.Fact{Key: "caregiver"}, want: "bob", not: "ada cid dee"},
		{name: "no texts", fact: segment.Fact{Key: "refused", Value: "sms"}, want: "ada", not: "bob cid dee"},
		{name: "a permission", fact: segment.Fact{Key: "permitted"}, want: "cid", not: "ada bob dee"},
		{name: "was sent it", fact: segment.Fact{Key: "sent", Value: "o1", Days: 30}, want: "ada bob", not: "cid dee"},
		{name: "was sent it, by a run", fact: segment.Fact{Key: "sent", Value: "series", Days: 30}, want: "ada bob", not: "cid dee"},
		{name: "was sent anything lately", fact: segment.Fact{Key: "sent", Days: 3}, want: "", not: "ada bob cid dee"},
		{name: "saw it", fact: segment.Fact{Key: "saw", Value: "o1", Days: 30}, want: "bob", not: "ada cid dee"},
		{name: "did not open it", fact: segment.Fact{Key: "unopened", Value: "o1", Days: 30}, want: "ada", not: "bob cid dee"},
		{name: "a visit ahead", fact: segment.Fact{Key: "visit-ahead", Days: 30}, want: "ada", not: "bob cid dee"},
		{name: "a visit ahead, of a kind", fact: segment.Fact{Key: "visit-ahead", Value: "vaccine", Days: 30}, want: "", not: "ada bob cid dee"},
		{name: "missed a visit", fact: segment.Fact{Key: "visit-missed", Days: 30}, want: "bob", not: "ada cid dee"},
		{name: "a form", fact: segment.Fact{Key: "form-open"}, want: "cid", not: "ada bob dee"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		put(t, d, person("ada", "1961-03-02", "female", "en"), person("bob", "1961-03-03", "male", "es"), person("cid", "1990-01-01", "male", "en"), person("dee", "1980-06-01", "female", "en"),
			`{"resourceType":"Task","id":"t1","status":"requested","intent":"order","for":{"reference":"Patient/cid"}}`,
			`{"resourceType":"Task","id":"t2","status":"requested","intent":"proposal","for":{"reference":"Patient/bob"}}`) // what a patient asks is no form
		exec(t, d, `update person set zip = case id when 'ada' then '60601' when 'bob' then '10001' else '' end`)
		for _, r := range []struct {
			id, patient string
			at          int64
			value       float64
		}{{"r1", "ada", day(-400), 7}, {"r2", "ada", day(-10), 9.5}, {"r3", "bob", day(-20), 9.9}, {"r4", "bob", day(-5), 8}, {"r5", "cid", day(-500), 7}, {"r6", "dee", day(-3), 12}} {
			exec(t, d, `insert into result (patient, id, category, code, name, status, at, issued, value, unit, said, range_text, flag, performer, note, parts, source, updated_at)
				values ($1, $2, 'laboratory', '4548-4', 'A1c', 'final', $3, 0, $4, '%', '', '', '', '', '', '', '', 0)`, r.patient, r.id, r.at, r.value)
		}
		exec(t, d, `insert into shield (patient, typ, id, labels) values ('dee', 'Observation', 'r6', $1)`, int64(access.Part2)) // not for everybody's eyes
		exec(t, d, `insert into contact_point (patient, kind, value, updated_at) values ('ada', 'email', 'a@example.org', 0)`)
		exec(t, d, `insert into account (id, kind, name, patient, created_at) values ('a', 'patient', 'Dee', 'dee', 1)`)
		exec(t, d, `insert into proxy (id, patient, state, helper, kind, address, basis, actions, categories, asked_kind, asked_by, confirm, made_at, until_at, review_at) values ('x', 'bob', 'active', 'H', 'email', 'h@example.org', 'patient', '', '', 'patient', 'bob', 0, 0, 0, 0)`)
		exec(t, d, `insert into consent_event (id, patient, channel, purpose, action, method, actor, at) values ('c1', 'ada', 'sms', '*', 'revoke', 'portal', 'ada', 5), ('c2', 'bob', 'sms', '*', 'revoke', 'portal', 'bob', 5), ('c3', 'bob', 'sms', '*', 'grant', 'portal', 'bob', 6)`)
		exec(t, d, `insert into consent_event (id, patient, channel, purpose, action, method, actor, at) values ('c4', 'cid', '*', 'marketing', 'authorize', 'form', 'cid', 5)`)
		exec(t, d, `insert into outreach (id, name, purpose, state, holdout, salt, created_by, created_at, parent) values ('o1', 'O', 'care', 'running', 0, '', '', 0, 'series')`)
		for _, m := range []struct {
			id, patient string
			seen        int64
		}{{"m1", "ada", 0}, {"m2", "bob", day(-5)}} {
			exec(t, d, `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at, accepted_at, first_seen_at)
				values ($1, $1, 'o1', $2, 'care', 'sms', 1, 'accepted', 0, 'full', '', '', $1, 0, 0, $3, $3, $4)`, m.id, m.patient, day(-6), m.seen)
		}
		for _, v := range []struct {
			id, patient, status string
			at                  int64
		}{{"v1", "ada", "booked", day(5)}, {"v2", "bob", "noshow", day(-5)}, {"v3", "cid", "cancelled", day(5)}} {
			exec(t, d, `insert into visit (id, patient, kind, status, service, title, start_at, end_at, practitioner, place, slot, booked_at, via, ref, source, updated_at)
				values ($1, $2, 'appointment', $3, 'eye-exam', '', $4, $4, '', '', '', 0, '', '', '', 0)`, v.id, v.patient, v.status, v.at)
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				e := segment.Expr{Fact: &tt.fact}
				if got := ids(t, d, e); got != tt.want {
					t.Errorf("%s = %q, want %q", segment.Sentence(e), got, tt.want)
				}
				if got := ids(t, d, segment.Expr{Not: &e}); got != tt.not {
					t.Errorf("%s = %q, want %q", segment.Sentence(segment.Expr{Not: &e}), got, tt.not)
				}
			})
		}
	})
}

// What does not fit its kind is refused, never left out.
func TestCompileRefusesFacts(t *testing.T) {
	d := haletest.SQLite(t)
	for _, f := range []segment.Fact{
		{Key: "moon"}, {Key: "zip"}, {Key: "zip", Value: "60601; drop"}, {Key: "value", Value: "a1c"}, {Key: "value", Value: "a1c", Op: "near", Number: 1},
		{Key: "value", Value: "'--", Op: "below", Number: 1}, {Key: "sent", Value: "o1"}, {Key: "caregiver", Value: "x"}, {Key: "caregiver", Days: 3}, {Key: "visit-ahead", Days: 4000}, {Key: "reachable", Value: "pigeon"},
	} {
		if _, _, err := segment.Compile(haletest.Everyone(t, d, access.RunOutreach), segment.Expr{Fact: &f}, haletest.Noon); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%v: %v, want a refusal", f, err)
		}
	}
}
