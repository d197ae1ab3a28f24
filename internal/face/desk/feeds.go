package desk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/record/arrival"
)

// Feeds is what the desk needs of package arrival.
type Feeds interface {
	List(ctx context.Context) ([]arrival.Feed, error)
	Name(ctx context.Context, pass access.Pass, f arrival.Feed) error
}

// feedRoutes are the pages about where records come from.
func (d *Desk) feedRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/feeds", d.listFeeds)
	page("POST /desk/feeds", d.nameFeed)
}

// feedRow is one source, in words.
type feedRow struct {
	Name, Title, Good, Say, Chip, Tone string
	Every                              int // hours
	Parts                              []feedPart
}

type feedPart struct {
	Value, Text string
	On          bool
}

// feedsView is the list of them.
type feedsView struct {
	Rows      []feedRow
	May       bool // set what they are called
	Said, Err string
	Hours     []option
}

// feedHours are how often a source may be expected, in hours.
var feedHours = []option{{"0", "No schedule"}, {"1", "Every hour"}, {"6", "Every 6 hours"}, {"24", "Every day"}, {"168", "Every week"}, {"720", "Every 30 days"}}

// feedTask is the line on the first page where a source is late or failed.
func (d *Desk) feedTask(r *http.Request) ([]taskRow, error) {
	if d.Feeds == nil || !may(r, access.FindPatients) {
		return nil, nil
	}
	list, err := d.Feeds.List(r.Context())
	if err != nil {
		return nil, err
	}
	n := 0
	for _, f := range list {
		if state, _ := f.State(d.now()); state == arrival.Away {
			n++
		}
	}
	if n == 0 {
		return nil, nil
	}
	return []taskRow{{Href: "/desk/feeds", Icon: "circle-alert", Title: "Records do not arrive", Sub: "Patients are told that lists may not be complete", N: n, Tone: "act"}}, nil
}

// listFeeds shows how far each source has come.
func (d *Desk) listFeeds(w http.ResponseWriter, r *http.Request) error {
	return d.feedsPage(w, r, http.StatusOK, "")
}

func (d *Desk) feedsPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	if _, err := d.all(r, access.FindPatients); err != nil {
		return err
	}
	list, err := d.Feeds.List(r.Context())
	if err != nil {
		return err
	}
	v := feedsView{May: may(r, access.SetRules), Err: wrong, Hours: feedHours}
	if r.URL.Query().Get("note") == "saved" {
		v.Said = "Saved. Patients see the new name at once."
	}
	for _, f := range list {
		v.Rows = append(v.Rows, d.feedRow(f))
	}
	return d.Site.Render(w, r, status, feedsPage(d.view(r, "Where records come from", "patients"), v))
}

func (d *Desk) feedRow(f arrival.Feed) feedRow {
	row := feedRow{Name: f.Name, Title: f.Title, Good: "Never yet", Every: int(f.Every / time.Hour), Chip: "Complete", Tone: "good"}
	if !f.Good.IsZero() {
		row.Good = d.clock(f.Good)
	}
	switch state, since := f.State(d.now()); state {
	case arrival.Coming:
		row.Chip, row.Tone, row.Say = "Arriving", "brand", "Since "+d.clock(since)+". Patients read that their records are on their way."
	case arrival.Away:
		row.Chip, row.Tone, row.Say = "Away", "act", "Since "+d.clock(since)+". Patients read that their lists may not be complete. "+f.Reason
	}
	for _, p := range feedParts {
		row.Parts = append(row.Parts, feedPart{p.Value, p.Text, slices.Contains(f.Brings, access.Category(p.Value))})
	}
	return row
}

// feedParts are the parts of the record that a source may bring.
var feedParts = []option{{string(access.Results), "Results"}, {string(access.Medicines), "Medicines"}, {string(access.Conditions), "Conditions, allergies, vaccines"},
	{string(access.Visits), "Visits"}, {string(access.Documents), "Documents and plans"}, {string(access.Bills), "Insurance and bills"}}

// nameFeed says what a source is called, what it brings and how often.
func (d *Desk) nameFeed(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	hours, _ := strconv.Atoi(in.Get("every"))
	f := arrival.Feed{Name: in.Get("feed"), Title: in.Get("title"), Every: time.Duration(hours) * time.Hour}
	for _, p := range in["part"] {
		f.Brings = append(f.Brings, access.Category(p))
	}
	if err := d.Feeds.Name(r.Context(), pass, f); err != nil {
		if status, say, ok := mended(err); ok {
			return d.feedsPage(w, r, status, say)
		}
		return err
	}
	http.Redirect(w, r, "/desk/feeds?note=saved", http.StatusSeeOther)
	return nil
}
