package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Help is help in person under way.
type Help struct {
	ID      string
	Account Account
	Staff   string // account id of who began it
	Proof   string // which document was shown
	Reason  string
	Created time.Time
	Code    string // for the patient to type; empty while a second member of staff is awaited
	Expires time.Time
}

var (
	errProof  = errs.New(errs.Invalid, "Please say which ID you saw and why the person needs help.")
	errSecond = errs.New(errs.Conflict, "A colleague must confirm this. You cannot do it yourself.")
)

// helper returns who may help: staff who manage users or answer
// patients about anything, or about visits.
// Nobody helps themselves.
func helper(pass access.Pass, account string) (string, error) {
	if pass.OpenAllOne(access.AnswerVisits, access.AnswerPatients) != nil {
		if err := pass.OpenAll(access.ManageUsers); err != nil {
			return "", err
		}
	}
	by := pass.Actor().ID
	if by == account {
		return "", errSecond
	}
	return by, nil
}

// Assist makes a code for somebody whose ID a member of staff has seen:
// proof says which, as in “driver’s license”. It lasts AssistLife. For staff
// and for patients who are watched more closely the code comes from
// ApproveAssist. The pass is one for access.AnswerVisits,
// access.AnswerPatients or access.ManageUsers.
func (s *Store) Assist(ctx context.Context, pass access.Pass, account, proof, reason string) (Help, error) {
	by, err := helper(pass, account)
	if err != nil {
		return Help{}, err
	}
	a, err := s.Get(ctx, account)
	if err != nil {
		return Help{}, err
	}
	proof, reason = strings.TrimSpace(proof), strings.TrimSpace(reason)
	if proof == "" || reason == "" || len(proof) > 200 || len(reason) > 1000 {
		return Help{}, errProof
	}
	two := a.Kind == access.Staff
	if !two && a.Patient != "" {
		if two, err = s.watched(ctx, a.Patient); err != nil {
			return Help{}, fmt.Errorf("account: assist %s: %w", a.ID, err)
		}
	}
	now := s.now()
	h := Help{ID: s.ids.New(), Account: a, Staff: by, Proof: proof, Reason: reason, Created: now.UTC(), Expires: now.Add(AssistLife).UTC()}
	hash := ""
	if !two {
		h.Code = newAssistCode()
		hash = s.hashAssist(h.Code)
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			insert into account_assist (id, account, staff, proof, reason, hash, created_at, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`
		if _, err := tx.ExecContext(ctx, q, h.ID, a.ID, by, proof, reason, hash, now.UnixMicro(), h.Expires.UnixMicro()); err != nil {
			return err
		}
		return s.log.AddIn(ctx, tx, assisting(pass.Actor(), h))
	})
	if err != nil {
		return Help{}, fmt.Errorf("account: assist %s: %w", a.ID, err)
	}
	return h, nil
}

// ApproveAssist is the second member of staff's word; it returns the code.
func (s *Store) ApproveAssist(ctx context.Context, pass access.Pass, id string) (Help, error) {
	list, err := s.Assists(ctx, pass)
	if err != nil {
		return Help{}, err
	}
	for _, h := range list {
		if h.ID == id {
			return s.approve(ctx, pass, h)
		}
	}
	return Help{}, errNotYours
}

func (s *Store) approve(ctx context.Context, pass access.Pass, h Help) (Help, error) {
	by, err := helper(pass, h.Account.ID)
	if err != nil {
		return Help{}, err
	}
	if by == h.Staff {
		return Help{}, errSecond
	}
	h.Code, h.Expires = newAssistCode(), s.now().Add(AssistLife).UTC()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update account_assist set second = $2, hash = $3, expires_at = $4 where id = $1 and hash = '' and staff <> $2`
		n, err := db.Changed(tx.ExecContext(ctx, q, h.ID, by, s.hashAssist(h.Code), h.Expires.UnixMicro()))
		if err != nil || n == 0 {
			return anyErr(err, errNotYours)
		}
		return s.log.AddIn(ctx, tx, assisting(pass.Actor(), h))
	})
	if err != nil {
		return Help{}, fmt.Errorf("account: approve assist %s: %w", h.ID, err)
	}
	return h, nil
}

// Assists returns the help that waits for a second member of staff.
func (s *Store) Assists(ctx context.Context, pass access.Pass) ([]Help, error) {
	if _, err := helper(pass, ""); err != nil {
		return nil, err
	}
	const q = `
		select h.id, h.staff, h.proof, h.reason, h.created_at, h.expires_at, ` + columns + `
		from account_assist h join account a on a.id = h.account
		where h.hash = '' and h.expires_at > $1 and a.status = 'active' order by h.created_at, h.id limit 100`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (h Help, err error) {
		var created, expires int64
		h.Account, err = read(func(dest ...any) error {
			return scan(append([]any{&h.ID, &h.Staff, &h.Proof, &h.Reason, &created, &expires}, dest...)...)
		})
		h.Created, h.Expires = when(created), when(expires)
		return h, err
	}, q, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("account: assists: %w", err)
	}
	return list, nil
}

// Assisted takes the code that staff made. The session that it begins must
// make a passkey, or goes on with Skip.
func (s *Store) Assisted(ctx context.Context, code string) (Entry, error) {
	const q = `
		update account_assist set used_at = $2
		where hash = $1 and hash <> '' and used_at = 0 and expires_at > $2 returning account`
	return s.recover(ctx, ByStaff, errAssist, q, s.hashAssist(code))
}

// assistLetters leaves out what looks alike on paper.
const assistLetters = "ABCDEFGHJKMNPQRSTVWXYZ23456789"

// newAssistCode returns a code of 10 letters and digits, 49 bits, in groups.
func newAssistCode() string {
	var b strings.Builder
	for i := range 10 {
		if i == 5 {
			b.WriteByte('-')
		}
		b.WriteByte(assistLetters[random(len(assistLetters))])
	}
	return b.String()
}

func (s *Store) hashAssist(code string) string {
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			r += 'A' - 'a'
		}
		if strings.ContainsRune(assistLetters, r) {
			return r
		}
		return -1
	}
	return s.key.Hash("assist/" + strings.Map(keep, code))
}

// Invite makes a link's token that enrols the account's owner, once, within
// life: at most LetterLife. by is an account's id, or “console”. A new one
// makes those before void.
func (s *Store) Invite(ctx context.Context, by, account string, life time.Duration) (token string, err error) {
	a, err := s.Get(ctx, account)
	if err != nil {
		return "", err
	}
	token = seal.Token(32)
	now := s.now()
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `delete from account_invite where account = $1 or expires_at < $2`, a.ID, now.UnixMicro()); err != nil {
			return err
		}
		const q = `insert into account_invite (hash, account, made_by, created_at, expires_at) values ($1, $2, $3, $4, $5)`
		if _, err := tx.ExecContext(ctx, q, seal.Hash(token), a.ID, by, now.UnixMicro(), now.Add(min(life, LetterLife)).UnixMicro()); err != nil {
			return err
		}
		row := happened(Inviting, a, true)
		row.Reason = by
		return s.log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return "", fmt.Errorf("account: invite %s: %w", account, err)
	}
	return token, nil
}

// InvitedName returns whose name an invitation shows. It uses nothing up.
func (s *Store) InvitedName(ctx context.Context, token string) (string, error) {
	const q = `
		select a.name from account_invite i join account a on a.id = i.account
		where i.hash = $1 and i.expires_at > $2 and a.status = 'active'`
	name, err := db.One(ctx, s.db, db.Value[string], q, seal.Hash(token), s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return "", errInvite
	}
	if err != nil {
		return "", fmt.Errorf("account: invited: %w", err)
	}
	return name, nil
}

// Invited takes an invitation, once, by the owner's own action.
func (s *Store) Invited(ctx context.Context, token string) (Entry, error) {
	return s.recover(ctx, ByInvite, errInvite, `delete from account_invite where hash = $1 and expires_at > $2 returning account`, seal.Hash(token))
}
