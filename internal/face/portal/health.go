package portal

import (
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/care/review"
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
		return part{s.Link(href), icon, s.T(title), howMany(l, c.N, one, many), c.Updated}
	}
	list := []part{
		{s.Link("/health/results"), "flask-conical", s.T("Test results"), howMany(l, results, "%d result", "%d results"), resultsAt},
		{s.Link("/health/medicines"), "pill", s.T("Medicines"), howMany(l, medicines, "%d current", "%d current"), medicinesAt},
		{s.Link("/health/vitals"), "activity", s.T("Blood pressure, weight and more"), s.T("Over time, with drawings"), time.Time{}},
		of(problem.Condition, "/health/conditions", "stethoscope", "Conditions", "%d listed", "%d listed"),
		of(problem.Allergy, "/health/allergies", "triangle-alert", "Allergies", "%d listed", "%d listed"),
		of(problem.Vaccine, "/health/vaccines", "syringe", "Vaccines", "%d given", "%d given"),
		of(problem.Procedure, "/health/procedures", "clipboard-list", "Procedures", "%d done", "%d done"),
		{s.Link("/health/documents"), "file-text", s.T("Documents and plans"), howMany(l, documents, "%d to read", "%d to read"), documentsAt},
	}
	parts := list[:0]
	for i, c := range [...]access.Category{access.Results, access.Medicines, access.Results, access.Conditions, access.Conditions, access.Conditions, access.Conditions, access.Documents} {
		if s.sees(c) {
			parts = append(parts, list[i])
		}
	}
	return p.entryParts(r, pass, s, parts)
}

// howMany counts what is listed; a zero is said in words.
func howMany(l lang.Lang, n int, one, many string) string {
	if n == 0 {
		return l.T("Nothing listed")
	}
	return l.N(n, one, many)
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
	Looked  string // who looked at it, in words; empty: nothing is known
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

// perPage is how many results a page lists: more are too long to look through
// on a phone. The others are behind “Older”, and a box looks for words.
const perPage = 20

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
	Pending       int // tests without a result yet
	Panels        []review.Panel
	Reports       []review.Panel // told in words
}

// resultList lists results by the day they were taken.
func (p *Portal) resultList(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Test results")
	if err != nil {
		return err
	}
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
	if err := p.addReviews(r, s, pass, rows); err != nil {
		return err
	}
	if page == 1 && d.Show != result.Vital {
		if err := p.addOrders(r, pass, &d); err != nil {
			return err
		}
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

// problemList lists one kind of problem.
func (p *Portal) problemList(kind problem.Kind) handler {
	words := kindWordsOf[kind]
	return func(w http.ResponseWriter, r *http.Request) error {
		s, pass, who, err := p.openPart(r, access.Conditions, words.title)
		if err != nil {
			return err
		}
		list, err := p.Problems.List(r.Context(), pass, kind, 300)
		if err != nil {
			return err
		}
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

// kindText is how a list of problems is titled, in English. File is a whole
// sentence with a place for the time.
type kindText struct{ path, title, icon, empty, file, hint, past string }

var kindWordsOf = map[problem.Kind]kindText{
	problem.Condition: {"/health/conditions", "Conditions", "stethoscope", "No conditions are listed", "Your clinic has no conditions on file as of %s.", "Health problems that your care team writes down show here.", "Past conditions"},
	problem.Allergy:   {"/health/allergies", "Allergies", "triangle-alert", "No allergies are listed", "Your clinic has no allergies on file as of %s.", "If you have an allergy, please tell your care team.", "Past allergies"},
	problem.Vaccine:   {"/health/vaccines", "Vaccines", "syringe", "No vaccines are listed", "Your clinic has no vaccines on file as of %s.", "Shots that you get at the clinic show here.", ""},
	problem.Procedure: {"/health/procedures", "Procedures", "clipboard-list", "No procedures are listed", "Your clinic has no procedures on file as of %s.", "Exams and treatments that were done show here.", ""},
}
