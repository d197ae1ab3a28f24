// Package form reads and writes FHIR Questionnaires, decides which of their
// questions are asked, reads what people type into answers, and makes the
// QuestionnaireResponse of them.
//
// What it does not know of a Questionnaire it keeps and writes back as it
// was. It refuses what it could not show: references, questions inside
// questions, groups that repeat inside others that do.
//
// Spec: https://hl7.org/fhir/R4/questionnaire.html,
// https://hl7.org/fhir/R4/questionnaireresponse.html and
// https://hl7.org/fhir/uv/sdc/STU3/ (initialExpression)
package form

import (
	"encoding/json"
	"slices"
)

// Limits of one Questionnaire.
const (
	MaxItems   = 400
	MaxOptions = 200
	MaxDepth   = 6
	MaxText    = 8000      // characters of one text
	MaxBody    = 512 << 10 // bytes
)

// Type is the sort of an item.
type Type string

// The sorts of items.
const (
	Group      Type = "group"
	Display    Type = "display"
	Boolean    Type = "boolean"
	Decimal    Type = "decimal"
	Integer    Type = "integer"
	Date       Type = "date"
	DateTime   Type = "dateTime"
	Time       Type = "time"
	String     Type = "string"
	Long       Type = "text"
	Choice     Type = "choice"
	OpenChoice Type = "open-choice"
	Quantity   Type = "quantity"
	Attachment Type = "attachment"
)

// Types are all of them.
var Types = []Type{Group, Display, Boolean, Decimal, Integer, Date, DateTime, Time, String, Long, Choice, OpenChoice, Quantity, Attachment}

// Asks says whether an item of t is a question.
func (t Type) Asks() bool { return t != Group && t != Display && slices.Contains(Types, t) }

// Chooses says whether a question of t has options.
func (t Type) Chooses() bool { return t == Choice || t == OpenChoice }

// Text is something a person reads, with its translations.
type Text struct {
	Words string
	In    map[string]string // by language tag
}

// Say returns the text in a language: es-MX falls back to es, and all to the
// form's own words.
func (t Text) Say(lang string) string {
	for tag := lang; tag != ""; tag = tag[:max(lastDash(tag), 0)] {
		if s := t.In[tag]; s != "" {
			return s
		}
	}
	return t.Words
}

func lastDash(s string) int {
	for i := len(s) - 1; i > 0; i-- {
		if s[i] == '-' {
			return i
		}
	}
	return -1
}

// Value is one answer, or what one is compared with.
type Value struct {
	Kind    string // boolean, decimal, integer, date, dateTime, time, string, uri, Coding, Quantity, Attachment
	Text    string // as FHIR writes it: a code, a number, an address
	System  string // of a code or a unit
	Unit    string // of a Quantity: its code
	Display string // of a code, a unit or a file: what people read
	Media   string // of a file
	In      map[string]string
}

// Say returns what a person reads of v in a language.
func (v Value) Say(lang string) string {
	switch v.Kind {
	case "Coding":
		if v.Display == "" {
			return v.Text
		}
		return Text{v.Display, v.In}.Say(lang)
	case "Quantity":
		if v.Display != "" {
			return v.Text + " " + v.Display
		}
		if v.Unit != "" {
			return v.Text + " " + v.Unit
		}
	case "Attachment":
		if v.Display != "" {
			return v.Display
		}
	}
	return Text{v.Text, v.In}.Say(lang)
}

// Same says whether v and w are the same answer.
func (v Value) Same(w Value) bool {
	if v.Kind == "Coding" && w.Kind == "Coding" {
		return v.Text == w.Text && (v.System == w.System || v.System == "" || w.System == "")
	}
	n, ok := compare(v, w)
	return ok && n == 0
}

// Key names v among the options of a question, in a form that is sent.
func (v Value) Key() string {
	if v.Kind == "Coding" {
		return v.System + "|" + v.Text
	}
	return v.Text
}

// Option is one answer that a question offers.
type Option struct {
	Value   Value
	Initial bool
	Score   string // its part of the sum, a decimal; empty: none
	Alarm   bool   // somebody has to look at once
	ext     []json.RawMessage
	rest    map[string]json.RawMessage
}

// Operator compares an answer in a condition.
type Operator string

// The operators.
const (
	Exists  Operator = "exists"
	Equal   Operator = "="
	Unequal Operator = "!="
	Above   Operator = ">"
	Below   Operator = "<"
	AtLeast Operator = ">="
	AtMost  Operator = "<="
)

// Operators are all of them.
var Operators = []Operator{Exists, Equal, Unequal, Above, Below, AtLeast, AtMost}

// When is a condition on another question.
type When struct {
	Question string // its link id
	Operator Operator
	Answer   Value
}

// Coding is a code that an item or a form has.
type Coding struct{ System, Code, Display string }

// Item is a question, a group of items, or a text.
type Item struct {
	LinkID    string
	Type      Type
	Text      Text
	Prefix    string
	Codes     []Coding
	Required  bool
	Repeats   bool
	ReadOnly  bool
	Hidden    bool
	MaxLength int
	MinLength int
	Most      int // how often a group that repeats is asked at most; 0: MaxCopies
	Min, Max  *Value
	Unit      *Value // a Coding
	Options   []Option
	ValueSet  string // where the options stand: #id in the form, or an address
	When      []When
	Any       bool // one condition is enough
	Initial   []Value
	Expr      string // initialExpression, FHIRPath
	Control   string // how it is shown, a code of questionnaire-item-control
	Items     []Item

	ext  []json.RawMessage
	rest map[string]json.RawMessage
	of   string // the link id in the form, of a copy: see Unfold
	nth  int
}

// HasCode says whether the item has a code of LOINC.
func (it *Item) HasCode(loinc string) bool {
	return slices.ContainsFunc(it.Codes, func(c Coding) bool { return c.Code == loinc && c.System == LOINC })
}

// Band says what a sum from some number on means.
type Band struct {
	From  int
	Words string
}

// Questionnaire is a form.
type Questionnaire struct {
	ID, URL, Version string
	Status           string // draft, active, retired, unknown
	Title            Text
	About            Text // what it is for
	Codes            []Coding
	Date             string
	Signed           bool // it ends with a signature
	Bands            []Band
	Items            []Item

	contained []json.RawMessage
	ext       []json.RawMessage
	rest      map[string]json.RawMessage
}

// Canonical returns the address of the very version.
func (q *Questionnaire) Canonical() string {
	if q.Version == "" {
		return q.URL
	}
	return q.URL + "|" + q.Version
}

// Each calls fn with every item and its depth from 0, in the order of the
// form, until fn says false.
func (q *Questionnaire) Each(fn func(it *Item, depth int) bool) {
	var walk func(list []Item, depth int) bool
	walk = func(list []Item, depth int) bool {
		for i := range list {
			if !fn(&list[i], depth) || !walk(list[i].Items, depth+1) {
				return false
			}
		}
		return true
	}
	walk(q.Items, 0)
}

// Item returns the item of a link id, nil where there is none.
func (q *Questionnaire) Item(link string) (found *Item) {
	q.Each(func(it *Item, _ int) bool {
		if it.LinkID == link {
			found = it
		}
		return found == nil
	})
	return found
}

// LOINC is the system of its codes.
const LOINC = "http://loinc.org"
