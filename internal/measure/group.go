package measure

import (
	"cmp"
	"slices"
	"strings"

	"hale/internal/causal"
)

// part is some of the people, alike in something that was settled before the
// draw.
type part struct {
	by, name string
	cells    []cell
}

// parts divides cells in each way that divides them.
func parts(cells []cell) []part {
	ways := []struct {
		by   string
		name func(cell) string
	}{
		{"Text", func(c cell) string { return "Text " + strings.ToUpper(c.variant) }},
		{"First channel", func(c cell) string { return channelName(c.channel) }},
		{"Age", func(c cell) string { return either(c.older, "65 or older", "Under 65") }},
		{"Language", func(c cell) string { return langName(c.lang) }},
		{"Portal", func(c cell) string { return either(c.known, "Signed in before", "Never signed in") }},
	}
	var all []part
	for _, way := range ways {
		var these []part
		for _, c := range cells {
			name := way.name(c)
			i := slices.IndexFunc(these, func(p part) bool { return p.name == name })
			if i < 0 {
				i, these = len(these), append(these, part{by: way.by, name: name})
			}
			these[i].cells = append(these[i].cells, c)
		}
		if len(these) > 1 {
			slices.SortStableFunc(these, func(a, b part) int {
				return cmp.Or(cmp.Compare(people(b.cells), people(a.cells)), strings.Compare(a.name, b.name))
			})
			all = append(all, these...)
		}
	}
	return all
}

// groups compares the arms within each part. The intervals are as wide as it
// takes for all to hold together.
func groups(cells []cell, method reader) []Group {
	all, shown := parts(cells), 0
	for _, p := range all {
		if smallest(p.cells) >= fewest {
			shown++
		}
	}
	list := make([]Group, len(all))
	for i, p := range all {
		g := Group{By: p.by, Name: p.name, TooFew: smallest(p.cells) < fewest}
		for _, c := range p.cells {
			if c.held {
				g.Held, g.HeldYes = g.Held+c.n, g.HeldYes+c.yes
			} else {
				g.Treated, g.TreatedYes = g.Treated+c.n, g.TreatedYes+c.yes
			}
		}
		if !g.TooFew {
			e := method.design.wider(estimate(p.cells))
			g.Diff = e.Value
			g.Low, g.High, _ = method.read(p.cells, e, causal.Alpha/float64(shown))
		}
		list[i] = g
	}
	return list
}

func people(cells []cell) (n int) {
	for _, c := range cells {
		n += c.n
	}
	return n
}

func either(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}

// channelName says a channel in words.
func channelName(channel string) string {
	switch channel {
	case "sms":
		return "Text message"
	case "email":
		return "E-mail"
	case "inbox":
		return "Portal inbox"
	case "voice":
		return "Phone call"
	}
	return "No channel"
}

// langName says a language tag in words.
func langName(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	switch primary {
	case "", "en":
		return "English"
	case "es":
		return "Spanish"
	case "vi":
		return "Vietnamese"
	case "zh":
		return "Chinese"
	}
	return "Another language"
}

// goal says what counts as acting on an outreach for service.
func goal(service string) string {
	switch service {
	case "eye-exam":
		return "booked an eye exam"
	case "vaccine":
		return "booked a vaccine"
	case "mammogram":
		return "booked a mammogram"
	case "blood-pressure":
		return "booked a blood pressure check"
	case "follow-up":
		return "booked a follow-up visit"
	}
	return "booked a visit"
}
