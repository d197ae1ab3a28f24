package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/law"
	"hale/internal/reach/trial"
)

// Facts are what is known of one person when a decision is made.
type Facts struct {
	Patient     string
	Zone        string
	State       string // two letters, as the record has it
	Zip         string
	Minor       bool
	Deceased    bool
	Inactive    bool // merged into another record, or out of use
	Missing     bool // no such record any more
	Account     bool // can sign in to the portal
	Protected   bool // is known to a protected programme: that we write tells already
	Points      []contact.Point
	Post        contact.Point // name and postal address as they stand on an envelope; empty: none that is complete
	OnPaper     bool          // it was agreed that everything goes to this person by post
	Helpers     []Helper      // caregivers whom messages about this person may go to
	Unpaid      bool          // the signature says nothing of payment, and somebody pays
	Permit      bool          // one of the exceptions that stand in for a signed permission holds
	Preferences []contact.Preference
	Consent     consent.State
	Suppressed  map[string]string    // address → why, for this purpose
	Unproven    map[string]bool      // number → nobody has shown for long that it is the person's still
	Resting     map[string]time.Time // address → nothing goes there before, because mail came back
	Able        map[string]Ability   // address → what it can take
	Used        []Use
}

// preference is the wish about topic; what it leaves open is as with
// everything else.
func (f *Facts) preference(topic string) contact.Preference {
	var p, any contact.Preference
	for _, one := range f.Preferences {
		switch one.Topic {
		case topic:
			p = one
		case "*":
			any = one
		}
	}
	if len(p.Channels) == 0 {
		p.Channels = any.Channels
	}
	if p.HourTo == 0 {
		p.HourFrom, p.HourTo = any.HourFrom, any.HourTo
	}
	if p.Lang == "" {
		p.Lang = any.Lang
	}
	if p.Pace == "" {
		p.Pace = any.Pace
	}
	p.LargePrint = p.LargePrint || any.LargePrint
	return p
}

// Lang is the language the person asked for, or "".
func (f *Facts) Lang() string { return f.preference("*").Lang }

// Settings are the clinic's rules.
type Settings struct {
	Matrix   Matrix
	Caps     []Cap
	Law      *law.Book // nil: quiet hours alone
	Confirm  int       // days after which a number has to be proven anew; 0: never
	NoOffers bool      // the sender of texts is not registered for marketing in the United States
	Laid     Laid      // what the clinic changed of the purposes
	Clinic   string    // the clinic's zone
	Anywhere []string  // zones a person of unknown zone may be in
	Load     Zones
}

// Ask is what is to be decided.
type Ask struct {
	Purpose  Purpose
	Class    Class                     // of the content
	Channels []Channel                 // that the template and the author allow; empty: all
	Tried    []Channel                 // already used up by earlier steps
	Arm      trial.Arm                 // drawn beforehand, and looked at last
	After    time.Duration             // unseen for so long: the next channel
	Waits    map[Channel]time.Duration // the same after one channel; one that is not there: After
	Call     bool                      // the author wants people called who do not ask for it
	Post     bool                      // a letter goes where nothing else is left
	Hours    Times                     // of the outreach
	Turn     Turn                      // in a spread outreach
	Permit   string                    // of marketing: the exception the author chose, in words; empty: a signed permission
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
	Channel   Channel       `json:"channel"`
	Address   string        `json:"-"` // never in the stored decision
	Masked    string        `json:"to,omitempty"`
	Mode      Mode          `json:"mode"`
	Level     Level         `json:"level,omitempty"` // the connection must have it, or the message does not leave
	Shared    bool          `json:"shared,omitempty"`
	Unproven  bool          `json:"unproven,omitempty"` // the link asks who is there, whatever it leads to
	For       string        `json:"for,omitempty"`      // the caregiver's account it goes to; empty: the patient
	Digest    bool          `json:"digest,omitempty"`   // waits for the day's one message
	NotBefore time.Time     `json:"notBefore"`
	After     time.Duration `json:"after,omitempty"` // since the start, if unseen
	Window    Window        `json:"-"`
	Day       int           `json:"-"`
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
	if a.Purpose.Fixed { // nobody can end the topic; of a channel STOP still holds
		return Reason{}, true
	}
	if e, refused := f.Consent.Refused(consent.Any, a.Purpose.Key); refused && e.Channel == consent.Any {
		return say("refused", ""), false
	}
	if slices.Contains(f.preference(a.Purpose.Key).Channels, "none") {
		return say("refused", ""), false
	}
	if a.Purpose.Authorization && !f.Permit && (f.Unpaid || !f.Consent.Authorized(a.Purpose.Key, now)) {
		return say("no_authorization", ""), false
	}
	return Reason{}, true
}

// plan fills in the candidates in their order. It returns when to ask again
// if time alone kept one out.
func (d *Decision) plan(now time.Time, f *Facts, a Ask, s Settings) (retry time.Time) {
	base := window(f, a.Purpose, &s, "").narrow(a.Hours)
	for _, c := range order(f, a) {
		if slices.Contains(a.Tried, c) {
			continue
		}
		w := base
		w.Channel = string(c)
		cand, reason, ok := d.candidate(f, a, s, c)
		if !ok {
			d.Reasons = append(d.Reasons, reason)
			if until := f.rests(c); reason.Code == "resting" && (retry.IsZero() || until.Before(retry)) {
				retry = until
			}
			continue
		}
		cand.After = d.waited(a)
		if c == Post && len(d.Plan) > 0 {
			cand.After = max(cand.After, PostAfter)
		}
		cand.NotBefore = now
		if c == Inbox && a.Hours == (Times{}) || c == Post { // paper disturbs nobody, and its days are the carrier's
			d.Plan = append(d.Plan, cand)
			continue
		}
		if c == Inbox {
			w.Class = "" // no law keeps the portal shut; the author does
		}
		next, ok := d.timed(now, f, a, &s, w, &cand)
		if !next.IsZero() && (retry.IsZero() || next.Before(retry)) {
			retry = next
		}
		if !ok {
			continue
		}
		d.Plan = append(d.Plan, cand)
	}
	if len(d.Plan) > 0 {
		return time.Time{}
	}
	return retry
}

// timed finds when cand may leave within w. It returns false where it may
// not, with when to ask again if time alone is in the way.
func (d *Decision) timed(now time.Time, f *Facts, a Ask, s *Settings, w Window, cand *Candidate) (retry time.Time, ok bool) {
	c := cand.Channel
	if w.never() {
		d.Reasons = append(d.Reasons, say("hours_apart", c, a.Hours.Words()))
		return retry, false
	}
	open, why, ok := w.next(now, s)
	if !ok {
		d.Reasons = append(d.Reasons, say("no_hours", c))
		return retry, false
	}
	start := w.turn(open, a, s)
	cand.Window, cand.NotBefore = w, start
	if loc, err := s.Load(w.zone(s)); err == nil {
		cand.Day = Day(start, loc)
	}
	if limit, hit := full(s.Caps, f.Used, f.Patient, cand.Address, c, a.Purpose, cand.Day); hit && c != Inbox {
		d.Reasons = append(d.Reasons, capped(limit, c))
		next, _ := w.Next(start.Add(24*time.Hour), s)
		return next, false
	}
	switch {
	case open.After(now) && why.Name == "" && a.outside(now, w, s):
		d.Reasons = append(d.Reasons, say("window", c, a.Hours.Words()))
	case open.After(now):
		d.Reasons = append(d.Reasons, quiet(c, why))
	}
	if start.After(open) {
		d.Reasons = append(d.Reasons, say("spread", c, strconv.Itoa(a.Hours.Spread)))
	}
	if a.Purpose.Digest && c != Voice && c != Inbox && f.preference(a.Purpose.Key).Pace == contact.Daily {
		cand.Digest = true
		d.Reasons = append(d.Reasons, say("digest", c))
	}
	return retry, true
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
	for _, t := range f.ways(c, a.Class) {
		p := t.Point
		if !Fits(p.Kind, c) {
			continue
		}
		r, ok := usable(f, p, c)
		if !ok {
			why = r
			continue
		}
		able, known := f.Able[p.Value]
		if known && !able.OK && string(p.Kind) == string(c) {
			why = say("unreachable", c)
			continue
		}
		if c == SMS && a.Purpose.Authorization && s.NoOffers && strings.HasPrefix(p.Value, "+1") {
			why = say("unregistered", c)
			continue
		}
		w := s.way(f, a, c, able, p.Shared)
		if t.helper != nil && w.mode == Full && a.Class >= S3 {
			w.mode = Notice // what was found is read behind the link, after a second look at who reads
		}
		if w.mode == None {
			why = say(w.why, c, classWords(a.Class))
			continue
		}
		unproven := c == SMS && a.Class > S0 && f.Unproven[p.Value]
		if unproven && w.mode == Full {
			w.mode = Notice
			d.Reasons = append(d.Reasons, say("unproven", c))
		} else {
			d.explain(c, w, p.Shared, a.Class)
		}
		return Candidate{
			Channel: c, Address: p.Value, Masked: p.Masked(), Mode: w.mode, Shared: p.Shared, Unproven: unproven, Level: w.level, For: d.helped(c, t.helper),
		}, Reason{}, true
	}
	return Candidate{}, why, false
}

// explain notes why a channel carries less than everything.
func (d *Decision) explain(c Channel, w way, shared bool, class Class) {
	switch {
	case w.mode == Full:
	case shared:
		d.Reasons = append(d.Reasons, say("shared", c))
	case w.held:
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
	if e, refused := f.Consent.Refused(string(c), a.Purpose.Key); refused && !(a.Purpose.Fixed && e.Channel == consent.Any) {
		return say("opted_out", c), false
	}
	if chosen := f.preference(a.Purpose.Key).Channels; len(chosen) > 0 && c != Inbox && c != Post && !a.Purpose.Fixed && !slices.Contains(chosen, string(c)) {
		return say("not_chosen", c), false
	}
	return Reason{}, true
}

// Fits says whether an address of kind takes what comes by c. A number that
// takes texts takes calls, too.
func Fits(kind contact.Kind, c Channel) bool {
	return string(kind) == string(c) || c == Voice && kind == contact.SMS
}

// usable says whether an address works and nothing may not go there.
func usable(f *Facts, p contact.Point, c Channel) (Reason, bool) {
	if c == Voice && p.Kind == contact.SMS && p.Status != contact.WrongPerson {
		// What stopped texts stops no call: calls are refused by themselves.
		if why := f.Suppressed[p.Value]; why != "" && why != "stop" {
			return say("suppressed", c), false
		}
		return Reason{}, true
	}
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
	if _, held := f.Resting[p.Value]; held {
		return say("resting", c), false
	}
	return Reason{}, true
}

// rests is when the first address that c would use may be written to again.
func (f *Facts) rests(c Channel) time.Time {
	var first time.Time
	for p := range f.Everywhere() {
		if until, ok := f.Resting[p.Value]; ok && Fits(p.Kind, c) && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first
}

// order is the channels to try: as the person likes, else as most people
// look; the portal's inbox last.
func order(f *Facts, a Ask) []Channel {
	list := []Channel{SMS, Email, Inbox}
	chosen := f.preference(a.Purpose.Key).Channels
	if slices.Contains(chosen, string(Voice)) || a.Call {
		list = append(list, Voice) // a call costs somebody's time: where it is wanted
	}
	if len(chosen) > 0 {
		rank := func(c Channel) int {
			if i := slices.Index(chosen, string(c)); i >= 0 {
				return i
			}
			return len(chosen)
		}
		slices.SortStableFunc(list, func(x, y Channel) int { return rank(x) - rank(y) })
	}
	switch {
	case f.OnPaper:
		list = slices.Insert(list, 0, Post)
	case a.Post:
		list = append(list, Post)
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
	for p := range f.Everywhere() {
		if p.Value == address && Fits(p.Kind, c) {
			return usable(f, p, c)
		}
	}
	return say("no_address", c), false
}

// helped notes that a message goes to a caregiver, and to which.
func (d *Decision) helped(c Channel, h *Helper) string {
	if h == nil {
		return ""
	}
	d.Reasons = append(d.Reasons, say("helper", c, h.Name))
	return h.Account
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
