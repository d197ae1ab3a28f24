package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// Open begins a launch from the desk: it returns where the browser goes on.
// The pass is on the record of the patient whom the launch is about; only its
// owner can finish it.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
func (s *Store) Open(ctx context.Context, pass access.Pass, id, encounter, fhir string) (to string, err error) {
	patient, err := pass.Open(access.ReadRecord)
	if err != nil {
		return "", err
	}
	c, err := s.Get(ctx, id)
	if err != nil {
		return "", err
	}
	if c.Status != Approved || c.Launch == "" || c.Backend {
		return "", errNotOpen
	}
	token := seal.Token(32)
	err = s.DB.Tx(ctx, func(tx *db.Tx) error {
		const q = `insert into app_launch (hash, client, account, patient, encounter, expires_at) values ($1, $2, $3, $4, $5, $6)`
		if _, err := tx.ExecContext(ctx, q, seal.Hash(token), c.ID, pass.Actor().ID, patient, encounter, s.Now().Add(LaunchLife).UnixMicro()); err != nil {
			return err
		}
		row := noted(pass.Actor(), "client.launch", c)
		row.Patient = patient
		return s.Log.AddIn(ctx, tx, row)
	})
	if err != nil {
		return "", fmt.Errorf("client: open: %w", err)
	}
	return back(c.Launch, url.Values{"iss": {fhir}, "launch": {token}}), nil
}

// takeLaunch uses up the launch that a names.
func (s *Store) takeLaunch(ctx context.Context, tx *db.Tx, a *Ask) error {
	const q = `delete from app_launch where hash = $1 and client = $2 and expires_at > $3 returning account, patient, encounter`
	_, err := db.One(ctx, tx, func(scan db.Scan) (struct{}, error) {
		return struct{}{}, scan(&a.Account, &a.Patient, &a.Encounter)
	}, q, seal.Hash(a.Launch), a.Client.ID, s.Now().UnixMicro())
	if errors.Is(err, db.ErrNone) {
		return smart.Refuse(smart.InvalidRequest, "The launch is unknown, used up, too old, or was for another app")
	}
	a.Launched = true
	return err
}
