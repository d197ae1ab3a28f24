package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/lang"
	"hale/internal/base/money"
	"hale/internal/care/clinic"
	"hale/internal/care/price"
	"hale/internal/care/reading"
	"hale/internal/care/review"
	"hale/internal/demo/town"
	"hale/internal/store/db"
)

// set has the staff of the town's clinic set what a clinic sets: when it is
// open, what visits cost, the limits of readings from home, and its own words
// about results; one of the results was looked at.
func (d *Demo) set(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	nurse, okNurse := holder(staff, access.Nurse)
	admin, okAdmin := holder(staff, access.Admin)
	if !okNurse || !okAdmin {
		return errors.New("demo: nobody is nurse, or administrator")
	}
	all, err := a.Doors.CheckAll(ctx, a.proved(actorOf(nurse)), access.AnswerPatients)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return d.opens(ctx, a, actorOf(admin)) },
		func() error { return d.charges(ctx, a, all) },
		func() error { return a.readings().SetUsual(ctx, all, reading.Usual) },
		func() error { return d.phrases(ctx, a, all) },
		func() error { return d.looked(ctx, a, nurse, all) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("demo: set: %w", err)
		}
	}
	return nil
}

// opens says when the clinic is open: every day, so that somebody who visits
// the town on a Sunday finds it at work.
func (d *Demo) opens(ctx context.Context, a *App, admin access.Actor) error {
	admin.Proof = access.Proof{Zone: access.StepUpZone, At: a.c.Now()}
	pass, err := a.Doors.CheckAll(ctx, admin, access.ManageUsers)
	if err != nil {
		return err
	}
	now := a.clinic.Now()
	says := now.Settings
	for day := time.Sunday; day <= time.Saturday; day++ {
		says.Open[day] = []clinic.Span{{From: 8 * 60, To: 17 * 60}}
	}
	says.Welcome = map[string]string{
		"en": "Family medicine for all ages, in English and Spanish.",
		"es": "Medicina familiar para todas las edades, en español e inglés.",
	}
	if _, err := a.clinic.Save(ctx, pass, now.N, says); err != nil {
		return err
	}
	return a.clinic.Refresh(ctx)
}

// priced are what visits cost somebody who pays all of it.
var priced = []price.Price{
	{Service: town.FollowUp, Title: "Follow-up visit", Sum: money.Sum{Cents: 18500, Currency: "USD"},
		Includes: map[string][]string{"en": {"20 minutes with the doctor", "Your visit notes"}, "es": {"20 minutos con el médico", "Las notas de su cita"}},
		Extra:    map[string][]string{"en": {"Lab tests that the doctor asks for"}, "es": {"Pruebas de laboratorio que pida el médico"}}},
	{Service: town.EyeExam, Title: "Diabetic eye exam", Sum: money.Sum{Cents: 18000, Currency: "USD"},
		Includes: map[string][]string{"en": {"Eye drops", "Pictures of both eyes", "The report"}, "es": {"Gotas para los ojos", "Fotos de los dos ojos", "El informe"}}},
	{Service: town.Vaccine, Title: "Vaccine visit", Sum: money.Sum{Cents: 4500, Currency: "USD"},
		Includes: map[string][]string{"en": {"One flu shot"}, "es": {"Una vacuna contra la gripe"}},
		Extra:    map[string][]string{"en": {"Other shots: ask us for the price"}, "es": {"Otras vacunas: pregúntenos el precio"}}},
	{Service: town.Mammogram, Title: "Mammogram", Sum: money.Sum{Cents: 24000, Currency: "USD"},
		Includes: map[string][]string{"en": {"Pictures of both sides", "The report"}, "es": {"Imágenes de los dos lados", "El informe"}}},
	{Service: town.BloodPressure, Title: "Blood pressure check", Sum: money.Sum{Cents: 2500, Currency: "USD"},
		Includes: map[string][]string{"en": {"10 minutes with a nurse"}, "es": {"10 minutos con una enfermera"}}},
}

// charges names the prices, for half a year.
func (d *Demo) charges(ctx context.Context, a *App, pass access.Pass) error {
	prices := price.NewStore(a.db, a.c.Now)
	until := d.town.Day.AddDate(0, 6, 0)
	for _, p := range priced {
		p.Until = until
		if err := prices.Set(ctx, pass, p, 0); err != nil {
			return err
		}
	}
	return nil
}

// said are the clinic's own words about results. The last is a draft, for
// whoever tries the desk to approve.
var said = []review.Phrase{
	{Place: review.Remark, Name: "A1c is coming down", Codes: []string{"4548-4"}, Text: map[string]string{
		"en": "Your A1c is coming down. Your walks and your meals are helping. Please keep it up.",
		"es": "Su A1c está bajando. Sus caminatas y sus comidas ayudan. Siga así, por favor."}},
	{Place: review.Near, Name: "A1c, a little high", Codes: []string{"4548-4"}, Text: map[string]string{
		"en": "A little high is common with diabetes. We look at the trend more than at one number.",
		"es": "Un poco alta es común con la diabetes. Miramos más la tendencia que un solo número."}},
	{Place: review.Near, Name: "Cholesterol, a little high", Codes: []string{"13457-7", "2093-3"}, Text: map[string]string{
		"en": "This is common. Less fried food and a daily walk help. We check it again at your next blood test.",
		"es": "Es común. Ayuda comer menos frituras y caminar cada día. Lo revisamos en su próximo análisis de sangre."}},
	{Place: review.Within, Name: "Kidneys, all well", Codes: []string{"2160-0"}, Text: map[string]string{
		"en": "Your kidneys work well.",
		"es": "Sus riñones funcionan bien."}},
}

// phrases writes them, and approves all but the last.
func (d *Demo) phrases(ctx context.Context, a *App, pass access.Pass) error {
	for i, p := range said {
		made, err := a.parts.reviews.Write(ctx, pass, p, 0)
		if err == nil && i < len(said)-1 {
			err = a.parts.reviews.Approve(ctx, pass, made.Key, made.N)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// untold tells nobody: what was looked at before the demo began was told then.
type untold struct{}

// Looked does nothing.
func (untold) Looked(context.Context, *db.Tx, string) error { return nil }

// looked has the nurse look at the results of the first who wait, yesterday.
func (d *Demo) looked(ctx context.Context, a *App, nurse account.Account, all access.Pass) error {
	waits, _, err := a.parts.reviews.Waits(ctx, all, 50)
	if err != nil {
		return err
	}
	for _, w := range waits {
		if w.Patient == town.Maria || w.At.After(a.c.Now().Add(-48*time.Hour)) {
			continue
		}
		pass, err := a.Doors.Check(ctx, a.proved(actorOf(nurse)), access.AnswerPatients, w.Patient)
		if err != nil {
			return err
		}
		p, err := a.parts.reviews.Usable(ctx, all, "near")
		if err != nil {
			return err
		}
		then := a.c.Now().Add(-22 * time.Hour)
		past := review.NewStore(a.db, a.Record, a.ids, func() time.Time { return then }, untold{})
		return past.Look(ctx, pass, review.Look{Results: []string{w.Result}, By: nurse.Name, Title: "Review of results", Remark: p.In(d.langOf(w.Patient))})
	}
	return nil // a very small town
}

// langOf is the language of somebody who lives in the town.
func (d *Demo) langOf(patient string) lang.Lang {
	for _, r := range d.town.Residents {
		if r.Patient == patient {
			return lang.Pick("", r.Lang)
		}
	}
	return lang.English
}

// self is somebody of the town, with an account or without one.
func (a *App) self(ctx context.Context, patient string) (access.Actor, error) {
	own, ok, err := a.accountOf(ctx, patient)
	if err != nil || ok {
		return a.proved(ready(own)), err
	}
	return a.proved(access.Actor{Kind: access.Patient, ID: "resident", Patient: patient}), nil
}

// nameOf is what somebody of the town writes under a paper.
func (d *Demo) nameOf(patient string) string {
	for _, r := range d.town.Residents {
		if r.Patient == patient {
			return strings.TrimSpace(r.Given + " " + r.Family)
		}
	}
	return ""
}
