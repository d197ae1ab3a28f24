package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// What a cancellation takes back.
const (
	cancelWeak     = "weak"     // what a code alone added
	cancelRecovery = "recovery" // everything since a recovery
	cancelMove     = "move"     // a new address
)

// tell puts a notice on its way, in the transaction of what it tells.
func (s *Store) tell(ctx context.Context, tx *db.Tx, n Notice) error {
	id := s.ids.New()
	if n.At.IsZero() {
		n.At = s.now().UTC()
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	const q = `insert into account_notice (id, account, body, next_at, created_at) values ($1, $2, $3, $4, $4)`
	_, err = tx.ExecContext(ctx, q, id, n.Account.ID, s.key.Seal(text, "notice/"+id), s.now().UnixMicro())
	return err
}

// tellCancel is tell with a link that takes back what happened since.
func (s *Store) tellCancel(ctx context.Context, tx *db.Tx, n Notice, what string, since time.Time) error {
	return s.tellRef(ctx, tx, n, what, fmt.Sprint(since.UnixMicro()))
}

func (s *Store) tellRef(ctx context.Context, tx *db.Tx, n Notice, what, ref string) error {
	n.Cancel = seal.Token(24)
	now := s.now()
	if _, err := tx.ExecContext(ctx, `delete from account_cancel where expires_at < $1`, now.UnixMicro()); err != nil {
		return err
	}
	const q = `insert into account_cancel (hash, account, what, ref, expires_at) values ($1, $2, $3, $4, $5)`
	if _, err := tx.ExecContext(ctx, q, seal.Hash(n.Cancel), n.Account.ID, what, ref, now.Add(CancelLife).UnixMicro()); err != nil {
		return err
	}
	return s.tell(ctx, tx, n)
}

// Tell puts a notice of another part of Hale on its way to an account: a
// proxy was granted, a record was opened in an emergency.
func (s *Store) Tell(ctx context.Context, tx *db.Tx, n Notice) error {
	if err := s.tell(ctx, tx, n); err != nil {
		return fmt.Errorf("account: tell %s: %w", n.Account.ID, err)
	}
	return nil
}

// Sweep is the regular work: it brings due addresses into force, notes second
// factors that were not given, and sends notices. It returns how many it
// sent.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	err := errors.Join(s.finishMoves(ctx), s.unfinished(ctx))
	sent, failed := s.send(ctx)
	if err = errors.Join(err, failed); err != nil {
		return sent, fmt.Errorf("account: sweep: %w", err)
	}
	return sent, nil
}

// unfinished tells the owners of sessions that still want a second factor
// after UnfinishedAfter: somebody knows their first.
func (s *Store) unfinished(ctx context.Context) error {
	now := s.now()
	const q = `
		select s.id, ` + columns + `
		from account_session s join account a on a.id = s.account
		where s.zone = 0 and s.told_at = 0 and s.created_at <= $1 and s.how in ('code', 'code+device', 'codes', 'password', 'sso')
		order by s.created_at limit 100`
	type open struct {
		session string
		Account
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (o open, err error) {
		o.Account, err = read(func(dest ...any) error { return scan(append([]any{&o.session}, dest...)...) })
		return o, err
	}, q, now.Add(-UnfinishedAfter).UnixMicro())
	if err != nil {
		return err
	}
	for _, o := range list {
		err := s.db.Tx(ctx, func(tx *db.Tx) error {
			const q = `update account_session set told_at = $2 where id = $1 and told_at = 0`
			n, err := db.Changed(tx.ExecContext(ctx, q, o.session, now.UnixMicro()))
			if err != nil || n == 0 {
				return err
			}
			return s.tell(ctx, tx, Notice{Kind: SecondUnfinished, Account: o.Account})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// waiting is a notice that is due.
type waiting struct {
	id    string
	body  []byte
	tries int
}

// send hands due notices over. Whoever takes one moves its time first, so
// that of two nodes one sends it.
func (s *Store) send(ctx context.Context) (int, error) {
	if s.notices == nil {
		return 0, nil
	}
	const q = `select id, body, tries from account_notice where next_at <= $1 order by next_at, id limit 100`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (w waiting, err error) {
		err = scan(&w.id, &w.body, &w.tries)
		return w, err
	}, q, s.now().UnixMicro())
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, w := range list {
		ok, failed := s.sendOne(ctx, w)
		err = errors.Join(err, failed)
		if ok {
			sent++
		}
	}
	return sent, err
}

func (s *Store) sendOne(ctx context.Context, w waiting) (bool, error) {
	const claim = `update account_notice set tries = tries + 1, next_at = $3 where id = $1 and tries = $2`
	later := s.now().Add(time.Minute << min(w.tries, 8))
	n, err := db.Changed(s.db.ExecContext(ctx, claim, w.id, w.tries, later.UnixMicro()))
	if err != nil || n == 0 {
		return false, err
	}
	text, err := s.key.Open(w.body, "notice/"+w.id)
	if err != nil {
		return false, err
	}
	var note Notice
	if err := json.Unmarshal(text, &note); err != nil {
		return false, err
	}
	if err := s.notices.Notify(ctx, note); err != nil && w.tries < 12 {
		return false, fmt.Errorf("notice %s: %w", w.id, err)
	}
	_, err = s.db.ExecContext(ctx, `delete from account_notice where id = $1`, w.id)
	return err == nil, err
}

// CancelOf looks at a notice's token and changes nothing.
func (s *Store) CancelOf(ctx context.Context, token string) (Cancellation, error) {
	c, _, err := s.cancellation(ctx, token)
	return c, err
}

// Cancellation is what a notice's link would take back.
type Cancellation struct {
	Kind    string // weak, recovery or move
	Account Account
	Until   time.Time
}

func (s *Store) cancellation(ctx context.Context, token string) (c Cancellation, ref string, err error) {
	const q = `select c.what, c.ref, c.expires_at, ` + columns + `
		from account_cancel c join account a on a.id = c.account where c.hash = $1 and c.expires_at > $2`
	c, err = db.One(ctx, s.db, func(scan db.Scan) (c Cancellation, err error) {
		var until int64
		c.Account, err = read(func(dest ...any) error { return scan(append([]any{&c.Kind, &ref, &until}, dest...)...) })
		c.Until = when(until)
		return c, err
	}, q, seal.Hash(token), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return c, "", errCancel
	}
	if err != nil {
		return c, "", fmt.Errorf("account: cancellation: %w", err)
	}
	return c, ref, nil
}

// Cancel takes back what the notice told of, and signs the account out
// everywhere. What it takes back was made by whoever the owner does not know:
// nothing that was there before is lost.
func (s *Store) Cancel(ctx context.Context, token string) (Cancellation, error) {
	c, ref, err := s.cancellation(ctx, token)
	if err != nil {
		return c, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, `delete from account_cancel where hash = $1`, seal.Hash(token)))
		if err != nil || n == 0 {
			return anyErr(err, errCancel)
		}
		if err := s.takeBack(ctx, tx, c, ref); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from account_session where account = $1`, c.Account.ID); err != nil {
			return err
		}
		row := happened(Cancelled, c.Account, true)
		row.Reason = c.Kind
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return c, fmt.Errorf("account: cancel for %s: %w", c.Account.ID, err)
	}
	return c, nil
}

func (s *Store) takeBack(ctx context.Context, tx *db.Tx, c Cancellation, ref string) error {
	if c.Kind == cancelMove {
		const q = `update account_move set state = 'cancelled' where id = $1 and account = $2 and state in ('open', 'waiting')`
		_, err := tx.ExecContext(ctx, q, ref, c.Account.ID)
		return err
	}
	only := " and weak = 1"
	if c.Kind == cancelRecovery {
		only = ""
	}
	list := []string{
		`delete from account_device where account = $1 and created_at >= $2`,
		`delete from account_passkey where account = $1 and created_at >= $2` + only,
		`delete from account_password where account = $1 and created_at >= $2` + only,
		`delete from account_totp where account = $1 and created_at >= $2` + only,
	}
	if c.Kind == cancelRecovery {
		list = append(list, `delete from account_sheet where account = $1 and created_at >= $2`)
	}
	var since int64
	if _, err := fmt.Sscan(ref, &since); err != nil {
		return err
	}
	for _, q := range list {
		if _, err := tx.ExecContext(ctx, q, c.Account.ID, since); err != nil {
			return err
		}
	}
	return s.hold(ctx, tx, c.Account.ID)
}
