package desk

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/reach"
)

// showTrail shows why one patient did or did not get an outreach, and what
// became of it.
func (d *Desk) showTrail(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("who")
	pass, err := d.one(r, access.ReadDecisions, id)
	if err != nil {
		return err
	}
	person, err := d.Patients.Get(r.Context(), pass)
	if err != nil {
		return err
	}
	t, err := d.Reach.Trail(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := d.trailView(t, person)
	if may(r, access.RunOutreach) {
		v.OutreachHref = path(t.Outreach.ID)
	}
	if opens(r, access.ReadMessages) {
		read, err := d.one(r, access.ReadMessages, id)
		if err != nil {
			return err
		}
		copies, err := d.Reach.Copies(r.Context(), read, t.Outreach.ID)
		if err != nil {
			return err
		}
		v.Sent = sentTexts(copies, person)
		if err := d.proven(r, pass, copies, v.Sent); err != nil {
			return err
		}
	} else {
		v.Hidden = true
	}
	return d.Site.Render(w, r, http.StatusOK, trailPage(d.view(r, t.Outreach.Name+" to "+person.Full, "patients"), v))
}

// trailView puts a trail into words.
func (d *Desk) trailView(t reach.Trail, p patient.Person) trailView {
	v := trailView{
		Outreach: t.Outreach.Name, Patient: p.Full, PatientHref: "/desk/patients/" + p.ID, Who: d.who(p), Pronoun: pronounOf(p.Sex),
	}
	v.State, v.Tone, v.Icon = d.trailState(t)
	day := ""
	for _, s := range inOrder(t.Steps) {
		at := s.At.In(d.Site.Clinic.Zone)
		when := at.Format("3:04 pm")
		if on := d.day(at); on != day {
			day, when = on, on+", "+when
		}
		bold, rest := splitBold(mask(s.Words))
		class := stepClass(s.Kind)
		if s.Kind == "drawn" && s.Code == "holdout" {
			class = "no"
		}
		v.Steps = append(v.Steps, step{When: when, Bold: bold, Rest: rest, Class: class})
	}
	for _, c := range t.Choices {
		v.Choices = append(v.Choices, [2]string{c.Topic, c.Words})
	}
	return v
}

// inOrder returns steps with each delivery after its hand-off: a carrier's
// receipt may be noted before the hand-off's own end is.
func inOrder(steps []reach.Step) []reach.Step {
	steps = slices.Clone(steps)
	for i := 1; i < len(steps); i++ {
		s := steps[i]
		j := i
		for s.Kind == "sent" && j > 0 && steps[j-1].Kind == "delivered" && steps[j-1].Channel == s.Channel && s.At.Sub(steps[j-1].At) < time.Minute {
			steps[j] = steps[j-1]
			j--
		}
		steps[j] = s
	}
	return steps
}

// who names a patient in one line: name, age, record number.
func (d *Desk) who(p patient.Person) string {
	text := p.Full
	if age, ok := p.Age(d.now()); ok {
		text += ", " + strconv.Itoa(age)
	}
	if p.MRN != "" {
		text += " · MRN " + p.MRN
	}
	return text
}

// trailState is how it ended, in a word or two.
func (d *Desk) trailState(t reach.Trail) (word, tone, icon string) {
	var seen, acted time.Time
	for _, s := range t.Steps {
		switch s.Kind {
		case "seen", "revealed", "acknowledged":
			seen = s.At
		case "acted", "booked":
			acted = s.At
		}
	}
	switch {
	case !acted.IsZero():
		return "Acted " + d.clock(acted), "good", "check"
	case !seen.IsZero():
		return "Seen " + d.clock(seen), "good", "eye"
	}
	word, tone = memberWord(t.State)
	switch tone {
	case "act":
		icon = "ban"
	case "watch":
		icon = "clock"
	}
	return word, tone, icon
}

// memberWord is the state of one patient's part, and its tone.
func memberWord(state string) (word, tone string) {
	switch state {
	case "satisfied":
		return "Saw it", "good"
	case "active":
		return "On its way", "brand"
	case "deferred":
		return "Waiting for the right hour", "watch"
	case "exhausted":
		return "Not reached", "watch"
	case "expired":
		return "Not seen in time", "watch"
	case "holdout":
		return "Held out", ""
	case "blocked":
		return "Not written to", ""
	case "cancelled":
		return "Called off", ""
	}
	return sentenceCase(state), ""
}

// stepClass says whether a step went on or passed something over.
func stepClass(kind string) string {
	switch kind {
	case "passed", "limited", "blocked", "deferred", "cancelled", "suppressed", "holdout", "held", "stopped", "rejected", "delayed", "in_doubt", "failed", "undelivered", "complaint", "factor_failed", "exhausted", "expired", "scheduled", "sending", "kept", "link_fetched", "wrong_person", "opted_out", "reply_stop", "bounced":
		return "no"
	}
	return "done"
}

// splitBold returns the beginning of a step's words that carries the news.
func splitBold(words string) (bold, rest string) {
	at := len(words)
	for _, sep := range []string{": ", " (", " to the number ", " to ", ", ", ". "} {
		i := strings.Index(words, sep)
		if sep == " to " && strings.HasPrefix(words, "Drawn ") {
			continue
		}
		if i > 0 && i <= 40 && i < at {
			if at = i; sep == ": " || sep == ". " {
				at++
			}
		}
	}
	return words[:at], words[at:]
}

// pronounOf says how to speak of somebody of a sex in the record; where that
// does not say, the plural hurts nobody.
func pronounOf(sex string) pronoun {
	switch sex {
	case "female":
		return pronoun{They: "she", Their: "Her", Verb: "sees"}
	case "male":
		return pronoun{They: "he", Their: "His", Verb: "sees"}
	}
	return pronoun{They: "they", Their: "Their", Verb: "see"}
}

// sentTexts are the messages as they arrived.
func sentTexts(list []reach.Content, p patient.Person) []sentText {
	var all []sentText
	for _, c := range list {
		s := sentText{Channel: string(c.Channel), Subject: c.Title, Body: splitLines(mask(c.Text))}
		switch c.Channel {
		case reach.SMS:
			s.Heading, s.Subject = "The text itself, to the number ending in "+c.ToMasked, ""
			s.PageTitle, s.PageBody = c.Title, splitLines(c.Body)
		case reach.Email:
			s.Heading = "The email itself, to " + c.ToMasked
			if c.Mode != "full" {
				s.Subject = "" // its title stands behind the link
				s.PageTitle, s.PageBody = c.Title, splitLines(c.Body)
			}
		default:
			s.Heading, s.Body = "In the portal inbox", splitLines(c.Body)
		}
		if len(s.Body) == 0 {
			s.Body, s.PageTitle, s.PageBody = s.PageBody, "", nil
		}
		all = append(all, s)
	}
	return all
}

// memberStates are the states that patients of an outreach are listed by.
func memberStates() []option {
	list := []option{{"", "All"}, {"sent", "Sent"}, {"delivered", "Arrived"}, {"seen", "Saw it"}, {"acted", "Acted"}}
	for _, s := range intentStates() {
		if s.key != "satisfied" {
			list = append(list, option{s.key, sentenceCase(s.label)})
		}
	}
	return append(list, option{"in_doubt", "In doubt"})
}

// pageOf is how many patients one page lists.
const pageOf = 50

// listMembers lists the patients of an outreach in one state.
func (d *Desk) listMembers(w http.ResponseWriter, r *http.Request) error {
	run, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	find, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), run, r.PathValue("id"))
	if err != nil {
		return err
	}
	state := r.URL.Query().Get("state")
	if state == "held" {
		state = "holdout"
	}
	i := slices.IndexFunc(memberStates(), func(s option) bool { return s.Value == state })
	if i < 0 && state != "satisfied" {
		return errNowhere
	}
	list, err := d.Reach.Members(r.Context(), find, o.ID, state, cut(r.URL.Query().Get("after"), 80), pageOf+1)
	if err != nil {
		return err
	}
	v := membersView{Name: o.Name, Href: path(o.ID), Title: "Patients: saw it or acted"}
	if i >= 0 {
		v.Title = "Patients: " + strings.ToLower(memberStates()[i].Text)
	}
	for _, s := range memberStates() {
		v.States = append(v.States, stateLink{Href: path(o.ID) + "/patients?state=" + s.Value, Label: s.Text, Current: s.Value == state})
	}
	if len(list) > pageOf {
		list = list[:pageOf]
		v.Next = path(o.ID) + "/patients?state=" + state + "&after=" + list[pageOf-1].Patient
	}
	if v.Found, err = d.memberRows(r, find, o.ID, list); err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, membersPage(d.view(r, v.Title+" · "+o.Name, "outreach"), v))
}

// memberRows names the members and says how each fared.
func (d *Desk) memberRows(r *http.Request, find access.Pass, outreach string, list []reach.Member) ([]foundRow, error) {
	ids := make([]string, len(list))
	by := map[string]reach.Member{}
	for i, m := range list {
		ids[i], by[m.Patient] = m.Patient, m
	}
	people, err := d.Patients.Named(r.Context(), find, ids)
	if err != nil {
		return nil, err
	}
	var rows []foundRow
	for _, p := range people {
		m := by[p.ID]
		row := d.personRow(p)
		row.Href = path(outreach) + "/patients/" + p.ID
		row.Chip, row.Tone = memberWord(m.State)
		switch {
		case !m.Acted.IsZero():
			row.Chip, row.Tone = "Acted "+d.day(m.Acted), "good"
		case !m.Seen.IsZero():
			row.Chip, row.Tone = "Seen "+d.day(m.Seen), "good"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// personRow is one person of a list.
func (d *Desk) personRow(p patient.Person) foundRow {
	row := foundRow{Href: "/desk/patients/" + p.ID, Name: p.Full}
	var parts []string
	if age, ok := p.Age(d.now()); ok {
		parts = append(parts, counted(age, "year", "years")+" old")
	}
	if p.Born != "" {
		parts = append(parts, "born "+bornWords(p.Born))
	}
	if p.MRN != "" {
		parts = append(parts, "MRN "+p.MRN)
	}
	row.Sub = strings.Join(parts, " · ")
	if p.Deceased {
		row.Chip = "Deceased"
	}
	return row
}

// bornWords writes a birth date, or as much of it as is known.
func bornWords(born string) string {
	if t, err := time.Parse(time.DateOnly, born); err == nil {
		return t.Format("Jan 2, 2006")
	}
	if t, err := time.Parse("2006-01", born); err == nil {
		return t.Format("January 2006")
	}
	return born
}

// noRight says whether err is only that the reader may not.
func noRight(err error) bool { return errors.Is(err, errNowhere) || errs.KindOf(err) == errs.NotFound }
