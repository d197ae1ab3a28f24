package client

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/store/db"
)

func (s *Store) insertGrant(ctx context.Context, tx *db.Tx, g Grant) error {
	const q = `
		insert into app_grant (id, client, account, patient, encounter, scopes, labels, keep, launch, auth_at, created_at, until_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	_, err := tx.ExecContext(ctx, q, g.ID, g.Client, g.Account, g.Patient, g.Encounter, g.Scopes, int64(g.Labels), g.Keep, g.Launch,
		db.Micro(g.AuthAt), g.Created.UnixMicro(), g.Until.UnixMicro())
	return err
}

const grantColumns = `g.id, g.client, c.name, c.website, c.verified, g.account, g.patient, g.encounter, g.scopes, g.labels, g.keep, g.launch, g.auth_at,
	g.created_at, g.used_at, g.until_at, g.ended_at, g.ended_by, g.ended_why`

func readGrant(scan db.Scan) (g Grant, err error) {
	var verified, auth, created, used, until, ended int64
	err = scan(&g.ID, &g.Client, &g.ClientName, &g.Website, &verified, &g.Account, &g.Patient, &g.Encounter, &g.Scopes, &g.Labels, &g.Keep, &g.Launch, &auth,
		&created, &used, &until, &ended, &g.EndedBy, &g.EndedWhy)
	g.Verified, g.AuthAt, g.Created, g.Used = verified != 0, db.Time(auth), db.Time(created), db.Time(used)
	g.Until, g.Ended = db.Time(until), db.Time(ended)
	return g, err
}

// shown is how many grants a page shows at most.
const shown = 100

// Of returns the apps that see the record that pass opens, the newest first.
// Patients see every one, whoever let it in; who acts for them sees those
// that they let in themselves.
func (s *Store) Of(ctx context.Context, pass access.Pass) ([]Grant, error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return nil, err
	}
	const q = `select ` + grantColumns + `
		from app_grant g join app_client c on c.id = g.client
		where g.patient = $1 and (g.account = $2 or $3 = 1) and g.launch <> 'ehr'
		order by g.created_at desc, g.id desc limit $4`
	list, err := db.All(ctx, s.DB, readGrant, q, patient, pass.Actor().ID, bit(own(pass, patient)), shown)
	if err != nil {
		return nil, fmt.Errorf("client: of: %w", err)
	}
	return list, nil
}

// own says whether pass opens its owner's own record.
func own(pass access.Pass, patient string) bool {
	a := pass.Actor()
	return a.Kind != access.Staff && a.Patient == patient
}

// OfClient returns how many grants of a client are live.
func (s *Store) OfClient(ctx context.Context, id string) (int, error) {
	n, err := db.One(ctx, s.DB, db.Value[int], `select count(*) from app_grant where client = $1 and ended_at = 0 and until_at > $2`, id, s.Now().UnixMicro())
	if err != nil {
		return 0, fmt.Errorf("client: grants of client: %w", err)
	}
	return n, nil
}

// Stop ends a grant that Of shows. From now on its tokens open nothing.
func (s *Store) Stop(ctx context.Context, pass access.Pass, id string) error {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return err
	}
	by := pass.Actor()
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `
			update app_grant set ended_at = $2, ended_by = $3, ended_why = 'stopped'
			where id = $1 and patient = $4 and (account = $3 or $5 = 1) and ended_at = 0
			returning client`
		list, err := db.All(ctx, tx, db.Value[string], q, id, s.Now().UnixMicro(), by.ID, patient, bit(own(pass, patient)))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return errNoApp
		}
		row := noted(by, "client.stop", Client{ID: list[0]})
		row.Patient = patient
		return s.Log.AddIn(ctx, tx, row)
	})
	s.Forget()
	if err != nil {
		return fmt.Errorf("client: stop: %w", err)
	}
	return nil
}

// End ends for good what an account let apps see, in tx; with an empty account
// what everybody did, and every token. An account that is opened again gives
// no app back what it had.
func (s *Store) End(ctx context.Context, tx *db.Tx, account string) error {
	const of = columnsToEnd + ` and g.account = $1`
	list, err := db.All(ctx, tx, readGrant, of, account)
	if account == "" {
		list, err = db.All(ctx, tx, readGrant, columnsToEnd+` and g.account <> ''`)
	}
	if err != nil {
		return fmt.Errorf("client: end: %w", err)
	}
	for _, g := range list {
		if err := s.end(ctx, tx, g, "shut"); err != nil {
			return fmt.Errorf("client: end: %w", err)
		}
	}
	if account == "" {
		if _, err := tx.ExecContext(ctx, `delete from app_token`); err != nil {
			return fmt.Errorf("client: end: %w", err)
		}
	}
	tx.After(s.Forget)
	return nil
}

const columnsToEnd = `select ` + grantColumns + ` from app_grant g join app_client c on c.id = g.client where g.ended_at = 0`

// end ends a grant for a reason of Hale's own.
func (s *Store) end(ctx context.Context, tx *db.Tx, g Grant, why string) error {
	const q = `update app_grant set ended_at = $2, ended_by = 'hale', ended_why = $3 where id = $1 and ended_at = 0`
	n, err := db.Changed(tx.ExecContext(ctx, q, g.ID, s.Now().UnixMicro(), why))
	if err != nil || n == 0 {
		return err
	}
	row := noted(access.SystemActor("oauth"), "client."+why, Client{ID: g.Client})
	row.Patient = g.Patient
	return s.Log.AddIn(ctx, tx, row)
}
