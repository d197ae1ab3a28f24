package town

// Truth is what is planted in the town: how likely each resident is to book
// by herself, to see a message, and to book because of it.
//
// Whether she does is a function of the seed, the patient and the outreach
// alone, so an experiment can be repeated.
type Truth struct {
	Seed uint64
}

// NewTruth returns what the town of seed does.
func NewTruth(seed uint64) Truth { return Truth{Seed: seed} }

// Plan says by which channels, in order, one resident is reached; none for
// somebody who is held out or cannot be reached.
type Plan struct {
	Resident Resident
	Channels []string // sms, email, inbox
}

// TrueEffect returns the true average effect of sending by plans rather than
// not at all, on the share who book.
func (t Truth) TrueEffect(plans []Plan) float64 { return 0 }
