package portal

import (
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/care/background"
	"hale/internal/care/result"
	"hale/internal/care/visit"
)

// entryPage is a list of one kind of entry, in English.
type entryPage struct {
	kind                                 background.Kind
	path, title, icon, empty, file, hint string
}

// entryPages are those whose entries need no page of their own.
var entryPages = []entryPage{
	{background.Device, "/health/devices", "Devices and implants", "heart-pulse", "No devices are listed", "Your clinic has no device or implant on file as of %s.", "If you have one in your body, please tell your care team."},
	{background.Family, "/health/family", "Health of your family", "users", "Nothing about your family is listed", "Your clinic has no family health history on file as of %s.", "If a parent, brother, sister or child had a serious illness, please tell your care team."},
	{background.Insurance, "/health/insurance", "Insurance", "file-heart", "No insurance is listed", "Your clinic has no insurance on file as of %s.", "Please bring your card to your next visit, or send us a photo of it."},
}

// entryCard is one entry, in words.
type entryCard struct {
	Entry background.Entry
	Title string
	Past  bool
	Facts []fact
}

// entryList lists one kind of entry: what holds now first.
func (p *Portal) entryList(e entryPage) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, pass, who, err := p.openPart(r, e.kind.Part(), e.title)
		if err != nil {
			return err
		}
		list, err := p.Entries.List(r.Context(), pass, e.kind, entriesMost)
		if err != nil {
			return err
		}
		var now, past []entryCard
		for _, one := range list {
			card := entryCard{Entry: one, Title: s.T(one.Name), Past: one.Over(p.Now()), Facts: entryFacts(s, one)}
			if one.Kind == background.Family {
				card.Title = relation(s, one)
			}
			if card.Past {
				past = append(past, card)
				continue
			}
			now = append(now, card)
		}
		return p.render(w, r, entriesPage(s, e, now, past, updatedAt(who.Updated, list)))
	}
}

// updatedAt returns when the newest of list changed.
func updatedAt(at time.Time, list []background.Entry) time.Time {
	for i, e := range list {
		if i == 0 || e.Updated.After(at) {
			at = e.Updated
		}
	}
	return at
}

// entryFacts is what is known of an entry.
func entryFacts(s sheet, e background.Entry) []fact {
	d, day := e.Detail, func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return s.day(t)
	}
	switch e.Kind {
	case background.Device:
		return factsOf(fact{s.T("Made by"), d.Maker}, fact{s.T("Model"), d.Model}, fact{s.T("Serial number"), d.Serial}, fact{s.T("Lot number"), d.Lot},
			fact{s.T("Good until"), born(s, d.Expiry)}, fact{s.T("Device number (UDI)"), d.UDI})
	case background.Insurance:
		order := ""
		if d.Position > 1 {
			order = s.T("Pays after your first plan")
		}
		return factsOf(fact{s.T("Company"), e.Person}, fact{s.T("Member number"), d.Member}, fact{s.T("Group number"), d.Group}, fact{s.T("In the name of"), d.Holder},
			fact{s.T("Since"), day(e.At)}, fact{s.T("Until"), day(e.Ended)}, fact{s.T("Order"), order})
	}
	return nil
}

// relation says who of the family an entry is about.
//
// Spec: http://terminology.hl7.org/CodeSystem/v3-RoleCode
func relation(s sheet, e background.Entry) string {
	if word, ok := relations[e.Detail.Relation]; ok {
		return s.T(word)
	}
	return e.Name
}

var relations = map[string]string{
	"FTH": "Father", "NFTH": "Father", "MTH": "Mother", "NMTH": "Mother", "BRO": "Brother", "NBRO": "Brother", "SIS": "Sister", "NSIS": "Sister",
	"SON": "Son", "DAU": "Daughter", "GRFTH": "Grandfather", "GRMTH": "Grandmother", "MGRMTH": "Mother’s mother", "MGRFTH": "Mother’s father",
	"PGRMTH": "Father’s mother", "PGRFTH": "Father’s father", "AUNT": "Aunt", "UNCLE": "Uncle",
}

// goalRow is a goal with how near it is.
type goalRow struct {
	Entry  background.Entry
	Target string
	Now    string // the newest value, in words
	Href   string // to its result
	Share  float64
	State  string
	Good   bool
}

// planData is what the page about plans and goals shows.
type planData struct {
	Goals   []goalRow
	Past    []background.Entry // goals that were reached or given up
	Plans   []background.Entry
	Updated time.Time
}

// plan shows goals with how near they are, and care plans with what to do.
func (p *Portal) plan(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Conditions, "Goals and care plan")
	if err != nil {
		return err
	}
	goals, err := p.Entries.List(r.Context(), pass, background.Goal, entriesMost)
	if err != nil {
		return err
	}
	d := planData{Updated: updatedAt(who.Updated, goals)}
	for _, g := range goals {
		if g.Over(p.Now()) {
			d.Past = append(d.Past, g)
			continue
		}
		row, err := p.goalRow(r, s, pass, g)
		if err != nil {
			return err
		}
		d.Goals = append(d.Goals, row)
	}
	plans, err := p.Entries.List(r.Context(), pass, background.Plan, entriesMost)
	if err != nil {
		return err
	}
	for _, one := range plans {
		if !one.Over(p.Now()) {
			d.Plans = append(d.Plans, one)
		}
	}
	return p.render(w, r, planPage(s, d))
}

// goalRow says how near a goal is, by the newest value of what it is about.
func (p *Portal) goalRow(r *http.Request, s sheet, pass access.Pass, g background.Entry) (goalRow, error) {
	row := goalRow{Entry: g, State: reached(s, g.Detail.Reached), Good: g.Detail.Reached == "achieved" || g.Detail.Reached == "sustaining"}
	if g.Detail.Due != "" {
		row.Target = s.T("By %s", born(s, g.Detail.Due))
	}
	if g.Code == "" {
		return row, nil
	}
	trend, err := p.Results.Trend(r.Context(), pass, g.Code, trendMost)
	if err != nil || len(trend) == 0 {
		return row, err
	}
	last := trend[len(trend)-1]
	row.Href = s.Link("/results/" + last.ID)
	row.Now = s.T("Now %s, on %s", result.Value(s.Lang, last), s.day(last.At))
	if first := trend[0]; first.HasValue && last.HasValue {
		row.Share = nearness(first.Kept(), last.Kept(), g.Detail)
		if row.Share >= 1 {
			row.State, row.Good = s.T("Reached"), true
		}
	}
	return row, nil
}

// nearness returns how much of the way from first to the goal was gone, from
// 0 to 1.
func nearness(first, last float64, d background.Detail) float64 {
	var aim float64
	switch {
	case d.High != nil && last <= *d.High, d.Low != nil && d.High == nil && last >= *d.Low:
		return 1
	case d.High != nil:
		aim = *d.High
	case d.Low != nil:
		aim = *d.Low
	default:
		return 0
	}
	if first == aim {
		return 0
	}
	return min(max((first-last)/(first-aim), 0), 1)
}

// reached says what the record says of a goal.
//
// Spec: https://hl7.org/fhir/R4/valueset-goal-achievement.html
func reached(s sheet, code string) string {
	switch code {
	case "achieved", "sustaining":
		return s.T("Reached")
	case "improving":
		return s.T("Getting nearer")
	case "worsening":
		return s.T("Further away than before")
	case "no-change", "in-progress":
		return s.T("On the way")
	case "not-achieved", "no-progress", "not-attainable":
		return s.T("Not reached yet")
	}
	return ""
}

// memberRow is somebody of the care team, in plain words.
type memberRow struct{ Name, Role, Seen string }

// teamData is what the page about the care team shows.
type teamData struct {
	Teams   []teamCard
	Seen    []memberRow // at visits, who are in no team
	Updated time.Time
}

type teamCard struct {
	Entry   background.Entry
	Members []memberRow
}

// team shows who looks after the patient, by what they do, and how to reach
// them.
func (p *Portal) team(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Documents, "Your care team")
	if err != nil {
		return err
	}
	list, err := p.Entries.List(r.Context(), pass, background.Team, entriesMost)
	if err != nil {
		return err
	}
	d := teamData{Updated: updatedAt(who.Updated, list)}
	known := map[string]bool{}
	for _, e := range list {
		if e.Over(p.Now()) {
			continue
		}
		card := teamCard{Entry: e}
		for _, m := range e.Detail.Members {
			known[m.Who] = true
			card.Members = append(card.Members, memberRow{Name: m.Who, Role: roleWords(s, m)})
		}
		d.Teams = append(d.Teams, card)
	}
	if d.Seen, err = p.seenAtVisits(r, s, known); err != nil {
		return err
	}
	return p.render(w, r, teamPage(s, d))
}

// seenAtVisits returns whom the patient saw at visits, the newest first, apart
// from those who are known.
func (p *Portal) seenAtVisits(r *http.Request, s sheet, known map[string]bool) ([]memberRow, error) {
	if !s.may(access.ReadVisits) || !s.sees(access.Visits) {
		return nil, nil
	}
	pass, err := p.Doors.Check(r.Context(), s.Actor, access.ReadVisits, s.Patient)
	if err != nil {
		return nil, err
	}
	past, err := p.Visits.Past(r.Context(), pass, 30)
	if err != nil {
		return nil, err
	}
	var list []memberRow
	for _, v := range past {
		if v.With != "" && !known[v.With] && v.Status != visit.Cancelled {
			known[v.With] = true
			list = append(list, memberRow{Name: v.With, Role: v.Title, Seen: s.T("You saw them on %s", s.day(v.Start))})
		}
	}
	return list, nil
}

// roleWords says in plain words what somebody of the team does.
func roleWords(s sheet, m background.Member) string {
	if word, ok := roleNames[m.Code]; ok {
		return s.T(word)
	}
	return s.T(m.Role)
}

// roleNames are roles by SNOMED CT, NUCC and HL7 codes.
var roleNames = map[string]string{
	"207Q00000X": "Your main doctor", "207R00000X": "Your main doctor", "446050000": "Your main doctor", "62247001": "Your family doctor", "17561000": "Heart doctor",
	"163W00000X": "Nurse", "224535009": "Nurse", "768820003": "Helps you plan your care", "152W00000X": "Eye doctor", "28229004": "Eye doctor",
	"46255001": "Pharmacist", "159033005": "Helps with food and diet", "80546007": "Helps you at home", "133932002": "Looks after you at home", "40127002": "Helps with food and diet",
}

// vitalData is one thing that is measured at visits, over time.
type vitalData struct {
	resultData
	Key  string
	More int // values that the table leaves out
}

// vitalOrder is what comes first, by LOINC; codes in one row are one thing.
var vitalOrder = [][]string{{"85354-9", "55284-4"}, {"29463-7", "3141-9"}, {"8867-4"}, {"2708-6", "59408-5"}, {"8310-5", "8331-1"}, {"8302-2"}, {"39156-5"}, {"9279-1"}}

// vitalsMost is how many values the page looks at.
const vitalsMost = 400

// vitals shows what is measured at visits and at home, each over time.
func (p *Portal) vitals(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Blood pressure, weight and more")
	if err != nil {
		return err
	}
	list, err := p.Results.Recent(r.Context(), pass, result.Vital, vitalsMost)
	if err != nil {
		return err
	}
	goals, err := p.Results.Goals(r.Context(), pass)
	if err != nil {
		return err
	}
	updated := who.Updated
	groups, order := map[string][]result.Result{}, []string{}
	for i := len(list) - 1; i >= 0; i-- { // oldest first
		res := list[i]
		if res.Updated.After(updated) {
			updated = res.Updated
		}
		key := vitalKey(res)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], res)
	}
	var cards []vitalData
	for _, key := range inVitalOrder(order) {
		trend := groups[key]
		if trend[len(trend)-1].Value == 0 && !trend[len(trend)-1].HasValue && len(trend[len(trend)-1].Parts) == 0 && trend[len(trend)-1].Said == "" {
			continue
		}
		trend = trend[max(0, len(trend)-trendMost):]
		d := describe(s, trend[len(trend)-1], trend, who, goals, p.Now())
		cards = append(cards, vitalData{resultData: d, Key: key, More: len(groups[key]) - len(trend)})
	}
	return p.render(w, r, vitalsPage(s, cards, updated))
}

// vitalKey names what a value measures: its first code of vitalOrder, else
// its own.
func vitalKey(r result.Result) string {
	for _, codes := range vitalOrder {
		for _, c := range codes {
			if c == r.Code {
				return codes[0]
			}
		}
	}
	if r.Code == "" {
		return r.Name
	}
	return r.Code
}

// inVitalOrder puts what people know first.
func inVitalOrder(keys []string) []string {
	var list []string
	has := map[string]bool{}
	for _, k := range keys {
		has[k] = true
	}
	for _, codes := range vitalOrder {
		if has[codes[0]] {
			list = append(list, codes[0])
			delete(has, codes[0])
		}
	}
	for _, k := range keys {
		if has[k] {
			list = append(list, k)
		}
	}
	return list
}

// meters writes a share of one in percent.
func meters(share float64) string { return strconv.Itoa(int(share*100+0.5)) + " %" }
