package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// tokenBytes is the length of a browser's token: 256 bits.
const tokenBytes = 32

// Open opens the link of token for whoever knows the date of birth born
// (YYYY-MM-DD) or holds the device token of a browser that did.
//
// Every answer is counted before it is told, so answers sent side by side
// are no more tries than answers sent one by one.
func (s *Store) Open(ctx context.Context, token, born, device string) (Opened, error) {
	r, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	by, err := s.factor(ctx, r, token, born, device)
	if err != nil {
		return Opened{}, err
	}
	var o Opened
	var refusal error
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		switch {
		case r.id == "":
			refusal = ErrGone
			return s.countMiss(ctx, tx)
		case by == noAnswer:
			refusal = r.state(s.now())
			if refusal == nil {
				refusal = ErrAsk
			}
			return nil
		case by == wrongAnswer:
			refusal, err = s.countWrong(ctx, tx, r)
			return err
		case r.factor == SignIn: // a date of birth is known to many, and proves nothing
			if refusal = r.state(s.now()); refusal == nil {
				refusal = ErrSignIn
			}
			return nil
		}
		o, refusal, err = s.admit(ctx, tx, r, by, device)
		return err
	})
	if err != nil {
		return Opened{}, fmt.Errorf("link: open: %w", err)
	}
	return o, refusal
}

// answer is what somebody brought to a link.
type answer int

const (
	noAnswer answer = iota
	wrongAnswer
	knownDevice
	rightDate
	noneNeeded
)

// factor says what the person brought. It asks the same questions whether or
// not there is a link.
func (s *Store) factor(ctx context.Context, r row, token, born, device string) (answer, error) {
	known, err := s.Known(ctx, token, device)
	if err != nil {
		return noAnswer, err
	}
	right := false
	if born != "" {
		if right, err = s.bornOn(ctx, r.patient, born); err != nil {
			return noAnswer, err
		}
	}
	switch {
	case r.factor == None:
		return noneNeeded, nil
	case right:
		return rightDate, nil
	case born != "":
		return wrongAnswer, nil
	case known:
		return knownDevice, nil
	}
	return noAnswer, nil
}

// bornOn answers no where there is no such patient.
func (s *Store) bornOn(ctx context.Context, patient, date string) (bool, error) {
	if patient == "" {
		patient = "nobody" // the look-up is made all the same
	}
	right, err := s.born.BornOn(ctx, patient, date)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("link: factor: %w", err)
	}
	return right, nil
}

// open is the condition on a link that may be opened at $2.
const open = `dead_at = 0 and retracted_at = 0 and expires_at > $2 and locked_until <= $2`

// countWrong counts a wrong answer, unless the link was locked or ended
// meanwhile, and returns what to say.
func (s *Store) countWrong(ctx context.Context, tx *db.Tx, r row) (refusal, err error) {
	const q = `
		update link
		set fails = fails + 1,
			locked_until = case when fails + 1 = $4 then $3 else locked_until end,
			dead_at = case when fails + 1 >= $5 then $2 else dead_at end
		where id = $1 and ` + open
	now := s.now()
	n, err := db.Changed(tx.ExecContext(ctx, q, r.id, now.UnixMicro(), now.Add(LockTime).UnixMicro(), TriesToLock, TriesToDie))
	if err != nil {
		return nil, err
	}
	after, err := one(ctx, tx, `id = $1`, r.id)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return refused(after, now), nil
	}
	return afterWrong(after.fails), nil
}

// admit lets the person in, unless the link was locked or ended meanwhile.
func (s *Store) admit(ctx context.Context, tx *db.Tx, r row, by answer, device string) (o Opened, refusal, err error) {
	const first = `update link set opened_at = $2 where id = $1 and opened_at = 0 and ` + open
	const again = `update link set opened_at = opened_at where id = $1 and ` + open
	now := s.now()
	n, err := db.Changed(tx.ExecContext(ctx, first, r.id, now.UnixMicro()))
	if err != nil {
		return Opened{}, nil, err
	}
	o = Opened{Link: r.id, Message: r.message, Patient: r.patient, First: n == 1}
	if !o.First {
		if n, err = db.Changed(tx.ExecContext(ctx, again, r.id, now.UnixMicro())); err != nil {
			return Opened{}, nil, err
		}
	}
	if n == 0 {
		after, err := one(ctx, tx, `id = $1`, r.id)
		return Opened{}, refused(after, now), err
	}
	if by == rightDate {
		if o.Device, err = s.bind(ctx, tx, r.patient, device); err != nil {
			return Opened{}, nil, err
		}
	}
	o.Session, err = s.startSession(ctx, tx, r.id)
	return o, nil, err
}

// refused returns why a link that changed meanwhile does not open.
func refused(r row, now time.Time) error {
	if err := r.state(now); err != nil {
		return err
	}
	return ErrGone
}

// bind remembers the browser. Its token is new each time; what the browser
// could open before, it still can.
func (s *Store) bind(ctx context.Context, tx *db.Tx, patient, device string) (string, error) {
	const rename = `update link_device set hash = $2 where hash = $1`
	const add = `
		insert into link_device (hash, patient, made_at, expires_at) values ($1, $2, $3, $4)
		on conflict (hash, patient) do update set made_at = excluded.made_at, expires_at = excluded.expires_at`
	token := seal.Token(tokenBytes)
	if device != "" {
		if _, err := tx.ExecContext(ctx, rename, seal.Hash(device), seal.Hash(token)); err != nil {
			return "", err
		}
	}
	now := s.now()
	_, err := tx.ExecContext(ctx, add, seal.Hash(token), patient, now.UnixMicro(), now.Add(DeviceLife).UnixMicro())
	return token, err
}

func (s *Store) startSession(ctx context.Context, tx *db.Tx, link string) (string, error) {
	const q = `insert into link_session (hash, link, made_at, expires_at) values ($1, $2, $3, $4)`
	token := seal.Token(tokenBytes)
	now := s.now()
	_, err := tx.ExecContext(ctx, q, seal.Hash(token), link, now.UnixMicro(), now.Add(SessionLife).UnixMicro())
	return token, err
}

// countMiss writes what an answer to a real link would write.
func (s *Store) countMiss(ctx context.Context, tx *db.Tx) error {
	const q = `
		insert into link_miss (day, n) values ($1, 1)
		on conflict (day) do update set n = link_miss.n + 1`
	_, err := tx.ExecContext(ctx, q, s.now().Unix()/(24*60*60))
	return err
}
