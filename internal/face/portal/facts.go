package portal

import (
	"strings"
	"time"

	"hale/internal/care/medication"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/reach"
)

// joined joins the facts that are there.
func joined(facts ...string) string {
	var list []string
	for _, f := range facts {
		if f != "" {
			list = append(list, f)
		}
	}
	return strings.Join(list, " · ")
}

// born returns a birth date in words, as much of it as is known.
func born(s sheet, date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return s.Lang.ShortDate(t)
}

// medicineFacts says what for, by whom and since when.
func medicineFacts(s sheet, m medication.Medicine) string {
	var why, by, when string
	if m.Why != "" {
		why = s.T("For: %s", s.T(m.Why))
	}
	if m.Prescriber != "" {
		by = s.T("Prescribed by %s", m.Prescriber)
	}
	if !m.Authored.IsZero() {
		when = s.T("Since %s", s.day(m.Authored))
		if !m.Current() {
			when = s.T("Started %s", s.day(m.Authored))
		}
	}
	if m.Reported {
		by = s.T("You told us about this one")
	}
	return joined(why, by, when)
}

// problemName returns the everyday name, else the record's own.
func problemName(s sheet, q problem.Problem) string {
	if name := q.Everyday(); name != "" {
		return s.T(name)
	}
	return q.Name
}

// medicalName returns the record's own name where an everyday one stands in
// front of it and says something else.
func medicalName(q problem.Problem) string {
	name := q.Everyday()
	if name == "" || strings.Contains(strings.ToLower(name), strings.ToLower(q.Name)) {
		return ""
	}
	return q.Name
}

// problemFacts says what is known beside the name: by whom and when.
func problemFacts(s sheet, q problem.Problem) string {
	var when, ended, detail string
	if !q.At.IsZero() {
		when = s.day(q.At)
		if q.Kind == problem.Condition || q.Kind == problem.Allergy {
			when = s.T("Since %s", when)
		}
	}
	if !q.Ended.IsZero() && q.Kind == problem.Condition {
		ended = s.T("until %s", s.day(q.Ended))
	}
	switch {
	case q.Detail == "":
	case q.Kind == problem.Vaccine:
		detail = s.T("Dose %s", q.Detail)
	case q.Kind == problem.Allergy:
		detail = s.T("Reaction: %s", reactionWords(s, q.Detail))
	default:
		detail = q.Detail
	}
	return joined(detail, when, ended, q.Performer)
}

// reactionWords are the reactions to something, each in words that the reader
// knows where there are any.
func reactionWords(s sheet, detail string) string {
	list := strings.Split(detail, ", ")
	for i, one := range list {
		list[i] = s.T(one)
	}
	return strings.Join(list, ", ")
}

// resultStatus says how sure a result is.
func resultStatus(s sheet, r result.Result) string {
	switch r.Status {
	case "final":
		return s.T("Final")
	case "amended", "corrected":
		return s.T("Corrected by the lab")
	case "preliminary", "registered", "partial":
		return s.T("Not final yet. It may change.")
	}
	return s.T("The lab did not say if this is final.")
}

// sender returns who wrote a message.
func sender(s sheet, m reach.Content) string {
	if m.From != "" {
		return m.From
	}
	return s.Site.Clinic.Name
}
