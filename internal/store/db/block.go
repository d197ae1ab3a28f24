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
	if flags&vfs.OPEN_WAL != 0 {
		return &logFile{blockFile: blockFile{f}}, flags, nil
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

// ahead is by how much the log grows at a time.
const ahead = 1 << 20

// logFile is the write-ahead log. It grows by many blocks at once: to sync
// what was written over takes a disk a fraction of what it takes to make a
// file longer. What lies behind the last commit is no frame, because it
// decrypts to noise, and is never read as one.
type logFile struct {
	blockFile
	size int64 // the file was once this long
}

// WriteAt writes blocks, and makes room for more behind them. Whoever writes
// has locked the log, so that nobody else writes behind them.
func (f *logFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.blockFile.WriteAt(p, off)
	end := off + int64(len(p))
	if err != nil || end <= f.size {
		return n, err
	}
	if f.size, err = f.File.Size(); err != nil || end < f.size {
		return n, err
	}
	// Where there is no room ahead, there may be enough for this commit.
	_, _ = f.blockFile.WriteAt(make([]byte, ahead), f.size)
	f.size, err = f.File.Size()
	return n, err
}

// Truncate makes the log shorter.
func (f *logFile) Truncate(size int64) error {
	f.size = 0
	return f.blockFile.Truncate(size)
}

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
