// Package trial draws who is held out.
//
// The draw is a keyed hash of the outreach and the person, so it is the same
// however often it is made, on any node, and nobody can steer it. Purposes
// that people must not miss are never drawn for.
package trial

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Arm is the side a person was drawn to.
type Arm string

// The arms. Excluded people were not drawn: a rule kept them out before.
const (
	Treat    Arm = "treat"
	Holdout  Arm = "holdout"
	Excluded Arm = "excluded"
)

// forbidden are the purposes in which nobody may be held out. The database
// refuses them as well.
var forbidden = []string{"emergency", "clinical_result", "security", "safety", "recall"}

// Allowed says whether people may be held out of purpose.
func Allowed(purpose string) bool { return !slices.Contains(forbidden, purpose) }

// Draw returns a number in [0, 1) for unit in the experiment named id: the
// first 53 bits of HMAC-SHA256(salt, id ␟ unit).
func Draw(salt, id, unit string) float64 {
	m := hmac.New(sha256.New, []byte(salt))
	m.Write([]byte(id))
	m.Write([]byte{0x1f})
	m.Write([]byte(unit))
	return float64(binary.BigEndian.Uint64(m.Sum(nil))>>11) / (1 << 53)
}

// Assign draws unit and returns its arm with the probability of being held
// out that it was drawn with. A purpose in which nobody may be held out has
// probability 0 whatever p says.
func Assign(salt, id, unit, purpose string, p float64) (Arm, float64) {
	if !Allowed(purpose) || p <= 0 {
		return Treat, 0
	}
	if Draw(salt, id, unit) < p {
		return Holdout, p
	}
	return Treat, p
}

// Pick draws one of several things for unit in the experiment named id, each
// with its share of 1, and returns its place. A salt of its own keeps it
// independent of Assign.
func Pick(salt, id, unit string, shares []float64) int {
	u := Draw(salt, id, unit)
	for i, s := range shares {
		if u -= s; u < 0 {
			return i
		}
	}
	return len(shares) - 1
}
