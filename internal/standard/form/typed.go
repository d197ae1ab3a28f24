package form

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// Field returns the name of a question's field in a form that is sent; the
// field for an answer of one's own beside options is Own.
func Field(link string) string { return "q:" + link }

// Own returns the name of the field for an answer that is none of the
// options.
func Own(link string) string { return "own:" + link }

// Other is the key of the option that stands for an answer of one's own.
const Other = "other:"

// Wrong says what is wrong with an answer, in words for the one who typed
// it; Args fill its blanks.
type Wrong struct {
	Say  string
	Args []any
}

func wrong(say string, args ...any) *Wrong { return &Wrong{say, args} }

// maxAnswers is how many answers one question takes.
const maxAnswers = 20

// Read reads what was typed at a question. What is wrong with it is nil
// where nothing is; a missing answer is no matter here.
func (it *Item) Read(typed url.Values) ([]Value, *Wrong) {
	if it.ReadOnly || it.Hidden || !it.Type.Asks() {
		return nil, nil
	}
	var list []Value
	for _, s := range typed[Field(it.LinkID)] {
		s = tidy(s, it.Type == Long)
		if s == "" {
			continue
		}
		if !it.Repeats && len(list) == 1 {
			break
		}
		if len(list) == maxAnswers {
			return list, wrong("Please give fewer answers.")
		}
		if s == Other && it.Type == OpenChoice {
			if s = tidy(typed.Get(Own(it.LinkID)), false); s == "" {
				return list, wrong("Please write your own answer, or choose another one.")
			}
			list = append(list, Value{Kind: "string", Text: s})
			continue
		}
		v, no := it.read(s)
		if no != nil {
			return list, no
		}
		list = append(list, v)
	}
	for _, v := range list {
		if no := it.check(v); no != nil {
			return list, no
		}
	}
	return list, nil
}

// read reads one answer.
func (it *Item) read(s string) (Value, *Wrong) {
	if len(it.Options) > 0 {
		for _, o := range it.Options {
			if o.Value.Key() == s {
				return o.Value, nil
			}
		}
		return Value{}, wrong("Please choose one of the answers.")
	}
	switch it.Type {
	case Boolean:
		if s != "true" && s != "false" {
			return Value{}, wrong("Please choose one of the answers.")
		}
		return Value{Kind: "boolean", Text: s}, nil
	case Integer, Decimal, Quantity:
		return it.number(s)
	case Date:
		return moment(s, "date")
	case DateTime:
		return moment(s, "dateTime")
	case Time:
		if len(s) == 5 {
			s += ":00"
		}
		if !isTime(s) {
			return Value{}, wrong("Please write the time like 14:30.")
		}
		return Value{Kind: "time", Text: s}, nil
	case Attachment:
		return attachment(s)
	}
	return Value{Kind: "string", Text: s}, nil
}

// number reads a number as people write it: 1,5 is 1.5.
func (it *Item) number(s string) (Value, *Wrong) {
	text := strings.ReplaceAll(s, " ", "")
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	d, ok := decimal.Parse(text)
	if !ok || len(text) > 18 || strings.ContainsAny(text, "eE") {
		return Value{}, wrong("Please write a number, like 12.")
	}
	v := Value{Kind: "decimal", Text: d.String()}
	switch it.Type {
	case Integer:
		n, whole := d.Trim().Int64()
		if !whole || n > 1<<31-1 || n < -(1<<31) {
			return Value{}, wrong("Please write a whole number, like 12.")
		}
		v = Value{Kind: "integer", Text: decimal.Int(n).String()}
	case Quantity:
		v.Kind = "Quantity"
		if it.Unit != nil {
			v.System, v.Unit, v.Display = it.Unit.System, it.Unit.Text, it.Unit.Display
		}
	}
	return v, nil
}

// moment reads a date, or a date with a time as a browser sends it. A time
// without a zone gets one where the response is made: see Sent.
func moment(s, kind string) (Value, *Wrong) {
	for _, layout := range [...]string{"2006-01-02", "1/2/2006", "01/02/2006"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 1800 && t.Year() < 2200 {
			return Value{Kind: kind, Text: t.Format("2006-01-02")}, nil
		}
	}
	if kind == "dateTime" {
		for _, layout := range [...]string{"2006-01-02T15:04", local} {
			if t, err := time.Parse(layout, s); err == nil && t.Year() > 1800 && t.Year() < 2200 {
				return Value{Kind: kind, Text: t.Format(local)}, nil
			}
		}
		return Value{}, wrong("Please give the day and the time.")
	}
	return Value{}, wrong("Please give the whole date, like 5/28/1957.")
}

// local is how a time is kept until it has a zone.
const local = "2006-01-02T15:04:05"

// attachment reads what stands for a file that was taken in before:
// DocumentReference/id, its type and its name, with a line each.
func attachment(s string) (Value, *Wrong) {
	parts := strings.SplitN(s, "\t", 3)
	if typ, id := fhir.SplitReference(parts[0]); len(parts) != 3 || typ != "DocumentReference" || !fhir.ValidID(id) {
		return Value{}, wrong("Please choose a photo or a PDF first.")
	}
	return Value{Kind: "Attachment", Text: parts[0], Media: parts[1], Display: parts[2]}, nil
}

// check holds an answer against the limits of its question.
func (it *Item) check(v Value) *Wrong {
	if v.Kind == "string" {
		n := utf8.RuneCountInString(v.Text)
		switch most := it.longest(); {
		case n > most:
			return wrong("That is too long. Please write at most %d letters.", most)
		case n < it.MinLength:
			return wrong("That is too short. Please write at least %d letters.", it.MinLength)
		}
	}
	if it.Min != nil {
		if c, ok := compare(v, *it.Min); ok && c < 0 {
			return wrong("Please check this. The least is %s.", it.Min.Text)
		}
	}
	if it.Max != nil {
		if c, ok := compare(v, *it.Max); ok && c > 0 {
			return wrong("Please check this. The most is %s.", it.Max.Text)
		}
	}
	return nil
}

func (it *Item) longest() int {
	most := 300
	if it.Type == Long {
		most = 4000
	}
	if it.MaxLength > 0 && it.MaxLength < most {
		return it.MaxLength
	}
	return most
}

// Longest is how many letters an answer may have.
func (it *Item) Longest() int { return it.longest() }

// tidy takes out what nobody types: control letters, blanks around.
func tidy(s string, lines bool) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\t', lines && c == '\n':
			return c
		case c < ' ' || c == 0x7f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069:
			return -1
		}
		return c
	}, s)
	return strings.TrimSpace(s)
}

// Typed returns v as it stands in the field of a question: the opposite of
// Read.
func (it *Item) Typed(list []Value) url.Values {
	typed := url.Values{}
	name := Field(it.LinkID)
	for _, v := range list {
		switch {
		case v.Kind == "Attachment":
			typed.Add(name, v.Text+"\t"+v.Media+"\t"+v.Display)
		case it.Type == OpenChoice && v.Kind == "string" && !it.offers(v):
			typed.Add(name, Other)
			typed.Set(Own(it.LinkID), v.Text)
		case len(it.Options) > 0:
			for _, o := range it.Options {
				if o.Value.Same(v) {
					typed.Add(name, o.Value.Key())
					break
				}
			}
		default:
			typed.Add(name, v.Text)
		}
	}
	return typed
}

func (it *Item) offers(v Value) bool {
	for _, o := range it.Options {
		if o.Value.Same(v) {
			return true
		}
	}
	return false
}

// Read reads everything that was typed, without what is wrong. Questions
// that nobody may answer have what they begin with.
func (q *Questionnaire) Read(typed url.Values) Answers {
	a := Answers{}
	q.Each(func(it *Item, _ int) bool {
		if it.ReadOnly || it.Hidden {
			if list := it.Start(); len(list) > 0 {
				a[it.LinkID] = list
			}
			if fixed, _ := it.fixed(typed); len(fixed) > 0 {
				a[it.LinkID] = fixed
			}
			return true
		}
		if list, no := it.Read(typed); no == nil && len(list) > 0 {
			a[it.LinkID] = list
		}
		return true
	})
	return a
}

// fixed reads what the record said at a question that nobody may answer: it
// never comes from a browser.
func (it *Item) fixed(typed url.Values) ([]Value, *Wrong) {
	free := *it
	free.ReadOnly, free.Hidden = false, false
	return free.Read(typed)
}

// Start returns what a question begins with.
func (it *Item) Start() []Value {
	list := it.Initial
	for _, o := range it.Options {
		if o.Initial {
			list = append(list[:len(list):len(list)], o.Value)
		}
	}
	return list
}

// Seen is the name of the field that says which questions the reader had
// before them.
const Seen = "seen"

// Merge returns what was typed before with what was typed on the page now:
// questions that the reader did not see keep what they had, and what nobody
// may answer is not taken from a browser.
func (p Page) Merge(was, now url.Values) url.Values {
	all := url.Values{}
	for k, list := range was {
		all[k] = list
	}
	for _, it := range p.Questions() {
		if it.ReadOnly || !slices.Contains(now[Seen], it.LinkID) {
			continue
		}
		for _, name := range [...]string{Field(it.LinkID), Own(it.LinkID)} {
			delete(all, name)
			if list := now[name]; len(list) > 0 {
				all[name] = slices.Clone(list)
			}
		}
	}
	return all
}

// Check returns what is wrong on a page, by link id: what cannot be read, and
// what is missing.
func (p Page) Check(asked map[string]bool, typed url.Values) map[string]*Wrong {
	all := map[string]*Wrong{}
	for _, it := range p.Questions() {
		if !asked[it.LinkID] || it.ReadOnly {
			continue
		}
		list, no := it.Read(typed)
		if no == nil && it.Required && len(list) == 0 {
			no = wrong("Please answer this.")
		}
		if no != nil {
			all[it.LinkID] = no
		}
	}
	return all
}
