package access

import (
	"math"
	"slices"
	"time"
)

// sight is what a pass shows of what its right opens.
type sight struct {
	shown      Label      // the labels whose resources are shown; all others hide them
	held       bool       // shows what waits for its release
	all        bool       // every category
	categories []Category // else these
	proof      Label      // labels that a fresh proof would show, too
}

// Every is all labels together.
const Every = SubstanceUse | Part2 | MentalHealth | HIV | Reproductive | MinorConfidential | PsychNotes

// sees are the labels that each role sees in the records it may open.
// Records of a programme that treats substance use (42 CFR 2.12) and
// psychotherapy notes (45 CFR 164.501) are for those who treat in it.
var sees = map[Role]Label{
	Nurse: SubstanceUse | MentalHealth | HIV | Reproductive | MinorConfidential,
}

// decide returns what a pass for right on patient shows, or why there is
// none. An empty patient is everyone.
func (d *Doors) decide(a Actor, right Right, patient string, f Facts, now time.Time) (sight, error) {
	if a.App != nil && !slices.Contains(throughApps, right) {
		return sight{}, errForbidden
	}
	s, err := d.decided(a, right, patient, f, now)
	if a.App != nil && a.Kind == System && right != WriteRecord {
		s.held = false // that an app may write as well shows it no more
	}
	return s.narrowed(a.App), err
}

// decided is decide without a look at the app.
func (d *Doors) decided(a Actor, right Right, patient string, f Facts, now time.Time) (sight, error) {
	if !a.may(right, patient) || f.Blocked || f.Restricted {
		return sight{}, errForbidden
	}
	zone := ruleOf(right).zone
	switch a.Kind {
	case Link:
		return sight{categories: opened(a.Rights)}, nil
	case System:
		if a.Plain {
			return sight{all: true}, nil
		}
		if slices.Contains(a.Rights, WriteRecord) {
			return sight{shown: Every, held: true, all: true}, nil
		}
		return sight{shown: Every &^ (Part2 | MinorConfidential | PsychNotes), all: true}, nil
	}
	own := a.Kind != Staff && a.Patient == patient
	if !own {
		zone = max(zone, PortalZone) // a code alone opens nobody else's
	}
	if !a.Proof.reaches(zone, now) {
		return sight{}, errProve
	}
	switch {
	case a.Kind == Staff:
		return d.staff(a, right, patient, f, now)
	case own && a.Proof.Zone < PortalZone:
		return sight{categories: ruleOf(right).any}, nil
	case own:
		return sight{shown: Every &^ PsychNotes, all: true}.proved(a, now), nil
	}
	g, _ := a.grant(patient)
	g = d.narrow(g, f, now)
	if !g.opens(ruleOf(right)) {
		return sight{}, errForbidden
	}
	shown := g.Labels &^ PsychNotes
	if g.Basis == AsParent || g.Basis == "" {
		shown &^= MinorConfidential
	}
	return sight{shown: shown, categories: g.Categories}.proved(a, now), nil
}

// fenced are the labels that a person sees with a fresh proof alone: a record
// of a programme that treats substance use may harm its patient most.
const fenced = Part2

// proved returns what is left of s where a has not proved lately who it is.
func (s sight) proved(a Actor, now time.Time) sight {
	if !a.Proof.reaches(StepUpZone, now) {
		s.proof = s.shown & fenced
		s.shown &^= fenced
	}
	return s
}

// staff decides for somebody who works here and has the right by role.
func (d *Doors) staff(a Actor, right Right, patient string, f Facts, now time.Time) (sight, error) {
	if a.ViewAs != "" && a.ViewAs != patient {
		return sight{}, errForbidden
	}
	seen := sight{all: true}
	for _, r := range a.Roles {
		seen.shown |= sees[r]
	}
	if patient == "" {
		return seen, nil
	}
	seen.held = a.May(ReleaseResults, patient) && a.ViewAs == ""
	if f.Treats {
		seen.shown |= f.Programme
	}
	if now.Before(f.Emergency) {
		seen.shown = Every &^ PsychNotes // which no emergency opens: 45 CFR 164.508(a)(2)
		return seen, nil
	}
	if (f.VIP && !f.Treats || f.Near) && guarded(right) {
		return sight{}, errReason
	}
	return seen, nil
}

// guarded says whether right shows what a flagged record is flagged for.
func guarded(right Right) bool {
	switch right {
	case ReadRecord, ReadVisits, ReadMessages, ReadMessage, ReadDecisions, ReadContacts, BookVisits, SendMessages, EditContacts, ReleaseResults, PayBills, AskMedicines, SendReadings, Translate:
		return true
	}
	return false
}

// narrow returns what is left of g at this age of the patient.
func (d *Doors) narrow(g Grant, f Facts, now time.Time) Grant {
	if !g.Until.IsZero() && !now.Before(g.Until) {
		return Grant{}
	}
	if g.Basis != AsParent {
		return g
	}
	if d.ages != nil {
		g = d.ages.Narrow(g, f.Born, f.State, now)
	}
	if Age(f.Born, now) >= Adult {
		return Grant{}
	}
	return g
}

// Adult is the age from which nobody is a child to a parent's grant,
// whatever a state's rules say.
const Adult = 18

// Age returns the years since born, which is YYYY-MM-DD or as much of it as
// is known; the earliest day it can mean counts. It is Adult where nothing
// is known.
func Age(born string, at time.Time) int {
	whole := born
	if len(born) == len("2006") || len(born) == len("2006-01") {
		whole += "-01-01"[:len("2006-01-02")-len(born)]
	}
	day, err := time.Parse(time.DateOnly, whole)
	if err != nil {
		return Adult
	}
	years := at.Year() - day.Year()
	if at.Month() < day.Month() || at.Month() == day.Month() && at.Day() < day.Day() {
		years--
	}
	return years
}

// opened are the categories that a link's rights are about.
func opened(rights []Right) []Category {
	var list []Category
	for _, r := range rights {
		list = append(list, ruleOf(r).any...)
	}
	return list
}

// reaches says whether p is strong and fresh enough for z.
func (p Proof) reaches(z Zone, now time.Time) bool {
	if p.Zone < z {
		return false
	}
	switch age := now.Sub(p.At); z {
	case StepUpZone:
		return age <= StepUpAge && age >= -skew
	case AccountZone:
		return age <= AccountAge && age >= -skew
	}
	return true
}

// skew is how far the clocks of two nodes may be apart. A proof of a later
// time than that is none: a clock was set back.
const skew = time.Minute

// Hidden returns the labels whose resources p does not show.
func (p Pass) Hidden() Label { return Every &^ p.sight.shown }

// Sees says whether p shows a category.
func (p Pass) Sees(c Category) bool { return p.sight.all || slices.Contains(p.sight.categories, c) }

// NeedsProof says whether p would show more after a fresh proof of who its
// actor is.
func (p Pass) NeedsProof() bool { return p.sight.proof != 0 }

// Fenced returns the labels that p leaves out only for want of that proof.
func (p Pass) Fenced() Label { return p.sight.proof }

// SeesHeld says whether p shows what waits for its release.
func (p Pass) SeesHeld() bool { return p.sight.held }

// Shows says whether p shows a resource with labels that is held until a
// time, zero for not.
func (p Pass) Shows(labels Label, held time.Time) bool {
	return labels&p.Hidden() == 0 && (p.sight.held || !held.After(p.at))
}

// Veil returns the two parameters by which a statement leaves out what p does
// not show:
//
//	not exists (select 1 from shield z where z.patient = r.patient and z.id = r.id
//		and ((z.labels & $2) <> 0 or z.held_until > $3))
//
// hidden are labels, until is a time in microseconds. Every statement that
// reads what is in the record says so; a test finds those that do not.
func (p Pass) Veil() (hidden, until int64) {
	if p.sight.held {
		return int64(p.Hidden()), math.MaxInt64
	}
	return int64(p.Hidden()), p.at.UnixMicro()
}
