package desk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/record"
)

// Conformity is what the desk needs of the record to say what does not
// conform to the standard.
type Conformity interface {
	FoundKinds(ctx context.Context, pass access.Pass) ([]record.FoundKind, error)
	FoundIn(ctx context.Context, pass access.Pass, kind int64, feed string, after int64, n int) ([]record.Nonconform, error)
}

// findingsView is what does not conform, by where it came from.
type findingsView struct {
	Sources []findingSource
	Total   int
}

type findingSource struct {
	Name  string
	Count string
	Rows  []findingRow
}

// findingRow is one kind of finding.
type findingRow struct {
	Href, Place, Say, By string
	Count, Tone          string
}

// findingView is one kind of finding and the resources it is in.
type findingView struct {
	findingRow
	Source string
	Rows   []foundRow
	Next   string // the next page; empty: there is none
	First  bool   // this is the first page
}

// mostFound is how many resources are listed of one kind.
const mostFound = 100

// conformRoutes are the pages about data that does not conform.
func (d *Desk) conformRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/findings", d.listFindings)
	page("GET /desk/findings/{kind}", d.showFinding)
}

// listFindings shows what does not conform, by where it came from and what is
// wrong.
func (d *Desk) listFindings(w http.ResponseWriter, r *http.Request) error {
	kinds, err := d.foundKinds(r)
	if err != nil {
		return err
	}
	var v findingsView
	at, counts := map[string]int{}, map[string]int{}
	for _, k := range kinds {
		i, ok := at[k.Feed]
		if !ok {
			i = len(v.Sources)
			at[k.Feed] = i
			v.Sources = append(v.Sources, findingSource{Name: sourceWords(k.Feed)})
		}
		v.Sources[i].Rows = append(v.Sources[i].Rows, rowOf(k))
		counts[k.Feed] += k.Count
		v.Total += k.Count
	}
	for feed, i := range at {
		v.Sources[i].Count = counted(counts[feed], "finding", "findings")
	}
	return d.Site.Render(w, r, http.StatusOK, findingsPage(d.view(r, "Data that does not conform", "patients"), v))
}

func (d *Desk) foundKinds(r *http.Request) ([]record.FoundKind, error) {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	return d.Conformity.FoundKinds(r.Context(), pass)
}

// rowOf puts a kind of finding into words.
func rowOf(k record.FoundKind) findingRow {
	row := findingRow{
		Href:  "/desk/findings/" + strconv.FormatInt(k.ID, 10) + "?feed=" + url.QueryEscape(k.Feed),
		Place: k.Place, Say: k.Text, Count: count(k.Count),
	}
	if k.Severity == "error" {
		row.Tone = "act"
	}
	if _, name, ok := strings.Cut(k.Profile, "/StructureDefinition/"); ok {
		row.By = "Asked for by the profile " + name + "."
	}
	return row
}

// sourceWords names a source.
func sourceWords(feed string) string {
	if feed == "" {
		return "Written in Hale, or by an app"
	}
	return "Imported: " + feed
}

// showFinding shows which records a kind of finding is in.
func (d *Desk) showFinding(w http.ResponseWriter, r *http.Request) error {
	kinds, err := d.foundKinds(r)
	if err != nil {
		return err
	}
	id, feed := r.PathValue("kind"), r.URL.Query().Get("feed")
	for _, k := range kinds {
		if strconv.FormatInt(k.ID, 10) != id || k.Feed != feed {
			continue
		}
		v := findingView{findingRow: rowOf(k), Source: sourceWords(k.Feed)}
		if err := d.fillFound(r, k, &v); err != nil {
			return err
		}
		return d.Site.Render(w, r, http.StatusOK, findingPage(d.view(r, k.Place, "patients"), v))
	}
	return errNowhere
}

// fillFound lists where a kind of finding is, by name.
func (d *Desk) fillFound(r *http.Request, k record.FoundKind, v *findingView) error {
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // what is no number begins at the front
	list, err := d.Conformity.FoundIn(r.Context(), pass, k.ID, k.Feed, after, mostFound+1)
	if err != nil {
		return err
	}
	if v.First = after == 0; len(list) > mostFound {
		list = list[:mostFound]
		v.Next = v.Href + "&after=" + strconv.FormatInt(list[mostFound-1].N, 10)
	}
	ids := make([]string, 0, len(list))
	for _, f := range list {
		ids = append(ids, f.Patient)
	}
	people, err := d.named(r, ids...)
	if err != nil {
		return err
	}
	for _, f := range list {
		row := foundRow{Name: people[f.Patient].Full, Sub: f.Type + "/" + f.ID}
		switch {
		case row.Name != "":
			row.Href = "/desk/patients/" + f.Patient
		case f.Patient == "":
			row.Name = "Of no one patient"
		default:
			row.Name = "A record without a name"
		}
		v.Rows = append(v.Rows, row)
	}
	return nil
}
