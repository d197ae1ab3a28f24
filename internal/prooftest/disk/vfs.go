package disk

import (
	"path/filepath"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"hale/internal/store/db"
)

// shelf is the disks by the folder that each keeps. It takes the place of
// the operating system below Hale's encryption; files in no disk's folder go
// straight through.
type shelf struct {
	vfs.VFS
	mu    sync.Mutex
	disks map[string]*Disk
}

var theShelf = sync.OnceValue(func() *shelf {
	s := &shelf{VFS: vfs.Find(""), disks: map[string]*Disk{}}
	vfs.Register(db.FileSystem, db.Encrypted(s))
	return s
})

// Mount returns a disk that keeps the files in folder, until unmount.
func Mount(folder string) (d *Disk, unmount func()) {
	if path, err := filepath.EvalSymlinks(folder); err == nil {
		folder = path
	}
	s, d := theShelf(), &Disk{files: map[string]*file{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disks[folder] = d
	return d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.disks, folder)
	}
}

// disk returns the disk that keeps path, or nil.
func (s *shelf) disk(path string) *Disk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disks[filepath.Dir(path)]
}

// OpenFilename opens a file.
func (s *shelf) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	h, flags, err := s.VFS.(vfs.VFSFilename).OpenFilename(name, flags)
	if err != nil || name == nil {
		return h, flags, err
	}
	d := s.disk(name.String())
	if d == nil {
		return h, flags, nil
	}
	f, err := d.opened(name.String(), h)
	if err != nil {
		_ = h.Close()
		return nil, flags, err
	}
	return &handle{File: h, disk: d, file: f}, flags, nil
}

// Delete removes a file.
func (s *shelf) Delete(path string, sync bool) error {
	if err := s.VFS.Delete(path, sync); err != nil {
		return err
	}
	if d := s.disk(path); d != nil {
		d.removed(path, sync)
	}
	return nil
}

// handle is an open file that tells its disk.
type handle struct {
	vfs.File
	disk *Disk
	file *file
}

func (h *handle) WriteAt(p []byte, at int64) (int, error) {
	if !h.disk.room(h.file, at+int64(len(p))) {
		return 0, sqlite3.FULL
	}
	n, err := h.File.WriteAt(p, at)
	if n > 0 {
		h.disk.wrote(h.file, at, append([]byte{}, p[:n]...))
	}
	return n, err
}

func (h *handle) Truncate(size int64) error {
	if err := h.File.Truncate(size); err != nil {
		return err
	}
	h.disk.wrote(h.file, size, nil)
	return nil
}

// Sync does not wait for the machine's own disk: which bytes are safe is
// what the Disk decides.
func (h *handle) Sync(vfs.SyncFlag) error {
	h.disk.synced(h.file)
	return nil
}

func (h *handle) SharedMemory() vfs.SharedMemory {
	if f, ok := h.File.(vfs.FileSharedMemory); ok {
		return f.SharedMemory()
	}
	return nil
}
