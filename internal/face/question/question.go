// Package question draws the questions of a form: for a patient, for a
// stranger, and for the desk that tries it out.
//
// What is asked is decided on the server: without a script a page that gets
// more questions by its answers is shown once more with them.
package question

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"hale/internal/base/lang"
	"hale/internal/face/web"
	std "hale/internal/standard/form"
)

// Sheet is one page of a form.
type Sheet struct {
	V      web.View
	Form   *std.Questionnaire
	Number int // of the page, from 1
	Typed  url.Values
	Wrong  map[string]*std.Wrong
	Fresh  bool // the answers have brought new questions

	whole *std.Questionnaire // with each group once
	asked map[string]bool
	at    map[string]int // link id → number of the item
	here  map[string]bool
}

// New returns the sheet of a page of a form, with what was typed so far.
// There is none outside the form's pages.
func New(v web.View, q *std.Questionnaire, number int, typed url.Values) (*Sheet, bool) {
	pages := q.Pages()
	if number < 1 || number > len(pages) {
		return nil, false
	}
	form := q
	q = q.Unfold(typed)
	s := &Sheet{V: v, whole: form, Form: q, Number: number, Typed: typed, at: map[string]int{}, here: map[string]bool{}}
	s.asked = q.Asked(q.Read(typed))
	q.Each(func(it *std.Item, _ int) bool {
		s.at[it.LinkID] = len(s.at) + 1
		return true
	})
	for _, it := range s.Page().Questions() {
		s.here[it.LinkID] = true
	}
	return s, true
}

// Page is the page itself.
func (s *Sheet) Page() std.Page { return s.Form.Pages()[s.Number-1] }

// Title is what the page is about.
func (s *Sheet) Title() string {
	if g := s.Page().Group; g != nil && g.Text.Words != "" {
		return s.say(g.Text)
	}
	return s.say(s.Form.Title)
}

func (s *Sheet) say(t std.Text) string { return t.Say(s.V.Lang.Tag()) }

// Next returns the page after number that has something to ask, or 0: then
// the form is through.
func Next(q *std.Questionnaire, typed url.Values, number int) int {
	q = q.Unfold(typed)
	asked := q.Asked(q.Read(typed))
	for i, p := range q.Pages() {
		if i+1 > number && p.Shown(asked) {
			return i + 1
		}
	}
	return 0
}

// Before returns the page before number that has something to ask, or 0.
func Before(q *std.Questionnaire, typed url.Values, number int) int {
	q = q.Unfold(typed)
	asked, last := q.Asked(q.Read(typed)), 0
	for i, p := range q.Pages() {
		if i+1 < number && p.Shown(asked) {
			last = i + 1
		}
	}
	return last
}

// Place returns which of how many pages number is, of those that are shown.
func (s *Sheet) Place() (n, of int) {
	for i, p := range s.Form.Pages() {
		if p.Shown(s.asked) {
			if of++; i+1 <= s.Number {
				n = of
			}
		}
	}
	return n, of
}

// Take reads what came from the page: what is wrong with it, and whether its
// answers bring questions that its reader has not seen.
func (s *Sheet) Take(now url.Values) bool {
	s.Typed = s.Page().Merge(s.Typed, now)
	s.asked = s.Form.Asked(s.Form.Read(s.Typed))
	s.Wrong = s.Page().Check(s.asked, s.Typed)
	for _, it := range s.Page().Questions() {
		if s.asked[it.LinkID] && !it.ReadOnly && !slices.Contains(now[std.Seen], it.LinkID) {
			s.Fresh = true
			delete(s.Wrong, it.LinkID) // nobody has left out what they never saw
		}
	}
	return len(s.Wrong) == 0 && !s.Fresh
}

// Files says whether the page asks for files.
func (s *Sheet) Files() bool {
	return slices.ContainsFunc(s.Page().Questions(), func(it *std.Item) bool { return it.Type == std.Attachment })
}

// asks says whether an item is asked now.
func (s *Sheet) asks(it *std.Item) bool { return s.asked[it.LinkID] }

func (s *Sheet) id(it *std.Item) string { return "q" + strconv.Itoa(s.at[it.LinkID]) }

// wrong says what is wrong with an answer, in the reader's language.
func (s *Sheet) wrong(it *std.Item) string {
	w := s.Wrong[it.LinkID]
	if w == nil {
		return ""
	}
	return s.V.T(w.Say, w.Args...)
}

// mistake is one thing that is wrong, and where.
type mistake struct{ ID, Text, Why string }

// mistakes are those of the page, in its order.
func (s *Sheet) mistakes() (list []mistake) {
	for _, it := range s.Page().Questions() {
		if w := s.wrong(it); w != "" {
			list = append(list, mistake{s.id(it), s.say(it.Text), w})
		}
	}
	return list
}

func (s *Sheet) values(it *std.Item) []string { return s.Typed[std.Field(it.LinkID)] }

func (s *Sheet) first(it *std.Item) string {
	if list := s.values(it); len(list) > 0 {
		return list[0]
	}
	return ""
}

func (s *Sheet) own(it *std.Item) string { return s.Typed.Get(std.Own(it.LinkID)) }

func (s *Sheet) has(it *std.Item, key string) bool { return slices.Contains(s.values(it), key) }

// drops says whether the options of a question are a list to open.
func drops(it *std.Item) bool {
	return !it.Repeats && it.Type == std.Choice && (it.Control == "drop-down" || len(it.Options) > 8)
}

// condition is what the script needs to show and hide an item at once.
type condition struct {
	Q    string `json:"q,omitempty"`
	Op   string `json:"op,omitempty"`
	V    string `json:"v,omitempty"`
	Num  bool   `json:"num,omitempty"`
	Is   bool   `json:"is,omitempty"`   // of a question elsewhere: whether it holds
	Else bool   `json:"else,omitempty"` // it is elsewhere
}

// when returns the conditions of an item for the script, empty where none
// hangs on this page.
func (s *Sheet) when(it *std.Item) string {
	if len(it.When) == 0 {
		return ""
	}
	answers, here := s.Form.Read(s.Typed), false
	var list []condition
	for _, w := range it.When {
		if !s.here[w.Question] {
			list = append(list, condition{Else: true, Is: w.Holds(s.Form.Given(w.Question, answers, s.asked))})
			continue
		}
		here = true
		k := w.Answer.Kind
		list = append(list, condition{Q: w.Question, Op: string(w.Operator), V: w.Answer.Key(), Num: k == "integer" || k == "decimal" || k == "Quantity"})
	}
	if !here {
		return ""
	}
	text, err := json.Marshal(struct {
		Any  bool        `json:"any"`
		When []condition `json:"when"`
	}{it.Any, list})
	if err != nil {
		return ""
	}
	return string(text)
}

// box returns what the input of a question has beside its name and value.
func (s *Sheet) box(it *std.Item) templ.Attributes {
	a := templ.Attributes{"type": "text", "autocomplete": "off"}
	switch it.Type {
	case std.Integer:
		a["inputmode"] = "numeric"
	case std.Decimal, std.Quantity:
		a["inputmode"] = "decimal"
	case std.Date:
		a["type"] = "date"
	case std.DateTime:
		a["type"] = "datetime-local"
	case std.Time:
		a["type"] = "time"
	}
	if it.Type == std.String || it.Type == std.OpenChoice {
		a["maxlength"] = strconv.Itoa(it.Longest())
	}
	for code, fill := range map[string]string{"54125-0": "name", "42077-8": "tel", "76458-9": "email", "21112-8": "bday"} {
		if it.HasCode(code) {
			a["autocomplete"] = fill
		}
	}
	if s.wrong(it) != "" {
		a["aria-invalid"] = "true"
		a["aria-describedby"] = s.id(it) + "-err"
	}
	return a
}

// hint says how many letters or which limits there are, where it helps.
func (s *Sheet) hint(it *std.Item) string {
	switch {
	case it.Min != nil && it.Max != nil:
		return s.V.T("From %s to %s", it.Min.Text, it.Max.Text)
	case it.Repeats && it.Type.Chooses():
		return s.V.T("You may choose more than one.")
	case adds(it):
		return s.V.T("You may give more than one answer.")
	case it.Type == std.Attachment:
		return s.V.T("A photo or a PDF, up to 12 MB. It is kept with your documents at once.")
	}
	return ""
}

func unit(it *std.Item) string {
	if it.Unit == nil {
		return ""
	}
	if it.Unit.Display != "" {
		return it.Unit.Display
	}
	return it.Unit.Text
}

// file is the name of a file that was taken in.
func file(typed string) string {
	var f std.Item
	f.Type, f.LinkID = std.Attachment, "f"
	list, no := f.Read(url.Values{std.Field("f"): {typed}})
	if no != nil || len(list) == 0 {
		return ""
	}
	return list[0].Display
}

// Line is one question with its answers as words.
type Line struct {
	Text    string
	Group   bool
	Answers []string
	Page    int // on which it is asked
	Alarm   bool
}

// Lines returns what was typed, to be read once more before it is sent.
func Lines(l lang.Lang, q *std.Questionnaire, typed url.Values) []Line {
	q = q.Unfold(typed)
	answers := q.Read(typed)
	asked := q.Asked(answers)
	var list []Line
	for i, p := range q.Pages() {
		if !p.Shown(asked) {
			continue
		}
		if p.Group != nil && !p.Group.Repeats {
			list = append(list, Line{Text: p.Group.Text.Say(l.Tag()), Group: true, Page: i + 1})
		}
		var walk func(it *std.Item)
		walk = func(it *std.Item) {
			switch {
			case it.Hidden || !asked[it.LinkID]:
				return
			case it.Copy() > 0:
				list = append(list, Line{Text: nth(l, it), Group: true, Page: i + 1})
			case it.Type.Asks():
				list = append(list, Line{Text: it.Text.Say(l.Tag()), Answers: Words(l, answers[it.LinkID]), Page: i + 1})
			}
			for j := range it.Items {
				walk(&it.Items[j])
			}
		}
		for _, it := range p.Items {
			walk(it)
		}
	}
	return list
}

// Filled returns the lines of a form that came, with q beside it for the
// words in the reader's language.
func Filled(l lang.Lang, q *std.Questionnaire, f std.Filled) []Line {
	var list []Line
	for _, line := range f.Lines {
		text, answers, alarm := line.Text, line.Answers, false
		if it := q.Item(line.Link); it != nil {
			text, alarm = it.Text.Say(l.Tag()), it.Alarming(answers)
			for i, v := range answers {
				for _, o := range it.Options {
					if o.Value.Same(v) {
						answers[i].In, answers[i].Display = o.Value.In, o.Value.Display
					}
				}
			}
		}
		list = append(list, Line{Text: text, Group: line.Group, Answers: Words(l, answers), Alarm: alarm})
	}
	return list
}

// Words returns answers as a person reads them.
func Words(l lang.Lang, list []std.Value) []string {
	var words []string
	for _, v := range list {
		switch {
		case v.Kind == "boolean" && v.Text == "true":
			words = append(words, l.T("Yes"))
		case v.Kind == "boolean":
			words = append(words, l.T("No"))
		case v.Kind == "date" && len(v.Text) == 10:
			words = append(words, day(l, v.Text))
		case v.Kind == "dateTime" && len(v.Text) >= 16:
			words = append(words, l.T("%s at %s", day(l, v.Text[:10]), v.Text[11:16]))
		case v.Kind == "time" && len(v.Text) == 8:
			words = append(words, v.Text[:5])
		default:
			words = append(words, v.Say(l.Tag()))
		}
	}
	return words
}

func day(l lang.Lang, s string) string {
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return l.LongDate(t)
	}
	return s
}

// fixed is what a question says that nobody may answer.
func (s *Sheet) fixed(it *std.Item) []std.Value { return s.Form.Read(s.Typed)[it.LinkID] }

// kind is the sort of box that an option has.
func kind(it *std.Item) string {
	if it.Repeats {
		return "checkbox"
	}
	return "radio"
}
