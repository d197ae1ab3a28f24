package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// ErrLocked is what Actor returns for a session that rested too long: StepUp
// opens it again, so that nothing typed is lost.
var ErrLocked = errs.New(errs.Unauthenticated, "You were away for a while. Please show again that it is you.")

const sessionColumns = `s.id, s.account, s.agent, s.created_at, s.seen_at, s.expires_at, s.how, s.zone, s.proof_at, s.rest, s.trusted, s.sent, a.hold_until`

// row is a session with the account it belongs to.
type row struct {
	session Session
	account Account
}

// readSession reads sessionColumns and columns. While the account is on hold
// no session reaches what could take it over.
func (s *Store) readSession(scan db.Scan) (row, error) {
	var r row
	var created, seen, expires, proof, rest, trusted, hold int64
	in := &r.session
	a, err := read(func(dest ...any) error {
		return scan(append([]any{&in.ID, &in.Account, &in.Agent, &created, &seen, &expires, &in.How, &in.Zone, &proof, &rest, &trusted, &in.sent, &hold}, dest...)...)
	})
	r.account = a
	in.Created, in.Seen, in.Expires, in.Rest = when(created), when(seen), when(expires), time.Duration(rest)*time.Microsecond
	in.Kind, in.Lang, in.Trusted = a.Kind, a.Lang, trusted != 0
	if proof > 0 {
		in.Proved = when(proof)
	}
	if in.How == ByDemo { // its visitors have nothing to prove it with again
		in.Proved = s.now().UTC()
	}
	if hold > s.now().UnixMicro() {
		in.Zone = min(in.Zone, access.StepUpZone)
	}
	return r, err
}

// session returns the session of token, locked or not, with its account.
func (s *Store) session(ctx context.Context, token string) (Session, Account, error) {
	q := `select ` + sessionColumns + `, ` + columns + `
		from account_session s join account a on a.id = s.account
		where s.token_hash = $1 and s.expires_at > $2 and a.status = 'active'`
	got, err := db.One(ctx, s.db, s.readSession, q, seal.Hash(token), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return Session{}, Account{}, errSignIn
	}
	if err != nil {
		return Session{}, Account{}, fmt.Errorf("account: session: %w", err)
	}
	return got.session, got.account, nil
}

// Actor returns who the session belongs to, with the grants of this moment.
// A session that ended is nobody, one that rested too long ErrLocked. The
// actor of a session that still needs a factor has no role, no record and no
// grant.
func (s *Store) Actor(ctx context.Context, token string) (access.Actor, Session, error) {
	in, a, err := s.session(ctx, token)
	if err != nil {
		return access.Actor{}, Session{}, err
	}
	now := s.now()
	if !now.Before(in.Seen.Add(in.Rest)) {
		return access.Actor{}, Session{}, ErrLocked
	}
	actor := access.Actor{
		Kind: a.Kind, ID: a.ID, Name: a.Name, Session: seal.Hash(in.ID)[:12],
		Proof: access.Proof{Zone: in.Zone, At: in.Proved},
	}
	if in.Zone > access.NoZone {
		actor.Patient, actor.Roles = a.Patient, a.Roles
		if actor.Grants, err = s.grants(ctx, a.ID); err != nil {
			return access.Actor{}, Session{}, fmt.Errorf("account: grants of %s: %w", a.ID, err)
		}
	}
	if now.Sub(in.Seen) >= seenEvery {
		if _, err := s.db.ExecContext(ctx, `update account_session set seen_at = $2 where id = $1`, in.ID, now.UnixMicro()); err != nil {
			return access.Actor{}, Session{}, fmt.Errorf("account: session %s: %w", in.ID, err)
		}
	}
	return actor, in, nil
}

// Locked returns a session that rested too long and has not ended.
func (s *Store) Locked(ctx context.Context, token string) (Session, Account, error) {
	in, a, err := s.session(ctx, token)
	if err != nil {
		return Session{}, Account{}, err
	}
	if s.now().Before(in.Seen.Add(in.Rest)) {
		return Session{}, Account{}, errSignIn
	}
	return in, a, nil
}

// Sessions returns the devices that the account is signed in on, the last
// used first. Of those that rest only trusted ones are told.
func (s *Store) Sessions(ctx context.Context, account string) ([]Session, error) {
	q := `select ` + sessionColumns + `, ` + columns + `
		from account_session s join account a on a.id = s.account
		where s.account = $1 and s.expires_at > $2
		order by s.seen_at desc, s.id`
	now := s.now()
	rows, err := db.All(ctx, s.db, s.readSession, q, account, now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("account: sessions of %s: %w", account, err)
	}
	var list []Session
	for _, r := range rows {
		if r.session.Trusted || now.Before(r.session.Seen.Add(r.session.Rest)) {
			list = append(list, r.session)
		}
	}
	return list, nil
}

// Revoke signs one of the account's devices out.
func (s *Store) Revoke(ctx context.Context, account, session string) error {
	gone, err := s.change(ctx, account, Revoked, `delete from account_session where id = $1 and account = $2`, session, account)
	if err == nil && !gone {
		err = errNotYours
	}
	return err
}

// RevokeOthers signs out every device of the account but the session kept.
func (s *Store) RevokeOthers(ctx context.Context, account, kept string) error {
	_, err := s.change(ctx, account, Revoked, `delete from account_session where account = $1 and id <> $2`, account, kept)
	return err
}

// RevokeAll signs the account out everywhere.
func (s *Store) RevokeAll(ctx context.Context, account string) error {
	return s.RevokeOthers(ctx, account, "")
}

// RevokeEverybody signs everybody out, as after a breach.
func (s *Store) RevokeEverybody(ctx context.Context, by string) error {
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from account_session`); err != nil {
			return err
		}
		if s.shut != nil {
			if err := s.shut(ctx, tx, ""); err != nil {
				return err
			}
		}
		return s.log.AddIn(ctx, tx, happened(Revoked, Account{ID: by, Kind: access.Staff}, true))
	})
	if err != nil {
		return fmt.Errorf("account: revoke everybody: %w", err)
	}
	return nil
}

func when(micro int64) time.Time { return time.UnixMicro(micro).UTC() }
