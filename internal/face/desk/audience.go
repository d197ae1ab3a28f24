package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/reach/segment"
)

// audience is a segment as the form shows it: every group must hold, and a
// group holds when one of its lines does. Any condition can be written so.
type audience struct {
	Groups []group
}

// group is lines of which one must hold.
type group struct{ Lines []line }

// line is one condition of the form.
type line struct {
	N      int    // its number in the form
	Kind   string // has, code, age, sex, lang, city, signed, fact
	Not    bool
	Value  string // the ingredient, sex, language, city or sign-in
	Months int    // has, code: within so many; 0 is ever
	Min    string // age, as typed
	Max    string
	Type   string // code: Condition
	Code   string // code: http://snomed.info/sct|44054006
	Label  string // code: in words
	Word   string // fact: what it is asked for
	Op     string // fact: at least, below
	Number string // fact, as typed
	Days   string
	Err    string
}

// The bounds of a form; a segment beyond them is no audience anyone can read.
const (
	maxLines = 24
	maxText  = 120
	maxAge   = 130
)

// codeTypes are the resources a line may look for by code.
func codeTypes() []option {
	return []option{{"Condition", "Condition"}, {"Procedure", "Procedure"}, {"MedicationRequest", "Medicine"},
		{"Observation", "Test result"}, {"Immunization", "Vaccine"}}
}

// option is one choice of a select.
type option struct{ Value, Text string }

// monthOptions are how far back a line may look.
func monthOptions(cur int) []option {
	list := []option{{"0", "ever"}}
	months := []int{1, 3, 6, 12, 18, 24, 36, 60}
	if cur > 0 && !slices.Contains(months, cur) {
		months = append(months, cur)
		slices.Sort(months)
	}
	for _, m := range months {
		list = append(list, option{strconv.Itoa(m), "in the last " + counted(m, "month", "months")})
	}
	return list
}

// fromExpr turns a segment into a form. It fails where the segment has a
// shape the form cannot show.
func fromExpr(e segment.Expr) (audience, bool) {
	var a audience
	parts := e.All
	if len(parts) == 0 {
		if isEveryone(e) {
			return a, true
		}
		parts = []segment.Expr{e}
	}
	n := 0
	for _, p := range parts {
		alternatives := p.Any
		if len(alternatives) == 0 {
			alternatives = []segment.Expr{p}
		}
		var g group
		for _, x := range alternatives {
			l, ok := fromLeaf(x)
			if !ok {
				return audience{}, false
			}
			l.N = n
			n++
			g.Lines = append(g.Lines, l)
		}
		a.Groups = append(a.Groups, g)
	}
	return a, n <= maxLines
}

func isEveryone(e segment.Expr) bool {
	return e.Everyone()
}

// fromLeaf turns one condition, perhaps negated, into a line.
func fromLeaf(e segment.Expr) (line, bool) {
	if e.Not != nil {
		l, ok := fromLeaf(*e.Not)
		ok = ok && !l.Not
		l.Not = true
		return l, ok
	}
	switch {
	case e.Has != nil && e.Has.Concept != "":
		return line{Kind: "has", Value: e.Has.Concept, Months: e.Has.Months}, true
	case e.Has != nil:
		codes := e.Has.Query["code"]
		if e.Has.Type == "Immunization" {
			codes = e.Has.Query["vaccine-code"]
		}
		l := line{Kind: "code", Type: e.Has.Type, Label: e.Has.Label, Months: e.Has.Months}
		if len(codes) != 1 || len(e.Has.Query) != 1 {
			return l, false
		}
		l.Code = codes[0]
		return l, true
	case e.Age != nil:
		return line{Kind: "age", Min: zeroBlank(e.Age.Min), Max: zeroBlank(e.Age.Max)}, true
	case e.Sex != "":
		return line{Kind: "sex", Value: e.Sex}, true
	case e.Lang != "":
		return line{Kind: "lang", Value: e.Lang}, true
	case e.City != "":
		return line{Kind: "city", Value: e.City}, true
	case e.SignedIn != "":
		return line{Kind: "signed", Value: e.SignedIn}, true
	case e.Fact != nil:
		f := e.Fact
		return line{Kind: "fact", Value: f.Key, Word: f.Value, Op: f.Op, Number: strconv.FormatFloat(f.Number, 'f', -1, 64), Days: zeroBlank(f.Days)}, true
	}
	return line{}, false
}

func zeroBlank(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// expr turns the form into a segment. It marks the lines that say nothing
// yet; ok is false if there are any.
func (a *audience) expr(known func(concept string) bool) (e segment.Expr, ok bool) {
	ok = true
	for i := range a.Groups {
		var any []segment.Expr
		for j := range a.Groups[i].Lines {
			l := &a.Groups[i].Lines[j]
			leaf, problem := l.leaf(known)
			if l.Err = problem; problem != "" {
				ok = false
				continue
			}
			if l.Not {
				inner := leaf
				leaf = segment.Expr{Not: &inner}
			}
			any = append(any, leaf)
		}
		switch len(any) {
		case 0:
		case 1:
			e.All = append(e.All, any[0])
		default:
			e.All = append(e.All, segment.Expr{Any: any})
		}
	}
	return e, ok
}

// leaf turns a line into a condition, or says what is missing.
func (l line) leaf(known func(string) bool) (segment.Expr, string) {
	switch l.Kind {
	case "has":
		if !known(l.Value) {
			return segment.Expr{}, "Hale does not know this ingredient. Remove the line and choose another."
		}
		return segment.Expr{Has: &segment.Has{Concept: l.Value, Months: l.Months}}, ""
	case "code":
		return l.code()
	case "age":
		return l.age()
	case "sex":
		if l.Value != "female" && l.Value != "male" {
			return segment.Expr{}, "Choose one."
		}
		return segment.Expr{Sex: l.Value}, ""
	case "lang":
		if l.Value == "" {
			return segment.Expr{}, "Choose a language."
		}
		return segment.Expr{Lang: l.Value}, ""
	case "city":
		if l.Value == "" {
			return segment.Expr{}, "Write the name of the city as it stands in the record."
		}
		return segment.Expr{City: l.Value}, ""
	case "fact":
		return l.fact()
	case "signed":
		if !slices.ContainsFunc(signedOptions(), func(o option) bool { return o.Value == l.Value }) {
			return segment.Expr{}, "Choose one."
		}
		return segment.Expr{SignedIn: l.Value}, ""
	}
	return segment.Expr{}, "Remove this line."
}

// fact turns a line about a fact into a condition.
func (l line) fact() (segment.Expr, string) {
	s, ok := segment.SortOf(l.Value)
	f := segment.Fact{Key: l.Value}
	if !ok {
		return segment.Expr{}, "Remove this line."
	}
	if s.Value != "" {
		f.Value = l.Word
		if f.Value == "" && !s.Any {
			return segment.Expr{}, "Fill in: " + s.Value + "."
		}
	}
	if s.Number {
		n, err := strconv.ParseFloat(strings.ReplaceAll(l.Number, ",", "."), 64)
		if err != nil || n != n || n > 1e9 || n < -1e9 {
			return segment.Expr{}, "Write the value as a number, like 9 or 7.5."
		}
		if f.Op, f.Number = "at least", n; l.Op == "below" {
			f.Op = l.Op
		}
	}
	if s.Days {
		n, err := strconv.Atoi(l.Days)
		if l.Days == "" && s.Ever {
			n, err = 0, nil
		}
		if err != nil || n < 0 || n > 3650 || n == 0 && !s.Ever {
			return segment.Expr{}, "Write how many days, 1 to 3650."
		}
		f.Days = n
	}
	return segment.Expr{Fact: &f}, ""
}

func (l line) age() (segment.Expr, string) {
	low, okLow := parseAge(l.Min)
	high, okHigh := parseAge(l.Max)
	switch {
	case !okLow || !okHigh:
		return segment.Expr{}, "Ages are whole years from 0 to 130."
	case low == 0 && high == 0:
		return segment.Expr{}, "Write the youngest age, the oldest age, or both."
	case high != 0 && low > high:
		return segment.Expr{}, "The youngest age is above the oldest."
	}
	return segment.Expr{Age: &segment.Range{Min: low, Max: high}}, ""
}

func parseAge(text string) (int, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= maxAge
}

func (l line) code() (segment.Expr, string) {
	isType := slices.ContainsFunc(codeTypes(), func(o option) bool { return o.Value == l.Type })
	switch {
	case !isType:
		return segment.Expr{}, "Choose what to look for."
	case l.Code == "":
		return segment.Expr{}, "Write the code, like 44054006 or http://snomed.info/sct|44054006."
	case l.Label == "":
		return segment.Expr{}, "Write in words what the code means, so that others can read the audience."
	}
	param := "code"
	if l.Type == "Immunization" {
		param = "vaccine-code"
	}
	return segment.Expr{Has: &segment.Has{Type: l.Type, Query: map[string][]string{param: {l.Code}}, Label: l.Label, Months: l.Months}}, ""
}

// signedOptions are the ways of having used the portal.
func signedOptions() []option {
	return []option{{"never", "has no portal account"}, {"ever", "has a portal account"},
		{"30d", "signed in within 30 days"}, {"365d", "signed in within a year"}}
}

// parseAudience reads the form. What it does not understand it leaves out;
// it never fails, so that nobody loses a form over one line.
func parseAudience(f url.Values) audience {
	var a audience
	groups := map[string]int{}
	for n := range maxLines {
		at := func(name string) string { return field(f, "l"+strconv.Itoa(n)+"."+name) }
		kind := at("kind")
		if kind == "" {
			continue
		}
		months, err := strconv.Atoi(at("months"))
		if err != nil || months < 0 || months > 1200 {
			months = 0
		}
		l := line{Kind: kind, Not: at("not") == "1", Value: at("value"), Months: months,
			Min: at("min"), Max: at("max"), Type: at("type"), Code: at("code"), Label: at("label"),
			Word: at("word"), Op: at("op"), Number: at("number"), Days: at("days")}
		g, ok := groups[at("group")]
		if !ok {
			g = len(a.Groups)
			groups[at("group")] = g
			a.Groups = append(a.Groups, group{})
		}
		a.Groups[g].Lines = append(a.Groups[g].Lines, l)
	}
	a.number()
	return a
}

// field returns a form's text, trimmed and cut to what fits.
func field(f url.Values, name string) string {
	text := strings.TrimSpace(strings.ToValidUTF8(f.Get(name), ""))
	if r := []rune(text); len(r) > maxText {
		text = strings.TrimSpace(string(r[:maxText]))
	}
	return text
}

// number gives the lines their numbers in the order they are read.
func (a *audience) number() {
	n := 0
	for i := range a.Groups {
		for j := range a.Groups[i].Lines {
			a.Groups[i].Lines[j].N = n
			n++
		}
	}
}

// lines returns how many conditions there are.
func (a *audience) lines() int {
	n := 0
	for _, g := range a.Groups {
		n += len(g.Lines)
	}
	return n
}

// edit applies what a button of the form asks for: and, or.2, drop.5. It
// says whether do was such a button. what is the kind of line to add, with
// the ingredient behind a colon.
func (a *audience) edit(do string, f url.Values) bool {
	verb, arg, _ := strings.Cut(do, ".")
	at, err := strconv.Atoi(arg)
	switch verb {
	case "and":
		a.add(-1, field(f, "add"))
	case "or":
		if err == nil && at >= 0 && at < len(a.Groups) {
			a.add(at, field(f, "add."+arg))
		}
	case "drop":
		if err == nil {
			a.drop(at)
		}
	default:
		return false
	}
	a.number()
	return true
}

// add appends a line of kind what to group at, or to a new group.
func (a *audience) add(at int, what string) {
	if a.lines() >= maxLines {
		return
	}
	kind, value, _ := strings.Cut(what, ":")
	switch kind {
	case "has", "code", "age", "sex", "lang", "city", "signed", "fact":
	default:
		return
	}
	if at < 0 {
		at = len(a.Groups)
		a.Groups = append(a.Groups, group{})
	}
	l := line{Kind: kind, Value: value}
	if kind == "fact" {
		l.Days = "90"
	}
	a.Groups[at].Lines = append(a.Groups[at].Lines, l)
}

// drop removes line n, and its group if that is empty then.
func (a *audience) drop(n int) {
	for i := range a.Groups {
		g := &a.Groups[i]
		g.Lines = slices.DeleteFunc(g.Lines, func(l line) bool { return l.N == n })
	}
	a.Groups = slices.DeleteFunc(a.Groups, func(g group) bool { return len(g.Lines) == 0 })
}
