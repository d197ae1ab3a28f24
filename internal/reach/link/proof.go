package link

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Proof is what shows that a message was read: one for each time that a link
// of it was opened. Zero times did not happen.
type Proof struct {
	Factor   string // none, dob, code, dob+code or device
	Browser  string // FirstBrowser, SameBrowser, AnotherBrowser; empty: none is bound
	Opened   time.Time
	Revealed time.Time
	Dwell5   time.Time
	Dwell30  time.Time
	Read     time.Time
}

// Mark is something that a reader did in a session.
type Mark int

// The marks.
const (
	Revealed Mark = iota // the message was shown
	Dwell5               // it was still in view after five seconds
	Dwell30              // and after thirty
	Read                 // "I have read this"
)

// Prove writes a mark down once for each session, and says whether it is
// new.
func (s *Store) Prove(ctx context.Context, token, session string, m Mark) (fresh bool, err error) {
	const which = ` and id in (select s.proof from link_session s join link l on l.id = s.link
		where l.token_hash = $2 and s.hash = $3 and s.expires_at > $1 and s.waits = 0)`
	q := [...]string{
		Revealed: `update read_proof set revealed_at = $1 where revealed_at = 0` + which,
		Dwell5:   `update read_proof set dwell5_at = $1 where dwell5_at = 0` + which,
		Dwell30:  `update read_proof set dwell30_at = $1 where dwell30_at = 0` + which,
		Read:     `update read_proof set read_at = $1 where read_at = 0` + which,
	}[m]
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		n, err := db.Changed(tx.ExecContext(ctx, q, s.now().UnixMicro(), hash(token), seal.Hash(session)))
		fresh = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("link: prove: %w", err)
	}
	return fresh, nil
}

// Proofs returns what shows that message was read, first opening first.
func (s *Store) Proofs(ctx context.Context, pass access.Pass, message string) ([]Proof, error) {
	const q = `
		select factor, device, opened_at, revealed_at, dwell5_at, dwell30_at, read_at
		from read_proof where patient = $1 and message = $2 order by opened_at, id`
	patient, err := pass.Open(access.ReadDecisions)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (p Proof, err error) {
		var at [5]int64
		err = scan(&p.Factor, &p.Browser, &at[0], &at[1], &at[2], &at[3], &at[4])
		for i, t := range []*time.Time{&p.Opened, &p.Revealed, &p.Dwell5, &p.Dwell30, &p.Read} {
			*t = db.Time(at[i])
		}
		return p, err
	}, q, patient, message)
	if err != nil {
		return nil, fmt.Errorf("link: proofs of message %s: %w", message, err)
	}
	return list, nil
}
