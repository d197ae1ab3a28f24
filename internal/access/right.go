package access

import "slices"

// Right is one thing an actor may do.
type Right string

// Rights over one patient's record.
const (
	ReadRecord     Right = "record.read" // results, medicines, conditions, documents
	ReadVisits     Right = "visits.read"
	BookVisits     Right = "visits.book" // book, move, cancel
	ReadMessages   Right = "messages.read"
	ReadMessage    Right = "message.read" // the one message a link opens
	SendMessages   Right = "messages.send"
	EditContacts   Right = "contacts.edit" // channels, hours, language, consent
	ReadContacts   Right = "contacts.read"
	WriteRecord    Right = "record.write"
	ReadDecisions  Right = "decisions.read"  // why a message went the way it went
	ReadLooks      Right = "looks.read"      // who looked at the record
	SeeProxies     Right = "proxies.read"    // who helps, and with what
	ManageProxies  Right = "proxies.manage"  // invite helpers, give them more
	EndProxies     Right = "proxies.end"     // what takes away is never made hard
	AskPrivacy     Right = "privacy.ask"     // copies, corrections, restrictions
	ExportRecord   Right = "record.export"   // take the whole record away
	ManageSecurity Right = "security.manage" // ways to sign in, addresses to sign in by
	ReleaseResults Right = "results.release" // hold a result back, and let it go
	PayBills       Right = "bills.pay"       // see bills, pay them and ask about them
	AskMedicines   Right = "medicines.ask"   // ask for more of a medicine, tell of one, say that it is there
	SendReadings   Right = "readings.send"   // tell what was measured at home
	BreakGlass     Right = "record.emergency"
)

// Rights over the whole population.
const (
	FindPatients   Right = "patients.find"
	RunOutreach    Right = "outreach.run"
	SetRules       Right = "rules.set" // of reaching out: what may go where, how often
	ReadMeasure    Right = "measure.read"
	ManageUsers    Right = "users.manage"
	ReadAudit      Right = "audit.read"
	AnswerPatients Right = "patients.answer" // see who waits for an answer; of one patient: say it was given
	AnswerVisits   Right = "visits.answer"   // the schedule, the line, check-ins, and what patients ask about them
	AnswerBills    Right = "bills.answer"    // money: bills, plans, prices, and what patients ask about them
	AnswerPrivacy  Right = "privacy.answer"  // privacy requests: of everyone, or of one patient
	ReviewAccess   Right = "access.review"   // emergency access and looks without a reason
	Translate      Right = "words.translate" // what waits to be translated: of everyone, or the words of one patient
)

// rule says who may use one right.
type rule struct {
	right    Right
	self     bool       // patients on their own record
	proxy    bool       // proxies whose grant names the right
	roles    []Role     // staff
	everyone bool       // staff may use it on the whole population
	any      []Category // a proxy's grant needs one of these
	zone     Zone       // how sure we have to be of who it is
}

// rules is the whole policy of who may do what. Every right has one line.
// A marketer plans and measures outreach without opening a record; an
// administrator opens no clinical record; the privacy officer sees the log.
// The front desk and the billing office know people, visits or bills, and
// what is asked about those.
// What LinkZone opens, a code on a strange device opens: a patient's own
// visits, without any that is labelled, and nothing of the record.
var rules = []rule{
	{right: ReadRecord, self: true, proxy: true, roles: []Role{Nurse}, any: []Category{Results, Medicines, Conditions, Documents, Bills}, zone: PortalZone},
	{right: ReadVisits, self: true, proxy: true, roles: []Role{Nurse, FrontDesk}, any: []Category{Visits}, zone: LinkZone},
	{right: BookVisits, self: true, proxy: true, roles: []Role{Nurse, FrontDesk}, any: []Category{Visits}, zone: LinkZone},
	{right: ReadMessages, self: true, proxy: true, roles: []Role{Nurse}, any: []Category{Messages}, zone: PortalZone},
	{right: ReadMessage, self: true, proxy: true, roles: []Role{Nurse}, any: []Category{Messages}, zone: PortalZone},
	{right: SendMessages, self: true, proxy: true, roles: []Role{Nurse}, any: []Category{Messages}, zone: PortalZone},
	{right: EditContacts, self: true, proxy: true, roles: []Role{Nurse, FrontDesk}, zone: PortalZone},
	{right: ReadContacts, self: true, proxy: true, roles: []Role{Nurse, FrontDesk, Billing, Admin}, zone: PortalZone},
	{right: WriteRecord}, // the system alone
	{right: ReadDecisions, roles: []Role{Nurse, Admin}, zone: PortalZone},
	{right: ReadLooks, self: true, roles: []Role{Privacy, Admin}, zone: PortalZone},
	{right: SeeProxies, self: true, roles: []Role{Nurse, Privacy, Admin}, zone: PortalZone},
	{right: EndProxies, self: true, roles: []Role{Nurse, Privacy}, zone: PortalZone},
	{right: ManageProxies, self: true, roles: []Role{Nurse, Privacy}, zone: AccountZone},
	{right: AskPrivacy, self: true, proxy: true, zone: PortalZone},
	{right: ExportRecord, self: true, proxy: true, any: []Category{Results, Medicines, Conditions, Documents, Visits, Bills}, zone: StepUpZone},
	{right: ManageSecurity, self: true, zone: AccountZone},
	{right: ReleaseResults, roles: []Role{Nurse}, zone: PortalZone},
	{right: PayBills, self: true, proxy: true, roles: []Role{Nurse, Billing}, any: []Category{Bills}, zone: PortalZone},
	{right: AskMedicines, self: true, proxy: true, any: []Category{Medicines}, zone: PortalZone},
	{right: SendReadings, self: true, proxy: true, any: []Category{Results}, zone: PortalZone},
	{right: BreakGlass, roles: []Role{Nurse}, zone: StepUpZone},
	{right: FindPatients, roles: []Role{Nurse, FrontDesk, Billing, Admin, Privacy}, everyone: true, zone: PortalZone},
	{right: RunOutreach, roles: []Role{Nurse, Marketer}, everyone: true, zone: PortalZone},
	{right: SetRules, roles: []Role{Admin, Privacy}, everyone: true, zone: PortalZone},
	{right: ReadMeasure, roles: []Role{Nurse, Marketer, Admin, Privacy}, everyone: true, zone: PortalZone},
	{right: ManageUsers, roles: []Role{Admin}, everyone: true, zone: StepUpZone},
	{right: ReadAudit, roles: []Role{Admin, Privacy}, everyone: true, zone: PortalZone},
	{right: AnswerPatients, roles: []Role{Nurse}, everyone: true, zone: PortalZone},
	{right: AnswerVisits, roles: []Role{Nurse, FrontDesk}, everyone: true, zone: PortalZone},
	{right: AnswerBills, roles: []Role{Nurse, Billing}, everyone: true, zone: PortalZone},
	{right: AnswerPrivacy, roles: []Role{Privacy}, everyone: true, zone: PortalZone},
	{right: ReviewAccess, roles: []Role{Privacy}, everyone: true, zone: PortalZone},
	{right: Translate, roles: []Role{Nurse, Interpreter}, everyone: true, zone: PortalZone},
}

// Rights returns every right there is, in the order of the table.
func Rights() []Right {
	list := make([]Right, len(rules))
	for i, r := range rules {
		list[i] = r.right
	}
	return list
}

// ruleOf returns the line about right; a right without one is nobody's.
func ruleOf(right Right) rule {
	for i := range rules {
		if rules[i].right == right {
			return rules[i]
		}
	}
	return rule{zone: AccountZone}
}

// may says whether a has right on patient, or on everyone if patient is
// empty, as far as that follows from who a is.
func (a Actor) may(right Right, patient string) bool {
	if a.ID == "" {
		return false
	}
	everyone, r := patient == "", ruleOf(right)
	switch a.Kind {
	case Patient:
		return !everyone && patient == a.Patient && r.self
	case Proxy:
		if !everyone && patient == a.Patient && r.self {
			return true
		}
		g, ok := a.grant(patient)
		return ok && !everyone && r.proxy && g.opens(r)
	case Link:
		return !everyone && patient == a.Patient && slices.Contains(a.Rights, right)
	case System:
		return slices.Contains(a.Rights, right)
	case Staff:
		return (!everyone || r.everyone) && a.hasRole(r.roles)
	}
	return false
}

// grant returns what a was granted on patient's record.
func (a Actor) grant(patient string) (Grant, bool) {
	for _, g := range a.Grants {
		if g.Patient == patient {
			return g, true
		}
	}
	return Grant{}, false
}

// opens says whether g names the right of r and a category that it is about.
func (g Grant) opens(r rule) bool {
	if !slices.Contains(g.Rights, r.right) {
		return false
	}
	return len(r.any) == 0 || slices.ContainsFunc(r.any, func(c Category) bool { return slices.Contains(g.Categories, c) })
}

// Sees says whether a's own record or grant shows a category of patient's, so
// that a page can leave out what leads nowhere.
func (a Actor) Sees(c Category, patient string) bool {
	if a.Kind == Staff || patient == a.Patient {
		return true
	}
	g, ok := a.grant(patient)
	return ok && slices.Contains(g.Categories, c)
}

func (a Actor) hasRole(any []Role) bool {
	return slices.ContainsFunc(any, func(r Role) bool { return slices.Contains(a.Roles, r) })
}
