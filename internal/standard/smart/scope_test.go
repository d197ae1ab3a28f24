package smart

import "testing"

func TestParseScope(t *testing.T) {
	for text, want := range map[string]string{
		"patient/Observation.read":                   "patient/Observation.rs",
		"user/*.*":                                   "user/*.cruds",
		"system/Patient.write":                       "system/Patient.cud",
		"patient/Observation.rs?category=laboratory": "patient/Observation.rs?category=laboratory",
		"patient/Condition.s?_tag=a&category=b":      "patient/Condition.s?_tag=a&category=b",
	} {
		s, err := ParseScope(text)
		if err != nil || s.String() != want {
			t.Errorf("%s = %v, %v; want %s", text, s, err, want)
		}
	}
	for _, bad := range []string{
		"", "patient", "patient/Observation", "patient/Monster.rs", "nobody/Patient.rs", "patient/Patient.sr", "patient/Patient.rr", "patient/Patient.",
		"patient/*.rs?category=x", "patient/Observation.rs?", "patient/Observation.rs?_count=1", "patient/Observation.rs?category=x&_sort=date", "patient/Observation.rs?_has:a:b:c=d",
	} {
		if s, err := ParseScope(bad); err == nil {
			t.Errorf("%q was read as %v", bad, s)
		}
	}
}
