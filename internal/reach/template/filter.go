package template

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hale/internal/base/lang"
)

// env is what filters need to know of the reader.
type env struct {
	lang lang.Lang
	zone *time.Location
	now  time.Time
}

// filter changes one value.
type filter func(v string, e env) string

// sort is one filter: what it takes and gives.
type sort struct {
	takes []Type // nil: all but lists
	gives Type   // empty: what it took
	args  int    // at most
	least int
	make  func(args []string) (filter, string) // the words: why not
}

// sorts are the filters there are, besides default and require.
func sorts() map[string]sort {
	texts := []Type{Words, Name}
	return map[string]sort{
		"date":       {takes: []Type{Date}, gives: Words, args: 1, make: dates},
		"time":       {takes: []Type{Date}, gives: Words, make: plainly(clock)},
		"money":      {takes: []Type{Money}, gives: Words, make: plainly(money)},
		"phone":      {takes: []Type{Phone}, gives: Words, make: plainly(phoneNumber)},
		"possessive": {takes: texts, gives: Words, make: plainly(possessive)},
		"capitalize": {takes: texts, gives: Words, make: plainly(capitalize)},
		"plural":     {takes: []Type{Number}, gives: Words, args: 2, least: 2, make: plural},
		"truncate":   {takes: texts, gives: Words, args: 2, least: 1, make: truncate},
		"count":      {takes: []Type{List}, gives: Number, make: plainly(func(v string, _ env) string { return v })},
	}
}

func plainly(f filter) func([]string) (filter, string) {
	return func([]string) (filter, string) { return f, "" }
}

// output reads {{ field | filter: "x" | default: "y" }}.
func (p *parser) output(s scope, c piece) (*output, error) {
	toks, err := p.tokens(c)
	if err != nil {
		return nil, err
	}
	if toks[0].kind != 'i' {
		return nil, p.fault(toks[0].at, "Write the name of a field, as in {{ clinic }}.", "no field stands between the braces")
	}
	f, err := p.use(s, toks[0])
	if err != nil {
		return nil, err
	}
	o, typ := &output{ref: f}, f.Type
	for i := 1; toks[i].kind != 0; {
		if toks[i].kind != '|' || toks[i+1].kind != 'i' {
			return nil, p.fault(toks[i].at, `Write {{ first_name | default: "there" }}.`, "after the field stands | and a filter")
		}
		name, args := toks[i+1], []token(nil)
		for i += 2; toks[i].kind == ':' || toks[i].kind == ',' || toks[i].kind == 's' || toks[i].kind == 'n'; i++ {
			if toks[i].kind == 's' || toks[i].kind == 'n' {
				args = append(args, toks[i])
			}
		}
		if typ, err = p.filter(o, typ, name, args); err != nil {
			return nil, err
		}
	}
	return o, p.finish(o, typ, toks[0])
}

// finish gives a value its usual form, and asks what stands for one that is
// missing.
func (p *parser) finish(o *output, typ Type, at token) error {
	switch typ {
	case List:
		return p.fault(at.at, "Go over it with {% for %}, or write {{ "+at.text+" | count }}.", "%s is a list", at.text)
	case Date:
		f, _ := dates(nil)
		o.filters = append(o.filters, f)
	case Money:
		o.filters = append(o.filters, money)
	case Phone:
		o.filters = append(o.filters, phoneNumber)
	}
	if o.Missing && !o.instead && !o.require && p.present[o.list+"/"+o.Name] == 0 {
		n := at.text
		return p.fault(at.at, `Write {{ `+n+` | default: "…" }} for what to say instead, {{ `+n+` | require }} to write to nobody who has none, or put it between {% if `+n+` %} and {% endif %}.`, "some people have no %s", n)
	}
	return nil
}

// filter adds a filter to o and returns the type of what comes out.
func (p *parser) filter(o *output, typ Type, name token, args []token) (Type, error) {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a.text
	}
	switch name.text {
	case "require":
		if len(args) > 0 {
			return typ, p.fault(args[0].at, "Write {{ … | require }}.", "require takes nothing")
		}
		o.require = true
		return typ, nil
	case "default":
		if len(args) != 1 || args[0].kind != 's' {
			return typ, p.fault(name.at, `Write default: "…" with straight quotes.`, "default takes words in quotes")
		}
		o.missing, o.instead = words[0], true
		return typ, nil
	}
	all := sorts()
	s, ok := all[name.text]
	if !ok {
		names := []string{"default", "require"}
		for n := range all {
			names = append(names, n)
		}
		slices.Sort(names)
		fix := "There are: " + strings.Join(names, ", ") + "."
		if near := nearest(name.text, names); near != "" {
			fix = "Did you mean " + near + "?"
		}
		return typ, p.fault(name.at, fix, "there is no filter %q", name.text)
	}
	if !slices.Contains(s.takes, typ) {
		return typ, p.fault(name.at, "It takes: "+typesOf(s.takes)+".", "%s does not fit here, since this is a %s", name.text, typ)
	}
	if len(args) > s.args || len(args) < s.least {
		return typ, p.fault(name.at, "Look it up in the help beside the text.", "%s takes %s", name.text, []string{"nothing after it", "one thing after :", "two things after :"}[max(s.least, min(s.args, 2))])
	}
	f, wrong := s.make(words)
	if wrong != "" {
		return typ, p.fault(args[0].at, wrong, "%s does not know %q", name.text, words[0])
	}
	o.filters = append(o.filters, f)
	if s.gives != "" {
		typ = s.gives
	}
	return typ, nil
}

func typesOf(list []Type) string {
	words := make([]string, len(list))
	for i, t := range list {
		words[i] = string(t)
	}
	return strings.Join(words, ", ")
}

// when reads a date. One without an hour is a day anywhere.
func when(v string, e env) (t time.Time, day bool) {
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t.In(e.zone), false
	}
	t, err := time.Parse(time.DateOnly, v)
	if err != nil {
		return time.Time{}, true
	}
	return t, true
}

// dates writes a day: "Tuesday, November 24" as such, with the year where it
// is not this one; short is Nov 24, 2026, weekday Tue, Nov 24, month November.
func dates(args []string) (filter, string) {
	form := "long"
	if len(args) > 0 {
		form = args[0]
	}
	switch form {
	case "long", "short", "weekday", "month":
	default:
		return nil, "The forms are long, short, weekday and month."
	}
	return func(v string, e env) string {
		t, _ := when(v, e)
		switch {
		case t.IsZero():
			return ""
		case form == "short":
			return e.lang.ShortDate(t)
		case form == "weekday":
			return e.lang.ShortDay(t)
		case form == "month":
			return e.lang.Month(t, e.now)
		case t.Year() != e.now.Year():
			return e.lang.LongDate(t)
		}
		return e.lang.Date(t)
	}, ""
}

// clock writes the time of day; a day has none.
func clock(v string, e env) string {
	t, day := when(v, e)
	if t.IsZero() || day {
		return ""
	}
	return e.lang.Clock(t)
}

// money writes cents as dollars.
func money(v string, e env) string {
	n, err := strconv.Atoi(v)
	if err != nil {
		return ""
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	cents := strconv.Itoa(100 + n%100)[1:]
	return sign + "$" + e.lang.Count(n/100) + "." + cents
}

// phoneNumber writes a number of the North American plan as people do there;
// others stay as they are.
func phoneNumber(v string, _ env) string {
	if len(v) != 12 || !strings.HasPrefix(v, "+1") || strings.Trim(v[1:], "0123456789") != "" {
		return v
	}
	return "(" + v[2:5] + ") " + v[5:8] + "-" + v[8:]
}

// possessive writes whose: Ana’s; in Spanish de Ana.
func possessive(v string, e env) string {
	if e.lang == lang.Spanish {
		return "de " + v
	}
	return v + "’s"
}

// capitalize makes the first letter a large one.
func capitalize(v string, _ env) string {
	r, n := utf8.DecodeRuneInString(v)
	if r == utf8.RuneError {
		return v
	}
	return string(unicode.ToTitle(r)) + v[n:]
}

// plural chooses a word by a number.
func plural(args []string) (filter, string) {
	return func(v string, _ env) string {
		if v == "1" {
			return args[0]
		}
		return args[1]
	}, ""
}

// truncate cuts at so many characters, with what stands for the rest.
func truncate(args []string) (filter, string) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > 1000 {
		return nil, "It takes a number from 1 to 1000."
	}
	end := "…"
	if len(args) > 1 {
		end = args[1]
	}
	return func(v string, _ env) string {
		if utf8.RuneCountInString(v) <= n {
			return v
		}
		runes := []rune(v)
		return strings.TrimRight(string(runes[:max(0, n-utf8.RuneCountInString(end))]), " ") + end
	}, ""
}
