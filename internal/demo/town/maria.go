package town

import (
	"math/rand/v2"
	"strings"
	"time"
)

// The telephones of Maria and her daughter.
const (
	mariaPhone = "+17085550142"
	luciaPhone = "+17085550143"
)

// maria returns Maria Alvarez and her daughter, who are in every town.
func (g *gen) maria() []*person {
	make := func(n int, r Resident, born time.Time) *person {
		p := &person{Resident: r, n: n, rng: rand.New(rand.NewPCG(g.seed, uint64(n)+1000)), words: "English", race: "2106-3", hispanic: true, street: "17 Linden Avenue", zip: "60546", born: born}
		p.House = 1
		g.finish(p)
		p.died, p.Traits, p.doctor, p.smoker = time.Time{}, p.Traits&^Deceased, 0, false
		return p
	}
	m := make(g.next(), Resident{Patient: Maria, Given: "Maria", Family: "Alvarez", Age: 65, Sex: "female", Lang: "en",
		Phone: mariaPhone, Email: "maria.alvarez@mail.example.net"}, g.today.AddDate(-65, -4, -9))
	l := make(g.next(), Resident{Patient: Lucia, Given: "Lucía", Family: "Alvarez", Age: 38, Sex: "female", Lang: "en",
		Phone: luciaPhone, Email: "lucia.alvarez@riverside.example.net"}, g.today.AddDate(-38, -2, -21))
	m.height, m.carer = 161, l
	m.Traits |= Diabetic | Hypertensive | EyeDue | FluDue | CaredFor
	l.Traits |= Caregiver
	return []*person{m, l}
}

// mariaHistory writes Maria's two years: an A1c that came down from 8.6 to
// 7.4, a goal of 7.0, an eye exam 14 months ago, a visit next week.
func (g *gen) mariaHistory(p *person) {
	visits := []struct {
		months, days int
		a1c          float64
		systolic     int
		words        string
	}{
		{-21, -4, 8.6, 148, "Your A1c is above the goal of 7.0. We start metformin and talk again in spring."},
		{-17, -2, 8.3, 144, "A small step down. Take the tablets with meals, every day."},
		{-12, -6, 8.4, 146, "About the same as in summer. Try a walk after dinner, most evenings."},
		{-6, -3, 8.1, 141, "Coming down. The walks help; keep them up."},
		{-3, -5, 7.7, 137, "Well done. We are on the right way."},
		{0, -4, 7.4, 134, "Good progress. Keep the evening walk. Let’s look at your morning readings on Tuesday."},
	}
	next := g.nextVisit()
	visits[len(visits)-1].words = "Good progress. Keep the evening walk. Let’s look at your morning readings on " + next.Weekday().String() + "."
	for i, v := range visits {
		day := g.weekday(g.today.AddDate(0, v.months, v.days))
		at := time.Date(day.Year(), day.Month(), day.Day(), 9, 12, 0, 0, g.zone)
		booked := g.appointment(p, services()[1], "", "fulfilled", at.Add(-12*time.Minute), at.AddDate(0, 0, -21))
		enc := g.encounter(p, at, followUp, diabetes, booked)
		if i == 0 {
			g.mariaProblems(p, at, enc)
		}
		g.pressure(p, at, enc, v.systolic, 78+i%3*2)
		g.vital(p, at, enc, "body-weight", weight, 79.5-float64(i)*0.9)
		id := g.lab(p, at, enc, a1c, v.a1c)
		g.report(p, at, enc, "4548-4", a1c.display, "A1c", v.words, []string{id})
		g.mariaMore(p, at, enc, i)
		if i >= 3 {
			g.note(p, at.Add(26*time.Hour), enc, "11506-3", "Progress note", "Note from Dr. Raman", mariaNote(at.In(g.zone), number(v.a1c, 1), v.words, i == len(visits)-1))
		}
	}
	g.procedure(p, eyeExam, g.clock(g.today.AddDate(0, -14, 0), p), workers()[3])
	g.procedure(p, mammography, g.clock(g.today.AddDate(0, -9, 0), p), workers()[5])
	g.goal(p, g.today.AddDate(0, -21, 0), 7, false)
	g.immunize(p, flu, g.clock(g.today.AddDate(0, -13, 0), p))
	g.immunize(p, pneumococcal, g.clock(g.today.AddDate(0, -4, 0), p))
	g.allergy(p, code{snomed, "764146007", "Penicillin", "medication", "", "Penicillin"}, "Hives", "moderate", g.today.AddDate(-20, 0, 0))
	g.mariaVisit(p, next)
	g.mariaBackground(p)
	g.mariaStay(p)
}

func (g *gen) mariaProblems(p *person, at time.Time, enc string) {
	g.condition(p, diabetes, at.AddDate(0, 0, -14), "")
	g.condition(p, hypertension, at.AddDate(-6, -2, 0), "")
	g.prescribe(p, metformin, at, enc, diabetes, "active")
	g.prescribe(p, lisinopril, at, enc, hypertension, "completed")
	g.prescribe(p, atorvastatin, at, enc, diabetes, "completed")
}

// mariaMore adds what was measured beside the A1c on some visits.
func (g *gen) mariaMore(p *person, at time.Time, enc string, i int) {
	switch i {
	case 3: // her prescriptions of a year ago were renewed; metformin was forgotten
		g.mariaFills(p, g.prescribe(p, lisinopril, at, enc, hypertension, "active"), lisinopril, at)
		g.prescribe(p, atorvastatin, at, enc, diabetes, "active")
	case 0:
		g.vital(p, at, enc, "body-height", height, p.height)
	case 2, 5:
		l := []string{g.lab(p, at, enc, cholesterol, 214-float64(i)*5), g.lab(p, at, enc, ldl, 128-float64(i)*5), g.lab(p, at, enc, hdl, 47+float64(i)), g.lab(p, at, enc, trig, 172-float64(i)*6)}
		g.report(p, at, enc, "24331-1", "Lipid 1996 panel - Serum or Plasma", "Cholesterol panel", "Your LDL cholesterol is coming down with the evening tablet.", l)
		g.lab(p, at, enc, creatinine, 0.82)
		g.lab(p, at, enc, egfr, 79)
	}
}

func mariaNote(at time.Time, a1c, words string, eyeDue bool) string {
	plan := "- " + strings.ReplaceAll(words, ". ", ".\n- ")
	if eyeDue {
		plan += "\n- Your last eye exam for diabetes was more than a year ago. Please have one soon."
	}
	return Clinic + "\nVisit on " + at.Format("January 2, 2006") + " with Dr. Priya Raman\n\n" +
		"# Why you came\n\nFollow-up of type 2 diabetes and blood pressure.\n\n# What we found\n\n- A1c " + a1c + " %\n- Feet and pulses normal\n\n" +
		"# Plan\n\n" + plan + "\n\n" +
		"This person does not exist; this note was made up for a demonstration.\n"
}

// nextVisit is the first Tuesday that is at least two days away, at 9:40.
func (g *gen) nextVisit() time.Time {
	d := 2
	for g.today.AddDate(0, 0, d).Weekday() != time.Tuesday {
		d++
	}
	day := g.today.AddDate(0, 0, d)
	return time.Date(day.Year(), day.Month(), day.Day(), 9, 40, 0, 0, g.zone)
}

// mariaVisit books Maria's next visit.
func (g *gen) mariaVisit(p *person, at time.Time) {
	g.appointment(p, services()[1], "", "booked", at, g.today.AddDate(0, 0, -4).Add(10*time.Hour))
}
