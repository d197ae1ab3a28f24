package template_test

import (
	"strings"
	"testing"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

func TestReview(t *testing.T) {
	es := template.Part{Channel: template.Page, Lang: "es", Subject: "T", Body: "Hola."}
	en := func(body string) []template.Part { return []template.Part{page(body), es} }
	with := func(p template.Part) []template.Part { return append(en("Hello."), p) }
	sms := func(body string) []template.Part {
		return append(with(template.Part{Channel: template.SMS, Lang: "en", Body: body}), template.Part{Channel: template.SMS, Lang: "es", Body: "{{ link }}"})
	}
	mail := func(subject string) []template.Part {
		return append(with(template.Part{Channel: template.Email, Lang: "en", Subject: subject, Body: "Hello."}), template.Part{Channel: template.Email, Lang: "es", Subject: "Hola", Body: "Hola."})
	}
	rules := template.Rules{Clinic: "Riverside Cancer Center", Host: "portal.example.org", Cents: 0.8, Samples: []string{"Riverside: a note from your care team is ready. https://portal.example.org/m/abc Reply STOP to end texts."}}
	tests := []struct {
		name     string
		class    policy.Class
		parts    []template.Part
		rule     string // empty: nothing is found
		severity template.Severity
		line     int
		words    string
	}{
		{name: "calm", class: 2, parts: en("It is time for your visit.\n\nPlease choose a day.")},
		{name: "urgency", class: 2, parts: en("Hello.\nThis is your FINAL NOTICE."), rule: "tone", severity: template.Warning, line: 2, words: "final notice"},
		{name: "critical", class: 2, parts: en("It is critical that you come."), rule: "tone", severity: template.Warning, line: 1, words: "critical"},
		{name: "urgency in Spanish", class: 2, parts: []template.Part{page("Hi."), {Channel: template.Page, Lang: "es", Subject: "T", Body: "Último aviso."}}, rule: "tone", severity: template.Warning, line: 1, words: "ultimo aviso"},
		{name: "shouting", class: 2, parts: en("Please CALL OUR office."), rule: "tone", severity: template.Warning, line: 1, words: "CALL"},
		{name: "an abbreviation is no shouting", class: 2, parts: en("Your MRI is at ten. Reply STOP to end texts.")},
		{name: "exclamations", class: 2, parts: en("Come in today!!"), rule: "tone", severity: template.Warning, line: 1, words: "exclamation"},
		{name: "hard to read", class: 2, parts: en("Notwithstanding considerable organizational transformation, administrative representatives continuously demonstrate extraordinary responsibility."), rule: "grade", severity: template.Warning, words: "grade"},
		{name: "hard to read in Spanish", class: 2, parts: []template.Part{page("Hi."), {Channel: template.Page, Lang: "es", Subject: "T", Body: "Consecuentemente, las representaciones administrativas institucionales extraordinariamente comprometidas recomiendan encarecidamente procedimientos diagnósticos complementarios especializados."}}, rule: "grade", severity: template.Warning, words: "grade"},
		{name: "no Spanish", class: 2, parts: []template.Part{page("Hello.")}, rule: "language_missing", severity: template.Warning, words: "Spanish"},
		{name: "a shortener", class: 2, parts: en("Go to https://bit.ly/3xYz now."), rule: "shortener", severity: template.Error, line: 1, words: "bit.ly"},
		{name: "a shortener without a scheme", class: 2, parts: en("Go to bit.ly/3xYz now."), rule: "shortener", severity: template.Error, words: "bit.ly"},
		{name: "an address in a text", class: 1, parts: sms("See www.example.com/x {{ link }}"), rule: "address", severity: template.Error, words: "example.com"},
		{name: "a subject that tells", class: 2, parts: mail("Your eye exam"), rule: "neutral_subject", severity: template.Warning, words: "eye"},
		{name: "a subject that tells, results", class: 3, parts: mail("Your test results"), rule: "neutral_subject", severity: template.Error, words: "test"},
		{name: "a sender that tells", class: 3, parts: mail("A message for you"), rule: "sender", severity: template.Warning, words: "cancer"},
		{name: "a sign after the link", class: 1, parts: sms("Riverside: a note from your care team is ready: {{ link }}."), rule: "link", severity: template.Warning, words: "after an address"},
		{name: "a character that costs", class: 1, parts: sms("Riverside: a note from your care team is ready 😀 {{ link }}"), rule: "characters", severity: template.Warning, words: "😀"},
		{name: "two texts cost", class: 1, parts: sms("Riverside: a note from your care team is ready. " + strings.Repeat("Please read it. ", 5) + "{{ link }}"), rule: "length", severity: template.Warning, words: "1.6¢"},
		{name: "unlike the samples", class: 1, parts: sms("Big savings on new shoes are waiting {{ link }}"), rule: "registration", severity: template.Warning, words: "carriers"},
		{name: "STOP means something else", class: 1, parts: sms("Riverside: a note from your care team is ready. STOP by today {{ link }}"), rule: "stop", severity: template.Error, words: "STOP"},
		{name: "greets nobody", class: 2, parts: en(`Dear {{ first_name | default: "" }},`), rule: "blank", severity: template.Warning, line: 1, words: "comma"},
		{name: "more than needed", class: 1, parts: sms(`Riverside: {{ last_name | default: "you" }}, a note from your care team is ready {{ link }}`), rule: "minimum_necessary", severity: template.Warning, words: "last name"},
		{name: "above its channel", class: 2, parts: sms(`{{ service | default: "x" }} {{ link }}`), rule: "minimum_necessary", severity: template.Error, line: 1, words: "level 2"},
	}
	purpose := policy.Purpose{Key: "care", Name: "Care"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := template.Template{Sensitivity: tt.class, Parts: tt.parts}.Review(purpose, rules)
			if tt.rule == "" {
				if len(list) > 0 {
					t.Errorf("Review = %+v, want nothing", list)
				}
				return
			}
			for _, p := range list {
				if p.Rule == tt.rule && p.Severity == tt.severity && strings.Contains(p.Words, tt.words) && (tt.line == 0 || p.Line == tt.line) {
					if p.Fix == "" {
						t.Errorf("%+v says not what to do", p)
					}
					return
				}
			}
			t.Errorf("Review = %+v, want %s %s at line %d with %q", list, tt.severity, tt.rule, tt.line, tt.words)
		})
	}
}
