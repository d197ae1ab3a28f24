// Package due holds what the record says a patient should have done: vaccines
// that are recommended to them, and steps of their care plan whose time has
// come; and what they said to it.
//
// It decides nothing by itself: a due thing stands in an
// ImmunizationRecommendation or in an activity of a CarePlan that somebody
// wrote, and nowhere else.
//
// Spec: https://hl7.org/fhir/R4/immunizationrecommendation.html, careplan.html
package due

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// Item is one thing that is due, or soon will be.
type Item struct {
	Ref     string // Type/id#what, the same as long as the record says it
	Name    string
	Vaccine bool
	From    time.Time // zero: it does not say
	By      time.Time // zero: it does not say
	Late    bool      // its day is over, or the record calls it overdue
	Why     string    // as the record says it
	Source  string    // the feed that it came by
}

// Focus names the resource that an item stands in.
func (i Item) Focus() string {
	ref, _, _ := strings.Cut(i.Ref, "#")
	return ref
}

// soon is how long before its time a thing is listed.
const soon = 90 * 24 * time.Hour

// The codes of dates of a recommendation.
//
// Spec: https://loinc.org, answers of "vaccines due next"
const (
	earliest = "30981-5"
	dueOn    = "30980-7"
	overdue  = "59778-1"
)

// Vaccines reads the vaccines that are due by an ImmunizationRecommendation.
func Vaccines(id string, n fhir.Node, now time.Time) []Item {
	var list []Item
	for r := range n.Get("recommendation").Each() {
		status := code(r.Get("forecastStatus"))
		if status != "due" && status != "overdue" && status != "eligible" {
			continue
		}
		what := r.Get("vaccineCode").First()
		i := Item{Name: what.Concept(), Vaccine: true, Late: status == "overdue", Why: r.Get("description").Text()}
		if i.Name == "" {
			i.Name = r.Get("targetDisease").Concept()
		}
		for d := range r.Get("dateCriterion").Each() {
			day, ok := d.Get("value").Date()
			if !ok {
				continue
			}
			switch code(d.Get("code")) {
			case earliest:
				i.From = day.Low
			case dueOn:
				i.By = day.Low
			case overdue:
				i.Late = i.Late || now.After(day.Low)
			}
		}
		i.Ref = fmt.Sprintf("ImmunizationRecommendation/%s#%s", id, mark(code(what), i.Name))
		list = append(list, i)
	}
	return open(list, now)
}

// Steps reads the activities of a CarePlan whose time has come. One without a
// time is no due thing.
func Steps(id string, n fhir.Node, now time.Time) []Item {
	if n.Get("status").Text() != "active" {
		return nil
	}
	var list []Item
	for a := range n.Get("activity").Each() {
		d := a.Get("detail")
		if s := d.Get("status").Text(); s != "not-started" || !d.Get("scheduledPeriod").Exists() || d.Get("doNotPerform").Bool() {
			continue
		}
		i := Item{Name: d.Get("code").Concept(), Why: d.Get("description").Text()}
		if i.Name == "" {
			i.Name, i.Why = i.Why, ""
		}
		if day, ok := d.Get("scheduledPeriod", "start").Date(); ok {
			i.From = day.Low
		}
		if day, ok := d.Get("scheduledPeriod", "end").Date(); ok {
			i.By, i.Late = day.Low, now.After(day.High)
		}
		i.Ref = fmt.Sprintf("CarePlan/%s#%s", id, mark(code(d.Get("code")), i.Name))
		list = append(list, i)
	}
	return open(list, now)
}

// open leaves out what has no name, and what is not due for long.
func open(list []Item, now time.Time) []Item {
	return slices.DeleteFunc(list, func(i Item) bool { return i.Name == "" || i.From.After(now.Add(soon)) })
}

func code(n fhir.Node) string {
	for _, c := range n.Codings() {
		if c.Code != "" {
			return c.Code
		}
	}
	return ""
}

// mark tells the things of one resource apart: by their code, else their name.
func mark(code, name string) string {
	if code == "" {
		code = name
	}
	return strings.Join(strings.Fields(code), "-")
}

// Answer is what a patient said to a due thing.
type Answer struct {
	Ref    string
	What   Said
	Day    time.Time // when they had it
	Reason string
	Task   string
	At     time.Time
}

// Said is a sort of answer.
type Said string

// The answers.
const (
	Elsewhere Said = "elsewhere" // they had it somewhere else
	NotNow    Said = "notnow"
	Again     Said = "again" // they want to see it again
)

// Reasons are why somebody does not want a thing now, in order: a code and the
// words.
func Reasons() [][2]string {
	return [][2]string{
		{"later", "I will do it later"}, {"talk", "I want to talk about it first"}, {"effects", "I worry about side effects"},
		{"cost", "I worry about the cost"}, {"no", "I do not want it"},
	}
}

var (
	errDay    = errs.New(errs.Invalid, "Please say on which day you had it. It cannot be in the future.")
	errReason = errs.New(errs.Invalid, "Please choose a reason.")
	errWhat   = errs.New(errs.NotFound, "We could not find that.")
)
