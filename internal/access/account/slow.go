package account

import (
	"context"
	"fmt"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Tries at one account: the first are fast, then each waits longer, up to a
// quarter of an hour, and after many in a row half a day. A right one starts
// again from the beginning. It comes to at most a hundred wrong ones in
// thirty days, as NIST SP 800-63B-4 §3.2.2 asks. A device that the account
// knows has tries of its own, and a passkey needs none: whoever tries at
// somebody's account cannot keep its owner out.
const (
	fastTries  = 5
	manyTries  = 40
	slowFirst  = 30 * time.Second
	slowMost   = 15 * time.Minute
	slowMany   = 12 * time.Hour
	slowForget = 30 * 24 * time.Hour
)

type deviceKey struct{}

// FromDevice returns a context that carries the browser's device cookie, so
// that a device which an account knows has tries of its own.
func FromDevice(ctx context.Context, device string) context.Context {
	return context.WithValue(ctx, deviceKey{}, device)
}

func deviceOf(ctx context.Context) string {
	device, _ := ctx.Value(deviceKey{}).(string)
	return device
}

// bucket returns whose tries these are: the account's or, where nobody has
// the address, the address's; on a device that the account knows, those of
// both.
func (s *Store) bucket(sort, whom, device string, known bool) string {
	if known {
		whom += "/" + seal.Hash(device)
	}
	return sort + ":" + s.key.Hash("slow/" + sort + "/" + whom)[:32]
}

// try spends one of the bucket's tries; it says whether it was time for one.
func (s *Store) try(ctx context.Context, c db.Conn, bucket string) (bool, error) {
	const q = `
		insert into account_slow (bucket, failed, last_at) values ($1, 1, $2)
		on conflict (bucket) do update
		set failed = case when account_slow.last_at < $3 then 1 else account_slow.failed + 1 end, last_at = $2
		where account_slow.failed < cast($4 as bigint) or account_slow.last_at + case
			when account_slow.failed >= cast($5 as bigint) then cast($6 as bigint)
			when account_slow.failed = cast($4 as bigint) then cast($7 as bigint)
			when account_slow.failed = cast($4 as bigint) + 1 then cast($7 as bigint) * 2
			when account_slow.failed = cast($4 as bigint) + 2 then cast($7 as bigint) * 4
			when account_slow.failed = cast($4 as bigint) + 3 then cast($7 as bigint) * 8
			when account_slow.failed = cast($4 as bigint) + 4 then cast($7 as bigint) * 16
			else cast($8 as bigint) end <= $2`
	now := s.now()
	n, err := db.Changed(c.ExecContext(ctx, q, bucket, now.UnixMicro(), now.Add(-slowForget).UnixMicro(), int64(fastTries), int64(manyTries),
		slowMany.Microseconds(), slowFirst.Microseconds(), slowMost.Microseconds()))
	if err != nil {
		return false, fmt.Errorf("account: try %s: %w", bucket, err)
	}
	return n == 1, nil
}

// right gives the bucket its fast tries back.
func (s *Store) right(ctx context.Context, c db.Conn, bucket string) error {
	if _, err := c.ExecContext(ctx, `delete from account_slow where bucket = $1`, bucket); err != nil {
		return fmt.Errorf("account: try %s: %w", bucket, err)
	}
	return nil
}

// mayTry spends a try of the network that asks. While more fails at the whole
// site than people mistype, a network gets few. A device that the account
// knows is let through.
func (s *Store) mayTry(ctx context.Context, c db.Conn, known bool) (bool, error) {
	ip := from(ctx)
	if ip == "" || known {
		return true, nil
	}
	if ok, err := s.use(ctx, c, tryNetwork, ip); err != nil || !ok {
		return false, err
	}
	busy, err := s.attacked(ctx, c)
	if err != nil || !busy {
		return err == nil, err
	}
	return s.use(ctx, c, tryAttacked, ip)
}

// attacked says whether the bucket of all failures is empty.
func (s *Store) attacked(ctx context.Context, c db.Conn) (bool, error) {
	const q = `select count(*) from account_limit where bucket = $1 and full_at > $2`
	at := s.now().Add(failSite.interval * time.Duration(failSite.most-1))
	n, err := db.One(ctx, c, db.Value[int], q, failSite.name, at.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("account: attacked: %w", err)
	}
	return n > 0, nil
}

// failed counts one failure of the whole site.
func (s *Store) failed(ctx context.Context) error {
	_, err := s.use(ctx, s.db, failSite, "")
	return err
}
