package track

import (
	"slices"
	"strings"
	"time"
)

// Seen is what is known of one message, to label its fetches by.
type Seen struct {
	Accepted time.Time   // by the peer that it was handed to; zero: not known
	Acts     []time.Time // when a person did something on its pages
	Rows     []Row       // every fetch of it, all labels alike or none
}

// Row is the fetches of one target of a message that look alike.
type Row struct {
	Hit   // At is the first of them
	Last  time.Time
	N     int
	Actor Actor
	Rule  string // rule@version
}

// rule is one line of the list: the first that fits decides.
type rule struct {
	id    string // with its version; a change of meaning takes a new version
	actor Actor
	fits  func(r Row, s Seen) bool
}

// What rules wait for.
const (
	soon      = 2 * time.Second  // a picture so soon is nobody's eye
	atOnce    = time.Second      // nor is a link
	burstIn   = 2 * time.Second  // several links at once
	burstOf   = 3                // so many
	actWithin = 30 * time.Minute // what a person does after following a link
	nearby    = 10 * time.Second // what one program fetches in one go
)

// gmailAhead is how Gmail calls itself when it loads pictures before anybody
// opens the mail.
const gmailAhead = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246"

// images are the rules for pictures, in order.
var images = []rule{
	{"head@1", Machine, head},
	{"prefetch@1", Machine, prefetch},
	{"apple-privacy@1", Machine, func(r Row, _ Seen) bool { return r.Agent == "Mozilla/5.0" && r.Net == Apple }},
	{"apple-agent@1", Suspect, func(r Row, _ Seen) bool { return r.Agent == "Mozilla/5.0" }},
	{"gmail-prefetch@1", Machine, func(r Row, _ Seen) bool { return strings.Contains(r.Agent, gmailAhead) && r.Net == Google }},
	{"gmail-agent@1", Suspect, func(r Row, _ Seen) bool { return strings.Contains(r.Agent, gmailAhead) }},
	{"yahoo-proxy@1", Machine, func(r Row, _ Seen) bool { return strings.Contains(r.Agent, "YahooMailProxy") }},
	{"outlook-scan@1", Machine, func(r Row, _ Seen) bool { return r.Net == Microsoft && !r.Language }},
	{"gmail-proxy@1", Human, func(r Row, _ Seen) bool { return strings.Contains(r.Agent, "GoogleImageProxy") }},
	{"robot@1", Machine, robot},
	{"datacentre@1", Machine, datacentre},
	{"no-agent@1", Suspect, func(r Row, _ Seen) bool { return r.Agent == "" }},
	{"at-once@1", Suspect, func(r Row, s Seen) bool { return early(r, s, soon) }},
	{"opened@1", Human, func(Row, Seen) bool { return true }},
}

// links are the rules for links, in order. A fetch alone is never a person's.
var links = []rule{
	{"unseen-link@1", Machine, honeypot},
	{"head@1", Machine, head},
	{"prefetch@1", Machine, prefetch},
	{"robot@1", Machine, robot},
	{"datacentre@1", Machine, datacentre},
	{"burst@1", Machine, burst},
	{"at-once@1", Machine, func(r Row, s Seen) bool { return early(r, s, atOnce) }},
	{"acted@1", Human, acted},
	{"no-language@1", Suspect, func(r Row, _ Seen) bool { return !r.Language }},
	{"fetched@1", Unknown, func(Row, Seen) bool { return true }},
}

// Label says who is behind a row of s, and by which rule.
func Label(r Row, s Seen) (Actor, string) {
	list := links
	if r.Target == Picture {
		list = images
	}
	i := slices.IndexFunc(list, func(one rule) bool { return one.fits(r, s) })
	return list[i].actor, list[i].id
}

// Rules returns the ids of all rules in force, with their versions.
func Rules() []string {
	var ids []string
	for _, r := range append(slices.Clone(images), links...) {
		if !slices.Contains(ids, r.id) {
			ids = append(ids, r.id)
		}
	}
	return ids
}

func head(r Row, _ Seen) bool       { return r.Method == "HEAD" }
func prefetch(r Row, _ Seen) bool   { return r.Prefetch }
func datacentre(r Row, _ Seen) bool { return r.Net == Datacentre && !r.Language }

// early says whether r came within d of the peer's taking the message, or
// before.
func early(r Row, s Seen, d time.Duration) bool {
	return !s.Accepted.IsZero() && r.At.Before(s.Accepted.Add(d))
}

var robots = []string{
	"bot", "crawl", "spider", "scan", "curl/", "wget/", "python", "go-http-client", "java/", "okhttp", "libwww", "headless", "proofpoint",
	"mimecast", "barracuda", "safelinks", "ms-office", "feedfetcher", "facebookexternalhit", "whatsapp", "urlscan", "phantomjs", "axios/", "node-fetch",
}

func robot(r Row, _ Seen) bool {
	agent := strings.ToLower(r.Agent)
	return slices.ContainsFunc(robots, func(w string) bool { return strings.Contains(agent, w) })
}

// honeypot says whether r is the link that nobody sees, or was fetched by
// what followed that one, in one go.
func honeypot(r Row, s Seen) bool {
	if r.Target == Honeypot {
		return true
	}
	return slices.ContainsFunc(s.Rows, func(o Row) bool {
		return o.Target == Honeypot && o.Agent == r.Agent && o.Net == r.Net && within(r, o, nearby)
	})
}

// burst says whether r is one of several links that were fetched at once.
func burst(r Row, s Seen) bool {
	targets := map[int64]bool{r.Target: true}
	for _, o := range s.Rows {
		if o.Target != Picture && within(r, o, burstIn) {
			targets[o.Target] = true
		}
	}
	return len(targets) >= burstOf
}

// within says whether two rows lie no more than d apart at some time.
func within(a, b Row, d time.Duration) bool {
	return !a.Last.Add(d).Before(b.At) && !b.Last.Add(d).Before(a.At)
}

// acted says whether a person did something on the message's pages soon
// after.
func acted(r Row, s Seen) bool {
	return slices.ContainsFunc(s.Acts, func(at time.Time) bool {
		return !at.Before(r.At) && !at.After(r.Last.Add(actWithin))
	})
}
