package residents

import (
	"context"
	"fmt"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// Offices are where the town's people register what the record does not say.
type Offices struct {
	DB       *db.DB
	Doors    *access.Doors
	Accounts *account.Store
	Consents *consent.Store
	Contacts *contact.Store
}

// Settle makes the town's accounts, grants its caregivers their rights, and
// writes down who asked for no texts and how Maria wants to be reached. The
// record must be there already.
func Settle(ctx context.Context, o Offices, tn *town.Town) error {
	list := make([]account.Account, len(tn.SignIns))
	for i, s := range tn.SignIns {
		list[i] = account.Account{Kind: s.Kind, Name: s.Name, Patient: s.Patient, Roles: s.Roles, Email: s.Email, Phone: s.Phone, Lang: s.Lang}
	}
	list, err := o.Accounts.AddAll(ctx, list)
	if err != nil {
		return fmt.Errorf("residents: settle: %w", err)
	}
	for i, s := range tn.SignIns {
		for _, g := range s.Grants {
			if err := o.Accounts.Grant(ctx, list[i].ID, g, tn.Day.AddDate(2, 0, 0)); err != nil {
				return fmt.Errorf("residents: settle: %w", err)
			}
		}
	}
	return Choices(ctx, o, tn)
}

// Choices writes down who asked for no texts and how Maria wants to be
// reached.
func Choices(ctx context.Context, o Offices, tn *town.Town) error {
	if err := o.noTexts(ctx, tn); err != nil {
		return fmt.Errorf("residents: choices: %w", err)
	}
	return o.maria(ctx)
}

// noTexts writes down who asked for no texts, unless an earlier run did.
func (o Offices) noTexts(ctx context.Context, tn *town.Town) error {
	n, err := db.One(ctx, o.DB, db.Value[int64], `select count(*) from consent_event where method = 'staff' and actor = $1`, frontDesk)
	if err != nil || n > 0 {
		return err
	}
	var said []consent.Event
	for i, r := range tn.Residents {
		if r.Traits.Has(town.NoTexts) {
			at := tn.Day.AddDate(0, -2, -i%200).Add(15 * time.Hour)
			said = append(said, consent.Event{Patient: r.Patient, Channel: "sms", Purpose: consent.Any, Action: consent.Revoke, Method: "staff", Actor: frontDesk, At: at})
		}
	}
	if len(said) == 0 {
		return nil
	}
	return o.DB.Tx(ctx, func(tx *db.Tx) error { return o.Consents.AddIn(ctx, tx, said...) })
}

// frontDesk is who wrote down what people asked for.
const frontDesk = "front desk"

// maria asks for texts first, by day.
func (o Offices) maria(ctx context.Context) error {
	pass, err := o.Doors.Check(ctx, access.SystemActor("demo", access.EditContacts), access.EditContacts, town.Maria)
	if err != nil {
		return fmt.Errorf("residents: choices: %w", err)
	}
	return o.Contacts.SetPreference(ctx, pass, contact.Preference{Topic: "*", Channels: []string{"sms", "email", "inbox"}, Lang: "en", HourFrom: 9, HourTo: 19})
}

// Settled says whether the town of seed was settled in d before, and on which
// day: it goes on from there, and must not be imported anew, which would
// free the times that people have booked.
func Settled(ctx context.Context, d *db.DB, seed uint64) (day time.Time, ok bool, err error) {
	const q = `
		select coalesce(min(a.created_at), 0)
		from account a
		where a.kind = 'staff' and exists (select 1 from outreach o where o.salt = $1 and o.state = 'done')`
	at, err := db.One(ctx, d, db.Value[int64], q, salt(seed))
	if err != nil {
		return time.Time{}, false, fmt.Errorf("residents: settled: %w", err)
	}
	return time.UnixMicro(at).UTC(), at > 0, nil
}
