package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/emergency"
	"hale/internal/access/snoop"
	"hale/internal/demo/town"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// guarded shows in the town what waits, what was opened in an emergency and
// what looks strange: a result that Maria wants to hear by phone first, a
// biopsy that no law of Illinois holds, a watched record, two emergencies, and
// a look at a neighbour.
func (d *Demo) guarded(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	if len(d.town.Residents) < 40 {
		return errors.New("demo: the town is too small")
	}
	nurse, okNurse := holder(staff, access.Nurse)
	officer, okOfficer := holder(staff, access.Privacy)
	if !okNurse || !okOfficer {
		return errors.New("demo: nobody is nurse, or privacy officer")
	}
	neighbour, mayor, patient := d.town.Residents[21], d.town.Residents[23], d.town.Residents[25]
	for _, step := range []func() error{
		func() error { return d.waiting(ctx, a, patient.Patient) },
		func() error { return d.watchedOne(ctx, a, actorOf(officer), mayor.Patient) },
		func() error { return d.emergency(ctx, a, nurse, patient.Patient, 50*time.Hour, "unable") },
		func() error { return d.emergency(ctx, a, nurse, mayor.Patient, 2*time.Hour, "life") },
		func() error { return d.neighbourly(ctx, a, nurse, neighbour.Patient) },
		func() error { return a.guards.findings.Find(ctx) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("demo: guarded: %w", err)
		}
	}
	return nil
}

// holder returns somebody of the staff with role.
func holder(staff []account.Account, role access.Role) (account.Account, bool) {
	i := slices.IndexFunc(staff, func(s account.Account) bool { return slices.Contains(s.Roles, role) })
	if i < 0 {
		return account.Account{}, false
	}
	return staff[i], true
}

func actorOf(s account.Account) access.Actor {
	return access.Actor{Kind: access.Staff, Proof: access.Proof{Zone: access.PortalZone}, ID: s.ID, Name: s.Name, Roles: s.Roles}
}

// waiting has Maria ask to be called first about genetic tests, and brings
// such a test, and somebody else's biopsy.
func (d *Demo) waiting(ctx context.Context, a *App, other string) error {
	maria, ok, err := a.accountOf(ctx, town.Maria)
	if err != nil || !ok {
		return errors.Join(err, errors.New("demo: Maria has no account"))
	}
	pass, err := a.Doors.Check(ctx, ready(maria), access.EditContacts, town.Maria)
	if err != nil {
		return err
	}
	if err := a.guards.holds.SetWish(ctx, pass, "genetic", 5); err != nil {
		return err
	}
	at := a.c.Now().In(a.c.Clinic.Zone).Add(-2 * time.Hour).Format(time.RFC3339)
	const gene = `{"resourceType":"Observation","id":"gene-panel-maria","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],` +
		`"code":{"coding":[{"system":"http://loinc.org","code":"51969-4","display":"Genetic analysis summary report"}],"text":"Hereditary risk gene panel"},` +
		`"subject":{"reference":"Patient/%s"},"effectiveDateTime":"%s","issued":"%s","valueString":"No change found that is known to raise the risk of illness."}`
	const biopsy = `{"resourceType":"DiagnosticReport","id":"biopsy-report","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"SP"}]}],` +
		`"code":{"text":"Skin biopsy report"},"subject":{"reference":"Patient/%s"},"effectiveDateTime":"%s","issued":"%s","conclusion":"A harmless mole. No further treatment is needed."}`
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := a.Record.PutAll(ctx, tx, record.Source{Actor: access.SystemActor("import", access.WriteRecord), Feed: "demo town"}, []record.Draft{
			{Type: "Observation", ID: "gene-panel-maria", Body: fmt.Appendf(nil, gene, town.Maria, at, at)},
			{Type: "DiagnosticReport", ID: "biopsy-report", Body: fmt.Appendf(nil, biopsy, other, at, at)},
		})
		return err
	})
}

// watchedOne has the privacy officer watch one record more closely.
func (d *Demo) watchedOne(ctx context.Context, a *App, officer access.Actor, patient string) error {
	pass, err := a.Doors.Check(ctx, officer, access.ReviewAccess, patient)
	if err != nil {
		return err
	}
	return a.guards.findings.SetFlag(ctx, pass, true, "Holds office in the town; asked us to watch who looks.")
}

// emergency has the nurse open a record some time ago, by a clock that stood
// there.
func (d *Demo) emergency(ctx context.Context, a *App, nurse account.Account, patient string, before time.Duration, code string) error {
	then := a.c.Now().Add(-before)
	clock := func() time.Time { return then }
	past := emergency.New(emergency.Config{DB: a.db, IDs: a.ids, Now: clock, Audit: audit.NewLog(a.db, a.ids, clock)})
	actor := actorOf(nurse)
	actor.Proof = access.Proof{Zone: access.StepUpZone, At: a.c.Now()}
	pass, err := a.Doors.Check(ctx, actor, access.BreakGlass, patient)
	if err != nil {
		return err
	}
	_, err = past.Open(ctx, pass, code, "The ambulance called from the road and asked for allergies and medicines.")
	return err
}

// neighbourly tells where the nurse lives, and has a look of last week at
// somebody in the same house.
func (d *Demo) neighbourly(ctx context.Context, a *App, nurse account.Account, neighbour string) error {
	type home struct{ line, zip string }
	h, err := db.One(ctx, a.db, func(scan db.Scan) (h home, err error) { return h, scan(&h.line, &h.zip) }, `select line, zip from person where id = $1`, neighbour)
	if err != nil {
		return err
	}
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("demo", access.ManageUsers), access.ManageUsers)
	if err != nil {
		return err
	}
	if err := a.guards.findings.SetOwn(ctx, pass, snoop.Own{Account: nurse.ID, Family: "Okafor", Line: h.line, Zip: h.zip}); err != nil {
		return err
	}
	then := a.c.Now().AddDate(0, 0, -5)
	return audit.NewLog(a.db, a.ids, func() time.Time { return then }).Add(ctx, audit.Row{ActorKind: string(access.Staff), Actor: nurse.ID,
		Action: string(access.ReadRecord), Patient: neighbour, Granted: true})
}
