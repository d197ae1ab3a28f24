// Package carry brings a form that waits to where somebody fills it in: to
// another phone or computer, or to a person who has no account, by a link
// that asks for the patient's date of birth.
//
// What was saved goes with it: the link goes on with the answers of whoever
// had it made, and nobody types anything twice.
package carry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/care/form"
	"hale/internal/reach/link"
	"hale/internal/store/db"
)

// forms is what the store needs of package form.
type forms interface {
	Asked(ctx context.Context, pass access.Pass, id string) (form.Ask, error)
}

// Config is what a Store is made of.
type Config struct {
	DB    *db.DB
	IDs   *ids.Source
	Now   func() time.Time
	Links *link.Store
	Forms forms
	Base  string // what links begin with
}

// Store makes links to forms.
type Store struct{ Config }

// New returns a store made of c.
func New(c Config) *Store { return &Store{c} }

// Target is what a link is for.
type Target struct {
	Patient string
	Ask     string // the form that waits
	Writer  string // whose saved answers it goes on with
}

// Path is where links to forms lead.
const Path = "/fill/"

// Life is how long a link to a form opens.
const Life = 7 * 24 * time.Hour

// mark begins the name under which a link to a form stands.
const mark = "form/"

// mostLinks is how many links to one form open at a time.
const mostLinks = 10

var (
	errSent = errs.New(errs.Conflict, "You have already sent this form. We have it.")
	errMany = errs.New(errs.TooMany, "There are many links to this form already. Please use the last one.")
)

// Here makes a link to a form of the patient whom pass opens for
// SendMessages, with which they go on elsewhere with what they saved.
func (s *Store) Here(ctx context.Context, pass access.Pass, ask string) (address string, err error) {
	patient, err := pass.Open(access.SendMessages)
	if err != nil {
		return "", err
	}
	return s.make(ctx, pass, Target{patient, ask, pass.Actor().ID})
}

// Send makes a link to a form that the staff sends to the patient whom pass
// opens for the desk. It goes on with what the patient saved, by their
// account or by an earlier link.
func (s *Store) Send(ctx context.Context, pass access.Pass, ask string) (address string, err error) {
	patient, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits)
	if err != nil {
		return "", err
	}
	writer, err := db.One(ctx, s.DB, db.Value[string], `select id from account where patient = $1 and kind = 'patient' order by id limit 1`, patient)
	if errors.Is(err, db.ErrNone) {
		writer, err = "patient/"+patient, nil
	}
	if err != nil {
		return "", fmt.Errorf("carry: send: %w", err)
	}
	return s.make(ctx, pass, Target{patient, ask, writer})
}

func (s *Store) make(ctx context.Context, pass access.Pass, t Target) (address string, err error) {
	a, err := s.Forms.Asked(ctx, pass, t.Ask)
	if err != nil {
		return "", err
	}
	if a.State != form.Open {
		return "", errSent
	}
	const old = `select count(*) from form_link where ask = $1 and made_at > $2`
	const put = `insert into form_link (id, patient, ask, writer, made_by, made_at) values ($1, $2, $3, $4, $5, $6)`
	now, id := s.Now(), s.IDs.New()
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.One(ctx, tx, db.Value[int], old, t.Ask, db.Micro(now.Add(-Life)))
		if err != nil {
			return err
		}
		if n >= mostLinks {
			return errMany
		}
		if _, err := tx.ExecContext(ctx, put, id, t.Patient, t.Ask, t.Writer, pass.Actor().ID, db.Micro(now)); err != nil {
			return err
		}
		token, err := s.Links.Create(ctx, tx, link.New{Message: mark + id, Patient: t.Patient, Factor: link.DOB, Expires: now.Add(Life), Short: true})
		address = s.Base + Path + token
		return err
	})
	if err != nil {
		return "", fmt.Errorf("carry: link: %w", err)
	}
	return address, nil
}

// Of returns what an opened link is for. It is no form's where the error is
// of kind errs.NotFound.
func (s *Store) Of(ctx context.Context, o link.Opened) (t Target, err error) {
	id, ok := strings.CutPrefix(o.Message, mark)
	err = db.ErrNone
	if ok {
		t, err = db.One(ctx, s.DB, func(scan db.Scan) (t Target, err error) { return t, scan(&t.Patient, &t.Ask, &t.Writer) }, `select patient, ask, writer from form_link where id = $1`, id)
	}
	if err == nil && t.Patient != o.Patient {
		err = db.ErrNone
	}
	if err != nil {
		return Target{}, fmt.Errorf("carry: of a link: %w", err)
	}
	return t, nil
}
