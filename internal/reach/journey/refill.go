package journey

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// refills finds, among the next people after one who take a medicine, whose
// medicine lasts for days more, or less, reckoned from the prescription:
// authored, or its last dispense, plus the days that a supply is expected to
// last. A prescription that says no such thing is not reckoned with: nobody is
// told that a medicine runs out on a guess.
//
// Spec: https://hl7.org/fhir/R4/medicationrequest.html, dispenseRequest.expectedSupplyDuration
func (s *Store) refills(ctx context.Context, pass access.Pass, days int, after string) ([]cause, error) {
	now := s.Now()
	hidden, until := pass.Veil()
	list, err := s.people(ctx, s.DB, RefillDue, "", `
		select distinct m.patient, '' from medication m join person p on p.id = m.patient
		where p.active = 1 and p.deceased = 0 and m.status = 'active' and m.reported = 0 and m.patient > $1
			and not exists (select 1 from shield z where z.patient = m.patient and z.id = m.id and z.typ = 'MedicationRequest'
				and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by m.patient limit $4`, after, hidden, until, lookBatch)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	patients := make([]string, len(list))
	for i, c := range list {
		patients[i] = c.patient
	}
	q := fmt.Sprintf(`
		select m.patient, m.id, m.name from medication m
		where m.patient in (%s) and m.status = 'active' and m.reported = 0
			and not exists (select 1 from shield z where z.patient = m.patient and z.id = m.id and z.typ = 'MedicationRequest'
				and ((z.labels & $%d) <> 0 or z.held_until > $%d))
		order by m.patient, m.id`, db.In(1, len(patients)), len(patients)+1, len(patients)+2)
	type drug struct{ patient, id, name string }
	drugs, err := db.All(ctx, s.DB, func(scan db.Scan) (d drug, err error) {
		err = scan(&d.patient, &d.id, &d.name)
		return d, err
	}, q, append(db.Args(patients), hidden, until)...)
	if err != nil {
		return nil, err
	}
	found := map[string]cause{}
	for _, d := range drugs {
		r, err := s.Record.Get(ctx, pass, "MedicationRequest", d.id)
		if err != nil {
			continue // hidden since, or gone
		}
		ends, ok, err := s.lasts(ctx, pass, r)
		if err != nil {
			return nil, err
		}
		if _, twice := found[d.patient]; !ok || twice || ends.After(now.AddDate(0, 0, days)) || ends.Before(now.AddDate(0, 0, -90)) {
			continue // 90 days: lapsed longer than that is no refill any more (HHS on 45 CFR 164.501)
		}
		found[d.patient] = cause{
			on: RefillDue, patient: d.patient, at: now, key: "refill/" + d.id + "/" + ends.Format(time.DateOnly),
			subject: "MedicationRequest/" + d.id, data: map[string]string{"start": ends.UTC().Format(time.RFC3339)},
		}
	}
	for i, c := range list { // the place in the list stays, for whoever goes on from its end
		if f, ok := found[c.patient]; ok {
			list[i] = f
			continue
		}
		list[i].on = "" // nobody waits for this
	}
	return list, nil
}

// lasts returns when the supply of a prescription ends.
func (s *Store) lasts(ctx context.Context, pass access.Pass, r record.Resource) (time.Time, bool, error) {
	n, err := fhir.Parse(r.Body)
	if err != nil {
		return time.Time{}, false, nil
	}
	switch n.Get("intent").Text() {
	case "order", "original-order", "filler-order":
	default:
		return time.Time{}, false, nil
	}
	supply := n.Get("dispenseRequest", "expectedSupplyDuration")
	days, ok := supply.Get("value").Number()
	if !ok || days <= 0 || days > 400 {
		return time.Time{}, false, nil
	}
	switch supply.Get("code").Text() {
	case "", "d":
	case "wk":
		days *= 7
	case "mo":
		days *= 30
	default:
		return time.Time{}, false, nil
	}
	from, ok := n.Get("authoredOn").Date()
	if v, is := n.Get("dispenseRequest", "validityPeriod", "start").Date(); is {
		from, ok = v, true
	}
	if !ok {
		return time.Time{}, false, nil
	}
	begun := from.Low
	handed, err := s.dispensed(ctx, pass, r)
	if err != nil {
		return time.Time{}, false, err
	}
	if handed.After(begun) {
		begun = handed
	}
	return begun.AddDate(0, 0, int(days)), true, nil
}

// dispensed returns when a prescription was last handed out; zero: not said.
func (s *Store) dispensed(ctx context.Context, pass access.Pass, r record.Resource) (last time.Time, err error) {
	const q = `
		select d.id from resource d join patient_number w on w.n = d.patient
		where w.id = $1 and d.typ = 'MedicationDispense' and d.deleted = 0
			and not exists (select 1 from shield z where z.patient = w.id and z.typ = d.typ and z.id = d.id and ((z.labels & $2) <> 0 or z.held_until > $3))
		order by d.n desc limit 40`
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.DB, db.Value[string], q, r.Patient, hidden, until)
	if err != nil {
		return last, err
	}
	for _, id := range list {
		d, err := s.Record.Get(ctx, pass, "MedicationDispense", id)
		if err != nil {
			continue
		}
		n, err := fhir.Parse(d.Body)
		if err != nil {
			continue
		}
		of := false
		for p := range n.Get("authorizingPrescription").Each() {
			_, ref := p.Reference()
			of = of || ref == r.ID
		}
		if at, ok := n.Get("whenHandedOver").Date(); of && ok && at.Low.After(last) {
			last = at.Low
		}
	}
	return last, nil
}
