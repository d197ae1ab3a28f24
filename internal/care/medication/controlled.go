package medication

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
	"unicode"
)

//go:embed controlled.json
var controlledText []byte

// controlled returns the names of controlled substances that are prescribed
// in the United States, each with its schedule. It is read once, and a test
// reads it first.
//
// Spec: 21 CFR 1308.12 to 1308.15
var controlled = sync.OnceValue(func() map[string]string {
	var m map[string]string
	if json.Unmarshal(controlledText, &m) != nil {
		return nil
	}
	return m
})

// Schedule returns the schedule of a controlled substance, II to V, by the
// name of a medicine; empty where it is none.
func Schedule(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, w := range words {
		if s := controlled()[w]; s != "" {
			return s
		}
	}
	return ""
}
