package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// Written is what audit rows call a change of the record.
const Written = "record.put"

// noted leaves an audit row for each change that a person or an app made, and
// one for all changes of a feed, in the transaction of the changes. Its digest
// proves later what was written: of one body, its SHA-256; of a feed's batch,
// see digestOf.
func (b *batch) noted(ctx context.Context, all []Change) error {
	var rows []audit.Row
	for len(all) > 0 {
		by := all[0].by
		n := slices.IndexFunc(all, func(c Change) bool { return c.by != by })
		if n < 0 {
			n = len(all)
		}
		rows = append(rows, b.told(by, all[:n])...)
		all = all[n:]
	}
	return b.store.audit.AddIn(ctx, b.tx, rows...)
}

// told returns the rows of what one source changed.
func (b *batch) told(by *writtenBy, all []Change) []audit.Row {
	if by.feeds() {
		return []audit.Row{b.fed(by, all)}
	}
	rows := make([]audit.Row, len(all))
	for i := range all {
		c := &all[i]
		r := by.Actor.Row(Written, c.Patient, true)
		r.About, r.Digest = c.Type+"/"+c.ID+"/_history/"+strconv.FormatInt(c.Version, 10), hex.EncodeToString(c.sum[:])
		rows[i] = r
	}
	return rows
}

// fed is the row of a feed's batch: which versions it made is in the record,
// under this provenance and time.
func (b *batch) fed(src *writtenBy, all []Change) audit.Row {
	patient := all[0].Patient
	for i := range all {
		if all[i].Patient != patient {
			patient = ""
		}
	}
	kind := src.Actor.Kind
	if kind == "" {
		kind = access.System
	}
	r := src.Actor.Row(Written, patient, true)
	r.ActorKind, r.Reason, r.Digest = string(kind), src.Feed, digestOf(all)
	r.About = fmt.Sprintf("batch/%d/%d/%d", src.id, b.at.UnixMicro(), len(all))
	return r
}

// digestOf is the SHA-256, in hexadecimal, of one line for each change,
// sorted: type/id, version and SHA-256 of the body.
func digestOf(all []Change) string {
	lines := make([]string, len(all))
	for i := range all {
		c := &all[i]
		lines[i] = line(c.Type, c.ID, c.Version, c.sum)
	}
	return digestLines(lines)
}

func line(typ, id string, version int64, sum [sha256.Size]byte) string {
	return typ + "/" + id + " " + strconv.FormatInt(version, 10) + " " + hex.EncodeToString(sum[:]) + "\n"
}

func digestLines(lines []string) string {
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}

// Proof is what comparing the record with the log found.
type Proof struct {
	Rows    int      // rows of the log that tell of a change
	Erased  int      // of those, whose versions were shredded or moved under another key since
	Altered []string // About of those whose versions are not as they were written
}

// ProveAll makes the digest of every change that the log tells of anew. What
// was shredded for good can be compared with nothing and is counted apart.
func (s *Store) ProveAll(ctx context.Context) (Proof, error) {
	var p Proof
	for last := ""; ; {
		list, err := s.audit.Digests(ctx, Written, last, 500)
		if err != nil {
			return p, fmt.Errorf("record: prove all: %w", err)
		}
		for _, row := range list {
			p.Rows++
			ok, err := s.Proven(ctx, row)
			switch {
			case errors.Is(err, keys.ErrShredded):
				p.Erased++
			case err != nil || !ok: // what cannot be opened is not as it was written, either
				if ctx.Err() != nil {
					return p, ctx.Err()
				}
				p.Altered = append(p.Altered, row.About)
			}
			last = row.ID
		}
		if len(list) == 0 {
			return p, nil
		}
	}
}

// Proven says whether what row tells of is as it was written: it makes the
// digest anew. It shows nothing of it.
func (s *Store) Proven(ctx context.Context, row audit.Row) (bool, error) {
	where, args, n, err := whichOf(row.About)
	if err != nil {
		return false, err
	}
	list, err := db.All(ctx, s.db, readPut, `
		select r.typ, r.id, r.version, r.body from resource r where `+strings.ReplaceAll(where, "v.", "r.")+`
		union all
		select r.typ, r.id, v.version, v.body from resource_version v join resource r on r.n = v.resource where `+where, args...)
	if err != nil {
		return false, fmt.Errorf("record: proven: %w", err)
	}
	lines, digest := make([]string, len(list)), ""
	for i, v := range list {
		body, err := s.open(ctx, s.db, v.body, v.link, v.version)
		if err != nil {
			return false, fmt.Errorf("record: proven: %w", err)
		}
		sum := sha256.Sum256(body)
		lines[i] = line(v.typ, v.id, v.version, sum)
		digest = hex.EncodeToString(sum[:])
	}
	if strings.HasPrefix(row.About, "batch/") {
		digest = digestLines(lines)
	}
	return len(list) == n && digest == row.Digest, nil
}

// whichOf returns the condition on the versions v that About names, and how
// many they have to be.
func whichOf(about string) (where string, args []any, n int, err error) {
	parts := strings.Split(about, "/")
	if len(parts) != 4 {
		return "", nil, 0, fmt.Errorf("record: proven: %q names no version", about)
	}
	if parts[0] != "batch" {
		version, err := strconv.ParseInt(parts[3], 10, 64)
		return `r.typ = $1 and r.id = $2 and v.version = $3`, []any{parts[0], parts[1], version}, 1, err
	}
	source, err1 := strconv.ParseInt(parts[1], 10, 64)
	at, err2 := strconv.ParseInt(parts[2], 10, 64)
	n, err3 := strconv.Atoi(parts[3])
	return `v.provenance = $1 and v.updated = $2`, []any{source, at}, n, errors.Join(err1, err2, err3)
}

// putVersion is one version as it is stored.
type putVersion struct {
	link
	version int64
	body    []byte
}

func readPut(scan db.Scan) (v putVersion, err error) {
	return v, scan(&v.typ, &v.id, &v.version, &v.body)
}
