package document

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps table document.
func View() record.Projector {
	return projector{view.NewTable("document", 2, "patient", "id", "kind", "title", "status", "at", "author", "media", "source", "updated_at")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string {
	return []string{"DocumentReference", "DiagnosticReport", "CarePlan"}
}

// Project writes the documents of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		rows.Leave(c)
		d, ok := read(c.Type, c.Node)
		if c.Deleted || c.Patient == "" || !ok {
			if !c.Created {
				rows.Drop(c.Patient, c.ID)
			}
			continue
		}
		rows.Set(c.Patient, c.ID, string(d.kind), d.title, d.status, d.at, d.author, d.media, view.Source(c), c.At.UnixMicro())
	}
	return rows.Write(ctx, tx)
}

type row struct {
	kind                         Kind
	title, status, author, media string
	at                           int64
}

// read takes a row out of a resource; false where it has no text of its own
// or is not to be shown.
func read(typ string, n fhir.Node) (r row, ok bool) {
	r.status = n.Get("status").Text()
	if r.status == "entered-in-error" || r.status == "draft" || n.Get("docStatus").Text() == "entered-in-error" {
		return r, false
	}
	switch typ {
	case "DocumentReference":
		file := n.Get("content", "attachment")
		r.kind, r.author, r.at, r.media = Note, clinician.Ref(n.Get("author")), view.At(n.Get("date")), media(file.Get("contentType").Text())
		r.title = title(n.Get("description").Text(), file.Get("title").Text(), n.Get("type").Concept(), n.Get("category").Concept())
		return r, r.title != "" && r.status != "superseded"
	case "DiagnosticReport":
		form := n.Get("presentedForm")
		if !form.Exists() && !n.Get("conclusion").Exists() {
			return r, false // a panel: its results are shown one by one
		}
		r.kind, r.author, r.media = Report, clinician.Ref(view.First(n.Get("resultsInterpreter"), n.Get("performer"))), media(form.Get("contentType").Text())
		r.at = view.At(view.First(n.Get("effectiveDateTime"), n.Get("effectivePeriod", "start"), n.Get("issued")))
		r.title = title(n.Get("code").Concept(), form.Get("title").Text())
	case "CarePlan":
		r.kind, r.author, r.at = Plan, clinician.Ref(view.First(n.Get("author"), n.Get("careTeam"))), view.At(view.First(n.Get("period", "start"), n.Get("created")))
		r.title = title(n.Get("title").Text(), n.Get("category").Concept())
		if !n.Get("title").Exists() && !strings.Contains(strings.ToLower(r.title), "plan") && r.title != "" {
			r.title = "Care plan: " + r.title
		}
	}
	return r, r.title != ""
}

func title(names ...string) string {
	for _, name := range names {
		if name = view.Plain(name); name != "" {
			return name
		}
	}
	return ""
}

// records is what the store needs of the record: the resource itself.
type records interface {
	Get(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
	Paper(ctx context.Context, pass access.Pass, typ, id string) (record.Resource, error)
}

// Store reads documents.
type Store struct {
	db      *db.DB
	records records
}

// NewStore returns a store on d that reads texts from r.
func NewStore(d *db.DB, r records) *Store { return &Store{db: d, records: r} }

const columns = `d.id, d.kind, d.title, d.status, d.at, d.author, coalesce(c.name, ''), d.media, d.source, d.updated_at`

// veil leaves out what the pass does not show.
const veil = ` not exists (select 1 from shield z where z.patient = d.patient and z.id = d.id
	and z.typ in ('DocumentReference', 'DiagnosticReport', 'CarePlan') and ((z.labels & $2) <> 0 or z.held_until > $3)) `

// List returns the newest n documents that pass opens.
func (s *Store) List(ctx context.Context, pass access.Pass, n int) ([]Document, error) {
	const q = `
		select ` + columns + `
		from document d left join clinician c on c.id = d.author
		where d.patient = $1 and ` + veil + `
		order by d.at desc, d.title, d.id
		limit $4`
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Documents) {
		return nil, err
	}
	hidden, until := pass.Veil()
	list, err := db.All(ctx, s.db, scan, q, patient, hidden, until, n)
	if err != nil {
		return nil, fmt.Errorf("document: list: %w", err)
	}
	return list, nil
}

// Count returns how many documents pass opens, and when the record last
// changed one.
func (s *Store) Count(ctx context.Context, pass access.Pass) (int, time.Time, error) {
	const q = `select count(*), coalesce(max(updated_at), 0) from document d where d.patient = $1 and ` + veil
	patient, err := pass.Open(access.ReadRecord)
	if err != nil || !pass.Sees(access.Documents) {
		return 0, time.Time{}, err
	}
	hidden, until := pass.Veil()
	type counts struct{ n, at int64 }
	c, err := db.One(ctx, s.db, func(scan db.Scan) (c counts, err error) {
		err = scan(&c.n, &c.at)
		return c, err
	}, q, patient, hidden, until)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("document: count: %w", err)
	}
	return int(c.n), db.Time(c.at), nil
}

// Read returns a document with its text.
func (s *Store) Read(ctx context.Context, pass access.Pass, id string) (Reading, error) {
	d, n, err := s.open(ctx, pass, id)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Document: d, Blocks: blocks(d.Kind, n)}
	r.File = len(r.Blocks) == 0 && file(d.Kind, n).Get("data").Exists()
	return r, nil
}

var errNoFile = errs.New(errs.NotFound, "There is no file with this document.")

// File returns the file of a document as it came.
func (s *Store) File(ctx context.Context, pass access.Pass, id string) (media string, body []byte, err error) {
	d, n, err := s.open(ctx, pass, id)
	if err != nil {
		return "", nil, err
	}
	body, err = base64.StdEncoding.DecodeString(strings.Map(noSpace, file(d.Kind, n).Get("data").Text()))
	if err != nil || len(body) == 0 {
		return "", nil, errNoFile
	}
	return d.Media, body, nil
}

func file(kind Kind, n fhir.Node) fhir.Node {
	if kind == Report {
		return n.Get("presentedForm")
	}
	return n.Get("content", "attachment")
}

// open returns a document's row and resource.
func (s *Store) open(ctx context.Context, pass access.Pass, id string) (Document, fhir.Node, error) {
	const q = `
		select ` + columns + `
		from document d left join clinician c on c.id = d.author
		where d.patient = $1 and d.id = $4 and ` + veil
	patient, err := pass.OpenOne(access.ReadRecord, access.AnswerVisits)
	if err != nil {
		return Document{}, fhir.Node{}, err
	}
	if !pass.Sees(access.Documents) {
		return Document{}, fhir.Node{}, fmt.Errorf("document: open %s: %w", id, db.ErrNone)
	}
	hidden, until := pass.Veil()
	d, err := db.One(ctx, s.db, scan, q, patient, hidden, until, id)
	if err != nil {
		return Document{}, fhir.Node{}, fmt.Errorf("document: open %s: %w", id, err)
	}
	get := s.records.Get
	if _, err := pass.Open(access.AnswerVisits); err == nil {
		get = s.records.Paper
	}
	res, err := get(ctx, pass, types[d.Kind], id)
	if err != nil {
		return Document{}, fhir.Node{}, fmt.Errorf("document: open %s: %w", id, err)
	}
	n, err := fhir.Parse(res.Body)
	if err == nil {
		err = s.clerical(ctx, pass, patient, id, n)
	}
	if err != nil {
		return Document{}, fhir.Node{}, fmt.Errorf("document: open %s: %w", id, err)
	}
	return d, n, nil
}

// Looked notes that whoever holds pass looked at what a patient sent, at a
// time. It is for whoever may read that document; the first one counts.
func (s *Store) Looked(ctx context.Context, pass access.Pass, id string, at time.Time) error {
	if _, _, err := s.open(ctx, pass, id); err != nil {
		return err
	}
	patient, err := pass.OpenOne(access.ReadRecord, access.AnswerVisits)
	if err != nil {
		return err
	}
	const q = `update upload set seen_at = $3, seen_by = $4 where document = $1 and patient = $2 and seen_at = 0`
	if _, err := s.db.ExecContext(ctx, q, id, patient, at.UnixMicro(), pass.Actor().ID); err != nil {
		return fmt.Errorf("document: looked at %s: %w", id, err)
	}
	return nil
}

// clerical says why a document is not for the front desk, nil if it is or if
// pass opens all of the record: the photo of an insurance card that a patient
// sent is, and what came with a form of the office.
func (s *Store) clerical(ctx context.Context, pass access.Pass, patient, id string, n fhir.Node) error {
	if _, err := pass.Open(access.AnswerVisits); err != nil {
		return nil
	}
	const q = `select count(*) from upload u where u.document = $1 and u.patient = $2
		and ($3 = 1 or exists (select 1 from office_paper o where o.document = u.document and o.patient = u.patient))`
	card := 0
	for c := range n.Get("type", "coding").Each() {
		if c.Get("system").Text() == "http://loinc.org" && c.Get("code").Text() == insuranceCard {
			card = 1
		}
	}
	found, err := db.One(ctx, s.db, db.Value[int], q, id, patient, card)
	if err == nil && found == 0 {
		err = db.ErrNone
	}
	return err
}

func scan(row db.Scan) (d Document, err error) {
	var author, name string
	var at, updated int64
	err = row(&d.ID, &d.Kind, &d.Title, &d.Status, &at, &author, &name, &d.Media, &d.Source, &updated)
	d.At, d.Updated, d.Author = db.Time(at), db.Time(updated), clinician.Name(author, name)
	return d, err
}
