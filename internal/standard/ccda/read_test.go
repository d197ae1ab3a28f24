package ccda

import (
	"strings"
	"testing"
)

func parsed(t testing.TB, text string) *elem {
	t.Helper()
	e, err := readTree(strings.NewReader(text))
	if err != nil {
		t.Fatalf("what was written is not well formed: %v", err)
	}
	return e
}

// child returns the first child called name.
func (e *elem) child(name string) *elem {
	if e == nil {
		return nil
	}
	for _, k := range e.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// templates are the roots of the templates that e states.
func (e *elem) templates() []string {
	var list []string
	for _, k := range e.kids {
		if k.name == "templateId" {
			list = append(list, k.attrs["root"])
		}
	}
	return list
}

// under returns every element that states the template root.
func (e *elem) under(root string) []*elem {
	var list []*elem
	e.all(func(k, _ *elem) {
		for _, r := range k.templates() {
			if r == root {
				list = append(list, k)
				return
			}
		}
	})
	return list
}

// attr returns an attribute of the element at path.
func (e *elem) attr(name string, path ...string) string {
	for _, p := range path {
		e = e.child(p)
	}
	if e == nil {
		return ""
	}
	return e.attrs[name]
}
