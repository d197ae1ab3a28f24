package desk

import "testing"

func TestRegisteredWords(t *testing.T) {
	for want, in := range map[string]Texting{
		"Registered as 10DLC: approved since January 5, 2026.": {Kind: "10DLC", Status: "approved", Since: "2026-01-05"},
		"Registered as 10DLC: pending.":                        {Kind: "10DLC", Status: "pending"},
		"Registered as toll-free: approved since last spring.": {Kind: "toll-free", Status: "approved", Since: "last spring"},
	} {
		if got := registeredWords(in); got != want {
			t.Errorf("registeredWords = %q, want %q", got, want)
		}
	}
}

func TestCoded(t *testing.T) {
	for in, want := range map[string][]part{
		"no code":             {{Text: "no code"}},
		"run `hale dkim` now": {{Text: "run "}, {Text: "hale dkim", Code: true}, {Text: " now"}},
		"`a` and `b`":         {{}, {Text: "a", Code: true}, {Text: " and "}, {Text: "b", Code: true}, {}},
		"one ` alone":         {{Text: "one ` alone"}},
	} {
		got := coded(in)
		if len(got) != len(want) {
			t.Errorf("coded(%q) = %+v, want %+v", in, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("coded(%q) = %+v, want %+v", in, got, want)
			}
		}
	}
}
