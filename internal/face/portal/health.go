package portal

import (
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
)

// part is one entry of the record's index.
type part struct {
	Href, Icon, Title, Count string
	Updated                  time.Time
}

// health is the index of the record.
func (p *Portal) health(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Your record", "record")
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	parts, err := p.parts(r, pass, s)
	if err != nil {
		return err
	}
	return p.render(w, r, healthPage(s, who, parts))
}

// parts counts everything once.
func (p *Portal) parts(r *http.Request, pass access.Pass, s sheet) ([]part, error) {
	results, resultsAt, err := p.Results.Count(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	medicines, medicinesAt, err := p.Medicines.Count(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	documents, documentsAt, err := p.Documents.Count(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	counts, err := p.Problems.Counts(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	l := s.Lang
	of := func(kind problem.Kind, href, icon, title, one, many string) part {
		c := counts[kind]
		return part{s.Link(href), icon, s.T(title), l.N(c.N, one, many), c.Updated}
	}
	list := []part{
		{s.Link("/health/results"), "flask-conical", s.T("Test results"), l.N(results, "%d result", "%d results"), resultsAt},
		{s.Link("/health/medicines"), "pill", s.T("Medicines"), l.N(medicines, "%d current", "%d current"), medicinesAt},
		of(problem.Condition, "/health/conditions", "stethoscope", "Conditions", "%d listed", "%d listed"),
		of(problem.Allergy, "/health/allergies", "triangle-alert", "Allergies", "%d listed", "%d listed"),
		of(problem.Vaccine, "/health/vaccines", "syringe", "Vaccines", "%d given", "%d given"),
		of(problem.Procedure, "/health/procedures", "clipboard-list", "Procedures", "%d done", "%d done"),
		{s.Link("/health/documents"), "file-text", s.T("Documents and plans"), l.N(documents, "%d to read", "%d to read"), documentsAt},
	}
	parts := list[:0]
	for i, c := range [...]access.Category{access.Results, access.Medicines, access.Conditions, access.Conditions, access.Conditions, access.Conditions, access.Documents} {
		if s.sees(c) {
			parts = append(parts, list[i])
		}
	}
	return parts, nil
}

// complete returns when the record last changed.
func complete(at time.Time, parts []part) time.Time {
	for _, p := range parts {
		if p.Updated.After(at) {
			at = p.Updated
		}
	}
	return at
}

// resultRow is one result in a list.
type resultRow struct {
	ID      string
	Title   string
	At      time.Time
	Vital   bool
	Meaning result.Meaning
	Status  string
}

// explained returns a row for each of list, newest first, which also tells
// the value before.
func explained(l lang.Lang, list []result.Result, who patient.Person, goals map[string]result.Goal, now time.Time) []resultRow {
	rows := make([]resultRow, len(list))
	before := map[string]*result.Result{}
	for i := len(list) - 1; i >= 0; i-- {
		res := list[i]
		var goal *result.Goal
		if g, ok := goals[res.Code]; ok {
			goal = &g
		}
		m := result.Explain(l, res, result.Person{Sex: who.Sex, Born: who.Born}, before[res.Code], goal, now)
		rows[i] = resultRow{ID: res.ID, Title: result.Title(l, res), At: res.At, Vital: res.Category == result.Vital, Meaning: m, Status: statusNote(l, res.Status)}
		before[res.Code] = &list[i]
	}
	return rows
}

// statusNote says what is special about a result's status.
func statusNote(l lang.Lang, status string) string {
	switch status {
	case "preliminary", "registered", "partial":
		return l.T("Not final yet")
	case "amended", "corrected":
		return l.T("Corrected")
	}
	return ""
}

// perPage is how many results a page lists: about a hundred keep it below
// 100 kB on the wire and short enough to read.
const perPage = 60

// resultsData is what the list of results shows.
type resultsData struct {
	Days          [][]resultRow
	Show          result.Category
	Updated       time.Time
	Newer, Older  string
	Total         int
	Waits         []waitData
	Choose        bool // how results come
	LastResultDay time.Time
}

// resultList lists results by the day they were taken.
func (p *Portal) resultList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Test results", "record")
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = min(max(page, 1), 50)
	d := resultsData{Updated: who.Updated}
	switch c := result.Category(r.URL.Query().Get("show")); c {
	case result.Laboratory, result.Vital:
		d.Show = c
	}
	list, err := p.Results.Recent(r.Context(), pass, d.Show, page*perPage+1)
	if err != nil {
		return err
	}
	goals, err := p.Results.Goals(r.Context(), pass)
	if err != nil {
		return err
	}
	total, updated, err := p.Results.Count(r.Context(), pass)
	if err != nil {
		return err
	}
	if d.Total = total; total > 0 {
		d.Updated = updated
	}
	d.Choose = p.Releases != nil
	if d.Waits, err = p.waits(r, s, pass); err != nil {
		return err
	}
	rows := explained(s.Lang, list, who, goals, p.Now())
	address := func(n int) string {
		return s.Link("/health/results") + "?show=" + string(d.Show) + "&page=" + strconv.Itoa(n)
	}
	if page > 1 {
		d.Newer = address(page - 1)
	}
	if len(rows) > page*perPage {
		d.Older = address(page + 1)
	}
	rows = rows[min((page-1)*perPage, len(rows)):min(page*perPage, len(rows))]
	d.Days = byDay(rows, s.Zone)
	return p.render(w, r, resultsPage(s, d))
}

// byDay parts rows, newest first, where the day changes.
func byDay(rows []resultRow, zone *time.Location) [][]resultRow {
	var days [][]resultRow
	last := ""
	for _, row := range rows {
		day := row.At.In(zone).Format(time.DateOnly)
		if day != last {
			days, last = append(days, nil), day
		}
		days[len(days)-1] = append(days[len(days)-1], row)
	}
	return days
}

// medicineList lists medicines, those to take now first.
func (p *Portal) medicineList(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Medicines", "record")
	if err != nil {
		return err
	}
	who, err := p.person(r, pass)
	if err != nil {
		return err
	}
	list, err := p.Medicines.List(r.Context(), pass, 300)
	if err != nil {
		return err
	}
	s.Zone = p.zone(who)
	updated := who.Updated
	var now, past []medication.Medicine
	for i, m := range list {
		if i == 0 || m.Updated.After(updated) {
			updated = m.Updated
		}
		if m.Current() {
			now = append(now, m)
			continue
		}
		past = append(past, m)
	}
	return p.render(w, r, medicinesPage(s, now, past, updated))
}

// problemList lists one kind of problem.
func (p *Portal) problemList(kind problem.Kind) handler {
	words := kindWordsOf[kind]
	return func(w http.ResponseWriter, r *http.Request) error {
		s, pass, err := p.open(r, access.ReadRecord, words.title, "record")
		if err != nil {
			return err
		}
		who, err := p.person(r, pass)
		if err != nil {
			return err
		}
		list, err := p.Problems.List(r.Context(), pass, kind, 300)
		if err != nil {
			return err
		}
		s.Zone = p.zone(who)
		updated := who.Updated
		var now, past []problem.Problem
		for i, q := range list {
			if i == 0 || q.Updated.After(updated) {
				updated = q.Updated
			}
			if q.Over() {
				past = append(past, q)
				continue
			}
			now = append(now, q)
		}
		return p.render(w, r, problemsPage(s, words, now, past, updated))
	}
}

// kindText is how a list of problems is titled, in English.
type kindText struct{ title, icon, empty, hint, past string }

var kindWordsOf = map[problem.Kind]kindText{
	problem.Condition: {"Conditions", "stethoscope", "No conditions are listed", "Health problems that your care team writes down show here.", "Past conditions"},
	problem.Allergy:   {"Allergies", "triangle-alert", "No allergies are listed", "If you have an allergy, please tell your care team.", "Past allergies"},
	problem.Vaccine:   {"Vaccines", "syringe", "No vaccines are listed", "Shots that you get at the clinic show here.", ""},
	problem.Procedure: {"Procedures", "clipboard-list", "No procedures are listed", "Exams and treatments that were done show here.", ""},
}
