package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Resource is one version of a resource.
type Resource struct {
	Type, ID, Patient string
	Version           int64
	Updated           time.Time
	Body              []byte
	Source            string // the feed or the person it came from
}

// JSON returns the body with the id, the version and the time written in.
// A body that has them keeps its other bytes.
func (r Resource) JSON() []byte {
	n, err := fhir.Parse(r.Body)
	if err != nil || !n.IsObject() {
		return r.Body // cannot be: PutAll took it
	}
	version := member{"versionId", strconv.Quote(strconv.FormatInt(r.Version, 10))}
	updated := member{"lastUpdated", strconv.Quote(r.Updated.UTC().Format("2006-01-02T15:04:05.000Z"))}
	id := member{"id", strconv.Quote(r.ID)}
	meta := n.Get("meta")
	if !meta.IsObject() {
		whole := member{"meta", "{" + version.String() + "," + updated.String() + "}"}
		return apply(r.Body, set(n, id, whole))
	}
	return apply(r.Body, append(set(n, id), set(meta, version, updated)...))
}

// member is one member of a JSON object.
type member struct{ key, value string }

// String returns the member as JSON.
func (m member) String() string { return `"` + m.key + `":` + m.value }

// edit puts text in the place of the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// set returns the edits that write members into the object n: over those it
// has, the others in front.
func set(n fhir.Node, members ...member) []edit {
	var edits []edit
	var missing []string
	for _, m := range members {
		if v := n.Get(m.key); v.Exists() {
			start, end := v.Span()
			edits = append(edits, edit{start, end, m.value})
		} else {
			missing = append(missing, m.String())
		}
	}
	if len(missing) == 0 {
		return edits
	}
	text := strings.Join(missing, ",")
	for range n.Fields() {
		text += "," // it is not empty
		break
	}
	start, _ := n.Span()
	return append(edits, edit{start + 1, start + 1, text})
}

// apply returns body with edits made.
func apply(body []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var b bytes.Buffer
	at := 0
	for _, e := range edits {
		b.Write(body[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.Write(body[at:])
	return b.Bytes()
}

// visits are the types that the right to see visits opens as well.
var visits = []string{"Appointment", "Encounter", "Slot", "Schedule"}

// rights returns the rights that open resources of a type.
func rights(typ string) []access.Right {
	list := []access.Right{access.ReadRecord, access.WriteRecord}
	switch {
	case slices.Contains(visits, typ):
		list = append(list, access.ReadVisits, access.BookVisits)
	case typ == "Patient":
		list = append(list, access.ReadVisits, access.BookVisits, access.ReadContacts, access.EditContacts, access.ReadMessages)
	case typ == "Communication":
		list = append(list, access.ReadMessages, access.SendMessages)
	}
	return list
}

// opens says whose resources of a type pass opens: one patient's, or
// everyone's.
func opens(pass access.Pass, typ string) (patient string, everyone bool, err error) {
	list := rights(typ)
	for _, r := range list {
		if id, err := pass.Open(r); err == nil {
			return id, false, nil
		}
	}
	list = append(list, access.RunOutreach)
	if typ == "Patient" {
		list = append(list, access.FindPatients)
	}
	for _, r := range list {
		if pass.OpenAll(r) == nil {
			return "", true, nil
		}
	}
	if personal(typ) || pass.Actor().ID == "" {
		_, err = pass.Open(access.ReadRecord) // the refusal, in access's own words
		return "", false, err
	}
	return "", false, nil
}

const columns = `
	select r.typ, r.id, coalesce(p.id, ''), r.version, r.updated, r.body, s.feed, s.name, s.actor, r.deleted
	from resource r
	join provenance s on s.id = r.provenance
	left join patient_number p on p.n = r.patient`

// found is a row of columns.
type found struct {
	Resource
	deleted bool
}

func readFound(scan db.Scan) (f found, err error) {
	var updated int64
	var feed, name, actor string
	var deleted int
	err = scan(&f.Type, &f.ID, &f.Patient, &f.Version, &updated, &f.Body, &feed, &name, &actor, &deleted)
	f.Updated = time.UnixMicro(updated).UTC()
	f.deleted = deleted != 0
	f.Source = feed
	if feed == "" {
		f.Source = name
	}
	if f.Source == "" {
		f.Source = actor
	}
	return f, err
}

// Get returns the current version of a resource. One that pass does not open
// is as if it were not there.
func (s *Store) Get(ctx context.Context, pass access.Pass, typ, id string) (Resource, error) {
	return s.get(ctx, s.db, pass, typ, id)
}

// GetIn is Get as tx sees it.
func (s *Store) GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (Resource, error) {
	return s.get(ctx, tx, pass, typ, id)
}

func (s *Store) get(ctx context.Context, c db.Conn, pass access.Pass, typ, id string) (Resource, error) {
	patient, everyone, err := opens(pass, typ)
	if err != nil {
		return Resource{}, err
	}
	f, err := db.One(ctx, c, readFound, columns+` where r.typ = $1 and r.id = $2`, typ, id)
	if err != nil {
		return Resource{}, fmt.Errorf("record: get %s: %w", typ, err)
	}
	shown, err := s.shown(ctx, c, pass, typ, id)
	if err != nil {
		return Resource{}, fmt.Errorf("record: get %s: %w", typ, err)
	}
	if f.deleted || !everyone && personal(typ) && f.Patient != patient || !shown || !sees(pass, typ) {
		return Resource{}, fmt.Errorf("record: get %s: %w", typ, db.ErrNone)
	}
	if err := s.openFound(ctx, c, &f); err != nil {
		return Resource{}, fmt.Errorf("record: get %s: %w", typ, err)
	}
	return f.Resource, nil
}

// History returns the versions of a resource that pass shows, the newest
// first: none if it does not show the newest.
func (s *Store) History(ctx context.Context, pass access.Pass, typ, id string) ([]Resource, error) {
	now, err := s.Get(ctx, pass, typ, id)
	if err != nil {
		return nil, err
	}
	const q = `
		select r.typ, r.id, coalesce(p.id, ''), v.version, v.updated, v.body, s.feed, s.name, s.actor, v.deleted
		from resource r
		join resource_version v on v.resource = r.n
		join provenance s on s.id = v.provenance
		left join patient_number p on p.n = r.patient
		where r.typ = $1 and r.id = $2
		order by v.version desc`
	before, err := db.All(ctx, s.db, readFound, q, typ, id)
	if err != nil {
		return nil, fmt.Errorf("record: history of %s: %w", typ, err)
	}
	list := []Resource{now}
	for _, f := range before {
		err := s.openFound(ctx, s.db, &f)
		if errors.Is(err, keys.ErrShredded) {
			continue // it was erased while it was protected
		}
		if err != nil {
			return nil, fmt.Errorf("record: history of %s: %w", typ, err)
		}
		if f.Patient == now.Patient && showsBody(pass, f.Body) {
			list = append(list, f.Resource)
		}
	}
	return list, nil
}

// Hold makes every other holder of a patient's record wait until tx ends, so
// that what one looked up before writing is still so.
func (s *Store) Hold(ctx context.Context, tx *db.Tx, patient string) error {
	if _, err := tx.ExecContext(ctx, `update patient_number set id = id where id = $1`, patient); err != nil {
		return fmt.Errorf("record: hold: %w", err)
	}
	return nil
}
