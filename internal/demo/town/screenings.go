package town

import (
	"math/rand/v2"
	"time"
)

// chance draws by age: child, young adult, middle age, old age.
func chance(r *rand.Rand, age int, child, young, middle, old float64) bool {
	share := old
	switch {
	case age < 18:
		share = child
	case age < 40:
		share = young
	case age < 65:
		share = middle
	}
	return r.Float64() < share
}

func (g *gen) allergies(p *person, end time.Time) {
	list := []struct {
		substance code
		reaction  string
		severity  string
		share     float64
	}{
		{code{snomed, "764146007", "Penicillin", "medication", "", "Penicillin"}, "Hives", "moderate", 0.09},
		{code{snomed, "387406002", "Sulfonamide", "medication", "", "Sulfa medicines"}, "Rash", "mild", 0.04},
		{code{snomed, "762952008", "Peanut", "food", "", "Peanuts"}, "Anaphylaxis", "severe", 0.02},
		{code{snomed, "111088007", "Latex", "environment", "", "Latex"}, "Rash", "mild", 0.02},
	}
	for _, a := range list {
		if p.rng.Float64() < a.share {
			g.allergy(p, a.substance, a.reaction, a.severity, end.AddDate(-1-p.rng.IntN(2), -p.rng.IntN(12), 0))
		}
	}
}

// vaccines gives what is due at p's age; some people skip some.
func (g *gen) vaccines(p *person, end time.Time) {
	r := p.rng
	give := func(v vaccine, share float64, minDays, maxDays int) bool {
		if r.Float64() >= share {
			return false
		}
		g.immunize(p, v, g.clock(end.AddDate(0, 0, -minDays-r.IntN(maxDays-minDays)), p))
		return true
	}
	fluNow := give(flu, 0.40+float64(p.Age)/400, 10, 300)
	give(flu, 0.3, 380, 690)
	if p.Age >= 18 && !fluNow && !p.Traits.Has(Deceased) {
		p.Traits |= FluDue
	}
	switch {
	case p.Age < 3:
		give(dtap, 0.92, 20, 300)
		give(mmr, 0.85, 20, 200)
		give(varicella, 0.85, 20, 200)
	case p.Age >= 11 && p.Age < 15:
		give(hpv, 0.7, 20, 600)
		give(tdap, 0.85, 20, 600)
	case p.Age >= 65:
		give(pneumococcal, 0.4, 30, 690)
		give(shingles, 0.3, 30, 690)
		give(covid, 0.5, 20, 330)
	case p.Age >= 18:
		give(covid, 0.3, 20, 330)
		give(tdap, 0.15, 20, 690)
	}
}

// screenings writes eye exams, mammograms and colonoscopies, and marks who
// is due. Nobody is within ten days of an edge, so that "in the last 12
// months" means the same to every reader.
func (g *gen) screenings(p *person, h health, end time.Time) {
	r := p.rng
	if h.diabetic {
		g.eyes(p, end)
	}
	if p.Sex == "female" && p.Age >= 40 && p.Age <= 74 {
		if r.Float64() < 0.55 {
			g.procedure(p, mammography, g.clock(end.AddDate(0, 0, -20-r.IntN(680)), p), workers()[5])
		} else if !p.Traits.Has(Deceased) {
			p.Traits |= MammogramDue
		}
	}
	if p.Age >= 45 && p.Age <= 75 && r.Float64() < 0.18 {
		g.procedure(p, colonoscopy, g.clock(end.AddDate(0, 0, -20-r.IntN(680)), p), doctors()[p.doctor])
	}
}

// eyes writes the eye exams of somebody with diabetes.
func (g *gen) eyes(p *person, end time.Time) {
	draw := p.rng.Float64()
	if p.Traits.Has(EyeDue) {
		draw = 0.5
	}
	switch {
	case draw < 0.32:
		g.procedure(p, eyeExam, g.clock(end.AddDate(0, 0, -15-p.rng.IntN(330)), p), workers()[3])
		p.Traits &^= EyeDue
		return
	case draw < 0.78:
		g.procedure(p, eyeExam, g.clock(end.AddDate(0, 0, -385-p.rng.IntN(330)), p), workers()[3])
	}
	if !p.Traits.Has(Deceased) {
		p.Traits |= EyeDue
	}
}

// upcoming books a visit in the weeks ahead for some.
func (g *gen) upcoming(p *person, h health) {
	if p.Traits.Has(Deceased) || p.Traits.Has(EyeDue) && p.rng.Float64() < 0.5 {
		return
	}
	if share := 0.08; !h.diabetic && p.rng.Float64() >= share || h.diabetic && p.rng.Float64() >= 0.25 {
		return
	}
	g.takeSlot(p, services()[1], 2+p.rng.IntN(38))
}

// takeSlot gives p the first free slot of s on or after the day d days from
// today.
func (g *gen) takeSlot(p *person, s service, d int) {
	for ; d <= slotsAhead; d++ {
		for _, slot := range g.daySlots(s, d) {
			if g.taken[slot.ID] == "" && p.rng.Float64() < 0.5 {
				g.taken[slot.ID] = p.Patient
				g.appointment(p, s, slot.ID, "booked", slot.Start, g.today.AddDate(0, 0, -3-p.rng.IntN(30)).Add(10*time.Hour))
				return
			}
		}
	}
}
