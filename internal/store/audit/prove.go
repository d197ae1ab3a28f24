package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// proofFormat names how a proof is written.
const proofFormat = "hale-audit-proof/1"

// Proof shows, without anything of Hale, that rows are in the log that a
// checkpoint signs: each leaf's hash, joined with the hashes of its path,
// gives the checkpoint's root (RFC 9162 §2.1.3).
type Proof struct {
	Format     string      `json:"format"`
	Checkpoint string      `json:"checkpoint"` // the signed note
	Key        string      `json:"key"`        // that knows the signature
	Rows       []ProvenRow `json:"rows"`
}

// ProvenRow is one row with its path.
type ProvenRow struct {
	Leaf   string      `json:"leaf"`  // exactly what was hashed
	Index  int64       `json:"index"` // which leaf it is, from 0
	Hashes []tlog.Hash `json:"hashes"`
}

var (
	errUnsigned = errs.New(errs.Conflict, "Nothing of this is signed yet. That takes about ten seconds.")
	errNoProof  = errs.New(errs.Invalid, "This is no proof that Hale wrote.")
	errBadProof = errs.New(errs.Invalid, "The proof does not hold.")
)

// Prove returns a proof of the rows with ids, as of the newest checkpoint.
// Rows that it does not cover yet are left out; it fails if none is left.
func (b *Book) Prove(ctx context.Context, ids ...string) (Proof, error) {
	p, err := b.prove(ctx, ids)
	if err != nil {
		return p, fmt.Errorf("audit: prove: %w", err)
	}
	return p, nil
}

func (b *Book) prove(ctx context.Context, ids []string) (Proof, error) {
	c, err := lastCheckpoint(ctx, b.db)
	if err != nil {
		return Proof{}, err
	}
	if c.Number == 0 {
		return Proof{}, errUnsigned
	}
	p := Proof{Format: proofFormat, Checkpoint: c.Note, Key: b.keys.Public(c.Origin)}
	reader := newHashes(ctx, b.db, c.Size)
	known := false
	for part := range slices.Chunk(ids, 200) {
		q := `select l.n, l.id, ` + storedColumns + ` from audit_leaf l join audit a on a.id = l.id where l.id in (` + db.In(1, len(part)) + `) order by l.n`
		list, err := db.All(ctx, b.db, readStored, q, db.Args(part)...)
		if err != nil {
			return p, err
		}
		for i := range list {
			known = true
			if list[i].n >= c.Size {
				continue
			}
			path, err := tlog.ProveRecord(c.Size, list[i].n, reader)
			if err != nil {
				return p, err
			}
			p.Rows = append(p.Rows, ProvenRow{Leaf: string(list[i].row.Leaf()), Index: list[i].n, Hashes: path})
		}
	}
	if len(p.Rows) == 0 && (known || len(ids) == 0) {
		return p, errUnsigned
	}
	if len(p.Rows) == 0 {
		return p, db.ErrNone
	}
	return p, nil
}

// ReadProof reads a proof written as JSON.
func ReadProof(text []byte) (Proof, error) {
	var p Proof
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&p); err != nil {
		return p, errNoProof.Because(err)
	}
	if p.Format != proofFormat || len(p.Rows) == 0 {
		return p, errNoProof
	}
	return p, nil
}

// Check says whether p holds, and of which checkpoint. It needs nothing but
// p; whether its key is the clinic's has to be known from elsewhere.
func (p Proof) Check() (Checkpoint, error) {
	c, err := ReadCheckpoint(p.Checkpoint, p.Key)
	if err != nil {
		return c, errBadProof.Because(err)
	}
	for _, r := range p.Rows {
		if r.Index < 0 || r.Index >= c.Size {
			return c, errBadProof.Because(fmt.Errorf("leaf %d of %d", r.Index, c.Size))
		}
		if err := tlog.CheckRecord(r.Hashes, c.Size, c.Root, r.Index, tlog.RecordHash([]byte(r.Leaf))); err != nil {
			return c, errBadProof.Because(err)
		}
	}
	return c, nil
}
