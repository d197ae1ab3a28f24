// Package schema brings a database to the current set of tables.
//
// The migrations are numbered SQL files, one set for both engines. A file
// says what SQLite alone needs in a comment: /* sqlite: without rowid */.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"hale/internal/store/db"
)

//go:embed *.sql
var files embed.FS

// Up runs every migration that d does not have yet and returns how many
// those were.
func Up(ctx context.Context, d *db.DB) (int, error) {
	var ran int
	err := d.Migrate(func(s *sql.DB) error {
		p, err := provider(s, d.Engine())
		if err != nil {
			return err
		}
		results, err := p.Up(ctx)
		ran = len(results)
		return err
	})
	if err != nil {
		return ran, fmt.Errorf("schema: up: %w", err)
	}
	return ran, nil
}

// Version returns the number of the newest migration that d has, and of the
// newest there is.
func Version(ctx context.Context, d *db.DB) (has, newest int64, err error) {
	err = d.Migrate(func(s *sql.DB) error {
		p, err := provider(s, d.Engine())
		if err != nil {
			return err
		}
		has, newest, err = p.GetVersions(ctx)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("schema: version: %w", err)
	}
	return has, newest, nil
}

func provider(s *sql.DB, engine db.Engine) (*goose.Provider, error) {
	dialect := database.DialectSQLite3
	if engine == db.Postgres {
		dialect = database.DialectPostgres
	}
	list, err := migrations(engine)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, s, nil, goose.WithGoMigrations(list...), goose.WithDisableGlobalRegistry(true))
}

// migrations reads the files, 0001_name.sql and so on.
func migrations(engine db.Engine) ([]*goose.Migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var list []*goose.Migration
	for _, name := range names {
		digits, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: a migration's name begins with its number", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		script := engineText(string(text), engine)
		up := func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, script)
			return err
		}
		list = append(list, goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil))
	}
	return list, nil
}

// engineText brings in what a script says for SQLite alone.
func engineText(script string, engine db.Engine) string {
	if engine != db.SQLite {
		return script
	}
	return strings.ReplaceAll(script, "/* sqlite: without rowid */", "without rowid")
}
