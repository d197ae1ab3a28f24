// Package track keeps what mails and links report back: that a picture was
// loaded, that a link was followed, and by what sort of program.
//
// What is kept are raw facts. Whether a person or a machine is behind them is
// a label that numbered rules make of the facts, and can make again. Nobody
// is held to have read anything because of a fetch: only what a person does
// on a page afterwards shows that.
//
// Spec: https://www.rfc-editor.org/rfc/rfc9110 §9.3 (GET and HEAD are safe)
package track

import (
	"strings"
	"time"

	"hale/internal/base/errs"
)

// Actor says who is behind a fetch.
type Actor string

// The classes of actors.
const (
	Human   Actor = "human"
	Machine Actor = "machine"
	Suspect Actor = "suspect"
	Unknown Actor = "unknown"
)

// Targets that lead nowhere. All others are numbers that Store.Target knows.
const (
	Picture  = 0  // the picture of one pixel
	Honeypot = -1 // a link that no person sees
)

// The kinds of events that fetches are.
const (
	ImageLoaded = "image_loaded"
	LinkFetched = "link_fetched"
)

// Hit is one fetch: facts about the program that made it, none about the
// person. Its address is kept as a class alone.
type Hit struct {
	Message  string
	Target   int64
	At       time.Time
	Method   string // GET or HEAD
	Agent    string // User-Agent
	Net      string // a class of Networks
	Language bool   // it sent Accept-Language
	Prefetch bool   // it said that it fetches ahead
}

// longestAgent is how much of a User-Agent is kept, in bytes.
const longestAgent = 200

// HitOf returns a fetch by its headers; purposes are those of Sec-Purpose,
// Purpose and X-Moz.
func HitOf(method, agent, language string, purposes ...string) Hit {
	h := Hit{Method: "GET", Agent: plain(agent), Language: language != ""}
	if method == "HEAD" {
		h.Method = "HEAD"
	}
	for _, p := range purposes {
		p = strings.ToLower(p)
		h.Prefetch = h.Prefetch || strings.Contains(p, "prefetch") || strings.Contains(p, "preview")
	}
	return h
}

// plain returns the beginning of a header in printable ASCII.
func plain(s string) string {
	s = s[:min(len(s), longestAgent)]
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// kind returns the event that a fetch of target is.
func kind(target int64) string {
	if target == Picture {
		return ImageLoaded
	}
	return LinkFetched
}

// The refusals.
var (
	ErrToken = errs.New(errs.NotFound, "This address does not lead anywhere.")
	ErrBusy  = errs.New(errs.Unavailable, "Too much at once. Please try again in a minute.")
)
