package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/store/db"
)

// perBlock is how many hashes lie in one row of audit_hash.
const perBlock = 256

// hashes reads the tree's stored hashes through conn and keeps what it read;
// what is added is written by save.
type hashes struct {
	ctx    context.Context
	conn   db.Conn
	count  int64 // stored so far
	blocks map[int64][]byte
	dirty  map[int64]bool
}

func newHashes(ctx context.Context, conn db.Conn, size int64) *hashes {
	return &hashes{ctx: ctx, conn: conn, count: tlog.StoredHashCount(size), blocks: map[int64][]byte{}, dirty: map[int64]bool{}}
}

// ReadHashes returns the hashes at indexes, as tlog asks for them.
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var missing []any
	for _, i := range indexes {
		block := i / perBlock
		if _, ok := h.blocks[block]; !ok && !slices.Contains(missing, any(block)) {
			missing = append(missing, block)
		}
	}
	for part := range slices.Chunk(missing, 100) {
		if err := h.load(part); err != nil {
			return nil, err
		}
	}
	list := make([]tlog.Hash, len(indexes))
	for k, i := range indexes {
		b, at := h.blocks[i/perBlock], int(i%perBlock)*tlog.HashSize
		if at+tlog.HashSize > len(b) {
			return nil, fmt.Errorf("audit: hash %d is missing", i)
		}
		copy(list[k][:], b[at:])
	}
	return list, nil
}

func (h *hashes) load(blocks []any) error {
	q := `select block, hashes from audit_hash where block in (` + db.In(1, len(blocks)) + `)`
	list, err := db.All(h.ctx, h.conn, readBlock, q, blocks...)
	for _, b := range list {
		h.blocks[b.n] = b.hashes
	}
	return err
}

// block is a row of audit_hash.
type block struct {
	n      int64
	hashes []byte
}

func readBlock(scan db.Scan) (b block, err error) { return b, scan(&b.n, &b.hashes) }

// add appends the leaf n with hash leaf, and the hashes that it completes.
func (h *hashes) add(n int64, leaf tlog.Hash) error {
	list, err := tlog.StoredHashesForRecordHash(n, leaf, h)
	if err != nil {
		return err
	}
	for _, hash := range list {
		at := h.count / perBlock
		if _, ok := h.blocks[at]; !ok && h.count%perBlock != 0 {
			if err := h.load([]any{at}); err != nil {
				return err
			}
		}
		if want := h.count % perBlock * tlog.HashSize; int64(len(h.blocks[at])) != want {
			return fmt.Errorf("audit: block %d has %d bytes, want %d", at, len(h.blocks[at]), want)
		}
		h.blocks[at] = append(h.blocks[at], hash[:]...)
		h.dirty[at] = true
		h.count++
	}
	return nil
}

// save writes what was added.
func (h *hashes) save() error {
	var args []any
	for n := range h.dirty {
		args = append(args, n, h.blocks[n])
	}
	clear(h.dirty)
	return db.InsertMany(h.ctx, h.conn, `insert into audit_hash (block, hashes)`, `on conflict (block) do update set hashes = excluded.hashes`, 2, args)
}

// tree is the row of audit_tree.
type tree struct {
	origin string
	size   int64
}

// readTree returns how large the tree is. A new one has no origin.
func readTree(ctx context.Context, c db.Conn) (tree, error) {
	scan := func(scan db.Scan) (t tree, err error) { return t, scan(&t.origin, &t.size) }
	list, err := db.All(ctx, c, scan, `select origin, size from audit_tree where one = 1`)
	if err != nil || len(list) == 0 {
		return tree{}, err
	}
	return list[0], nil
}

// frontier computes a tree's hashes anew, from its leaves alone.
type frontier struct {
	size  int64
	edge  []tlog.Hash // roots of the complete subtrees, largest first
	level []int
}

// add appends a leaf and calls emit with each hash that is stored then, in
// their order.
func (f *frontier) add(leaf tlog.Hash, emit func(tlog.Hash)) {
	h, level := leaf, 0
	emit(h)
	for k := len(f.edge) - 1; k >= 0 && f.level[k] == level; k-- {
		h = tlog.NodeHash(f.edge[k], h)
		f.edge, f.level = f.edge[:k], f.level[:k]
		level++
		emit(h)
	}
	f.edge, f.level = append(f.edge, h), append(f.level, level)
	f.size++
}

// root returns the root of what was added.
func (f *frontier) root() tlog.Hash {
	if len(f.edge) == 0 {
		h, _ := tlog.TreeHash(0, nil) // of nothing: reads nothing
		return h
	}
	h := f.edge[len(f.edge)-1]
	for k := len(f.edge) - 2; k >= 0; k-- {
		h = tlog.NodeHash(f.edge[k], h)
	}
	return h
}

// moment reads a time as the tables keep it.
func moment(us int64) time.Time { return time.UnixMicro(us).UTC() }
