package task

import (
	"slices"

	"hale/internal/access"
)

// Kind is what is asked.
type Kind string

// The kinds.
const (
	Message          Kind = "message"
	Refill           Kind = "refill"  // more of a medicine, from refills that are left
	Renewal          Kind = "renewal" // a new prescription of a medicine
	MedicineQuestion Kind = "medicine-question"
	Form             Kind = "form"
	OfficeForm       Kind = "office-form" // a form without a word about health
	Booking          Kind = "booking"
	CheckIn          Kind = "check-in"
	Insurance        Kind = "insurance"
	Bill             Kind = "bill"
	Reading          Kind = "reading" // a value from home out of its range
	Record           Kind = "record"  // something in the record is wrong
	Due              Kind = "due"     // what the patient says about care that is due
	Interpreter      Kind = "interpreter"
)

// Kinds are all of them, in the order of lists.
var Kinds = []Kind{Message, Refill, Renewal, MedicineQuestion, Form, OfficeForm, Booking, CheckIn, Insurance, Bill, Reading, Record, Due, Interpreter}

// Rule is what the clinic promises about a kind: an answer by the end of the
// working day that lies so many days after the day of asking, or within so
// many working hours where Days is 0.
type Rule struct {
	Days  int
	Hours int
	Team  string // who gets it, to follow "with": the nurse team
}

// kindRule is what is always so about a kind.
type kindRule struct {
	Rule
	name     string          // of the kind, for the desk
	category access.Category // what a pass has to see
	rights   []access.Right  // any of which may ask it
	once     bool            // one open task about one thing
}

var (
	asking    = []access.Right{access.SendMessages}
	measuring = []access.Right{access.SendReadings, access.SendMessages}
	taking    = []access.Right{access.AskMedicines, access.SendMessages}
	clerking  = []access.Right{access.SendMessages, access.AnswerVisits}
	visiting  = []access.Right{access.SendMessages, access.BookVisits}
	paying    = []access.Right{access.PayBills, access.SendMessages}
)

// kinds is the table of them. Read only.
var kinds = map[Kind]kindRule{
	Message:          {Rule{Days: 1, Team: "the nurse team"}, "Message", access.Messages, asking, false},
	Refill:           {Rule{Days: 2, Team: "the nurse team"}, "Refill", access.Medicines, taking, true},
	Renewal:          {Rule{Days: 2, Team: "the nurse team"}, "Renewal", access.Medicines, taking, true},
	MedicineQuestion: {Rule{Days: 1, Team: "the nurse team"}, "Medicine question", access.Medicines, taking, false},
	Form:             {Rule{Days: 3, Team: "the front desk"}, "Form", access.Documents, asking, false},
	OfficeForm:       {Rule{Days: 2, Team: "the front desk"}, "Form of the office", access.Documents, clerking, false},
	Booking:          {Rule{Days: 1, Team: "the front desk"}, "Booking", access.Visits, visiting, false},
	CheckIn:          {Rule{Hours: 4, Team: "the front desk"}, "Check-in", access.Visits, visiting, false},
	Insurance:        {Rule{Days: 2, Team: "the front desk"}, "Insurance", access.Bills, visiting, false},
	Bill:             {Rule{Days: 3, Team: "the billing office"}, "Bill", access.Bills, paying, false},
	Reading:          {Rule{Hours: 4, Team: "the nurse team"}, "Home reading", access.Results, measuring, false},
	Record:           {Rule{Days: 5, Team: "the records office"}, "Something wrong", access.Documents, asking, false},
	Due:              {Rule{Days: 5, Team: "the nurse team"}, "Care that is due", access.Documents, asking, false},
	Interpreter:      {Rule{Days: 1, Team: "the front desk"}, "Interpreter", access.Visits, visiting, true},
}

func (k Kind) known() bool { _, ok := kinds[k]; return ok }

// Rule is the usual promise about k, where the clinic set none of its own.
func (k Kind) Rule() Rule { return kinds[k].Rule }

// Name is k in words, for the desk.
func (k Kind) Name() string {
	if name := kinds[k].name; name != "" {
		return name
	}
	return string(k)
}

// Teams are those who can get a task.
var Teams = []string{"the nurse team", "the front desk", "the billing office", "the records office"}

// shown returns the kinds that pass shows.
func shown(pass access.Pass) []Kind {
	return slices.DeleteFunc(slices.Clone(Kinds), func(k Kind) bool { return !pass.Sees(kinds[k].category) })
}

// opens returns the patient whom pass opens by one of rights.
func opens(pass access.Pass, rights ...access.Right) (patient string, err error) {
	for _, r := range rights {
		if patient, err = pass.Open(r); err == nil {
			return patient, nil
		}
	}
	return "", err
}
