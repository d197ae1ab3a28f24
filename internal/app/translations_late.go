package app

import (
	"context"
	"slices"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/care/translation"
	"hale/internal/store/db"
)

// translations raises each translation whose time passed, once. The turn
// tells nobody twice of the same sort of thing.
func (r raising) translations(ctx context.Context) error {
	actor := access.SystemActor("promises", access.Translate)
	all, err := r.app.Doors.CheckAll(ctx, actor, access.Translate)
	if err != nil {
		return err
	}
	list, err := r.app.translations.Unraised(ctx, all, lateMost)
	if err != nil {
		return err
	}
	for _, w := range list {
		pass, err := r.app.Doors.Check(ctx, actor, access.Translate, w.Patient)
		if err != nil {
			return err
		}
		if err := r.translation(ctx, pass, w); err != nil {
			return err
		}
	}
	return nil
}

// translation raises one: to who leads the nurse team, or to all who
// translate, who are told either way; and tells the patient.
func (r raising) translation(ctx context.Context, pass access.Pass, w translation.Work) error {
	able, err := r.app.translations.Translators(ctx, w.Lang)
	if err != nil {
		return err
	}
	to, name, whom := "", "", r.crew(nurses)
	if lead, ok := r.lead(nurses); ok {
		to, name, whom = lead.ID, lead.Name, []account.Account{lead}
	}
	for _, one := range r.staff {
		if slices.Contains(able, one.ID) && !slices.ContainsFunc(whom, func(a account.Account) bool { return a.ID == one.ID }) {
			whom = append(whom, one)
		}
	}
	var heard []string
	done, err := r.app.translations.Raise(ctx, pass, w.ID, to, name, func(tx *db.Tx) error {
		heard = heard[:0] // a transaction may begin anew
		for _, one := range whom {
			key := "translations of " + one.ID
			if r.told[key] {
				continue
			}
			if err := r.app.Accounts.Tell(ctx, tx, account.Notice{Kind: account.TranslationRaised, Account: one, Link: r.app.c.base() + "/desk/translations"}); err != nil {
				return err
			}
			heard = append(heard, key)
		}
		key := "translations for " + w.Patient
		if r.told[key] {
			return nil
		}
		heard = append(heard, key)
		return r.app.tellNotice(ctx, tx, w.Patient, account.Notice{Kind: account.TranslationLate, Until: w.Due})
	})
	if err != nil || !done {
		return err
	}
	for _, key := range heard {
		r.told[key] = true
	}
	return nil
}

// nurses are the team that has translations.
const nurses = "the nurse team"

// lateWords says that a translation is late.
func (s notices) lateWords(l lang.Lang, n account.Notice) string {
	if n.Kind == account.TranslationRaised {
		return l.T("%s: translations that patients wait for are late. See which, and who has them: %s", s.app.c.Clinic.Name, n.Link)
	}
	return l.T("%s: we said that a translation comes. It is late, and we are sorry. We asked for somebody to finish it. What we wrote is there in English until then.", s.app.c.Clinic.Name)
}
