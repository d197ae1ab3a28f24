package audit

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Book reads the log: it verifies, proves and finds.
type Book struct {
	db   *db.DB
	keys Keys
}

// NewBook returns the book of the log in d, whose checkpoints are signed with
// a key derived from root.
func NewBook(d *db.DB, root seal.Key) *Book { return &Book{db: d, keys: NewKeys(root)} }

// Copy is what a witness kept.
type Copy struct {
	Name  string
	Notes []string
	All   bool // it took every checkpoint, so none may be missing in the log
}

// Finding is one thing that is not as it was signed.
type Finding struct {
	Kind  string // row, hash, leaf, checkpoint, witness, waiting
	Row   string // id, if it is about one
	Words string // for a person
}

// Report is what Verify found.
type Report struct {
	Origin      string
	Size        int64 // leaves
	Waiting     int64 // rows that are no leaves yet
	Checkpoints int64
	Last        Checkpoint
	Copies      int // checkpoints of witnesses that were compared
	Findings    []Finding
	More        int // findings beyond maxFindings
}

// Intact says whether everything is as it was signed.
func (r *Report) Intact() bool { return len(r.Findings) == 0 }

// maxFindings is how many are told one by one.
const maxFindings = 100

func (r *Report) find(kind, row, words string, args ...any) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, row, fmt.Sprintf(words, args...)})
}

// Verify computes the whole tree anew from the rows and compares it with the
// stored hashes, with every checkpoint and with what witnesses kept. Rows may
// be added meanwhile: copies have to be read before.
func (b *Book) Verify(ctx context.Context, copies ...Copy) (Report, error) {
	v := verifier{book: b, ctx: ctx, roots: map[int64][]claim{}}
	for _, step := range []func() error{v.checkpoints, v.tree, func() error { v.copies(copies); return nil }, v.leaves, v.excess, v.strays} {
		if err := step(); err != nil {
			return v.report, fmt.Errorf("audit: verify: %w", err)
		}
	}
	return v.report, nil
}

// verifier is one Verify.
type verifier struct {
	book   *Book
	ctx    context.Context
	report Report
	public string
	notes  []string          // of the checkpoints, by number - 1
	roots  map[int64][]claim // what was said of the tree when it had so many leaves
	front  frontier
	last   block
	index  int64 // of the next stored hash
	bad    bool  // the last block was reported
}

// claim is a root that somebody signed.
type claim struct {
	root tlog.Hash
	who  string
	kind string
}

// tree reads how large the tree is, after the checkpoints, so that it is not
// smaller than they say.
func (v *verifier) tree() error {
	t, err := readTree(v.ctx, v.book.db)
	if err != nil {
		return err
	}
	v.report.Origin, v.report.Size = t.origin, t.size
	if err := v.plausible(); err != nil {
		return err
	}
	if t.origin != "" {
		v.public = v.book.keys.Public(t.origin)
	}
	for i, text := range v.notes {
		v.checkpoint(int64(i+1), text)
	}
	return nil
}

// plausible keeps a size that somebody made up from keeping us for years.
func (v *verifier) plausible() error {
	leaves, err := db.One(v.ctx, v.book.db, db.Value[int64], `select count(*) from audit_leaf`)
	if err != nil {
		return err
	}
	if size := v.report.Size; size < 0 || size > leaves+page {
		v.report.find("leaf", "", "The log says that it has %d rows, but there are %d.", size, leaves)
		v.report.Size = leaves
	}
	return nil
}

// checkpoints reads the checkpoints. What the columns say is in the note.
func (v *verifier) checkpoints() error {
	type row struct {
		number, size, at int64
		note             string
	}
	scan := func(scan db.Scan) (r row, err error) { return r, scan(&r.number, &r.size, &r.at, &r.note) }
	const q = `select number, size, at, note from audit_checkpoint where number > $1 order by number limit 5000`
	after := int64(-1 << 62)
	for {
		list, err := db.All(v.ctx, v.book.db, scan, q, after)
		if err != nil || len(list) == 0 {
			v.report.Checkpoints = int64(len(v.notes))
			return err
		}
		for _, r := range list {
			after = r.number
			for want := int64(len(v.notes) + 1); want < r.number && len(v.report.Findings) < maxFindings; want++ {
				v.report.find("checkpoint", "", "Checkpoint %d is missing.", want)
			}
			for int64(len(v.notes)+1) < r.number && r.number-int64(len(v.notes)) < 1<<20 {
				v.notes = append(v.notes, "")
			}
			c, err := peek(r.note)
			if err != nil || c.Number != r.number || c.Size != r.size || c.At.UnixMicro() != r.at {
				v.report.find("checkpoint", "", "Checkpoint %d was changed: what is stored beside it is not what its note says.", r.number)
			}
			v.notes = append(v.notes, r.note)
		}
	}
}

// checkpoint checks one of the log's own.
func (v *verifier) checkpoint(number int64, text string) {
	if text == "" {
		return // told already
	}
	c, err := ReadCheckpoint(text, v.public)
	switch {
	case err != nil:
		v.report.find("checkpoint", "", "Checkpoint %d was changed: its signature does not fit.", number)
		return
	case c.Origin != v.report.Origin:
		v.report.find("checkpoint", "", "Checkpoint %d is of another log, %s.", number, c.Origin)
		return
	case c.Size < v.report.Last.Size:
		v.report.find("checkpoint", "", "Checkpoint %d is of a smaller log than the one before.", number)
	}
	v.report.Last = c
	v.expect(c, fmt.Sprintf("checkpoint %d of %s", number, c.At.Format("2006-01-02 15:04:05 UTC")), "checkpoint")
}

// expect notes what c says of the tree.
func (v *verifier) expect(c Checkpoint, who, kind string) {
	if c.Size > v.report.Size {
		v.report.find(kind, "", "The log was cut off: it has %d rows, but %s saw %d.", v.report.Size, who, c.Size)
		return
	}
	same := func(o claim) bool { return o.root == c.Root }
	if !slices.ContainsFunc(v.roots[c.Size], same) {
		v.roots[c.Size] = append(v.roots[c.Size], claim{c.Root, who, kind})
	}
}

// copies checks what the witnesses kept.
func (v *verifier) copies(all []Copy) {
	for _, w := range all {
		next := int64(0)
		for _, text := range w.Notes {
			c, err := ReadCheckpoint(text, v.public)
			if err != nil || c.Origin != v.report.Origin {
				v.report.find("witness", "", "The witness %s has a checkpoint that this log did not sign.", w.Name)
				continue
			}
			if w.All && next != 0 && c.Number != next {
				v.report.find("witness", "", "The witness %s has checkpoint %d where %d was to follow.", w.Name, c.Number, next)
			}
			next = c.Number + 1
			v.report.Copies++
			who := fmt.Sprintf("the witness %s on %s (checkpoint %d)", w.Name, c.At.Format("2006-01-02 15:04:05 UTC"), c.Number)
			if n := c.Number; n < 1 || n > int64(len(v.notes)) || v.notes[n-1] == "" {
				v.report.find("checkpoint", "", "Checkpoint %d is missing: %s has it.", n, who)
			} else if v.notes[n-1] != text {
				v.report.find("checkpoint", "", "Checkpoint %d is another than %s has.", n, who)
			}
			v.expect(c, who, "witness")
		}
		if w.All && v.report.Checkpoints > 0 && len(w.Notes) == 0 {
			v.report.find("witness", "", "The witness %s has nothing.", w.Name)
		}
	}
}

// page is how many leaves are read at once.
const page = 5000

// leaves computes the tree from the rows, from the first to the last.
func (v *verifier) leaves() error {
	const q = `
		select l.n, l.id, ` + storedColumns + `
		from audit_leaf l left join audit a on a.id = l.id
		where l.n >= $1 and l.n < $2
		order by l.n`
	v.compareRoot()
	for from := int64(0); from < v.report.Size; from += page {
		to := min(from+page, v.report.Size)
		list, err := db.All(v.ctx, v.book.db, readStored, q, from, to)
		if err != nil {
			return err
		}
		for n := from; n < to; n++ {
			if len(list) > 0 && list[0].n == n {
				err = v.leaf(n, &list[0])
				list = list[1:]
			} else {
				v.report.find("leaf", "", "Leaf %d is missing: nothing says which row it was.", n)
				err = v.leaf(n, nil)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// leaf compares the row of leaf n with its stored hash. The tree goes on with
// the stored one, so that one changed row is one finding.
func (v *verifier) leaf(n int64, s *stored) error {
	kept, ok, err := v.hashAt(v.index)
	if err != nil {
		return err
	}
	switch {
	case s == nil:
	case !s.there:
		v.report.find("row", s.row.ID, "Row %s (leaf %d) is gone.", s.row.ID, n)
	case ok && s.hash() != kept:
		v.report.find("row", s.row.ID, "Row %s (leaf %d, %s) is not what was stored: the row, its place or its hash was changed.",
			s.row.ID, n, s.row.At.Format("2006-01-02 15:04:05 UTC"))
	}
	if !ok && s != nil && s.there {
		kept = s.hash()
	}
	first := true
	v.front.add(kept, func(h tlog.Hash) {
		if err == nil {
			err = v.compareHash(h, first)
		}
		first = false
	})
	v.compareRoot()
	return err
}

// compareHash compares the next stored hash with the one computed.
func (v *verifier) compareHash(h tlog.Hash, leaf bool) error {
	kept, ok, err := v.hashAt(v.index)
	if err != nil {
		return err
	}
	if !ok && !v.bad {
		v.bad = true
		v.report.find("hash", "", "Stored hash %d is missing, and perhaps more after it in its block %d.", v.index, v.index/perBlock)
	}
	if ok && !leaf && kept != h {
		v.report.find("hash", "", "Stored hash %d is not the one of the hashes below it: one of them was changed.", v.index)
	}
	v.index++
	return nil
}

// hashAt returns the stored hash at index, if there is one.
func (v *verifier) hashAt(index int64) (h tlog.Hash, ok bool, err error) {
	if n := index / perBlock; v.last.hashes == nil || v.last.n != n {
		list, err := db.All(v.ctx, v.book.db, readBlock, `select block, hashes from audit_hash where block = $1`, n)
		if err != nil {
			return h, false, err
		}
		v.last, v.bad = block{n: n, hashes: []byte{}}, false
		if len(list) > 0 {
			v.last.hashes = list[0].hashes
		}
		if end := tlog.StoredHashCount(v.report.Size); (n+1)*perBlock < end && len(v.last.hashes) > perBlock*tlog.HashSize {
			v.report.find("hash", "", "Block %d of the stored hashes has too much in it.", n)
		}
	}
	at := int(index%perBlock) * tlog.HashSize
	if at+tlog.HashSize > len(v.last.hashes) {
		return h, false, nil
	}
	copy(h[:], v.last.hashes[at:])
	return h, true, nil
}

// compareRoot compares the tree so far with what was signed of it.
func (v *verifier) compareRoot() {
	for _, c := range v.roots[v.front.size] {
		if root := v.front.root(); root != c.root {
			v.report.find(c.kind, "", "The first %d rows are not those that %s saw.", v.front.size, c.who)
		}
	}
}
