package smart_test

import (
	"slices"
	"strings"
	"testing"

	"hale/internal/standard/smart"
)

const (
	lab    = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	vitals = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
)

func readOnly(smart.Context) smart.Verb { return smart.Read | smart.Search }

func TestAskedWithin(t *testing.T) {
	for _, tt := range []struct{ name, asked, most, want string }{
		{"the same", "openid patient/*.rs", "openid patient/*.rs", "openid patient/*.rs"},
		{"version 1 keeps its text", "patient/Patient.read", "patient/*.rs", "patient/Patient.read"},
		{"writing is left out", "patient/*.*", "patient/*.cruds", "patient/*.rs"},
		{"nothing but writing", "patient/Patient.write", "patient/*.cruds", ""},
		{"all where some is allowed", "patient/*.rs", "patient/Patient.rs patient/Observation.rs", "patient/Patient.rs patient/Observation.rs"},
		{"a query of the list", "patient/Observation.rs", lab, lab},
		{"another context", "user/*.rs", "patient/*.rs", ""},
		{"granular under all", lab, "patient/*.rs", lab},
		{"a word that is no scope", "openid cheese patient/*.rs", "openid patient/*.rs", "openid patient/*.rs"},
		{"letters out of order", "patient/Patient.sr", "patient/*.rs", ""},
		{"a letter twice", "patient/Patient.rrs", "patient/*.rs", ""},
		{"launch that was not allowed", "launch openid", "openid", "openid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := smart.ParseAsked(tt.asked).Within(smart.ParseAsked(tt.most), readOnly)
			want := smart.ParseAsked(tt.want)
			if !got.Covers(want) || !want.Covers(smart.ParseAsked(got.String())) || strings.Contains(tt.name, "text") && got.String() != tt.want {
				t.Errorf("%q within %q = %q, want %q", tt.asked, tt.most, got, tt.want)
			}
		})
	}
}

func TestAskedChoose(t *testing.T) {
	all := smart.ParseAsked("openid patient/*.rs")
	var every []string
	for _, p := range all.Offer() {
		every = append(every, p.Key)
	}
	if got := all.Choose(every).String(); got != "openid patient/*.rs" {
		t.Errorf("with everything ticked = %q, want what was asked for", got)
	}
	some := all.Choose([]string{"Patient", "Observation/laboratory"})
	want := smart.ParseAsked("openid patient/Patient.rs " + lab)
	if !some.Covers(want) || !want.Covers(smart.ParseAsked(some.String())) {
		t.Errorf("with two parts ticked = %q, want %q", some, want)
	}
	if got := all.Choose(nil); len(got.Clinical) != 0 {
		t.Errorf("with nothing ticked = %q", got)
	}
	fine := smart.ParseAsked(lab + " " + vitals)
	if offer := fine.Offer(); len(offer) != 2 || offer[0].Key != "Observation/laboratory" {
		t.Errorf("two categories offer %v", offer)
	}
	if got := fine.Choose([]string{"Observation/vital-signs"}).String(); got != vitals {
		t.Errorf("one of two categories = %q, want %q as it was asked for", got, vitals)
	}
	odd := smart.ParseAsked("patient/Observation.rs?code=http://loinc.org|4548-4")
	if offer := odd.Offer(); len(offer) != 1 || odd.Choose([]string{offer[0].Key}).String() != odd.String() || len(odd.Choose(nil).Clinical) != 0 {
		t.Errorf("a search of its own offers %v", offer)
	}
}

// Each category that the rules of certification name can be chosen by itself.
func TestParts(t *testing.T) {
	var keys []string
	for _, p := range smart.Parts() {
		keys = append(keys, p.Key)
		if !slices.Contains(smart.Groups(), p.Group) {
			t.Errorf("%s stands in group %q, which no page has", p.Key, p.Group)
		}
	}
	for _, want := range []string{"Condition/encounter-diagnosis", "Condition/problem-list-item", "Condition/health-concern",
		"Observation/procedure", "Observation/laboratory", "Observation/social-history", "Observation/sdoh", "Observation/survey", "Observation/vital-signs"} {
		if !slices.Contains(keys, want) {
			t.Errorf("%s cannot be chosen", want)
		}
	}
}

func TestAskedCovers(t *testing.T) {
	had := smart.ParseAsked("openid offline_access patient/*.rs")
	for text, want := range map[string]bool{
		"": true, "openid": true, "patient/Observation.rs": true, lab: true, "patient/*.rs": true,
		"patient/*.cruds": false, "user/Patient.rs": false, "launch/patient": false, "patient/Cheese.rs": false,
	} {
		if got := had.Covers(smart.ParseAsked(text)); got != want {
			t.Errorf("%q covers %q = %v, want %v", had, text, got, want)
		}
	}
	if smart.ParseAsked(lab).Covers(smart.ParseAsked("patient/Observation.rs")) {
		t.Error("one category covers all of them")
	}
}
