package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/form"
	std "hale/internal/standard/form"
)

// demoConsent is what strangers agree to before they fill in the demo's form,
// in Spanish.
const demoConsent = "La clínica puede leer lo que escribo aquí y comunicarse conmigo. Nada entra en un expediente médico antes de que la clínica hable conmigo."

// demoForms gives the demonstration its forms: published, and one asked of
// everybody whom the demonstration signs in as.
func (a *App) demoForms(ctx context.Context, patients ...string) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	account, ok := holder(staff, access.Nurse)
	if !ok {
		return errors.New("app: forms: nobody is nurse")
	}
	clerk := a.proved(actorOf(account))
	all, err := a.Doors.CheckAll(ctx, clerk, access.AnswerPatients)
	if err != nil {
		return err
	}
	if list, err := a.forms.store.List(ctx, all); err != nil || len(list) > 0 {
		return err
	}
	ids := map[string]string{}
	for _, key := range []string{"new-patient", "phq-9", "consent-to-treatment", "getting-here", "family-history"} {
		v, err := a.forms.store.AddReady(ctx, all, key)
		if err != nil {
			return err
		}
		if err := a.forms.store.Publish(ctx, all, v.ID); err != nil {
			return err
		}
		use := form.Use{URL: v.URL}
		switch key {
		case "new-patient":
			use.Slug, use.Consent = "new-patient", "The clinic may read what I write here and contact me about it. Nothing is put into a health record before the clinic has talked with me."
		case "consent-to-treatment", "family-history":
			use.Open = true
		}
		if use.Open || use.Slug != "" {
			if err := a.forms.store.SetUse(ctx, all, use); err != nil {
				return err
			}
			if err := a.forms.store.SetConsent(ctx, all, use, map[string]string{"es": demoConsent}); err != nil {
				return err
			}
		}
		ids[key] = v.ID
	}
	for _, patient := range patients {
		pass, err := a.Doors.Check(ctx, clerk, access.AnswerPatients, patient)
		if err != nil {
			return err
		}
		if _, err := a.forms.store.Assign(ctx, pass, ids["getting-here"], a.c.Now().AddDate(0, 0, 5)); err != nil {
			return err
		}
		if _, err := a.forms.store.Assign(ctx, pass, ids["phq-9"], time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// relatives are what somebody of the town says of her family, by the link ids
// of the form: an answer for each copy of the group.
var relatives = map[string][][]string{
	"any":  {{"true"}},
	"who":  {{"mother"}, {"brother"}},
	"what": {{"pressure", "stroke"}, {"sugar"}},
	"age":  {{"58"}, {"44"}},
	"say":  {{"My brother and I have the same habits. Should I have my sugar tested?"}},
}

// tellsFamily has somebody who lives in the town fill in the form about the
// health of a family, which asks a group twice.
func (d *Demo) tellsFamily(ctx context.Context, a *App) error {
	if len(d.town.Residents) < 40 {
		return errors.New("demo: the town is too small")
	}
	who := d.town.Residents[33].Patient
	self, err := a.self(ctx, who)
	if err != nil {
		return err
	}
	pass, err := a.Doors.Check(ctx, self, access.SendMessages, who)
	if err != nil {
		return err
	}
	list, err := a.forms.store.Offered(ctx, pass)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v form.Version) bool { return strings.HasSuffix(v.URL, "/family-history") })
	if i < 0 {
		return errors.New("demo: the form about families is not offered")
	}
	q, err := list[i].Read()
	if err != nil {
		return err
	}
	ask, err := a.forms.store.Begin(ctx, pass, list[i].ID)
	if err != nil {
		return fmt.Errorf("demo: family: %w", err)
	}
	_, err = a.forms.store.Send(ctx, pass, ask.ID, form.Sending{Typed: typedOf(q, relatives), Lang: "en", Zone: a.c.Clinic.Zone})
	if err != nil {
		return fmt.Errorf("demo: family: %w", err)
	}
	return nil
}

// typedOf is what a page would send for answers: of a question with choices
// by their codes.
func typedOf(q *std.Questionnaire, answers map[string][][]string) url.Values {
	typed := url.Values{std.Count("relative"): {"2"}}
	nth := map[string]int{}
	q.Unfold(typed).Each(func(it *std.Item, _ int) bool {
		list := answers[it.Of()]
		n := nth[it.Of()]
		nth[it.Of()]++
		if n >= len(list) {
			return true
		}
		for _, says := range list[n] {
			for _, o := range it.Options {
				if o.Value.Text == says {
					says = o.Value.Key()
				}
			}
			typed.Add(std.Field(it.LinkID), says)
		}
		return true
	})
	return typed
}
