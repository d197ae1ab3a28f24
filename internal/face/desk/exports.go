package desk

import (
	"context"
	"fmt"
	"net/http"

	"hale/internal/access"
	"hale/internal/feed/export"
	"hale/internal/feed/load"
	"hale/internal/feed/subscription"
)

// Traffic is what moves much data to other systems and from them.
type Traffic struct {
	Exports       Exports // nil: there is none of it
	Loads         Loads
	Subscriptions Subscriptions
}

// Exports is what the desk needs of package export.
type Exports interface {
	List(ctx context.Context, pass access.Pass, n int) ([]export.Task, error)
	Stop(ctx context.Context, pass access.Pass, id string) error
}

// Loads is what the desk needs of package load.
type Loads interface {
	List(ctx context.Context, pass access.Pass, n int) ([]load.Task, error)
	Stop(ctx context.Context, pass access.Pass, id string) error
}

// Subscriptions is what the desk needs of package subscription.
type Subscriptions interface {
	List(ctx context.Context, pass access.Pass, n int) ([]subscription.Subscription, error)
	Stop(ctx context.Context, pass access.Pass, id string) error
}

// trafficRow is one export, load or subscription.
type trafficRow struct {
	Title, Sub, Chip, Tone string
	Stop                   string // where to stop it; empty: it has ended
}

// trafficView is the page of all of them.
type trafficView struct{ Exports, Loads, Subscriptions []trafficRow }

// trafficRoutes are the pages about data that leaves and comes in bulk.
func (d *Desk) trafficRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/exports", d.listTraffic)
	page("POST /desk/exports/{id}/stop", d.stopTraffic(func(ctx context.Context, pass access.Pass, id string) error {
		return d.Traffic.Exports.Stop(ctx, pass, id)
	}))
	page("POST /desk/exports/loads/{id}/stop", d.stopTraffic(func(ctx context.Context, pass access.Pass, id string) error {
		return d.Traffic.Loads.Stop(ctx, pass, id)
	}))
	page("POST /desk/exports/subscriptions/{id}/stop", d.stopTraffic(func(ctx context.Context, pass access.Pass, id string) error {
		return d.Traffic.Subscriptions.Stop(ctx, pass, id)
	}))
}

// mostTraffic is how many of each the page shows.
const mostTraffic = 100

func (d *Desk) listTraffic(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ReadAudit)
	if err != nil {
		return err
	}
	exports, err := d.Traffic.Exports.List(r.Context(), pass, mostTraffic)
	if err != nil {
		return err
	}
	loads, err := d.Traffic.Loads.List(r.Context(), pass, mostTraffic)
	if err != nil {
		return err
	}
	subs, err := d.Traffic.Subscriptions.List(r.Context(), pass, mostTraffic)
	if err != nil {
		return err
	}
	var v trafficView
	for _, t := range exports {
		v.Exports = append(v.Exports, d.exportRow(t))
	}
	for _, t := range loads {
		v.Loads = append(v.Loads, d.loadRow(t))
	}
	for _, s := range subs {
		v.Subscriptions = append(v.Subscriptions, d.subscriptionRow(s))
	}
	return d.Site.Render(w, r, http.StatusOK, trafficPage(d.view(r, "Data to and from other systems", "settings"), v))
}

// stopTraffic ends one of them and leads back.
func (d *Desk) stopTraffic(stop func(context.Context, access.Pass, string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		pass, err := d.all(r, access.ReadAudit)
		if err != nil {
			return err
		}
		if err := stop(r.Context(), pass, r.PathValue("id")); err != nil {
			return err
		}
		http.Redirect(w, r, "/desk/exports", http.StatusSeeOther)
		return nil
	}
}

// states are the words and tones of how far something is.
var states = map[string][2]string{
	"waiting": {"Waiting", ""}, "running": {"Running", "good"}, "done": {"Done", "good"}, "failed": {"Failed", "act"}, "stopped": {"Stopped", ""},
	"requested": {"Not answered yet", ""}, "active": {"Active", "good"}, "error": {"Not delivered", "act"}, "off": {"Ended", ""},
}

func (d *Desk) exportRow(t export.Task) trafficRow {
	word := states[string(t.State)]
	row := trafficRow{Title: t.Name, Chip: word[0], Tone: word[1]}
	row.Sub = fmt.Sprintf("%s, asked %s: %d resources of %d people, %s", levelWords(t.Ask.Level), ago(t.Made, d.now()), t.Resources, t.Patients, sizeWords(t.Bytes))
	if t.Reason != "" {
		row.Sub += ". " + t.Reason
	}
	kept := t.State == export.Done && d.now().Before(t.Expires)
	if kept {
		row.Sub += ". Kept until " + d.clock(t.Expires)
	}
	if kept || t.State == export.Waiting || t.State == export.Running {
		row.Stop = "/desk/exports/" + t.ID + "/stop"
	}
	return row
}

func levelWords(l export.Level) string {
	switch l {
	case export.OfGroup:
		return "A group"
	case export.OfPatients:
		return "Every patient"
	}
	return "Everything"
}

func (d *Desk) loadRow(t load.Task) trafficRow {
	word := states[string(t.State)]
	taken, refused := t.Count()
	row := trafficRow{Title: t.Name, Chip: word[0], Tone: word[1]}
	row.Sub = fmt.Sprintf("Brought %s: %d resources taken, %d refused", ago(t.Made, d.now()), taken, refused)
	if t.Source != "" {
		row.Sub += ", from " + t.Source
	}
	if t.Reason != "" {
		row.Sub += ". " + t.Reason
	}
	if t.State == load.Waiting || t.State == load.Running {
		row.Stop = "/desk/exports/loads/" + t.ID + "/stop"
	}
	return row
}

func (d *Desk) subscriptionRow(s subscription.Subscription) trafficRow {
	word := states[string(s.State)]
	row := trafficRow{Title: s.Name, Chip: word[0], Tone: word[1], Stop: "/desk/exports/subscriptions/" + s.ID + "/stop"}
	what := "something"
	if len(s.Wish.Watches) > 0 {
		what = s.Wish.Watches[0].Type
	}
	if n := len(s.Wish.Watches) - 1; n > 0 {
		what += fmt.Sprintf(" and %d more", n)
	}
	row.Sub = fmt.Sprintf("News of %s by %s, since %s: %d events, %d delivered", what, s.Wish.Channel, ago(s.Made, d.now()), s.Events, s.Sent)
	if s.Reason != "" {
		row.Sub += ". " + s.Reason
	}
	return row
}

// sizeWords says how large n bytes are.
func sizeWords(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KB", (n+1023)/1024)
}
