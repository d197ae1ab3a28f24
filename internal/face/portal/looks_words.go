package portal

import (
	"strings"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/store/audit"
)

// days groups rows, newest first, by day. What one did often on a day is one
// line.
func (t *teller) days(rows []audit.Row) ([]looksDay, error) {
	var days []looksDay
	for len(rows) > 0 {
		name, n := t.l.LongDate(rows[0].At.In(t.zone)), 1
		for n < len(rows) && t.l.LongDate(rows[n].At.In(t.zone)) == name {
			n++
		}
		day, err := t.day(rows[:n])
		if err != nil {
			return nil, err
		}
		day.Day = name
		days, rows = append(days, day), rows[n:]
	}
	return days, nil
}

func (t *teller) day(rows []audit.Row) (day looksDay, err error) {
	type key struct {
		who, role, what, why string
		refused              bool
	}
	var order []key
	lines := map[key]*lookLine{}
	folded := map[key]bool{}
	for _, row := range rows {
		line, err := t.line(row)
		if err != nil {
			return day, err
		}
		k := key{line.Who, line.Role, line.What, line.Why, line.Refused}
		if known := lines[k]; known != nil {
			known.N++
			known.at = line.at
			continue
		}
		line.N = 1
		lines[k], order = &line, append(order, k)
		folded[k] = t.mine(row) || row.ActorKind == string(access.System)
	}
	for _, k := range order {
		line := *lines[k]
		line.When = t.l.Clock(line.at.In(t.zone))
		if folded[k] {
			day.Own = append(day.Own, line)
		} else {
			day.Others = append(day.Others, line)
		}
	}
	return day, nil
}

// mine says whether the reader did it.
func (t *teller) mine(row audit.Row) bool {
	return row.Actor == t.me.ID && row.ActorKind == string(t.me.Kind)
}

// line puts one row into words.
func (t *teller) line(row audit.Row) (lookLine, error) {
	line := lookLine{What: lookWhat(t.l, row.Action), Refused: !row.Granted, at: row.At, Icon: "user-round"}
	if row.Purpose == access.InEmergency {
		line.Emergency, line.Why = true, t.l.T("In an emergency")
	}
	if row.Purpose == access.AsPatient {
		line.Why = t.l.T("As you see it")
	}
	if row.Action == "message.send" {
		line.Why = lookChannel(t.l, row.Reason)
	}
	err := t.who(row, &line)
	return line, err
}

// who says who did it and what that person is to the patient.
func (t *teller) who(row audit.Row, line *lookLine) error {
	switch access.Kind(row.ActorKind) {
	case access.System:
		line.Who, line.Role, line.Icon = t.l.T("Our computer system"), t.l.T("by itself"), "settings"
		return nil
	case access.Link:
		line.Who, line.Role, line.Icon = t.l.T("Whoever had our message"), t.l.T("opened a link and gave the birth date"), "link"
		return nil
	case access.Patient, access.Proxy, access.Staff:
	default:
		line.Who, line.Role, line.Icon = t.l.T("Somebody we do not know"), t.l.T("not signed in"), "circle-question-mark"
		return nil
	}
	a, err := t.account(row.Actor)
	if err != nil {
		return err
	}
	line.Who, line.Role = a.Name, lookRole(t.l, row, a)
	switch {
	case t.mine(row):
		line.Who = t.l.T("You")
	case line.Who == "":
		line.Who = t.l.T("A person whose account is closed")
	}
	if row.ActorKind == string(access.Staff) {
		line.Icon = "stethoscope"
	}
	return nil
}

// account is the account id, the zero one if it is gone.
func (t *teller) account(id string) (account.Account, error) {
	if a, ok := t.known[id]; ok {
		return a, nil
	}
	a, err := t.names.Get(t.ctx, id)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return a, err
	}
	t.known[id] = a
	return a, nil
}

// yes says whether somebody was let in.
func (t *teller) yes(granted bool) string {
	if granted {
		return t.l.T("Yes")
	}
	return t.l.T("No")
}

// lookRole says what a person is to the patient.
func lookRole(l lang.Lang, row audit.Row, a account.Account) string {
	switch access.Kind(row.ActorKind) {
	case access.Patient:
		return l.T("patient")
	case access.Proxy:
		if row.Behalf == "" {
			return l.T("patient")
		}
		return l.T("helps with this record")
	}
	if len(a.Roles) > 0 {
		switch a.Roles[0] {
		case access.Nurse:
			return l.T("care team")
		case access.FrontDesk:
			return l.T("front desk")
		case access.Billing:
			return l.T("billing office")
		case access.Admin:
			return l.T("runs the portal")
		case access.Privacy:
			return l.T("privacy officer")
		case access.Marketer:
			return l.T("sends messages")
		case access.Interpreter:
			return l.T("interpreter")
		}
	}
	return l.T("works at the clinic")
}

// lookChannel says how a message went.
func lookChannel(l lang.Lang, reason string) string {
	channel, _, _ := strings.Cut(reason, ",")
	switch channel {
	case "sms":
		return l.T("By text")
	case "email":
		return l.T("By email")
	case "inbox":
		return l.T("Here in the portal")
	}
	return ""
}

// lookWhat says in plain words what an action did.
func lookWhat(l lang.Lang, action string) string {
	switch access.Right(action) {
	case access.ReadRecord:
		return l.T("Looked at results, medicines, conditions or documents")
	case access.ReadVisits:
		return l.T("Looked at visits")
	case access.BookVisits:
		return l.T("Booked, moved or cancelled a visit")
	case access.ReadMessages:
		return l.T("Looked at the list of messages")
	case access.ReadMessage:
		return l.T("Opened a message")
	case access.SendMessages:
		return l.T("Answered a message")
	case access.ReadContacts:
		return l.T("Looked at phone numbers and email")
	case access.EditContacts:
		return l.T("Changed how we reach you")
	case access.WriteRecord:
		return l.T("Wrote to the record")
	case access.ReadDecisions:
		return l.T("Looked at why a message was sent or not")
	case access.ReadLooks:
		return l.T("Looked at this list")
	case access.SeeProxies:
		return l.T("Looked at who helps")
	case access.ManageProxies, access.EndProxies:
		return l.T("Changed who may help")
	case access.AskPrivacy:
		return l.T("Asked about privacy")
	case access.ExportRecord:
		return l.T("Downloaded the record")
	case access.ManageSecurity:
		return l.T("Changed how to sign in")
	case access.ReleaseResults:
		return l.T("Set when a result is shown")
	case access.BreakGlass:
		return l.T("Asked to open the record in an emergency")
	}
	return lookDid(l, action)
}

// lookDid is lookWhat for what is no right.
func lookDid(l lang.Lang, action string) string {
	switch action {
	case "record.put":
		return l.T("Added to or changed the record")
	case "message.send":
		return l.T("Sent a message")
	case "contact.wish", "consent.set":
		return l.T("Changed how we reach you")
	case "emergency.open":
		return l.T("Opened the record in an emergency")
	case "emergency.close":
		return l.T("Closed the record after an emergency")
	case "disclosure.make":
		return l.T("Gave information to somebody outside")
	case account.SignedIn:
		return l.T("Signed in")
	}
	noun, _, _ := strings.Cut(action, ".")
	switch noun {
	case "proxy":
		return l.T("Changed who may help")
	case "mirror":
		return l.T("Looked at your pages as you see them, to help you")
	case "hold", "wish":
		return l.T("Set when a result is shown")
	case "account":
		return l.T("Changed how to sign in")
	case "request", "restriction", "disclosure":
		return l.T("Worked on a privacy request")
	case "emergency", "look", "watch", "staff":
		return l.T("Checked who looked at the record")
	}
	return l.T("Other work on the record")
}
