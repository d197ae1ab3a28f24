package policy

import (
	"slices"
	"strings"
	"time"

	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/trial"
)

// Facts are what is known of one person when a decision is made.
type Facts struct {
	Patient     string
	Zone        string
	Deceased    bool
	Inactive    bool // merged into another record, or out of use
	Missing     bool // no such record any more
	Account     bool // can sign in to the portal
	Protected   bool // is known to a protected programme: that we write tells already
	Points      []contact.Point
	Preferences []contact.Preference
	Consent     consent.State
	Suppressed  map[string]string  // address → why, for this purpose
	Able        map[string]Ability // address → what it can take
	Used        []Use
}

// preference is the wish about topic, or the one about everything else.
func (f *Facts) preference(topic string) contact.Preference {
	var any contact.Preference
	for _, p := range f.Preferences {
		switch p.Topic {
		case topic:
			return p
		case "*":
			any = p
		}
	}
	return any
}

// Lang is the language the person asked for, or "".
func (f *Facts) Lang() string { return f.preference("*").Lang }

// Settings are the clinic's rules.
type Settings struct {
	Matrix   Matrix
	Caps     []Cap
	Clinic   string   // the clinic's zone
	Anywhere []string // zones a person of unknown zone may be in
	Load     Zones
}

// Ask is what is to be decided.
type Ask struct {
	Purpose  Purpose
	Class    Class     // of the content
	Channels []Channel // that the template and the author allow; empty: all
	Tried    []Channel // already used up by earlier steps
	Arm      trial.Arm // drawn beforehand, and looked at last
	After    time.Duration
}

// Verdict is a decision in one word.
type Verdict string

// The verdicts. Excluded people were kept out before the draw, blocked ones
// after it, because no channel was left.
const (
	Treat   Verdict = "treat"
	Holdout Verdict = "holdout"
	Exclude Verdict = "exclude"
	Block   Verdict = "block"
	Defer   Verdict = "defer"
)

// Candidate is one try, in its order.
type Candidate struct {
	Channel    Channel       `json:"channel"`
	Address    string        `json:"-"` // never in the stored decision
	Masked     string        `json:"to,omitempty"`
	Mode       Mode          `json:"mode"`
	RequireTLS bool          `json:"tls,omitempty"`
	Shared     bool          `json:"shared,omitempty"`
	NotBefore  time.Time     `json:"notBefore"`
	After      time.Duration `json:"after,omitempty"` // since the start, if unseen
	Window     Window        `json:"-"`
	Day        int           `json:"-"`
}

// Reason is one thing that counted.
type Reason struct {
	Code    string  `json:"code"`
	Channel Channel `json:"channel,omitempty"`
	Words   string  `json:"words"`
}

// Decision is what was decided and why.
type Decision struct {
	Verdict Verdict     `json:"verdict"`
	Plan    []Candidate `json:"plan,omitempty"` // of held-out people: what would have been
	Reasons []Reason    `json:"reasons"`
	RetryAt time.Time   `json:"retryAt,omitzero"`
}

// Decide says whether and how the person of f is reached. Who is held out
// changes nothing but the verdict.
func Decide(now time.Time, f *Facts, a Ask, s Settings) Decision {
	var d Decision
	if f.Protected && a.Class > S0 {
		a.Class = S4
	}
	if r, ok := gate(now, f, a); !ok {
		return Decision{Verdict: Exclude, Reasons: []Reason{r}}
	}
	d.Reasons = append(d.Reasons, allowed(a))
	retry := d.plan(now, f, a, s)
	switch {
	case a.Arm == trial.Holdout:
		d.Verdict = Holdout
	case len(d.Plan) > 0:
		d.Verdict = Treat
	case !retry.IsZero():
		d.Verdict, d.RetryAt = Defer, retry
	default:
		d.Verdict = Block
		d.Reasons = append(d.Reasons, say("no_way", ""))
	}
	return d
}

// gate holds the hard rules and the legal ones.
func gate(now time.Time, f *Facts, a Ask) (Reason, bool) {
	switch {
	case f.Missing:
		return say("gone", ""), false
	case f.Deceased:
		return say("deceased", ""), false
	case f.Inactive:
		return say("inactive", ""), false
	}
	if a.Purpose.Key == "security" {
		return Reason{}, true
	}
	if e, refused := f.Consent.Refused(consent.Any, a.Purpose.Key); refused && e.Channel == consent.Any {
		return say("refused", ""), false
	}
	if slices.Contains(f.preference(a.Purpose.Key).Channels, "none") {
		return say("refused", ""), false
	}
	if a.Purpose.Authorization && !f.Consent.Authorized(a.Purpose.Key, now) {
		return say("no_authorization", ""), false
	}
	return Reason{}, true
}

// plan fills in the candidates in their order. It returns when to ask again
// if time alone kept one out.
func (d *Decision) plan(now time.Time, f *Facts, a Ask, s Settings) (retry time.Time) {
	w := window(f, a.Purpose, s)
	start, open := w.Next(now, s.Load)
	for _, c := range order(f, a) {
		if slices.Contains(a.Tried, c) {
			continue
		}
		cand, reason, ok := d.candidate(f, a, s, c)
		if !ok {
			d.Reasons = append(d.Reasons, reason)
			continue
		}
		cand.After = time.Duration(len(d.Plan)) * a.After
		cand.NotBefore = now
		if c != Inbox {
			if !open {
				d.Reasons = append(d.Reasons, say("no_hours", c))
				continue
			}
			cand.Window, cand.NotBefore = w, start
			if loc, err := s.Load(zonesOf(f, s)[0]); err == nil {
				cand.Day = Day(start, loc)
			}
			if limit, hit := full(s.Caps, f.Used, f.Patient, cand.Address, c, a.Purpose.Caps, cand.Day); hit {
				d.Reasons = append(d.Reasons, say(limit.Code, c))
				next, _ := w.Next(start.Add(24*time.Hour), s.Load)
				if retry.IsZero() || next.Before(retry) {
					retry = next
				}
				continue
			}
			if start.After(now) {
				d.Reasons = append(d.Reasons, say("quiet", c))
			}
		}
		d.Plan = append(d.Plan, cand)
	}
	if len(d.Plan) > 0 {
		return time.Time{}
	}
	return retry
}

// candidate finds the best address for c, or says why there is none.
func (d *Decision) candidate(f *Facts, a Ask, s Settings, c Channel) (Candidate, Reason, bool) {
	if r, ok := wanted(f, a, c); !ok {
		return Candidate{}, r, false
	}
	if c == Inbox {
		if !f.Account {
			return Candidate{}, say("no_account", c), false
		}
		return Candidate{Channel: c, Mode: Full}, Reason{}, true
	}
	why := say("no_address", c)
	for _, p := range f.Points {
		if string(p.Kind) != string(c) {
			continue
		}
		r, ok := usable(f, p)
		if !ok {
			why = r
			continue
		}
		able, known := f.Able[p.Value]
		if known && !able.OK {
			why = say("unreachable", c)
			continue
		}
		m := medium(c, able, f.Consent.Warned() && a.Class < S4)
		mode := s.Matrix.mode(m, a.Class, p.Shared)
		if mode == None {
			why = say("class", c, classWords(a.Class))
			continue
		}
		d.explain(c, mode, m, p.Shared, a.Class)
		return Candidate{
			Channel: c, Address: p.Value, Masked: p.Masked(), Mode: mode, Shared: p.Shared,
			RequireTLS: m == EmailVerified && mode == Full && a.Class > S0,
		}, Reason{}, true
	}
	return Candidate{}, why, false
}

// explain notes why a channel carries less than everything.
func (d *Decision) explain(c Channel, mode Mode, m Medium, shared bool, class Class) {
	switch {
	case mode == Full:
	case shared:
		d.Reasons = append(d.Reasons, say("shared", c))
	case m == EmailPlain:
		d.Reasons = append(d.Reasons, say("no_tls", c, classWords(class)))
	default:
		d.Reasons = append(d.Reasons, say("notice", c, classWords(class)))
	}
}

// wanted says whether the person takes this purpose on c.
func wanted(f *Facts, a Ask, c Channel) (Reason, bool) {
	if a.Purpose.Key == "security" {
		return Reason{}, true
	}
	if _, refused := f.Consent.Refused(string(c), a.Purpose.Key); refused {
		return say("opted_out", c), false
	}
	if chosen := f.preference(a.Purpose.Key).Channels; len(chosen) > 0 && c != Inbox && !slices.Contains(chosen, string(c)) {
		return say("not_chosen", c), false
	}
	return Reason{}, true
}

// usable says whether an address works and nothing may not go there.
func usable(f *Facts, p contact.Point) (Reason, bool) {
	c := Channel(p.Kind)
	switch p.Status {
	case contact.Active:
	case contact.OptedOut:
		return say("opted_out", c), false
	case contact.WrongPerson:
		return say("wrong_person", c), false
	default:
		return say("bounced", c), false
	}
	if _, held := f.Suppressed[p.Value]; held {
		return say("suppressed", c), false
	}
	return Reason{}, true
}

// order is the channels to try: as the person likes, else as most people
// look; the portal's inbox last.
func order(f *Facts, a Ask) []Channel {
	list := []Channel{SMS, Email, Inbox}
	if chosen := f.preference(a.Purpose.Key).Channels; len(chosen) > 0 {
		rank := func(c Channel) int {
			if i := slices.Index(chosen, string(c)); i >= 0 {
				return i
			}
			return len(chosen)
		}
		slices.SortStableFunc(list, func(x, y Channel) int { return rank(x) - rank(y) })
	}
	if len(a.Channels) == 0 {
		return list
	}
	return slices.DeleteFunc(list, func(c Channel) bool { return !slices.Contains(a.Channels, c) })
}

// Recheck says whether a message that was decided on earlier may still go to
// address: wishes and blocks may have changed since.
func Recheck(now time.Time, f *Facts, a Ask, c Channel, address string) (Reason, bool) {
	if r, ok := gate(now, f, a); !ok {
		return r, false
	}
	if r, ok := wanted(f, a, c); !ok {
		return r, false
	}
	if c == Inbox || a.Purpose.Key == "security" {
		return Reason{}, true
	}
	for _, p := range f.Points {
		if p.Value == address && string(p.Kind) == string(c) {
			return usable(f, p)
		}
	}
	return say("no_address", c), false
}

// Wish says in words what the person asked for about p: "Text, then email",
// "None".
func (f *Facts) Wish(p Purpose, now time.Time) string {
	if _, refused := f.Consent.Refused(consent.Any, p.Key); refused {
		return "None"
	}
	var words []string
	for _, c := range order(f, Ask{Purpose: p}) {
		if _, ok := wanted(f, Ask{Purpose: p}, c); ok {
			words = append(words, c.Name())
		}
	}
	chosen := f.preference(p.Key).Channels
	if slices.Contains(chosen, "none") {
		return "None"
	}
	text := strings.Join(words, ", then ")
	if len(chosen) == 0 {
		text += " (our order)"
	}
	if p.Authorization && !f.Consent.Authorized(p.Key, now) {
		return "None: no signed permission"
	}
	return text
}
