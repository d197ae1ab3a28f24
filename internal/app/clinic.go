package app

import (
	"context"
	"time"

	"hale/internal/care/clinic"
	"hale/internal/care/result"
	"hale/internal/care/task"
	"hale/internal/face/desk"
	"hale/internal/face/web"
	"hale/internal/reach"
)

// openClinic reads what the clinic says about itself; until it says anything
// there, the configuration counts.
func (a *App) openClinic(ctx context.Context) error {
	c := a.c.Clinic
	a.clinic = clinic.NewStore(a.db, a.c.Now, clinic.Settings{Name: c.Name, Phone: c.Phone, Address: c.Address, Brand: c.Brand})
	return a.clinic.Refresh(ctx)
}

// describe has messages and pages say what the clinic says, now and whenever
// it changes.
func (a *App) describe() {
	a.clinic.Tell(func(v clinic.Version) {
		said := reach.Clinic{Name: v.Name, Phone: v.Phone, Address: v.Address, Brand: v.Brand}
		if v.Logo != nil {
			said.Logo = v.Logo.Body
		}
		a.Reach.Speak(said)
		c := web.Clinic{Name: v.Name, Phone: v.Phone, Address: v.Address, Brand: v.Brand, Welcome: v.Welcome}
		if v.Logo != nil {
			c.Logo, c.LogoMedia = v.Logo.Body, v.Logo.Media
		}
		if v.Hours() {
			c.Open = v.OpenAt
		}
		a.site.Describe(c)
	})
}

// deskClinic adds the page on which the staff changes it.
func (a *App) deskClinic(c desk.Config) desk.Config {
	c.Clinic, c.Units = a.clinic, a.units
	return c
}

// units are in which amounts of the body are asked and said.
func (a *App) units() result.Units {
	if a.clinic.Now().Metric() {
		return result.Metric
	}
	return result.Customary
}

// hours are when the clinic works, as it says, or as is usual.
func (a *App) hours() task.Hours {
	h := task.Usual(a.c.Clinic.Zone)
	v := a.clinic.Now()
	if !v.Hours() {
		return h
	}
	h.Open = map[time.Weekday]task.Span{}
	for day, spans := range v.Open {
		if n := len(spans); n > 0 {
			h.Open[time.Weekday(day)] = task.Span{From: spans[0].From, To: spans[n-1].To}
		}
	}
	return h
}

// clinicEvery is how soon another node's change is seen.
const clinicEvery = 5 * time.Second

// followClinic sees what was changed on another node, until ctx ends.
func (a *App) followClinic(ctx context.Context) error {
	return a.every(ctx, clinicEvery, "what the clinic says cannot be read", a.clinic.Refresh)
}
