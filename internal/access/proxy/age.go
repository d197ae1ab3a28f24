package proxy

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
)

//go:embed packs/*.json
var packFiles embed.FS

// Pack says what a parent may see and do, by the child's age, in one state.
type Pack struct {
	State  string // two letters; empty: wherever no other pack holds
	Name   string
	Law    []string // where it is written
	Verify string   // what is still to be done about it
	Bands  []Band   // youngest first
}

// Band is what holds from an age on.
type Band struct {
	From       int // years
	Categories []access.Category
	Actions    []Action
	Labels     []string // the sensitive sorts that a parent may be shown at this age
	Ends       bool     // a parent is no representative any more
}

// Ages knows the packs. It narrows what a parent may do by the clock.
type Ages struct {
	packs  map[string]Pack
	clinic string // the state that the clinic works in; empty: nobody said
	zone   *time.Location
}

// NewAges reads the packs that come with Hale. Birthdays begin at midnight
// in the clinic's zone. The law of the state that the clinic works in holds
// for every patient, beside that of the patient's own: a child may consent
// where the care is given. An empty state leaves the patient's alone.
func NewAges(zone *time.Location, clinic string) (*Ages, error) {
	a := &Ages{packs: map[string]Pack{}, clinic: clinic, zone: zone}
	names, err := fs.Glob(packFiles, "packs/*.json")
	if err != nil {
		return nil, fmt.Errorf("proxy: packs: %w", err)
	}
	for _, name := range names {
		text, err := packFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("proxy: packs: %w", err)
		}
		p, err := parsePack(text)
		if err != nil {
			return nil, fmt.Errorf("proxy: %s: %w", name, err)
		}
		a.packs[p.State] = p
	}
	return a, nil
}

// parsePack reads a pack and refuses one that would widen with age, name what
// is not known, or never end.
func parsePack(text []byte) (Pack, error) {
	var p Pack
	if err := json.Unmarshal(text, &p); err != nil {
		return p, err
	}
	if len(p.Bands) == 0 || p.Bands[0].From != 0 || !p.Bands[len(p.Bands)-1].Ends {
		return p, fmt.Errorf("the bands begin at 0 and end with one that ends")
	}
	for i, b := range p.Bands {
		switch {
		case len(known(access.Categories, b.Categories)) != len(b.Categories) || len(known(Actions, b.Actions)) != len(b.Actions):
			return p, fmt.Errorf("band %d names what is not known", i)
		case len(known(LabelNames(), b.Labels)) != len(b.Labels):
			return p, fmt.Errorf("band %d names a label that is not known", i)
		case i > 0 && (b.From <= p.Bands[i-1].From || wider(p.Bands[i-1], b)):
			return p, fmt.Errorf("band %d does not narrow the one before", i)
		}
	}
	return p, nil
}

func wider(before, after Band) bool {
	return !after.Ends && (len(known(before.Categories, after.Categories)) != len(after.Categories) ||
		len(known(before.Actions, after.Actions)) != len(after.Actions) || LabelsOf(after.Labels)&^LabelsOf(before.Labels) != 0)
}

// Pack returns the pack that holds in a state.
func (a *Ages) Pack(state string) Pack {
	if p, ok := a.packs[strings.ToUpper(state)]; ok {
		return p
	}
	return a.packs[""]
}

// Packs returns every pack, the general one first.
func (a *Ages) Packs() []Pack {
	var list []Pack
	for _, p := range a.packs {
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y Pack) int { return strings.Compare(x.State, y.State) })
	return list
}

// band returns what both the patient's state and the clinic's leave at now to
// a parent of somebody born on born, and when the next band of either begins;
// ok is false where the birth date is not known well enough, which counts as
// grown up: nothing is opened by mistake.
func (a *Ages) band(born, state string, now time.Time) (b Band, next time.Time, ok bool) {
	day, err := time.ParseInLocation(time.DateOnly, born, a.zone)
	if err != nil {
		return Band{Ends: true}, time.Time{}, false
	}
	b, next = a.Pack(state).at(day, now)
	if a.clinic != "" {
		here, then := a.Pack(a.clinic).at(day, now)
		b = b.and(here)
		if next.IsZero() || !then.IsZero() && then.Before(next) {
			next = then
		}
	}
	return b, next, true
}

// at returns the band of p that holds at now for somebody born on that day,
// and when the next one begins; never, if none does.
func (p Pack) at(born, now time.Time) (b Band, next time.Time) {
	for _, one := range p.Bands {
		from := birthday(born, one.From)
		if from.After(now) {
			return b, from
		}
		b = one
	}
	return b, time.Time{}
}

// and returns what b and o both leave.
func (b Band) and(o Band) Band {
	return Band{
		From: max(b.From, o.From), Ends: b.Ends || o.Ends,
		Categories: known(b.Categories, o.Categories), Actions: known(b.Actions, o.Actions), Labels: known(b.Labels, o.Labels),
	}
}

// same says whether b and o leave the same.
func (b Band) same(o Band) bool { return !wider(b, o) && !wider(o, b) && b.Ends == o.Ends }

// birthday is midnight of the day on which somebody gets that old. Who was
// born on a leap day has it on March 1.
func birthday(born time.Time, years int) time.Time {
	return time.Date(born.Year()+years, born.Month(), born.Day(), 0, 0, 0, 0, born.Location())
}

// Narrow returns what is left of a parent's grant at the age the patient has
// at that time; nothing of it once the patient is grown up. It never widens,
// and leaves every other grant as it is.
func (a *Ages) Narrow(g access.Grant, born, state string, at time.Time) access.Grant {
	if g.Basis != access.AsParent {
		return g
	}
	b, _, _ := a.band(born, state, at)
	if b.Ends {
		return access.Grant{Patient: g.Patient, Name: g.Name, Basis: g.Basis, Until: g.Until}
	}
	p := Proxy{Basis: g.Basis, Limits: Limits{Actions: b.Actions, Categories: known(b.Categories, g.Categories)}}
	g.Categories = p.Categories
	g.Labels &= LabelsOf(b.Labels)
	g.Rights = known(g.Rights, p.rights())
	return g
}

// Change is what a birthday will do to what a parent may see.
type Change struct {
	At   time.Time
	Age  int
	Ends bool
	Lost []access.Category
}

// Next returns the next birthday that changes what a parent may see; ok is
// false if none will.
func (a *Ages) Next(born, state string, now time.Time) (c Change, ok bool) {
	b, next, known := a.band(born, state, now)
	if !known {
		return c, false
	}
	after, later := b, next
	for ; ; next = later { // a birthday of one state may change nothing where the other is stricter
		if next.IsZero() {
			return c, false
		}
		if after, later, _ = a.band(born, state, next); !after.same(b) {
			break
		}
	}
	c = Change{At: next, Age: after.From, Ends: after.Ends}
	for _, one := range b.Categories {
		if !slices.Contains(after.Categories, one) {
			c.Lost = append(c.Lost, one)
		}
	}
	return c, true
}
