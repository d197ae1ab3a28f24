package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/access/proxy"
	"hale/internal/care/disclosure"
	"hale/internal/care/problem"
	"hale/internal/care/request"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// families shows in the town who helps whom and what people ask about their
// records: Lucía helps her mother with some things, a parent looks after a
// teenager, Maria waits for a correction that is nearly due, and a report
// that the law asks for is in the ledger.
func (d *Demo) families(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	nurse, okNurse := holder(staff, access.Nurse)
	officer, okOfficer := holder(staff, access.Privacy)
	maria, okMaria, err := a.accountOf(ctx, town.Maria)
	if err != nil {
		return err
	}
	if !okNurse || !okOfficer || !okMaria {
		return errors.New("demo: nobody is nurse, or privacy officer, or Maria")
	}
	for _, step := range []func() error{
		func() error { return d.daughter(ctx, a, a.proved(ready(maria))) },
		func() error { return d.parent(ctx, a, a.proved(ready(nurse))) },
		func() error { return d.others(ctx, a, a.proved(ready(nurse))) },
		func() error { return d.asks(ctx, a, a.proved(ready(maria))) },
		func() error { return d.report(ctx, a, a.proved(ready(officer))) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("demo: families: %w", err)
		}
	}
	return nil
}

// ready is an account as an actor.
func ready(who account.Account) access.Actor {
	return access.Actor{Kind: who.Kind, Proof: access.Proof{Zone: access.PortalZone}, ID: who.ID, Name: who.Name, Patient: who.Patient, Roles: who.Roles}
}

// proved is ready with a proof of this moment.
func (a *App) proved(who access.Actor) access.Actor {
	who.Proof = access.Proof{Zone: access.AccountZone, At: a.c.Now()}
	return who
}

// accountOf returns the account of a patient; ok is false where there is
// none.
func (a *App) accountOf(ctx context.Context, patient string) (who account.Account, ok bool, err error) {
	id, err := db.One(ctx, a.db, db.Value[string], `select coalesce((select id from account where patient = $1), '')`, patient)
	if err != nil || id == "" {
		return who, false, err
	}
	return a.Accounts.Active(ctx, a.db, id)
}

// daughter lets Lucía help with some things, as Maria asked.
func (d *Demo) daughter(ctx context.Context, a *App, maria access.Actor) error {
	lucia, ok, err := a.accountOf(ctx, town.Lucia)
	if err != nil || !ok {
		return errors.Join(err, errors.New("demo: Lucía has no account"))
	}
	pass, err := a.Doors.Check(ctx, maria, access.ManageProxies, town.Maria)
	if err != nil {
		return err
	}
	return a.helps(ctx, pass, ready(lucia), proxy.Invite{Helper: lucia.Name, Address: lucia.Email, Limits: proxy.Limits{
		Actions: proxy.Actions, Categories: []access.Category{access.Visits, access.Messages, access.Results, access.Medicines}, Until: a.c.Now().AddDate(1, 0, 0)}})
}

// helps takes an invitation all the way.
func (a *App) helps(ctx context.Context, pass access.Pass, helper access.Actor, in proxy.Invite) error {
	sent, err := a.people.Helpers.Invite(ctx, pass, in)
	if err != nil {
		return err
	}
	device, err := a.people.Helpers.Prove(ctx, sent.Token, sent.Code)
	if err != nil {
		return err
	}
	_, err = a.people.Helpers.Join(ctx, sent.Token, device, helper)
	return err
}

// parent lets somebody look after the minor of the household whose next
// birthday that matters comes first.
func (d *Demo) parent(ctx context.Context, a *App, nurse access.Actor) error {
	minor, parent, ok := d.household(a.c.Now())
	if !ok {
		return nil // a small town may have no such household
	}
	who, known, err := a.accountOf(ctx, parent.Patient)
	if err != nil {
		return err
	}
	if !known {
		if who, err = a.Accounts.Add(ctx, account.Account{Kind: access.Patient, Name: parent.Name, Patient: parent.Patient, Email: parent.Email, Lang: parent.Lang}); err != nil {
			return err
		}
	}
	pass, err := a.Doors.Check(ctx, nurse, access.ManageProxies, minor.Patient)
	if err != nil {
		return err
	}
	return a.helps(ctx, pass, ready(who), proxy.Invite{Helper: parent.Name, Address: parent.Email, Basis: access.AsParent, Paper: "birth certificate", PaperNote: "Paper file, drawer 3",
		Limits: proxy.Limits{Actions: proxy.Actions, Categories: access.Categories, Until: a.c.Now().AddDate(5, 0, 0)}})
}

// others shows the office's paper behind what the town's other caregivers may
// do.
func (d *Demo) others(ctx context.Context, a *App, nurse access.Actor) error {
	for _, s := range d.town.SignIns {
		if s.Main || s.Kind != access.Proxy {
			continue
		}
		who, ok, err := a.accountOf(ctx, s.Patient)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for _, g := range s.Grants {
			pass, err := a.Doors.Check(ctx, nurse, access.ManageProxies, g.Patient)
			if err != nil {
				return err
			}
			err = a.helps(ctx, pass, ready(who), proxy.Invite{Helper: s.Name, Address: s.Email, Basis: access.ByProxy, Paper: "health care power of attorney", PaperNote: "Paper file, drawer 3",
				Limits: proxy.Limits{Actions: proxy.Actions, Categories: access.Categories, Until: a.c.Now().AddDate(2, 0, 0)}})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// household finds a minor and an adult who live together: of all minors the
// one who turns 12 or 18 first.
func (d *Demo) household(now time.Time) (minor, parent town.Resident, ok bool) {
	soonest := time.Time{}
	for _, m := range d.town.Residents {
		born, err := time.Parse(time.DateOnly, m.Born)
		if err != nil || m.Age >= access.Adult || m.Traits.Has(town.Deceased) {
			continue
		}
		next := born.AddDate(12, 0, 0)
		if !next.After(now) {
			next = born.AddDate(access.Adult, 0, 0)
		}
		i := slices.IndexFunc(d.town.Residents, func(p town.Resident) bool {
			grown := p.House == m.House && p.Age >= m.Age+18 && p.Age <= m.Age+50
			return grown && p.Email != "" && !p.Traits.Has(town.SharedEmail) && !p.Traits.Has(town.Deceased) && p.Family == m.Family
		})
		if i >= 0 && (!ok || next.Before(soonest)) {
			minor, parent, soonest, ok = m, d.town.Residents[i], next, true
		}
	}
	return minor, parent, ok
}

// asks has Maria ask for a correction seven weeks ago, and for a copy today.
func (d *Demo) asks(ctx context.Context, a *App, maria access.Actor) error {
	read, err := a.Doors.Check(ctx, maria, access.ReadRecord, town.Maria)
	if err != nil {
		return err
	}
	list, err := problem.NewStore(a.db).List(ctx, read, problem.Allergy, 1)
	if err != nil || len(list) == 0 {
		return errors.Join(err, errors.New("demo: Maria has no allergy"))
	}
	pass, err := a.Doors.Check(ctx, maria, access.AskPrivacy, town.Maria)
	if err != nil {
		return err
	}
	then := func() time.Time { return a.c.Now().AddDate(0, 0, -56) }
	earlier := request.NewStore(a.db, a.ids, then, a.c.Clinic.Zone, a.audit, a.Record)
	if _, err := earlier.Ask(ctx, pass, request.Amend, "AllergyIntolerance/"+list[0].ID, request.Details{Title: "Penicillin",
		Words: "I am not allergic to penicillin. The rash I had as a child came from a cream.", Should: "No allergy to penicillin is known."}); err != nil {
		return err
	}
	_, err = a.people.Requests.Ask(ctx, pass, request.Access, "", request.Details{Form: "paper", Words: "The last two years, please."})
	return err
}

// report is one disclosure that the law asks for.
func (d *Demo) report(ctx context.Context, a *App, officer access.Actor) error {
	pass, err := a.Doors.Check(ctx, officer, access.AnswerPrivacy, town.Maria)
	if err != nil {
		return err
	}
	return a.people.Given.Note(ctx, pass, disclosure.Entry{At: a.c.Now().AddDate(0, -5, 0), Recipient: "Cook County Health Registry", Address: "118 Clark Street, Chicago, IL 60602",
		What: "Date and kind of a vaccination", Purpose: "State vaccine registry", Basis: disclosure.PublicHealth})
}
