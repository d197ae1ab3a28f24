package town

import (
	"fmt"
	"strconv"
	"time"

	"hale/internal/access"
)

// Ids of the clinic's own resources.
const (
	clinicID = "riverside-family-medicine"
	labID    = "alder-clinical-labs"
)

// worker is somebody who works at the clinic, as a Practitioner.
type worker struct {
	id, prefix, given, family, suffix string
	npi, sex                          string
	specialty, code                   string // NUCC
	room                              int    // index into rooms
}

func (w worker) name() string {
	if w.suffix != "" {
		return w.given + " " + w.family + ", " + w.suffix
	}
	return w.prefix + " " + w.given + " " + w.family
}

// doctors are those who have patients of their own.
func doctors() []worker { return workers()[:3] }

func workers() []worker {
	return []worker{
		{id: "priya-raman", prefix: "Dr.", given: "Priya", family: "Raman", npi: "9000000015", sex: "female", specialty: "Family medicine", code: "207Q00000X"},
		{id: "thomas-lindgren", prefix: "Dr.", given: "Thomas", family: "Lindgren", npi: "9000000023", sex: "male", specialty: "Family medicine", code: "207Q00000X"},
		{id: "elena-castillo", prefix: "Dr.", given: "Elena", family: "Castillo", npi: "9000000031", sex: "female", specialty: "Internal medicine", code: "207R00000X"},
		{id: "ruth-feldman", prefix: "Dr.", given: "Ruth", family: "Feldman", npi: "9000000049", sex: "female", specialty: "Optometry", code: "152W00000X", room: 1},
		{id: "j-okafor", given: "J.", family: "Okafor", suffix: "RN", npi: "9000000056", sex: "female", specialty: "Registered nurse", code: "163W00000X"},
		{id: "m-abara", given: "M.", family: "Abara", suffix: "RT", npi: "9000000064", sex: "female", specialty: "Mammography", code: "2471M2300X", room: 2},
	}
}

// room is a Location.
type room struct{ id, name, line string }

func rooms() []room {
	return []room{
		{"riverside-suite-2", "Suite 2", "412 Alder Street, Suite 2"},
		{"riverside-eye-room", "Eye room, Suite 3", "412 Alder Street, Suite 3"},
		{"riverside-imaging", "Imaging, ground floor", "412 Alder Street"},
	}
}

// service is something people can book.
type service struct {
	code, title string
	worker      int // index into workers
	minutes     int
	perDay      int
}

func services() []service {
	return []service{
		{EyeExam, "Diabetic eye exam", 3, 20, 18},
		{FollowUp, "Follow-up visit", 0, 20, 12},
		{Vaccine, "Vaccine visit", 4, 10, 10},
		{Mammogram, "Mammogram", 5, 30, 8},
		{BloodPressure, "Blood pressure check", 4, 10, 8},
	}
}

// clinic writes the places and the people who work there.
func (g *gen) clinic() {
	const org = `{"resourceType":"Organization","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-organization"]},` +
		`"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":%}],"active":true,"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/organization-type","code":"prov","display":"Healthcare Provider"}]}],` +
		`"name":%,"telecom":[{"system":"phone","value":%,"use":"work"}],"address":[{"line":[%],"city":"Riverside","state":"IL","postalCode":"60546","country":"US"}]}`
	g.line(org, clinicID, "9000000106", Clinic, ClinicPhone, "412 Alder Street, Suite 2")
	g.line(org, labID, "9000000114", "Alder Clinical Labs", "+17085550198", "440 Alder Street")
	g.pharmacies()
	for _, r := range rooms() {
		g.line(`{"resourceType":"Location","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-location"]},"status":"active","name":%,`+
			`"telecom":[{"system":"phone","value":%}],"address":{"line":[%],"city":"Riverside","state":"IL","postalCode":"60546","country":"US"},"managingOrganization":{"reference":%,"display":%}}`,
			r.id, r.name, ClinicPhone, r.line, "Organization/"+clinicID, Clinic)
	}
	for _, w := range workers() {
		g.worker(w)
	}
}

func (g *gen) worker(w worker) {
	title := `"prefix":[` + strconv.Quote(w.prefix) + `]`
	if w.suffix != "" {
		title = `"suffix":[` + strconv.Quote(w.suffix) + `]`
	}
	g.line(`{"resourceType":"Practitioner","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitioner"]},`+
		`"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":%}],"active":true,"name":[{"use":"official","text":%,"family":%,"given":[%],^}],"gender":%}`,
		w.id, w.npi, w.name(), w.family, w.given, title, w.sex)
	g.line(`{"resourceType":"PractitionerRole","id":%,"meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitionerrole"]},"active":true,`+
		`"practitioner":{"reference":%,"display":%},"organization":{"reference":%,"display":%},"code":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":%,"display":%}]}],`+
		`"specialty":[{"coding":[{"system":"http://nucc.org/provider-taxonomy","code":%,"display":%}],"text":%}],"location":[{"reference":%,"display":%}],"telecom":[{"system":"phone","value":%,"use":"work"}]}`,
		w.id+"-role", "Practitioner/"+w.id, w.name(), "Organization/"+clinicID, Clinic, w.code, w.specialty,
		w.code, w.specialty, w.specialty, "Location/"+rooms()[w.room].id, rooms()[w.room].name, ClinicPhone)
}

// The window in which slots lie: enough weeks ahead for the people to
// choose, and some weeks back for the outreach that is over already.
const (
	slotsAhead = 6 * 7
	PastFrom   = 28 // days ago
	PastTo     = 7
)

// schedule writes Schedules and Slots. Those in taken are somebody's.
func (g *gen) schedule() {
	for _, s := range services() {
		w := workers()[s.worker]
		r := rooms()[w.room]
		g.line(`{"resourceType":"Schedule","id":%,"active":true,"serviceType":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],`+
			`"actor":[{"reference":%,"display":%},{"reference":%,"display":%}],"planningHorizon":{"start":%,"end":%}}`,
			"schedule-"+s.code, ServiceSystem, s.code, s.title, s.title, "Practitioner/"+w.id, w.name(), "Location/"+r.id, r.name,
			g.instant(g.today.AddDate(0, 0, -PastFrom)), g.instant(g.today.AddDate(0, 0, slotsAhead)))
		for d := 1; d <= slotsAhead; d++ {
			g.slots(s, d)
		}
		if s.code == BloodPressure { // the outreach that is over was about it
			for d := -PastFrom; d < 0; d++ {
				g.slots(s, d)
			}
		}
	}
}

// slots writes the slots of s on the day d days from today.
func (g *gen) slots(s service, d int) {
	for _, slot := range g.daySlots(s, d) {
		status := "free"
		if g.taken[slot.ID] != "" {
			status, slot.Busy = "busy", true
		}
		g.made = append(g.made, slot)
		g.line(`{"resourceType":"Slot","id":%,"serviceType":[{"coding":[{"system":%,"code":%,"display":%}],"text":%}],"schedule":{"reference":%,"display":%},"status":%,"start":%,"end":%}`,
			slot.ID, ServiceSystem, s.code, s.title, s.title, "Schedule/schedule-"+s.code, workers()[s.worker].name(), status,
			g.instant(slot.Start), g.instant(slot.Start.Add(time.Duration(s.minutes)*time.Minute)))
	}
}

// daySlots returns the times of s on the day d days from today: none on a
// weekend, and on days gone by as many as several nurses can take.
func (g *gen) daySlots(s service, d int) []Slot {
	date := g.today.AddDate(0, 0, d)
	if wd := date.Weekday(); wd == time.Saturday || wd == time.Sunday {
		return nil
	}
	n, gap := s.perDay, 440/s.perDay/10*10
	if d < 0 {
		n, gap = 30, 10
	}
	list := make([]Slot, n)
	for i := range list {
		minute := 20 + i*gap
		if minute >= 220 {
			minute += 40 // lunch
		}
		list[i] = Slot{ID: fmt.Sprintf("%s-%s-%02d", s.code, date.Format("20060102"), i+1), Service: s.code,
			Start: time.Date(date.Year(), date.Month(), date.Day(), 8, minute, 0, 0, g.zone)}
	}
	return list
}

// signIns are the accounts that are there from the start.
func (g *gen) signIns() []SignIn {
	care := []access.Right{access.ReadRecord, access.ReadVisits, access.BookVisits, access.ReadMessages, access.ReadMessage, access.SendMessages}
	list := []SignIn{
		{Kind: access.Patient, Name: "Maria Alvarez", Patient: Maria, Email: "maria.alvarez@mail.example.net", Phone: mariaPhone, Lang: "en", Main: true,
			What: "patient: her results, her visits, her messages"},
		{Kind: access.Proxy, Name: "Lucía Alvarez", Patient: Lucia, Email: "lucia.alvarez@riverside.example.net", Phone: luciaPhone, Lang: "en", Main: true,
			What: "caregiver: acts for her mother Maria", Grants: []access.Grant{{Patient: Maria, Name: "Maria Alvarez", Rights: care,
				Categories: []access.Category{access.Visits, access.Messages, access.Results, access.Medicines}}}},
		{Kind: access.Staff, Name: "J. Okafor, RN", Roles: []access.Role{access.Nurse}, Email: "okafor@clinic.example.org", Lang: "en", Main: true,
			What: "nurse: finds patients, reaches out, sees what it changed"},
		{Kind: access.Staff, Name: "Ruth Sandoval", Roles: []access.Role{access.FrontDesk}, Email: "sandoval@clinic.example.org", Lang: "en", Main: true,
			What: "front desk: the schedule, check-ins, help to sign in; opens no record"},
		{Kind: access.Staff, Name: "Theo Marsh", Roles: []access.Role{access.Billing}, Email: "marsh@clinic.example.org", Lang: "en", Main: true,
			What: "billing: bills, plans and prices, and questions about them"},
		{Kind: access.Staff, Name: "Dana Whitfield", Roles: []access.Role{access.Marketer}, Email: "whitfield@clinic.example.org", Lang: "en", Main: true,
			What: "marketer: plans and measures outreach, opens no record"},
		{Kind: access.Staff, Name: "Samir Haddad", Roles: []access.Role{access.Admin}, Email: "haddad@clinic.example.org", Lang: "en", Main: true,
			What: "administrator: who works here, what sends, who looked at what"},
		{Kind: access.Staff, Name: "Ines Castellano", Roles: []access.Role{access.Privacy}, Email: "castellano@clinic.example.org", Lang: "en", Main: true,
			What: "privacy officer: checks who looked, answers people, reads the log"},
	}
	for _, p := range g.people {
		if len(list) >= 25 {
			break
		}
		c := p.carer
		if c == nil || c.Email == "" || c.Traits.Has(Deceased) || p.Traits.Has(Deceased) || c.Traits.Has(SharedEmail) || c.Traits.Has(Caregiver) || p.Patient == Maria {
			continue
		}
		c.Traits |= Caregiver
		list = append(list, SignIn{Kind: access.Proxy, Name: c.Name, Patient: c.Patient, Email: c.Email, Lang: c.Lang, What: "caregiver",
			Grants: []access.Grant{{Patient: p.Patient, Name: p.Name, Rights: care, Categories: access.Categories}}})
	}
	return list
}
