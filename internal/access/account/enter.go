package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Vouched returns the entry of a demo's ready sign-in: nobody proved
// anything. It is for demos alone.
func (s *Store) Vouched(a Account) Entry { return Entry{Account: a, How: ByDemo} }

// Enter signs in: it begins a session for the entry on the browser. The
// session's token is 256 random bits, of which only the hash is kept.
func (s *Store) Enter(ctx context.Context, e Entry, b Browser) (Entered, error) {
	a, err := s.Get(ctx, e.ID)
	if err != nil {
		return Entered{}, err
	}
	e.Account = a
	out, now := Entered{Token: seal.Token(32)}, s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if e, err = s.onDevice(ctx, tx, e, b); err != nil {
			return err
		}
		out.Zone = e.reach(now, s.rules)
		if out.Device, err = s.remember(ctx, tx, e, b, out.Zone); err != nil {
			return err
		}
		if err := s.insertSession(ctx, tx, e, b, out); err != nil {
			return err
		}
		row := happened(SignedIn, a, true)
		row.Reason = string(e.How)
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return Entered{}, fmt.Errorf("account: enter %s: %w", e.ID, err)
	}
	return out, nil
}

// onDevice adds to an entry what the device says. A code on a device that the
// account knows is enough for the portal, and so is one on the very first
// device of an account that has nothing better: on every later one that
// nobody vouched for a code stays low.
func (s *Store) onDevice(ctx context.Context, tx *db.Tx, e Entry, b Browser) (Entry, error) {
	known, err := s.knows(ctx, tx, e.ID, b.Device)
	if err != nil {
		return e, err
	}
	e.known = known
	if e.How == ByCode && known {
		e.How = ByKnownDevice
	}
	if e.How != ByCode || e.Kind == access.Staff {
		return e, nil
	}
	const q = `
		select (select count(*) from account_device where account = $1)
			+ (select count(*) from account where id = $1 and (hold_until > 0 or proved_at > 0))`
	n, err := db.One(ctx, tx, db.Value[int], q, e.ID)
	if err != nil {
		return e, err
	}
	strong, err := s.strong(ctx, tx, e.ID)
	e.first = n == 0 && !strong
	return e, err
}

func (s *Store) insertSession(ctx context.Context, tx *db.Tx, e Entry, b Browser, out Entered) error {
	now := s.now()
	if _, err := tx.ExecContext(ctx, `delete from account_session where expires_at < $1`, now.UnixMicro()); err != nil {
		return err
	}
	const q = `
		insert into account_session
			(id, token_hash, account, agent, created_at, seen_at, expires_at, how, zone, proof_at, rest, device, trusted, sent)
		values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	trust := b.Trust && !b.Shared && e.Kind != access.Staff && out.Zone >= access.PortalZone
	_, err := tx.ExecContext(ctx, q, s.ids.New(), seal.Hash(out.Token), e.ID, Device(b.Agent), now.UnixMicro(),
		now.Add(life(e, out.Zone, trust)).UnixMicro(), string(e.How), int(out.Zone), e.proofAt(now, out.Zone),
		s.rules.rest(e.Kind, b.Shared).Microseconds(), seal.Hash(out.Device), flag(trust), e.sent)
	return err
}

// proofAt returns when a session of zone was strongly proved, if it was. What
// a provider of single sign-on proved hours ago is no fresh proof.
func (e Entry) proofAt(now time.Time, zone access.Zone) int64 {
	if zone < access.StepUpZone || e.told && e.at.IsZero() {
		return 0
	}
	if e.told && e.at.Before(now) {
		return e.at.UnixMicro()
	}
	return now.UnixMicro()
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

// StepUp proves the owner of a session again, or gives it the factor it
// wanted. It opens one that rested too long. The token changes; the one
// before is worth nothing.
func (s *Store) StepUp(ctx context.Context, token string, e Entry, b Browser) (Entered, error) {
	now := s.now()
	out := Entered{Token: seal.Token(32), Zone: e.reach(now, s.rules)}
	in, _, err := s.session(ctx, token)
	if err != nil {
		return Entered{}, err
	}
	if in.Account != e.ID {
		return Entered{}, errNotYours
	}
	if !in.takes(out.Zone, now) {
		return Entered{}, errAgain
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) (err error) {
		out.Device, err = s.remember(ctx, tx, e, b, out.Zone)
		if err != nil {
			return err
		}
		if err := s.rotate(ctx, tx, token, in, e, out); err != nil {
			return err
		}
		row := happened(SteppedUp, e.Account, true)
		row.Reason = string(e.How)
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return Entered{}, fmt.Errorf("account: step up %s: %w", in.ID, err)
	}
	return out, nil
}

// takes says whether a proof that reaches zone does anything for the session:
// it leads further, is fresh and strong, or opens a locked one. A trusted
// device's lock opens to a strong proof alone.
func (in Session) takes(zone access.Zone, now time.Time) bool {
	locked := !now.Before(in.Seen.Add(in.Rest))
	switch {
	case zone >= access.StepUpZone:
		return true
	case locked:
		return zone >= access.PortalZone && !in.Trusted
	}
	return zone > in.Zone
}

// rotate gives the session a new token and what e proved. Of several at once
// one gets through.
func (s *Store) rotate(ctx context.Context, tx *db.Tx, token string, in Session, e Entry, out Entered) error {
	now, expires := s.now(), in.Expires
	if in.Zone == access.NoZone {
		expires = now.Add(life(e, out.Zone, false))
	}
	const q = `
		update account_session
		set token_hash = $2, how = $3, zone = $4, proof_at = $5, seen_at = $6, expires_at = $7, device = $8
		where token_hash = $1`
	n, err := db.Changed(tx.ExecContext(ctx, q, seal.Hash(token), seal.Hash(out.Token), string(e.How), int(out.Zone),
		e.proofAt(now, out.Zone), now.UnixMicro(), expires.UnixMicro(), seal.Hash(out.Device)))
	if err == nil && n == 0 {
		err = errSignIn
	}
	return err
}

// knows says whether the account was proved on the device before.
func (s *Store) knows(ctx context.Context, c db.Conn, account, device string) (bool, error) {
	const q = `select count(*) from account_device where account = $1 and hash = $2 and known_at > 0 and known_at <= $3`
	n, err := db.One(ctx, c, db.Value[int], q, account, seal.Hash(device), s.now().UnixMicro())
	if err != nil {
		return false, fmt.Errorf("account: device of %s: %w", account, err)
	}
	return n > 0, nil
}

// remember notes the device that the account is used on and returns its
// cookie. One that was proved is known from now on; one that a code alone
// opened, after the hold, unless somebody takes it back.
func (s *Store) remember(ctx context.Context, tx *db.Tx, e Entry, b Browser, zone access.Zone) (string, error) {
	now := s.now()
	device := b.Device
	if device == "" || len(device) > 100 {
		device = seal.Token(32)
	}
	known := now.Add(s.rules.hold()).UnixMicro()
	switch {
	case b.Shared || zone == access.NoZone:
		known = 0
	case zone >= access.PortalZone && !e.weak:
		known = now.UnixMicro()
	}
	const old = `
		update account_device set seen_at = $3, agent = $4,
			known_at = case
				when cast($5 as bigint) > 0 and (known_at = 0 or known_at > cast($5 as bigint)) then cast($5 as bigint)
				else known_at end
		where account = $1 and hash = $2`
	n, err := db.Changed(tx.ExecContext(ctx, old, e.ID, seal.Hash(device), now.UnixMicro(), Device(b.Agent), known))
	if err != nil || n > 0 {
		return device, err
	}
	const fresh = `insert into account_device (hash, account, agent, known_at, created_at, seen_at) values ($1, $2, $3, $4, $5, $5)`
	if _, err := tx.ExecContext(ctx, fresh, seal.Hash(device), e.ID, Device(b.Agent), known, now.UnixMicro()); err != nil {
		return "", err
	}
	if e.How == ByDemo {
		return device, nil
	}
	return device, s.tellCancel(ctx, tx, Notice{Kind: NewDevice, Account: e.Account, What: Device(b.Agent)}, cancelWeak, now)
}

// EndSession signs the device with that token out.
func (s *Store) EndSession(ctx context.Context, token string) error {
	in, a, err := s.session(ctx, token)
	if errors.Is(err, errSignIn) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from account_session where id = $1`, in.ID); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, happened(SignedOut, a, true))
	})
	if err != nil {
		return fmt.Errorf("account: end session: %w", err)
	}
	return nil
}
