package form

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// The codes of a signature by whoever wrote something.
const (
	signatures = "urn:iso-astm:E1762-95:2013"
	author     = "1.2.840.10065.1.12.1.1"
	signedBy   = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-signature"
	storedURL  = "https://hale.example/fhir/questionnaire-stored"
)

// Signature is what somebody typed to sign a form.
type Signature struct {
	Name string
	At   time.Time
	For  string // the name of the patient for whom somebody else signed; empty: it was the patient
}

// Sent is a filled-in form.
type Sent struct {
	ID       string
	Patient  string // Patient.id
	Author   string // a reference; empty: nobody in the record
	At       time.Time
	Language string
	Stored   string // the very version in the record: Questionnaire/id/_history/3
	Sign     *Signature
	Answers  Answers
	Zone     *time.Location // where the clock of whoever answered is; nil: UTC
}

// Response returns s as a QuestionnaireResponse of q: what is not asked is
// left out, and each question keeps its text as it was asked.
func (q *Questionnaire) Response(s Sent) ([]byte, error) {
	asked := q.Asked(s.Answers)
	m := map[string]any{
		"resourceType": "QuestionnaireResponse", "id": s.ID, "status": "completed", "questionnaire": q.Canonical(),
		"subject": map[string]string{"reference": "Patient/" + s.Patient}, "authored": stamp(s.At),
	}
	if s.Author != "" {
		m["author"] = map[string]string{"reference": s.Author}
		m["source"] = map[string]string{"reference": s.Author}
	}
	if s.Language != "" {
		m["language"] = s.Language
	}
	var ext []any
	if s.Stored != "" {
		ext = append(ext, map[string]any{"url": storedURL, "valueUri": s.Stored})
	}
	if s.Sign != nil {
		who := map[string]any{"display": s.Sign.Name}
		if s.Author != "" {
			who["reference"] = s.Author
		}
		sign := map[string]any{
			"type": []any{map[string]string{"system": signatures, "code": author, "display": "Author's Signature"}},
			"when": s.Sign.At.UTC().Format("2006-01-02T15:04:05Z"), "who": who,
		}
		if s.Sign.For != "" {
			sign["onBehalfOf"] = map[string]string{"reference": "Patient/" + s.Patient, "display": s.Sign.For}
		}
		ext = append(ext, map[string]any{"url": signedBy, "valueSignature": sign})
	}
	if ext != nil {
		m["extension"] = ext
	}
	if items := s.answered(q.Items, asked); len(items) > 0 {
		m["item"] = items
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("form: response: %w", err)
	}
	return body, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// place returns v with the zone that a time needs.
func (s Sent) place(v Value) Value {
	if v.Kind != "dateTime" || len(v.Text) != len(local) {
		return v
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	if t, err := time.ParseInLocation(local, v.Text, zone); err == nil {
		v.Text = t.Format(time.RFC3339)
	}
	return v
}

func (s Sent) answered(items []Item, asked map[string]bool) (list []any) {
	for i := range items {
		it := &items[i]
		if !asked[it.LinkID] || it.Type == Display {
			continue
		}
		if it.Type == Group && it.Repeats { // one item for each copy
			list = append(list, s.answered(it.Items, asked)...)
			continue
		}
		m := map[string]any{"linkId": it.Of()}
		if text := it.Text.Say(s.Language); text != "" {
			m["text"] = text
		}
		if it.Type == Group {
			inner := s.answered(it.Items, asked)
			if len(inner) == 0 {
				continue
			}
			m["item"] = inner
			list = append(list, m)
			continue
		}
		var answers []any
		for _, v := range s.Answers[it.LinkID] {
			c := map[string]any{}
			s.place(v).set(c, "value")
			answers = append(answers, c)
		}
		if answers == nil {
			continue
		}
		m["answer"] = answers
		list = append(list, m)
	}
	return list
}

// Line is one line of a filled-in form, to be read.
type Line struct {
	Link    string
	Text    string
	Depth   int
	Group   bool
	Answers []Value
}

// Filled is a QuestionnaireResponse, read.
type Filled struct {
	Questionnaire string // canonical|version
	Stored        string
	Authored      string
	Sign          Signature
	Lines         []Line
}

// Answers returns the answers of f by link id: of a question in a group that
// repeats, those of every copy.
func (f Filled) Answers() Answers {
	a := Answers{}
	for _, l := range f.Lines {
		if len(l.Answers) > 0 {
			a[l.Link] = append(a[l.Link], l.Answers...)
		}
	}
	return a
}

// ParseResponse reads a QuestionnaireResponse as it stands in a record.
func ParseResponse(body []byte) (Filled, error) {
	n, err := fhir.Parse(body)
	if err != nil {
		return Filled{}, fmt.Errorf("form: response: %w", err)
	}
	f := Filled{Questionnaire: n.Child("questionnaire").Text(), Authored: n.Child("authored").Text()}
	for e := range n.Child("extension").Each() {
		switch e.Child("url").Text() {
		case storedURL:
			f.Stored = e.Child("valueUri").Text()
		case signedBy:
			s := e.Child("valueSignature")
			f.Sign.Name, f.Sign.For = s.Get("who", "display").Text(), s.Get("onBehalfOf", "display").Text()
			if at, err := time.Parse(time.RFC3339, s.Child("when").Text()); err == nil {
				f.Sign.At = at
			}
		}
	}
	f.lines(n, 0)
	return f, nil
}

func (f *Filled) lines(n fhir.Node, depth int) {
	var r reader
	for c := range n.Child("item").Each() {
		l := Line{Link: c.Child("linkId").Text(), Text: c.Child("text").Text(), Depth: depth}
		for a := range c.Child("answer").Each() {
			if v := r.value(a, "value"); v.Kind != "" {
				l.Answers = append(l.Answers, v)
			}
		}
		l.Group = len(l.Answers) == 0
		f.Lines = append(f.Lines, l)
		if depth < MaxDepth {
			f.lines(c, depth+1)
			for a := range c.Child("answer").Each() {
				f.lines(a, depth+1)
			}
		}
	}
}

// Score is the sum of a form.
type Score struct {
	Sum    string   // empty: the form has none
	Most   string   // what it could be at most
	Words  string   // what it means
	Whole  bool     // every question that counts was answered
	Alarms []string // link ids of answers that cannot wait
}

// Score adds up the answers that count. A question that counts and was not
// asked or answered leaves the sum without it.
func (q *Questionnaire) Score(a Answers) Score {
	s, sum, most, counts := Score{Whole: true}, decimal.Int(0), decimal.Int(0), false
	asked := q.Asked(a)
	q.Each(func(it *Item, _ int) bool {
		best, scored := decimal.Int(0), false
		for _, o := range it.Options {
			d, ok := decimal.Parse(o.Score)
			if ok {
				if !scored || d.Cmp(best) > 0 {
					best = d
				}
				scored = true
			}
			for _, v := range a[it.LinkID] {
				if asked[it.LinkID] && ok && o.Value.Same(v) {
					sum = sum.Add(d)
				}
			}
		}
		if asked[it.LinkID] && it.Alarming(a[it.LinkID]) {
			s.Alarms = append(s.Alarms, it.LinkID)
		}
		if scored {
			counts, most = true, most.Add(best)
			s.Whole = s.Whole && asked[it.LinkID] && len(a[it.LinkID]) > 0
		}
		return true
	})
	if !counts {
		return Score{Alarms: s.Alarms}
	}
	s.Sum, s.Most = sum.String(), most.String()
	for _, b := range q.Bands {
		if sum.Cmp(decimal.Int(int64(b.From))) >= 0 {
			s.Words = b.Words
		}
	}
	return s
}

// Alarming says whether one of the answers of the question cannot wait.
func (it *Item) Alarming(list []Value) bool {
	return slices.ContainsFunc(it.Options, func(o Option) bool {
		d, ok := decimal.Parse(o.Score)
		return (o.Alarm || ok && d.Sign() > 0 && it.HasCode(selfHarm)) && slices.ContainsFunc(list, o.Value.Same)
	})
}

// Alarms says whether some answer of the form could not wait.
func (q *Questionnaire) Alarms() (could bool) {
	q.Each(func(it *Item, _ int) bool {
		could = could || it.HasCode(selfHarm) || slices.ContainsFunc(it.Options, func(o Option) bool { return o.Alarm })
		return !could
	})
	return could
}

// selfHarm is the question of the PHQ-9 about thoughts of death or of harming
// oneself: any answer but the lowest cannot wait.
const selfHarm = "44260-8"
