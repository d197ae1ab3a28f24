package account

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"hale/internal/store/db"
)

// limit is a bucket of uses: most at once, one more every interval. It is
// kept in the database, so a restart forgives nothing.
type limit struct {
	name     string
	most     int
	interval time.Duration
}

// The limits. Passkeys have one for each network only: nobody can use up
// somebody else's tries, so nobody can lock somebody else out of a passkey.
var (
	sendAddress = limit{name: "send", most: 5, interval: 6 * time.Minute}       // 5 at once, then 10 an hour
	sendNetwork = limit{name: "send.ip", most: 30, interval: 20 * time.Second}  // a clinic's waiting room is one network
	sendSite    = limit{name: "send.all", most: 600, interval: time.Second / 5} // what texts may cost
	tryNetwork  = limit{name: "try.ip", most: 60, interval: time.Second}        // codes, dates of birth and passwords entered
	tryAttacked = limit{name: "try.ip2", most: 5, interval: 12 * time.Second}   // the same while the site is under attack
	failSite    = limit{name: "fail.all", most: 600, interval: time.Second / 5} // failures of everybody: more is an attack
	bornAddress = limit{name: "born", most: 5, interval: 30 * time.Minute}      // dates of birth tried for one address
	keyNetwork  = limit{name: "passkey.ip", most: 240, interval: time.Second / 2}
)

// use takes one from whom's bucket; it says whether there was one.
func (s *Store) use(ctx context.Context, c db.Conn, l limit, whom string) (bool, error) {
	now, step := s.now().UnixMicro(), l.interval.Microseconds()
	bucket := l.name
	if whom != "" {
		bucket += ":" + s.key.Hash("limit/" + l.name + "/" + whom)[:32]
	}
	// Generic cell rate: the row holds when the bucket is full again.
	const q = `
		insert into account_limit (bucket, full_at) values ($1, $2)
		on conflict (bucket) do update
		set full_at = case when account_limit.full_at > $3 then account_limit.full_at else $3 end + $4
		where account_limit.full_at <= $5`
	n, err := db.Changed(c.ExecContext(ctx, q, bucket, now+step, now, step, now+step*int64(l.most-1)))
	if err != nil {
		return false, fmt.Errorf("account: limit %s: %w", l.name, err)
	}
	return n == 1, nil
}

// inLine lets the transactions that ask for a code pass one at a time: they
// drop old buckets and fill new ones, and would hold each other up in a
// circle otherwise.
func (s *Store) inLine(ctx context.Context, tx *db.Tx) error {
	const q = `
		insert into account_limit (bucket, full_at) values ('line', $1)
		on conflict (bucket) do update set full_at = excluded.full_at`
	_, err := tx.ExecContext(ctx, q, int64(math.MaxInt64))
	return err
}

// forget drops the buckets that are full again, and sign-ins that ran out.
func (s *Store) forget(ctx context.Context, tx *db.Tx) error {
	now := s.now().UnixMicro()
	for _, q := range []string{
		`delete from account_limit where full_at < $1`,
		`delete from account_challenge where expires_at < $1`, // its codes go with it
		`delete from account_sso where expires_at < $1`,
	} {
		if _, err := tx.ExecContext(ctx, q, now); err != nil {
			return err
		}
	}
	return nil
}

// network returns the part of an address that stands for one household or
// office: an IPv4 address, or the first 64 bits of an IPv6 one.
func network(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	ip := a.Addr()
	if err != nil {
		if ip, err = netip.ParseAddr(remote); err != nil {
			return ""
		}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}
