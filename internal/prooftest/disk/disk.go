// Package disk is a disk for SQLite that can lose its power, and that can be
// full.
//
// A Disk stands below a folder. Files there are real, but what was written
// and not yet synced is also kept apart, so that at any moment one can ask
// what would lie on the disk if the power went now: of each write since the
// last sync all, nothing, or some of its 512-byte sectors; of a removed file,
// perhaps the file again, until the next sync. Nothing else is changed:
// locks, shared memory and encryption are those of a served Hale.
//
// A file's name counts as durable with the file's first sync, as ext4, XFS
// and btrfs have it.
package disk

import (
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3/vfs"
)

// sector is the unit that a disk writes whole.
const sector = 512

// Image is what lies on a disk after its power went: file names without
// folders, and bytes.
type Image map[string][]byte

// Disk keeps the files below one folder.
type Disk struct {
	// Lies makes syncs do nothing, as on storage that does not honour them.
	Lies bool

	// Quota, if not 0, is how many bytes the files may hold together.
	Quota int64

	// Op, if not nil, is called after each thing that happens to a file that
	// is kept. It may call Cut, nothing else of the disk.
	Op func()

	mu    sync.Mutex
	files map[string]*file // by path
	gone  []*file          // removed, perhaps not for good
}

// file is one file: what is on the disk for sure, and what happened since.
type file struct {
	name    string
	synced  []byte
	durable bool // its name is on the disk
	pending []change
	size    int64
}

// change is a write, or a truncation to at.
type change struct {
	at   int64
	data []byte // nil truncates
}

// SetQuota sets Quota while the disk is in use.
func (d *Disk) SetQuota(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Quota = bytes
}

// Used returns how many bytes the files hold.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used()
}

func (d *Disk) used() (n int64) {
	for _, f := range d.files {
		n += f.size
	}
	return n
}

// Cut returns what a power cut would leave behind now. Each call draws anew
// how much of what was not synced got to the disk.
func (d *Disk) Cut(r *rand.Rand) Image {
	d.mu.Lock()
	defer d.mu.Unlock()
	image := Image{}
	for _, f := range d.gone {
		if f.durable && r.IntN(2) == 0 { // the removal did not get to the disk
			image[f.name] = f.after(r)
		}
	}
	for _, f := range d.files {
		if _, ghost := image[f.name]; ghost && !f.durable {
			continue // the old name still stands, the new file has none
		}
		if f.durable || r.IntN(2) == 0 {
			image[f.name] = f.after(r)
		}
	}
	return image
}

// after draws what is left of a file.
func (f *file) after(r *rand.Rand) []byte {
	b := slices.Clone(f.synced)
	how := r.IntN(5)
	kept := len(f.pending)
	if how == 0 {
		return b // nothing that was not synced
	}
	if how == 1 {
		kept = r.IntN(kept + 1) // in order, up to one of them
	}
	for i, c := range f.pending[:kept] {
		whole := how == 1 && i < kept-1 || how == 2
		switch {
		case !whole && how >= 3 && r.IntN(2) == 0: // lost
		case c.data == nil:
			b = b[:min(int64(len(b)), c.at)]
		default:
			b = c.put(b, r, whole)
		}
	}
	return b
}

// put writes c to b: whole, or sector by sector as chance has it.
func (c change) put(b []byte, r *rand.Rand, whole bool) []byte {
	for from := 0; from < len(c.data); {
		to := min(len(c.data), from+sector-int((c.at+int64(from))%sector))
		if whole || r.IntN(8) != 0 {
			end := c.at + int64(to)
			if grow := end - int64(len(b)); grow > 0 {
				b = append(b, make([]byte, grow)...)
			}
			copy(b[c.at+int64(from):end], c.data[from:to])
		}
		from = to
	}
	return b
}

// opened notes that a file was opened that holds size bytes already.
func (d *Disk) opened(path string, h vfs.File) (*file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[path]; f != nil {
		return f, nil
	}
	f := &file{name: filepath.Base(path)}
	size, err := h.Size()
	if err != nil {
		return nil, err
	}
	if size > 0 {
		f.synced, f.durable, f.size = make([]byte, size), true, size
		if _, err := io.ReadFull(io.NewSectionReader(h, 0, size), f.synced); err != nil {
			return nil, err
		}
	}
	d.files[path] = f
	return f, nil
}

// removed notes that a file is gone.
func (d *Disk) removed(path string, synced bool) {
	d.mu.Lock()
	if f := d.files[path]; f != nil {
		delete(d.files, path)
		if !synced {
			d.gone = append(d.gone, f)
		}
	}
	d.mu.Unlock()
	d.happened()
}

// room says whether f may grow to size.
func (d *Disk) room(f *file, size int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.Quota == 0 || size <= f.size || d.used()+size-f.size <= d.Quota
}

// wrote notes a write, or with nil data a truncation.
func (d *Disk) wrote(f *file, at int64, data []byte) {
	d.mu.Lock()
	f.pending = append(f.pending, change{at, data})
	if data == nil {
		f.size = min(f.size, at)
	} else {
		f.size = max(f.size, at+int64(len(data)))
	}
	d.mu.Unlock()
	d.happened()
}

// synced notes that all of f is on the disk, and that removals are.
func (d *Disk) synced(f *file) {
	if d.Lies {
		return
	}
	d.mu.Lock()
	for _, c := range f.pending {
		if c.data == nil {
			f.synced = f.synced[:min(int64(len(f.synced)), c.at)]
			continue
		}
		f.synced = c.put(f.synced, nil, true)
	}
	f.pending, f.durable, d.gone = nil, true, nil
	d.mu.Unlock()
	d.happened()
}

func (d *Disk) happened() {
	if d.Op != nil {
		d.Op()
	}
}
