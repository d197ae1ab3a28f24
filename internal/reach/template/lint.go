package template

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"hale/internal/reach/policy"
)

// maxBody is the most a part may hold.
const maxBody = 20_000

// maxSegments is how many segments a text may take with a long name and a
// full link in it.
const maxSegments = 2

// health are beginnings of words that tell of health, in English and
// Spanish, without accents. A text, and the subject of a notice, may hold
// none of them.
var health = regexp.MustCompile(`\b(diabet|a1c|glucos|insulin|blood|sangre|cancer|tumor|oncolog|chemo|quimio|hiv|vih|aids|sida|std|sti|herpes|hepat|` +
	`pregnan|embaraz|matern|prenatal|abort|contracep|anticoncep|fertil|mental|psych|psiqu|psico|depress|depres|anxi|ansied|suicid|therap|terap|counsel|` +
	`addict|adicc|opioid|alcohol|rehab|cardi|heart|corazon|kidney|rinon|renal|dialys|dialis|lung|pulmon|asthma|asma|copd|epoc|stroke|` +
	`eye|ojo|retin|vision|ophthalm|oftalm|optom|mammo|mamog|pap|colono|colorect|prostat|skin|piel|dermat|dental|dentist|ortho|ortop|neuro|pediat|gyneco|ginec|obstet|urolog|` +
	`exam|screen|vacc|vacun|immuni|inmuni|shot|flu|gripe|covid|test|prueba|lab|laborat|result|resultad|biops|x-ray|mri|scan|ultraso|ecogr|` +
	`medic[ai]|prescri|recet|refill|drug|pill|pastill|dose|dosis|pharm|farmac|symptom|sintoma|diagno|disease|enfermedad|condition|infect|pain|dolor|` +
	`weight|peso|obes|bmi|cholest|colest|pressure|presion|hypertens|hipertens|surg|cirug|procedure|procedim|specialist|especialist|overdue|vencid|bill|factura|balance|saldo|payment|pago)`)

// Health returns the first word of text that tells of health, or "".
func Health(text string) string {
	return health.FindString(flat(text))
}

// flat is text in lower case without accents.
func flat(text string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(text)) {
		if r < 0x300 || r > 0x36f {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Lint returns what has to change before t may be used for purpose.
func (t Template) Lint(purpose policy.Purpose) []Problem {
	var list []Problem
	if t.Sensitivity < purpose.Sensitivity {
		list = append(list, Problem{Words: fmt.Sprintf("%s is treated as level %d at least; this says level %d.", purpose.Name, purpose.Sensitivity, t.Sensitivity)})
	}
	if t.Sensitivity < policy.S0 || t.Sensitivity > policy.S4 {
		return append(list, Problem{Words: "The level is from 0 to 4."})
	}
	pages := 0
	seen := map[string]bool{}
	for _, p := range t.Parts {
		name := p.Channel + "/" + p.Lang
		if seen[name] {
			list = append(list, Problem{Part: name, Words: "There are two of these."})
		}
		seen[name] = true
		if p.Channel == Page {
			pages++
		}
		for _, words := range t.lintPart(p) {
			list = append(list, Problem{Part: name, Words: words})
		}
	}
	if pages == 0 {
		list = append(list, Problem{Words: "Write the page that the link opens."})
	}
	return list
}

func (t Template) lintPart(p Part) []string {
	var list []string
	if p.Channel != Page && p.Channel != Email && p.Channel != SMS {
		return []string{"A part is for the page, for email or for texts."}
	}
	if p.Lang == "" {
		list = append(list, "Say which language it is in.")
	}
	if strings.TrimSpace(p.Body) == "" {
		list = append(list, "It is empty.")
	}
	if len(p.Body) > maxBody {
		list = append(list, fmt.Sprintf("It is longer than %d characters.", maxBody))
	}
	if p.Channel != SMS && strings.TrimSpace(p.Subject) == "" {
		list = append(list, "It needs a title.")
	}
	if strings.ContainsAny(p.Subject, "\r\n") {
		list = append(list, "A title is one line.")
	}
	body, err := parse(p.Body)
	if err != nil {
		return append(list, err.Error()+".")
	}
	subject, err := parse(p.Subject)
	if err != nil {
		return append(list, "In the title, "+err.Error()+".")
	}
	list = append(list, t.lintFields(p, body, t.limit(p.Channel))...)
	// A subject shows on locked screens.
	if p.Channel == Email {
		list = append(list, t.lintFields(p, subject, min(t.Sensitivity, policy.S1))...)
	} else {
		list = append(list, t.lintFields(p, subject, t.Sensitivity)...)
	}
	if p.Channel == SMS {
		list = append(list, lintText(body)...)
	}
	return list
}

// limit is the class up to which fields may stand in a part for channel.
func (t Template) limit(channel string) policy.Class {
	if channel == SMS && t.Sensitivity > policy.S1 {
		return policy.S0 // a text carries a notice of these
	}
	return t.Sensitivity
}

func (t Template) lintFields(p Part, nodes []node, limit policy.Class) []string {
	var list []string
	for _, n := range nodes {
		f, ok := field(n.field)
		if !ok || f.Class <= limit {
			continue
		}
		list = append(list, fmt.Sprintf("{{ %s }} is level %d; here only level %d may stand.", f.Name, f.Class, limit))
	}
	return list
}

// lintText holds the rules of texts: a link, no word about health, short.
func lintText(body []node) []string {
	var list []string
	linked := false
	values := map[string]string{"first_name": "Maximiliano", "last_name": "Featherstonehaugh", "clinic": "Riverside Family Medicine", "clinic_phone": "(312) 555-0100", "link": "https://portal.example.org/m/abcdefghijkl"}
	for _, n := range body {
		linked = linked || n.field == "link"
		if n.field != "" {
			continue
		}
		if word := Health(n.text); word != "" {
			list = append(list, fmt.Sprintf("A text may not tell of health: %q… Say it on the page.", word))
		}
	}
	if !linked {
		list = append(list, "A text needs {{ link }}.")
	}
	text, _ := fill(body, values)
	if n, wide := Segments(GSM(withStop(text, "en"))); n > maxSegments {
		why := ""
		if wide {
			why = " because of characters that texts carry badly"
		}
		list = append(list, fmt.Sprintf("It takes %d texts%s; %d are the limit.", n, why, maxSegments))
	}
	return list
}
