// Package reading draws a health summary for people: on a page, behind a
// link, and as a file that one keeps.
package reading

import (
	"time"

	"hale/internal/base/lang"
	"hale/internal/care/summary"
	"hale/internal/standard/fhir"
)

// Person is whose summary it is, as a page says it.
type Person struct{ Name, Born string }

// Whose returns whose content it is.
func Whose(c summary.Content) Person {
	n := c.Who.Node
	return Person{summary.Name(n), birth(n)}
}

func birth(n fhir.Node) string { return n.Get("birthDate").Text() }

// cell is one value of a row with what it is.
type cell struct{ Label, Value string }

// cells are the values of a row after the first, without the empty ones.
func cells(l lang.Lang, s summary.Section, row []string) []cell {
	var list []cell
	for i, v := range row {
		if i == 0 || v == "" || i >= len(s.Head) {
			continue
		}
		list = append(list, cell{l.T(s.Head[i]), Word(l, v)})
	}
	return list
}

// Word says a code of a state in plain words and a day as people write it;
// anything else stays as it is.
func Word(l lang.Lang, code string) string {
	if day, err := time.Parse(time.DateOnly, code); err == nil {
		return l.ShortDate(day)
	}
	switch code {
	case "active", "in-progress", "recurrence", "relapse":
		return l.T("Active")
	case "completed", "finished", "fulfilled":
		return l.T("Done")
	case "stopped", "cancelled", "revoked":
		return l.T("Stopped")
	case "resolved", "inactive", "remission":
		return l.T("Over")
	case "booked", "planned", "proposed", "pending":
		return l.T("Planned")
	case "current":
		return l.T("Current")
	case "on-hold":
		return l.T("Waiting")
	case "not-done":
		return l.T("Not done")
	case "unknown":
		return l.T("Not known")
	}
	return code
}

// first is what a row is about.
func first(l lang.Lang, row []string) string {
	if len(row) == 0 || row[0] == "" {
		return l.T("Not named")
	}
	return row[0]
}
