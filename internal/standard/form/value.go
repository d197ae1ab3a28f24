package form

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"hale/internal/standard/decimal"
	"hale/internal/standard/fhir"
)

// kinds are the endings of value[x] that are understood.
var kinds = []string{"boolean", "decimal", "integer", "date", "dateTime", "time", "string", "uri", "Coding", "Quantity", "Attachment"}

// key returns the key of v in an object whose choice is called name.
func (v Value) key(name string) string { return name + strings.ToUpper(v.Kind[:1]) + v.Kind[1:] }

// value reads the choice called name in n: valueCoding, answerBoolean.
func (r *reader) value(n fhir.Node, name string) Value {
	for _, k := range kinds {
		c, side := n.Pair(Value{Kind: k}.key(name))
		if !c.Exists() {
			continue
		}
		v := Value{Kind: k, Text: c.Text()}
		switch k {
		case "Coding":
			v = coding(c)
		case "Quantity":
			v = Value{Kind: k, Text: c.Child("value").Text(), System: c.Child("system").Text(), Unit: c.Child("code").Text(), Display: c.Child("unit").Text()}
		case "Attachment":
			v = Value{Kind: k, Text: c.Child("url").Text(), Media: c.Child("contentType").Text(), Display: c.Child("title").Text()}
		default:
			v.In = translations(side)
		}
		if !v.sound() {
			r.bad(c, "", "This is no value of its sort.")
		}
		return v
	}
	return Value{}
}

func coding(c fhir.Node) Value {
	display, side := c.Pair("display")
	return Value{Kind: "Coding", Text: c.Child("code").Text(), System: c.Child("system").Text(), Display: display.Text(), In: translations(side)}
}

// sound says whether the text of v is one of its kind.
func (v Value) sound() bool {
	switch v.Kind {
	case "boolean":
		return v.Text == "true" || v.Text == "false"
	case "integer":
		d, ok := decimal.Parse(v.Text)
		_, whole := d.Int64()
		return ok && whole
	case "decimal", "Quantity":
		_, ok := decimal.Parse(v.Text)
		return ok
	case "date", "dateTime":
		_, err := fhir.ParseDate(v.Text)
		return err == nil
	case "time":
		return isTime(v.Text)
	}
	return len(v.Text) <= MaxText*4
}

func isTime(s string) bool {
	if len(s) != 8 || s[2] != ':' || s[5] != ':' {
		return false
	}
	for i, c := range s {
		if i != 2 && i != 5 && (c < '0' || c > '9') {
			return false
		}
	}
	return s[:2] < "24" && s[3:5] < "60" && s[6:] < "60"
}

// compare returns -1, 0 or 1 for v below, equal to or above w, and whether
// the two can be compared at all.
func compare(v, w Value) (int, bool) {
	number := func(v Value) bool { return v.Kind == "decimal" || v.Kind == "integer" || v.Kind == "Quantity" }
	moment := func(v Value) bool { return v.Kind == "date" || v.Kind == "dateTime" }
	switch {
	case number(v) && number(w):
		a, ok := decimal.Parse(v.Text)
		b, also := decimal.Parse(w.Text)
		if !ok || !also || v.Unit != "" && w.Unit != "" && v.Unit != w.Unit {
			return 0, false
		}
		return a.Cmp(b), true
	case moment(v) && moment(w):
		a, err := fhir.ParseDate(placed(v.Text))
		b, also := fhir.ParseDate(placed(w.Text))
		if err != nil || also != nil {
			return 0, false
		}
		return a.Low.Compare(b.Low), true
	case v.Kind == "Coding" || w.Kind == "Coding":
		if v.Kind != w.Kind || v.Text != w.Text || v.System != w.System && v.System != "" && w.System != "" {
			return 0, false
		}
		return 0, true
	case v.Kind == w.Kind:
		return strings.Compare(v.Text, w.Text), true
	}
	return 0, false
}

// placed gives a time without a zone one, so that it can be compared.
func placed(s string) string {
	if len(s) == len(local) {
		return s + "Z"
	}
	return s
}

// set writes v into an object under the choice called name.
func (v Value) set(m map[string]any, name string) {
	key := v.key(name)
	switch v.Kind {
	case "":
	case "boolean":
		m[key] = v.Text == "true"
	case "decimal", "integer":
		m[key] = json.Number(v.Text)
	case "Coding":
		m[key] = v.coding()
	case "Quantity":
		m[key] = given(map[string]any{"value": json.Number(v.Text), "unit": v.Display, "system": v.System, "code": v.Unit})
	case "Attachment":
		m[key] = given(map[string]any{"url": v.Text, "contentType": v.Media, "title": v.Display})
	default:
		m[key] = v.Text
		if side := spoken(v.In); side != nil {
			m["_"+key] = side
		}
	}
}

func (v Value) coding() map[string]any {
	m := given(map[string]any{"system": v.System, "code": v.Text, "display": v.Display})
	if side := spoken(v.In); side != nil {
		m["_display"] = side
	}
	return m
}

// given leaves out the empty texts.
func given(m map[string]any) map[string]any {
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == "" })
	return m
}

// spoken returns the translations of a text as its extensions; nil: none.
func spoken(in map[string]string) map[string]any {
	if len(in) == 0 {
		return nil
	}
	var list []any
	for _, tag := range slices.Sorted(maps.Keys(in)) {
		list = append(list, map[string]any{"url": translationURL, "extension": []any{
			map[string]any{"url": "lang", "valueCode": tag}, map[string]any{"url": "content", "valueString": in[tag]},
		}})
	}
	return map[string]any{"extension": list}
}
