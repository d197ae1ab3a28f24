package reach

import (
	"strings"
	"testing"
)

func FuzzReadAnswers(f *testing.F) {
	for _, s := range []string{"+13125550142,2026-01-02,no\n", "3125550142;2026-01-02;yes", "\ufeff(312) 555-0142,01/02/2026,No Data\n,,\n", "\"", "a,b,c", "+13125550142,20260102,no_data"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, bad, err := readAnswers(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, a := range list {
			if a.number == "" || a.day.IsZero() || a.word != "yes" && a.word != "no" && a.word != "no data" {
				t.Errorf("readAnswers(%q) has %+v", s, a)
			}
		}
		if lines := strings.Count(s, "\n") + strings.Count(s, "\r") + 1; len(list)+len(bad) > lines {
			t.Errorf("readAnswers(%q): %d answers and %d bad lines of %d", s, len(list), len(bad), lines)
		}
	})
}
