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
			var died bool
			if refusal, died, err = s.countWrong(ctx, tx, r); died {
				o = Opened{Link: r.id, Message: r.message, Patient: r.patient, Died: true}
			}
			return err
		case r.factor == SignIn: // a date of birth is known to many, and proves nothing
			if refusal = r.state(s.now()); refusal == nil {
				refusal = ErrSignIn
			}
			return nil
		}
		if r.code && by == rightDate {
			o, refusal, err = s.await(ctx, tx, r)
			return err
		}
		o, refusal, err = s.admit(ctx, tx, r, by, device, "")
		return err
	})
	if err != nil {
		return Opened{}, fmt.Errorf("link: open: %w", err)
	}
	return o, refusal
}

// await begins a session in which a code is awaited: nothing shows yet.
func (s *Store) await(ctx context.Context, tx *db.Tx, r row) (o Opened, refusal, err error) {
	const q = `insert into link_session (hash, link, made_at, expires_at, waits) values ($1, $2, $3, $4, 1)`
	now := s.now()
	if refusal := r.state(now); refusal != nil {
		return Opened{}, refusal, nil
	}
	o = Opened{Link: r.id, Message: r.message, Patient: r.patient, Waits: true, Session: seal.Token(tokenBytes)}
	_, err = tx.ExecContext(ctx, q, seal.Hash(o.Session), r.id, now.UnixMicro(), now.Add(CodeLife).UnixMicro())
	return o, nil, err
}

// answer is what somebody brought to a link.
type answer int

const (
	noAnswer answer = iota
	wrongAnswer
	knownDevice
	rightDate
	noneNeeded
	rightCode // that went to another contact point
	bothRight // the date, and a code that went where the link went
)

// word is what a proof calls an answer.
func (a answer) word() string {
	switch a {
	case knownDevice:
		return "device"
	case rightDate:
		return "dob"
	case rightCode:
		return "code"
	case bothRight:
		return "dob+code"
	}
	return "none"
}

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
const open = `dead_at = 0 and retracted_at = 0 and expires_at > $2 and locked_until <= $2 and (max_uses = 0 or uses < max_uses)`

// countWrong counts a wrong answer, unless the link was locked or ended
// meanwhile, and returns what to say, and whether this one ended it.
func (s *Store) countWrong(ctx context.Context, tx *db.Tx, r row) (refusal error, died bool, err error) {
	const q = `
		update link
		set fails = fails + 1,
			locked_until = case when fails + 1 = $4 then $3 else locked_until end,
			dead_at = case when fails + 1 >= $5 then $2 else dead_at end
		where id = $1 and ` + open
	now := s.now()
	n, err := db.Changed(tx.ExecContext(ctx, q, r.id, now.UnixMicro(), now.Add(LockTime).UnixMicro(), TriesToLock, TriesToDie))
	if err != nil {
		return nil, false, err
	}
	after, err := one(ctx, tx, `id = $1`, r.id)
	if err != nil {
		return nil, false, err
	}
	if n == 0 {
		return refused(after, now), false, nil
	}
	return afterWrong(after.fails), after.fails >= TriesToDie, nil
}

// admit lets the person in, unless the link was locked or ended meanwhile.
// waiting is the session that awaited a code; empty: none did.
func (s *Store) admit(ctx context.Context, tx *db.Tx, r row, by answer, device, waiting string) (o Opened, refusal, err error) {
	const first = `update link set opened_at = $2, uses = uses + 1 where id = $1 and opened_at = 0 and ` + open
	const again = `update link set uses = uses + 1 where id = $1 and ` + open
	now := s.now()
	if r.alone && r.bound != "" && (device == "" || seal.Hash(device) != r.bound) {
		return Opened{}, ErrOther, nil
	}
	n, err := db.Changed(tx.ExecContext(ctx, first, r.id, now.UnixMicro()))
	if err != nil {
		return Opened{}, nil, err
	}
	o = Opened{Link: r.id, Message: r.message, Patient: r.patient, First: n == 1, Factor: by.word()}
	if !o.First {
		if n, err = db.Changed(tx.ExecContext(ctx, again, r.id, now.UnixMicro())); err != nil {
			return Opened{}, nil, err
		}
	}
	if n == 0 {
		after, err := one(ctx, tx, `id = $1`, r.id)
		return Opened{}, refused(after, now), err
	}
	if by == rightDate || by == rightCode || by == bothRight || r.alone && device == "" {
		if o.Device, err = s.bind(ctx, tx, r.patient, device, by); err != nil {
			return Opened{}, nil, err
		}
	}
	if o.Browser, err = s.browser(ctx, tx, r, device, o.Device); err != nil {
		return Opened{}, nil, err
	}
	o.Session, err = s.startSession(ctx, tx, o, waiting)
	return o, nil, err
}

// browser says which of the link's browsers this is, and binds the first.
// made is its new token, empty where it keeps the one it had.
func (s *Store) browser(ctx context.Context, tx *db.Tx, r row, had, made string) (string, error) {
	const q = `update link set bound_device_hash = $2 where id = $1 and bound_device_hash = ''`
	has := made
	if has == "" {
		has = had
	}
	switch {
	case has == "":
		return "", nil // a button was enough, and no browser is known
	case r.bound != "" && had != "" && seal.Hash(had) == r.bound:
		return SameBrowser, nil
	case r.bound != "":
		return AnotherBrowser, nil
	}
	n, err := db.Changed(tx.ExecContext(ctx, q, r.id, seal.Hash(has)))
	if err != nil || n == 0 {
		return AnotherBrowser, err
	}
	return FirstBrowser, nil
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
func (s *Store) bind(ctx context.Context, tx *db.Tx, patient, device string, by answer) (string, error) {
	const add = `
		insert into link_device (hash, patient, made_at, expires_at, code) values ($1, $2, $3, $4, $5)
		on conflict (hash, patient) do update set made_at = excluded.made_at, expires_at = excluded.expires_at,
			code = case when link_device.code > excluded.code then link_device.code else excluded.code end`
	token := seal.Token(tokenBytes)
	if device != "" {
		for _, q := range []string{
			`update link_device set hash = $2 where hash = $1`,
			`update link set bound_device_hash = $2 where bound_device_hash = $1 and bound_device_hash <> ''`,
		} {
			if _, err := tx.ExecContext(ctx, q, seal.Hash(device), seal.Hash(token)); err != nil {
				return "", err
			}
		}
	}
	if by == noneNeeded { // a button proves nothing about who it is
		return token, nil
	}
	now := s.now()
	_, err := tx.ExecContext(ctx, add, seal.Hash(token), patient, now.UnixMicro(), now.Add(DeviceLife).UnixMicro(), digit(by == rightCode || by == bothRight))
	return token, err
}

// startSession begins the half hour in which the pages of o show, in the
// place of the session that awaited a code, and the row that proves it.
func (s *Store) startSession(ctx context.Context, tx *db.Tx, o Opened, waiting string) (string, error) {
	const q = `insert into link_session (hash, link, made_at, expires_at, proof) values ($1, $2, $3, $4, $5)`
	const proof = `insert into read_proof (id, link, message, patient, factor, device, opened_at) values ($1, $2, $3, $4, $5, $6, $7)`
	token, id, now := seal.Token(tokenBytes), s.ids.New(), s.now()
	if waiting != "" {
		if _, err := tx.ExecContext(ctx, `delete from link_session where hash = $1 and waits = 1`, seal.Hash(waiting)); err != nil {
			return "", err
		}
	}
	if _, err := tx.ExecContext(ctx, proof, id, o.Link, o.Message, o.Patient, o.Factor, o.Browser, now.UnixMicro()); err != nil {
		return "", err
	}
	_, err := tx.ExecContext(ctx, q, seal.Hash(token), o.Link, now.UnixMicro(), now.Add(SessionLife).UnixMicro(), id)
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
