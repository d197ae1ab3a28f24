// Package choice is what a person chose about being written to: about what,
// by which channel, in which language and hours, how often. The portal and
// the link in each message show the same.
//
// Whoever holds a link alone never reads what the law protects more: topics
// of results are named to those who signed in.
package choice

import (
	"context"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
)

// The ways of one topic beside the channels.
const (
	AsAbove = ""      // as with everything
	Portal  = "inbox" // only where somebody signs in
	Nothing = "none"
)

// Topic is what was chosen about one purpose.
type Topic struct {
	Key  string
	Name string
	Way  string // AsAbove, sms, email, voice, Portal or Nothing
}

// Choices is all that was chosen.
type Choices struct {
	First    string // sms, email, voice, inbox, or "": as the clinic thinks best
	Refused  []string
	Stopped  bool // a STOP was answered: texts begin again by START
	Lang     string
	From, To int // hours; 0 and 0: no wish
	Daily    bool
	Large    bool
	Topics   []Topic
	Fixed    bool // agreed with the clinic: one way alone, which is not changed here
}

// Channels are the ways that can be refused as a whole.
func Channels() []string { return []string{"sms", "email", "voice"} }

// Ways are what a topic can be set to.
func Ways() []string { return []string{AsAbove, "sms", "email", "voice", Portal, Nothing} }

// Store reads and keeps choices.
type Store struct {
	contacts *contact.Store
	consents *consent.Store
}

// NewStore returns a store over those of contacts and consents.
func NewStore(contacts *contact.Store, consents *consent.Store) *Store {
	return &Store{contacts: contacts, consents: consents}
}

// topics are the purposes that somebody can choose about; to whoever only
// holds a link, none that tells of results.
func topics(signedIn bool) []policy.Purpose {
	return slices.DeleteFunc(policy.Purposes(), func(p policy.Purpose) bool {
		return p.Fixed || !signedIn && p.Sensitivity >= policy.S3
	})
}

// Of returns what the patient whom pass opens chose. Who signed in sees all
// topics.
func (s *Store) Of(ctx context.Context, pass access.Pass, signedIn bool) (Choices, error) {
	wishes, err := s.contacts.Preferences(ctx, pass)
	if err != nil {
		return Choices{}, err
	}
	said, err := s.consents.Of(ctx, pass)
	if err != nil {
		return Choices{}, err
	}
	points, err := s.contacts.Of(ctx, pass)
	if err != nil {
		return Choices{}, err
	}
	state := consent.Fold(said)
	var c Choices
	if i := slices.IndexFunc(wishes, func(p contact.Preference) bool { return p.Topic == "*" }); i >= 0 {
		p := wishes[i]
		c.Lang, c.From, c.To, c.Large, c.Daily = p.Lang, p.HourFrom, p.HourTo, p.LargePrint, p.Pace == contact.Daily
		if len(p.Channels) > 0 {
			c.First = p.Channels[0]
		}
	}
	for _, channel := range Channels() {
		if _, refused := state.Refused(channel, consent.Any); refused {
			c.Refused = append(c.Refused, channel)
		}
	}
	c.Stopped = slices.ContainsFunc(points, func(p contact.Point) bool { return p.Kind == contact.SMS && p.Status == contact.OptedOut })
	for _, p := range topics(signedIn) {
		c.Topics = append(c.Topics, Topic{Key: p.Key, Name: p.Name, Way: way(wishes, state, p)})
	}
	return c, nil
}

// way is what holds for one topic.
func way(wishes []contact.Preference, state consent.State, p policy.Purpose) string {
	if e, refused := state.Refused(consent.Any, p.Key); refused && e.Channel == consent.Any {
		return Nothing
	}
	for _, w := range wishes {
		if w.Topic == p.Key && len(w.Channels) > 0 {
			return w.Channels[0]
		}
	}
	return AsAbove
}

var errChoice = errs.New(errs.Invalid, "Please choose one of the ways we offer.")

// check refuses what no form offers.
func (c Choices) check() error {
	if !slices.Contains([]string{"", "sms", "email", "voice", "inbox"}, c.First) || !slices.Contains([]string{"", "en", "es"}, c.Lang) {
		return errChoice
	}
	for _, t := range c.Topics {
		if !slices.Contains(Ways(), t.Way) {
			return errChoice
		}
	}
	for _, one := range c.Refused {
		if !slices.Contains(Channels(), one) {
			return errChoice
		}
	}
	return nil
}

// order is a wish for one channel first, written out.
func order(first string) []string {
	switch first {
	case "":
		return nil
	case "inbox":
		return []string{"inbox"}
	}
	list := []string{first}
	for _, c := range []string{"sms", "email", "inbox"} {
		if c != first {
			list = append(list, c)
		}
	}
	return list
}

// Save keeps what the patient whom edit opens chose; read is a pass to see
// what held before. Topics that c does not name stay as they are. Each word
// that takes something back is in the ledger of consents, with how it came.
func (s *Store) Save(ctx context.Context, read, edit access.Pass, c Choices, signedIn bool, method, evidence string) error {
	if err := c.check(); err != nil {
		return err
	}
	before, err := s.Of(ctx, read, signedIn)
	if err != nil {
		return err
	}
	return s.save(ctx, edit, before, c, method, evidence)
}

// SaveLess keeps of c what whoever holds a link may choose without showing who
// they are: all but what would give a permission back, for links get
// forwarded. It says whether it left something out.
func (s *Store) SaveLess(ctx context.Context, read, edit access.Pass, c Choices, method, evidence string) (left bool, err error) {
	if err := c.check(); err != nil {
		return false, err
	}
	before, err := s.Of(ctx, read, false)
	if err != nil {
		return false, err
	}
	less, left := c.less(before)
	return left, s.save(ctx, edit, before, less, method, evidence)
}

// less returns c without what gives back what before has taken: a channel, a
// topic, or being written to at all. It says whether there was any.
func (c Choices) less(before Choices) (less Choices, left bool) {
	less = c
	less.Refused = slices.Clone(c.Refused)
	for _, channel := range before.Refused {
		if !slices.Contains(less.Refused, channel) {
			less.Refused, left = append(less.Refused, channel), true
		}
	}
	if before.First == Portal && c.First != Portal {
		less.First, left = before.First, true
	}
	less.Topics = slices.Clone(c.Topics)
	for i, t := range less.Topics {
		b := slices.IndexFunc(before.Topics, func(b Topic) bool { return b.Key == t.Key })
		if b < 0 {
			continue
		}
		was := before.Topics[b].Way
		if was == Nothing && t.Way != Nothing || was == Portal && t.Way != Portal && t.Way != Nothing {
			less.Topics[i].Way, left = was, true
		}
	}
	return less, left
}

func (s *Store) save(ctx context.Context, edit access.Pass, before, c Choices, method, evidence string) error {
	if err := s.everything(ctx, edit, before, c); err != nil {
		return err
	}
	events := c.channels(before)
	for _, t := range c.Topics {
		i := slices.IndexFunc(before.Topics, func(b Topic) bool { return b.Key == t.Key })
		if i < 0 || before.Topics[i].Way == t.Way {
			continue // not one to choose about here, or as it was
		}
		p := contact.Preference{Topic: t.Key}
		if t.Way != AsAbove {
			p.Channels = []string{t.Way}
		}
		if err := s.contacts.SetPreference(ctx, edit, p); err != nil {
			return err
		}
		switch {
		case t.Way == Nothing:
			events = append(events, consent.Event{Channel: consent.Any, Purpose: t.Key, Action: consent.Revoke, Scope: "topic"})
		case before.Topics[i].Way == Nothing:
			events = append(events, consent.Event{Channel: consent.Any, Purpose: t.Key, Action: consent.Grant})
		}
	}
	if len(events) == 0 {
		return nil
	}
	for i := range events {
		events[i].Method, events[i].Evidence = method, evidence
	}
	return s.consents.Add(ctx, edit, events...)
}

// everything keeps what holds for all topics.
func (s *Store) everything(ctx context.Context, edit access.Pass, before, c Choices) error {
	if c.First == before.First && c.Lang == before.Lang && c.From == before.From && c.To == before.To && c.Large == before.Large && c.Daily == before.Daily {
		return nil
	}
	p := contact.Preference{Topic: "*", Channels: order(c.First), Lang: c.Lang, HourFrom: c.From, HourTo: c.To, LargePrint: c.Large}
	if c.Daily {
		p.Pace = contact.Daily
	}
	return s.contacts.SetPreference(ctx, edit, p)
}

// channels are the words about whole channels that are new in c.
func (c Choices) channels(before Choices) (events []consent.Event) {
	for _, channel := range Channels() {
		was, is := slices.Contains(before.Refused, channel), slices.Contains(c.Refused, channel)
		switch {
		case is && !was:
			events = append(events, consent.Event{Channel: channel, Purpose: consent.Any, Action: consent.Revoke, Scope: "channel"})
		case was && !is:
			events = append(events, consent.Event{Channel: channel, Purpose: consent.Any, Action: consent.Grant})
		}
	}
	return events
}

// Words tells a topic as people call it, for the name of a purpose is the
// desk's.
func (t Topic) Words() string {
	switch t.Key {
	case "care":
		return "Reminders about care that is due"
	case "appointment":
		return "Your visits"
	case "refill":
		return "Refills"
	case "clinical_result":
		return "Test results"
	case "billing":
		return "Bills"
	case "admin":
		return "News about our office"
	case "education":
		return "Health tips"
	case "survey":
		return "Questions about how we do"
	case "marketing":
		return "Offers"
	}
	return strings.TrimSpace(t.Name)
}
