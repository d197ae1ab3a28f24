package town

import (
	"fmt"
	"io"
	"time"
)

// gen is a town in the making.
type gen struct {
	pen
	seed    uint64
	today   time.Time
	people  []*person
	count   int // people so far
	numbers int // telephone numbers so far
	seq     int // resources of the person at hand
	taken   map[string]string
	made    []Slot
}

// Generate writes the town of people residents as FHIR resources, one JSON
// object a line, and returns who lives there. The same seed, number and day
// give the same bytes.
func Generate(w io.Writer, seed uint64, people int, now time.Time) (*Town, error) {
	zone, err := Zone()
	if err != nil {
		return nil, err
	}
	y, m, d := now.In(zone).Date()
	g := &gen{seed: seed, today: time.Date(y, m, d, 0, 0, 0, 0, zone), taken: map[string]string{}}
	g.pen = pen{w: w, zone: zone, b: make([]byte, 0, full+1<<14)}
	g.settle(people)
	signIns := g.signIns()
	g.clinic()
	for _, p := range g.people {
		g.seq = 0
		if p.carer != nil {
			p.Traits |= CaredFor
		}
		g.patient(p)
		if p.Patient == Maria {
			g.mariaHistory(p)
			g.mariaBills(p)
		} else {
			g.history(p)
		}
		g.protect(p)
	}
	g.schedule()
	g.todays()
	g.flush()
	if g.err != nil {
		return nil, fmt.Errorf("town: generate: %w", g.err)
	}
	return &Town{Seed: seed, Day: g.today, Residents: g.residents(), SignIns: signIns, Slots: g.made, Resources: g.n, Truth: NewTruth(seed)}, nil
}

// next numbers one more person.
func (g *gen) next() int {
	g.count++
	return g.count
}

// residents returns everybody, with the traits that follow from the rest.
func (g *gen) residents() []Resident {
	list := make([]Resident, len(g.people))
	for i, p := range g.people {
		r := p.Resident
		if r.Phone == "" {
			r.Traits |= NoMobile
		}
		if r.Email == "" {
			r.Traits |= NoEmail
		}
		if r.Phone == "" && r.Email == "" && p.landline == "" {
			r.Traits |= Unreachable
		}
		r.MRN = p.mrn()
		list[i] = r
	}
	return list
}
