package medication_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/clinician"
	"hale/internal/care/medication"
	"hale/internal/care/task"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// counter is a clinic with two patients and a pharmacy.
type counter struct {
	db       *db.DB
	records  *record.Store
	tasks    *task.Store
	supplies *medication.Supplies
}

func newCounter(t *testing.T, d *db.DB) *counter {
	t.Helper()
	clock := haletest.Clock(haletest.Noon)
	events := event.NewLog(haletest.IDs(), clock)
	r := record.New(d, haletest.IDs(), clock, events, medication.View(), clinician.View(), task.View())
	tasks := task.NewStore(d, r, events, haletest.IDs(), clock, func() task.Hours { return task.Usual(time.UTC) })
	c := &counter{d, r, tasks, medication.NewSupplies(d, r, tasks, haletest.IDs(), clock)}
	c.put(t, "Patient/p1", `"active":true`)
	c.put(t, "Patient/p2", `"active":true`)
	c.put(t, "Organization/alder", `"name":"Alder Pharmacy","type":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":"3336C0003X"}]}],"telecom":[{"system":"phone","value":"+12025550160"}],"address":[{"line":["1 Alder Street"],"city":"Riverside","state":"IL"}]`)
	c.put(t, "Location/oak", `"name":"Oak Drugs","type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"OUTPHARM"}]}]`)
	c.put(t, "Organization/lab", `"name":"Alder Labs"`)
	c.rx(t, "met", "p1", "Metformin 500 MG Oral Tablet", "2025-11-01", "active", `"dispenseRequest":{"numberOfRepeatsAllowed":3,"expectedSupplyDuration":{"value":90,"code":"d"}}`)
	c.rx(t, "lis", "p1", "Lisinopril 10 MG Oral Tablet", "2024-01-01", "active", `"dispenseRequest":{"numberOfRepeatsAllowed":3}`)
	c.rx(t, "oxy", "p1", "Oxycodone 5 MG Oral Tablet", "2026-02-01", "active", `"dispenseRequest":{"numberOfRepeatsAllowed":1}`)
	c.rx(t, "old", "p1", "Ibuprofen 200 MG Oral Tablet", "2022-01-01", "stopped", `"dispenseRequest":{"numberOfRepeatsAllowed":1}`)
	c.rx(t, "his", "p2", "Sertraline 50 MG Oral Tablet", "2026-01-01", "active", `"dispenseRequest":{"numberOfRepeatsAllowed":1}`)
	c.put(t, "MedicationDispense/d1", `"status":"completed","medicationCodeableConcept":{"text":"Metformin"},"subject":{"reference":"Patient/p1"},"authorizingPrescription":[{"reference":"MedicationRequest/met"}],"whenHandedOver":"2025-12-05","daysSupply":{"value":90,"unit":"days"},"performer":[{"actor":{"reference":"Organization/alder"}}]`)
	return c
}

func (c *counter) put(t *testing.T, ref, rest string) {
	t.Helper()
	typ, id, _ := strings.Cut(ref, "/")
	err := c.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := c.records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test")},
			[]record.Draft{{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, rest)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *counter) rx(t *testing.T, id, patient, name, on, status, rest string) {
	t.Helper()
	c.put(t, "MedicationRequest/"+id, fmt.Sprintf(`"status":%q,"intent":"order","subject":{"reference":"Patient/%s"},"authoredOn":%q,"medicationCodeableConcept":{"text":%q},"requester":{"display":"Dr. Raman"},%s`, status, patient, on, name, rest))
}

func (c *counter) body(t *testing.T, ref string) fhir.Node {
	t.Helper()
	typ, id, _ := strings.Cut(ref, "/")
	res, err := c.records.Get(t.Context(), haletest.Pass(t, c.db, "p1", access.ReadRecord), typ, id)
	if err != nil {
		t.Fatal(err)
	}
	n, err := fhir.Parse(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSupplies(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := newCounter(t, d)
		read := haletest.Pass(t, d, "p1", access.ReadRecord)
		mine := medication.Keys{Act: haletest.Pass(t, d, "p1", access.AskMedicines), Read: read}
		desk := nurse(t, d)
		t.Run("cards", func(t *testing.T) { c.cards(t, read) })
		t.Run("pharmacies", func(t *testing.T) { c.pharmacies(t, read) })
		t.Run("refusals", func(t *testing.T) { c.refusals(t, mine) })
		t.Run("refill to the hands", func(t *testing.T) { c.refill(t, mine, desk) })
		t.Run("renewal", func(t *testing.T) { c.renewal(t, mine, desk) })
		t.Run("question", func(t *testing.T) { c.question(t, mine, desk) })
		t.Run("twice at once", func(t *testing.T) { c.twice(t, mine) })
	})
}

// nurse returns what a nurse holds on p1.
func nurse(t *testing.T, d *db.DB) medication.Keys {
	t.Helper()
	a := access.Actor{Kind: access.Staff, ID: "n", Name: "J. Okafor", Roles: []access.Role{access.Nurse}, Proof: access.Proof{Zone: access.PortalZone, At: haletest.Noon}}
	passes, err := haletest.Doors(d).CheckMany(t.Context(), a, "p1", access.AnswerPatients, access.ReadRecord)
	if err != nil {
		t.Fatal(err)
	}
	return medication.Keys{Act: passes[0], Read: passes[1]}
}

func (c *counter) cards(t *testing.T, mine access.Pass) {
	now, past, err := c.supplies.Cards(t.Context(), mine, lang.English)
	if err != nil || len(now) != 3 || len(past) != 1 {
		t.Fatalf("Cards = %+v, %+v, %v", now, past, err)
	}
	ways := map[string]medication.Way{}
	for _, card := range now {
		ways[card.ID] = card.Way
		if card.ID == "met" && (card.Supply.Left != 3 || !card.Supply.Counted || card.Supply.Pharmacy != "Organization/alder" || card.Supply.Until.Format(time.DateOnly) != "2026-03-05") {
			t.Errorf("supply of metformin = %+v", card.Supply)
		}
	}
	if ways["met"] != medication.Refill || ways["lis"] != medication.Renewal || ways["oxy"] != medication.Question {
		t.Errorf("ways = %v", ways)
	}
	if card, err := c.supplies.Card(t.Context(), mine, lang.English, "MedicationRequest/old"); err != nil || card.Way != medication.Question || card.Because != medication.Stopped {
		t.Errorf("Card of a stopped one = %+v, %v", card, err)
	}
	if _, err := c.supplies.Card(t.Context(), mine, lang.English, "MedicationRequest/his"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("Card of somebody else's = %v, want not found", err)
	}
}

func (c *counter) pharmacies(t *testing.T, mine access.Pass) {
	list, err := c.supplies.Pharmacies(t.Context(), mine)
	if err != nil || len(list) != 2 || list[0].Ref != "Organization/alder" || !list[0].Mine || list[1].Mine || list[0].Address != "1 Alder Street, Riverside, IL" {
		t.Errorf("Pharmacies = %+v, %v, want Alder first, as the one that handed out", list, err)
	}
}

func (c *counter) refusals(t *testing.T, mine medication.Keys) {
	alder := "Organization/alder"
	for name, tt := range map[string]struct {
		pass medication.Keys
		in   medication.More
		want errs.Kind
	}{
		"no pharmacy":             {mine, medication.More{Medicine: "MedicationRequest/met"}, errs.Invalid},
		"no pharmacy of ours":     {mine, medication.More{Medicine: "MedicationRequest/met", Pharmacy: "Organization/lab"}, errs.Invalid},
		"another without a name":  {mine, medication.More{Medicine: "MedicationRequest/met", Pharmacy: medication.OtherPharmacy}, errs.Invalid},
		"somebody else's":         {mine, medication.More{Medicine: "MedicationRequest/his", Pharmacy: alder}, errs.NotFound},
		"no medicine and no name": {mine, medication.More{Pharmacy: alder}, errs.Invalid},
		"too many words":          {mine, medication.More{Medicine: "MedicationRequest/met", Pharmacy: alder, Note: strings.Repeat("a", 1001)}, errs.Invalid},
		"a pass to read alone":    {medication.Keys{Act: mine.Read, Read: mine.Read}, medication.More{Medicine: "MedicationRequest/met", Pharmacy: alder}, errs.NotFound},
		"no pass":                 {medication.Keys{}, medication.More{Medicine: "MedicationRequest/met", Pharmacy: alder}, errs.NotFound},
	} {
		if _, err := c.supplies.Ask(t.Context(), tt.pass, tt.in); errs.KindOf(err) != tt.want {
			t.Errorf("%s: %v, want kind %v", name, err, tt.want)
		}
	}
}

func (c *counter) refill(t *testing.T, mine medication.Keys, desk medication.Keys) {
	ctx := t.Context()
	in := medication.More{Medicine: "MedicationRequest/met", Pharmacy: "Organization/alder", Note: "Before Friday, please"}
	a, err := c.supplies.Ask(ctx, mine, in)
	if err != nil || a.Way != medication.Refill || a.Stage != medication.Asked || a.Task.Kind != task.Refill || a.PharmacyName != "Alder Pharmacy" || !a.Task.Due.After(haletest.Noon) {
		t.Fatalf("Ask = %+v, %v", a, err)
	}
	if b, err := c.supplies.Ask(ctx, mine, in); err != nil || b.Task.ID != a.Task.ID {
		t.Errorf("asked again: %s, %v, want the same request %s", b.Task.ID, err, a.Task.ID)
	}
	id := a.Task.ID
	if err := c.supplies.Send(ctx, desk, id, "phone"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("sent before it was approved: %v", err)
	}
	c.does(t, "approve", c.supplies.Approve(ctx, desk, id, medication.Approval{}))
	if err := c.supplies.Approve(ctx, desk, id, medication.Approval{}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("approved twice: %v", err)
	}
	if err := c.supplies.Withdraw(ctx, mine, id); errs.KindOf(err) != errs.Conflict {
		t.Errorf("taken back after it was approved: %v", err)
	}
	if err := c.supplies.Send(ctx, desk, id, "pigeon"); errs.KindOf(err) != errs.Invalid {
		t.Errorf("sent by no way: %v", err)
	}
	c.does(t, "send", c.supplies.Send(ctx, desk, id, "fax"))
	if card, _ := c.supplies.Card(ctx, mine.Read, lang.English, "MedicationRequest/met"); card.Supply.Left != 2 {
		t.Errorf("%d refills left while one is on its way, want 2", card.Supply.Left)
	}
	c.does(t, "ready", c.supplies.Ready(ctx, desk, id))
	c.does(t, "have", c.supplies.Have(ctx, mine, id))
	a, err = c.supplies.Get(ctx, mine.Read, id)
	if err != nil || a.Stage != medication.Picked || a.Task.Status != task.Done || a.SentBy != "fax" || a.Request != "met" {
		t.Fatalf("in the end: %+v, %v", a, err)
	}
	handed := c.body(t, "MedicationDispense/"+a.Dispense)
	if handed.Get("status").Text() != "completed" || !handed.Get("whenHandedOver").Exists() || !handed.Get("whenPrepared").Exists() ||
		handed.Get("authorizingPrescription", "reference").Text() != "MedicationRequest/met" || handed.Get("performer", "actor", "reference").Text() != "Organization/alder" {
		t.Errorf("the dispense is %s", handed.Raw())
	}
	if err := c.supplies.Have(ctx, mine, id); errs.KindOf(err) != errs.Conflict {
		t.Errorf("had twice: %v", err)
	}
	if _, err := c.supplies.Get(ctx, haletest.Pass(t, c.db, "p2", access.ReadRecord), id); errs.KindOf(err) != errs.NotFound {
		t.Errorf("somebody else's request: %v", err)
	}
}

func (c *counter) renewal(t *testing.T, mine medication.Keys, desk medication.Keys) {
	ctx := t.Context()
	a, err := c.supplies.Ask(ctx, mine, medication.More{Medicine: "MedicationRequest/lis", Pharmacy: medication.OtherPharmacy, Told: "Corner Drugs, Riverside"})
	if err != nil || a.Way != medication.Renewal || a.Because != medication.Expired || a.Pharmacy != "" || a.PharmacyName != "Corner Drugs, Riverside" {
		t.Fatalf("Ask = %+v, %v", a, err)
	}
	id := a.Task.ID
	c.does(t, "ask back", c.supplies.AskBack(ctx, desk, id, "How is your blood pressure?"))
	c.does(t, "reply", c.supplies.Reply(ctx, mine, id, "130 over 80"))
	if err := c.supplies.Reply(ctx, mine, id, "and more"); errs.KindOf(err) != errs.Conflict {
		t.Errorf("answered what nobody asked: %v", err)
	}
	if err := c.supplies.Approve(ctx, desk, id, medication.Approval{Refills: 3}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("renewed on nobody's word: %v", err)
	}
	c.does(t, "approve", c.supplies.Approve(ctx, desk, id, medication.Approval{Authorised: "Dr. Raman", Refills: 2, Days: 30}))
	a, _ = c.supplies.Get(ctx, mine.Read, id)
	made := c.body(t, "MedicationRequest/"+a.Request)
	if made.Get("priorPrescription", "reference").Text() != "MedicationRequest/lis" ||
		made.Get("status").Text() != "active" || made.Get("requester", "display").Text() != "Dr. Raman" || made.Get("dispenseRequest", "performer", "display").Text() != "Corner Drugs, Riverside" {
		t.Errorf("the new prescription is %s", made.Raw())
	}
	if n, _ := made.Get("dispenseRequest", "numberOfRepeatsAllowed").Number(); n != 2 {
		t.Errorf("%v refills, want 2", n)
	}
	if status := c.body(t, "MedicationRequest/lis").Get("status").Text(); status != "completed" {
		t.Errorf("the old prescription is %s, want completed", status)
	}
	c.does(t, "send", c.supplies.Send(ctx, desk, id, "phone"))
	c.does(t, "picked up", c.supplies.PickedUp(ctx, desk, id))
	if n, _, err := c.supplies.Cards(ctx, mine.Read, lang.English); err != nil || len(n) != 3 {
		t.Errorf("%d current medicines after a renewal, %v, want 3 as before", len(n), err)
	}
}

func (c *counter) question(t *testing.T, mine medication.Keys, desk medication.Keys) {
	ctx := t.Context()
	a, err := c.supplies.Ask(ctx, mine, medication.More{Medicine: "MedicationRequest/oxy"})
	if err != nil || a.Way != medication.Question || a.Because != medication.Controlled || a.Task.Kind != task.MedicineQuestion {
		t.Fatalf("Ask = %+v, %v", a, err)
	}
	if err := c.supplies.Deny(ctx, desk, a.Task.ID, ""); errs.KindOf(err) != errs.Invalid {
		t.Errorf("denied without a word: %v", err)
	}
	c.does(t, "deny", c.supplies.Deny(ctx, desk, a.Task.ID, "Please come in first."))
	if a, _ = c.supplies.Get(ctx, mine.Read, a.Task.ID); a.Task.Status != task.Declined || a.Task.Answer != "Please come in first." {
		t.Errorf("after no: %+v", a.Task)
	}
	free, err := c.supplies.Ask(ctx, mine, medication.More{Name: "Eye drops"})
	if err != nil || free.Medicine != "" || free.Task.Title != "Eye drops" {
		t.Fatalf("about another medicine: %+v, %v", free, err)
	}
	if b, err := c.supplies.Ask(ctx, mine, medication.More{Name: "Eye drops"}); err != nil || b.Task.ID != free.Task.ID {
		t.Errorf("asked again: %s, %v, want %s", b.Task.ID, err, free.Task.ID)
	}
	if err := c.supplies.Approve(ctx, desk, free.Task.ID, medication.Approval{Authorised: "Dr. Raman"}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("approved what is not in the record: %v", err)
	}
	c.does(t, "withdraw", c.supplies.Withdraw(ctx, mine, free.Task.ID))
	list, err := c.supplies.Requests(ctx, mine.Read, 10)
	if err != nil || len(list) != 4 {
		t.Errorf("%d requests, %v, want 4", len(list), err)
	}
}

// twice presses the button eight times at once.
func (c *counter) twice(t *testing.T, mine medication.Keys) {
	got := make([]string, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			a, err := c.supplies.Ask(t.Context(), mine, medication.More{Medicine: "MedicationRequest/met", Pharmacy: "Location/oak"})
			if err != nil {
				t.Error(err)
			}
			got[i] = a.Task.ID
		})
	}
	wg.Wait()
	for _, id := range got {
		if id != got[0] || id == "" {
			t.Fatalf("requests %q, want one", got)
		}
	}
}

func (c *counter) does(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
