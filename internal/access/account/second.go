package account

import (
	"context"

	"hale/internal/access"
	"hale/internal/base/seal"
)

// SecondCode sends a code to the account's other address than the one that
// the session's first code went to. StepCode takes it.
func (s *Store) SecondCode(ctx context.Context, in Session) (challenge string, send *Delivery, err error) {
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return "", nil, err
	}
	to := a.other(in)
	if to == "" {
		return "", nil, errNotYours
	}
	return s.StartCode(ctx, to)
}

// other returns where a second code can go: none where it would prove
// nothing.
func (a Account) other(in Session) string {
	switch {
	case a.Kind == access.Staff || in.Zone >= access.PortalZone:
		return ""
	case in.sent == "sms":
		return a.Email
	case in.sent == "email":
		return a.Phone
	case in.How == ByPassword:
		return or2(a.Phone, a.Email)
	}
	return ""
}

// StepCode takes the code of SecondCode.
func (s *Store) StepCode(ctx context.Context, in Session, challenge, code string) (Entry, error) {
	id := seal.Hash(challenge)
	u, err := s.tryCode(ctx, id, code)
	if err != nil {
		return Entry{}, err
	}
	a, err := s.Get(ctx, in.Account)
	if err != nil {
		return Entry{}, err
	}
	if to, err := parseAddress(a.other(in)); err != nil || to != u.to {
		return Entry{}, errCode
	}
	e, err := s.used(ctx, id, u.to, a)
	e.How = ByCodes
	if in.How == ByPassword {
		p, err := s.passwordOf(ctx, a.ID)
		if err != nil {
			return Entry{}, err
		}
		e.How, e.weak, e.made = ByPasswordCode, p.weak, when(p.made)
		if e.second, err = s.hasTOTP(ctx, a.ID); err != nil {
			return Entry{}, err
		}
	}
	return e, err
}
