package medication

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/store/db"
)

// View returns the projector that keeps table medication.
func View() record.Projector {
	return projector{view.NewTable("medication", 2, "patient", "id", "code", "name", "dose", "status", "why", "prescriber", "authored",
		"refills", "reported", "source", "updated_at")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string { return []string{"MedicationRequest", "MedicationStatement"} }

// Project writes the medicines of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		rows.Leave(c)
		status := c.Node.Get("status").Text()
		if c.Deleted || c.Patient == "" || status == "entered-in-error" || status == "draft" {
			if !c.Created {
				rows.Drop(c.Patient, c.ID)
			}
			continue
		}
		rows.Set(row(c, status)...)
	}
	return rows.Write(ctx, tx)
}

func row(c record.Change, status string) []any {
	n := c.Node
	drug := n.Get("medicationCodeableConcept")
	code := ""
	for _, coding := range drug.Codings() {
		code = coding.Code
		break
	}
	name := drug.Concept()
	if name == "" {
		name = n.Get("medicationReference", "display").Text()
	}
	why := view.Plain(n.Get("reasonCode").Concept())
	if why == "" {
		why = clinician.Ref(n.Get("reasonReference")) // a Condition; its name is looked up when read
	}
	refills := -1
	if v, ok := n.Get("dispenseRequest", "numberOfRepeatsAllowed").Number(); ok {
		refills = int(v)
	}
	dosage, reported := n.Get("dosageInstruction"), 0
	if c.Type == "MedicationStatement" {
		dosage, reported = n.Get("dosage"), 1
	}
	authored := view.At(view.First(n.Get("authoredOn"), n.Get("effectivePeriod", "start"), n.Get("effectiveDateTime"), n.Get("dateAsserted")))
	return []any{c.Patient, c.ID, code, tidy(name), Say(lang.English, dosage).Words, status, why, clinician.Ref(n.Get("requester")), authored,
		refills, reported, view.Source(c), c.At.UnixMicro()}
}

// Store reads medicines.
type Store struct{ db *db.DB }

// NewStore returns a store on d.
func NewStore(d *db.DB) *Store { return &Store{db: d} }

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = m.patient and z.id = m.id
	and z.typ in ('MedicationRequest', 'MedicationStatement') and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// List returns the newest n medicines that pass opens: current ones first,
// newest first.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Medicine, error) {
	const q = `
		select m.id, m.code, m.name, m.dose, m.status, m.why, coalesce(p.name, ''), m.prescriber, coalesce(c.name, ''),
			m.authored, m.refills, m.reported, m.source, m.updated_at
		from medication m
			left join clinician c on c.id = m.prescriber
			left join problem p on p.patient = m.patient and 'Condition/' || p.id = m.why
				and not exists (select 1 from shield z where z.patient = p.patient and z.id = p.id and z.typ = 'Condition'
					and ((z.labels & $2) <> 0 or z.held_until > $3))
		where m.patient = $1 and ` + veil + `
		order by case when m.status in ('active', 'on-hold') then 0 else 1 end, m.authored desc, m.name, m.id
		limit $4`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Medicines) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("medication: list: %w", err)
	}
	return list, nil
}

// Count returns how many medicines are current, and when the record last
// changed any.
func (s *Store) Count(ctx context.Context, pass access.Pass) (int, time.Time, error) {
	const q = `
		select coalesce(sum(case when status in ('active', 'on-hold') then 1 else 0 end), 0), coalesce(max(updated_at), 0)
		from medication m where m.patient = $1 and ` + veil
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Medicines) {
		return 0, time.Time{}, err
	}
	hidden, until := pass.Veil()
	type counts struct{ n, at int64 }
	c, err := db.One(ctx, s.db, func(scan db.Scan) (c counts, err error) {
		err = scan(&c.n, &c.at)
		return c, err
	}, q, patient, hidden, until)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("medication: count: %w", err)
	}
	return int(c.n), db.Time(c.at), nil
}

func scan(row db.Scan) (m Medicine, err error) {
	var why, whyName, prescriber, name string
	var authored, updated int64
	var reported int
	err = row(&m.ID, &m.Code, &m.Name, &m.Dose, &m.Status, &why, &whyName, &prescriber, &name, &authored, &m.Refills, &reported, &m.Source, &updated)
	m.Why, m.Prescriber = clinician.Name(why, whyName), clinician.Name(prescriber, name)
	m.Authored, m.Updated, m.Reported = db.Time(authored), db.Time(updated), reported == 1
	return m, err
}
