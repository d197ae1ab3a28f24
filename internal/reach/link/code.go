package link

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

// Waiting returns the link of token while session awaits its code.
func (s *Store) Waiting(ctx context.Context, token, session string) (Opened, error) {
	const q = `
		select l.id, l.message, l.patient
		from link l join link_session s on s.link = l.id
		where l.token_hash = $1 and s.hash = $2 and s.expires_at > $3 and s.waits = 1 and l.retracted_at = 0`
	if session == "" {
		return Opened{}, ErrGone
	}
	list, err := db.All(ctx, s.db, func(scan db.Scan) (o Opened, err error) {
		return o, scan(&o.Link, &o.Message, &o.Patient)
	}, q, hash(token), seal.Hash(session), s.now().UnixMicro())
	if err != nil {
		return Opened{}, fmt.Errorf("link: waiting: %w", err)
	}
	if len(list) == 0 {
		return Opened{}, ErrGone
	}
	list[0].Waits = true
	return list[0], nil
}

// NewCode makes a code for link, in the transaction of what sends it; other
// says that it goes to another contact point than the link went to. There is
// none, and code is empty, where too many were asked for or where no code
// opens the link.
func (s *Store) NewCode(ctx context.Context, tx *db.Tx, link string, other bool) (code string, err error) {
	const lock = `update link set made_at = made_at where id = $1` // one asker at a time
	const asked = `select made_at from link_code where link = $1`
	const add = `insert into link_code (link, made_at, hash, other, expires_at) values ($1, $2, $3, $4, $5)`
	if _, err := tx.ExecContext(ctx, lock, link); err != nil {
		return "", fmt.Errorf("link: code: %w", err)
	}
	r, err := one(ctx, tx, `id = $1`, link)
	if err != nil {
		return "", fmt.Errorf("link: code: %w", err)
	}
	now := s.now()
	if !s.key.Made() || !r.takesCode(now, other) {
		return "", nil
	}
	before, err := db.All(ctx, tx, db.Value[int64], asked, link)
	if err != nil {
		return "", fmt.Errorf("link: code: %w", err)
	}
	if !codeLeft(before, now) {
		return "", nil
	}
	if code, err = sixDigits(s.rand); err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, add, link, now.UnixMicro(), s.hashCode(link, code), digit(other), now.Add(CodeLife).UnixMicro()); err != nil {
		return "", fmt.Errorf("link: code: %w", err)
	}
	return code, nil
}

// takesCode says whether a code may open r: one that went elsewhere proves
// enough even where a stranger used up the tries; one that went where the
// link went comes only after the date of birth.
func (r row) takesCode(now time.Time, other bool) bool {
	ended := r.id == "" || r.retracted != 0 || r.expires <= now.UnixMicro() || r.most > 0 && r.uses >= r.most
	return !ended && r.factor == DOB && (other || r.code && r.dead == 0)
}

// codeLeft says whether one more code may be sent after those made at before.
func codeLeft(before []int64, now time.Time) bool {
	hour, latest := 0, int64(0)
	for _, at := range before {
		latest = max(latest, at)
		if at > now.Add(-time.Hour).UnixMicro() {
			hour++
		}
	}
	return len(before) < CodesInAll && hour < CodesAHour && latest <= now.Add(-CodeEvery).UnixMicro()
}

// sixDigits draws a code; each is as likely as every other.
func sixDigits(rand io.Reader) (string, error) {
	const all, most = 1_000_000, (1 << 32) / 1_000_000 * 1_000_000
	var b [4]byte
	for {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return "", fmt.Errorf("link: code: %w", err)
		}
		if n := binary.BigEndian.Uint32(b[:]); n < most {
			return fmt.Sprintf("%06d", n%all), nil
		}
	}
}

// hashCode binds a code to its link. Six digits are quickly tried, so the
// hash is keyed.
func (s *Store) hashCode(link, code string) string { return s.key.Hash("code/" + link + "/" + code) }

// sent is a code as it is kept.
type sent struct {
	made, expires, used, tries int64
	hash                       string
	other                      bool
}

// Enter opens the link of token for whoever has its code: the last that was
// sent or the one before. session is the one that awaits it, device what the
// browser holds.
func (s *Store) Enter(ctx context.Context, token, code, session, device string) (o Opened, err error) {
	r, err := s.find(ctx, token)
	if err != nil {
		return Opened{}, err
	}
	waiting := false
	if _, err := s.Waiting(ctx, token, session); err == nil {
		waiting = true
	}
	var refusal error
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if r.id == "" || r.factor != DOB {
			refusal = ErrNoCode
			return s.countMiss(ctx, tx)
		}
		o, refusal, err = s.enter(ctx, tx, r, code, session, device, waiting)
		return err
	})
	if err != nil {
		return Opened{}, fmt.Errorf("link: enter: %w", err)
	}
	return o, refusal
}

func (s *Store) enter(ctx context.Context, tx *db.Tx, r row, code, session, device string, waiting bool) (o Opened, refusal, err error) {
	const last = `
		select made_at, expires_at, used_at, tries, hash, other from link_code
		where link = $1 and expires_at > $2 and used_at = 0
		order by made_at desc limit 2`
	const lock = `update link set made_at = made_at where id = $1` // one try at a time
	if _, err := tx.ExecContext(ctx, lock, r.id); err != nil {
		return Opened{}, nil, err
	}
	list, err := db.All(ctx, tx, func(scan db.Scan) (c sent, err error) {
		var other int
		err = scan(&c.made, &c.expires, &c.used, &c.tries, &c.hash, &other)
		c.other = other == 1
		return c, err
	}, last, r.id, s.now().UnixMicro())
	if err != nil {
		return Opened{}, nil, err
	}
	if len(list) == 0 || list[0].tries >= CodeTries {
		return Opened{}, ErrNoCode, nil
	}
	want := s.hashCode(r.id, code)
	i := slices.IndexFunc(list, func(c sent) bool {
		return subtle.ConstantTimeCompare([]byte(c.hash), []byte(want)) == 1 && (c.other || waiting)
	})
	if i < 0 {
		_, err := tx.ExecContext(ctx, `update link_code set tries = tries + 1 where link = $1 and made_at = $2`, r.id, list[0].made)
		return Opened{}, ErrCode, err
	}
	by := rightCode
	if waiting {
		by = bothRight
	}
	if _, err := tx.ExecContext(ctx, `update link_code set used_at = $2 where link = $1 and used_at = 0`, r.id, s.now().UnixMicro()); err != nil {
		return Opened{}, nil, err
	}
	const fresh = `update link set fails = 0, locked_until = 0, dead_at = 0 where id = $1` // who guessed before was somebody else
	if _, err := tx.ExecContext(ctx, fresh, r.id); err != nil {
		return Opened{}, nil, err
	}
	if !waiting {
		session = ""
	}
	return s.admit(ctx, tx, r, by, device, session)
}
