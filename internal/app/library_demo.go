package app

import (
	"context"
	"errors"
	"fmt"

	"hale/internal/access"
	"hale/internal/demo/town"
	"hale/internal/reach/library"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// lent are texts that the clinic of the town keeps to be used again. The last
// is a draft, for whoever tries the desk to approve.
var lent = []library.Text{
	{Name: "Eye check is due", Purpose: "care", Service: "eye-exam", Template: template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Time for your eye check", Body: "Hello {{ first_name | default: \"there\" }},\n\nyour last eye check was more than a year ago. A yearly check finds changes early, while they are easy to treat. It takes about 20 minutes.\n\nPlease pick a time that suits you."},
		{Channel: template.Page, Lang: "es", Subject: "Es hora de su examen de la vista", Body: "Hola {{ first_name | default: \"amigo\" }}:\n\nSu último examen de la vista fue hace más de un año. Un examen anual encuentra los cambios temprano, cuando son fáciles de tratar. Dura unos 20 minutos.\n\nElija la hora que le convenga."},
	}}},
	{Name: "Flu shots are here", Purpose: "care", Service: "vaccine", Template: template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Your flu shot", Body: "Hello {{ first_name | default: \"there\" }},\n\nthis year’s flu shots are here. It takes five minutes.\n\nPlease pick a time that suits you."},
		{Channel: template.Page, Lang: "es", Subject: "Su vacuna contra la gripe", Body: "Hola {{ first_name | default: \"amigo\" }}:\n\nYa llegaron las vacunas contra la gripe de este año. Toma cinco minutos.\n\nElija la hora que le convenga."},
	}}},
	{Name: "Blood pressure: bring your list", Purpose: "care", Service: town.BloodPressure, Template: template.Template{Sensitivity: policy.S2, Parts: []template.Part{
		{Channel: template.Page, Lang: "en", Subject: "Bring your blood pressure list", Body: "Hello {{ first_name | default: \"there\" }},\n\nplease bring the list of your blood pressure at home to your next visit. Two values a week are enough."},
		{Channel: template.Page, Lang: "es", Subject: "Traiga su lista de presión", Body: "Hola {{ first_name | default: \"amigo\" }}:\n\nTraiga a su próxima cita la lista de su presión en casa. Bastan dos valores por semana."},
	}}},
}

// lends has a nurse write them, and the marketer approve all but the last.
func (d *Demo) lends(ctx context.Context, a *App) error {
	staff, err := a.Accounts.Staff(ctx)
	if err != nil {
		return err
	}
	nurse, okNurse := holder(staff, access.Nurse)
	other, okOther := holder(staff, access.Marketer)
	if !okNurse || !okOther {
		return errors.New("demo: nobody is nurse, or marketer")
	}
	writes, err := a.Doors.CheckAll(ctx, actorOf(nurse), access.RunOutreach)
	if err != nil {
		return err
	}
	texts := library.NewStore(a.db, a.ids, a.c.Now)
	if had, err := texts.List(ctx, writes); err != nil || len(had) > 0 {
		return err
	}
	approves, err := a.Doors.CheckAll(ctx, actorOf(other), access.RunOutreach)
	if err != nil {
		return err
	}
	for i, t := range lent {
		made, err := texts.Save(ctx, writes, t)
		if err == nil && i < len(lent)-1 {
			err = texts.Approve(ctx, approves, made.ID)
		}
		if err != nil {
			return fmt.Errorf("demo: texts: %w", err)
		}
	}
	return nil
}
