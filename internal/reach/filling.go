package reach

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// filling is what a text may say of one person beyond the name: values and
// lists by the names of template.Fields.
type filling struct {
	values map[string]string
	lists  map[string][]map[string]string
}

// fill reads what the texts of p name, a statement for each kind for all of
// its people; nothing where they name nothing. What is labelled or waits for
// its release stays out, whoever wrote the text.
func (p *planner) fill(ctx context.Context, c db.Conn) error {
	uses := func(names ...string) bool {
		for _, t := range p.compiled {
			if t.Uses(names...) {
				return true
			}
		}
		return false
	}
	if len(p.crowd.by) == 0 {
		return nil
	}
	p.filled = map[string]*filling{}
	patients := make([]any, 0, len(p.crowd.by))
	for id := range p.crowd.by {
		patients = append(patients, id)
		p.filled[id] = &filling{values: map[string]string{}, lists: map[string][]map[string]string{}}
	}
	for _, part := range []struct {
		names []string
		read  func(context.Context, db.Conn, []any) error
	}{
		{[]string{"visits", "visit.date", "visit.place", "visit.clinician", "visit.service"}, p.fillVisits},
		{[]string{"medicines"}, p.fillMedicines},
		{[]string{"due_since"}, p.fillDue},
		{[]string{"clinician"}, p.fillClinician},
	} {
		if !uses(part.names...) {
			continue
		}
		if err := part.read(ctx, c, patients); err != nil {
			return fmt.Errorf("reach: fill: %w", err)
		}
	}
	return nil
}

// unlabelled leaves out of a statement over visits v whatever is labelled, and what
// waits. $1 is now.
const unlabelled = ` not exists (select 1 from shield z where z.patient = v.patient and z.id = v.id
	and z.typ in ('Appointment', 'Encounter') and (z.labels <> 0 or z.held_until > $1)) `

// fillVisits reads the visits to come.
func (p *planner) fillVisits(ctx context.Context, c db.Conn, patients []any) error {
	q := `
		select v.patient, v.start_at, v.title, v.service, coalesce(w.name, ''), coalesce(o.name, '')
		from visit v
			left join clinician w on w.id = v.practitioner
			left join clinician o on o.id = v.place
		where v.patient in (` + db.In(2, len(patients)) + `) and v.start_at > $1 and v.status in ('booked', 'pending') and ` + unlabelled + `
		order by v.patient, v.start_at, v.id`
	type row struct {
		patient, title, service, clinician, place string
		at                                        int64
	}
	rows, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) {
		return r, scan(&r.patient, &r.at, &r.title, &r.service, &r.clinician, &r.place)
	}, q, append([]any{db.Micro(p.now)}, patients...)...)
	if err != nil {
		return err
	}
	for _, r := range rows {
		f := p.filled[r.patient]
		if len(f.lists["visits"]) >= template.MaxItems {
			continue
		}
		what := r.title
		if what == "" {
			what = strings.ReplaceAll(r.service, "-", " ")
		}
		el := map[string]string{"date": instant(r.at), "place": r.place, "clinician": r.clinician, "service": what}
		if len(f.lists["visits"]) == 0 {
			for name, v := range el {
				f.values["visit."+name] = v
			}
		}
		f.lists["visits"] = append(f.lists["visits"], el)
	}
	return nil
}

// instant is a time as texts take it.
func instant(us int64) string { return db.Time(us).UTC().Format(time.RFC3339) }

// fillMedicines reads the medicines that are taken now.
func (p *planner) fillMedicines(ctx context.Context, c db.Conn, patients []any) error {
	q := `
		select m.patient, m.name, m.dose
		from medication m
		where m.patient in (` + db.In(2, len(patients)) + `) and m.status = 'active' and m.name <> ''
			and not exists (select 1 from shield z where z.patient = m.patient and z.id = m.id
				and z.typ in ('MedicationRequest', 'MedicationStatement') and (z.labels <> 0 or z.held_until > $1))
		order by m.patient, m.authored desc, m.name, m.id`
	rows, err := db.All(ctx, c, func(scan db.Scan) (r [3]string, err error) {
		return r, scan(&r[0], &r[1], &r[2])
	}, q, append([]any{db.Micro(p.now)}, patients...)...)
	if err != nil {
		return err
	}
	for _, r := range rows {
		f := p.filled[r[0]]
		if len(f.lists["medicines"]) < template.MaxItems {
			f.lists["medicines"] = append(f.lists["medicines"], map[string]string{"name": r[1], "dose": r[2]})
		}
	}
	return nil
}

// past are visits that took place.
const past = `v.start_at <= $1 and v.status in ('fulfilled', 'finished', 'arrived', 'checked-in', 'in-progress')`

// fillDue reads when each had the last visit of the outreach's kind.
func (p *planner) fillDue(ctx context.Context, c db.Conn, patients []any) error {
	if p.o.Service == "" {
		return nil
	}
	q := `
		select v.patient, max(v.start_at)
		from visit v
		where v.patient in (` + db.In(3, len(patients)) + `) and v.service = $2 and ` + past + ` and ` + unlabelled + `
		group by v.patient`
	return p.fillOne(ctx, c, "due_since", q, append([]any{db.Micro(p.now), p.o.Service}, patients...))
}

// fillClinician reads whom each saw last.
func (p *planner) fillClinician(ctx context.Context, c db.Conn, patients []any) error {
	q := `
		select v.patient, w.name
		from visit v
			join clinician w on w.id = v.practitioner
		where v.patient in (` + db.In(2, len(patients)) + `) and ` + past + ` and ` + unlabelled + `
		order by v.patient, v.start_at, v.id`
	return p.fillOne(ctx, c, "clinician", q, append([]any{db.Micro(p.now)}, patients...))
}

// fillOne keeps one value for each person: the last that q gives.
func (p *planner) fillOne(ctx context.Context, c db.Conn, name, q string, args []any) error {
	type row struct {
		patient string
		value   any
	}
	rows, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) { return r, scan(&r.patient, &r.value) }, q, args...)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch v := r.value.(type) {
		case int64:
			p.filled[r.patient].values[name] = instant(v)
		case string:
			p.filled[r.patient].values[name] = v
		case []byte:
			p.filled[r.patient].values[name] = string(v)
		}
	}
	return nil
}

// neutral is who writes where the clinic's own name would tell something.
var neutral = map[string]string{"en": "Your care office", "es": "Su consultorio"}

// want is what is to be written to a person on a candidate channel.
func (p *planner) want(patient string, c policy.Candidate, o own) template.Want {
	s, e := p.crowd.by[patient], p.e
	values := map[string]string{
		"first_name": s.given, "last_name": s.family, "full_name": s.full, "service": strings.ReplaceAll(p.o.Service, "-", " "),
		"clinic": e.clinic().Name, "clinic_phone": e.clinic().Phone, "clinic_address": e.clinic().Address,
		"today": p.now.In(e.Clinic.Zone).Format(time.DateOnly), "language": tagOf(s.language()),
	}
	w := template.Want{
		Channel: c.Channel, Mode: c.Mode, Lang: s.language(), Shared: c.Shared, Values: values, Address: e.clinic().Address,
		Zone: e.Clinic.Zone, Now: p.now.In(e.Clinic.Zone), Look: e.voice.Load().look,
	}
	if f := p.filled[patient]; f != nil {
		for k, v := range f.values {
			values[k] = v
		}
		w.Lists = f.lists
	}
	for k, v := range o.values {
		values[k] = v
	}
	if c.Mode == policy.Generic { // that this clinic writes may tell already
		values["clinic"], w.Address = neutral[tagOf(s.language())], ""
		if values["clinic"] == "" {
			values["clinic"] = neutral["en"]
		}
		w.Look = e.plainLook
	}
	if c.Channel != Inbox && c.Channel != Voice {
		values["link"] = cmpOr(o.link, linkMark)
	}
	if c.Channel == Email {
		values["stop_link"] = cmpOr(o.stop, stopMark)
	}
	return w
}

// tagOf is the language of a BCP 47 tag alone.
func tagOf(lang string) string {
	tag, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return tag
}
