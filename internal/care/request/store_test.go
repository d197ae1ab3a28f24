package request_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/care/disclosure"
	"hale/internal/care/document"
	"hale/internal/care/patient"
	"hale/internal/care/request"
	"hale/internal/care/result"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// office is a store of requests with what stands behind it, at a time that
// the test moves.
type office struct {
	db      *db.DB
	store   *request.Store
	ledger  *disclosure.Store
	records *record.Store
	doors   *access.Doors
	log     *audit.Log
	letters []request.Letter
	now     time.Time
}

// Tell keeps the letters.
func (o *office) Tell(_ context.Context, _ *db.Tx, l request.Letter) error {
	o.letters = append(o.letters, l)
	return nil
}

var (
	ada     = access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-ada", Name: "Ada Byron", Patient: "ada"}
	bob     = access.Actor{Kind: access.Patient, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-bob", Name: "Bob Byron", Patient: "bob"}
	nurse   = access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-nurse", Name: "N. Okafor", Roles: []access.Role{access.Nurse}}
	officer = access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: "a-officer", Name: "P. Officer", Roles: []access.Role{access.Privacy}}
)

var chicago = func() *time.Location {
	z, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return z
}()

func open(t *testing.T, d *db.DB) *office {
	t.Helper()
	o := &office{db: d, now: haletest.Noon}
	clock := func() time.Time { return o.now }
	o.log = audit.NewLog(d, haletest.IDs(), clock)
	o.doors = access.NewDoors(o.log, lookup.New(d, clock), clock)
	o.records = record.New(d, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), patient.View(), contact.View(), result.View(), document.View())
	o.store = request.NewStore(d, haletest.IDs(), clock, chicago, o.log, o.records).Tell(o, o.doors.Forget)
	o.ledger = disclosure.NewStore(d, haletest.IDs(), clock, o.log)
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := o.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, []record.Draft{
			{Type: "Patient", ID: "ada", Body: []byte(`{"resourceType":"Patient","id":"ada","birthDate":"1960-05-14","name":[{"given":["Ada"],"family":"Byron"}],"telecom":[{"system":"email","value":"home@x.example"},{"system":"sms","value":"312-555-0142"}]}`)},
			{Type: "Patient", ID: "bob", Body: []byte(`{"resourceType":"Patient","id":"bob","birthDate":"1960-05-14","name":[{"given":["Bob"],"family":"Byron"}]}`)},
			{Type: "Observation", ID: "o1", Body: []byte(`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"Weight"},"subject":{"reference":"Patient/ada"}}`)},
		})
		if err != nil {
			return err
		}
		for _, a := range []access.Actor{ada, bob, nurse, officer} {
			roles := ""
			if len(a.Roles) > 0 {
				roles = string(a.Roles[0])
			}
			if _, err := tx.ExecContext(t.Context(), `insert into account (id, kind, name, patient, roles, created_at) values ($1, $2, $3, $4, $5, 1)`, a.ID, string(a.Kind), a.Name, a.Patient, roles); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) pass(t *testing.T, a access.Actor, right access.Right, who string) access.Pass {
	t.Helper()
	p, err := o.doors.Check(t.Context(), o.proved(a), right, who)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// proved is a with a proof of this moment.
func (o *office) proved(a access.Actor) access.Actor {
	a.Proof = access.Proof{Zone: access.AccountZone, At: o.now}
	return a
}

func (o *office) ask(t *testing.T, k request.Kind, about string, d request.Details) request.Request {
	t.Helper()
	r, err := o.store.Ask(t.Context(), o.pass(t, ada, access.AskPrivacy, "ada"), k, about, d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (o *office) get(t *testing.T, id string) request.Request {
	t.Helper()
	r, err := o.store.Get(t.Context(), o.pass(t, ada, access.AskPrivacy, "ada"), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The days are calendar days of the clinic, over a change of the clocks, and
// the last day counts in full.
func TestStoreClocks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		staff := o.pass(t, officer, access.AnswerPrivacy, "ada")
		for _, tt := range []struct {
			kind        request.Kind
			details     request.Details
			last, later string // the last day; the one after an extension
		}{
			{request.Access, request.Details{Form: "paper"}, "2026-04-01", "2026-05-01"},
			{request.Amend, request.Details{Words: "a", Should: "b"}, "2026-05-01", "2026-05-31"},
			{request.Account, request.Details{}, "2026-05-01", "2026-05-31"},
			{request.Restrict, request.Details{Against: "staff", Name: "N. Okafor"}, "2026-04-01", ""},
			{request.Contact, request.Details{Channel: "inbox"}, "2026-03-12", ""},
			{request.Complaint, request.Details{Words: "It was loud."}, "2026-04-01", ""},
		} {
			r := o.ask(t, tt.kind, "", tt.details)
			if got := r.LastDay().In(chicago).Format(time.DateOnly); got != tt.last {
				t.Errorf("the last day of %s = %s, want %s", tt.kind, got, tt.last)
			}
			if r.Late(r.Due.Add(-time.Second)) || !r.Late(r.Due) {
				t.Errorf("%s is not late exactly when its last day is over", tt.kind)
			}
			err := o.store.Extend(t.Context(), staff, r.ID, "We wait for the archive.")
			if (err == nil) != (tt.later != "") {
				t.Fatalf("Extend of %s = %v", tt.kind, err)
			}
			if tt.later == "" {
				continue
			}
			if got := o.get(t, r.ID).LastDay().In(chicago).Format(time.DateOnly); got != tt.later {
				t.Errorf("the last day of %s after extending = %s, want %s", tt.kind, got, tt.later)
			}
			if err := o.store.Extend(t.Context(), staff, r.ID, "Once more."); errs.KindOf(err) != errs.Conflict {
				t.Errorf("the second Extend of %s = %v, want a conflict", tt.kind, err)
			}
		}
		all, err := o.doors.CheckAll(t.Context(), o.proved(officer), access.AnswerPrivacy)
		if err != nil {
			t.Fatal(err)
		}
		o.now = time.Date(2026, 4, 25, 12, 0, 0, 0, chicago)
		n, late, soon, err := o.store.Counts(t.Context(), all)
		if err != nil || n != 6 || late != 3 || soon != 1 {
			t.Errorf("Counts = %d, %d late, %d soon, %v; want 6, 3, 1", n, late, soon, err)
		}
		list, err := o.store.Queue(t.Context(), all, "", 99)
		if err != nil || len(list) != 6 || list[0].Kind != request.Contact || list[0].Name != "Ada Byron" {
			t.Errorf("Queue = %+v, %v, want six, the first due first", list, err)
		}
	})
}

// A correction: granted, it is appended and linked, the entry stays as it
// was; denied, the patient's statement and the rebuttal are appended.
func TestStoreAmend(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		staff, own := o.pass(t, officer, access.AnswerPrivacy, "ada"), o.pass(t, ada, access.AskPrivacy, "ada")
		details := request.Details{Title: "Weight", Words: "82 kg is wrong", Should: "It was 72 kg"}
		first := o.ask(t, request.Amend, "Observation/o1", details)
		if err := o.store.Decide(t.Context(), staff, first.ID, request.Grant, request.Decision{Answer: "You are right."}); err != nil {
			t.Fatal(err)
		}
		second := o.ask(t, request.Amend, "Observation/o1", details)
		if err := o.store.Disagree(t.Context(), own, second.ID, "No!"); errs.KindOf(err) != errs.Conflict {
			t.Errorf("Disagree before a denial = %v, want a conflict", err)
		}
		if err := o.store.Decide(t.Context(), staff, second.ID, request.Deny, request.Decision{}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Deny without a reason = %v", err)
		}
		if err := o.store.Decide(t.Context(), staff, second.ID, request.Deny, request.Decision{Answer: "The scale was checked."}); err != nil {
			t.Fatal(err)
		}
		if err := o.store.Disagree(t.Context(), own, second.ID, "I was not there that day."); err != nil {
			t.Fatal(err)
		}
		if err := o.store.Decide(t.Context(), staff, second.ID, request.Rebut, request.Decision{Answer: "The visit is in our book."}); err != nil {
			t.Fatal(err)
		}
		r := o.get(t, second.ID)
		var acts []string
		for _, s := range r.Steps {
			acts = append(acts, string(s.What))
		}
		if r.State != request.Answered || strings.Join(acts, " ") != "ask deny disagree rebut" {
			t.Errorf("it ended %s by %v", r.State, acts)
		}
		if got := texts(t, o); len(got) != 3 || !strings.Contains(got[0], "You are right.") || !strings.Contains(got[1], "I was not there that day.") || !strings.Contains(got[1], "The scale was checked.") || !strings.Contains(got[2], "in our book") {
			t.Errorf("the record keeps %q", got)
		}
		entry, err := o.records.Get(t.Context(), o.pass(t, ada, access.ReadRecord, "ada"), "Observation", "o1")
		if err != nil || entry.Version != 1 {
			t.Errorf("the entry itself has version %d, %v, want 1", entry.Version, err)
		}
		if len(o.letters) != 6 {
			t.Errorf("%d letters, want one for each step of both but none doubled: 6", len(o.letters))
		}
	})
}

// A correction is as protected as the entry it is about, and so is the
// request: a helper who does not see the one sees nothing of the others.
func TestStoreAmendProtected(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		err := d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := o.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, []record.Draft{
				{Type: "Condition", ID: "hiv", Body: []byte(`{"resourceType":"Condition","id":"hiv","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]},"subject":{"reference":"Patient/ada"}}`)},
				{Type: "Immunization", ID: "shot", Body: []byte(`{"resourceType":"Immunization","id":"shot","status":"completed","occurrenceDateTime":"2026-01-02","vaccineCode":{"text":"A shot"},"patient":{"reference":"Patient/ada"},
					"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}}`)},
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		staff := o.pass(t, officer, access.AnswerPrivacy, "ada")
		guardian := func(labels access.Label) access.Actor {
			return access.Actor{Kind: access.Proxy, ID: "a-guardian", Name: "G. Ward", Grants: []access.Grant{{Patient: "ada", Name: "Ada Byron", Basis: access.AsGuardian,
				Rights: []access.Right{access.ReadRecord, access.AskPrivacy}, Categories: access.Categories, Labels: labels}}}
		}
		open := []request.Request{o.ask(t, request.Amend, "Observation/o1", request.Details{Title: "Weight", Words: "a", Should: "b"})}
		protected := []request.Request{
			o.ask(t, request.Amend, "Condition/hiv", request.Details{Title: "HIV", Words: "a", Should: "b"}),
			o.ask(t, request.Amend, "Immunization/shot", request.Details{Title: "A shot", Words: "a", Should: "b"}),
		}
		for _, r := range append(open, protected...) {
			if err := o.store.Decide(t.Context(), staff, r.ID, request.Grant, request.Decision{Answer: "Yes."}); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name string
			who  access.Actor
			want int
		}{{"the patient", ada, 3}, {"a helper with the label", guardian(access.HIV), 3}, {"a helper without it", guardian(0), 1}} {
			notes, err := o.records.Search(t.Context(), o.pass(t, tt.who, access.ReadRecord, "ada"), "DocumentReference", nil)
			if err != nil || len(notes.Resources) != tt.want {
				t.Errorf("%s sees %d corrections in the record, %v, want %d", tt.name, len(notes.Resources), err, tt.want)
			}
			ask := o.pass(t, tt.who, access.AskPrivacy, "ada")
			list, err := o.store.Of(t.Context(), ask)
			if err != nil || len(list) != tt.want {
				t.Errorf("%s sees %d requests, %v, want %d", tt.name, len(list), err, tt.want)
			}
			for _, r := range protected {
				if _, err := o.store.Get(t.Context(), ask, r.ID); (err == nil) != (tt.want == 3) {
					t.Errorf("%s reads the request about %s: %v", tt.name, r.About, err)
				}
			}
		}
	})
}

// texts returns the notes that corrections left in the record, oldest first.
func texts(t *testing.T, o *office) []string {
	t.Helper()
	list, err := db.All(t.Context(), o.db, db.Value[[]byte], `select body from resource where typ = 'DocumentReference' order by n`)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, body := range list {
		var doc struct {
			Content []struct{ Attachment struct{ Data []byte } }
			Context struct{ Related []struct{ Reference string } }
		}
		if err := json.Unmarshal(body, &doc); err != nil || len(doc.Context.Related) != 1 || doc.Context.Related[0].Reference != "Observation/o1" {
			t.Fatalf("%s is not linked: %v", body, err)
		}
		out = append(out, string(doc.Content[0].Attachment.Data))
	}
	return out
}

// A restriction that was agreed to closes the doors, and the ledger, at once.
func TestStoreRestrict(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		staff, own := o.pass(t, officer, access.AnswerPrivacy, "ada"), o.pass(t, ada, access.AskPrivacy, "ada")
		if _, err := o.doors.Check(t.Context(), o.proved(nurse), access.ReadRecord, "ada"); err != nil {
			t.Fatal(err)
		}
		r := o.ask(t, request.Restrict, "", request.Details{Against: "staff", Name: "N. Okafor", Words: "She is my neighbour."})
		if err := o.store.Decide(t.Context(), staff, r.ID, request.Grant, request.Decision{Answer: "Agreed.", Against: "account", Target: nurse.ID}); err != nil {
			t.Fatal(err)
		}
		if _, err := o.doors.Check(t.Context(), o.proved(nurse), access.ReadRecord, "ada"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("the nurse after the restriction: %v, want nothing there", err)
		}
		if _, err := o.doors.Check(t.Context(), o.proved(nurse), access.ReadRecord, "bob"); err != nil {
			t.Errorf("the nurse at another's: %v", err)
		}
		list, err := o.store.Restrictions(t.Context(), own)
		if err != nil || len(list) != 1 || list[0].Name != "N. Okafor" {
			t.Fatalf("Restrictions = %+v, %v", list, err)
		}
		if err := o.store.Lift(t.Context(), own, list[0].ID, "We made up."); err != nil {
			t.Fatal(err)
		}
		if _, err := o.doors.Check(t.Context(), o.proved(nurse), access.ReadRecord, "ada"); err != nil {
			t.Errorf("the nurse after it was lifted: %v", err)
		}
		o.plan(t, staff)
	})
}

// plan: what was paid in full must be kept from a health plan, and is.
func (o *office) plan(t *testing.T, staff access.Pass) {
	r := o.ask(t, request.Restrict, "", request.Details{Against: "plan", Name: "Prairie Health", Paid: true, Words: "Paid at the desk."})
	if err := o.store.Decide(t.Context(), staff, r.ID, request.Deny, request.Decision{Answer: "No."}); errs.KindOf(err) != errs.Conflict || !strings.Contains(errs.Say(err), "must be granted") {
		t.Errorf("denying what must be granted = %v", err)
	}
	if err := o.store.Decide(t.Context(), staff, r.ID, request.Grant, request.Decision{Answer: "Agreed.", Against: "plan", Target: "Prairie Health"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		to    string
		basis disclosure.Basis
		ok    bool
	}{{"Prairie Health", disclosure.Payment, false}, {"PRAIRIE HEALTH", disclosure.Operations, false}, {"Another Plan", disclosure.Payment, true}, {"Prairie Health", disclosure.RequiredByLaw, true}} {
		err := o.db.Tx(t.Context(), func(tx *db.Tx) error {
			return o.ledger.Record(t.Context(), tx, access.SystemActor("billing"), disclosure.Entry{Patient: "ada", Recipient: tt.to, Address: "1 Main St", What: "A bill", Purpose: "Payment", Basis: tt.basis, Plan: true, Origin: "bill/1"})
		})
		if (err == nil) != tt.ok || err != nil && errs.KindOf(err) != errs.Forbidden {
			t.Errorf("disclosing to %s for %s = %v, want ok=%t", tt.to, tt.basis, err, tt.ok)
		}
	}
}

// Another address that was agreed to is the only one that is used, for
// outreach and for signing in alike.
func TestStoreContact(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		staff := o.pass(t, officer, access.AnswerPrivacy, "ada")
		points := func() string {
			by, err := contact.List(t.Context(), d, []string{"ada"})
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, p := range by["ada"] {
				words = append(words, string(p.Kind)+":"+p.Value)
			}
			return strings.Join(words, " ")
		}
		if points() != "email:home@x.example sms:+13125550142" {
			t.Fatalf("before: %s", points())
		}
		for _, tt := range []struct{ channel, value, want string }{
			{"email", "Work@Y.example", "email:work@y.example"}, {"sms", "312-555-0142", "sms:+13125550142"}, {"letter", "PO Box 12, Riverside, IL 60546", ""}, {"inbox", "", ""},
		} {
			r := o.ask(t, request.Contact, "", request.Details{Channel: tt.channel, Value: tt.value})
			if points() == tt.want && tt.channel == "email" {
				t.Error("asking alone changed the address")
			}
			if err := o.store.Decide(t.Context(), staff, r.ID, request.Grant, request.Decision{Answer: "Done."}); err != nil {
				t.Fatal(err)
			}
			if got := points(); got != tt.want {
				t.Errorf("after %s: %q, want %q", tt.channel, got, tt.want)
			}
		}
		r := o.ask(t, request.Contact, "", request.Details{Channel: "email", Value: "work@y.example"})
		if err := o.store.Decide(t.Context(), staff, r.ID, request.Grant, request.Decision{Answer: "Done."}); err != nil {
			t.Fatal(err)
		}
		c := contact.NewStore(d, haletest.Clock(haletest.Noon))
		for value, want := range map[string]int{"home@x.example": 0, "work@y.example": 1} {
			if got, err := c.PatientsAt(t.Context(), "email", value); err != nil || len(got) != want {
				t.Errorf("PatientsAt(%s) = %v, %v, want %d", value, got, err, want)
			}
		}
		for _, bad := range []request.Details{{Channel: "email", Value: "nobody"}, {Channel: "sms", Value: "12"}, {Channel: "letter", Value: "x"}, {Channel: "pigeon"}} {
			if _, err := o.store.Ask(t.Context(), o.pass(t, ada, access.AskPrivacy, "ada"), request.Contact, "", bad); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Ask for %+v = %v, want invalid", bad, err)
			}
		}
	})
}

// Another's request is not there, and nobody makes the other side's moves.
func TestStoreOthers(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		r := o.ask(t, request.Complaint, "", request.Details{Words: "It was loud."})
		his := o.pass(t, bob, access.AskPrivacy, "bob")
		if _, err := o.store.Get(t.Context(), his, r.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Get by another = %v", err)
		}
		if err := o.store.Withdraw(t.Context(), his, r.ID); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Withdraw by another = %v", err)
		}
		own := o.pass(t, ada, access.AskPrivacy, "ada")
		if err := o.store.Decide(t.Context(), own, r.ID, request.Answer, request.Decision{Answer: "x"}); err == nil {
			t.Error("a patient answers her own request")
		}
		if _, err := o.store.Ask(t.Context(), his, request.Amend, "Observation/o1", request.Details{Words: "a", Should: "b"}); errs.KindOf(err) != errs.NotFound {
			t.Errorf("a correction of another's entry = %v", err)
		}
		if err := o.store.Withdraw(t.Context(), own, r.ID); err != nil {
			t.Fatal(err)
		}
		if err := o.store.Decide(t.Context(), o.pass(t, officer, access.AnswerPrivacy, "ada"), r.ID, request.Answer, request.Decision{Answer: "x"}); errs.KindOf(err) != errs.Conflict {
			t.Errorf("answering what was withdrawn = %v", err)
		}
		rows, err := o.log.Of(t.Context(), "ada", 50)
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(rows)
		for _, action := range []string{"request.ask", "request.withdraw"} {
			if !strings.Contains(said, action) {
				t.Errorf("no audit row says %s", action)
			}
		}
	})
}

// The first accounting in twelve months is free.
func TestStoreAccountFree(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		o := open(t, d)
		for _, tt := range []struct {
			days int
			free bool
		}{{0, true}, {364, false}, {2 * 366, true}} {
			o.now = haletest.Noon.AddDate(0, 0, tt.days)
			if r := o.ask(t, request.Account, "", request.Details{}); r.Details.Free != tt.free {
				t.Errorf("after %d days free = %t, want %t", tt.days, r.Details.Free, tt.free)
			}
		}
	})
}
