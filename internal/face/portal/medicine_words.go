package portal

import (
	"strings"

	"hale/internal/access"
	"hale/internal/care/medication"
	"hale/internal/care/task"
	"hale/internal/face/web"
)

// refillWords says how many refills are left.
func refillWords(s sheet, u medication.Supply) string {
	switch {
	case u.Left < 0:
		return ""
	case !u.Counted:
		return s.Lang.N(u.Left, "%d refill allowed when it was written", "%d refills allowed when it was written")
	case u.Left == 0:
		return s.T("No refills left")
	}
	return s.Lang.N(u.Left, "%d refill left", "%d refills left")
}

// untilWords says how long the supply lasts.
func untilWords(s sheet, u medication.Supply) string {
	switch {
	case u.Until.IsZero():
		return ""
	case u.Until.Before(s.Now()):
		return s.T("Your supply should have lasted until %s", s.day(u.Until))
	}
	return s.T("Your supply should last until %s", s.day(u.Until))
}

// wayLead says what asking for more becomes, and why.
func wayLead(s sheet, c medication.Card) string {
	switch c.Because {
	case medication.Left:
		if !c.Supply.Counted {
			return s.T("This is a refill: as far as we know, your prescription still has refills. We ask the pharmacy to fill it.")
		}
		return s.T("This is a refill: your prescription still has refills. We ask the pharmacy to fill it.")
	case medication.NoneLeft:
		return s.T("This is a renewal: no refills are left. Your care team has to write a new prescription first.")
	case medication.Expired:
		return s.T("This is a renewal: your prescription is too old to fill. Your care team has to write a new one first.")
	case medication.NotSaid:
		return s.T("This is a renewal: we cannot see how many refills are left. Your care team looks, and writes a new prescription if you need one.")
	case medication.Stopped:
		return s.T("This is a question: your record says that you no longer take this. Your care team answers first. Please do not start it again by yourself.")
	case medication.Held:
		return s.T("This is a question: your record says not to take this for now. Your care team answers first.")
	case medication.Controlled:
		return s.T("This is a question: the law asks us to look closely at this medicine each time. Your care team answers first.")
	case medication.Elsewhere:
		return s.T("This is a question: we did not prescribe this one. Your care team tells you how to get more.")
	}
	return s.T("This is a question: your record does not say enough about this medicine. Your care team answers first.")
}

// wayButton is what the one button says.
func wayButton(s sheet, w medication.Way) string {
	switch w {
	case medication.Refill:
		return s.T("Ask for the refill")
	case medication.Renewal:
		return s.T("Ask for a new prescription")
	}
	return s.T("Send the question")
}

// stateHead says in a heading how far a request is.
func stateHead(s sheet, d stateData) string {
	a := d.Ask
	switch {
	case a.Task.Status == task.Cancelled:
		return s.T("You took this request back")
	case a.Task.Status == task.Declined:
		return s.T("We could not do this")
	case a.Stage == medication.Picked:
		return s.T("You have your medicine")
	case a.Task.Status == task.Done:
		return s.T("We answered you")
	case a.Task.Status == task.Waiting:
		return s.T("We have a question for you")
	case a.Stage == medication.Ready:
		return s.T("Your medicine is ready to pick up")
	case a.Stage == medication.Sent:
		return s.T("Your pharmacy has the request")
	case a.Stage == medication.Approved:
		return s.T("Your request is approved")
	case d.Done == "asked":
		return s.T("We got your request")
	case d.Done == "replied":
		return s.T("We got your answer")
	}
	return s.T("Your request is with us")
}

// stateLead says what comes next, from whom and by when.
func stateLead(s sheet, d stateData) string {
	a := d.Ask
	switch {
	case a.Task.Status == task.Cancelled:
		return s.T("Nobody works on it any more. You can ask again at any time.")
	case !a.Task.Status.Open():
		return ""
	case a.Task.Status == task.Waiting:
		return s.T("Please answer below. Then we go on.")
	case a.Stage == medication.Ready:
		return s.T("You can pick it up at %s.", a.PharmacyName)
	case a.Stage == medication.Sent:
		return s.T("%s got it on %s and makes it ready. You can call them to ask how far it is.", a.PharmacyName, s.day(a.SentAt))
	case a.Stage == medication.Approved:
		return s.T("We send it to %s next, by %s.", a.PharmacyName, s.long(a.Task.Due))
	}
	return taskState(s, a.Task)
}

// askLine says on a medicine's card how far a request is.
func askLine(s sheet, a medication.Ask) string {
	head := stateHead(s, stateData{Ask: a})
	if a.Task.Status.Open() && a.Stage == medication.Asked && a.Task.Status != task.Waiting {
		return head + ". " + duePromise(s, a.Task)
	}
	return head + "."
}

// askTone colors the chip of a request.
func askTone(a medication.Ask) string {
	switch {
	case a.Task.Status == task.Waiting:
		return "watch"
	case a.Stage == medication.Ready || a.Stage == medication.Picked:
		return "good"
	}
	return "brand"
}

// stages are the steps of a request, in their order.
var stages = []medication.Stage{medication.Asked, medication.Approved, medication.Sent, medication.Ready, medication.Picked}

// stageWords says what a step is.
func stageWords(s sheet, a medication.Ask, st medication.Stage) string {
	switch st {
	case medication.Asked:
		return s.T("We got it. It is with %s.", teamWords(s, a.Task.Team))
	case medication.Approved:
		return s.T("Your care team approved it")
	case medication.Sent:
		return s.T("The pharmacy has it: %s", a.PharmacyName)
	case medication.Ready:
		return s.T("It is ready to pick up")
	}
	return s.T("You have it")
}

// staged says whether a request shows its steps to the pickup: a question
// that was only answered has none.
func staged(a medication.Ask) bool {
	return a.Way != medication.Question || a.Stage != medication.Asked
}

// toldWords says how far the staff is with what a patient told.
func toldWords(s sheet, t task.Task) string {
	if t.Status.Open() {
		return s.T("You told us about this one. Your care team looks at it by %s.", s.day(t.Due))
	}
	if t.Status == task.Declined {
		return s.T("Your care team struck this out.")
	}
	return s.T("Your care team has looked at this one.")
}

// fromWords says where a line about a medicine comes from.
func fromWords(s sheet, m medication.Medicine) string {
	when := ""
	if !m.Authored.IsZero() {
		when = s.day(m.Authored)
	}
	switch {
	case m.Reported:
		return joined(s.T("You told us about this one"), m.Name, when)
	case m.Source != "":
		return joined(m.Source, m.Name, m.Prescriber, when)
	}
	return joined(s.Site.Clinic.Name, m.Name, m.Prescriber, when)
}

// asks says whether the page offers to ask for more of a medicine.
func (s sheet) asks() bool { return s.may(access.AskMedicines) }

// typed says whether a pharmacy is a reference and not a name.
func typed(pharmacy string) bool {
	return strings.HasPrefix(pharmacy, "Organization/") || strings.HasPrefix(pharmacy, "Location/")
}

// phoneOf writes a number as people do.
func phoneOf(p medication.Pharmacy) string { return web.Phone(p.Phone) }
