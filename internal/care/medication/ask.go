package medication

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/store/db"
)

// Stage is how far a request for more is.
type Stage string

// The stages, in their order.
const (
	Asked    Stage = "asked"
	Approved Stage = "approved"
	Sent     Stage = "sent" // the pharmacy has it
	Ready    Stage = "ready"
	Picked   Stage = "picked"
)

// Ask is a request for more of a medicine.
type Ask struct {
	Task                                  task.Task
	Medicine                              string // Type/id; empty: none of the record
	Way                                   Way
	Because                               Because
	Stage                                 Stage
	Pharmacy                              string // Type/id; empty: none of the record
	PharmacyName                          string
	Request                               string // id of the MedicationRequest that the pharmacy works by
	Dispense                              string // id of the MedicationDispense
	SentBy                                string
	Authorised                            string // who said yes to a new prescription
	ApprovedAt, SentAt, ReadyAt, PickedAt time.Time
}

// At returns when a stage was reached; zero: not yet.
func (a Ask) At(s Stage) time.Time {
	switch s {
	case Asked:
		return a.Task.Asked
	case Approved:
		return a.ApprovedAt
	case Sent:
		return a.SentAt
	case Ready:
		return a.ReadyAt
	}
	return a.PickedAt
}

const askColumns = `a.task, a.medicine, a.way, a.because, a.stage, a.pharmacy, a.pharmacy_name, a.request, a.dispense, a.sent_by, a.authorised,
	a.approved_at, a.sent_at, a.ready_at, a.picked_at`

func scanAsk(row db.Scan) (a Ask, err error) {
	var approved, sent, ready, picked int64
	err = row(&a.Task.ID, &a.Medicine, &a.Way, &a.Because, &a.Stage, &a.Pharmacy, &a.PharmacyName, &a.Request, &a.Dispense, &a.SentBy, &a.Authorised,
		&approved, &sent, &ready, &picked)
	a.ApprovedAt, a.SentAt, a.ReadyAt, a.PickedAt = db.Time(approved), db.Time(sent), db.Time(ready), db.Time(picked)
	return a, err
}

// Get returns one request of the patient whom pass opens.
func (s *Supplies) Get(ctx context.Context, pass access.Pass, id string) (Ask, error) {
	return s.get(ctx, s.db, pass, id)
}

func (s *Supplies) get(ctx context.Context, c db.Conn, pass access.Pass, id string) (Ask, error) {
	t, err := s.tasks.Get(ctx, pass, id) // decides what pass shows
	if err != nil {
		return Ask{}, err
	}
	const q = `select ` + askColumns + ` from medicine_ask a where a.task = $1 and a.patient = $2`
	a, err := db.One(ctx, c, scanAsk, q, id, t.Patient)
	if err != nil {
		return Ask{}, fmt.Errorf("medication: request %s: %w", id, err)
	}
	a.Task = t
	return a, nil
}

// Requests returns the requests of the patient whom pass opens, the open ones
// first, each with its task.
func (s *Supplies) Requests(ctx context.Context, pass access.Pass, n int) ([]Ask, error) {
	if !pass.Sees(access.Medicines) {
		return nil, nil
	}
	tasks, err := s.tasks.Mine(ctx, pass, 200)
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	const q = `select ` + askColumns + ` from medicine_ask a where a.patient = $1 order by a.asked_at desc limit 200`
	rows, err := db.All(ctx, s.db, scanAsk, q, tasks[0].Patient)
	if err != nil {
		return nil, fmt.Errorf("medication: requests: %w", err)
	}
	by := map[string]Ask{}
	for _, a := range rows {
		by[a.Task.ID] = a
	}
	var list []Ask
	for _, t := range tasks {
		if a, ok := by[t.ID]; ok && len(list) < n {
			a.Task = t
			list = append(list, a)
		}
	}
	return list, nil
}

// Reply answers what the clinic asked back.
func (s *Supplies) Reply(ctx context.Context, k Keys, id, words string) error {
	if _, err := s.mine(ctx, k, id); err != nil {
		return err
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error { return s.tasks.ReplyTx(ctx, tx, k.Act, id, words) })
	if err != nil {
		return failed("reply to", id, err)
	}
	return nil
}

// Withdraw takes a request back that nobody approved yet.
func (s *Supplies) Withdraw(ctx context.Context, k Keys, id string) error {
	a, err := s.mine(ctx, k, id)
	if err != nil {
		return err
	}
	if a.Stage != Asked {
		return errWithPharmacy
	}
	return s.tasks.Cancel(ctx, k.Act, id)
}

// mine returns a request that whoever holds k may do something about.
func (s *Supplies) mine(ctx context.Context, k Keys, id string) (Ask, error) {
	if _, err := k.Act.Open(access.AskMedicines); err != nil {
		return Ask{}, err
	}
	return s.Get(ctx, k.Read, id)
}
