package outline_test

import (
	"strings"
	"testing"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach/outline"
	"hale/internal/reach/policy"
)

const eye = `
name: Eye exams, fall
purpose: care
service: eye-exam
segment:
  all:
    - has: { concept: diabetes }
    - not: { has: { concept: eye-exam, months: 12 } }
    - age: { min: 18, max: 75 }
channels: [sms, email, inbox]
holdout: 0.1
nextAfter: 48h
sensitivity: 2
texts:
  - channel: page
    lang: en
    subject: Time for your eye exam
    body: |
      Hello {{ first_name | default: "there" }},

      it is time for your eye exam.
  - { channel: page, lang: es, subject: Su examen, body: Es hora de su examen de la vista. }
`

func TestRead(t *testing.T) {
	o, err := outline.Read(strings.NewReader(eye))
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "Eye exams, fall" || o.Holdout != 0.1 || o.NextAfter != 48*time.Hour || len(o.Channels) != 3 || len(o.Segment.All) != 3 || o.Segment.All[1].Not.Has.Months != 12 {
		t.Errorf("Read = %+v", o)
	}
	if o.Template.Sensitivity != policy.S2 || len(o.Template.Parts) != 2 || !strings.HasSuffix(o.Template.Parts[0].Body, "eye exam.") {
		t.Errorf("template = %+v", o.Template)
	}
}

func TestReadOffer(t *testing.T) {
	o, err := outline.Read(strings.NewReader("name: x\npurpose: marketing\nexception: refill\nwaits: { sms: 4h }\n"))
	if err != nil || o.Exception != "refill" || o.Paid || o.Waits["sms"] != 4*time.Hour {
		t.Errorf("Read = %+v, %v", o, err)
	}
}

// What is wrong is named with its line.
func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "holds no outreach",
		"- a\n- b":              "holds no outreach",
		"name: x\npurpos: care": "Line 2: purpos is not known",
		"name: x\nsegment:\n  all:\n    - hass: {}": "Line 4: hass is not known",
		"name: x\nholdout: much":                    "Line 2: holdout: a string stands where a number",
		"name: x\nname: y":                          "Line 2: name stands there twice",
		"name: x\nchannels: sms":                    "Line 2: channels: a string stands where a list",
		"name: [":                                   "no YAML",
		"name: x\nnextAfter: soon":                  "48h",
		"name: x\nkind: journey":                    "kind",
		"name: x\n1: y":                             "words",
		"a: &a [1,2]\nb: *a\nname: " + strings.Repeat("x", 1<<20): "1 MiB",
	} {
		if _, err := outline.Read(strings.NewReader(text)); errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Say(err), want) {
			t.Errorf("Read(%.30q) = %v, want %q", text, errs.Say(err), want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(eye)
	f.Add("a: &x {b: *x}")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = outline.Read(strings.NewReader(text)) // it ends, and does not fall over
	})
}
