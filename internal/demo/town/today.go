package town

import "time"

// todays books visits on the town's own day, for people who have no other
// part to play, so that the clinic has somebody to wait for. They were booked
// before the outreach that is over began, so that it did not bring them.
func (g *gen) todays() {
	times := []struct{ service, hour, minute int }{
		{4, 9, 0}, {1, 9, 20}, {2, 10, 0}, {1, 11, 20}, {4, 13, 20}, {2, 14, 0}, {1, 15, 0}, {4, 15, 40}, {1, 16, 20},
	}
	next := 0
	for i, p := range g.people {
		if next == len(times) {
			return
		}
		if i < 70 || i%3 > 0 || p.Age < 18 || p.Traits.Has(Deceased) || p.Traits.Has(NotThem) || p.Traits.Has(WorstCase) {
			continue
		}
		t := times[next]
		next++
		g.seq = 900 // behind all that the person has
		at := time.Date(g.today.Year(), g.today.Month(), g.today.Day(), t.hour, t.minute, 0, 0, g.zone)
		g.appointment(p, services()[t.service], "", "booked", at, g.today.AddDate(0, 0, -60-next).Add(10*time.Hour))
	}
}

// advised are vaccines that are recommended to somebody.
type advised struct {
	vaccine vaccine
	status  string // due, overdue
	words   string
	by      time.Time
}

// recommend writes which vaccines p should have, and why.
func (g *gen) recommend(p *person, id string, list ...advised) {
	const codes = "http://terminology.hl7.org/CodeSystem/immunization-recommendation-status"
	g.put(`{"resourceType":"ImmunizationRecommendation","id":%,"patient":{"reference":%},"date":%,"authority":{"reference":%,"display":%},"recommendation":[`,
		p.Patient+"-"+id, p.ref(), g.day(g.today.AddDate(0, 0, -4)), "Organization/"+clinicID, Clinic)
	for i, a := range list {
		if i > 0 {
			g.put(`,`)
		}
		g.put(`{"vaccineCode":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],"forecastStatus":{"coding":[{"system":%,"code":%}]},"description":%,`+
			`"dateCriterion":[{"code":{"coding":[{"system":"http://loinc.org","code":"30980-7","display":"Date vaccine due"}]},"value":%}]}`,
			cvx, a.vaccine.code, a.vaccine.display, a.vaccine.text, codes, a.status, a.words, g.day(a.by))
	}
	g.line(`]}`)
}
