package app

import (
	"context"
	"maps"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/form"
	"hale/internal/care/saved"
	"hale/internal/face/desk"
	"hale/internal/face/lead"
	"hale/internal/face/pickup"
	"hale/internal/face/portal"
	"hale/internal/face/question"
	"hale/internal/reach/carry"
	"hale/internal/standard/fhir"
	std "hale/internal/standard/form"
	"hale/internal/standard/terms"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// formParts are what keeps forms, and what people have begun to write.
type formParts struct {
	store *form.Store
	saved *saved.Store
	front *form.Front
}

// openForms makes them.
func (a *App) openForms() {
	store := form.NewStore(a.db, a.Record, a.Tasks, a.Keys, a.ids, a.c.Now)
	store.UseSets(a.answersOf)
	a.forms = formParts{store: store, saved: saved.NewStore(a.db, a.Keys, a.c.Now), front: store.Front(a.c.Key)}
}

// answersOf lists the answers of a value set that ships, or of one that a
// form holds and that takes its codes from what ships; none where nobody here
// knows them.
func (a *App) answersOf(address string, held []byte) []std.Value {
	set := a.conform.terms.Set(address)
	if held != nil {
		n, err := fhir.Parse(held)
		if err != nil {
			return nil
		}
		if set, err = a.conform.terms.Compose(n); err != nil {
			return nil
		}
	}
	if set == nil {
		return nil
	}
	found, err := set.Expand(terms.Want{Active: true, Count: std.MaxOptions + 1})
	if err != nil {
		return nil
	}
	var list []std.Value
	for _, c := range found.Codes {
		if !c.Abstract {
			list = append(list, std.Value{Kind: "Coding", System: c.System, Text: c.Code, Display: c.Display})
		}
	}
	return list
}

// portalForms adds these parts to the portal.
func (a *App) portalForms(c portal.Config) portal.Config {
	c.Forms = &portal.Forms{Store: a.forms.store, Saved: a.forms.saved, Carry: a.carry(), Tell: a.tellOfForm}
	return c
}

// deskForms adds them to the desk.
func (a *App) deskForms(c desk.Config) desk.Config {
	c.Forms, c.FormNews = a.forms.store, formNews{a}
	return c
}

// leads is where people who are not patients yet fill in forms.
func (a *App) leads() *lead.Face {
	return &lead.Face{Site: a.site, Front: a.forms.front, Base: a.c.base()}
}

// The jobs that forget what was begun and never sent.
const (
	savedTidy = "saved.tidy"
	formTidy  = "form.tidy"
)

// formHandlers adds these jobs to handlers.
func (a *App) formHandlers(handlers map[string]jobs.Handler) map[string]jobs.Handler {
	all := maps.Clone(handlers)
	all[savedTidy], all[formTidy] = a.forms.saved.Tidy, a.forms.front.Tidy
	return all
}

// formPeriods adds when they run.
func formPeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: savedTidy, Every: time.Hour}, jobs.Periodic{Kind: formTidy, Every: time.Hour})
}

// formNews tells a patient that a form waits: in the inbox, and that there is
// something by each way that they are reached. Which form it is stands behind
// the sign-in.
type formNews struct{ a *App }

// FormAsked tells the patient.
func (n formNews) FormAsked(ctx context.Context, patient string) error {
	return n.a.db.Tx(ctx, func(tx *db.Tx) error {
		return n.a.tellNews(ctx, tx, patient, account.FormAsked)
	})
}

// FormSent tells the patient with a link to the form, which asks for the date
// of birth.
func (n formNews) FormSent(ctx context.Context, pass access.Pass, ask string) error {
	patient, err := pass.OpenOne(access.AnswerPatients, access.AnswerVisits)
	if err != nil {
		return err
	}
	address, err := n.a.carry().Send(ctx, pass, ask)
	if err != nil {
		return err
	}
	return n.a.tellOfForm(ctx, patient, address)
}

// tellOfForm tells a patient where a form goes on.
func (a *App) tellOfForm(ctx context.Context, patient, address string) error {
	return a.db.Tx(ctx, func(tx *db.Tx) error {
		to := account.Notice{Kind: account.FormAsked, Link: address}
		return a.tellNotice(ctx, tx, patient, to)
	})
}

// carry makes links to forms that wait.
func (a *App) carry() *carry.Store {
	return carry.New(carry.Config{DB: a.db, IDs: a.ids, Now: a.c.Now, Links: a.links, Forms: a.forms.store, Base: a.c.base()})
}

// formSlots is how many files of forms by link are taken at the same moment.
const formSlots = 3

// pickupForms adds filling in by link.
func (a *App) pickupForms(c pickup.Config) pickup.Config {
	c.Forms = &pickup.Forms{
		Store: a.forms.store, Saved: a.forms.saved, Carry: a.carry(),
		Files: question.Files{Letters: a.letterbox(), Large: a.site.Large, Slots: make(chan struct{}, formSlots)},
	}
	return c
}
