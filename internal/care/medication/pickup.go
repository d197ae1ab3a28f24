package medication

import (
	"context"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Send notes that a pharmacy was told, and how. A MedicationDispense stands
// for what it will hand out from now on.
//
// Spec: https://hl7.org/fhir/R4/medicationdispense.html
func (s *Supplies) Send(ctx context.Context, d Keys, id, how string) error {
	if !slices.Contains(Hows, how) {
		return errHow
	}
	return s.advance(ctx, d, id, Approved, func(tx *db.Tx, a Ask) error {
		_, body, err := s.read(ctx, tx, d, "MedicationRequest", a.Request)
		if err != nil {
			return err
		}
		dispense := s.ids.New()
		made := map[string]any{
			"resourceType": "MedicationDispense", "id": dispense, "status": "preparation",
			"medicationCodeableConcept": body["medicationCodeableConcept"], "subject": body["subject"],
			"authorizingPrescription": []any{map[string]string{"reference": "MedicationRequest/" + a.Request}},
			"type":                    fillType(a),
		}
		if v, ok := body["medicationReference"]; ok {
			delete(made, "medicationCodeableConcept")
			made["medicationReference"] = v
		}
		if typ, _ := fhir.SplitReference(a.Pharmacy); typ == "Location" {
			made["location"] = map[string]string{"reference": a.Pharmacy, "display": a.PharmacyName}
		} else {
			made["performer"] = []any{map[string]any{"actor": performer(a)}}
		}
		if err := s.put(ctx, tx, d.Act, draft{"MedicationDispense", dispense, 0, made}); err != nil {
			return err
		}
		if err := s.tasks.LaterTx(ctx, tx, d.Act, id, task.Claimed, "Your pharmacy has it now.", 3); err != nil {
			return err
		}
		const set = `update medicine_ask set stage = 'sent', dispense = $2, sent_by = $3, sent_at = $4 where task = $1`
		_, err = tx.ExecContext(ctx, set, id, dispense, how, s.now().UnixMicro())
		return err
	})
}

// fillType says whether a dispense is the first of its prescription.
//
// Spec: http://terminology.hl7.org/CodeSystem/v3-ActCode, ActPharmacySupplyType
func fillType(a Ask) map[string]any {
	code := map[string]string{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "FF", "display": "First Fill"}
	if _, old := fhir.SplitReference(a.Medicine); a.Request == old {
		code["code"], code["display"] = "RF", "Refill"
	}
	return map[string]any{"coding": []any{code}}
}

// Ready notes that the pharmacy has the medicine ready.
func (s *Supplies) Ready(ctx context.Context, d Keys, id string) error {
	return s.advance(ctx, d, id, Sent, func(tx *db.Tx, a Ask) error {
		now := s.now().UTC()
		if err := s.dispensed(ctx, tx, d, a, "in-progress", "whenPrepared", now); err != nil {
			return err
		}
		if err := s.tasks.LaterTx(ctx, tx, d.Act, id, task.Ready, "It is ready to pick up.", 5); err != nil {
			return err
		}
		const set = `update medicine_ask set stage = 'ready', ready_at = $2 where task = $1`
		_, err := tx.ExecContext(ctx, set, id, now.UnixMicro())
		return err
	})
}

// PickedUp notes, at the desk, that the patient has the medicine.
func (s *Supplies) PickedUp(ctx context.Context, d Keys, id string) error {
	patient, err := d.Act.Open(access.AnswerPatients)
	if err != nil {
		return err
	}
	return s.handOver(ctx, d, patient, id, func(tx *db.Tx) error {
		return s.tasks.CloseTx(ctx, tx, d.Act, id, task.Finished, "You have your medicine. We close this request.")
	})
}

// Have notes that the patient says to have the medicine.
func (s *Supplies) Have(ctx context.Context, k Keys, id string) error {
	patient, err := k.Act.Open(access.AskMedicines)
	if err != nil {
		return err
	}
	if _, err := s.Get(ctx, k.Read, id); err != nil { // what the reader does not see, they do not change
		return err
	}
	return s.handOver(ctx, k, patient, id, func(tx *db.Tx) error { return s.tasks.FinishTx(ctx, tx, k.Act, id) })
}

// handOver ends a request that the pharmacy has.
func (s *Supplies) handOver(ctx context.Context, d Keys, patient, id string, end func(tx *db.Tx) error) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.records.Hold(ctx, tx, patient); err != nil {
			return err
		}
		a, err := s.in(ctx, tx, patient, id)
		if err != nil {
			return err
		}
		if a.Stage != Sent && a.Stage != Ready {
			return errStage
		}
		now := s.now().UTC()
		if err := s.dispensed(ctx, tx, d, a, "completed", "whenHandedOver", now); err != nil {
			return err
		}
		const set = `update medicine_ask set stage = 'picked', picked_at = $2 where task = $1`
		if _, err := tx.ExecContext(ctx, set, id, now.UnixMicro()); err != nil {
			return err
		}
		return end(tx)
	})
	if err != nil {
		return failed("hand over", id, err)
	}
	return nil
}

// dispensed writes how far a MedicationDispense is.
func (s *Supplies) dispensed(ctx context.Context, tx *db.Tx, d Keys, a Ask, status, when string, now time.Time) error {
	res, body, err := s.read(ctx, tx, d, "MedicationDispense", a.Dispense)
	if err != nil {
		return err
	}
	body["status"], body[when] = status, now.Format(time.RFC3339)
	return s.put(ctx, tx, d.Act, draft{"MedicationDispense", a.Dispense, res.Version, body})
}

// Deny says no, with the reason that the patient reads.
func (s *Supplies) Deny(ctx context.Context, d Keys, id, why string) error {
	return s.advance(ctx, d, id, Asked, func(tx *db.Tx, _ Ask) error {
		return s.tasks.CloseTx(ctx, tx, d.Act, id, task.Refused, why)
	})
}

// AskBack asks the patient something before the decision.
func (s *Supplies) AskBack(ctx context.Context, d Keys, id, question string) error {
	if tidied(question) == "" {
		return errQuestion
	}
	return s.advance(ctx, d, id, Asked, func(tx *db.Tx, _ Ask) error {
		return s.tasks.StepTx(ctx, tx, d.Act, id, task.Waiting, question)
	})
}
