package template

import (
	"fmt"
	"strings"

	"hale/internal/reach/policy"
)

// Field is something a text may name.
type Field struct {
	Name    string
	Words   string // for the author
	Class   policy.Class
	Missing bool // some people have none: a text has to say what then
}

// Fields returns every field there is.
func Fields() []Field {
	return []Field{
		{Name: "first_name", Words: "First name", Class: policy.S1, Missing: true},
		{Name: "last_name", Words: "Last name", Class: policy.S1, Missing: true},
		{Name: "service", Words: "What can be booked", Class: policy.S2, Missing: true},
		{Name: "clinic", Words: "Name of the clinic"},
		{Name: "clinic_phone", Words: "Telephone of the clinic"},
		{Name: "link", Words: "The link to the page"},
	}
}

func field(name string) (Field, bool) {
	for _, f := range Fields() {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// node is a piece of a parsed text: words, or a field.
type node struct {
	text    string
	field   string
	missing string // what stands for a field that is missing
	require bool   // without the field there is no message
}

// parse reads {{ name }}, {{ name | default: "there" }} and
// {{ name | require }}.
func parse(text string) ([]node, error) {
	var list []node
	for text != "" {
		before, rest, found := strings.Cut(text, "{{")
		if strings.Contains(before, "}}") {
			return nil, fmt.Errorf("}} stands without {{ before it")
		}
		if before != "" {
			list = append(list, node{text: before})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, fmt.Errorf("{{ stands without }} after it")
		}
		n, err := parseField(inside)
		if err != nil {
			return nil, err
		}
		list, text = append(list, n), after
	}
	return list, nil
}

func parseField(inside string) (node, error) {
	name, filter, has := strings.Cut(inside, "|")
	n := node{field: strings.TrimSpace(name)}
	f, ok := field(n.field)
	if !ok {
		return n, fmt.Errorf("there is no field %q", n.field)
	}
	if !has {
		if f.Missing {
			return n, fmt.Errorf(`some people have no %s: write {{ %s | default: "…" }} or {{ %s | require }}`, f.Name, f.Name, f.Name)
		}
		return n, nil
	}
	filter = strings.TrimSpace(filter)
	if filter == "require" {
		n.require = true
		return n, nil
	}
	value, ok := strings.CutPrefix(filter, "default:")
	value = strings.TrimSpace(value)
	if !ok || len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' || strings.Contains(value[1:len(value)-1], `"`) {
		return n, fmt.Errorf(`after | stands default: "…" or require`)
	}
	n.missing = value[1 : len(value)-1]
	return n, nil
}

// fill writes nodes with values. It returns the name of a required field
// that is missing.
func fill(nodes []node, values map[string]string) (text, missing string) {
	var b strings.Builder
	for _, n := range nodes {
		if n.field == "" {
			b.WriteString(n.text)
			continue
		}
		v := clean(values[n.field])
		if v == "" && n.require {
			return "", n.field
		}
		if v == "" {
			v = n.missing
		}
		b.WriteString(v)
	}
	return b.String(), ""
}

// clean keeps a value on one line and free of what could steer a terminal, a
// header or the direction of writing.
func clean(v string) string {
	v = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff:
			return -1
		}
		return r
	}, v)
	return strings.TrimSpace(v)
}
