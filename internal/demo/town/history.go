package town

import (
	"fmt"
	"time"
)

// health is what the history of one person is drawn from.
type health struct {
	diabetic, pressure, lipids bool
	others                     []code
	sugar                      float64 // the A1c two years ago
	systolic                   float64
	kilos                      float64
}

// body draws p's health and marks her traits.
func (g *gen) body(p *person) health {
	var h health
	age, r := float64(p.Age), p.rng
	h.diabetic = p.Traits.Has(Diabetic) || chance(r, p.Age, 0, 0.07, 0.29, 0.38)
	h.pressure = chance(r, p.Age, 0, 0.10, 0.42, 0.66) || h.diabetic && r.Float64() < 0.4
	h.lipids = chance(r, p.Age, 0, 0.05, 0.30, 0.45)
	if p.Age >= 12 {
		for _, c := range []struct {
			code  code
			share float64
		}{{asthma, 0.08}, {depression, 0.1}, {reflux, age / 700}, {arthritis, max(0, age-45) / 110}, {hypothyroidism, age / 900}} {
			if r.Float64() < c.share {
				h.others = append(h.others, c.code)
			}
		}
	}
	if !h.diabetic && p.Age > 35 && r.Float64() < 0.1 {
		h.others = append(h.others, prediabetes)
	}
	h.sugar = 6.5 + 2.9*r.Float64()*r.Float64() + 0.6*r.Float64()
	h.systolic = 112 + age*0.18 + r.NormFloat64()*6
	if h.pressure {
		h.systolic += 18
	}
	h.kilos = (22 + r.Float64()*8) * p.height * p.height / 10000
	if h.diabetic {
		h.kilos *= 1.12
		p.Traits |= Diabetic
	}
	if p.Age < 18 {
		h.kilos = 3.4 + float64(p.Age)*3.1 + r.Float64()*float64(p.Age)
	}
	if h.pressure {
		p.Traits |= Hypertensive
	}
	return h
}

// history writes two years of p's life as a patient.
func (g *gen) history(p *person) {
	h := g.body(p)
	end := g.until(p)
	visits := 1 + p.rng.IntN(2)
	switch {
	case h.diabetic:
		visits = 4 + p.rng.IntN(2)
	case h.pressure || h.lipids:
		visits = 2 + p.rng.IntN(3)/2
	}
	gap := 700 / visits
	var last time.Time
	for i := range visits {
		at := g.clock(end.AddDate(0, 0, -(visits-i)*gap+p.rng.IntN(gap-8)), p)
		g.visit(p, h, at, i, visits)
		last = at
	}
	if h.diabetic && p.Traits.Has(Diabetic) {
		g.goal(p, last.AddDate(0, -11, 0), 7, h.a1c(p, visits-1, visits) < 7)
	}
	g.allergies(p, end)
	g.vaccines(p, end)
	g.screenings(p, h, end)
	g.upcoming(p, h)
}

// visit writes one visit: why she came, what was measured, what was found.
func (g *gen) visit(p *person, h health, at time.Time, i, n int) {
	k, why := checkUp, code{}
	switch {
	case h.diabetic:
		k, why = followUp, diabetes
	case h.pressure:
		k, why = followUp, hypertension
	case i > 0 || p.rng.Float64() < 0.4:
		k, why = symptom, g.complaint(p)
	}
	booked := ""
	if p.rng.Float64() < 0.22 {
		booked = g.appointment(p, services()[1], "", "fulfilled", at, at.AddDate(0, 0, -12))
	} else if p.rng.Float64() < 0.1 {
		g.appointment(p, services()[1], "", "noshow", at.AddDate(0, 0, -7), at.AddDate(0, 0, -20))
	}
	enc := g.encounter(p, at, k, why, booked)
	if i == 0 {
		g.problems(p, h, at, enc)
	}
	if k == symptom {
		g.condition(p, why, at, enc)
		if why == backPain {
			g.prescribe(p, acetaminophen, at, enc, backPain, "completed")
		}
	}
	g.vitals(p, h, at, enc, i)
	g.labs(p, h, at, enc, i, n)
	if i == n-1 && (h.diabetic || h.pressure || p.rng.Float64() < 0.5) || p.rng.Float64() < 0.04 {
		g.note(p, at, enc, "11506-3", "Progress note", "Visit note", g.noteText(p, h, at, i, n, why))
	}
}

// complaint is what brings somebody in who is not ill otherwise.
func (g *gen) complaint(p *person) code {
	switch {
	case p.Age < 9:
		return pick(p.rng, []code{cold, earache})
	case p.Sex == "female":
		return pick(p.rng, []code{cold, backPain, cystitis})
	}
	return pick(p.rng, []code{cold, backPain})
}

// problems writes p's problem list and what she takes for it.
func (g *gen) problems(p *person, h health, at time.Time, enc string) {
	since := func() time.Time {
		return at.AddDate(-p.rng.IntN(max(1, min(12, p.Age-18))), -p.rng.IntN(12), -3)
	}
	if h.diabetic {
		g.condition(p, diabetes, since(), "")
		g.prescribe(p, metformin, at, enc, diabetes, "active")
		if h.sugar > 8.6 {
			g.prescribe(p, glargine, at, enc, diabetes, "active")
		}
	}
	if h.pressure {
		g.condition(p, hypertension, since(), "")
		g.prescribe(p, pick(p.rng, []medicine{lisinopril, lisinopril, amlodipine}), at, enc, hypertension, "active")
	}
	if h.lipids {
		g.condition(p, lipids, since(), "")
		g.prescribe(p, atorvastatin, at, enc, lipids, "active")
	}
	for _, c := range h.others {
		g.condition(p, c, since(), "")
		switch c {
		case asthma:
			g.prescribe(p, albuterol, at, enc, c, "active")
		case depression:
			g.prescribe(p, sertraline, at, enc, c, "active")
		case reflux:
			g.prescribe(p, omeprazole, at, enc, c, "active")
		case hypothyroidism:
			g.prescribe(p, levothyroxine, at, enc, c, "active")
		case arthritis:
			g.prescribe(p, acetaminophen, at, enc, c, "active")
		}
	}
}

func (g *gen) vitals(p *person, h health, at time.Time, enc string, i int) {
	if p.Age >= 14 {
		control := 4 * p.diet * float64(i)
		systolic := int(h.systolic - control + p.rng.NormFloat64()*5)
		g.pressure(p, at, enc, systolic, 48+systolic/4+p.rng.IntN(9))
	}
	kilos := h.kilos + p.rng.NormFloat64()
	chronic := h.diabetic || h.pressure
	if i == 0 || h.diabetic && i%2 == 1 || p.Age < 18 {
		g.vital(p, at, enc, "body-weight", weight, kilos)
	}
	if i == 0 && (chronic || p.Age < 18) {
		g.vital(p, at, enc, "body-height", height, p.height)
		if p.Age >= 18 {
			g.vital(p, at, enc, "bmi", bmi, kilos*10000/p.height/p.height)
		} else {
			g.vital(p, at, enc, "heart-rate", heartRate, 118-2.6*float64(p.Age)+p.rng.NormFloat64()*6)
		}
	}
}

// a1c is the value at the i-th of n visits: it falls for those who look
// after themselves and creeps up for the others.
func (h health) a1c(p *person, i, n int) float64 {
	way := float64(i) / float64(max(1, n-1))
	v := h.sugar + way*(0.7-2.2*p.diet) + 0.15*float64((p.n*7+i*5)%5-2)
	return max(5.7, v)
}

func (g *gen) labs(p *person, h health, at time.Time, enc string, i, n int) {
	r := p.rng
	if h.diabetic {
		v := h.a1c(p, i, n)
		id := g.lab(p, at, enc, a1c, v)
		if i == n-1 {
			g.report(p, at, enc, "4548-4", a1c.display, "A1c", a1cWords(v), []string{id})
		}
	}
	if i == n-1 && (h.diabetic || h.pressure && r.Float64() < 0.3) {
		c := 0.75 + r.Float64()*0.35 + max(0, float64(p.Age)-65)/90
		g.lab(p, at, enc, creatinine, c)
		g.lab(p, at, enc, egfr, min(118, max(24, 142/c*0.85-float64(p.Age)*0.72)))
	}
	if i == n-1 && (h.lipids && r.Float64() < 0.8 || p.Age > 40 && r.Float64() < 0.15) {
		base := 118 + r.Float64()*45 - 12*float64(i)
		total := base + 45 + r.Float64()*25
		ids := []string{g.lab(p, at, enc, cholesterol, total), g.lab(p, at, enc, ldl, base), g.lab(p, at, enc, hdl, 36+r.Float64()*28), g.lab(p, at, enc, trig, 85+r.Float64()*120)}
		g.report(p, at, enc, "24331-1", "Lipid 1996 panel - Serum or Plasma", "Cholesterol panel", lipidWords(base), ids)
	}
	for _, c := range h.others {
		switch {
		case c == hypothyroidism && i == n-1:
			g.lab(p, at, enc, tsh, 1.2+r.Float64()*4.4)
		case c == prediabetes && i == n-1:
			g.lab(p, at, enc, a1c, 5.7+r.Float64()*0.7)
		}
	}
	if p.Age >= 18 && !h.diabetic && i == n-1 && r.Float64() < 0.2 {
		g.lab(p, at, enc, glucose, 78+r.Float64()*30)
		g.lab(p, at, enc, hemoglobin, 12.1+r.Float64()*3.6)
	}
}

func a1cWords(v float64) string {
	switch {
	case v < 7:
		return "At goal. Keep doing what you are doing."
	case v < 8:
		return "Close to the goal of 7.0. Let us look at your meals and walks at the next visit."
	}
	return "Above the goal of 7.0. Please come in so that we can talk about your treatment."
}

func lipidWords(ldl float64) string {
	if ldl < 100 {
		return "Your cholesterol is in the range we want."
	}
	return "Your LDL cholesterol is a little high. We will check it again in six months."
}

// noteText is what the doctor wrote down.
func (g *gen) noteText(p *person, h health, at time.Time, i, n int, why code) string {
	d := doctors()[p.doctor]
	text := fmt.Sprintf("%s\nVisit on %s with %s\n\n", Clinic, at.In(g.zone).Format("January 2, 2006"), d.name())
	reason := "Yearly check-up."
	if why.code != "" {
		reason = "Seen for " + why.text + "."
	}
	text += "WHY YOU CAME\n" + reason + "\n\nWHAT WE FOUND\n"
	if h.diabetic {
		text += fmt.Sprintf("A1c %.1f %%. ", h.a1c(p, i, n))
	}
	if h.pressure {
		text += fmt.Sprintf("Blood pressure about %d at this visit. ", int(h.systolic))
	}
	text += "Heart and lungs sound normal.\n\nPLAN\n"
	switch {
	case h.diabetic:
		text += "Keep taking metformin with meals. Have your eyes checked once a year. Next A1c in three to four months.\n"
	case h.pressure:
		text += "Keep taking your blood pressure tablet. Measure at home twice a week and bring the list.\n"
	default:
		text += "No new treatment. Come back in a year, or sooner if you feel unwell.\n"
	}
	return text + "\nThis person does not exist; this note was made up for a demonstration.\n"
}

// clock moves a day to a working day within office hours.
func (g *gen) clock(day time.Time, p *person) time.Time {
	day = g.weekday(day)
	return time.Date(day.Year(), day.Month(), day.Day(), 8+p.rng.IntN(8), p.rng.IntN(6)*10, 0, 0, g.zone)
}

// weekday moves a day at the weekend back to the Friday before.
func (g *gen) weekday(day time.Time) time.Time {
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, -1)
	}
	return day
}
