package portal

import (
	"slices"
	"strings"
	"time"

	"hale/internal/care/background"
	"hale/internal/care/glossary"
	"hale/internal/care/problem"
	"hale/internal/care/result"
)

// fact is one line of what is known.
type fact struct{ Name, Text string }

// facts leaves out what is not known.
func factsOf(list ...fact) []fact {
	return slices.DeleteFunc(list, func(f fact) bool { return f.Text == "" })
}

// problemDetails is everything that is known of a problem, words first.
func problemDetails(s sheet, q problem.Problem) []fact {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return s.day(t)
	}
	list := []fact{}
	switch q.Kind {
	case problem.Condition:
		list = append(list, fact{s.T("Since"), day(q.At)}, fact{s.T("Until"), day(q.Ended)}, fact{s.T("Written down by"), q.Performer})
	case problem.Allergy:
		list = append(list, fact{s.T("What it does"), reactionWords(s, q.Detail)}, fact{s.T("Since"), day(q.At)}, fact{s.T("Written down by"), q.Performer})
	case problem.Vaccine:
		list = append(list, fact{s.T("Given on"), day(q.At)}, fact{s.T("Dose"), q.Detail}, fact{s.T("Given by"), q.Performer})
	case problem.Procedure:
		list = append(list, fact{s.T("Done on"), day(q.At)}, fact{s.T("How it went"), q.Detail}, fact{s.T("Done by"), q.Performer})
	}
	return factsOf(append(list, fact{s.T("State"), problemState(s, q)}, fact{s.T("In your record"), q.Name}, fact{s.T("Came to us by"), s.cameBy(q.Source)}, fact{s.T("Shown here since"), s.clock(q.Updated)})...)
}

// problemState says how a problem stands now.
func problemState(s sheet, q problem.Problem) string {
	switch q.Status {
	case "active", "recurrence", "relapse":
		return s.T("Active now")
	case "inactive", "resolved":
		return s.T("In the past")
	case "remission":
		return s.T("Better for now")
	}
	return ""
}

// aboutProblem says in one sentence what a condition is; empty where the
// glossary does not have it.
func aboutProblem(q problem.Problem) string {
	if t, ok := glossary.Lookup(q.Name); ok {
		return t.Says
	}
	if t, ok := glossary.Lookup(q.Everyday()); ok {
		return t.Says
	}
	return ""
}

// looked says who looked at a result, and when.
func looked(s sheet, by string, at time.Time) string {
	switch {
	case by != "" && !at.IsZero():
		return s.T("Reviewed by %s on %s", by, s.day(at))
	case by != "":
		return s.T("Reviewed by %s", by)
	}
	return s.T("Reviewed by your care team")
}

// orderName is the plain name of a test, else the record's own.
func orderName(s sheet, e background.Entry) string {
	if k, ok := result.Lookup(e.Code); ok {
		return s.T(k.Name)
	}
	return e.Name
}

// orderFacts says who asked for a test, and when.
func orderFacts(s sheet, e background.Entry) string {
	var by, when string
	if e.Person != "" {
		by = s.T("Asked for by %s", e.Person)
	}
	if !e.At.IsZero() {
		when = s.T("on %s", s.day(e.At))
	}
	return joined(by, when)
}

// expected says by when a result is likely to be there, and what to do when it
// is not.
func expected(s sheet, e background.Entry) string {
	switch {
	case e.Status == "on-hold":
		return s.T("This test waits. Your care team can tell you for what.")
	case e.Ended.IsZero():
		return s.T("We do not know yet when it will be ready.")
	case s.Now().After(e.Ended.AddDate(0, 0, 1)):
		return s.T("We expected it by %s. Please call us if you had this test.", s.day(e.Ended))
	}
	return s.T("Expected by %s", s.day(e.Ended))
}

// newestFirst turns a trend round.
func newestFirst(list []result.Result) []result.Result {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func oneResult(r result.Result) []result.Result { return []result.Result{r} }

// ailmentName is the everyday name of what somebody of the family had.
func ailmentName(s sheet, a background.Ailment) string {
	q := problem.Problem{Kind: problem.Condition, Code: a.Code, Name: a.Name}
	return problemName(s, q)
}

// goalSince says when a goal or a plan began.
func goalSince(s sheet, e background.Entry) string {
	if e.At.IsZero() {
		return ""
	}
	return s.T("Since %s", s.day(e.At))
}

// planBy says who wrote a plan.
func planBy(s sheet, e background.Entry) string {
	if e.Person == "" {
		return ""
	}
	return s.T("Written down by %s", e.Person)
}

// askReason is about what a question on an entry of the record is, as the
// choice of teams has it.
func askReason(about string) string {
	typ, _, _ := strings.Cut(about, "/")
	switch typ {
	case "Observation", "DiagnosticReport":
		return "result"
	case "MedicationRequest", "MedicationStatement":
		return "medicine"
	}
	return "other"
}
