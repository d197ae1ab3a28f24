package thread

import (
	"hale/internal/access"
	"hale/internal/store/db"
)

// area is what one right of the staff is about: every thread, or those of one
// team.
type area struct {
	right access.Right
	team  string // empty: every one
}

// areas are those of the staff, the widest first. Read only.
var areas = []area{{access.AnswerPatients, ""}, {access.AnswerVisits, "the front desk"}, {access.AnswerBills, "the billing office"}}

// works are the rights by which the staff answers.
var works = []access.Right{access.AnswerPatients, access.AnswerVisits, access.AnswerBills}

// deskOf returns what a pass over everybody is about.
func deskOf(pass access.Pass) (area, error) {
	for _, a := range areas {
		if pass.OpenAll(a.right) == nil {
			return a, nil
		}
	}
	return area{}, pass.OpenAll(access.AnswerPatients)
}

// within says whether a pass on one patient is about threads with a reason,
// as far as that follows from its right.
func within(pass access.Pass, reason string) bool {
	for _, a := range areas {
		if _, err := pass.Open(a.right); err == nil {
			return a.team == "" || a.team == team(reason)
		}
	}
	return true
}

// reasons are those that a is about.
func (a area) reasons() []string {
	var list []string
	for _, r := range Reasons() {
		if a.team == "" || r.Team == a.team {
			list = append(list, r.Key)
		}
	}
	return list
}

// clause leaves out threads that are no part of a; its parameters begin with
// number n. One without a reason of ours is for whoever sees all.
func (a area) clause(n int) string {
	return ` (` + db.In(n, 1) + ` = '' or t.reason in (` + db.In(n+1, len(a.reasons())) + `)) `
}

// args are the parameters of clause.
func (a area) args() []any { return append([]any{a.team}, db.Args(a.reasons())...) }
