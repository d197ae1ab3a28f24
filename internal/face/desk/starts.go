package desk

import (
	"net/http"
	"strconv"
	"time"

	"hale/internal/access"
	"hale/internal/reach"
)

// startLine is what is planned of an outreach's starts.
type startLine struct {
	Words string
	Href  string
	Asks  bool // it waits for somebody's word
}

// startWords say when an outreach starts by itself.
func startWords(s reach.Schedule, zone *time.Location, clock func(time.Time) string) string {
	first := s.First.In(zone)
	switch {
	case !s.Asked.IsZero() && s.Why == "approval":
		return "Waits for a second person to approve it, and then for your word"
	case !s.Asked.IsZero() && s.Why == "restored":
		return "Waits for your word: it may have gone out before the database was restored"
	case !s.Asked.IsZero():
		return "Waits for your word: it is late"
	case s.Next.IsZero():
		return ""
	case s.Rule.Every == "week":
		return "Starts every " + first.Format("Monday at 3:04 pm")
	case s.Rule.Every == "month":
		return "Starts every month on day " + strconv.Itoa(first.Day()) + first.Format(" at 3:04 pm")
	}
	return "Starts on " + clock(s.Next)
}

// starts returns what is planned, by outreach.
func (d *Desk) starts(r *http.Request, pass access.Pass) (map[string]startLine, error) {
	lines := map[string]startLine{}
	if d.Schedules == nil {
		return lines, nil
	}
	list, err := d.Schedules.Schedules(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if words := startWords(s, d.Site.Clinic.Zone, d.clock); words != "" {
			lines[s.Outreach] = startLine{Words: words, Href: path(s.Outreach) + "/schedule", Asks: !s.Asked.IsZero()}
		}
	}
	return lines, nil
}

// framed adds to the frame of a step when its outreach starts by itself.
func (d *Desk) framed(r *http.Request, a authorView) (authorView, error) {
	if d.Schedules == nil || a.ID == "" {
		return a, nil
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return a, err
	}
	lines, err := d.starts(r, pass)
	a.Start = lines[a.ID]
	return a, err
}
