// Package collect brings patients to their bills: by a message that says only
// that there is one, and by links on which anybody who knows the date of birth
// may pay without an account.
//
// A message goes by the rules of its purpose, billing: what a person stopped
// stays stopped, and nothing goes at night.
package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/money"
	"hale/internal/care/bill"
	"hale/internal/reach"
	"hale/internal/reach/link"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// engine is what the store needs of package reach.
type engine interface {
	List(ctx context.Context, pass access.Pass) ([]reach.Outreach, error)
	Open(ctx context.Context, tx *db.Tx, pass access.Pass, o reach.Outreach) (reach.Outreach, error)
	Enter(ctx context.Context, tx *db.Tx, pass access.Pass, in reach.Entry) (intent string, err error)
}

// Config is what a Store is made of.
type Config struct {
	DB    *db.DB
	IDs   *ids.Source
	Now   func() time.Time
	Doors *access.Doors
	Reach engine
	Links *link.Store
	Bills *bill.Store
	Base  string // what links begin with
}

// Store makes links to pay, and tells of them.
type Store struct{ Config }

// New returns a store made of c.
func New(c Config) *Store { return &Store{c} }

// Target is what a link is for: a bill, or what is next of a plan.
type Target struct{ Patient, Bill, Plan string }

// Path is where links to pay lead.
const Path = "/pay/"

// linkLife is how long a link to pay opens: as long as a paper bill lies
// about.
const linkLife = 60 * 24 * time.Hour

// mark begins the name under which a link to pay stands.
const mark = "pay/"

// Link makes a link that opens a bill of the patient whom pass opens, or a
// plan, to whoever knows the date of birth. It can be printed or told.
func (s *Store) Link(ctx context.Context, pass access.Pass, t Target) (address string, err error) {
	if t, err = s.check(ctx, pass, t); err != nil {
		return "", err
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		id, err := s.keep(ctx, tx, pass.Actor(), t, "")
		if err != nil {
			return err
		}
		token, err := s.Links.Create(ctx, tx, link.New{Message: mark + id, Patient: t.Patient, Factor: link.DOB, Expires: s.Now().Add(linkLife)})
		address = s.Base + Path + token
		return err
	})
	if err != nil {
		return "", fmt.Errorf("collect: link: %w", err)
	}
	return address, nil
}

// check says whose it is, and that it is there.
func (s *Store) check(ctx context.Context, pass access.Pass, t Target) (Target, error) {
	patient, err := pass.Open(access.PayBills)
	if err != nil {
		return t, err
	}
	t.Patient = patient
	if t.Plan != "" {
		_, err = s.Bills.Plan(ctx, pass, t.Plan)
		return t, err
	}
	_, err = s.Bills.Get(ctx, pass, t.Bill)
	return t, err
}

func (s *Store) keep(ctx context.Context, tx *db.Tx, by access.Actor, t Target, intent string) (id string, err error) {
	const q = `insert into bill_link (id, patient, bill, plan, intent, made_by, made_at) values ($1, $2, $3, $4, $5, $6, $7)`
	id = s.IDs.New()
	_, err = tx.ExecContext(ctx, q, id, t.Patient, t.Bill, t.Plan, intent, by.ID, db.Micro(s.Now()))
	return id, err
}

// Of returns what the link of a message is for. It is no bill's where the
// error is of kind errs.NotFound.
func (s *Store) Of(ctx context.Context, o link.Opened) (t Target, err error) {
	const byID = `select patient, bill, plan from bill_link where id = $1`
	const byMessage = `select l.patient, l.bill, l.plan from message m join bill_link l on l.intent = m.intent where m.id = $1`
	read := func(scan db.Scan) (t Target, err error) { return t, scan(&t.Patient, &t.Bill, &t.Plan) }
	if id, ok := strings.CutPrefix(o.Message, mark); ok {
		t, err = db.One(ctx, s.DB, read, byID, id)
	} else {
		t, err = db.One(ctx, s.DB, read, byMessage, o.Message)
	}
	if err == nil && t.Patient != o.Patient {
		err = db.ErrNone
	}
	if err != nil {
		return Target{}, fmt.Errorf("collect: of a link: %w", err)
	}
	return t, nil
}

// The texts that tell of money, each an outreach of its own.
const (
	billText = "A bill"
	partText = "A part of a payment plan"
)

// Send tells the patient whom pass opens of a bill, or of what is next of a
// plan. Told again within a day, it is told once.
func (s *Store) Send(ctx context.Context, pass access.Pass, t Target) error {
	t, err := s.check(ctx, pass, t)
	if err != nil {
		return err
	}
	name, sum := billText, money.Sum{}
	if t.Plan != "" {
		p, err := s.Bills.Plan(ctx, pass, t.Plan)
		if err != nil {
			return err
		}
		next := p.Next()
		if next == nil {
			return errPaid
		}
		name, sum = partText, next.Left
	} else {
		b, err := s.Bills.Get(ctx, pass, t.Bill)
		if err != nil {
			return err
		}
		if !b.Open() {
			return errPaid
		}
		sum = b.Left()
	}
	return s.send(ctx, pass.Actor(), t, name, sum, "told/"+t.Bill+t.Plan+"/"+s.Now().UTC().Format(time.DateOnly), nil)
}

var errPaid = errs.New(errs.Conflict, "Nothing is owed on this any more.")

// send enters the patient into the outreach of a text; also is written in the
// same transaction.
func (s *Store) send(ctx context.Context, by access.Actor, t Target, name string, sum money.Sum, trigger string, also func(*db.Tx) error) error {
	pass, err := s.Doors.CheckAll(ctx, access.SystemActor("bills", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := s.Reach.List(ctx, pass)
	if err != nil {
		return fmt.Errorf("collect: send: %w", err)
	}
	outreach := ""
	for _, o := range list {
		if o.Kind == reach.API && o.Purpose == "billing" && o.Name == name && (o.State == reach.Running || o.State == reach.Paused) {
			outreach = o.ID
		}
	}
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		if outreach == "" {
			made, err := s.Reach.Open(ctx, tx, pass, written(name))
			if err != nil {
				return err
			}
			outreach = made.ID
		}
		intent, err := s.Reach.Enter(ctx, tx, pass, reach.Entry{Outreach: outreach, Patient: t.Patient, Trigger: trigger, Values: map[string]string{"amount": sum.String()}})
		if err != nil {
			return err
		}
		n, err := db.One(ctx, tx, db.Value[int], `select count(*) from bill_link where intent = $1`, intent)
		if err == nil && n == 0 {
			_, err = s.keep(ctx, tx, by, t, intent)
		}
		if err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return fmt.Errorf("collect: send: %w", err)
	}
	return nil
}

// written is the outreach of a text.
func written(name string) reach.Outreach {
	page := func(lang, subject, body string) template.Part {
		return template.Part{Channel: template.Page, Lang: lang, Subject: subject, Body: body}
	}
	o := reach.Outreach{Name: name, Purpose: "billing", Kind: reach.API, ExpireDays: 14, WindowDays: 30}
	o.Template = template.Template{
		Sensitivity: policy.S2, Extra: []template.Field{{Name: "amount", Words: "What is owed, such as $40.00", Class: policy.S2}},
		Parts: []template.Part{
			page("en", "You have a bill", "Hello {{ first_name | default: \"there\" }},\n\nYou have a bill from {{ clinic }}. You owe {{ amount }}.\n\nYou can see what it is for and pay it with the button below. If you cannot pay it all now, you can ask us for a payment plan or for help.\n\nQuestions? Call us at {{ clinic_phone }}."),
			page("es", "Usted tiene una factura", "Hola {{ first_name | default: \"\" }}:\n\nTiene una factura de {{ clinic }}. Debe {{ amount }}.\n\nCon el botón de abajo puede ver de qué es y pagarla. Si no puede pagar todo ahora, puede pedirnos un plan de pagos o ayuda.\n\n¿Preguntas? Llámenos al {{ clinic_phone }}."),
		},
	}
	if name == partText {
		o.Template.Parts = []template.Part{
			page("en", "Your next payment", "Hello {{ first_name | default: \"there\" }},\n\nThe next payment of your plan with {{ clinic }} is {{ amount }}.\n\nYou can see your plan and pay with the button below. If this month is hard for you, call us before the day.\n\nQuestions? Call us at {{ clinic_phone }}."),
			page("es", "Su próximo pago", "Hola {{ first_name | default: \"\" }}:\n\nEl próximo pago de su plan con {{ clinic }} es de {{ amount }}.\n\nCon el botón de abajo puede ver su plan y pagar. Si este mes le es difícil, llámenos antes de la fecha.\n\n¿Preguntas? Llámenos al {{ clinic_phone }}."),
		}
	}
	return o
}

// none says whether err only means that there is nothing.
func none(err error) bool { return errors.Is(err, db.ErrNone) }
