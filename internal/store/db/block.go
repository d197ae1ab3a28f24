package db

import (
	"fmt"
	"os"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/ncruces/go-sqlite3/vfs/adiantum"
)

// FileSystem is the name by which SQLite knows the encrypted files.
const FileSystem = "hale"

// block is what the encryption reads and writes whole.
const block = 4096

// register makes the encrypted files known to SQLite, once.
func register() {
	if vfs.Find(FileSystem) == nil {
		vfs.Register(FileSystem, Encrypted(vfs.Find("")))
	}
}

// Encrypted returns files that are encrypted on base.
func Encrypted(base vfs.VFS) vfs.VFS { return adiantum.Wrap(blocks{base}, nil) }

// blocks passes over the last block of a file where it is cut short, by a
// power cut or a full disk: it cannot be decrypted. Without this SQLite would
// try to, and refuse to open a log whose committed part is sound.
type blocks struct{ vfs.VFS }

// OpenFilename opens a file.
func (b blocks) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(b.VFS, name, flags)
	if err != nil || flags&(vfs.OPEN_MAIN_DB|vfs.OPEN_WAL|vfs.OPEN_MAIN_JOURNAL) == 0 {
		return f, flags, err
	}
	return blockFile{f}, flags, nil
}

// blockFile is a file of whole blocks.
type blockFile struct{ vfs.File }

// Size returns the size of the blocks that are whole.
func (f blockFile) Size() (int64, error) {
	n, err := f.File.Size()
	return n &^ (block - 1), err
}

// Unwrap returns the file below.
func (f blockFile) Unwrap() vfs.File { return f.File }

// SharedMemory is what the connections of this process share.
func (f blockFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

// LockState says how the file is locked.
func (f blockFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

// HasMoved says whether another file stands in this one's place.
func (f blockFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }

// SizeHint makes room ahead.
func (f blockFile) SizeHint(size int64) error { return vfsutil.WrapSizeHint(f.File, size) }

// syncFolder makes the names of the files in folder durable: a log whose
// name is lost is lost.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("db: sync folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("db: sync folder: %w", err)
	}
	return nil
}
