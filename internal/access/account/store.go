package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/store/db"
)

const columns = `a.id, a.kind, a.name, a.patient, a.roles, a.email, a.phone, a.lang, a.code_sign_ins, a.created_at`

func read(scan db.Scan) (Account, error) {
	var a Account
	var roles string
	var created int64
	err := scan(&a.ID, &a.Kind, &a.Name, &a.Patient, &roles, &a.Email, &a.Phone, &a.Lang, &a.CodeSignIns, &created)
	a.Roles, a.Created = splitRoles(roles), time.UnixMicro(created).UTC()
	return a, err
}

// Add makes an account. It fills in an empty ID and a zero Created, and
// writes addresses as they are looked up.
func (s *Store) Add(ctx context.Context, a Account) (Account, error) {
	a, err := s.tidy(a)
	if err != nil {
		return Account{}, err
	}
	err = s.db.Tx(ctx, func(tx *db.Tx) error { return add(ctx, tx, a) })
	if err != nil {
		return Account{}, fmt.Errorf("account: add %s: %w", a.ID, err)
	}
	return a, nil
}

// AddAll makes many accounts in one transaction; the one at i gets the id
// that the result holds at i.
func (s *Store) AddAll(ctx context.Context, list []Account) ([]Account, error) {
	list = slices.Clone(list)
	for i := range list {
		var err error
		if list[i], err = s.tidy(list[i]); err != nil {
			return nil, err
		}
	}
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		for _, a := range list {
			if err := add(ctx, tx, a); err != nil {
				return fmt.Errorf("account: add %s: %w", a.ID, err)
			}
		}
		return nil
	})
	return list, err
}

// tidy fills in what is missing and refuses what cannot be.
func (s *Store) tidy(a Account) (Account, error) {
	if a.ID == "" {
		a.ID = s.ids.New()
	}
	if a.Created.IsZero() {
		a.Created = s.now().UTC()
	}
	for _, field := range []*string{&a.Email, &a.Phone} {
		if *field == "" {
			continue
		}
		to, err := parseAddress(*field)
		if err != nil || (to.kind == "email") != (field == &a.Email) {
			return a, errAddress
		}
		*field = to.value
	}
	known := a.Kind == access.Patient || a.Kind == access.Proxy || a.Kind == access.Staff
	if !known || strings.TrimSpace(a.Name) == "" || (a.Kind == access.Patient) != (a.Patient != "") && a.Kind != access.Proxy {
		return a, errs.New(errs.Invalid, "An account needs a name and a kind: patient with a record, proxy, or staff.")
	}
	return a, nil
}

func add(ctx context.Context, tx *db.Tx, a Account) error {
	const q = `
		insert into account (id, kind, name, patient, roles, email, phone, lang, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (patient) where patient <> '' do nothing`
	n, err := db.Changed(tx.ExecContext(ctx, q, a.ID, string(a.Kind), a.Name, a.Patient, joinRoles(a.Roles), a.Email, a.Phone, a.Lang, a.Created.UnixMicro()))
	if err == nil && n == 0 {
		return errIsTaken
	}
	return err
}

// Get returns the active account with that id.
func (s *Store) Get(ctx context.Context, id string) (Account, error) {
	a, err := db.One(ctx, s.db, read, `select `+columns+` from account a where id = $1 and status = 'active'`, id)
	if errors.Is(err, db.ErrNone) {
		return a, errNoOne
	}
	if err != nil {
		return a, fmt.Errorf("account: get %s: %w", id, err)
	}
	return a, nil
}

// Active returns the account with that id as c sees it; ok is false where
// nobody can sign in to it.
func (s *Store) Active(ctx context.Context, c db.Conn, id string) (a Account, ok bool, err error) {
	a, err = db.One(ctx, c, read, `select `+columns+` from account a where id = $1 and status = 'active'`, id)
	if errors.Is(err, db.ErrNone) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("account: active %s: %w", id, err)
	}
	return a, true, nil
}

// At returns the active accounts with the address, oldest first.
func (s *Store) At(ctx context.Context, address string) ([]Account, error) {
	to, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	return at(ctx, s.db, to)
}

func at(ctx context.Context, c db.Conn, to address) ([]Account, error) {
	q := `select ` + columns + ` from account a where email = $1 and status = 'active' order by id limit 20`
	if to.kind == "sms" {
		q = `select ` + columns + ` from account a where phone = $1 and status = 'active' order by id limit 20`
	}
	list, err := db.All(ctx, c, read, q, to.value)
	if err != nil {
		return nil, fmt.Errorf("account: at: %w", err)
	}
	return list, nil
}

// Staff returns the active accounts of staff, by name.
func (s *Store) Staff(ctx context.Context) ([]Account, error) {
	list, err := db.All(ctx, s.db, read, `select `+columns+` from account a where kind = 'staff' and status = 'active' order by name, id`)
	if err != nil {
		return nil, fmt.Errorf("account: staff: %w", err)
	}
	return list, nil
}

// SetLang sets the language that the account's pages are written in.
func (s *Store) SetLang(ctx context.Context, id string, l lang.Lang) error {
	if _, err := s.db.ExecContext(ctx, `update account set lang = $2 where id = $1`, id, l.Tag()); err != nil {
		return fmt.Errorf("account: language %s: %w", id, err)
	}
	return nil
}

// Grant lets the account act for g.Patient with g.Rights on g.Categories
// until then. A new grant takes the place of the one before.
func (s *Store) Grant(ctx context.Context, account string, g access.Grant, until time.Time) error {
	if g.Basis == "" {
		g.Basis = access.ByPatient
	}
	g.Until = until
	if err := GrantIn(ctx, s.db, account, "", g, s.now()); err != nil {
		return fmt.Errorf("account: grant %s: %w", account, err)
	}
	return nil
}

// GrantIn writes what the account may do for g.Patient until g.Until, under
// the agreement proxy, in the transaction of what led to it.
func GrantIn(ctx context.Context, c db.Conn, account, proxy string, g access.Grant, now time.Time) error {
	const q = `
		insert into account_grant (account, patient, name, rights, until_at, created_at, proxy, categories, labels, basis)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (account, patient) do update
		set name = excluded.name, rights = excluded.rights, until_at = excluded.until_at, proxy = excluded.proxy,
			categories = excluded.categories, labels = excluded.labels, basis = excluded.basis`
	_, err := c.ExecContext(ctx, q, account, g.Patient, g.Name, spaced(g.Rights), g.Until.UnixMicro(), now.UnixMicro(),
		proxy, spaced(g.Categories), int64(g.Labels), string(g.Basis))
	return err
}

// spaced joins words with spaces.
func spaced[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, " ")
}

// Ungrant ends what the account may do for the patient, at once.
func (s *Store) Ungrant(ctx context.Context, account, patient string) error {
	if _, err := s.db.ExecContext(ctx, `delete from account_grant where account = $1 and patient = $2`, account, patient); err != nil {
		return fmt.Errorf("account: ungrant %s: %w", account, err)
	}
	return nil
}

// Grants returns what the account may do for others now.
func (s *Store) Grants(ctx context.Context, account string) ([]access.Grant, error) {
	list, err := s.grants(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("account: grants of %s: %w", account, err)
	}
	return list, nil
}

// grants returns what the account may do for others now. A parent's share is
// narrowed here as the doors narrow it, so that pages lead to nothing closed.
func (s *Store) grants(ctx context.Context, account string) ([]access.Grant, error) {
	const q = `
		select g.patient, g.name, g.rights, g.categories, g.labels, g.basis, g.until_at, coalesce(p.born, ''), coalesce(p.state, '')
		from account_grant g left join person p on p.id = g.patient
		where g.account = $1 and g.until_at > $2
		order by g.name, g.patient`
	now := s.now()
	list, err := db.All(ctx, s.db, func(scan db.Scan) (access.Grant, error) {
		var g access.Grant
		var rights, categories, born, state string
		var until int64
		err := scan(&g.Patient, &g.Name, &rights, &categories, &g.Labels, &g.Basis, &until, &born, &state)
		for r := range strings.FieldsSeq(rights) {
			g.Rights = append(g.Rights, access.Right(r))
		}
		for c := range strings.FieldsSeq(categories) {
			g.Categories = append(g.Categories, access.Category(c))
		}
		g.Until = when(until)
		if s.ages != nil {
			g = s.ages.Narrow(g, born, state, now)
		}
		return g, err
	}, q, account, now.UnixMicro())
	return slices.DeleteFunc(list, func(g access.Grant) bool { return len(g.Rights) == 0 }), err
}
