package task

import (
	"slices"

	"hale/internal/access"
	"hale/internal/store/db"
)

// area is what one right of the staff is about.
type area struct {
	right access.Right
	kinds []Kind
	team  string // whose messages are part of it
}

// areas are those of the staff, the widest first: nurses see all of it, the
// front desk and the billing office what is theirs, and neither what is about
// care. Read only.
var areas = []area{
	{access.AnswerPatients, Kinds, ""},
	{access.AnswerVisits, []Kind{Booking, CheckIn, Insurance, Interpreter, OfficeForm}, "the front desk"},
	{access.AnswerBills, []Kind{Bill, Insurance}, "the billing office"},
}

// desks are the rights by which the staff works on tasks.
var desks = []access.Right{access.AnswerPatients, access.AnswerVisits, access.AnswerBills}

// has says whether t is part of a.
func (a area) has(t Task) bool {
	if a.team != "" && t.Kind == CheckIn && t.Team == nurses {
		return false
	}
	return slices.Contains(a.kinds, t.Kind) || t.Kind == Message && t.Team == a.team
}

// nurses are who gets what a check-in says about medicines: that is no part of
// what the front desk does.
const nurses = "the nurse team"

// deskOf returns what a pass over everybody is about.
func deskOf(pass access.Pass) (area, error) {
	for _, a := range areas {
		if pass.OpenAll(a.right) == nil {
			return a, nil
		}
	}
	return area{}, pass.OpenAll(access.AnswerPatients)
}

// within says whether a pass on one patient is about t, as far as that
// follows from its right.
func within(pass access.Pass, t Task) bool {
	for _, a := range areas {
		if _, err := pass.Open(a.right); err == nil {
			return a.has(t)
		}
	}
	return true
}

// For says whether somebody of the staff may answer t.
func (t Task) For(who access.Actor) bool {
	return slices.ContainsFunc(areas, func(a area) bool { return who.May(a.right, "") && a.has(t) })
}

// clause leaves out what is no part of a; its parameters begin with number n.
func (a area) clause(n int) string {
	q := ` (t.kind = 'message' and t.team = ` + db.In(n, 1) + ` or t.kind in (` + db.In(n+1, len(a.kinds)) + `)) `
	if a.team != "" {
		q += ` and not (t.kind = 'check-in' and t.team = '` + nurses + `') `
	}
	return q
}

// args are the parameters of clause.
func (a area) args() []any { return append([]any{a.team}, db.Args(a.kinds)...) }
