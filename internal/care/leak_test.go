// Package care_test holds every way to read a record to what the policy
// shows, by asking at random and comparing with an oracle of its own.
package care_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/lookup"
	"hale/internal/base/errs"
	"hale/internal/care/background"
	"hale/internal/care/document"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// thing is one resource as the oracle knows it.
type thing struct {
	typ, id, patient string
	code             string
	labels           access.Label // what it must carry
	held             bool
	category         []access.Category // each of which has to be seen
	list             string            // the care list that shows it: result, problem, …
	ref              *thing
}

// coded are codes with the labels that they must give.
var coded = map[string][]struct {
	system, code string
	labels       access.Label
}{
	"Condition": {
		{"http://hl7.org/fhir/sid/icd-10-cm", "E11.9", 0}, {"http://hl7.org/fhir/sid/icd-10-cm", "F11.20", access.SubstanceUse},
		{"http://hl7.org/fhir/sid/icd-10-cm", "F32.A", access.MentalHealth}, {"http://hl7.org/fhir/sid/icd-10-cm", "B20", access.HIV},
		{"http://hl7.org/fhir/sid/icd-10-cm", "Z34.00", access.Reproductive}, {"http://snomed.info/sct", "38341003", 0}},
	"Observation": {{"http://loinc.org", "4548-4", 0}, {"http://loinc.org", "56888-1", access.HIV}, {"http://loinc.org", "44261-6", access.MentalHealth}, {"http://loinc.org", "718-7", 0}},
	"MedicationRequest": {{"http://www.nlm.nih.gov/research/umls/rxnorm", "314076", 0}, {"http://www.nlm.nih.gov/research/umls/rxnorm", "351266", access.SubstanceUse},
		{"http://www.nlm.nih.gov/research/umls/rxnorm", "312941", access.MentalHealth}, {"http://www.nlm.nih.gov/research/umls/rxnorm", "748856", access.Reproductive}},
	"Procedure":         {{"http://snomed.info/sct", "73761001", 0}, {"http://snomed.info/sct", "65200003", access.Reproductive}},
	"Encounter":         {{"http://snomed.info/sct", "185349003", 0}, {"http://snomed.info/sct", "56876005", access.SubstanceUse}},
	"DocumentReference": {{"http://loinc.org", "11506-3", 0}},
	"DiagnosticReport":  {{"http://loinc.org", "58410-2", 0}},
	"Goal":              {{"http://loinc.org", "4548-4", 0}, {"http://loinc.org", "718-7", 0}},
	"Appointment":       {{"http://snomed.info/sct", "185349003", 0}},

	"Device":              {{"http://snomed.info/sct", "14106009", 0}},
	"FamilyMemberHistory": {{"http://hl7.org/fhir/sid/icd-10-cm", "E11.9", 0}, {"http://hl7.org/fhir/sid/icd-10-cm", "B20", access.HIV}},
	"Coverage":            {{"http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIP", 0}},
	"CareTeam":            {{"http://snomed.info/sct", "446050000", 0}},
	"ServiceRequest":      {{"http://loinc.org", "718-7", 0}, {"http://loinc.org", "56888-1", access.HIV}},
}

var typed = map[string]struct {
	category []access.Category
	list     string
}{
	"Condition": {[]access.Category{access.Conditions}, "problem"}, "Observation": {[]access.Category{access.Results}, "result"},
	"MedicationRequest": {[]access.Category{access.Medicines}, "medication"}, "Procedure": {[]access.Category{access.Conditions}, "problem"},
	"Encounter": {[]access.Category{access.Visits}, "visit"}, "DocumentReference": {[]access.Category{access.Documents}, "document"},
	"DiagnosticReport": {[]access.Category{access.Results, access.Documents}, "document"},
	"Goal":             {[]access.Category{access.Conditions}, "goal"}, "Appointment": {[]access.Category{access.Visits}, "upcoming"},
	"Device": {[]access.Category{access.Conditions}, "device"}, "FamilyMemberHistory": {[]access.Category{access.Conditions}, "family"},
	"Coverage": {[]access.Category{access.Bills}, "insurance"}, "CareTeam": {[]access.Category{access.Documents}, "team"},
	"ServiceRequest": {[]access.Category{access.Results}, "order"},
}

// town is a few people, what is in their records, and every door to it.
type town struct {
	rng      *rand.Rand
	d        *db.DB
	doors    *access.Doors
	records  *record.Store
	results  *result.Store
	problems *problem.Store
	meds     *medication.Store
	docs     *document.Store
	visits   *visit.Store
	entries  *background.Store
	reviews  *review.Store

	people []string
	minor  map[string]bool
	things []*thing
	byKey  map[string]*thing

	vip     map[string]bool
	blocked map[[2]string]bool // patient, account
	treats  map[[2]string]access.Label
	glass   map[[2]string]bool
	passes  map[access.Role]access.Pass // over everybody
}

// Hold makes the town's records wait at random, and remembers which.
func (w *town) Hold(_ context.Context, _ *db.Tx, batch []record.Change) ([]record.Held, error) {
	var list []record.Held
	for _, c := range batch {
		if o := w.byKey[c.Type+"/"+c.ID]; o != nil && o.held {
			list = append(list, record.Held{Type: c.Type, ID: c.ID, Until: haletest.Noon.Add(time.Hour), Hold: "test"})
		}
	}
	return list, nil
}

func newTown(t *testing.T, d *db.DB, seed uint64) *town {
	ids, now := haletest.IDs(), haletest.Clock(haletest.Noon)
	events := event.NewLog(ids, now)
	w := &town{rng: rand.New(rand.NewPCG(seed, 1)), d: d, minor: map[string]bool{}, byKey: map[string]*thing{},
		vip: map[string]bool{}, blocked: map[[2]string]bool{}, treats: map[[2]string]access.Label{}, glass: map[[2]string]bool{}, passes: map[access.Role]access.Pass{}}
	w.doors = access.NewDoors(audit.NewLog(d, ids, now), lookup.New(d, now), now)
	w.records = record.New(d, ids, now, events, patient.View(), result.View(), medication.View(), problem.View(), document.View(), visit.View(), background.View(), review.View()).WithHolders(w)
	w.results, w.problems, w.meds = result.NewStore(d), problem.NewStore(d), medication.NewStore(d)
	w.entries, w.reviews = background.NewStore(d), review.NewStore(d, w.records, ids, now, nil)
	w.docs, w.visits = document.NewStore(d, w.records), visit.NewStore(d, w.records, events, ids, now)
	w.settle(t)
	return w
}

// settle fills the records and the tables that decisions rest on.
func (w *town) settle(t *testing.T) {
	var drafts []record.Draft
	for i := range 10 {
		p := fmt.Sprintf("p%d", i)
		w.people = append(w.people, p)
		born := "1960-05-01"
		if w.minor[p] = i%4 == 3; w.minor[p] {
			born = "2009-05-01" // not yet grown up at noon
		}
		drafts = append(drafts, record.Draft{Type: "Patient", ID: p, Body: fmt.Appendf(nil,
			`{"resourceType":"Patient","id":"%s","birthDate":"%s","name":[{"family":"Fam%d","given":["G"]}],"address":[{"state":"IL"}]}`, p, born, i)})
		for j := range 40 {
			drafts = append(drafts, w.draft(p, j))
		}
		w.vip[p] = i%5 == 4
	}
	w.rng.Shuffle(len(drafts), func(i, j int) { drafts[i], drafts[j] = drafts[j], drafts[i] }) // what refers may come first
	src := record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "test"}
	for chunk := range slices.Chunk(drafts, 17) {
		if err := w.d.Tx(t.Context(), func(tx *db.Tx) error {
			_, err := w.records.PutAll(t.Context(), tx, src, chunk)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.label()
	for _, p := range w.people {
		if w.vip[p] {
			w.exec(t, `insert into patient_flag (patient, vip, reason, set_by, set_at) values ($1, 1, 'known', 'x', 0)`, p)
		}
		for _, a := range []string{"s0", "s1", "s2"} {
			until := haletest.Noon.Add(time.Hour).UnixMicro()
			if w.rng.IntN(4) == 0 {
				labels := access.Label(w.rng.Int64N(128))
				w.treats[[2]string{p, a}] = labels
				w.exec(t, `insert into care_team (account, patient, labels, set_by, set_at, until_at) values ($1, $2, $3, 'x', 0, $4)`, a, p, int64(labels), until)
			}
			if w.rng.IntN(5) == 0 {
				w.glass[[2]string{p, a}] = true
				w.exec(t, `insert into emergency (id, account, patient, code, reason, opened_at, until_at) values ($1, $2, $3, 'c', 'r', 0, $4)`, p+a, a, p, until)
			}
		}
		for i := range 6 {
			if w.rng.IntN(6) == 0 {
				w.blocked[[2]string{p, fmt.Sprintf("c%d", i)}] = true
				w.exec(t, `insert into proxy_block (patient, account, reason, set_by, set_at) values ($1, $2, 'order', 'x', 0)`, p, fmt.Sprintf("c%d", i))
			}
		}
	}
}

func (w *town) exec(t *testing.T, q string, args ...any) {
	t.Helper()
	if _, err := w.d.ExecContext(t.Context(), q, args...); err != nil {
		t.Fatal(err)
	}
}

// draft makes a resource of p, which may refer to one before it.
func (w *town) draft(p string, j int) record.Draft {
	types := []string{"Condition", "Observation", "MedicationRequest", "Procedure", "Encounter", "DocumentReference", "DiagnosticReport", "Goal", "Appointment",
		"Device", "FamilyMemberHistory", "Coverage", "CareTeam", "ServiceRequest"}
	typ := types[w.rng.IntN(len(types))]
	c := coded[typ][w.rng.IntN(len(coded[typ]))]
	o := &thing{typ: typ, id: fmt.Sprintf("%s-%d", p, j), patient: p, code: c.code, labels: c.labels, held: w.rng.IntN(12) == 0,
		category: typed[typ].category, list: typed[typ].list}
	ref := ""
	if typ == "MedicationRequest" || typ == "DocumentReference" || typ == "DiagnosticReport" {
		for _, other := range w.things {
			if other.patient == p && w.rng.IntN(3) == 0 && (typ == "MedicationRequest" && other.typ == "Condition" ||
				typ == "DocumentReference" && other.typ == "Encounter" || typ == "DiagnosticReport" && other.typ == "Observation") {
				o.ref = other
			}
		}
	}
	if o.ref != nil {
		at := o.ref.typ + "/" + o.ref.id
		ref = map[string]string{"MedicationRequest": `,"reasonReference":[{"reference":"` + at + `"}]`,
			"DocumentReference": `,"context":{"encounter":[{"reference":"` + at + `"}]}`, "DiagnosticReport": `,"result":[{"reference":"` + at + `"}]`}[typ]
	}
	security := ""
	if w.rng.IntN(15) == 0 {
		security = `,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}`
		o.labels |= access.SubstanceUse | access.Part2
	} else if w.rng.IntN(25) == 0 {
		security = `,"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSYTHPN"}]}`
		o.labels |= access.MentalHealth | access.PsychNotes
	}
	w.things = append(w.things, o)
	w.byKey[typ+"/"+o.id] = o
	concept := fmt.Sprintf(`{"coding":[{"system":"%s","code":"%s","display":"D"}],"text":"T"}`, c.system, c.code)
	body := fmt.Sprintf(`{"resourceType":"%s","id":"%s"%s%s,"subject":{"reference":"Patient/%s"},%s}`, typ, o.id, security, ref, p, map[string]string{
		"Condition":         `"code":` + concept + `,"recordedDate":"2026-01-02","clinicalStatus":{"coding":[{"code":"active"}]}`,
		"Observation":       `"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":` + concept + `,"effectiveDateTime":"2026-01-03","valueQuantity":{"value":5,"unit":"%"}`,
		"MedicationRequest": `"status":"active","intent":"order","medicationCodeableConcept":` + concept + `,"authoredOn":"2026-01-04"`,
		"Procedure":         `"status":"completed","code":` + concept + `,"performedDateTime":"2026-01-05"`,
		"Encounter":         `"status":"finished","class":{"code":"AMB"},"type":[` + concept + `],"period":{"start":"2026-01-06T10:00:00Z","end":"2026-01-06T10:30:00Z"}`,
		"DocumentReference": `"status":"current","type":` + concept + `,"description":"Note","date":"2026-01-07T00:00:00Z","content":[{"attachment":{"contentType":"text/plain","data":"aGVsbG8="}}]`,
		"DiagnosticReport":  `"status":"final","code":` + concept + `,"effectiveDateTime":"2026-01-08","conclusion":"Fine"`,
		"Goal":              `"lifecycleStatus":"active","description":{"text":"` + o.id + `"},"target":[{"measure":` + concept + `,"detailQuantity":{"value":7}}]`,
		"Appointment":       `"status":"booked","serviceType":[` + concept + `],"start":"2026-04-06T10:00:00Z","end":"2026-04-06T10:30:00Z","participant":[{"actor":{"reference":"Patient/` + p + `"},"status":"accepted"}]`,

		"Device":              `"patient":{"reference":"Patient/` + p + `"},"status":"active","type":` + concept,
		"FamilyMemberHistory": `"patient":{"reference":"Patient/` + p + `"},"status":"completed","relationship":{"text":"Father"},"condition":[{"code":` + concept + `}]`,
		"Coverage":            `"beneficiary":{"reference":"Patient/` + p + `"},"status":"active","type":` + concept + `,"payor":[{"display":"P"}]`,
		"CareTeam":            `"status":"active","category":[` + concept + `]`,
		"ServiceRequest":      `"status":"active","intent":"order","code":` + concept + `,"authoredOn":"2026-01-09"`,
	}[typ])
	return record.Draft{Type: typ, ID: o.id, Body: []byte(body)}
}

// label hands labels on as the rules say, by the oracle's own way.
func (w *town) label() {
	const grown = access.SubstanceUse | access.MentalHealth | access.HIV | access.Reproductive
	for _, o := range w.things {
		if o.ref != nil {
			o.labels |= o.ref.labels
		}
	}
	for _, o := range w.things {
		if w.minor[o.patient] && o.labels&grown != 0 {
			o.labels |= access.MinorConfidential
		}
	}
}

var rights = []access.Right{access.ReadRecord, access.ReadVisits, access.ReadMessages, access.BookVisits, access.ReadContacts}

// actor makes somebody at random.
func (w *town) actor() access.Actor {
	proof := access.Proof{Zone: access.AccountZone, At: haletest.Noon}
	switch w.rng.IntN(6) {
	case 0:
		p := w.people[w.rng.IntN(len(w.people))]
		return access.Actor{Kind: access.Patient, ID: "a-" + p, Patient: p, Proof: proof}
	case 1, 2:
		a := access.Actor{Kind: access.Proxy, ID: fmt.Sprintf("c%d", w.rng.IntN(6)), Proof: proof}
		if w.rng.IntN(3) == 0 {
			a.Patient = w.people[w.rng.IntN(len(w.people))]
		}
		for _, p := range w.people {
			if w.rng.IntN(3) == 0 {
				a.Grants = append(a.Grants, w.grant(p))
			}
		}
		return a
	case 3, 4:
		a := access.Actor{Kind: access.Staff, ID: fmt.Sprintf("s%d", w.rng.IntN(3)), Proof: proof}
		for _, r := range []access.Role{access.Nurse, access.Nurse, access.Marketer, access.Admin, access.Privacy} {
			if w.rng.IntN(3) == 0 {
				a.Roles = append(a.Roles, r)
			}
		}
		return a
	}
	p := w.people[w.rng.IntN(len(w.people))]
	return access.LinkActor("l", p, rights[w.rng.IntN(len(rights))])
}

func (w *town) grant(p string) access.Grant {
	g := access.Grant{Patient: p, Basis: []access.Basis{access.ByPatient, access.AsParent, access.AsGuardian, access.ByProxy}[w.rng.IntN(4)]}
	for _, r := range rights {
		if w.rng.IntN(4) > 0 {
			g.Rights = append(g.Rights, r)
		}
	}
	for _, c := range access.Categories {
		if w.rng.IntN(2) == 0 {
			g.Categories = append(g.Categories, c)
		}
	}
	if w.rng.IntN(2) == 0 {
		g.Labels = access.Label(w.rng.Int64N(128))
	}
	g.Until = haletest.Noon.Add(time.Duration(w.rng.IntN(5)-1) * time.Hour)
	return g
}

// opens is the oracle: may a use right on p at all?
func (w *town) opens(a access.Actor, right access.Right, p string) bool {
	switch a.Kind {
	case access.Patient:
		return a.Patient == p
	case access.Link:
		return a.Patient == p && a.Rights[0] == right
	case access.Proxy:
		if a.Patient == p {
			return true
		}
		g, ok := w.granted(a, p)
		if !ok || w.blocked[[2]string{p, a.ID}] || !slices.Contains(g.Rights, right) {
			return false
		}
		need := map[access.Right][]access.Category{access.ReadVisits: {access.Visits}, access.BookVisits: {access.Visits}, access.ReadMessages: {access.Messages},
			access.ReadRecord: {access.Results, access.Medicines, access.Conditions, access.Documents, access.Bills}}[right]
		return need == nil || slices.ContainsFunc(need, func(c access.Category) bool { return slices.Contains(g.Categories, c) })
	case access.Staff:
		nurse, admin := slices.Contains(a.Roles, access.Nurse), slices.Contains(a.Roles, access.Admin)
		if !nurse && (!admin || right != access.ReadContacts) {
			return false
		}
		_, treats := w.treats[[2]string{p, a.ID}]
		return !w.vip[p] || treats || w.glass[[2]string{p, a.ID}]
	}
	return false
}

// granted is the grant that holds now: over is over, and no parent acts for
// a grown child.
func (w *town) granted(a access.Actor, p string) (access.Grant, bool) {
	for _, g := range a.Grants {
		if g.Patient == p {
			return g, g.Until.After(haletest.Noon) && (g.Basis != access.AsParent || w.minor[p])
		}
	}
	return access.Grant{}, false
}

// shows is the oracle: does a, who may use right on it, see o?
func (w *town) shows(a access.Actor, right access.Right, o *thing) bool {
	if !w.opens(a, right, o.patient) {
		return false
	}
	staff := a.Kind == access.Staff
	if o.held && !(staff && slices.Contains(a.Roles, access.Nurse)) {
		return false
	}
	var open access.Label
	switch {
	case a.Kind == access.Link:
		cats := map[access.Right][]access.Category{access.ReadVisits: {access.Visits}, access.BookVisits: {access.Visits}, access.ReadMessages: {access.Messages},
			access.ReadRecord: {access.Results, access.Medicines, access.Conditions, access.Documents, access.Bills}}[right]
		return o.labels == 0 && !slices.ContainsFunc(o.category, func(c access.Category) bool { return !slices.Contains(cats, c) })
	case staff && w.glass[[2]string{o.patient, a.ID}]:
		return o.labels&access.PsychNotes == 0 // 45 CFR 164.508(a)(2): no emergency opens them
	case staff:
		if slices.Contains(a.Roles, access.Nurse) {
			open = access.Every &^ (access.Part2 | access.PsychNotes)
		}
		open |= w.treats[[2]string{o.patient, a.ID}]
	case a.Patient == o.patient:
		open = access.Every &^ access.PsychNotes
	default:
		g, _ := w.granted(a, o.patient)
		open = g.Labels &^ access.PsychNotes
		if g.Basis == access.AsParent {
			open &^= access.MinorConfidential
		}
		for _, c := range o.category {
			if !slices.Contains(g.Categories, c) {
				return false
			}
		}
	}
	return o.labels&^open == 0
}

// questions is how many random questions are asked.
func questions(d *db.DB) int {
	switch {
	case os.Getenv("HALE_DEEP") != "" && d.Engine() == db.SQLite:
		return 1_000_000
	case testing.Short():
		return 3_000
	case d.Engine() == db.SQLite:
		return 100_000
	}
	return 10_000
}

// No list, count, trend, search, page, version or text shows anybody what
// the policy hides, and none hides what it shows.
func TestNothingLeaks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d, 7)
		asked, answered := 0, 0
		for asked < questions(d) {
			a, p := w.actor(), w.people[w.rng.IntN(len(w.people))]
			if a.Kind == access.Patient && w.rng.IntN(3) > 0 || a.Kind == access.Link && w.rng.IntN(3) > 0 {
				p = a.Patient
			}
			right := []access.Right{access.ReadRecord, access.ReadRecord, access.ReadVisits, access.ReadContacts}[w.rng.IntN(4)]
			pass, err := w.doors.Check(t.Context(), a, right, p)
			asked++
			if want := w.opens(a, right, p); (err == nil) != want {
				t.Fatalf("Check(%+v, %s, %s) = %v, the oracle says %t", a, right, p, err, want)
			}
			if err != nil {
				if k := errs.KindOf(err); k != errs.NotFound && k != errs.Forbidden {
					t.Fatalf("Check = %v, of kind %d", err, k)
				}
				continue
			}
			for range 60 {
				asked++
				answered += w.ask(t, a, right, p, pass)
			}
		}
		t.Logf("%d questions, %d answers, none that the policy hides", asked, answered)
		w.told(t, asked, answered)
		if answered < asked/2 {
			t.Errorf("only %d answers to %d questions: the test proves little", answered, asked)
		}
	})
}

// ask asks one thing at random and returns how much came back.
func (w *town) ask(t *testing.T, a access.Actor, right access.Right, p string, pass access.Pass) int {
	ctx := t.Context()
	visible := func(list string) (n int) {
		for _, o := range w.things {
			if o.patient == p && o.list == list && w.shows(a, right, o) {
				n++
			}
		}
		return n
	}
	var got []string
	exactly := -1
	var err error
	reads := right == access.ReadRecord
	switch w.rng.IntN(12) {
	case 9:
		return w.population(t)
	case 10, 11:
		return w.lists(t, a, right, p, pass)
	case 0, 1, 2:
		got, err = w.search(ctx, pass)
	case 3:
		o := w.things[w.rng.IntN(len(w.things))]
		return w.get(t, a, right, p, pass, o)
	case 4:
		if !reads {
			return 0
		}
		var list []result.Result
		list, err = w.results.Recent(ctx, pass, "", 500)
		got = names(list, func(r result.Result) string { return "Observation/" + r.ID })
		exactly = visible("result")
		if n, _, _ := w.results.Count(ctx, pass); n != exactly {
			t.Fatalf("Count = %d results, want %d", n, exactly)
		}
	case 5:
		if !reads {
			return 0
		}
		n := 0
		for _, k := range []problem.Kind{problem.Condition, problem.Procedure} {
			list, e := w.problems.List(ctx, pass, k, 500)
			err = e
			typ := map[problem.Kind]string{problem.Condition: "Condition/", problem.Procedure: "Procedure/"}[k]
			got = append(got, names(list, func(r problem.Problem) string { return typ + r.ID })...)
		}
		counts, _ := w.problems.Counts(ctx, pass)
		for _, c := range counts {
			n += c.N
		}
		if exactly = visible("problem"); n != exactly {
			t.Fatalf("Counts = %d problems, want %d", n, exactly)
		}
	case 6:
		if !reads {
			return 0
		}
		var list []medication.Medicine
		list, err = w.meds.List(ctx, pass, 500)
		got = names(list, func(r medication.Medicine) string { return "MedicationRequest/" + r.ID })
		exactly = visible("medication")
	case 7:
		if !reads {
			return 0
		}
		var list []document.Document
		list, err = w.docs.List(ctx, pass, 500)
		for _, x := range list {
			typ := "DocumentReference/"
			if x.Kind == document.Report {
				typ = "DiagnosticReport/"
			}
			got = append(got, typ+x.ID)
		}
	case 8:
		if right != access.ReadVisits {
			return 0
		}
		var list []visit.Visit
		list, err = w.visits.Past(ctx, pass, 500)
		got = names(list, func(r visit.Visit) string { return "Encounter/" + r.ID })
		exactly = visible("visit")
	}
	if err != nil && !(errs.KindOf(err) == errs.NotFound) {
		t.Fatal(err)
	}
	if exactly >= 0 && len(got) != exactly {
		t.Fatalf("%+v with %s of %s sees %d: %v, want %d", a, right, p, len(got), got, exactly)
	}
	for _, key := range got {
		o := w.byKey[key]
		if o == nil && strings.HasPrefix(key, "Patient/") {
			if key != "Patient/"+p {
				t.Fatalf("leak: %s", key)
			}
			continue
		}
		if o.list == "document" && o.typ == "DiagnosticReport" && !w.shows(a, right, o) {
			o2 := *o
			o2.category = []access.Category{access.Documents} // a report is listed with the documents
			o = &o2
		}
		if o.patient != p || !w.shows(a, right, o) {
			t.Fatalf("leak: %+v with %s of %s sees %s, labels %b held %t", a, right, p, key, o.labels, o.held)
		}
	}
	return len(got) + 1
}

func names[T any](list []T, name func(T) string) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = name(v)
	}
	return all
}

// search asks the record at random and walks up to three pages.
func (w *town) search(ctx context.Context, pass access.Pass) ([]string, error) {
	types := []string{"Condition", "Observation", "MedicationRequest", "Procedure", "Encounter", "DocumentReference", "DiagnosticReport", "Goal", "Appointment", "Patient"}
	typ := types[w.rng.IntN(len(types))]
	q := url.Values{}
	if c := coded[typ]; c != nil && w.rng.IntN(2) == 0 && typ != "Encounter" && typ != "DocumentReference" && typ != "Goal" && typ != "Appointment" {
		q.Set("code", c[w.rng.IntN(len(c))].code)
		if w.rng.IntN(4) == 0 {
			q = url.Values{"code:not": {c[0].code}}
		}
	}
	if w.rng.IntN(3) == 0 && typ != "Patient" {
		q.Set("patient", w.people[w.rng.IntN(len(w.people))])
	}
	if w.rng.IntN(4) == 0 {
		o := w.things[w.rng.IntN(len(w.things))]
		q.Set("_id", o.id)
	}
	if w.rng.IntN(4) == 0 {
		q.Set("_lastUpdated", "ge2020")
	}
	w.further(typ, q)
	q.Set("_count", fmt.Sprint(1+w.rng.IntN(20)))
	var got []string
	for range 3 {
		page, err := w.records.Find(ctx, pass, typ, q)
		if err != nil {
			if errs.KindOf(err) == errs.Invalid {
				return got, nil
			}
			return got, err
		}
		for _, r := range page.Matches {
			got = append(got, r.Type+"/"+r.ID)
		}
		for _, r := range page.Included {
			if key := r.Type + "/" + r.ID; r.Patient != "" || w.byKey[key] != nil {
				got = append(got, key)
			}
		}
		if code := q.Get("_has:Condition:patient:code"); code != "" && len(page.Matches) > 0 {
			plain, err := w.records.Search(ctx, pass, "Condition", url.Values{"code": {code}})
			if err != nil || len(plain.Resources) == 0 {
				return got, fmt.Errorf("%s?%s finds by conditions that the pass does not show: %w", typ, q.Encode(), err)
			}
		}
		if page.Total >= 0 && page.Total < len(page.Matches) {
			return got, fmt.Errorf("%s?%s counts %d and shows %d", typ, q.Encode(), page.Total, len(page.Matches))
		}
		if page.Next == "" {
			break
		}
		q.Set("_cursor", page.Next)
	}
	return got, nil
}

// further asks in other ways as well: by what things refer to, by what refers
// to them, for what belongs to them, in any order.
func (w *town) further(typ string, q url.Values) {
	c := coded["Condition"][w.rng.IntN(len(coded["Condition"]))].code
	p := w.people[w.rng.IntN(len(w.people))]
	switch w.rng.IntN(9) {
	case 0:
		q.Set("patient.birthdate", "gt1900")
	case 1:
		q.Set("_has:Condition:patient:code", c)
	case 2:
		q.Set("subject:Patient._has:Condition:patient:code", c)
	case 3:
		q.Set("_include", typ+":patient")
		q.Set("_include:iterate", "*")
	case 4:
		q["_revinclude"] = []string{"Observation:patient", "Condition:encounter", "Provenance:target", "DiagnosticReport:result"}
	case 5:
		q.Set("encounter.reason-code", c)
	case 6:
		q.Set("code:missing", []string{"true", "false"}[w.rng.IntN(2)])
	case 7:
		q.Set("subject", "Patient/"+p)
	}
	if w.rng.IntN(3) == 0 {
		q.Set("_total", "accurate")
	}
	q.Set("_sort", []string{"_id", "-_id", "date", "-date", "_lastUpdated", "code,-_id", "-status", "-patient,date"}[w.rng.IntN(8)])
}

// get opens one resource, its history and, of a document, its text: each or
// none.
func (w *town) get(t *testing.T, a access.Actor, right access.Right, p string, pass access.Pass, o *thing) int {
	ctx := t.Context()
	_, err := w.records.Get(ctx, pass, o.typ, o.id)
	opensType := right == access.ReadRecord || right == access.ReadVisits && (o.typ == "Encounter" || o.typ == "Appointment")
	want := o.patient == p && opensType && w.shows(a, right, o)
	if (err == nil) != want {
		t.Fatalf("Get(%s/%s) of %s by %+v with %s = %v, want %t", o.typ, o.id, o.patient, a, right, err, want)
	}
	if list, err := w.records.History(ctx, pass, o.typ, o.id); (err == nil && len(list) > 0) != want {
		t.Fatalf("History(%s/%s) = %v, %v, want %t", o.typ, o.id, list, err, want)
	}
	if o.typ == "Observation" {
		if _, err := w.results.Get(ctx, pass, o.id); (err == nil) != want {
			t.Fatalf("result %s = %v, want %t", o.id, err, want)
		}
	}
	if o.list == "document" {
		if _, err := w.docs.Read(ctx, pass, o.id); (err == nil) != want {
			t.Fatalf("document %s = %v, want %t", o.id, err, want)
		}
	}
	if want {
		return 2
	}
	return 1
}
