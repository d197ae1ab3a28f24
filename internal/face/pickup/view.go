package pickup

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"hale/internal/care/visit"
)

// at returns the address of a page of the link of token.
func at(token, page string) templ.SafeURL {
	base := "/m/" + url.PathEscape(token)
	if page == "" {
		return templ.SafeURL(base)
	}
	return templ.SafeURL(base + "/" + page)
}

// group says of the three boxes together what is wrong with all of them.
func group(w *wrongBox) templ.Attributes {
	if w == nil {
		return templ.Attributes{"aria-describedby": "dob-hint"}
	}
	return templ.Attributes{"aria-describedby": "dob-err dob-hint"}
}

// described says of one box whether it is wrong, and takes the focus to it.
func described(w *wrongBox, name string) templ.Attributes {
	if w == nil || w.box != name && w.box != "all" {
		return templ.Attributes{"aria-describedby": "dob-hint"}
	}
	return templ.Attributes{"aria-describedby": "dob-err dob-hint", "aria-invalid": "true", "autofocus": w.box == name || name == "m"}
}

// when says when the message was sent, as people would.
func when(v pageView) string {
	sent, now := v.Content.SentAt.In(v.Zone), v.Now().In(v.Zone)
	clock := v.Lang.Clock(sent)
	switch day := sent.Format(time.DateOnly); day {
	case now.Format(time.DateOnly):
		return v.T("today, %s", clock)
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		return v.T("yesterday, %s", clock)
	}
	return v.Lang.ShortDate(sent)
}

// offered says what the times are for, and with whom and where if that is
// the same for all of them.
func offered(v pageView, list []visit.Slot) string {
	first := list[0]
	words := []string{v.T(serviceTitle(visit.Visit{Service: first.Service, Title: first.Title}))}
	one := !slices.ContainsFunc(list, func(s visit.Slot) bool { return s.With != first.With || s.Where != first.Where })
	for _, w := range []string{first.With, first.Where} {
		if one && w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " · ")
}

// serviceTitle returns a plain name of what a visit is for.
func serviceTitle(v visit.Visit) string {
	switch v.Service {
	case "eye-exam":
		return "Eye exam"
	case "follow-up":
		return "Follow-up visit"
	case "vaccine":
		return "Vaccine visit"
	case "mammogram":
		return "Mammogram"
	case "blood-pressure":
		return "Blood pressure check"
	}
	if v.Title == "" {
		return "Visit"
	}
	return v.Title
}
