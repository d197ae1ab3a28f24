package proxy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/db"
)

// Block is an order that keeps somebody out of a record, whatever was granted
// before or is granted after.
//
// Spec: 45 CFR 164.502(g)(5)
type Block struct {
	Patient, Account, Name string
	Reason                 string
	Since                  time.Time
}

var errReason = errs.New(errs.Invalid, "Please write why, and where the order is kept.")

// Block keeps an account out of the patient's record, at once.
func (s *Store) Block(ctx context.Context, pass access.Pass, account, reason string) error {
	patient, err := pass.Open(access.EndProxies)
	if err != nil {
		return err
	}
	if reason = clip(strings.TrimSpace(reason), 500); reason == "" || account == "" {
		return errReason
	}
	var ended []Proxy
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := BlockIn(ctx, tx, patient, account, reason, pass.Actor().ID, s.now()); err != nil {
			return err
		}
		if ended, err = db.All(ctx, tx, read, `select `+columns+` from proxy p where p.patient = $1 and p.account = $2 and p.state in ('joined', 'active')`, patient, account); err != nil {
			return err
		}
		for _, p := range ended {
			if err := s.endIn(ctx, tx, pass.Actor(), p, Ended, "order"); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.block", Proxy{ID: account, Patient: patient}, reason)
	})
	if err != nil {
		return fmt.Errorf("proxy: block %s: %w", account, err)
	}
	s.changed()
	return nil
}

// BlockIn keeps an account out in the transaction of what led to it.
func BlockIn(ctx context.Context, tx *db.Tx, patient, account, reason, by string, now time.Time) error {
	const q = `
		insert into proxy_block (patient, account, reason, set_by, set_at) values ($1, $2, $3, $4, $5)
		on conflict (patient, account) do update set reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at`
	if _, err := tx.ExecContext(ctx, q, patient, account, reason, by, now.UnixMicro()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `delete from account_grant where account = $1 and patient = $2`, account, patient)
	return err
}

// Unblock takes an order back. What it ended stays ended.
func (s *Store) Unblock(ctx context.Context, pass access.Pass, account, reason string) error {
	patient, err := pass.Open(access.ManageProxies)
	if err != nil {
		return err
	}
	if pass.Actor().Kind != access.Staff {
		return errNoSuch
	}
	if reason = clip(strings.TrimSpace(reason), 500); reason == "" {
		return errReason
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, `delete from proxy_block where patient = $1 and account = $2`, patient, account))
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoSuch
		}
		return s.note(ctx, tx, pass.Actor(), "proxy.unblock", Proxy{ID: account, Patient: patient}, reason)
	})
	if err != nil {
		return fmt.Errorf("proxy: unblock %s: %w", account, err)
	}
	s.changed()
	return nil
}

// Blocks returns who is kept out of the patient's record. Staff see it; a
// patient may be the one who must not know.
func (s *Store) Blocks(ctx context.Context, pass access.Pass) ([]Block, error) {
	patient, err := pass.Open(access.SeeProxies)
	if err != nil {
		return nil, err
	}
	if pass.Actor().Kind != access.Staff {
		return nil, nil
	}
	const q = `
		select b.patient, b.account, coalesce(a.name, ''), b.reason, b.set_at
		from proxy_block b left join account a on a.id = b.account
		where b.patient = $1
		order by b.set_at desc, b.account`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (b Block, err error) {
		var since int64
		err = scan(&b.Patient, &b.Account, &b.Name, &b.Reason, &since)
		b.Since = db.Time(since)
		return b, err
	}, q, patient)
	if err != nil {
		return nil, fmt.Errorf("proxy: blocks of %s: %w", patient, err)
	}
	return list, nil
}
