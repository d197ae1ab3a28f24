package desk

import (
	"math"
	"net/url"
	"testing"

	"hale/internal/care/clinic"
	"hale/internal/reach"
	"hale/internal/reach/journey"
	std "hale/internal/standard/form"
)

// FuzzForms gives anything to the forms that plan an outreach and write the
// step of a journey: what they take has shares that make a whole and hours
// within a day or is refused with a word.
func FuzzForms(f *testing.F) {
	f.Add("share.a=50&share.b=50&day=mon&from=9&to=17&spread=4")
	f.Add("share.a=33.3&share.b=NaN&day=mon&day=mon&from=-1&to=99999999999999999999")
	f.Add("share.0=Inf&to.0=end&holdout=1e9&channel=pigeon&title.en=%00")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		o := reach.Outreach{Variants: []reach.Variant{{Key: "a", Share: 0.5}, {Key: "b", Share: 0.5}}}
		if _, why := parseShares(&o, in); why == "" {
			if sum := o.Variants[0].Share + o.Variants[1].Share; math.Abs(sum-1) > 1e-9 {
				t.Fatalf("shares %v make %v", o.Variants, sum)
			}
		}
		if _, why := parseHours(in, &hoursForm{}); why == "" && len(in["day"]) == 0 {
			t.Fatal("hours without a day are taken")
		}
		fuzzBuilder(t, text)
		var said clinic.Settings
		if readHours(in, &said, &brandView{Days: []brandDay{{Key: "mon", Name: "Monday"}}}) == nil && len(said.Open[1]) > 2 {
			t.Fatalf("a Monday has %v", said.Open[1])
		}
		n := journey.Node{ID: "n", Kind: journey.Reach}
		if readMessage(&n, in); n.Reach.Holdout < 0 || n.Reach.Holdout > 1 {
			t.Fatalf("a share of %v is held out", n.Reach.Holdout)
		}
	})
}

// fuzzBuilder gives text to what the builder of forms reads: what it takes
// makes a form that is written and read again.
func fuzzBuilder(t *testing.T, text string) {
	t.Helper()
	options, err := readOptions(text, nil)
	if err != nil {
		return
	}
	for _, o := range options {
		if o.Value.Say("") == "" {
			t.Fatalf("%q has an option without words", text)
		}
	}
	bands, err := readBands(text)
	if err == nil && len(bandLines(bands)) == 0 && len(bands) > 0 {
		t.Fatalf("%q has bands without words", text)
	}
	q := &std.Questionnaire{Items: []std.Item{{LinkID: "1", Type: std.Choice, Text: std.Text{Words: "x"}, Options: options}}}
	if w, err := readCondition(q, "1", "=", text); err == nil && w.Question != "1" {
		t.Fatalf("a condition asks for %q", w.Question)
	}
}
