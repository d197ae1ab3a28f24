package review

import "testing"

// What is taken as a mark is written as it was, but for zeros in front of a
// number.
func FuzzParseMark(f *testing.F) {
	for _, s := range []string{"", "0~1~p~r", "1~1771009200000000~ada~", "0~-1~~", "2~1~p~r", "0~1~p", "0~x~p~r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		turn, err := parseMark(text)
		if err != nil || text == "" {
			return
		}
		again, err := parseMark(turn.Mark())
		if err != nil || again.Mark() != turn.Mark() || again.Patient != turn.Patient || again.place != turn.place {
			t.Errorf("parseMark(%q) = %+v, again %+v, %v", text, turn, again, err)
		}
	})
}
