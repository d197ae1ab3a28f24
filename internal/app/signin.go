package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/contact"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// notices tells owners of accounts what happened to them, on every channel
// that they have. A notice says what happened and what to do, and nothing of
// a record.
type notices struct{ app *App }

// Notify sends n to the account's addresses, those it names besides, and the
// inbox. It fails only where nothing at all could be sent.
func (s notices) Notify(ctx context.Context, n account.Notice) error {
	l := lang.Pick("", n.Account.Lang)
	sent := 0
	var failed error
	places, err := s.places(ctx, n)
	if err != nil {
		return err
	}
	for _, to := range places {
		subject, text := s.words(l, n, to.Kind)
		err := s.app.Reach.SendNow(ctx, reach.Direct{
			Purpose: "security", Channel: reach.Channel(to.Kind), To: to.Value, Lang: l.Tag(), Patient: n.Account.Patient, Subject: subject, Text: text,
		})
		switch {
		case err == nil:
			sent++
		case errs.KindOf(err) != errs.Unavailable: // a channel that is not there is no failure
			failed = errors.Join(failed, err)
		}
	}
	if sent > 0 {
		return nil
	}
	return failed
}

// places are where a notice goes, each once. Caregivers and staff have no
// inbox of their own. With whom one way was agreed, that way is all.
//
// Spec: 45 CFR 164.522(b)
func (s notices) places(ctx context.Context, n account.Notice) ([]account.Address, error) {
	var list []account.Address
	seen := map[account.Address]bool{}
	add := func(kind, value string) {
		a := account.Address{Kind: kind, Value: value}
		if value != "" && !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	add("email", n.Account.Email)
	add("sms", n.Account.Phone)
	for _, a := range n.Also {
		add(a.Kind, a.Value)
	}
	if n.Account.Patient == "" {
		return list, nil
	}
	agreed, err := contact.Confined(ctx, s.app.db, []string{n.Account.Patient})
	if err != nil {
		return nil, err
	}
	if only, ok := agreed[n.Account.Patient]; ok {
		list, seen = nil, map[account.Address]bool{}
		if only.Kind == contact.Email || only.Kind == contact.SMS {
			add(string(only.Kind), only.Value)
		}
	}
	add("inbox", n.Account.Patient)
	return list, nil
}

// words are a notice's subject and text on a channel. The inbox, which others
// may read who act for the patient, does not take anything back.
func (s notices) words(l lang.Lang, n account.Notice, channel string) (subject, text string) {
	at := s.at(l, n.At)
	what := thing(l, n.What)
	lines := []string{s.happened(l, n, what, at)}
	switch n.Kind {
	case account.RequestLate, account.TaskRaised, account.TranslationLate, account.TranslationRaised:
		return s.subject(l, n.Kind), s.late(l, n)
	}
	if n.Cancel != "" && channel != string(reach.Inbox) {
		lines = append(lines, l.T("If it was not you, take it back here: %s", s.app.c.base()+"/signin/cancel/"+n.Cancel))
		if s.app.c.Clinic.Phone != "" {
			lines = append(lines, l.T("Or call us: %s.", web.Phone(s.app.c.Clinic.Phone)))
		}
	} else if s.app.c.Clinic.Phone != "" {
		lines = append(lines, l.T("If you do not know why, call us: %s.", web.Phone(s.app.c.Clinic.Phone)))
	}
	return s.subject(l, n.Kind), strings.Join(lines, " ")
}

// subject says what sort of thing a notice is about.
func (s notices) subject(l lang.Lang, kind account.NoticeKind) string {
	clinic := s.app.c.Clinic.Name
	switch kind {
	case account.ProxyGranted, account.ProxyEnded, account.ProxyWaiting, account.ProxyChanged, account.ProxyNarrowing,
		account.HelpGranted, account.HelpEnded, account.InviteWrong:
		return l.T("About helping each other at %s", clinic)
	case account.RequestMoved, account.RequestLate, account.AnswerTranslated:
		return l.T("About what you asked %s", clinic)
	case account.TranslationLate:
		return l.T("About a translation from %s", clinic)
	case account.TranslationRaised:
		return l.T("Patients wait for a translation from %s", clinic)
	case account.TaskRaised:
		return l.T("Patients wait for an answer from %s", clinic)
	case account.FormAsked:
		return l.T("A form from %s waits for you", clinic)
	case account.EmergencyOpened, account.AppConnected:
		return l.T("About your record at %s", clinic)
	}
	return l.T("About your sign-in at %s", clinic)
}

// happened says in one sentence what a notice tells.
func (s notices) happened(l lang.Lang, n account.Notice, what, at string) string {
	clinic := s.app.c.Clinic.Name
	switch n.Kind {
	case account.NewDevice:
		return l.T("%s: somebody signed in to your account on a new device: %s, %s.", clinic, what, at)
	case account.CredentialAdded:
		return l.T("%s: a new way to sign in was added to your account: %s, %s.", clinic, what, at)
	case account.CredentialChanged:
		return l.T("%s: a way to sign in to your account was changed: %s, %s.", clinic, what, at)
	case account.CredentialRemoved:
		return l.T("%s: a way to sign in to your account was removed: %s, %s.", clinic, what, at)
	case account.SecondUnfinished:
		return l.T("%s: somebody began to sign in to your account and did not finish, %s.", clinic, at)
	case account.RecoveryBegun:
		return l.T("%s: help to get back into your account was used, %s.", clinic, at)
	case account.AddressMoving:
		return l.T("%s: from %s on, codes for your account go to a new place: %s.", clinic, s.at(l, n.Until), what)
	case account.AddressMoved:
		return l.T("%s: codes for your account now go to a new place: %s.", clinic, what)
	case account.ProxyGranted:
		return l.T("%s: somebody may now act for you here, %s. Sign in to see who.", clinic, at)
	case account.ProxyEnded:
		return l.T("%s: somebody who acted for you here no longer can, %s.", clinic, at)
	case account.HelpGranted:
		return l.T("%s: you can now help somebody here, %s. Sign in to see whom.", clinic, at)
	case account.HelpEnded:
		return l.T("%s: you no longer help somebody here, %s.", clinic, at)
	case account.ProxyWaiting:
		return l.T("%s: somebody wants to help you here and waits for your yes. Sign in to see who.", clinic)
	case account.ProxyChanged:
		return l.T("%s: what a helper may see was changed, %s. Sign in to see it.", clinic, at)
	case account.ProxyNarrowing:
		return l.T("%s: on %s, a birthday changes what a parent may see here. Sign in to see it.", clinic, l.ShortDate(n.Until.In(s.app.c.Clinic.Zone)))
	case account.InviteWrong:
		return l.T("%s: somebody opened your invitation to a helper and gave a wrong code three times. If your helper has trouble, sign in and send a new one.", clinic)
	case account.RequestMoved:
		return l.T("%s: there is news about what you asked us. Sign in to read it.", clinic)
	case account.AnswerTranslated:
		return l.T("%s: our answer to what you asked is now in your language. Sign in to read it.", clinic)
	case account.FormAsked:
		if n.Link != "" {
			return l.T("%s: a form waits for you. Fill it in here: %s", clinic, n.Link)
		}
		return l.T("%s: a form waits for you. Sign in to fill it in.", clinic)
	case account.EmergencyOpened:
		return l.T("%s: your record was opened in an emergency, %s. Sign in to see by whom.", clinic, at)
	}
	if n.Kind == account.AppConnected {
		return l.T("%s: an app may now see your record, %s. Sign in to see which, or to stop it.", clinic, at)
	}
	return l.T("%s: something about your sign-in changed, %s.", clinic, at)
}

// at writes a time as it is at the clinic.
func (s notices) at(l lang.Lang, t time.Time) string {
	t = t.In(s.app.c.Clinic.Zone)
	return l.T("%s at %s", l.ShortDate(t), l.Clock(t))
}

// thing puts what a notice is about into the reader's language: a passkey,
// Safari on iPhone.
func thing(l lang.Lang, what string) string {
	name, device, ok := strings.Cut(what, ", ")
	if !ok && strings.Contains(name, " on ") {
		name, device = "", name
	}
	if browser, system, on := strings.Cut(device, " on "); on {
		device = l.T("%s on %s", l.T(browser), system)
	}
	switch {
	case name == "":
		return device
	case device == "":
		return l.T(name)
	}
	return l.T(name) + ", " + device
}

// ringSealer keeps the secrets of accounts under the ring of keys.
type ringSealer struct{ app *App }

// Seal encrypts plain for place: table/column/row.
func (s ringSealer) Seal(ctx context.Context, plain []byte, place string) ([]byte, error) {
	table, column, row := parts(place)
	return s.app.Keys.Seal(ctx, s.app.db, keys.Secrets, table, column, row, plain)
}

// Open decrypts what Seal returned for place.
func (s ringSealer) Open(ctx context.Context, sealed []byte, place string) ([]byte, error) {
	table, column, row := parts(place)
	return s.app.Keys.Open(ctx, sealed, table, column, row)
}

func parts(place string) (table, column, row string) {
	table, rest, _ := strings.Cut(place, "/")
	column, row, _ = strings.Cut(rest, "/")
	return table, column, row
}

// watched says whether the patient is one whom the clinic watches more
// closely.
func (a *App) watched(ctx context.Context, patient string) (bool, error) {
	n, err := db.One(ctx, a.db, db.Value[int], `select count(*) from patient_flag where patient = $1 and vip > 0`, patient)
	if err != nil {
		return false, fmt.Errorf("app: watched: %w", err)
	}
	return n > 0, nil
}

// accounts makes the store of those who sign in.
func (a *App) accounts() *account.Store {
	return account.NewStore(a.db, a.ids, a.c.Now, a.c.Key).WithDirectory(directory{a}).WithRules(a.c.SignIn).
		WithSealer(ringSealer{a}).WithNotices(notices{a}).WithWatched(a.watched).WithShut(a.shutApps)
}

// sweepEvery is how often notices are sent and what is due is done.
const sweepEvery = 5 * time.Second

// sweepAccounts does the regular work of accounts until ctx ends.
func (a *App) sweepAccounts(ctx context.Context) error {
	return a.every(ctx, sweepEvery, "accounts not swept", func(ctx context.Context) error {
		_, err := a.Accounts.Sweep(ctx)
		return err
	})
}
