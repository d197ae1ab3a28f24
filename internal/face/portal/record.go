package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/background"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/review"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/face/web"
	"hale/internal/record/arrival"
)

// entries is what the portal needs of package background.
type entries interface {
	List(ctx context.Context, pass access.Pass, kind background.Kind, n int) ([]background.Entry, error)
	Pending(ctx context.Context, pass access.Pass, after time.Time, n int) ([]background.Entry, error)
	Counts(ctx context.Context, pass access.Pass) (map[background.Kind]background.Count, error)
}

// reviews is what the portal needs of package review.
type reviews interface {
	Of(ctx context.Context, pass access.Pass) (map[string]review.State, error)
	Panels(ctx context.Context, pass access.Pass, n int) ([]review.Panel, error)
	Reports(ctx context.Context, pass access.Pass, n int) ([]review.Panel, error)
	Panel(ctx context.Context, pass access.Pass, id string) (review.Panel, error)
	Says(ctx context.Context, l lang.Lang, code string, at review.Place) (string, error)
}

// feeds is what the portal needs of package arrival.
type feeds interface {
	List(ctx context.Context) ([]arrival.Feed, error)
}

// entriesMost is how many entries of one kind a page lists.
const entriesMost = 200

// listRoutes adds the lists of the record that are always there.
func (p *Portal) listRoutes(both func(method, path string, h handler)) {
	both("GET", "/health", p.health)
	both("GET", "/health/results", p.shared(access.Results, access.ReadRecord, p.resultList))
	both("GET", "/results/{id}", p.shared(access.Results, access.ReadRecord, p.result))
	both("GET", "/results/prefs", p.prefs)
	both("POST", "/results/prefs", p.setPrefs)
	both("GET", "/health/conditions", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Condition)))
	both("GET", "/health/allergies", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Allergy)))
	both("GET", "/health/vaccines", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Vaccine)))
	both("GET", "/health/procedures", p.shared(access.Conditions, access.ReadRecord, p.problemList(problem.Procedure)))
	both("GET", "/health/documents", p.shared(access.Documents, access.ReadRecord, p.documentList))
	both("GET", "/documents/{id}", p.shared(access.Documents, access.ReadRecord, p.document))
	both("GET", "/documents/send", p.uploadAsk)
	both("POST", "/documents/send", p.upload)
	both("GET", "/documents/sent", p.uploaded)
	both("GET", "/documents/{id}/file", p.shared(access.Documents, access.ReadRecord, p.documentFile))
}

// recordRoutes adds the pages of the record.
func (p *Portal) recordRoutes(both func(method, path string, h handler)) {
	p.listRoutes(both)
	both("GET", "/health/vitals", p.shared(access.Results, access.ReadRecord, p.vitals))
	both("POST", "/health/search", p.shared("", access.ReadRecord, p.search))
	both("GET", "/health/search", p.shared("", access.ReadRecord, p.searchAsk))
	for kind, words := range kindWordsOf {
		both("GET", words.path+"/{id}", p.shared(access.Conditions, access.ReadRecord, p.problem(kind)))
	}
	if p.Feeds != nil {
		both("GET", "/health/sources", p.shared("", access.ReadRecord, p.sources))
	}
	if p.Tasks != nil {
		both("GET", "/health/wrong", p.shared("", access.ReadRecord, p.wrongAsk))
		both("POST", "/health/wrong", p.shared("", access.SendMessages, p.wrongSay))
	}
	if p.Reviews != nil {
		both("GET", "/health/panels/{id}", p.shared(access.Results, access.ReadRecord, p.panel))
	}
	if p.Entries == nil {
		return
	}
	both("GET", "/results/pending", p.shared(access.Results, access.ReadRecord, p.pending))
	for _, e := range entryPages {
		both("GET", e.path, p.shared(e.kind.Part(), access.ReadRecord, p.entryList(e)))
	}
	both("GET", "/health/plan", p.shared(access.Conditions, access.ReadRecord, p.plan))
	both("GET", "/health/team", p.shared(access.Documents, access.ReadRecord, p.team))
}

// said is what the patient told the clinic about an entry of the record: that
// it is wrong, and how far that is.
type said struct{ Href, Text string }

// standing puts where the record comes from, and what the patient said is
// wrong in it, onto the sheet of a page of the record.
func (p *Portal) standing(r *http.Request, s *sheet, right access.Right, pass access.Pass) (err error) {
	if right != access.ReadRecord {
		return nil
	}
	if p.Feeds != nil {
		if s.Feeds, err = p.Feeds.List(r.Context()); err != nil {
			return err
		}
	}
	s.Said, s.Writes = map[string]said{}, p.Talk != nil
	if p.Requests != nil && s.may(access.AskPrivacy) {
		asked, err := p.Requests.Amendments(r.Context(), pass)
		if err != nil {
			return err
		}
		for about, one := range asked {
			text := s.T("You asked us to fix this on %s. We answer by %s.", s.day(one.Asked), s.day(one.LastDay()))
			if !one.State.Waits() {
				text = s.T("You asked us to fix this on %s. We have answered.", s.day(one.Asked))
			}
			s.Said[about] = said{s.Link("/privacy/" + one.ID), text}
		}
	}
	if p.Tasks == nil {
		return nil
	}
	s.Slips = true
	told, err := p.Tasks.Mine(r.Context(), pass, askedMost)
	if err != nil {
		return err
	}
	for _, t := range told {
		if _, ok := s.Said[t.Focus]; t.Kind == task.Record && t.Focus != "" && !ok {
			text := s.T("You told us about this on %s. We answer by %s.", s.day(t.Asked), s.day(t.Due))
			if !t.Status.Open() {
				text = s.T("You told us about this on %s. We have answered.", s.day(t.Asked))
			}
			s.Said[t.Focus] = said{s.Link("/requests/" + t.ID), text}
		}
	}
	return nil
}

// openPart opens a page about a part of the record.
func (p *Portal) openPart(r *http.Request, part access.Category, title string) (sheet, access.Pass, patient.Person, error) {
	s, pass, err := p.open(r, access.ReadRecord, title, "record")
	if err != nil {
		return s, pass, patient.Person{}, err
	}
	who, err := p.person(r, pass)
	s.Zone, s.Part = p.zone(who), part
	return s, pass, who, err
}

// cameBy says by whom something came to the clinic, in words; what has no
// source was written here.
func (s sheet) cameBy(source string) string {
	if source == "" {
		return s.Site.Clinic.Name
	}
	for _, f := range s.Feeds {
		if f.Name == source && f.Title != "" {
			return f.Title
		}
	}
	return source
}

// feedState is how the sources of the page's part of the record stand.
func (s sheet) feedState() arrival.Standing {
	if s.Part == "" {
		return arrival.Of(s.Feeds, s.Now())
	}
	return arrival.Of(s.Feeds, s.Now(), s.Part)
}

// from names the sources of the page's part of the record.
func (s sheet) from() string {
	names := []string{s.Site.Clinic.Name}
	for _, n := range s.feedState().From {
		if n != s.Site.Clinic.Name && len(names) < 4 {
			names = append(names, n)
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return s.T("%s and %s", strings.Join(names[:last], ", "), names[last])
}

// whole returns up to when a list is complete: by the sources where they say
// so, else when the record last changed.
func (s sheet) whole(updated time.Time) time.Time {
	if at := s.feedState().Whole; !at.IsZero() {
		return at
	}
	return updated
}

// sourceRow is one source of the record, in words.
type sourceRow struct {
	Title, Brings, State string
	Kind                 arrival.State
}

// sources says where the record comes from, and how far each source has come.
func (p *Portal) sources(w http.ResponseWriter, r *http.Request) error {
	s, _, _, err := p.openPart(r, "", "Where your record comes from")
	if err != nil {
		return err
	}
	rows := []sourceRow{{Title: s.Site.Clinic.Name, Brings: s.T("What your care team writes here"), State: s.T("Shows at once")}}
	for _, f := range s.Feeds {
		state, since := f.State(s.Now())
		row := sourceRow{Title: f.Called(), Kind: state}
		var parts []string
		for _, c := range f.Brings {
			parts = append(parts, s.T(partNames[c]))
		}
		if row.Brings = strings.Join(parts, ", "); row.Brings == "" {
			row.Brings = s.T("All parts of the record")
		}
		switch state {
		case arrival.Coming:
			row.State = s.T("Still arriving since %s", s.clock(since))
		case arrival.Away:
			row.State = s.T("We cannot reach it since %s", s.clock(since))
		default:
			row.State = s.T("Complete to %s", s.clock(since))
		}
		rows = append(rows, row)
	}
	return p.render(w, r, sourcesPage(s, rows))
}

// partNames are the parts of the record, in words.
var partNames = map[access.Category]string{
	access.Results: "Test results", access.Medicines: "Medicines", access.Conditions: "Conditions", access.Visits: "Visits",
	access.Documents: "Documents and plans", access.Messages: "Messages", access.Bills: "Bills and insurance",
}

// problem is the page of one condition, allergy, vaccine or procedure.
func (p *Portal) problem(kind problem.Kind) handler {
	words := kindWordsOf[kind]
	return func(w http.ResponseWriter, r *http.Request) error {
		s, pass, _, err := p.openPart(r, access.Conditions, words.title)
		if err != nil {
			return err
		}
		q, err := p.Problems.Get(r.Context(), pass, kind, r.PathValue("id"))
		if err != nil {
			return s.orProve(err)
		}
		s.Title = problemName(s, q)
		return p.render(w, r, problemPage(s, words, q))
	}
}

// pendingBack is how old an order may be and still be waited for.
const pendingBack = 366 * 24 * time.Hour

// pending lists the tests that were ordered and have no result yet.
func (p *Portal) pending(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Tests to come")
	if err != nil {
		return err
	}
	list, err := p.Entries.Pending(r.Context(), pass, p.Now().Add(-pendingBack), entriesMost)
	if err != nil {
		return err
	}
	updated := who.Updated
	for i, e := range list {
		if i == 0 || e.Updated.After(updated) {
			updated = e.Updated
		}
	}
	return p.render(w, r, pendingPage(s, list, updated))
}

// panelData is a report over several results.
type panelData struct {
	Panel review.Panel
	Words web.Words // of its remark
	Rows  []resultRow
}

// panel shows the results of one report together.
func (p *Portal) panel(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Results, "Test results")
	if err != nil {
		return err
	}
	d := panelData{}
	if d.Panel, err = p.Reviews.Panel(r.Context(), pass, r.PathValue("id")); err != nil {
		return s.orProve(err)
	}
	goals, err := p.Results.Goals(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, id := range d.Panel.Results {
		res, err := p.Results.Get(r.Context(), pass, id)
		if err != nil {
			continue // not one that is shown: its line is left out
		}
		trend, err := p.Results.Trend(r.Context(), pass, res.Code, 2)
		if err != nil {
			return err
		}
		if len(trend) == 2 && trend[1].ID == res.ID {
			d.Rows = append(d.Rows, explained(s.Lang, newestFirst(trend), who, goals, p.Now())[0])
			continue
		}
		d.Rows = append(d.Rows, explained(s.Lang, oneResult(res), who, goals, p.Now())...)
	}
	words, err := p.translated(r, pass, translation.Report)
	if err != nil {
		return err
	}
	d.Words = words.words(d.Panel.ID, d.Panel.Remark)
	s.Title = d.Panel.Title
	return p.render(w, r, panelPage(s, d))
}

// addReviews says in each row who looked at it.
func (p *Portal) addReviews(r *http.Request, s sheet, pass access.Pass, rows []resultRow) error {
	if p.Reviews == nil {
		return nil
	}
	states, err := p.Reviews.Of(r.Context(), pass)
	if err != nil {
		return err
	}
	for i := range rows {
		switch st := states[rows[i].ID]; {
		case st.Waiting:
			rows[i].Looked = s.T("Not yet reviewed by your team")
		case st.Looked:
			rows[i].Looked = looked(s, st.By, st.At)
		}
	}
	return nil
}

// panelsMost is how many reports over several results the list leads to.
const panelsMost = 30

// addOrders adds the tests without a result, and reports over several.
func (p *Portal) addOrders(r *http.Request, pass access.Pass, d *resultsData) error {
	if p.Entries != nil {
		list, err := p.Entries.Pending(r.Context(), pass, p.Now().Add(-pendingBack), entriesMost)
		if err != nil {
			return err
		}
		d.Pending = len(list)
	}
	if p.Reviews == nil {
		return nil
	}
	var err error
	if d.Panels, err = p.Reviews.Panels(r.Context(), pass, panelsMost); err != nil {
		return err
	}
	d.Reports, err = p.Reviews.Reports(r.Context(), pass, panelsMost)
	return err
}

// entryParts adds to the index of the record what package background has.
func (p *Portal) entryParts(r *http.Request, pass access.Pass, s sheet, parts []part) ([]part, error) {
	if p.Entries == nil {
		return parts, nil
	}
	counts, err := p.Entries.Counts(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	add := func(c access.Category, href, icon, title, count string, kinds ...background.Kind) {
		if !s.sees(c) {
			return
		}
		n, updated := 0, time.Time{}
		for _, k := range kinds {
			n += counts[k].N
			if counts[k].Updated.After(updated) {
				updated = counts[k].Updated
			}
		}
		if count == "" {
			count = howMany(s.Lang, n, "%d listed", "%d listed")
		}
		parts = append(parts, part{s.Link(href), icon, s.T(title), count, updated})
	}
	add(access.Conditions, "/health/plan", "clipboard-list", "Goals and care plan", "", background.Goal, background.Plan)
	if p.Dues != nil && p.Tasks != nil {
		add(access.Documents, "/health/due", "calendar-days", "What is due", s.T("Shots and care that it is time for"))
	}
	add(access.Documents, "/health/team", "stethoscope", "Your care team", s.T("Who they are and how to reach them"), background.Team)
	for _, e := range entryPages {
		add(e.kind.Part(), e.path, e.icon, e.title, "", e.kind)
	}
	return parts, nil
}
