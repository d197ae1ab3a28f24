package problem

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps table problem.
func View() record.Projector {
	return projector{view.NewTable("problem", 2, "patient", "id", "kind", "code", "name", "status", "at", "ended", "detail", "performer",
		"source", "updated_at")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string {
	return []string{"Condition", "AllergyIntolerance", "Immunization", "Procedure"}
}

// Project writes the problems of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		rows.Leave(c)
		q, ok := read(c.Type, c.Node)
		if c.Deleted || c.Patient == "" || !ok {
			if !c.Created {
				rows.Drop(c.Patient, c.ID)
			}
			continue
		}
		rows.Set(c.Patient, c.ID, string(q.kind), q.code, q.name, q.status, q.at, q.ended, q.detail, q.performer, view.Source(c), c.At.UnixMicro())
	}
	return rows.Write(ctx, tx)
}

// row is what a resource says, as the table keeps it.
type row struct {
	kind                                  Kind
	code, name, status, detail, performer string
	at, ended                             int64
}

// read takes a row out of a resource; false where it is none to show.
func read(typ string, n fhir.Node) (r row, ok bool) {
	status := n.Get("status").Text()
	verified := first(n.Get("verificationStatus"))
	if status == "entered-in-error" || status == "not-done" || verified == "entered-in-error" || verified == "refuted" {
		return r, false
	}
	switch typ {
	case "Condition":
		r = row{kind: Condition, status: first(n.Get("clinicalStatus")), performer: clinician.Ref(n.Get("recorder")),
			at:    view.At(view.First(n.Get("onsetDateTime"), n.Get("onsetPeriod", "start"), n.Get("recordedDate"))),
			ended: view.At(view.First(n.Get("abatementDateTime"), n.Get("abatementPeriod", "end")))}
		r.code, r.name = coded(n.Get("code"))
	case "AllergyIntolerance":
		r = row{kind: Allergy, status: first(n.Get("clinicalStatus")), detail: reactions(n), performer: clinician.Ref(n.Get("recorder")),
			at: view.At(view.First(n.Get("onsetDateTime"), n.Get("recordedDate")))}
		r.code, r.name = coded(n.Get("code"))
	case "Immunization":
		r = row{kind: Vaccine, status: status, detail: dose(n), performer: clinician.Ref(n.Get("performer", "actor")),
			at: view.At(n.Get("occurrenceDateTime"))}
		r.code, r.name = coded(n.Get("vaccineCode"))
	case "Procedure":
		r = row{kind: Procedure, status: status, detail: view.Plain(n.Get("outcome").Concept()), performer: clinician.Ref(n.Get("performer", "actor")),
			at:    view.At(view.First(n.Get("performedDateTime"), n.Get("performedPeriod", "start"))),
			ended: view.At(n.Get("performedPeriod", "end"))}
		r.code, r.name = coded(n.Get("code"))
	}
	return r, r.name != ""
}

func first(n fhir.Node) string {
	for _, c := range n.Codings() {
		return c.Code
	}
	return ""
}

// coded returns the code that has an everyday name, else the first, and the
// name.
func coded(n fhir.Node) (code, name string) {
	for _, c := range n.Codings() {
		if code == "" || everyday[c.Code] != "" && everyday[code] == "" {
			code = c.Code
		}
	}
	return code, view.Plain(n.Concept())
}

// reactions returns what an allergy does, in words.
func reactions(n fhir.Node) string {
	var list []string
	for r := range n.Get("reaction").Each() {
		for m := range r.Get("manifestation").Each() {
			if s := view.Plain(m.Concept()); s != "" {
				list = append(list, s)
			}
		}
	}
	return strings.Join(list, ", ")
}

// dose returns which dose of how many a vaccination was.
func dose(n fhir.Node) string {
	number := n.Get("protocolApplied", "doseNumberPositiveInt").Text()
	if number == "" {
		number = n.Get("protocolApplied", "doseNumberString").Text()
	}
	if _, ok := n.Get("protocolApplied", "doseNumberPositiveInt").Number(); ok && number == "" {
		number = string(n.Get("protocolApplied", "doseNumberPositiveInt").Raw())
	}
	return number
}

// Store reads problems.
type Store struct{ db *db.DB }

// NewStore returns a store on d.
func NewStore(d *db.DB) *Store { return &Store{db: d} }

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = p.patient and z.id = p.id
	and z.typ in ('Condition', 'AllergyIntolerance', 'Immunization', 'Procedure') and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// List returns the newest n of one kind that pass opens: what is still so
// first, newest first.
func (s *Store) List(ctx context.Context, pass access.Pass, kind Kind, n int) ([]Problem, error) {
	const q = `
		select p.id, p.kind, p.code, p.name, p.status, p.at, p.ended, p.detail, p.performer, coalesce(c.name, ''), p.source, p.updated_at
		from problem p left join clinician c on c.id = p.performer
		where p.patient = $1 and ` + veil + ` and p.kind = $4
		order by case when p.status in ('resolved', 'inactive', 'remission') then 1 else 0 end, p.at desc, p.name, p.id
		limit $5`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Conditions) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, patient, hidden, until, string(kind), n)
	if err != nil {
		return nil, fmt.Errorf("problem: list %s: %w", kind, err)
	}
	return list, nil
}

// Get returns one entry of a kind of the patient whom pass opens.
func (s *Store) Get(ctx context.Context, pass access.Pass, kind Kind, id string) (Problem, error) {
	const q = `
		select p.id, p.kind, p.code, p.name, p.status, p.at, p.ended, p.detail, p.performer, coalesce(c.name, ''), p.source, p.updated_at
		from problem p left join clinician c on c.id = p.performer
		where p.patient = $1 and ` + veil + ` and p.kind = $4 and p.id = $5`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return Problem{}, err
	}
	if !pass.Sees(access.Conditions) {
		return Problem{}, fmt.Errorf("problem: get %s: %w", id, db.ErrNone)
	}
	hidden, until := pass.Veil()
	p, err := db.One(ctx, s.db, scan, q, patient, hidden, until, string(kind), id)
	if err != nil {
		return Problem{}, fmt.Errorf("problem: get %s: %w", id, err)
	}
	return p, nil
}

// Count is how many there are of one kind, and when the record last changed
// one.
type Count struct {
	N       int
	Updated time.Time
}

// Counts returns the counts of all kinds that pass opens.
func (s *Store) Counts(ctx context.Context, pass access.Pass) (map[Kind]Count, error) {
	const q = `select p.kind, count(*), max(p.updated_at) from problem p where p.patient = $1 and ` + veil + `group by p.kind`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Conditions) {
		return nil, err
	}
	hidden, until := pass.Veil()
	type counted struct {
		kind Kind
		Count
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (c counted, err error) {
		var at int64
		err = scan(&c.kind, &c.N, &at)
		c.Updated = db.Time(at)
		return c, err
	}, q, patient, hidden, until)
	if err != nil {
		return nil, fmt.Errorf("problem: counts: %w", err)
	}
	counts := make(map[Kind]Count, len(list))
	for _, c := range list {
		counts[c.kind] = c.Count
	}
	return counts, nil
}

func scan(row db.Scan) (p Problem, err error) {
	var performer, name string
	var at, ended, updated int64
	err = row(&p.ID, &p.Kind, &p.Code, &p.Name, &p.Status, &at, &ended, &p.Detail, &performer, &name, &p.Source, &updated)
	p.At, p.Ended, p.Updated = db.Time(at), db.Time(ended), db.Time(updated)
	p.Performer = clinician.Name(performer, name)
	return p, err
}
