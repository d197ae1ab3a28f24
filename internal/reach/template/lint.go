package template

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
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

// Rules are what the linter knows of the clinic.
type Rules struct {
	Clinic  string   // as its messages name it
	Address string   // postal, which e-mails of offers have to show
	Host    string   // of its links
	Samples []string // texts that the carriers were told of (10DLC); none: not compared
	Cents   float64  // what one text costs, in cents; 0: not known
	Langs   []string // to be written in; empty: en and es
}

// Lint returns what has to change before t may be used for purpose.
func (t Template) Lint(purpose policy.Purpose) []Problem {
	return slices.DeleteFunc(t.Review(purpose, Rules{}), func(p Problem) bool { return p.Severity != Error })
}

// Review returns what has to change and what had better, the former first,
// each with its place and what to do.
func (t Template) Review(purpose policy.Purpose, rules Rules) []Problem {
	l := &linter{t: t, purpose: purpose, rules: rules}
	if t.Sensitivity < policy.S0 || t.Sensitivity > policy.S4 {
		l.add(Error, "class", "", "The level is from 0 to 4.", "Choose what the message gives away.")
		return l.list
	}
	if t.Sensitivity < purpose.Sensitivity {
		l.add(Error, "class", "", fmt.Sprintf("%s is treated as level %d at least; this says level %d.", purpose.Name, purpose.Sensitivity, t.Sensitivity), "Choose a higher level.")
	}
	seen := map[string]bool{}
	for _, p := range t.Parts {
		l.part, l.in = p.Channel+"/"+p.Lang, ""
		if seen[l.part] {
			l.add(Error, "twice", "", "There are two of these.", "Delete one.")
		}
		seen[l.part] = true
		l.check(p)
	}
	l.part, l.in = "", ""
	l.extras()
	l.languages()
	slices.SortStableFunc(l.list, func(a, b Problem) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return l.list
}

func rank(s Severity) int {
	if s == Error {
		return 0
	}
	return 1
}

// linter looks at one template.
type linter struct {
	t       Template
	purpose policy.Purpose
	rules   Rules
	part    string // that is looked at
	in      string
	text    string
	list    []Problem
}

// add adds a problem; at is the words it is about, in the text looked at.
func (l *linter) add(s Severity, rule, at, words, fix string) {
	p := Problem{Part: l.part, In: l.in, Rule: rule, Severity: s, Words: words, Fix: fix}
	if i := strings.Index(l.text, at); at != "" && i >= 0 {
		f := (&source{l.text}).fault(pos(i), "", "")
		p.Line, p.Col = f.Line, f.Col
	}
	l.list = append(l.list, p)
}

// check looks at one part.
func (l *linter) check(p Part) {
	l.text = ""
	if p.Channel != Page && p.Channel != Email && p.Channel != SMS {
		l.add(Error, "channel", "", "A part is for the page, for email or for texts.", "Delete it.")
		return
	}
	if p.Lang == "" {
		l.add(Error, "language", "", "Say which language it is in.", "")
	}
	if strings.TrimSpace(p.Body) == "" {
		l.add(Error, "empty", "", "It is empty.", "Write it, or delete it.")
	}
	if p.Channel != SMS && strings.TrimSpace(p.Subject) == "" {
		l.add(Error, "title", "", "It needs a title.", "Write what it is, in a few words.")
	}
	if strings.ContainsAny(p.Subject+p.Preview, "\r\n") {
		l.add(Error, "title", "", "A title is one line.", "")
	}
	for i, text := range []string{p.Subject, p.Body, p.Preview} {
		l.in, l.text = [...]string{"title", "", "preview"}[i], text
		body, r, err := l.t.read(p, i, map[string]bool{})
		if f, ok := FaultOf(err); ok {
			rule := "language"
			if r == nil && strings.Contains(f.Words, "may stand") {
				rule = "minimum_necessary"
			}
			l.list = append(l.list, Problem{Part: l.part, In: l.in, Line: f.Line, Col: f.Col, Rule: rule, Severity: Error, Words: f.Words + ".", Fix: f.Fix})
			continue
		}
		l.words(p, i, body)
		if i == inBody {
			l.body(p, body, r)
		}
	}
}

// limit is the class up to which fields may stand in a part for channel.
func (t Template) limit(channel string) policy.Class {
	if channel == SMS && t.Sensitivity > policy.S1 {
		return policy.S0 // a text carries a notice of these
	}
	return t.Sensitivity
}

// extras looks at the fields that somebody brings along.
func (l *linter) extras() {
	l.text = ""
	for _, f := range l.t.Extra {
		_, taken := scope{fields: everywhere}.find(f.Name)
		switch {
		case taken:
			l.add(Error, "field", "", fmt.Sprintf("The field %s is there already.", f.Name), "Give it another name.")
		case !fieldName.MatchString(f.Name):
			l.add(Error, "field", "", fmt.Sprintf("%q is no name for a field.", f.Name), "Use small letters, digits and _.")
		case f.Type == List:
			l.add(Error, "field", "", fmt.Sprintf("%s cannot be a list.", f.Name), "")
		case f.Class < policy.S0 || f.Class > policy.S4:
			l.add(Error, "field", "", fmt.Sprintf("Say what %s gives away, from 0 to 4.", f.Name), "")
		}
	}
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?$`)

// languages asks for the page, and for all it should be written in.
func (l *linter) languages() {
	l.text = ""
	has := func(channel, tag string) bool {
		return slices.ContainsFunc(l.t.Parts, func(p Part) bool { return p.Channel == channel && (tag == "" || p.Lang == tag) })
	}
	if !has(Page, "") {
		l.add(Error, "page", "", "Write the page that the link opens.", "")
		return
	}
	wanted := l.rules.Langs
	if len(wanted) == 0 {
		wanted = []string{"en", "es"}
	}
	for _, tag := range wanted {
		if !has(Page, tag) {
			l.add(Warning, "language_missing", "", fmt.Sprintf("There is no %s version: who reads it gets another language.", languageName(tag)), "Write the page in "+languageName(tag)+", too.")
			continue
		}
		for _, channel := range []string{Email, SMS} {
			if has(channel, "") && !has(channel, tag) {
				l.part = channel + "/" + tag
				l.add(Warning, "language_missing", "", fmt.Sprintf("There are words of its own in another language, and none in %s: the usual ones go out.", languageName(tag)), "Write them in "+languageName(tag)+", or take the others away.")
				l.part = ""
			}
		}
	}
}

func languageName(tag string) string {
	switch tag {
	case "en":
		return "English"
	case "es":
		return "Spanish"
	}
	return tag
}
