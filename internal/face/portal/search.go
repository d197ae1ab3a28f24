package portal

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"hale/internal/access"
	"hale/internal/care/background"
	"hale/internal/care/problem"
	"hale/internal/care/result"
)

// hit is one thing of the record that has the words.
type hit struct {
	Href, Icon, Title, Sub string
}

// hitsMost is how many hits a page lists.
const hitsMost = 60

// searchData is what the page of a search shows.
type searchData struct {
	Words string
	Hits  []hit
	More  bool
	Asked bool
}

// searchAsk shows an empty search: words never stand in an address.
func (p *Portal) searchAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, _, err := p.openPart(r, "", "Search your record")
	if err != nil {
		return err
	}
	return p.render(w, r, searchPage(s, searchData{}))
}

// search looks for words in the names of everything in the record that the
// reader sees.
func (p *Portal) search(w http.ResponseWriter, r *http.Request) error {
	s, pass, _, err := p.openPart(r, "", "Search your record")
	if err != nil {
		return err
	}
	d := searchData{Words: shortened(strings.TrimSpace(r.PostFormValue("q")), 100), Asked: true}
	words := strings.Fields(folded(d.Words))
	if len(words) > 0 {
		f := finder{sheet: s, words: words}
		for _, look := range []func(*http.Request, access.Pass, *finder) error{p.findProblems, p.findMedicines, p.findResults, p.findDocuments, p.findEntries} {
			if err := look(r, pass, &f); err != nil {
				return err
			}
		}
		f.pages()
		d.Hits, d.More = f.hits[:min(len(f.hits), hitsMost)], len(f.hits) > hitsMost
	}
	return p.render(w, r, searchPage(s, d))
}

// finder collects what has every word.
type finder struct {
	sheet
	words []string
	hits  []hit
}

// look adds a hit if its names have all words.
func (f *finder) look(h hit, names ...string) {
	all := folded(h.Title + " " + strings.Join(names, " "))
	for _, w := range f.words {
		if !strings.Contains(all, w) {
			return
		}
	}
	f.hits = append(f.hits, h)
}

// folded returns s in small letters without accents, as people type it.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if plain, ok := accents[r]; ok {
			return plain
		}
		return r
	}, strings.Map(unicode.ToLower, s))
}

var accents = map[rune]rune{'á': 'a', 'à': 'a', 'â': 'a', 'ä': 'a', 'é': 'e', 'è': 'e', 'ê': 'e', 'í': 'i', 'ï': 'i', 'ó': 'o', 'ö': 'o', 'ú': 'u', 'ü': 'u', 'ñ': 'n', 'ç': 'c'}

func (p *Portal) findProblems(r *http.Request, pass access.Pass, f *finder) error {
	for _, kind := range []problem.Kind{problem.Condition, problem.Allergy, problem.Vaccine, problem.Procedure} {
		words := kindWordsOf[kind]
		list, err := p.Problems.List(r.Context(), pass, kind, 300)
		if err != nil {
			return err
		}
		for _, q := range list {
			f.look(hit{f.Link(words.path + "/" + q.ID), words.icon, problemName(f.sheet, q), joined(f.T(words.title), dayOf(f.sheet, q.At))}, q.Name, q.Everyday(), f.T(words.title), q.Detail)
		}
	}
	return nil
}

func dayOf(s sheet, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return s.day(t)
}

func (p *Portal) findMedicines(r *http.Request, pass access.Pass, f *finder) error {
	list, err := p.Medicines.List(r.Context(), pass, 300)
	if err != nil {
		return err
	}
	for _, m := range list {
		f.look(hit{f.Link("/health/medicines"), "pill", m.Name, joined(f.T("Medicines"), dayOf(f.sheet, m.Authored))}, f.T(m.Why), f.T("Medicines"))
	}
	return nil
}

// findResults finds the newest result of each kind.
func (p *Portal) findResults(r *http.Request, pass access.Pass, f *finder) error {
	list, err := p.Results.Recent(r.Context(), pass, "", 1000)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, res := range list {
		title := result.Title(f.Lang, res)
		if !seen[title] {
			seen[title] = true
			f.look(hit{f.Link("/results/" + res.ID), "flask-conical", title, joined(f.T("Test results"), dayOf(f.sheet, res.At), result.Value(f.Lang, res))}, res.Name, f.T("Test results"))
		}
	}
	return nil
}

func (p *Portal) findDocuments(r *http.Request, pass access.Pass, f *finder) error {
	list, err := p.Documents.List(r.Context(), pass, 300)
	if err != nil {
		return err
	}
	for _, d := range list {
		f.look(hit{f.Link("/documents/" + d.ID), "file-text", d.Title, joined(kindOfDocument(f.Lang, d.Kind), dayOf(f.sheet, d.At))}, d.Author, f.T("Documents and plans"))
	}
	return nil
}

// findEntries finds devices, family, insurance, goals, plans and the team.
func (p *Portal) findEntries(r *http.Request, pass access.Pass, f *finder) error {
	if p.Entries == nil {
		return nil
	}
	places := map[background.Kind]struct{ path, icon, title string }{
		background.Goal: {"/health/plan", "clipboard-list", "Goals and care plan"}, background.Plan: {"/health/plan", "clipboard-list", "Goals and care plan"},
		background.Team: {"/health/team", "stethoscope", "Your care team"}, background.Order: {"/results/pending", "clock", "Tests to come"},
	}
	for _, e := range entryPages {
		places[e.kind] = struct{ path, icon, title string }{e.path, e.icon, e.title}
	}
	for _, kind := range background.Kinds {
		at := places[kind]
		list, err := p.Entries.List(r.Context(), pass, kind, entriesMost)
		if kind == background.Order {
			list, err = p.Entries.Pending(r.Context(), pass, p.Now().Add(-pendingBack), entriesMost)
		}
		if err != nil {
			return err
		}
		for _, e := range list {
			names := []string{f.T(at.title), e.Person}
			for _, m := range e.Detail.Members {
				names = append(names, m.Who, m.Role)
			}
			for _, a := range e.Detail.Ailments {
				names = append(names, ailmentName(f.sheet, a))
			}
			for _, step := range e.Detail.Steps {
				names = append(names, step.Text)
			}
			title := e.Name
			switch kind {
			case background.Family:
				title = relation(f.sheet, e)
			case background.Order:
				title = orderName(f.sheet, e)
			}
			f.look(hit{f.Link(at.path), at.icon, title, f.T(at.title)}, names...)
		}
	}
	return nil
}

// pages adds the parts of the record that are called so.
func (f *finder) pages() {
	for _, k := range kindWordsOf {
		if f.sees(access.Conditions) {
			f.look(hit{f.Link(k.path), k.icon, f.T(k.title), f.T("Part of your record")})
		}
	}
	if f.sees(access.Results) {
		f.look(hit{f.Link("/health/vitals"), "activity", f.T("Blood pressure, weight and more"), f.T("Part of your record")})
	}
}
