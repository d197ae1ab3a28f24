package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/smart"
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

	answer *answer // nil: made each time
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
// is as if it were not there; one that was deleted is errs.Gone.
func (s *Store) Get(ctx context.Context, pass access.Pass, typ, id string) (Resource, error) {
	return s.get(ctx, s.db, pass, typ, id)
}

// GetIn is Get as tx sees it.
func (s *Store) GetIn(ctx context.Context, tx *db.Tx, pass access.Pass, typ, id string) (Resource, error) {
	return s.get(ctx, tx, pass, typ, id)
}

func (s *Store) get(ctx context.Context, c db.Conn, pass access.Pass, typ, id string) (Resource, error) {
	r, err := reachOf(pass, typ)
	if err != nil {
		return Resource{}, err
	}
	return s.getBy(ctx, c, r, typ, id)
}

func (s *Store) getBy(ctx context.Context, c db.Conn, r reach, typ, id string) (Resource, error) {
	for try := 0; ; try++ {
		res, err := s.getOnce(ctx, c, r, link{typ, id})
		if err == nil {
			return res, nil
		}
		if !errors.Is(err, errMoved) || try == 3 {
			return Resource{}, fmt.Errorf("record: get %s: %w", typ, err)
		}
	}
}

// papers are the types of which the front desk may handle some.
var papers = []string{"DocumentReference", "QuestionnaireResponse"}

// Paper is Get for a paper that the front desk works on: whoever asks has made
// sure that it is one of those. Nothing else of the record opens for that.
func (s *Store) Paper(ctx context.Context, pass access.Pass, typ, id string) (Resource, error) {
	patient, err := pass.Open(access.AnswerVisits)
	if err != nil {
		return Resource{}, err
	}
	if !slices.Contains(papers, typ) {
		return Resource{}, fmt.Errorf("record: paper %s: %w", typ, db.ErrNone)
	}
	return s.getBy(ctx, s.db, reach{pass, patient, false}, typ, id)
}

func (s *Store) getOnce(ctx context.Context, c db.Conn, r reach, at link) (Resource, error) {
	st, err := s.stand(ctx, c, at.typ, at.id)
	if err != nil {
		return Resource{}, err
	}
	if err := s.maySee(ctx, c, r, st); err != nil {
		return Resource{}, err
	}
	return s.full(ctx, c, st)
}

// errMoved says that another version stands there than was asked about.
var errMoved = errs.New(errs.Conflict, "Somebody changed this at the same moment. Please look again.")

// maySee says why what stands there is not shown, nil if it is.
func (s *Store) maySee(ctx context.Context, c db.Conn, r reach, st standing) error {
	if _, ok := r.pass.Reaches(st.typ, smart.Read); !ok {
		return errScopes
	}
	if st.typ == "Binary" && st.n != 0 && !st.deleted && sees(r.pass, st.typ) && r.pass.Shows(st.labels, st.held) {
		return s.attached(ctx, c, r, st)
	}
	if !r.shows(st) {
		return db.ErrNone
	}
	if st.deleted {
		return s.gone(ctx, c, r, st)
	}
	ok, err := s.inScope(ctx, c, r.pass, st.link, smart.Read)
	if err == nil && !ok {
		err = db.ErrNone
	}
	return err
}

// full returns what stands there with its body, which the caller may see.
func (s *Store) full(ctx context.Context, c db.Conn, st standing) (Resource, error) {
	if res, ok := s.cache.get(st); ok {
		return res, nil
	}
	f, err := s.bodyOf(ctx, c, st)
	if err != nil {
		return Resource{}, err
	}
	if f.Version != st.version {
		return Resource{}, errMoved // and may be protected by more than we asked about
	}
	if _, inside := c.(*db.Tx); inside { // it may be taken back
		return f.Resource, nil
	}
	return s.cache.put(st, f.Resource), nil
}

// gone says that what stands there was deleted, to whom would have been shown
// what was deleted. What was erased for good is as if it had not been there.
func (s *Store) gone(ctx context.Context, c db.Conn, r reach, st standing) error {
	const q = `
		select v.version, v.labels, v.held_until, v.body, length(r.body)
		from resource r
		join resource_version v on v.resource = r.n and v.version = r.version - 1
		where r.n = $1`
	type last struct {
		version, held, left int64
		labels              access.Label
		body                []byte
	}
	scan := func(scan db.Scan) (v last, err error) {
		return v, scan(&v.version, &v.labels, &v.held, &v.body, &v.left)
	}
	v, err := db.One(ctx, c, scan, q, st.n)
	if err != nil {
		return err
	}
	body, err := s.open(ctx, c, v.body, st.link, v.version)
	if errors.Is(err, keys.ErrShredded) || err == nil && (v.left != 0 || !showsVersion(r.pass, body, v.labels, v.held)) {
		return db.ErrNone
	}
	if err != nil {
		return err
	}
	return errGone
}

// Hold makes every other holder of a patient's record wait until tx ends, so
// that what one looked up before writing is still so.
func (s *Store) Hold(ctx context.Context, tx *db.Tx, patient string) error {
	if _, err := tx.ExecContext(ctx, `update patient_number set id = id where id = $1`, patient); err != nil {
		return fmt.Errorf("record: hold: %w", err)
	}
	return nil
}
