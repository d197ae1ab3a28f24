package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hale/internal/store/db"
)

// stale is how old a file without a row is when it is surely a leftover of a
// crash: no file is written for so long.
const stale = 6 * time.Hour

// Sweep takes away what a crash left in the folder, and returns how many
// files that were.
func (f *Folder) Sweep(ctx context.Context) (int, error) {
	swept := 0
	err := filepath.WalkDir(f.c.Path, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || f.c.Now().Sub(info.ModTime()) < stale {
			return err
		}
		known, err := f.known(ctx, at)
		if err != nil || known {
			return err
		}
		swept++
		return os.Remove(at)
	})
	if errors.Is(err, os.ErrNotExist) {
		return swept, nil // there never was a file, or another node swept at the same time
	}
	if err != nil {
		return swept, fmt.Errorf("blob: sweep: %w", err)
	}
	return swept, nil
}

// known says whether the file at a path has a row.
func (f *Folder) known(ctx context.Context, at string) (bool, error) {
	if !strings.HasSuffix(at, ending) {
		return !strings.HasSuffix(at, begun), nil // what is not ours stays
	}
	name, err := filepath.Rel(f.c.Path, strings.TrimSuffix(at, ending))
	if err != nil {
		return true, err
	}
	n, err := db.One(ctx, f.c.DB, db.Value[int], `select count(*) from blob where name = $1`, filepath.ToSlash(name))
	return n > 0, err
}

// free returns how many bytes are free on the disk of path.
func free(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
