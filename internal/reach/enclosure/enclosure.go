// Package enclosure keeps the files that come with the message of an
// outreach: how to prepare, where to park.
//
// A file is the same for everybody who gets the message, and is read on the
// message's page alone, never attached to an e-mail. It lies sealed.
package enclosure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/intake"
	"hale/internal/store/blob"
	"hale/internal/store/db"
)

// File is one file of an outreach.
type File struct {
	ID    string
	Name  string
	Media string // a media type
	Bytes int64
	At    time.Time

	blob string
}

// Most is how many files an outreach may have.
const Most = 5

var (
	errName    = errs.New(errs.Invalid, "Please give the file a name.")
	errMost    = errs.New(errs.Conflict, "A message has five files at most.")
	errStarted = errs.New(errs.Conflict, "This outreach has started and cannot be changed any more.")
)

// Store keeps files.
type Store struct {
	db    *db.DB
	ids   *ids.Source
	now   func() time.Time
	files blob.Files
}

// NewStore returns a store whose files lie in files.
func NewStore(d *db.DB, source *ids.Source, now func() time.Time, files blob.Files) *Store {
	return &Store{db: d, ids: source, now: now, files: files}
}

// Add keeps a file with a draft: a photo drawn anew, or a PDF.
func (s *Store) Add(ctx context.Context, pass access.Pass, outreach, name string, body []byte) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	name = strings.TrimSpace(path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\\", "/")))
	if name == "" || name == "." || name == "/" || len(name) > 200 {
		return errName
	}
	f, err := intake.Open(body)
	if err != nil {
		return err
	}
	id := s.ids.New()
	at := "enclosure/" + id
	n, err := s.files.Put(ctx, at, strings.NewReader(string(f.Body)))
	if err != nil {
		return fmt.Errorf("enclosure: add: %w", err)
	}
	const q = `
		insert into outreach_file (id, outreach, name, media, bytes, blob, by, at)
		select $1, o.id, $3, $4, $5, $6, $7, $8 from outreach o
		where o.id = $2 and o.state = 'draft'`
	const many = `select count(*) from outreach_file where outreach = $1`
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		held, err := db.One(ctx, tx, db.Value[int], many, outreach)
		if err == nil && held >= Most {
			err = errMost
		}
		if err != nil {
			return err
		}
		kept, err := db.Changed(tx.ExecContext(ctx, q, id, outreach, name, f.Media, n, at, pass.Actor().ID, s.now().UnixMicro()))
		if err == nil && kept == 0 {
			err = errStarted
		}
		return err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("enclosure: add: %w", err), s.files.Delete(ctx, at))
	}
	return nil
}

// Remove takes a file away from a draft.
func (s *Store) Remove(ctx context.Context, pass access.Pass, outreach, id string) error {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return err
	}
	const q = `delete from outreach_file where id = $1 and outreach = $2 and exists (select 1 from outreach o where o.id = $2 and o.state = 'draft') returning blob`
	var gone []string
	err := s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		gone, err = db.All(ctx, tx, db.Value[string], q, id, outreach)
		return err
	})
	if err != nil {
		return fmt.Errorf("enclosure: remove: %w", err)
	}
	for _, name := range gone {
		if err := s.files.Delete(ctx, name); err != nil {
			return fmt.Errorf("enclosure: remove: %w", err)
		}
	}
	return nil
}

const columns = `f.id, f.name, f.media, f.bytes, f.at, f.blob`

func read(scan db.Scan) (f File, err error) {
	var at int64
	err = scan(&f.ID, &f.Name, &f.Media, &f.Bytes, &at, &f.blob)
	f.At = db.Time(at)
	return f, err
}

// List returns the files of an outreach, oldest first.
func (s *Store) List(ctx context.Context, pass access.Pass, outreach string) ([]File, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, read, `select `+columns+` from outreach_file f where f.outreach = $1 order by f.at, f.id`, outreach)
	if err != nil {
		return nil, fmt.Errorf("enclosure: list: %w", err)
	}
	return list, nil
}

// Of returns the files that come with a message of the patient whom pass
// opens.
func (s *Store) Of(ctx context.Context, pass access.Pass, message string) ([]File, error) {
	patient, err := reader(pass)
	if err != nil {
		return nil, err
	}
	const q = `select ` + columns + ` from outreach_file f join message m on m.outreach = f.outreach
		where m.id = $1 and m.patient = $2 order by f.at, f.id`
	list, err := db.All(ctx, s.db, read, q, message, patient)
	if err != nil {
		return nil, fmt.Errorf("enclosure: of message %s: %w", message, err)
	}
	return list, nil
}

// Open returns one file that comes with a message of the patient whom pass
// opens; whoever gets it closes it.
func (s *Store) Open(ctx context.Context, pass access.Pass, message, id string) (File, io.ReadCloser, error) {
	list, err := s.Of(ctx, pass, message)
	if err != nil {
		return File{}, nil, err
	}
	for _, f := range list {
		if f.ID == id {
			body, err := s.files.Open(ctx, f.blob)
			if err != nil {
				return File{}, nil, fmt.Errorf("enclosure: open %s: %w", id, err)
			}
			return f, body, nil
		}
	}
	return File{}, nil, db.ErrNone
}

// reader returns the patient whose messages pass opens.
func reader(pass access.Pass) (string, error) {
	patient, err := pass.Open(access.ReadMessage)
	if err == nil {
		return patient, nil
	}
	return pass.Open(access.ReadMessages)
}
