package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// WithKeys returns s sealing the bodies of what bears a label, each with its
// patient's own key. Index rows and views stay open to be searched.
func (s *Store) WithKeys(ring *keys.Ring) *Store {
	s.keys = ring
	return s
}

// bodyAt names a version in the place of its envelope. It stays the same
// when the version is kept behind a newer one.
func bodyAt(l link, version int64) string {
	return l.typ + "/" + l.id + "/" + strconv.FormatInt(version, 10)
}

// isSealed says whether a body is an envelope; no JSON looks like one.
func isSealed(body []byte) bool {
	_, ok := seal.KIDOf(body)
	return ok
}

// open returns the plain text of a stored body.
func (s *Store) open(ctx context.Context, c db.Conn, body []byte, l link, version int64) ([]byte, error) {
	if !isSealed(body) {
		return body, nil
	}
	if s.keys == nil {
		return nil, errors.New("a body is sealed, and there are no keys")
	}
	return s.keys.OpenIn(ctx, c, body, keys.BodyTable, keys.BodyColumn, bodyAt(l, version))
}

// openFound opens what was found, in place. It comes after the question
// whether it may be seen.
func (s *Store) openFound(ctx context.Context, c db.Conn, f *found) (err error) {
	f.Body, err = s.open(ctx, c, f.Body, link{f.Type, f.ID}, f.Version)
	return err
}

// own returns the key of a patient for this batch.
func (b *batch) own(ctx context.Context, patient string) (keys.Own, error) {
	if k, ok := b.owns[patient]; ok {
		return k, nil
	}
	k, err := b.store.keys.Own(ctx, b.tx, patient)
	if err != nil {
		return k, err
	}
	if b.owns == nil {
		b.owns = map[string]keys.Own{}
	}
	b.owns[patient] = k
	return k, nil
}

// covers says whether something with these labels is sealed.
func (b *batch) covers(patient string, labels access.Label) bool {
	return b.store.keys != nil && patient != "" && labels != 0
}

// cover returns the body and the digest of p as they are stored. What its
// own codes protect never reaches the disk in the open.
func (b *batch) cover(ctx context.Context, p *Prepared, version int64) (body, digest []byte, err error) {
	if p.gone || !b.covers(p.patient, p.labels) {
		return p.draft.Body, p.digest(), nil
	}
	own, err := b.own(ctx, p.patient)
	if err != nil {
		return nil, nil, err
	}
	at := link{p.draft.Type, p.draft.ID}
	if version == 1 {
		b.covered = append(b.covered, at)
	}
	return own.Seal(keys.BodyTable, keys.BodyColumn, bodyAt(at, version), p.draft.Body), own.Digest(p.digest()), nil
}

// unchanged says whether p is what stands there as c, byte for byte. The
// digest of a sealed body is keyed.
func (b *batch) unchanged(ctx context.Context, c current, p *Prepared, patient int64) (bool, error) {
	if p.gone {
		return c.n == 0 || c.deleted != 0, nil
	}
	if c.deleted != 0 || bytes.Equal(c.digest, p.digest()) {
		return c.deleted == 0, nil
	}
	if string(c.head) != seal.Version || c.patient != patient || b.store.keys == nil || p.patient == "" {
		return false, nil
	}
	own, err := b.own(ctx, p.patient)
	return err == nil && bytes.Equal(c.digest, own.Digest(p.digest())), err
}

// storedBody is the body of a stored version of a resource.
type storedBody struct {
	n, version int64
	body       []byte
}

func readVersion(scan db.Scan) (v storedBody, err error) {
	return v, scan(&v.n, &v.version, &v.body)
}

// cover brings the bodies of what s looked at to what their labels now ask
// for: all versions of what gained its first are sealed, the current one of
// what lost its last is opened.
func (s *shields) cover(ctx context.Context) error {
	if s.b.store.keys == nil {
		return nil
	}
	done := make(map[link]bool, len(s.b.covered))
	for _, l := range s.b.covered {
		done[l] = true
	}
	for key, g := range s.guards {
		want, was := s.b.covers(g.patient, g.labels), s.before[key].labels != 0
		if !g.fresh || !want && !was || want && done[key] {
			continue
		}
		if err := s.b.recover(ctx, key, g.patient, want); err != nil {
			return fmt.Errorf("seal %s/%s: %w", key.typ, key.id, err)
		}
	}
	return nil
}

// recover seals or opens what is stored of a resource.
func (b *batch) recover(ctx context.Context, l link, patient string, want bool) error {
	const now = `select n, version, body from resource where typ = $1 and id = $2 and deleted = 0`
	list, err := db.All(ctx, b.tx, readVersion, now, l.typ, l.id)
	if err != nil || len(list) == 0 {
		return err
	}
	if isSealed(list[0].body) != want {
		if err := b.turn(ctx, l, list[0], patient, want); err != nil {
			return err
		}
	}
	if !want {
		return nil // what was protected then stays sealed
	}
	const before = `select resource, version, body from resource_version where resource = $1`
	older, err := db.All(ctx, b.tx, readVersion, before, list[0].n)
	if err != nil {
		return err
	}
	for _, v := range older {
		if isSealed(v.body) {
			continue
		}
		own, err := b.own(ctx, patient)
		if err != nil {
			return err
		}
		const q = `update resource_version set body = $1 where resource = $2 and version = $3`
		sealed := own.Seal(keys.BodyTable, keys.BodyColumn, bodyAt(l, v.version), v.body)
		if _, err := b.tx.ExecContext(ctx, q, sealed, v.n, v.version); err != nil {
			return err
		}
	}
	return nil
}

// turn seals the current version, or opens it.
func (b *batch) turn(ctx context.Context, l link, v storedBody, patient string, want bool) error {
	const q = `update resource set body = $1, digest = $2 where n = $3 and version = $4`
	if !want {
		plain, err := b.store.open(ctx, b.tx, v.body, l, v.version)
		if err == nil {
			_, err = b.tx.ExecContext(ctx, q, plain, sumOf(plain), v.n, v.version)
		}
		if err == nil {
			err = b.store.writeWords(ctx, b.tx, []int64{v.n})
		}
		return err
	}
	own, err := b.own(ctx, patient)
	if err != nil {
		return err
	}
	sealed := own.Seal(keys.BodyTable, keys.BodyColumn, bodyAt(l, v.version), v.body)
	if _, err = b.tx.ExecContext(ctx, q, sealed, own.Digest(sumOf(v.body)), v.n, v.version); err != nil {
		return err
	}
	return b.wordless(ctx, v.n)
}

// Shreddable counts what Shred would make unreadable.
func (s *Store) Shreddable(ctx context.Context, patient string) (int, error) {
	const q = `
		select count(*) from resource
		where patient = (select n from patient_number where id = $1) and deleted = 0 and substr(body, 1, 3) = $2`
	n, err := db.One(ctx, s.db, db.Value[int], q, patient, []byte(seal.Version))
	if err != nil {
		return 0, fmt.Errorf("record: shreddable: %w", err)
	}
	return n, nil
}

// Shred makes the sealed part of a patient's record unreadable for good, in
// tx: it erases the patient's key and removes what the index, the views and
// the shields say of it. The envelopes stay and open nowhere. It returns how
// many resources those are.
func (s *Store) Shred(ctx context.Context, tx *db.Tx, patient string) (int, error) {
	if s.keys == nil {
		return 0, errors.New("record: shred: there are no keys")
	}
	if err := s.Hold(ctx, tx, patient); err != nil {
		return 0, err
	}
	const q = `
		select r.typ, r.id, r.n, r.version, r.patient, r.deleted, r.digest, substr(r.body, 1, 3)
		from resource r
		where r.patient = (select n from patient_number where id = $1) and r.deleted = 0 and substr(r.body, 1, 3) = $2`
	list, err := db.All(ctx, tx, readCurrent, q, patient, []byte(seal.Version))
	if err != nil {
		return 0, fmt.Errorf("record: shred: %w", err)
	}
	b := batch{store: s, tx: tx, at: s.now().UTC()}
	changes := make([]Change, 0, len(list))
	for _, c := range list {
		if err := b.erase(ctx, c, patient); err != nil {
			return 0, fmt.Errorf("record: shred %s/%s: %w", c.typ, c.id, err)
		}
		changes = append(changes, Change{Type: c.typ, ID: c.id, Patient: patient, Version: c.version, At: b.at, Deleted: true, Node: fhir.Node{}, n: c.n, whose: c.patient})
	}
	if err := b.tell(ctx, changes); err != nil {
		return 0, err
	}
	if err := s.follow(ctx, tx, changes); err != nil {
		return 0, err
	}
	return len(list), s.keys.Shred(ctx, tx, patient)
}

// erase removes what stands of a sealed resource outside its envelope.
func (b *batch) erase(ctx context.Context, c current, patient string) error {
	if err := b.unindex(ctx, c); err != nil {
		return err
	}
	const gone = `update resource set deleted = 1, digest = $1 where n = $2`
	if _, err := b.tx.ExecContext(ctx, gone, []byte{}, c.n); err != nil {
		return err
	}
	if err := b.wordless(ctx, c.n); err != nil {
		return err
	}
	_, err := b.tx.ExecContext(ctx, `delete from shield where patient = $1 and typ = $2 and id = $3`, patient, c.typ, c.id)
	return err
}
