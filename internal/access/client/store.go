package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

const clientColumns = `id, name, website, contact, status, auth, native, backend, redirects, launch, scopes, jwks, jwks_uri, labels,
	verified, introspects, logo, logo_type, origin, created_at, decided_at, decided_by`

func readClient(scan db.Scan) (c Client, err error) {
	var native, backend, verified, introspects, created, decided int64
	var redirects string
	err = scan(&c.ID, &c.Name, &c.Website, &c.Contact, &c.Status, &c.Auth, &native, &backend, &redirects, &c.Launch, &c.Scopes, &c.JWKS, &c.JWKSURI, &c.Labels,
		&verified, &introspects, &c.Logo, &c.LogoType, &c.Origin, &created, &decided, &c.DecidedBy)
	c.Native, c.Backend, c.Verified, c.Introspects = native != 0, backend != 0, verified != 0, introspects != 0
	c.Redirects = lines(redirects)
	c.Created, c.Decided = db.Time(created), db.Time(decided)
	return c, err
}

// lines returns the lines of text that have something on them.
func lines(text string) []string {
	var list []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Get returns a client, whatever its status.
func (s *Store) Get(ctx context.Context, id string) (Client, error) {
	return s.get(ctx, s.DB, id)
}

func (s *Store) get(ctx context.Context, c db.Conn, id string) (Client, error) {
	got, err := db.One(ctx, c, readClient, `select `+clientColumns+` from app_client where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		return Client{}, errNoApp
	}
	if err != nil {
		return Client{}, fmt.Errorf("client: get: %w", err)
	}
	return got, nil
}

// All returns every client for whoever looks after them, those that wait
// first, then by name.
func (s *Store) All(ctx context.Context, pass access.Pass) ([]Client, error) {
	if err := pass.OpenAll(access.ManageUsers); err != nil {
		return nil, err
	}
	const q = `select ` + clientColumns + ` from app_client
		order by case status when 'waiting' then 0 when 'approved' then 1 when 'suspended' then 2 else 3 end, name, id`
	list, err := db.All(ctx, s.DB, readClient, q)
	if err != nil {
		return nil, fmt.Errorf("client: all: %w", err)
	}
	return list, nil
}

// Launchable returns the approved clients that the desk can open, by name.
func (s *Store) Launchable(ctx context.Context) ([]Client, error) {
	const q = `select ` + clientColumns + ` from app_client where status = 'approved' and launch <> '' and backend = 0 order by name, id`
	list, err := db.All(ctx, s.DB, readClient, q)
	if err != nil {
		return nil, fmt.Errorf("client: launchable: %w", err)
	}
	return list, nil
}

// Waits says how many clients wait for the desk.
func (s *Store) Waits(ctx context.Context) (int, error) {
	n, err := db.One(ctx, s.DB, db.Value[int], `select count(*) from app_client where status = 'waiting'`)
	if err != nil {
		return 0, fmt.Errorf("client: waiting: %w", err)
	}
	return n, nil
}

// insert writes a new client and returns its secret, if it has one.
func (s *Store) insert(ctx context.Context, tx *db.Tx, c Client) (secret string, err error) {
	hash := ""
	if c.Secret() {
		secret = seal.Token(32)
		hash = seal.Hash(secret)
	}
	const q = `
		insert into app_client (id, name, website, contact, status, auth, native, backend, redirects, launch, scopes, secret_hash, jwks, jwks_uri, labels,
			verified, introspects, logo, logo_type, origin, created_at, decided_at, decided_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`
	logo := c.Logo
	if logo == nil {
		logo = []byte{}
	}
	_, err = tx.ExecContext(ctx, q, c.ID, c.Name, c.Website, c.Contact, string(c.Status), string(c.Auth), bit(c.Native), bit(c.Backend),
		strings.Join(c.Redirects, "\n"), c.Launch, c.Scopes, hash, c.JWKS, c.JWKSURI, int64(c.Labels), bit(c.Verified), bit(c.Introspects),
		logo, c.LogoType, c.Origin, c.Created.UnixMicro(), db.Micro(c.Decided), c.DecidedBy)
	return secret, err
}

// noted returns the audit row of what by did with a client.
func noted(by access.Actor, action string, c Client) audit.Row {
	r := by.Row(action, "", true)
	r.About = "Client/" + c.ID
	return r
}
