package app

import (
	"context"
	"fmt"

	"hale/internal/access/account"
	"hale/internal/access/proxy"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/care/disclosure"
	"hale/internal/care/request"
	"hale/internal/face/desk"
	"hale/internal/face/portal"
	"hale/internal/reach"
	"hale/internal/store/db"
)

// people are the parts about who helps whom, what patients ask about their
// records, and to whom those were given.
type people struct {
	Ages     *proxy.Ages
	Helpers  *proxy.Store
	Requests *request.Store
	Given    *disclosure.Store
}

// peopleStores makes them, and lets the doors and the accounts narrow what a
// parent holds.
func (a *App) peopleStores() error {
	ages, err := proxy.NewAges(a.c.Clinic.Zone, a.c.State)
	if err != nil {
		return err
	}
	a.Doors.WithAgeRules(ages)
	a.Accounts = a.Accounts.WithAges(ages).WithChanged(a.Doors.Forget)
	a.people = people{
		Ages:     ages,
		Helpers:  proxy.NewStore(a.db, a.ids, a.c.Now, a.c.Key, a.audit, ages).Tell(helperNotices{a}, a.Doors.Forget),
		Requests: request.NewStore(a.db, a.ids, a.c.Now, a.c.Clinic.Zone, a.audit, a.Record).Tell(requestNotices{a}, a.Doors.Forget),
		Given:    disclosure.NewStore(a.db, a.ids, a.c.Now, a.audit),
	}
	return a.openClients()
}

// portalPeople adds these parts to the portal.
func (a *App) portalPeople(c portal.Config) portal.Config {
	c.Helpers, c.Invited, c.Rows = a.people.Helpers, invitations{a}, a.audit
	c.Requests, c.Given, c.Choices = a.people.Requests, a.people.Given, a.choices()
	return a.portalTranslations(a.portalThreads(c))
}

// deskPeople adds these parts to the desk.
func (a *App) deskPeople(c desk.Config) desk.Config {
	c = a.deskPolicy(c)
	c.Helpers, c.Invited = a.people.Helpers, invitations{a}
	c.Requests, c.Given = a.people.Requests, a.people.Given
	return a.deskTranslations(a.deskThreads(c))
}

// helperNotices tells both sides of what becomes of helping.
type helperNotices struct{ a *App }

// Tell puts the notices on their way.
func (n helperNotices) Tell(ctx context.Context, tx *db.Tx, list []proxy.Notice) error {
	kinds := map[proxy.Happening]account.NoticeKind{proxy.ToldGranted: account.ProxyGranted, proxy.ToldEnded: account.ProxyEnded,
		proxy.ToldWaiting: account.ProxyWaiting, proxy.ToldChanged: account.ProxyChanged, proxy.ToldNarrowing: account.ProxyNarrowing, proxy.ToldWrong: account.InviteWrong}
	helper := map[proxy.Happening]account.NoticeKind{proxy.ToldGranted: account.HelpGranted, proxy.ToldEnded: account.HelpEnded,
		proxy.ToldChanged: account.ProxyChanged, proxy.ToldNarrowing: account.ProxyNarrowing}
	for _, one := range list {
		kind := kinds[one.What]
		if one.Helper {
			kind = helper[one.What]
		}
		tell := n.a.tell
		who := one.Account
		if who == "" {
			tell, who = n.a.tellPatient, one.Patient
		}
		if err := tell(ctx, tx, who, account.Notice{Kind: kind, Until: one.At}); err != nil {
			return err
		}
	}
	return nil
}

// requestNotices tells a patient that a request came a step further. What it
// is about stands behind the sign-in.
type requestNotices struct{ a *App }

// Tell puts the notice on its way.
func (n requestNotices) Tell(ctx context.Context, tx *db.Tx, l request.Letter) error {
	if l.Act == request.Ask || l.Act == request.Withdraw || l.Act == request.Disagree {
		return nil // their own doing
	}
	return n.a.tell(ctx, tx, l.Account, account.Notice{Kind: account.RequestMoved})
}

// tell puts one notice to an account on its way, if it can still sign in.
func (a *App) tell(ctx context.Context, tx *db.Tx, id string, n account.Notice) error {
	who, ok, err := a.Accounts.Active(ctx, tx, id)
	if err != nil || !ok {
		return err
	}
	n.Account = who
	return a.Accounts.Tell(ctx, tx, n)
}

// tellPatient puts a notice on its way to a patient who has no account: to
// the first address of each kind on record, if there is any.
func (a *App) tellPatient(ctx context.Context, tx *db.Tx, patient string, n account.Notice) error {
	if err := addressTo(ctx, tx, patient, &n.Account); err != nil {
		return err
	}
	if n.Account.Email == "" && n.Account.Phone == "" {
		return nil
	}
	n.Account.Patient = patient
	var err error
	if n.Account.Lang, err = db.One(ctx, tx, db.Value[string], `select lang from person where id = $1`, patient); err != nil {
		return err
	}
	return a.Accounts.Tell(ctx, tx, n)
}

// addressTo puts a patient's first address of each kind on record into to.
func addressTo(ctx context.Context, tx *db.Tx, patient string, to *account.Account) error {
	by, err := contact.List(ctx, tx, []string{patient})
	for _, p := range by[patient] {
		switch {
		case p.Status != contact.Active:
		case p.Kind == contact.Email && to.Email == "":
			to.Email = p.Value
		case p.Kind == contact.SMS && to.Phone == "":
			to.Phone = p.Value
		}
	}
	return err
}

// invitations sends the links of invitations through the ledger of reach.
type invitations struct{ a *App }

// SendInvite sends one link. Its words name nobody and no health matter.
func (i invitations) SendInvite(ctx context.Context, s proxy.Sent) error {
	l := lang.Pick("", s.Lang)
	clinic := i.a.c.Clinic.Name
	err := i.a.Reach.SendNow(ctx, reach.Direct{
		Purpose: "security", Channel: reach.Channel(s.Kind), To: s.Address, Lang: l.Tag(),
		Subject: l.T("Somebody asks for your help at %s", clinic),
		Text:    l.T("%s: somebody you know asks you to help them here. They will tell you a code. Open %s", clinic, i.a.c.base()+"/join/"+s.Token),
	})
	if err != nil {
		return fmt.Errorf("app: invite: %w", err)
	}
	return nil
}
