package audit

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// compared is how many of a witness's newest checkpoints Compare looks at.
const compared = 200

// Compare asks, without reading any row, whether the newest checkpoint of
// the log goes on from what witnesses kept (RFC 9162 §2.1.4), and returns
// that checkpoint. Copies have to be read before.
func (b *Book) Compare(ctx context.Context, copies ...Copy) (Checkpoint, []Finding, error) {
	var r Report
	newest, err := b.compare(ctx, &r, copies)
	if err != nil {
		return newest, nil, fmt.Errorf("audit: compare: %w", err)
	}
	return newest, r.Findings, nil
}

func (b *Book) compare(ctx context.Context, r *Report, copies []Copy) (Checkpoint, error) {
	t, err := readTree(ctx, b.db)
	if err != nil {
		return Checkpoint{}, err
	}
	public := b.keys.Public(t.origin)
	newest, err := lastCheckpoint(ctx, b.db)
	if err != nil {
		r.find("checkpoint", "", "The newest checkpoint cannot be read.")
		return newest, nil
	}
	if newest.Number > 0 {
		if newest, err = ReadCheckpoint(newest.Note, public); err != nil || newest.Origin != t.origin {
			r.find("checkpoint", "", "The newest checkpoint was changed: its signature does not fit.")
			return newest, nil
		}
	}
	hashes := newHashes(ctx, b.db, newest.Size)
	for _, w := range copies {
		for _, text := range w.Notes[max(len(w.Notes)-compared, 0):] {
			c, err := ReadCheckpoint(text, public)
			if err != nil || c.Origin != t.origin {
				r.find("witness", "", "The witness %s has a checkpoint that this log did not sign.", w.Name)
				continue
			}
			if !extends(newest, c, hashes) {
				r.find("witness", "", "The log does not go on from checkpoint %d of %s that the witness %s has: it was cut off, put back to an older state, or rewritten.",
					c.Number, c.At.Format("2006-01-02 15:04:05 UTC"), w.Name)
				break
			}
		}
	}
	r.Findings = slices.Clip(r.Findings)
	return newest, nil
}

// extends says whether now is then with more after it.
func extends(now, then Checkpoint, hashes tlog.HashReader) bool {
	if then.Size > now.Size || then.Number > now.Number {
		return false
	}
	if then.Size == now.Size || then.Size == 0 {
		return then.Size == 0 || then.Root == now.Root
	}
	proof, err := tlog.ProveTree(now.Size, then.Size, hashes)
	return err == nil && tlog.CheckTree(proof, now.Size, now.Root, then.Size, then.Root) == nil
}
