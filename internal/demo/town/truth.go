package town

import "math"

// Truth is what is planted in the town: how likely each resident is to book
// by herself, to see a message, and to book because of it.
//
// Whether she does is a function of the seed, the patient and the outreach
// alone, so an experiment can be repeated to the last booking.
type Truth struct {
	Seed uint64
}

// NewTruth returns what the town of seed does.
func NewTruth(seed uint64) Truth { return Truth{Seed: seed} }

// The channels as the truth knows them.
const (
	SMS   = "sms"
	Email = "email"
	Inbox = "inbox"
)

// Baseline is the probability that r books within the window without being
// asked, by calling the clinic.
func (t Truth) Baseline(r Resident) float64 {
	if r.Traits.Has(Deceased) {
		return 0
	}
	b := 0.10
	switch {
	case r.Age >= 65:
		b = 0.15
	case r.Age >= 50:
		b = 0.12
	}
	if r.Traits.Has(Hypertensive) {
		b += 0.03 // comes in anyway
	}
	if r.Lang != "en" {
		b -= 0.03
	}
	return b
}

// Sees is the probability that r reads what comes by channel.
func (t Truth) Sees(r Resident, channel string) float64 {
	if r.Traits&(Deceased|NeverLooks|NotThem) != 0 {
		return 0
	}
	s := map[string]float64{SMS: 0.84, Email: 0.58, Inbox: 0.32}[channel]
	switch {
	case channel == SMS && r.Traits&(RepliesStop|NoService) != 0:
		return 0
	case channel == Email && r.Traits.Has(BouncingEmail):
		return 0
	case r.Age >= 75:
		s *= 0.85
	}
	return s
}

// Moved is the probability that r books because of a message, given that she
// read it and would not have booked by herself. The three channels differ.
func (t Truth) Moved(r Resident, channel string) float64 {
	a := map[string]float64{SMS: 0.36, Email: 0.30, Inbox: 0.22}[channel]
	if r.Age < 40 {
		a *= 0.8
	}
	if r.Lang != "en" {
		a *= 1.15 // written to in her own language at last
	}
	return a
}

// Act is how a resident takes one message.
type Act int

// The acts.
const (
	Ignores   Act = iota
	Reads         // opens it, proves who she is, books nothing
	Books         // reads it, and books one of the times offered
	SaysStop      // asks for no more texts
	SaysNotMe     // says that the address is somebody else's
)

// Response says what r does with a message of outreach on channel.
func (t Truth) Response(r Resident, outreach, channel string) Act {
	switch {
	case r.Traits.Has(Deceased) || r.Traits.Has(NeverLooks):
		return Ignores
	case r.Traits.Has(NotThem):
		return SaysNotMe
	case r.Traits.Has(RepliesStop) && channel == SMS:
		return SaysStop
	case r.Traits.Has(NoService) && channel == SMS:
		return Ignores
	case t.draw(r, outreach, "see "+channel) >= t.Sees(r, channel):
		return Ignores
	case t.draw(r, outreach, "move "+channel) >= t.Moved(r, channel):
		return Reads
	}
	return Books
}

// Calls says whether r books by telephone within the window of outreach,
// whether or not she is reached, and how far into the window, from 0 to 1.
func (t Truth) Calls(r Resident, outreach string) (when float64, ok bool) {
	u := t.draw(r, outreach, "call")
	b := t.Baseline(r)
	if u >= b {
		return 0, false
	}
	return u / b, true
}

// Draw returns a number in [0, 1) that depends on the seed, the patient, the
// outreach and what only.
func (t Truth) Draw(r Resident, outreach, what string) float64 { return t.draw(r, outreach, what) }

// Plan says by which channels, in order, one resident would be reached; none
// for somebody who cannot be. The next channel is tried when the message was
// not seen.
type Plan struct {
	Resident Resident
	Channels []string
}

// Booked says whether the resident of p books if reached by p.
func (t Truth) Booked(p Plan, outreach string) bool {
	if _, ok := t.Calls(p.Resident, outreach); ok {
		return true
	}
	for _, c := range p.Channels {
		switch t.Response(p.Resident, outreach, c) {
		case Books:
			return true
		case Reads:
			return false
		}
	}
	return false
}

// Effect is the true probability that p's resident books because of p.
func (t Truth) Effect(p Plan) float64 {
	unseen, moved := 1.0, 0.0
	for _, c := range p.Channels {
		s := t.Sees(p.Resident, c)
		moved += unseen * s * t.Moved(p.Resident, c)
		unseen *= 1 - s
	}
	return (1 - t.Baseline(p.Resident)) * moved
}

// TrueEffect returns the true average effect of reaching everybody by plans
// rather than nobody, on the share who book: what intention to treat
// estimates.
func (t Truth) TrueEffect(plans []Plan) float64 {
	if len(plans) == 0 {
		return 0
	}
	sum := 0.0
	for _, p := range plans {
		sum += t.Effect(p)
	}
	return sum / float64(len(plans))
}

// draw hashes its arguments (FNV-1a, then a finaliser that spreads every
// bit) to 53 bits.
func (t Truth) draw(r Resident, outreach, what string) float64 {
	h := uint64(14695981039346656037) ^ t.Seed
	for _, s := range [...]string{r.Patient, "\x1f", outreach, "\x1f", what} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return math.Ldexp(float64(h>>11), -53)
}
