package record_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// app returns a pass of a backend client with scopes over everyone.
func app(t testing.TB, d *db.DB, right access.Right, scopes ...string) access.Pass {
	t.Helper()
	return appSeeing(t, d, right, access.Every, scopes...)
}

// appSeeing is app of one that was given some labels.
func appSeeing(t testing.TB, d *db.DB, right access.Right, labels access.Label, scopes ...string) access.Pass {
	t.Helper()
	a := access.SystemActor("app:c1", access.ReadRecord, access.WriteRecord)
	a.App = &access.App{ID: "c1", Name: "App", Labels: labels}
	for _, text := range scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Fatal(err)
		}
		a.App.Scopes = append(a.App.Scopes, s)
	}
	pass, err := haletest.Doors(d).CheckAll(t.Context(), a, right)
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// do does ops with a pass, by whoever the pass is of.
func do(t testing.TB, s *record.Store, pass access.Pass, ops ...record.Op) ([]record.Done, error) {
	t.Helper()
	return s.Do(t.Context(), pass, record.Source{Actor: pass.Actor()}, ops)
}

// did is do of what has to work.
func did(t testing.TB, s *record.Store, pass access.Pass, ops ...record.Op) []record.Done {
	t.Helper()
	done, err := do(t, s, pass, ops...)
	if err != nil {
		t.Fatalf("Do = %v", err)
	}
	return done
}

func create(body string) record.Op { return op(record.Create, body) }
func update(body string) record.Op { return op(record.Update, body) }

func op(verb record.Verb, body string) record.Op {
	d := draft(body)
	o := record.Op{Verb: verb, Type: d.Type, Body: []byte(body)}
	if verb == record.Update {
		o.ID = d.ID
	}
	return o
}

func remove(typ, id string) record.Op { return record.Op{Verb: record.Delete, Type: typ, ID: id} }

func values(t testing.TB, q string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// appending is a patch that sets the status of a Basic's code.
func texting(text string) func([]byte) ([]byte, error) {
	return func(now []byte) ([]byte, error) {
		return []byte(strings.Replace(string(now), `"text":"a"`, `"text":"`+text+`"`, 1)), nil
	}
}

func TestStoreDo(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write, read := app(t, d, access.WriteRecord, "system/*.cruds"), app(t, d, access.ReadRecord, "system/*.rs")
		done := did(t, s, write, create(`{"resourceType":"Basic","id":"theirs","code":{"text":"a"}}`))[0]
		if !done.Created || done.Version != 1 || done.ID == "theirs" || done.ID == "" {
			t.Fatalf("created %+v", done)
		}
		id := done.ID
		if r, err := s.Get(t.Context(), read, "Basic", id); err != nil || string(r.Body) != `{"resourceType":"Basic","id":"`+id+`","code":{"text":"a"}}` || r.Source != "app:c1" {
			t.Errorf("Get = %s, %v", r.Body, err)
		}
		body := `{"resourceType":"Basic", "id":"` + id + `","code":{"text":"a"}}`
		up := update(body)
		up.IfVersion = 2
		if _, err := do(t, s, write, up); errs.KindOf(err) != errs.Unmet {
			t.Errorf("update of another version = %v", err)
		}
		up.IfVersion = 1
		if done = did(t, s, write, up)[0]; done.Version != 2 || done.Created || done.Same {
			t.Errorf("update: %+v", done)
		}
		if done = did(t, s, write, update(body))[0]; done.Version != 2 || !done.Same || done.Updated.IsZero() {
			t.Errorf("the same again: %+v", done)
		}
		done = did(t, s, write, record.Op{Verb: record.Patch, Type: "Basic", ID: id, Patch: texting("b")})[0]
		if done.Version != 3 || !strings.Contains(string(done.Body), `"text":"b"`) || !strings.Contains(string(done.Body), `"versionId":"2"`) {
			t.Errorf("patch: %s", done.Body)
		}
		if done = did(t, s, write, remove("Basic", id))[0]; done.Deleted != 1 || done.Version != 4 {
			t.Errorf("delete: %+v", done)
		}
		if done = did(t, s, write, remove("Basic", id), remove("Basic", "none"))[0]; done.Deleted != 0 || done.Version != 0 {
			t.Errorf("delete again: %+v", done)
		}
		if _, err := s.Get(t.Context(), read, "Basic", id); errs.KindOf(err) != errs.Gone {
			t.Errorf("Get of what was deleted = %v", err)
		}
		if _, err := do(t, s, write, record.Op{Verb: record.Patch, Type: "Basic", ID: id, Patch: texting("b")}); errs.KindOf(err) != errs.Gone {
			t.Errorf("patch of what was deleted = %v", err)
		}
		if done = did(t, s, write, update(body))[0]; done.Version != 5 || !done.Created {
			t.Errorf("update of what was deleted: %+v", done)
		}
		if r, err := s.Get(t.Context(), read, "Basic", id); err != nil || r.Version != 5 {
			t.Errorf("Get of what is there again = %d, %v", r.Version, err)
		}
	})
}

func TestStoreDoConditional(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		person := func(id, key string) string {
			if id != "" {
				id = `"id":"` + id + `",`
			}
			return `{"resourceType":"Patient",` + id + `"identifier":[{"system":"s","value":"` + key + `"}]}`
		}
		where := values(t, "identifier=s|1")
		one := record.Op{Verb: record.Create, Type: "Patient", Body: []byte(person("", "1")), IfNoneExist: where}
		first, again := did(t, s, write, one)[0], did(t, s, write, one)[0]
		if !first.Created || again.Created || !again.Same || again.ID != first.ID || string(again.Body) != string(one.Body) {
			t.Errorf("created %+v, then %+v", first, again)
		}
		put := record.Op{Verb: record.Update, Type: "Patient", Body: []byte(person("", "1") + " "), Match: where}
		if done := did(t, s, write, put)[0]; done.ID != first.ID || done.Version != 2 {
			t.Errorf("conditional update: %+v", done)
		}
		put.Body = []byte(person("other", "1"))
		if _, err := do(t, s, write, put); errs.KindOf(err) != errs.Invalid {
			t.Errorf("conditional update with another id = %v", err)
		}
		put.Match = values(t, "identifier=s|2")
		if done := did(t, s, write, put)[0]; done.ID != "other" || !done.Created {
			t.Errorf("conditional update of nothing: %+v", done)
		}
		if _, err := do(t, s, write, put); errs.KindOf(err) != errs.Conflict {
			t.Errorf("conditional update of nothing under an id that is taken = %v", err)
		}
		put.Body = []byte(person("", "1"))
		if done := did(t, s, write, put)[0]; done.ID == "" || !done.Created {
			t.Errorf("conditional update of nothing without an id: %+v", done)
		}
		for _, o := range []record.Op{one, {Verb: record.Update, Type: "Patient", Body: put.Body, Match: where},
			{Verb: record.Delete, Type: "Patient", Match: where}, {Verb: record.Delete, Type: "Patient", Match: where, Many: 2},
			{Verb: record.Patch, Type: "Patient", Match: where, Patch: texting("x")}} {
			if _, err := do(t, s, write, o); errs.KindOf(err) != errs.Unmet {
				t.Errorf("%s of several = %v", o.Verb, err)
			}
		}
		if done := did(t, s, write, record.Op{Verb: record.Delete, Type: "Patient", Match: where, Many: 3})[0]; done.Deleted != 3 {
			t.Errorf("conditional delete of several: %+v", done)
		}
		if done := did(t, s, write, record.Op{Verb: record.Delete, Type: "Patient", Match: where})[0]; done.Deleted != 0 {
			t.Errorf("conditional delete of nothing: %+v", done)
		}
		if _, err := do(t, s, write, record.Op{Verb: record.Patch, Type: "Patient", Match: where, Patch: texting("x")}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("conditional patch of nothing = %v", err)
		}
		for _, q := range []string{"", "_count=1", "x=1"} {
			if _, err := do(t, s, write, record.Op{Verb: record.Delete, Type: "Patient", Match: values(t, q)}); errs.KindOf(err) != errs.Invalid {
				t.Errorf("delete by %q = %v", q, err)
			}
		}
	})
}

func TestStoreDoTransaction(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		put(t, s, d, maria, `{"resourceType":"Practitioner","id":"dr","identifier":[{"system":"npi","value":"7"}]}`, condition("old", "maria", "x", "1", "2020"))
		ops := []record.Op{
			create(`{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"urn:uuid:p"},"partOf":{"reference":"urn:uuid:e2"},` +
				`"participant":[{"individual":{"reference":"Practitioner?identifier=npi|7"}}],"text":{"div":"<div><a href=\"urn:uuid:p\">x</a></div>"}}`),
			create(`{"resourceType":"Encounter","id":"b","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"}}`),
			create(`{"resourceType":"Patient","id":"a","extension":[{"url":"u","valueReference":{"reference":"urn:uuid:p"}}]}`),
			remove("Condition", "old"),
		}
		ops[0].FullURL, ops[1].FullURL, ops[2].FullURL = "urn:uuid:e1", "urn:uuid:e2", "urn:uuid:p"
		done := did(t, s, write, ops...)
		p, e := "Patient/"+done[2].ID, "Encounter/"+done[1].ID
		want := `{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"subject":{"reference":"` + p + `"},"partOf":{"reference":"` + e + `"},` +
			`"participant":[{"individual":{"reference":"Practitioner/dr"}}],"text":{"div":"<div><a href=\"` + p + `\">x</a></div>"}}`
		if string(done[0].Body) != want || done[0].Patient != done[2].ID || done[3].Deleted != 1 {
			t.Errorf("%s\nwant %s", done[0].Body, want)
		}
		if !strings.Contains(string(done[2].Body), `"reference":"`+p+`"`) || string(done[1].Body) == "" {
			t.Errorf("the patient is %s", done[2].Body)
		}
		ops[1].FullURL, ops[2].FullURL = "http://old/fhir/Encounter/b", "http://old/fhir/Patient/a"
		ops[2].Body = []byte(`{"resourceType":"Patient","id":"a"}`)
		ops[0].Body = []byte(`{"resourceType":"Encounter","subject":{"reference":"http://old/fhir/Patient/a"}}`)
		done = did(t, s, write, ops...)
		if !strings.Contains(string(done[1].Body), "Patient/"+done[2].ID) || done[0].Patient != done[2].ID {
			t.Errorf("relative to its address: %s, %s", done[0].Body, done[1].Body)
		}
	})
}

// TestStoreDoRefused takes back all of a transaction for one op, and says
// which.
func TestStoreDoRefused(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		put(t, s, d, maria, condition("c", "maria", "x", "1", "2020"))
		stale := update(condition("c", "maria", "x", "3", "2020"))
		stale.IfVersion = 9
		tests := []struct {
			name string
			op   record.Op
			want errs.Kind
		}{
			{"another version", stale, errs.Unmet},
			{"no such type", record.Op{Verb: record.Create, Type: "Alien", Body: []byte(`{"resourceType":"Alien"}`)}, errs.Invalid},
			{"another type", record.Op{Verb: record.Create, Type: "Basic", Body: []byte(maria)}, errs.Invalid},
			{"another id", record.Op{Verb: record.Update, Type: "Patient", ID: "x", Body: []byte(maria)}, errs.Invalid},
			{"no JSON", record.Op{Verb: record.Create, Type: "Basic", Body: []byte(`{"resourceType":`)}, errs.Invalid},
			{"a bad element", create(`{"resourceType":"Condition","code":"x"}`), errs.Invalid},
			{"a reference to no entry", create(`{"resourceType":"Basic","subject":{"reference":"urn:uuid:none"}}`), errs.Invalid},
			{"a reference that finds nothing", create(`{"resourceType":"Basic","subject":{"reference":"Patient?identifier=a|b"}}`), errs.Invalid},
			{"a reference that cannot be searched", create(`{"resourceType":"Basic","subject":{"reference":"Patient?x=y"}}`), errs.Invalid},
			{"the same twice", update(`{"resourceType":"Basic","id":"first"}`), errs.Invalid},
			{"a patch of nothing", record.Op{Verb: record.Patch, Type: "Basic", ID: "none", Patch: texting("b")}, errs.NotFound},
			{"a patch that cannot be", record.Op{Verb: record.Patch, Type: "Condition", ID: "c",
				Patch: func([]byte) ([]byte, error) { return nil, errs.New(errs.Invalid, "no") }}, errs.Invalid},
			{"a patch of the id", record.Op{Verb: record.Patch, Type: "Condition", ID: "c",
				Patch: func(now []byte) ([]byte, error) { return []byte(strings.Replace(string(now), `"c"`, `"d"`, 1)), nil }}, errs.Invalid},
		}
		for _, tt := range tests {
			_, err := do(t, s, write, update(`{"resourceType":"Basic","id":"first"}`), remove("Condition", "c"), tt.op)
			if tt.op.ID == "c" && tt.op.Verb != record.Delete { // not deleted and changed in one
				_, err = do(t, s, write, update(`{"resourceType":"Basic","id":"first"}`), create(`{"resourceType":"Basic"}`), tt.op)
			}
			at, ok := errors.AsType[*record.OpError](err)
			if errs.KindOf(err) != tt.want || !ok || at.Index != 2 {
				t.Errorf("%s: Do = %v, want kind %d of op 2", tt.name, err, tt.want)
			}
			if n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from resource where deleted = 0`); err != nil || n != 2 {
				t.Errorf("%s: %d resources are there, %v, want the 2 from before", tt.name, n, err)
			}
		}
	})
}

// TestStoreDoWithin keeps everybody to what their pass and their app's
// scopes open, and shows nothing of the rest.
func TestStoreDoWithin(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		put(t, s, d, maria, `{"resourceType":"Patient","id":"other"}`,
			condition("mine", "maria", "x", "1", "2020"), condition("theirs", "other", "x", "1", "2020"), `{"resourceType":"Organization","id":"o"}`)
		system := access.SystemActor("desk", access.WriteRecord)
		own, err := haletest.Doors(d).Check(t.Context(), system, access.WriteRecord, "maria")
		if err != nil {
			t.Fatal(err)
		}
		everyone := haletest.Everyone(t, d, access.WriteRecord)
		reads := haletest.Everyone(t, d, access.ReadRecord)
		conditions := app(t, d, access.WriteRecord, "system/Condition.cu", "system/Patient.rs")
		some := app(t, d, access.WriteRecord, "system/Condition.cruds?code=x|1")
		q := values(t, "code=x|1")
		tests := []struct {
			name string
			pass access.Pass
			op   record.Op
			want errs.Kind // of ok: 200
		}{
			{"her own", own, update(condition("mine", "maria", "x", "2", "2020")), ok},
			{"new of her own", own, create(condition("", "maria", "x", "2", "2020")), ok},
			{"new of another", own, create(condition("", "other", "x", "2", "2020")), errs.Forbidden},
			{"given away", own, update(condition("mine", "other", "x", "2", "2020")), errs.Forbidden},
			{"taken", own, update(condition("theirs", "maria", "x", "2", "2020")), errs.NotFound},
			{"a patient", own, create(`{"resourceType":"Patient"}`), errs.Forbidden},
			{"nobody's", own, update(`{"resourceType":"Organization","id":"o","name":"x"}`), errs.Forbidden},
			{"without a right to write", reads, create(condition("", "maria", "x", "2", "2020")), errs.NotFound},
			{"nobody's by everyone's", everyone, update(`{"resourceType":"Organization","id":"o","name":"x"}`), ok},
			{"in scope", conditions, create(condition("", "maria", "x", "2", "2020")), ok},
			{"a delete out of scope", conditions, remove("Condition", "theirs"), errs.Forbidden},
			{"a type out of scope", conditions, create(`{"resourceType":"Basic"}`), errs.Forbidden},
			{"a search out of scope", conditions, record.Op{Verb: record.Update, Type: "Condition", Body: []byte(condition("c9", "maria", "x", "9", "2020")), Match: q}, errs.Forbidden},
			{"some", some, update(condition("theirs", "other", "x", "1", "2021")), ok},
			{"none of some before", some, update(condition("mine", "maria", "x", "1", "2021")), errs.Forbidden},
			{"none of some afterwards", some, update(condition("theirs", "other", "x", "2", "2021")), errs.Forbidden},
			{"new, none of some", some, create(condition("", "other", "x", "2", "2021")), errs.Forbidden},
			{"new, some", some, create(condition("", "other", "x", "1", "2021")), ok},
			{"a delete of none of some", some, remove("Condition", "mine"), errs.Forbidden},
		}
		for _, tt := range tests {
			_, err := do(t, s, tt.pass, tt.op)
			if kind := errs.KindOf(err); err == nil != (tt.want == ok) || err != nil && kind != tt.want {
				t.Errorf("%s: Do = %v, want kind %d", tt.name, err, tt.want)
			}
		}
		before := did(t, s, own, record.Op{Verb: record.Delete, Type: "Condition", ID: "theirs"}, record.Op{Verb: record.Delete, Type: "Condition", Match: values(t, "code=x|1"), Many: 9})
		if before[0].Deleted != 0 || before[1].Deleted != 0 {
			t.Errorf("deleted of another's: %+v", before)
		}
	})
}

const ok = errs.Kind(200)

// TestStoreDoTogether lets many write at the same moment: each alone is told
// what became of its own.
func TestStoreDoTogether(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		write := app(t, d, access.WriteRecord, "system/*.cruds")
		src := record.Source{Actor: write.Actor()}
		did(t, s, write, update(`{"resourceType":"Basic","id":"shared","code":{"text":"a"}}`))
		type answer struct {
			kind int
			err  error
		}
		answers := make(chan answer)
		const each = 12
		for i := range 5 * each {
			go func() {
				var o record.Op
				switch kind := i % 5; kind {
				case 0:
					o = create(`{"resourceType":"Basic","code":{"text":"new"}}`)
				case 1: // refused before
					o = create(`{"resourceType":"Condition","code":"x"}`)
				case 2: // refused in the transaction
					o = update(fmt.Sprintf(`{"resourceType":"Basic","id":"none%d"}`, i))
					o.IfVersion = 3
				case 3: // all about one
					o = record.Op{Verb: record.Patch, Type: "Basic", ID: "shared", Patch: func(now []byte) ([]byte, error) {
						return []byte(strings.Replace(string(now), `"text":"a`, `"text":"aa`, 1)), nil
					}}
				case 4: // one of them alone
					o = record.Op{Verb: record.Create, Type: "Patient", Body: []byte(`{"resourceType":"Patient","identifier":[{"value":"k"}]}`), IfNoneExist: url.Values{"identifier": {"k"}}}
				}
				_, err := s.Do(context.Background(), write, src, []record.Op{o})
				answers <- answer{i % 5, err}
			}()
		}
		for range 5 * each {
			a := <-answers
			want := map[int]errs.Kind{0: ok, 1: errs.Invalid, 2: errs.Unmet, 3: ok, 4: ok}[a.kind]
			if kind := errs.KindOf(a.err); a.err == nil != (want == ok) || a.err != nil && kind != want {
				t.Errorf("of kind %d: Do = %v", a.kind, a.err)
			}
		}
		read := haletest.Everyone(t, d, access.ReadRecord)
		r, err := s.Get(t.Context(), read, "Basic", "shared")
		if err != nil || r.Version != each+1 || !strings.Contains(string(r.Body), `"text":"`+strings.Repeat("a", each+1)+`"`) {
			t.Errorf("what all patched is %s, %v", r.Body, err)
		}
		page, err := s.Search(t.Context(), read, "Patient", url.Values{"identifier": {"k"}})
		if err != nil || len(page.Resources) != 1 {
			t.Errorf("%d of one conditional create, %v", len(page.Resources), err)
		}
		if n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from resource where typ = 'Basic'`); err != nil || n != each+1 {
			t.Errorf("%d are there, %v, want %d", n, err, each+1)
		}
	})
}
