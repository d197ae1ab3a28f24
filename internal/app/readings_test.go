package app

import (
	"strings"
	"testing"

	"hale/internal/care/task"
)

// Each measure that is out of its limits goes its whole way: the patient reads
// what happens next, the desk has it, closes it, and the patient reads that.
func TestReadingsOut(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		at := k.measured()
		shows(t, "the first weight", k.press("ada", "/readings/new", "kind", "weight", "weight", "160", "unit", "lb", "at", at), "Your reading is in your record")
		for name, one := range map[string]struct {
			form   []string
			danger bool
			desk   string
		}{
			"pressure, high":     {[]string{"kind", "pressure", "upper", "165", "lower", "85"}, false, "165/85 mmHg"},
			"pressure, low":      {[]string{"kind", "pressure", "upper", "88", "lower", "55"}, false, "88/55 mmHg"},
			"lower number, high": {[]string{"kind", "pressure", "upper", "150", "lower", "104"}, false, "150/104 mmHg"},
			"pressure, crisis":   {[]string{"kind", "pressure", "upper", "184", "lower", "99"}, true, "184/99 mmHg"},
			"lower, crisis":      {[]string{"kind", "pressure", "upper", "150", "lower", "121"}, true, "150/121 mmHg"},
			"sugar, high":        {[]string{"kind", "glucose", "glucose", "251"}, false, "251 mg/dL"},
			"sugar, low":         {[]string{"kind", "glucose", "glucose", "65"}, false, "65 mg/dL"},
			"sugar, very low":    {[]string{"kind", "glucose", "glucose", "53"}, true, "53 mg/dL"},
			"sugar, very high":   {[]string{"kind", "glucose", "glucose", "400"}, true, "400 mg/dL"},
			"weight, up":         {[]string{"kind", "weight", "weight", "166", "unit", "lb"}, false, "75.3 kg (166 lb)"},
		} {
			k.clock.move(60e9)
			p := k.press("ada", "/readings/new", append(one.form, "at", k.measured())...)
			shows(t, name, p, "What happens next", "Your care team was told", "the nurse team")
			if got := strings.Contains(p.body, "This reading is dangerous") && strings.Contains(p.body, "Call 911"); got != one.danger {
				t.Errorf("%s is dangerous: %v", name, got)
			}
			id := part(t, name, p, `/requests/([^/"?]+)`)
			desk := k.see("nia", "/desk/queue/"+id)
			shows(t, name+" at the desk", desk, one.desk, "The last readings", "Limits of this patient")
			if got := strings.Contains(desk.body, "was told to get help at once"); got != one.danger {
				t.Errorf("%s: the desk reads that it is dangerous: %v", name, got)
			}
			shows(t, name+" closed", k.press("nia", "/desk/queue/"+id+"/close", "reason", "called", "answer", "We spoke about "+name+"."), "Closed, and the patient is told.")
			shows(t, name+" answered", k.see("ada", strings.TrimPrefix(p.url, k.base)), "We spoke about "+name+".")
		}
		for range 40 { // who asked a lot is told to get help all the same
			k.asked(task.New{Kind: task.MedicineQuestion, Title: "One more question"})
		}
		k.clock.move(60e9)
		shows(t, "with many questions open", k.press("ada", "/readings/new", "kind", "pressure", "upper", "190", "lower", "99", "at", k.measured()), "This reading is dangerous")
	})
}
