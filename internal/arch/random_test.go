package arch

import (
	"strings"
	"testing"
)

// simulations are where a draw must be repeatable and guards nothing: the
// demo's town, and what tests cut off at random.
var simulations = []string{"demo/", "prooftest/"}

// Everything that guards something comes from crypto/rand: math/rand is
// imported by simulations and tests alone.
//
// Spec: OWASP ASVS 5.0, 11.5.1
func TestCryptoRandOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(s.path, simulations) {
			continue
		}
		for _, imp := range s.file.Imports {
			if strings.HasPrefix(strings.Trim(imp.Path.Value, `"`), "math/rand") {
				t.Errorf("%s imports %s: what guards something is drawn from crypto/rand", s.path, imp.Path.Value)
			}
		}
	}
}

func within(path string, folders []string) bool {
	for _, f := range folders {
		if strings.HasPrefix(path, f) {
			return true
		}
	}
	return false
}
