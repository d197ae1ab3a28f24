package form

import (
	"encoding/json"
	"fmt"
)

// Body returns q as FHIR JSON, with what Parse did not know where it was.
func (q *Questionnaire) Body() ([]byte, error) {
	m := map[string]any{}
	for k, v := range q.rest {
		m[k] = v
	}
	m["resourceType"], m["status"] = "Questionnaire", q.Status
	put(m, map[string]string{"id": q.ID, "url": q.URL, "version": q.Version, "date": q.Date})
	q.Title.set(m, "title")
	q.About.set(m, "description")
	if len(q.Codes) > 0 {
		m["code"] = coded(q.Codes)
	}
	if len(q.contained) > 0 {
		m["contained"] = q.contained
	}
	ext := others(q.ext)
	if q.Signed {
		ext = append(ext, map[string]any{"url": signedURL, "valueCodeableConcept": map[string]any{"coding": []any{
			map[string]any{"system": signatures, "code": author, "display": "Author's Signature"},
		}}})
	}
	for _, b := range q.Bands {
		ext = append(ext, map[string]any{"url": bandURL, "extension": []any{
			map[string]any{"url": "from", "valueInteger": b.From}, map[string]any{"url": "words", "valueString": b.Words},
		}})
	}
	if len(ext) > 0 {
		m["extension"] = ext
	}
	if len(q.Items) > 0 {
		m["item"] = written(q.Items)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("form: write: %w", err)
	}
	return body, nil
}

func written(items []Item) []any {
	list := make([]any, len(items))
	for i := range items {
		list[i] = items[i].written()
	}
	return list
}

func (it *Item) written() map[string]any {
	m := map[string]any{}
	for k, v := range it.rest {
		m[k] = v
	}
	m["linkId"], m["type"] = it.LinkID, string(it.Type)
	it.Text.set(m, "text")
	put(m, map[string]string{"prefix": it.Prefix})
	if len(it.Codes) > 0 {
		m["code"] = coded(it.Codes)
	}
	for k, on := range map[string]bool{"required": it.Required && it.Type != Display, "repeats": it.Repeats && it.Type != Display, "readOnly": it.ReadOnly && it.Type.Asks()} {
		if on {
			m[k] = true
		}
	}
	if it.MaxLength > 0 && it.Type.Asks() {
		m["maxLength"] = it.MaxLength
	}
	if ext := it.extensions(); len(ext) > 0 {
		m["extension"] = ext
	}
	it.writeChoices(m)
	if len(it.When) > 0 {
		var when []any
		for _, w := range it.When {
			c := map[string]any{"question": w.Question, "operator": string(w.Operator)}
			w.Answer.set(c, "answer")
			when = append(when, c)
		}
		m["enableWhen"] = when
		if len(it.When) > 1 { // §que-12
			m["enableBehavior"] = map[bool]string{true: "any", false: "all"}[it.Any]
		}
	}
	if len(it.Items) > 0 {
		m["item"] = written(it.Items)
	}
	return m
}

// writeChoices writes the options of a question and what it begins with.
func (it *Item) writeChoices(m map[string]any) {
	if it.ValueSet != "" {
		m["answerValueSet"] = it.ValueSet
	}
	var options []any
	for _, o := range it.Options {
		if it.ValueSet != "" { // they stand there
			break
		}
		c := map[string]any{}
		for k, v := range o.rest {
			c[k] = v
		}
		o.Value.set(c, "value")
		ext := others(o.ext)
		if v, ok := c["valueCoding"].(map[string]any); ok && o.Score != "" {
			v["extension"] = []any{map[string]any{"url": ordinalURL, "valueDecimal": json.Number(o.Score)}}
		} else if o.Score != "" {
			ext = append(ext, map[string]any{"url": ordinalURL, "valueDecimal": json.Number(o.Score)})
		}
		if o.Alarm {
			ext = append(ext, map[string]any{"url": alarmURL, "valueBoolean": true})
		}
		if len(ext) > 0 {
			c["extension"] = ext
		}
		if o.Initial {
			c["initialSelected"] = true
		}
		options = append(options, c)
	}
	if options != nil {
		m["answerOption"] = options
	}
	var initial []any
	for _, v := range it.Initial {
		c := map[string]any{}
		v.set(c, "value")
		initial = append(initial, c)
	}
	if initial != nil {
		m["initial"] = initial
	}
}

func (it *Item) extensions() []any {
	ext := others(it.ext)
	limit := func(url string, v *Value) {
		if v != nil {
			e := map[string]any{"url": url}
			v.set(e, "value")
			ext = append(ext, e)
		}
	}
	limit(minValueURL, it.Min)
	limit(maxValueURL, it.Max)
	if it.Most > 0 {
		ext = append(ext, map[string]any{"url": maxOccursURL, "valueInteger": it.Most})
	}
	if it.MinLength > 0 {
		ext = append(ext, map[string]any{"url": minLengthURL, "valueInteger": it.MinLength})
	}
	if it.Hidden {
		ext = append(ext, map[string]any{"url": hiddenURL, "valueBoolean": true})
	}
	if it.Unit != nil {
		ext = append(ext, map[string]any{"url": unitURL, "valueCoding": it.Unit.coding()})
	}
	if it.Control != "" {
		ext = append(ext, map[string]any{"url": controlURL, "valueCodeableConcept": map[string]any{"coding": []any{
			map[string]any{"system": "http://hl7.org/fhir/questionnaire-item-control", "code": it.Control},
		}}})
	}
	if it.Expr != "" {
		ext = append(ext, map[string]any{"url": expressionURL, "valueExpression": map[string]any{"language": "text/fhirpath", "expression": it.Expr}})
	}
	return ext
}

func others(list []json.RawMessage) (ext []any) {
	for _, raw := range list {
		ext = append(ext, raw)
	}
	return ext
}

func put(m map[string]any, texts map[string]string) {
	for k, s := range texts {
		if s != "" {
			m[k] = s
		}
	}
}

// set writes a text and its translations under key.
func (t Text) set(m map[string]any, key string) {
	if t.Words != "" {
		m[key] = t.Words
	}
	if side := spoken(t.In); side != nil {
		m["_"+key] = side
	}
}

func coded(list []Coding) (all []any) {
	for _, c := range list {
		all = append(all, given(map[string]any{"system": c.System, "code": c.Code, "display": c.Display}))
	}
	return all
}
