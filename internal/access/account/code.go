package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"hale/internal/base/seal"
	"hale/internal/store/db"
)

type remoteKey struct{}

// From returns a context that says which network address a sign-in comes
// from, for the limits.
func From(ctx context.Context, remote string) context.Context {
	return context.WithValue(ctx, remoteKey{}, network(remote))
}

func from(ctx context.Context) string {
	ip, _ := ctx.Value(remoteKey{}).(string)
	return ip
}

// StartCode begins a sign-in at the address. The challenge goes into the
// browser's cookie; send is nil where nobody has the address. Both are made
// with the same statements, so that neither answer nor time tells.
func (s *Store) StartCode(ctx context.Context, address string) (challenge string, send *Delivery, err error) {
	to, err := parseAddress(address)
	if err != nil {
		return "", nil, err
	}
	who, patients, err := s.people(ctx, to)
	if err != nil {
		return "", nil, err
	}
	challenge = seal.Token(32)
	id, code := seal.Hash(challenge), sixDigits()
	now := s.now()
	allowed := false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := errors.Join(s.inLine(ctx, tx), s.forget(ctx, tx)); err != nil {
			return err
		}
		if allowed, err = s.maySend(ctx, tx, to); err != nil || !allowed {
			return err
		}
		const q = `insert into account_challenge (id, kind, value, expires_at) values ($1, $2, $3, $4)`
		if _, err := tx.ExecContext(ctx, q, id, to.kind, to.value, now.Add(CodeLife).UnixMicro()); err != nil {
			return err
		}
		return s.addCode(ctx, tx, id, code)
	})
	if err != nil {
		return "", nil, fmt.Errorf("account: start code: %w", err)
	}
	if !allowed {
		return "", nil, errTooMany
	}
	return challenge, delivery(to, code, who, patients), nil
}

// SendAgain makes one more code for a sign-in under way; the codes before
// stay good. The tries are shared.
func (s *Store) SendAgain(ctx context.Context, challenge string) (*Delivery, error) {
	id := seal.Hash(challenge)
	c, err := s.challenge(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	if c.state != "open" {
		return nil, errCode
	}
	who, patients, err := s.people(ctx, c.to)
	if err != nil {
		return nil, err
	}
	code, allowed := sixDigits(), false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if err := s.inLine(ctx, tx); err != nil {
			return err
		}
		if allowed, err = s.maySend(ctx, tx, c.to); err != nil || !allowed {
			return err
		}
		const q = `update account_challenge set expires_at = $2 where id = $1 and state = 'open'`
		if _, err := tx.ExecContext(ctx, q, id, s.now().Add(CodeLife).UnixMicro()); err != nil {
			return err
		}
		return s.addCode(ctx, tx, id, code)
	})
	if err != nil {
		return nil, fmt.Errorf("account: send again: %w", err)
	}
	if !allowed {
		return nil, errTooMany
	}
	return delivery(c.to, code, who, patients), nil
}

// maySend says whether one more code may go to the address; what is used up
// is the same whether anybody has it.
func (s *Store) maySend(ctx context.Context, tx *db.Tx, to address) (bool, error) {
	for _, u := range []struct {
		limit limit
		whom  string
	}{{sendNetwork, from(ctx)}, {sendAddress, to.value}, {sendSite, ""}} {
		if u.limit.name == sendNetwork.name && u.whom == "" {
			continue
		}
		if ok, err := s.use(ctx, tx, u.limit, u.whom); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (s *Store) addCode(ctx context.Context, tx *db.Tx, challenge, code string) error {
	const q = `insert into account_code (challenge, hash, expires_at) values ($1, $2, $3) on conflict do nothing`
	_, err := tx.ExecContext(ctx, q, challenge, s.hashCode(challenge, code), s.now().Add(CodeLife).UnixMicro())
	return err
}

// hashCode binds a code to its challenge. The hash is keyed: six digits are
// few enough to try them all.
func (s *Store) hashCode(challenge, code string) string {
	return s.key.Hash("code/" + challenge + "/" + code)
}

// sixDigits returns a random code.
func sixDigits() string { return fmt.Sprintf("%06d", random(1_000_000)) }

// random returns a number below n that nobody can guess.
func random(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic("account: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return int(v.Int64())
}

// people returns who may sign in with a code at the address: accounts that
// name it, and patients without an account whose record has it.
func (s *Store) people(ctx context.Context, to address) (accounts []Account, patients []string, err error) {
	if accounts, err = at(ctx, s.db, to); err != nil {
		return nil, nil, err
	}
	if accounts, err = s.agreed(ctx, to, accounts); err != nil {
		return nil, nil, err
	}
	onRecord, err := s.dir.PatientsAt(ctx, to.kind, to.value)
	if err != nil {
		return nil, nil, fmt.Errorf("account: directory: %w", err)
	}
	have, err := s.ofPatients(ctx, onRecord)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range onRecord {
		i := slices.IndexFunc(have, func(h patientAccount) bool { return h.Patient == p })
		switch {
		case i < 0:
			patients = append(patients, p)
		case have[i].active && !slices.ContainsFunc(accounts, func(a Account) bool { return a.ID == have[i].ID }):
			accounts = append(accounts, have[i].Account)
		}
	}
	return accounts, patients, nil
}

// agreed leaves out those of accounts with whose owner another way was agreed
// for all that goes to them: a letter, another address.
//
// Spec: 45 CFR 164.522(b)
func (s *Store) agreed(ctx context.Context, to address, accounts []Account) ([]Account, error) {
	patients := []string{"-"} // the same statement whether or not anybody is there
	for _, a := range accounts {
		patients = append(patients, a.Patient)
	}
	q := `select patient from confidential_contact where ended_at = 0 and kind <> 'inbox' and value <> $1 and patient in (` + db.In(2, len(patients)) + `)`
	elsewhere, err := db.All(ctx, s.db, db.Value[string], q, append([]any{to.value}, db.Args(patients)...)...)
	if err != nil {
		return nil, fmt.Errorf("account: agreed: %w", err)
	}
	return slices.DeleteFunc(accounts, func(a Account) bool { return a.Patient != "" && slices.Contains(elsewhere, a.Patient) }), nil
}

type patientAccount struct {
	Account
	active bool
}

// ofPatients returns the accounts, disabled ones too, of some patients.
func (s *Store) ofPatients(ctx context.Context, patients []string) ([]patientAccount, error) {
	if len(patients) == 0 {
		patients = []string{"-"} // the same statement whether or not anybody is there
	}
	q := `select a.status, ` + columns + ` from account a where patient in (` + db.In(1, len(patients)) + `)`
	list, err := db.All(ctx, s.db, func(scan db.Scan) (patientAccount, error) {
		var status string
		a, err := read(func(dest ...any) error { return scan(append([]any{&status}, dest...)...) })
		return patientAccount{Account: a, active: status == "active"}, err
	}, q, db.Args(patients)...)
	if err != nil {
		return nil, fmt.Errorf("account: of patients: %w", err)
	}
	return list, nil
}

func delivery(to address, code string, who []Account, patients []string) *Delivery {
	if len(who)+len(patients) == 0 {
		return nil
	}
	d := &Delivery{Channel: to.kind, To: to.value, Code: code}
	if len(who) > 0 {
		d.Lang, d.Patient = who[0].Lang, who[0].Patient
	}
	if d.Patient == "" && len(patients) > 0 {
		d.Patient = patients[0]
	}
	return d
}

// underWay is a sign-in by code that has begun.
type underWay struct {
	to    address
	state string
	tries int
}

func (s *Store) challenge(ctx context.Context, c db.Conn, id string) (underWay, error) {
	const q = `select kind, value, state, tries from account_challenge where id = $1 and expires_at > $2`
	u, err := db.One(ctx, c, func(scan db.Scan) (u underWay, err error) {
		err = scan(&u.to.kind, &u.to.value, &u.state, &u.tries)
		return u, err
	}, q, id, s.now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return u, errCode
	}
	if err != nil {
		return u, fmt.Errorf("account: challenge: %w", err)
	}
	return u, nil
}

// Masked returns where the sign-in's codes go, with most of it hidden.
func (s *Store) Masked(ctx context.Context, challenge string) (kind, masked string, err error) {
	u, err := s.challenge(ctx, s.db, seal.Hash(challenge))
	if err != nil {
		return "", "", err
	}
	return u.to.kind, mask(u.to), nil
}

// mask hides all of a number but its last two digits, all of an e-mail
// address but its first letter and its host.
func mask(to address) string {
	if to.kind == "sms" {
		return "••" + to.value[max(0, len(to.value)-2):]
	}
	local, host, _ := strings.Cut(to.value, "@")
	for _, r := range local {
		return string(r) + "•••@" + host
	}
	return "•••@" + host
}

// FinishCode takes the code that somebody typed. It returns the entry, or
// ErrBorn when the date of birth must follow. A sign-in is good once, however
// many try at the same moment.
func (s *Store) FinishCode(ctx context.Context, challenge, code string) (Entry, error) {
	id := seal.Hash(challenge)
	u, err := s.tryCode(ctx, id, code)
	if err != nil {
		return Entry{}, err
	}
	who, patients, err := s.people(ctx, u.to)
	if err != nil {
		return Entry{}, err
	}
	if len(who) != 1 || len(patients) > 0 {
		return Entry{}, ErrBorn
	}
	return s.used(ctx, id, u.to, who[0])
}

// tryCode spends a try on the code of a challenge and returns what it is
// about once the code is right.
func (s *Store) tryCode(ctx context.Context, id, code string) (underWay, error) {
	u, err := s.challenge(ctx, s.db, id)
	if err != nil {
		return u, err
	}
	known, err := s.knownAt(ctx, u.to)
	if err != nil {
		return u, err
	}
	bucket := s.bucket("code", u.to.value, deviceOf(ctx), known)
	right, allowed := false, false
	err = s.db.Tx(ctx, func(tx *db.Tx) error {
		if allowed, err = s.mayTry(ctx, tx, known); err != nil || !allowed {
			return err
		}
		if allowed, err = s.try(ctx, tx, bucket); err != nil || !allowed {
			return err
		}
		if right, err = s.proveCode(ctx, tx, id, digits(code)); err != nil || !right {
			return err
		}
		return s.right(ctx, tx, bucket)
	})
	switch {
	case err != nil:
		return u, fmt.Errorf("account: finish code: %w", err)
	case !allowed:
		return u, errTooMany
	case !right:
		return u, anyErr(errors.Join(s.failed(ctx), s.refusedAt(ctx, u.to)), errCode)
	}
	return u, nil
}

// knownAt says whether the context's device is known to an account at the
// address.
func (s *Store) knownAt(ctx context.Context, to address) (bool, error) {
	const q = `
		select count(*) from account_device d join account a on a.id = d.account
		where d.hash = $1 and d.known_at > 0 and d.known_at <= $2 and (a.email = $3 or a.phone = $3)`
	n, err := db.One(ctx, s.db, db.Value[int], q, seal.Hash(deviceOf(ctx)), s.now().UnixMicro(), to.value)
	if err != nil {
		return false, fmt.Errorf("account: device: %w", err)
	}
	return n > 0, nil
}

// digits returns the digits that somebody typed.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

// proveCode spends one try, and marks the challenge proved if the code is
// one of its own. The row's lock puts those who come at once in a line.
func (s *Store) proveCode(ctx context.Context, tx *db.Tx, id, code string) (bool, error) {
	now := s.now().UnixMicro()
	const try = `
		update account_challenge set tries = tries + 1
		where id = $1 and state = 'open' and tries < $2 and expires_at > $3`
	n, err := db.Changed(tx.ExecContext(ctx, try, id, Tries, now))
	if err != nil || n == 0 {
		return false, err
	}
	hashes, err := db.All(ctx, tx, db.Value[string], `select hash from account_code where challenge = $1 and expires_at > $2`, id, now)
	if err != nil {
		return false, err
	}
	want, right := s.hashCode(id, code), 0
	for _, h := range hashes {
		right |= subtle.ConstantTimeCompare([]byte(h), []byte(want))
	}
	if right == 0 {
		return false, nil
	}
	n, err = db.Changed(tx.ExecContext(ctx, `update account_challenge set state = 'proved' where id = $1 and state = 'open'`, id))
	return n == 1, err
}

// used ends the challenge as a sign-in of a and counts it.
func (s *Store) used(ctx context.Context, id string, to address, a Account) (Entry, error) {
	sent := to.kind
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		const q = `update account_challenge set state = 'used' where id = $1 and state = 'proved' returning mixed`
		mixed, err := db.One(ctx, tx, db.Value[int], q, id)
		if errors.Is(err, db.ErrNone) {
			return errCode
		}
		if err != nil {
			return err
		}
		if mixed > 0 { // nobody knows which address the code came by
			sent = ""
		}
		_, err = tx.ExecContext(ctx, `update account set code_sign_ins = code_sign_ins + 1 where id = $1`, a.ID)
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("account: finish code of %s: %w", a.ID, err)
	}
	a.CodeSignIns++
	return Entry{Account: a, How: ByCode, sent: sent}, nil
}
