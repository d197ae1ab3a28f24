package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/store/db"
)

// Move is a new address under way.
type Move struct {
	ID         string
	Kind       string // email or sms
	Value, Old string
	Due        time.Time // when it comes into force
}

// BeginMove sends a code to a new address of the account. It wants
// access.AccountZone of the session, whatever the account has.
func (s *Store) BeginMove(ctx context.Context, in Session, to string) (id string, send *Delivery, err error) {
	if err := s.mayTakeOver(ctx, in); err != nil {
		return "", nil, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return "", nil, err
	}
	target, err := parseAddress(to)
	if err != nil {
		return "", nil, err
	}
	id, code, now, allowed := s.ids.New(), sixDigits(), s.now(), false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.inLine(ctx, tx); err != nil {
			return err
		}
		if allowed, err = s.maySend(ctx, tx, target); err != nil || !allowed {
			return err
		}
		const q = `
			insert into account_move (id, account, kind, value, old, hash, created_at, due_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`
		_, err = tx.ExecContext(ctx, q, id, a.ID, target.kind, target.value, a.at(target.kind), s.hashCode(id, code), now.UnixMicro(), now.Add(CodeLife).UnixMicro())
		if err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(Moving, a, true))
	})
	if err != nil {
		return "", nil, fmt.Errorf("account: begin move of %s: %w", a.ID, err)
	}
	if !allowed {
		return "", nil, errTooMany
	}
	return id, &Delivery{Channel: target.kind, To: target.value, Code: code, Lang: a.Lang, Patient: a.Patient}, nil
}

// at returns the account's address of that kind.
func (a Account) at(kind string) string {
	if kind == "email" {
		return a.Email
	}
	return a.Phone
}

// FinishMove takes the code. The address comes into force at the Move's Due:
// until then codes go where they went before, and whoever gets them there can
// take it back.
func (s *Store) FinishMove(ctx context.Context, in Session, id, code string) (Move, error) {
	if err := s.mayTakeOver(ctx, in); err != nil {
		return Move{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Move{}, err
	}
	var m Move
	right := false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		m, right, err = s.proveMove(ctx, tx, a, id, digits(code))
		if err != nil || !right {
			return err
		}
		if err := s.hold(ctx, tx, a.ID); err != nil {
			return err
		}
		note := Notice{Kind: AddressMoving, Account: a, What: mask(address{m.Kind, m.Value}), Also: []Address{{m.Kind, m.Value}}, Until: m.Due}
		if err := s.tellRef(ctx, tx, note, cancelMove, m.ID); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(Moving, a, true))
	})
	if err != nil {
		return Move{}, fmt.Errorf("account: finish move of %s: %w", a.ID, err)
	}
	if !right {
		return Move{}, errCode
	}
	return m, nil
}

// proveMove spends a try and lets the move wait for its due time if the code
// is right.
func (s *Store) proveMove(ctx context.Context, tx *db.Tx, a Account, id, code string) (Move, bool, error) {
	now := s.now()
	const try = `
		update account_move set tries = tries + 1
		where id = $1 and account = $2 and state = 'open' and tries < $3 and due_at > $4
		returning kind, value, old, hash`
	m := Move{ID: id, Due: now.Add(s.rules.hold()).UTC()}
	hash := ""
	_, err := db.One(ctx, tx, func(scan db.Scan) (struct{}, error) { return struct{}{}, scan(&m.Kind, &m.Value, &m.Old, &hash) },
		try, id, a.ID, Tries, now.UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return m, false, nil
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(hash), []byte(s.hashCode(id, code))) == 0 {
		return m, false, err
	}
	const q = `update account_move set state = 'waiting', due_at = $2 where id = $1 and state = 'open'`
	n, err := db.Changed(tx.ExecContext(ctx, q, id, m.Due.UnixMicro()))
	return m, n == 1, err
}

const moveColumns = `id, kind, value, old, due_at`

func readMove(scan db.Scan) (m Move, err error) {
	var due int64
	err = scan(&m.ID, &m.Kind, &m.Value, &m.Old, &due)
	m.Due = when(due)
	return m, err
}

// Moves returns the account's new addresses that wait to come into force.
func (s *Store) Moves(ctx context.Context, account string) ([]Move, error) {
	list, err := db.All(ctx, s.db, readMove, `select `+moveColumns+` from account_move where account = $1 and state = 'waiting' order by due_at, id`, account)
	if err != nil {
		return nil, fmt.Errorf("account: moves of %s: %w", account, err)
	}
	return list, nil
}

// CancelMove takes a new address back before it is in force. Any session of
// the account may: it only keeps things as they are.
func (s *Store) CancelMove(ctx context.Context, in Session, id string) error {
	if in.Zone == access.NoZone {
		return errAgain
	}
	const q = `update account_move set state = 'cancelled' where id = $1 and account = $2 and state in ('open', 'waiting')`
	gone, err := s.change(ctx, in.Account, MoveCancelled, q, id, in.Account)
	if err == nil && !gone {
		err = errNotYours
	}
	return err
}

// finishMoves brings the addresses into force that are due.
func (s *Store) finishMoves(ctx context.Context) error {
	now := s.now()
	type due struct {
		Move
		account string
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (d due, err error) {
		d.Move, err = readMove(func(dest ...any) error { return scan(append(dest, &d.account)...) })
		return d, err
	}, `select `+moveColumns+`, account from account_move where state = 'waiting' and due_at <= $1 order by due_at limit 100`, now.UnixMicro())
	if err != nil {
		return err
	}
	for _, d := range list {
		a, err := s.Get(ctx, d.account)
		if errors.Is(err, errNoOne) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.db.Tx(ctx, func(tx *db.Tx) error { return s.move(ctx, tx, a, d.Move) }); err != nil {
			return fmt.Errorf("move %s: %w", d.ID, err)
		}
	}
	return nil
}

func (s *Store) move(ctx context.Context, tx *db.Tx, a Account, m Move) error {
	n, err := db.Changed(tx.ExecContext(ctx, `update account_move set state = 'done' where id = $1 and state = 'waiting'`, m.ID))
	if err != nil || n == 0 {
		return err
	}
	q := `update account set email = $2 where id = $1`
	if m.Kind == "sms" {
		q = `update account set phone = $2 where id = $1`
	}
	if _, err := tx.ExecContext(ctx, q, a.ID, m.Value); err != nil {
		return err
	}
	note := Notice{Kind: AddressMoved, Account: a, What: mask(address{m.Kind, m.Value}), Also: []Address{{m.Kind, m.Value}}}
	if err := s.tell(ctx, tx, note); err != nil {
		return err
	}
	return s.log.AddIn(ctx, tx, happened(Moved, a, true))
}
