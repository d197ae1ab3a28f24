package result_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/base/lang"
	"hale/internal/care/result"
)

var (
	now   = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	woman = result.Person{Sex: "female", Born: "1961-04-09"}
	man   = result.Person{Sex: "male", Born: "1961-04-09"}
	child = result.Person{Sex: "male", Born: "2015-04-09"}
)

func value(code, unit string, v float64) result.Result {
	return result.Result{ID: "r", Code: code, Name: "As sent", Unit: unit, Value: v, HasValue: true, At: now.AddDate(0, 0, -2)}
}

func pressure(upper, lower float64) result.Result {
	return result.Result{ID: "bp", Code: "85354-9", At: now.AddDate(0, 0, -2), Parts: []result.Part{
		{Code: "8480-6", Value: upper, HasValue: true}, {Code: "8462-4", Value: lower, HasValue: true}}}
}

func TestExplain(t *testing.T) {
	may := value("4548-4", "%", 8.1)
	may.At = time.Date(2026, 5, 3, 9, 0, 0, 0, time.UTC)
	lastYear := may
	lastYear.At = may.At.AddDate(-1, 0, 0)
	justBefore := may
	justBefore.At = now.AddDate(0, 0, -9)
	same := may
	same.Value = 7.4
	goal := &result.Goal{Code: "4548-4", Band: result.To(7)}
	ranged := value("777-9", "mg/dL", 11)
	ranged.Range = result.Between(4, 10)
	flagged := value("1-1", "zz", 3)
	flagged.Flag = "HH"
	less := result.Result{Code: "9318-7", Said: "< 3 mg/g", At: now}
	tests := []struct {
		name              string
		r                 result.Result
		p                 result.Person
		previous          *result.Result
		goal              *result.Goal
		value, chip, line string
		trend             string
		watch             bool
	}{
		{name: "above the goal", r: value("4548-4", "%", 7.4), p: woman, previous: &may, goal: goal, value: "7.4 %", chip: "Above your goal of 7 %",
			line: "This is a little above the goal in your care plan.", trend: "It came down from 8.1 % in May.", watch: true},
		{name: "far above the goal", r: value("4548-4", "%", 9.4), p: woman, previous: &lastYear, goal: goal, value: "9.4 %", chip: "Above your goal of 7 %",
			line: "This is above the goal in your care plan.", trend: "It went up from 8.1 % in May 2025.", watch: true},
		{name: "at the goal's edge", r: value("4548-4", "%", 7.0), p: woman, goal: goal, value: "7 %", chip: "At your goal", line: "This meets the goal in your care plan."},
		{name: "a value of last week is named by its day", r: value("4548-4", "%", 6.5), p: woman, previous: &justBefore, goal: goal, value: "6.5 %", chip: "At your goal",
			line: "This meets the goal in your care plan.", trend: "It came down from 8.1 % in Nov 11, 2026."},
		{name: "as before", r: value("4548-4", "%", 7.4), p: woman, previous: &same, goal: goal, value: "7.4 %", chip: "Above your goal of 7 %",
			line: "This is a little above the goal in your care plan.", trend: "It is about the same as in May.", watch: true},
		{name: "in the usual range", r: value("2951-2", "mmol/L", 140), p: woman, value: "140 mmol/L", chip: "In the usual range", line: "In the usual range for adults."},
		{name: "slightly above", r: value("2951-2", "mmol/L", 146), p: woman, value: "146 mmol/L", chip: "Slightly above the range",
			line: "Slightly above the usual range for adults. This is common.", watch: true},
		{name: "above", r: value("2951-2", "mmol/L", 152), p: woman, value: "152 mmol/L", chip: "Above the range",
			line: "Above the usual range for adults. Your care team can tell you what it means for you.", watch: true},
		{name: "the range of a woman", r: value("718-7", "g/dL", 12.5), p: woman, value: "12.5 g/dL", chip: "In the usual range", line: "In the usual range for adults."},
		{name: "the range of a man", r: value("718-7", "g/dL", 12.9), p: man, value: "12.9 g/dL", chip: "Slightly below the range",
			line: "Slightly below the usual range for adults. This is common.", watch: true},
		{name: "a child has no usual range", r: value("718-7", "g/dL", 10.5), p: child, value: "10.5 g/dL"},
		{name: "another unit has no usual range", r: value("2345-7", "mmol/L", 5.2), p: woman, value: "5.2 mmol/L"},
		{name: "an unknown birth date has no usual range", r: value("718-7", "g/dL", 10.5), p: result.Person{Sex: "female"}, value: "10.5 g/dL"},
		{name: "the lab's range comes first", r: ranged, p: child, value: "11 mg/dL", chip: "Slightly above the range",
			line: "Slightly above the lab’s range. This is common.", watch: true},
		{name: "a flag alone never alarms", r: flagged, p: woman, value: "3 zz", chip: "Marked high by the lab",
			line: "The lab marked this for a closer look. Your care team can tell you what it means for you.", watch: true},
		{name: "less than what can be measured", r: less, p: woman, value: "< 3 mg/g"},
		{name: "a good blood pressure", r: pressure(118, 76), p: woman, value: "118/76 mmHg", chip: "In the usual range", line: "In the usual range for adults."},
		{name: "the lower number is out", r: pressure(118, 84), p: woman, value: "118/84 mmHg", chip: "Slightly above the range",
			line: "Slightly above the usual range for adults. This is common.", watch: true},
		{name: "a high blood pressure", r: pressure(152, 84), p: woman, value: "152/84 mmHg", chip: "Above the range",
			line: "Above the usual range for adults. Your care team can tell you what it means for you.", watch: true},
		{name: "a low blood pressure", r: pressure(88, 62), p: woman, value: "88/62 mmHg", chip: "Slightly below the range",
			line: "Slightly below the usual range for adults. This is common.", watch: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := result.Explain(lang.English, tt.r, tt.p, tt.previous, tt.goal, now)
			if m.Value != tt.value || m.Chip != tt.chip || m.Line != tt.line || m.Trend != tt.trend || m.Watch != tt.watch {
				t.Errorf("Explain = %q, %q, %q, %q, %v\nwant      %q, %q, %q, %q, %v", m.Value, m.Chip, m.Line, m.Trend, m.Watch,
					tt.value, tt.chip, tt.line, tt.trend, tt.watch)
			}
		})
	}
}

func TestExplainAlso(t *testing.T) {
	tests := []struct {
		r    result.Result
		want string
	}{
		{value("29463-7", "kg", 79.4), "175 lb"},
		{value("8302-2", "cm", 165.1), "5 ft 5 in"},
		{value("8310-5", "Cel", 37), "98.6 °F"},
		{value("4548-4", "%", 7), ""},
	}
	for _, tt := range tests {
		if m := result.Explain(lang.English, tt.r, woman, nil, nil, now); m.Also != tt.want {
			t.Errorf("%s %s also = %q, want %q", m.Value, tt.r.Code, m.Also, tt.want)
		}
	}
}

// TestWordsAreCalm holds every sentence to the rule: never alarming, never
// "normal" alone.
func TestWordsAreCalm(t *testing.T) {
	for _, v := range []float64{0.1, 1, 5, 50, 140, 500, 5000} {
		for _, k := range result.All() {
			m := result.Explain(lang.English, value(k.Code, k.Unit, v), woman, nil, nil, now)
			for _, word := range []string{"danger", "critical", "abnormal", "normal", "severe", "bad", "fail", "emergency", "urgent"} {
				if strings.Contains(strings.ToLower(m.Line+m.Chip+m.About+k.Name), word) {
					t.Errorf("%s %v: %q says %q", k.Code, v, m.Line+" "+m.Chip+" "+m.About, word)
				}
			}
		}
	}
}

func TestKnownIsWhole(t *testing.T) {
	for _, k := range result.All() {
		if k.Name == "" || k.About == "" || k.Unit == "" {
			t.Errorf("%s has no name, unit or sentence", k.Code)
		}
		for _, text := range []string{k.Name, k.About} {
			if !lang.Spanish.Has(text) {
				t.Errorf("%s: no Spanish for %q", k.Code, text)
			}
		}
		if g := lang.Grade(k.About); g > 9 {
			t.Errorf("%s: %q is grade %.1f", k.Code, k.About, g)
		}
		for _, b := range []result.Band{k.Any, k.Women, k.Men} {
			if b.HasLow && b.HasHigh && b.Low >= b.High {
				t.Errorf("%s: band %v", k.Code, b)
			}
		}
		if k.Women.Is() != k.Men.Is() || k.Any.Is() && k.Men.Is() {
			t.Errorf("%s: one range for all, or one for each sex", k.Code)
		}
	}
}
