package desk

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/phone"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/care/patient"
	"hale/internal/care/visit"
	"hale/internal/reach"
	"hale/internal/store/audit"
)

// findMost is how many people one search shows.
const findMost = 25

// findPatients finds people by name, birth date, record number or phone. What
// is looked for comes in the body: an address is kept in histories and logs.
func (d *Desk) findPatients(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	q := strings.TrimSpace(strings.ToValidUTF8(cut(r.PostFormValue("q"), 80), ""))
	v := findView{Checks: d.Conformity != nil, Feeds: d.Feeds != nil, Query: q, Asked: q != ""}
	if v.Asked {
		list, err := d.find(r, pass, q)
		if err != nil {
			return err
		}
		if v.More = len(list) > findMost; v.More {
			list = list[:findMost]
		}
		for _, p := range list {
			v.Found = append(v.Found, d.personRow(p))
		}
	}
	title := "Patients"
	if v.Asked {
		title = "Found for “" + q + "”"
	}
	return d.Site.Render(w, r, http.StatusOK, findPage(d.view(r, title, "patients"), v))
}

// find looks a phone number up where q is one, else a name, a birth date or a
// record number.
func (d *Desk) find(r *http.Request, pass access.Pass, q string) ([]patient.Person, error) {
	if !strings.ContainsFunc(q, isLetter) && !strings.Contains(q, "/") {
		if n, err := phone.Parse(q, "US"); err == nil {
			ids, err := d.Contacts.PatientsAt(r.Context(), string(contact.SMS), string(n))
			if err != nil {
				return nil, err
			}
			if len(ids) > 0 {
				return d.Patients.Named(r.Context(), pass, ids[:min(len(ids), findMost+1)])
			}
		}
	}
	q = strings.TrimPrefix(strings.TrimPrefix(q, "MRN "), "mrn ")
	return d.Patients.Find(r.Context(), pass, q, findMost+1)
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f }

// patientPassKeys are the rights that open the summary's head, best first.
func patientRights() []access.Right {
	return []access.Right{access.ReadRecord, access.ReadContacts, access.ReadDecisions}
}

// showPatient shows the summary of one patient, as far as the reader's
// rights go.
func (d *Desk) showPatient(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	i := slices.IndexFunc(patientRights(), func(right access.Right) bool { return opens(r, right) })
	right := access.ReadRecord // refused, and audited
	if i >= 0 {
		right = patientRights()[i]
	} else if opens(r, access.AnswerPrivacy) {
		return d.showTrust(w, r, id) // as far as a privacy officer's rights go
	}
	looks, err := d.Audit.Of(r.Context(), id, 60) // before this look is one of them
	if err != nil {
		return err
	}
	pass, err := d.one(r, right, id)
	if access.NeedsReason(err) && d.Emergencies != nil && opens(r, access.BreakGlass) {
		http.Redirect(w, r, "/desk/patients/"+id+"/emergency", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	v := patientView{Name: person.Full, Deceased: person.Deceased, Facts: d.facts(person), Lead: strings.TrimPrefix(d.who(person), person.Full+" · ")}
	if v.Lead == person.Full {
		v.Lead = ""
	}
	v.Lead = strings.TrimPrefix(v.Lead, person.Full+", ")
	v.SignIn = d.Members != nil && may(r, access.AnswerVisits) && !person.Deceased
	if d.RuleBook != nil && opens(r, access.ReadContacts) {
		v.Reach = "/desk/patients/" + id + "/reach"
	}
	v.Bills = d.Bills != nil && opens(r, access.PayBills)
	v.Forms = d.Forms != nil && may(r, clerkRight(r))
	v.Write = d.Talk != nil && may(r, access.AnswerPatients) && !person.Deceased
	v.Apps = d.Apps != nil && opens(r, access.ReadRecord)
	if d.Protected != nil && opens(r, access.BreakGlass) {
		if v.Protected, err = d.Protected.Protected(r.Context(), pass, id); err != nil {
			return err
		}
	}
	for _, fill := range []func(*http.Request, string, *patientView) error{d.fillVisits, d.fillContacts, d.fillHistory, d.fillTrust} {
		if err := fill(r, id, &v); err != nil {
			return err
		}
	}
	if v.Looks, err = d.looks(r, looks); err != nil {
		return err
	}
	if err := d.fillTimeline(r, id, &v); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, patientPage(d.view(r, person.Full, "patients"), v))
}

// facts are the lines about who somebody is.
func (d *Desk) facts(p patient.Person) [][2]string {
	list := [][2]string{{"Born", bornWords(p.Born)}, {"Sex in the record", sentenceCase(p.Sex)}, {"Language", languageName(p.Lang)},
		{"Record number", p.MRN}, {"Lives in", place(p)}}
	return slices.DeleteFunc(list, func(f [2]string) bool { return f[1] == "" })
}

// place is where somebody lives: Riverside, IL 60546.
func place(p patient.Person) string {
	region := strings.TrimSpace(p.State + " " + p.Zip)
	if p.City != "" && region != "" {
		return p.City + ", " + region
	}
	return p.City + region
}

// phoneWords writes an American number the way people read it; any other,
// and any address, as it is.
func phoneWords(value string) string {
	if n, ok := strings.CutPrefix(value, "+1"); ok && len(n) == 10 {
		return "(" + n[:3] + ") " + n[3:6] + "-" + n[6:]
	}
	return value
}

// languageName is a language in words.
func languageName(tag string) string {
	short, _, _ := strings.Cut(strings.ToLower(tag), "-")
	for _, l := range languageOptions() {
		if l.Value == short && short != "" {
			return l.Text
		}
	}
	return tag
}

// fillVisits adds the visits, for those who may see them.
func (d *Desk) fillVisits(r *http.Request, id string, v *patientView) error {
	if v.Visits = opens(r, access.ReadVisits); !v.Visits {
		return nil
	}
	pass, err := d.one(r, access.ReadVisits, id)
	if err != nil {
		return err
	}
	coming, err := d.Visits.Upcoming(r.Context(), pass, 5)
	if err != nil {
		return err
	}
	past, err := d.Visits.Past(r.Context(), pass, 5)
	if err != nil {
		return err
	}
	for _, x := range coming {
		v.Coming = append(v.Coming, d.visitRow(id, x))
	}
	for _, x := range past {
		v.Past = append(v.Past, d.visitRow(id, x))
	}
	if v.Arriving, err = d.arrivingOf(r, pass, id, slices.Concat(past, coming)); err != nil {
		return err
	}
	v.Times = append(v.Times, d.visitTimes(slices.Concat(coming, past)...)...)
	return nil
}

// visitRow is one visit of the summary.
func (d *Desk) visitRow(patient string, x visit.Visit) visitRow {
	row := visitRow{When: d.clock(x.Start), Title: x.Title}
	if d.Agenda != nil && patient != "" {
		row.Href = visitHref(patient, x.ID)
	}
	var sub []string
	if x.With != "" {
		sub = append(sub, "with "+x.With)
	}
	if way := viaWord(x.Via); way != "" {
		sub = append(sub, way)
	}
	row.Sub = strings.Join(sub, " · ")
	switch {
	case x.Status == visit.Cancelled:
		row.Chip = "Cancelled"
	case x.Status == visit.NoShow:
		row.Chip, row.Tone = "Did not come", "watch"
	case x.Open(d.now()):
		row.Chip, row.Tone = "Booked", "brand"
	case x.Status == visit.Fulfilled:
		row.Chip, row.Tone = "Done", "good"
	default:
		row.Chip = sentenceCase(string(x.Status))
	}
	return row
}

// viaWord says how a visit was booked.
func viaWord(via string) string {
	switch via {
	case "link":
		return "booked from a message"
	case "portal":
		return "booked in the portal"
	case "desk":
		return "booked at the desk"
	case "phone":
		return "booked by phone"
	}
	return ""
}

// fillContacts adds addresses, wishes and permissions, for those who may see
// them.
func (d *Desk) fillContacts(r *http.Request, id string, v *patientView) error {
	if v.Contacts = opens(r, access.ReadContacts); !v.Contacts {
		return nil
	}
	pass, err := d.one(r, access.ReadContacts, id)
	if err != nil {
		return err
	}
	if d.Words != nil {
		v.WayTo = "/desk/patients/" + id + "/reach"
	}
	points, err := d.Contacts.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	wishes, err := d.Contacts.Preferences(r.Context(), pass)
	if err != nil {
		return err
	}
	said, err := d.Consents.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	back, err := d.Reach.Bounces(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, p := range points {
		v.Points = append(v.Points, d.cameBack(pointView(p), p, back[p.Kind][p.Value]))
	}
	for _, w := range wishes {
		v.Choices = append(v.Choices, wishLines(w)...)
	}
	for _, e := range slices.Backward(said) {
		v.Consents = append(v.Consents, eventRow{When: d.day(e.At), Words: consentWords(e)})
	}
	return nil
}

// cameBack adds why mail to an address came back, and what happens next. What
// is over, and was no lasting fault of the address, is not told.
func (d *Desk) cameBack(row pointRow, p contact.Point, b reach.Bounce) pointRow {
	now := d.now()
	if b.Kind == "" || p.Status != contact.Bounced && !b.Again.After(now) {
		return row
	}
	row.Why = b.Words(now, d.Site.Clinic.Zone)
	if p.Status == contact.Active {
		row.State, row.Tone = "Came back", "watch"
	}
	return row
}

// pointView is one address of the summary.
func pointView(p contact.Point) pointRow {
	row := pointRow{Icon: "smartphone", Value: phoneWords(p.Value), State: "Works", Tone: "good"}
	switch p.Kind {
	case contact.Email:
		row.Icon, row.Note = "mail", "email"
	case contact.Voice:
		row.Icon, row.Note = "phone", "calls only"
	default:
		row.Note = "calls and texts"
	}
	if p.Shared {
		row.Note += " · shared with somebody else"
	}
	switch p.Status {
	case contact.Bounced:
		row.State, row.Tone = "Messages come back", "watch"
	case contact.OptedOut:
		row.State, row.Tone = "Asked to stop", "act"
	case contact.WrongPerson:
		row.State, row.Tone = "Not this person", "act"
	case contact.Gone:
		row.State, row.Tone = "No longer valid", ""
	}
	return row
}

// wishLines are what a person asked for about one topic.
func wishLines(w contact.Preference) [][2]string {
	topic := "Everything"
	if w.Topic != "*" {
		topic = purposeName(w.Topic)
	}
	var list [][2]string
	if len(w.Channels) > 0 {
		words := make([]string, len(w.Channels))
		for i, c := range w.Channels {
			words[i] = channelWord(c)
		}
		list = append(list, [2]string{topic, sentenceCase(strings.Join(words, ", then "))})
	}
	if w.HourFrom != 0 || w.HourTo != 0 {
		list = append(list, [2]string{topic + ": hours", hour(w.HourFrom) + " – " + hour(w.HourTo)})
	}
	if w.Lang != "" {
		list = append(list, [2]string{topic + ": language", languageName(w.Lang)})
	}
	if w.LargePrint {
		list = append(list, [2]string{topic, "Large print"})
	}
	return list
}

// hour writes an hour of the day: 9 am.
func hour(h int) string { return time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC).Format("3 pm") }

// consentWords says what a person allowed or forbade, and how.
func consentWords(e consent.Event) string {
	what := "all messages"
	if e.Purpose != consent.Any {
		what = "messages of the kind “" + purposeName(e.Purpose) + "”"
	}
	if e.Channel != consent.Any {
		what += " by " + channelWord(e.Channel)
	}
	how := methodWords(e.Method)
	switch e.Action {
	case consent.Grant:
		return "Agreed to " + what + how + "."
	case consent.Revoke:
		return "Stopped " + what + how + "."
	case consent.WarnAck:
		return "Knows that plain email can be read by others, and wants it anyway" + how + "."
	case consent.Authorize:
		return "Signed a permission for " + what + how + "."
	}
	return sentenceCase(string(e.Action)) + " " + what + how + "."
}

func methodWords(method string) string {
	switch method {
	case "sms_keyword", "reply":
		return ", in an answer"
	case "sms_freetext":
		return ", in words by text"
	case "portal":
		return ", in the portal"
	case "link":
		return ", on the page behind a link"
	case "staff":
		return ", told staff"
	case "form":
		return ", on a form"
	case "import":
		return ", as imported"
	case "one_click", "email":
		return ", from an email"
	}
	return ""
}

// fillHistory adds the outreaches that included the patient.
func (d *Desk) fillHistory(r *http.Request, id string, v *patientView) error {
	if v.History = opens(r, access.ReadDecisions); !v.History {
		return nil
	}
	pass, err := d.one(r, access.ReadDecisions, id)
	if err != nil {
		return err
	}
	list, err := d.Reach.Met(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, m := range list {
		v.Outreach = append(v.Outreach, d.historyRow(m))
	}
	v.Times = append(v.Times, d.messageTimes(list)...)
	return nil
}

func (d *Desk) historyRow(m reach.Member) historyRow {
	row := historyRow{Href: path(m.Outreach) + "/patients/" + m.Patient, Name: m.Name, When: d.day(m.Decided)}
	row.State, row.Tone = memberWord(m.State)
	switch {
	case !m.Acted.IsZero():
		row.State, row.Tone = "Acted", "good"
	case !m.Seen.IsZero():
		row.State, row.Tone = "Seen", "good"
	}
	return row
}

// lookRows is how many lines about looks the summary shows.
const lookRows = 12

// looks puts audit rows into words: who, what, how often on a day.
func (d *Desk) looks(r *http.Request, rows []audit.Row) ([]eventRow, error) {
	type key struct {
		day, who, action string
		granted          bool
	}
	var order []key
	n := map[key]int{}
	names := map[string]string{}
	for _, row := range rows {
		who, err := d.lookerName(r, row, names)
		if err != nil {
			return nil, err
		}
		k := key{d.day(row.At), who, lookWords(row.Action), row.Granted}
		if n[k] == 0 {
			order = append(order, k)
		}
		n[k]++
	}
	var list []eventRow
	for _, k := range order[:min(len(order), lookRows)] {
		text := k.who + " " + k.action
		switch {
		case !k.granted && k.action == lookWords(account.SignedIn):
			text = "Somebody tried to sign in as " + k.who + " and did not get in"
		case !k.granted:
			text = k.who + " asked and was refused"
		}
		if n[k] > 1 {
			text += ", " + counted(n[k], "time", "times")
		}
		list = append(list, eventRow{When: k.day, Words: text + "."})
	}
	return list, nil
}

// lookerName is the name of whoever looked.
func (d *Desk) lookerName(r *http.Request, row audit.Row, names map[string]string) (string, error) {
	switch access.Kind(row.ActorKind) {
	case access.System:
		return "Hale itself (" + row.Actor + ")", nil
	case access.Link:
		return "Whoever opened a link and gave the birth date", nil
	}
	return d.accountName(r, row.Actor, names)
}

// accountName is the name of an account's person; names keeps those known.
func (d *Desk) accountName(r *http.Request, id string, names map[string]string) (string, error) {
	if n, ok := names[id]; ok {
		return n, nil
	}
	a, err := d.Accounts.Get(r.Context(), id)
	if err != nil && !noRight(err) {
		return "", err
	}
	name := a.Name
	if name == "" {
		name = "An account that is gone"
	}
	names[id] = name
	return name, nil
}
