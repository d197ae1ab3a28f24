package medication

import (
	"context"
	"time"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Reported is a medicine that a patient tells of.
type Reported struct {
	Name    string
	Sig     string // how they take it
	Why     string
	Since   string // a date, 2006-01-02; empty: not said
	Stopped bool   // they no longer take it
}

// Tags names the tag of what a patient shared; its code is Shared.
const (
	Tags   = "urn:hale:origin"
	Shared = "patient"
)

var (
	errSince   = errs.New(errs.Invalid, "Please write the date as month, day and year, and not one to come.")
	errNotTold = errs.New(errs.NotFound, "We could not find that medicine.")
)

// Report writes down what a patient takes beside what is prescribed here, and
// asks the staff to look at it. It returns the id of the MedicationStatement.
//
// Spec: https://hl7.org/fhir/R4/medicationstatement.html
func (s *Supplies) Report(ctx context.Context, k Keys, in Reported) (string, error) {
	patient, err := k.Act.Open(access.AskMedicines)
	if err != nil {
		return "", err
	}
	in.Name, in.Sig, in.Why = tidied(in.Name), tidied(in.Sig), tidied(in.Why)
	switch {
	case in.Name == "":
		return "", errName
	case utf8.RuneCountInString(in.Name) > maxName || utf8.RuneCountInString(in.Sig) > maxSaid || utf8.RuneCountInString(in.Why) > maxName:
		return "", errLong
	}
	if t, err := time.Parse(time.DateOnly, in.Since); in.Since != "" && (err != nil || t.After(s.now())) {
		return "", errSince
	}
	id := ""
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		if id, err = s.toldLately(ctx, tx, k.Act, patient, in.Name); err != nil || id != "" {
			return err
		}
		id = s.ids.New()
		if err := s.put(ctx, tx, k.Act, draft{"MedicationStatement", id, 0, s.statement(id, patient, k.Act.Actor(), in)}); err != nil {
			return err
		}
		_, err := s.tasks.AskTx(ctx, tx, k.Act, task.New{Kind: task.MedicineQuestion, Title: in.Name, Text: in.Sig, Focus: "MedicationStatement/" + id,
			Values: map[string]string{"told": "yes", "why": in.Why}})
		return err
	})
	if err != nil {
		return "", failed("report", "", err)
	}
	return id, nil
}

// toldLately returns the statement that was made of the same name a moment
// ago: a button pressed twice is pressed once.
func (s *Supplies) toldLately(ctx context.Context, tx *db.Tx, pass access.Pass, patient, name string) (string, error) {
	const q = `select m.id from medication m where m.patient = $1 and m.reported = 1 and m.name = $4 and m.updated_at > $5
		and ` + veil + ` and m.status in ('active', 'completed') order by m.updated_at desc limit 1`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, tx, db.Value[string], q, patient, hidden, until, tidy(name), s.now().Add(-again).UnixMicro())
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0], nil
}

// statement is the resource of what a patient tells.
func (s *Supplies) statement(id, patient string, by access.Actor, in Reported) map[string]any {
	now := s.now().UTC().Format(time.RFC3339)
	source := map[string]any{"reference": "Patient/" + patient}
	if by.Kind != access.Patient && by.Patient != patient {
		source = map[string]any{"type": "RelatedPerson", "display": by.Name}
	}
	r := map[string]any{
		"resourceType": "MedicationStatement", "id": id, "status": "active",
		"meta":                      map[string]any{"tag": []any{map[string]string{"system": Tags, "code": Shared}}},
		"category":                  map[string]any{"coding": []any{map[string]string{"system": "http://terminology.hl7.org/CodeSystem/medication-statement-category", "code": "patientspecified"}}},
		"medicationCodeableConcept": map[string]string{"text": in.Name},
		"subject":                   map[string]string{"reference": "Patient/" + patient}, "dateAsserted": now, "informationSource": source,
	}
	if in.Stopped {
		r["status"] = "completed"
	}
	if in.Since != "" {
		r["effectivePeriod"] = map[string]string{"start": in.Since}
	}
	if in.Sig != "" {
		r["dosage"] = []any{map[string]string{"text": in.Sig}}
	}
	if in.Why != "" {
		r["reasonCode"] = []any{map[string]string{"text": in.Why}}
	}
	return r
}

// Stop notes that a patient no longer takes what they told of.
func (s *Supplies) Stop(ctx context.Context, k Keys, id string) error {
	patient, err := k.Act.Open(access.AskMedicines)
	if err != nil {
		return err
	}
	return s.restate(ctx, k, patient, id, func(body map[string]any) { body["status"] = "stopped" }, nil)
}

// Reject strikes out, at the desk, what a patient told by mistake, and tells
// them why.
func (s *Supplies) Reject(ctx context.Context, k Keys, t task.Task, why string) error {
	patient, err := k.Act.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	_, id := fhir.SplitReference(t.Focus)
	return s.restate(ctx, k, patient, id, func(body map[string]any) { body["status"] = "entered-in-error" }, func(tx *db.Tx) error {
		return s.tasks.CloseTx(ctx, tx, k.Act, t.ID, task.Refused, why)
	})
}

// restate changes a MedicationStatement that the patient made.
func (s *Supplies) restate(ctx context.Context, k Keys, patient, id string, change func(map[string]any), then func(tx *db.Tx) error) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		res, body, err := s.read(ctx, tx, k, "MedicationStatement", id)
		if errs.KindOf(err) == errs.NotFound {
			return errNotTold.Because(err)
		}
		if err != nil {
			return err
		}
		if !own(res) {
			return errNotTold
		}
		change(body)
		if err := s.put(ctx, tx, k.Act, draft{"MedicationStatement", id, res.Version, body}); err != nil {
			return err
		}
		if then == nil {
			return nil
		}
		return then(tx)
	})
	if err != nil {
		return failed("restate", id, err)
	}
	return nil
}

// own says whether a patient, or somebody who acts for one, made res here.
func own(res record.Resource) bool {
	n, err := fhir.Parse(res.Body)
	if err != nil {
		return false
	}
	for t := range n.Get("meta", "tag").Each() {
		if t.Get("system").Text() == Tags && t.Get("code").Text() == Shared {
			return true
		}
	}
	return false
}
