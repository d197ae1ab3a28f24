package result

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps tables result and goal.
func View() record.Projector {
	return projector{
		results: view.NewTable("result", 2, "patient", "id", "category", "code", "name", "status", "at", "issued", "value", "unit", "said",
			"low", "high", "range_text", "flag", "performer", "note", "parts", "source", "updated_at"),
		goals: view.NewTable("goal", 2, "patient", "id", "code", "said", "low", "high", "updated_at"),
	}
}

type projector struct{ results, goals *view.Table }

// Types says which resources these views come from.
func (projector) Types() []string { return []string{"Observation", "Goal"} }

// Project writes the results and goals of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	results, goals := p.results.Batch(len(batch)), p.goals.Batch(len(batch))
	for _, c := range batch {
		rows, row := results, observation
		if c.Type == "Goal" {
			rows, row = goals, goal
		}
		rows.Leave(c)
		if values := keep(c, row); values != nil {
			rows.Set(values...)
			continue
		}
		if !c.Created {
			rows.Drop(c.Patient, c.ID)
		}
	}
	if err := results.Write(ctx, tx); err != nil {
		return err
	}
	return goals.Write(ctx, tx)
}

func keep(c record.Change, row func(record.Change) []any) []any {
	if c.Deleted || c.Patient == "" {
		return nil
	}
	return row(c)
}

// observation returns the row of a laboratory result or a vital sign, nil for
// what is neither or was a mistake.
func observation(c record.Change) []any {
	n := c.Node
	cat := category(n)
	status := n.Get("status").Text()
	if cat == "" || status == "entered-in-error" || status == "cancelled" {
		return nil
	}
	code, name := coded(n.Get("code"))
	value, unit, said := reading(n)
	low, high, text := limitsOf(n.Get("referenceRange"))
	flag := ""
	for _, f := range n.Get("interpretation").Codings() {
		flag = f.Code
		break
	}
	at := view.At(view.First(n.Get("effectiveDateTime"), n.Get("effectiveInstant"), n.Get("effectivePeriod", "start"), n.Get("issued")))
	return []any{c.Patient, c.ID, cat, code, name, status, at, view.At(n.Get("issued")), value, unit, said,
		low, high, text, flag, clinician.Ref(n.Get("performer")), n.Get("note", "text").Text(), parts(n), view.Source(c), c.At.UnixMicro()}
}

// category returns which of our categories an Observation is in.
func category(n fhir.Node) string {
	for cat := range n.Get("category").Each() {
		for _, c := range cat.Codings() {
			switch c.Code {
			case string(Laboratory), string(Vital):
				return c.Code
			}
		}
	}
	return ""
}

// coded returns the LOINC code of a concept, else its first code, and its
// name.
func coded(n fhir.Node) (code, name string) {
	for _, c := range n.Codings() {
		if code == "" || c.System == "http://loinc.org" {
			code = c.Code
		}
		if c.System == "http://loinc.org" {
			break
		}
	}
	return code, n.Concept()
}

// reading returns a value as a number, nil for none, its unit, and its words.
// A comparator such as < makes it words: less than 0.1 is not 0.1.
func reading(n fhir.Node) (value any, unit, said string) {
	q := n.Get("valueQuantity")
	if v, ok := q.Get("value").Number(); ok {
		if unit = q.Get("code").Text(); unit == "" {
			unit = q.Get("unit").Text()
		}
		if cmp := q.Get("comparator").Text(); cmp != "" {
			return nil, "", cmp + " " + q.Get("value").Text() + " " + q.Get("unit").Text()
		}
		return v, unit, ""
	}
	if c := n.Get("valueCodeableConcept"); c.Exists() {
		return nil, "", view.Plain(c.Concept())
	}
	if v, ok := n.Get("valueInteger").Number(); ok {
		return v, "", ""
	}
	if b := n.Get("valueBoolean").Text(); b != "" {
		return nil, "", map[string]string{"true": "Yes", "false": "No"}[b]
	}
	if s := n.Get("valueString").Text(); s != "" {
		return nil, "", s
	}
	return nil, "", n.Get("dataAbsentReason").Concept()
}

// limitsOf returns the sides of the first reference range for everyone.
func limitsOf(list fhir.Node) (low, high any, text string) {
	for n := range list.Each() {
		if v, ok := n.Get("low", "value").Number(); ok {
			low = v
		}
		if v, ok := n.Get("high", "value").Number(); ok {
			high = v
		}
		return low, high, n.Get("text").Text()
	}
	return nil, nil, ""
}

// parts returns the components as JSON, empty for none.
func parts(n fhir.Node) string {
	var list []Part
	for c := range n.Get("component").Each() {
		var p Part
		p.Code, p.Name = coded(c.Get("code"))
		value, unit, said := reading(c)
		p.Value, p.HasValue = value.(float64)
		p.Unit, p.Said = unit, said
		list = append(list, p)
	}
	if list == nil {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil { // a number that is none; the rest of the result is still of use
		return ""
	}
	return string(text)
}

// goal returns the row of a goal that is being worked on and that names a
// value.
func goal(c record.Change) []any {
	n := c.Node
	switch n.Get("lifecycleStatus").Text() {
	case "accepted", "active", "planned", "on-hold":
	default:
		return nil
	}
	said := n.Get("description").Concept()
	for t := range n.Get("target").Each() {
		code, _ := coded(t.Get("measure"))
		low, high := target(t)
		if code != "" && (low != nil || high != nil) {
			return []any{c.Patient, c.ID, code, said, low, high, c.At.UnixMicro()}
		}
	}
	if high, ok := spoken(said); ok {
		return []any{c.Patient, c.ID, a1cCode, said, nil, high, c.At.UnixMicro()}
	}
	return nil
}

// target returns the sides of a goal's target.
func target(t fhir.Node) (low, high any) {
	if v, ok := t.Get("detailQuantity", "value").Number(); ok {
		switch t.Get("detailQuantity", "comparator").Text() {
		case ">", ">=":
			return v, nil
		}
		return nil, v
	}
	if v, ok := t.Get("detailRange", "low", "value").Number(); ok {
		low = v
	}
	if v, ok := t.Get("detailRange", "high", "value").Number(); ok {
		high = v
	}
	return low, high
}

// spoken reads the one goal that older systems write in words alone:
// "Hemoglobin A1c total in Blood < 7.0".
func spoken(said string) (float64, bool) {
	name, number, ok := strings.Cut(said, "<")
	if !ok || !strings.Contains(strings.ToLower(name), "a1c") {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(number), "%")), 64)
	return v, err == nil && v > 3 && v < 20
}
