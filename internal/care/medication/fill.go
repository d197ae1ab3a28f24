package medication

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// The refusals of the desk and of what comes too late.
var (
	errWithPharmacy = errs.New(errs.Conflict, "The pharmacy has this already. Please call us, or the pharmacy.")
	errNoRecord     = errs.New(errs.Conflict, "This is about a medicine that is not in the record. Write it into the record first, or answer in words.")
	errAuthorised   = errs.New(errs.Invalid, "Say who authorised the new prescription.")
	errStage        = errs.New(errs.Conflict, "Somebody was faster: this request is already further. Please look at it again.")
	errHow          = errs.New(errs.Invalid, "Say how it went to the pharmacy.")
	errRefills      = errs.New(errs.Invalid, "Refills are a number from 0 to 11.")
	errQuestion     = errs.New(errs.Invalid, "Write what you want to know. The patient reads it.")
	errDays         = errs.New(errs.Invalid, "The supply is from 1 to 365 days.")
)

// Approval is what the desk says yes to.
type Approval struct {
	Authorised string // who said yes to a new prescription; a refill needs nobody
	Refills    int    // of a new prescription
	Days       int    // that one fill of it lasts; 0: as before
	Note       string // to the patient; may be empty
}

// Hows are the ways in which a clinic tells a pharmacy: there is no network
// for prescriptions here.
var Hows = []string{"phone", "fax", "paper", "own"}

// Approve says yes to a request. A renewal becomes a new prescription, which
// names the one before; a refill goes by the one that is there.
func (s *Supplies) Approve(ctx context.Context, d Keys, id string, in Approval) error {
	return s.advance(ctx, d, id, Asked, func(tx *db.Tx, a Ask) error {
		request := ""
		if a.Way != Refill || in.Authorised != "" {
			made, err := s.renew(ctx, tx, d, a, in)
			if err != nil {
				return err
			}
			request = made
		} else if _, request = fhir.SplitReference(a.Medicine); request == "" {
			return errNoRecord
		}
		note := "Approved. We send it to the pharmacy next."
		if in.Note != "" {
			note = in.Note
		}
		if err := s.tasks.LaterTx(ctx, tx, d.Act, id, task.Claimed, note, 1); err != nil {
			return err
		}
		const set = `update medicine_ask set stage = 'approved', request = $2, authorised = $3, approved_at = $4 where task = $1`
		_, err := tx.ExecContext(ctx, set, id, request, in.Authorised, s.now().UnixMicro())
		return err
	})
}

// advance does what leads a request on from a stage, once.
func (s *Supplies) advance(ctx context.Context, d Keys, id string, from Stage, do func(tx *db.Tx, a Ask) error) error {
	patient, err := d.Act.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		a, err := s.in(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		if a.Stage != from {
			return errStage
		}
		return do(tx, a)
	})
	if err != nil {
		return failed("advance", id, err)
	}
	return nil
}

// in reads where a request stands, inside a transaction.
func (s *Supplies) in(ctx context.Context, tx *db.Tx, patient, id string) (Ask, error) {
	const q = `select ` + askColumns + ` from medicine_ask a where a.task = $1 and a.patient = $2`
	a, err := db.One(ctx, tx, scanAsk, q, id, patient)
	if err != nil {
		return Ask{}, fmt.Errorf("medication: request %s: %w", id, err)
	}
	return a, nil
}

// renew writes a new prescription after the one that a is about, and ends
// that one.
//
// Spec: https://hl7.org/fhir/R4/medicationrequest-definitions.html#MedicationRequest.priorPrescription
func (s *Supplies) renew(ctx context.Context, tx *db.Tx, d Keys, a Ask, in Approval) (string, error) {
	typ, old := fhir.SplitReference(a.Medicine)
	switch {
	case typ != "MedicationRequest":
		return "", errNoRecord
	case in.Authorised == "":
		return "", errAuthorised
	case in.Refills < 0 || in.Refills > 11:
		return "", errRefills
	case in.Days < 0 || in.Days > 365:
		return "", errDays
	}
	was, body, err := s.read(ctx, tx, d, typ, old)
	if err != nil {
		return "", err
	}
	now, id := s.now().UTC(), s.ids.New()
	ends := map[string]any{}
	for k, v := range body {
		ends[k] = v
	}
	ends["status"] = "completed"
	made := body
	for _, key := range [...]string{"meta", "text", "encounter", "identifier", "statusReason", "groupIdentifier", "note"} {
		delete(made, key)
	}
	made["id"], made["status"], made["intent"], made["authoredOn"] = id, "active", "order", now.Format(time.RFC3339)
	made["priorPrescription"] = map[string]string{"reference": a.Medicine}
	made["recorder"] = map[string]string{"type": "Practitioner", "display": d.Act.Actor().Name}
	made["note"] = []any{map[string]string{"text": "Renewed on the word of " + in.Authorised + ".", "time": now.Format(time.RFC3339)}}
	ask := map[string]any{"numberOfRepeatsAllowed": in.Refills, "validityPeriod": map[string]string{
		"start": now.Format(time.DateOnly), "end": now.Add(Valid).Format(time.DateOnly),
	}}
	var before map[string]json.RawMessage
	if raw, ok := body["dispenseRequest"].(json.RawMessage); ok && json.Unmarshal(raw, &before) == nil {
		for _, key := range [...]string{"quantity", "expectedSupplyDuration", "dispenseInterval"} {
			if v, ok := before[key]; ok {
				ask[key] = v
			}
		}
	}
	if in.Days > 0 {
		ask["expectedSupplyDuration"] = map[string]any{"value": in.Days, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"}
		delete(ask, "quantity") // it was for another length
	}
	ask["performer"] = performer(a)
	made["dispenseRequest"] = ask
	return id, s.put(ctx, tx, d.Act, draft{typ, old, was.Version, ends}, draft{typ, id, 0, made})
}

// performer is the pharmacy as a prescription names it: an Organization, or
// by its name alone.
func performer(a Ask) map[string]string {
	if typ, _ := fhir.SplitReference(a.Pharmacy); typ == "Organization" {
		return map[string]string{"reference": a.Pharmacy, "display": a.PharmacyName}
	}
	name := a.PharmacyName
	if name == "" {
		name = "not chosen yet"
	}
	return map[string]string{"type": "Organization", "display": name}
}

// draft is a resource that is to be written.
type draft struct {
	typ, id string
	version int64 // that it follows; 0: none is asked for
	body    map[string]any
}

func (s *Supplies) put(ctx context.Context, tx *db.Tx, pass access.Pass, list ...draft) error {
	var drafts []record.Draft
	for _, d := range list {
		body, err := json.Marshal(d.body)
		if err != nil {
			return err
		}
		drafts = append(drafts, record.Draft{Type: d.typ, ID: d.id, Body: body, IfVersion: d.version})
	}
	_, err := s.records.PutAll(ctx, tx, record.Source{Actor: pass.Actor()}, drafts)
	return err
}

// read returns a resource, and what it consists of.
func (s *Supplies) read(ctx context.Context, tx *db.Tx, d Keys, typ, id string) (record.Resource, map[string]any, error) {
	res, err := s.records.GetIn(ctx, tx, d.Read, typ, id)
	if err != nil {
		return res, nil, err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(res.Body, &parts); err != nil {
		return res, nil, fmt.Errorf("medication: read %s/%s: %w", typ, id, err)
	}
	body := make(map[string]any, len(parts))
	for k, v := range parts {
		body[k] = v
	}
	return res, body, nil
}
