package measure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"hale/internal/causal"
)

const (
	fewest     = 10    // people an arm needs before there is an interval
	lopsided   = 0.001 // an SRM p-value below this blocks the effect
	fixed      = "Welch's interval at the planned end"
	small      = "Newcombe's score interval at the planned end, made for few people or few who acted"
	byHouse    = "Interval at the planned end for people drawn by household, as wide as households that act alike make it"
	always     = "Always-valid interval: it holds however often you look"
	wideGroups = "Each group is a smaller comparison than the headline. Their intervals are widened so that all hold together; a gap between two groups needs a test of its own."
)

// cell counts people who are alike in all that is looked at.
type cell struct {
	held    bool
	chance  float64 // of being held out
	channel string  // planned first
	older   bool    // 65 or more when it started
	lang    string
	known   bool   // had signed in before
	fromAll bool   // held out of everything, not of this outreach alone
	variant string // of the text, drawn for those held out as well
	n, yes  int
}

// plan is what an outreach set out to do.
type plan struct {
	outreach, service, state string
	window                   time.Duration
	audience                 int
	started                  time.Time
	first, last              time.Time // of the draws
	draws                    int       // intents of any assignment
}

// ended says whether nobody can act within the window any more, and nobody
// is still to be drawn.
func (p plan) ended(now time.Time) bool {
	return p.draws > 0 && p.draws >= p.audience && !now.Before(p.last.Add(p.window))
}

// effect computes what cells show at now.
func effect(p plan, cells []cell, houses []cluster, now time.Time) Effect {
	e := Effect{
		Outreach: p.outreach, Goal: goal(p.service), WindowDays: int(p.window / (24 * time.Hour)),
		Started: p.started, AsOf: now, SRM: 1, P: 1, State: TooEarly,
	}
	for _, c := range cells {
		if c.held {
			e.Held, e.HeldYes = e.Held+c.n, e.HeldYes+c.yes
			if c.fromAll {
				e.HeldAll, e.HeldAllYes = e.HeldAll+c.n, e.HeldAllYes+c.yes
			}
		} else {
			e.Treated, e.TreatedYes = e.Treated+c.n, e.TreatedYes+c.yes
		}
	}
	e.Share, e.HeldShare = share(e.TreatedYes, e.Treated), share(e.HeldYes, e.Held)
	if p.draws == 0 {
		return e
	}
	e.Complete = p.last.Add(p.window)
	drawn := drawable(cells)
	e.SRM = srm(drawn)
	switch final := p.ended(now); {
	case e.SRM < lopsided:
		e.State, e.Blocked = Broken, blocked(e.SRM)
	case smallest(drawn) < fewest:
		e.State = TooFew
	case e.TreatedYes+e.HeldYes == 0 && !final:
		e.State = TooEarly
	default:
		e.State = Running
		if final {
			e.State = Final
		}
		estimateInto(&e, p, drawn, houses)
	}
	return e
}

// estimateInto fills in the numbers of an effect that has them.
func estimateInto(e *Effect, p plan, cells []cell, houses []cluster) {
	method := reader{final: e.State == Final, planned: float64(max(p.audience, p.draws)), houses: len(houses) > 0, design: designOf(houses)}
	est := method.design.wider(estimate(cells))
	e.Diff, e.SE, e.Method = est.Value, est.SE, method.name(cells)
	e.Low, e.High, e.P = method.read(cells, est, causal.Alpha)
	e.Extra = e.Diff * float64(e.Treated)
	e.ExtraLow, e.ExtraHigh = e.Low*float64(e.Treated), e.High*float64(e.Treated)
	if r, err := causal.Relative(causal.Yes(e.TreatedYes, e.Treated), causal.Yes(e.HeldYes, e.Held)); err == nil {
		e.Ratio, e.Steady = r.Value, true
	}
	e.Groups = groups(cells, method)
	if len(e.Groups) > 0 {
		e.GroupNote = wideGroups
	}
}

// reader makes intervals: for one look at the end, or for any number of them
// before.
type reader struct {
	final   bool
	planned float64
	houses  bool // some were drawn by household
	design  design
}

func (r reader) name(cells []cell) string {
	if !r.final {
		return always
	}
	if r.houses {
		return byHouse
	}
	if _, few := fewOf(cells); few {
		return small
	}
	return fixed
}

// read returns the interval, kept to what a difference of shares can be, and
// the p-value.
func (r reader) read(cells []cell, e causal.Estimate, alpha float64) (low, high, p float64) {
	pair, few := fewOf(cells)
	switch {
	case !r.final:
		low, high, p = causal.AlwaysValid(e, r.planned, alpha)
	case few && !r.houses:
		low, high = pair.Newcombe(alpha)
		p = pair.P()
	default:
		low, high = e.Interval(alpha)
		p = e.P()
	}
	return max(-1, low), min(1, high), p
}

// fewOf returns the counts of both arms, and whether they are so few that
// only their own interval fits. Strata with chances of their own have none.
func fewOf(cells []cell) (causal.Pair, bool) {
	strata := byChance(cells)
	if len(strata) != 1 {
		return causal.Pair{}, false
	}
	t, h := strata[0].treated, strata[0].held
	pair := causal.Pair{TreatedYes: t.yes, Treated: t.n, HeldYes: h.yes, Held: h.n}
	return pair, pair.Small()
}

// estimate compares the arms. Where the chance of being held out differed,
// like is compared with like, or weighed by that chance where a stratum is
// too thin.
func estimate(cells []cell) causal.Estimate {
	strata := byChance(cells)
	if len(strata) == 1 {
		return causal.Difference(strata[0].treated.cautious(), strata[0].held.cautious())
	}
	var pairs []causal.Stratum
	var treated, held []causal.Cell
	for _, s := range strata {
		pairs = append(pairs, causal.Stratum{Treated: s.treated.cautious(), Held: s.held.cautious()})
		if s.treated.n > 0 {
			treated = append(treated, causal.Cell{Chance: 1 - s.chance, Sample: s.treated.cautious()})
		}
		if s.held.n > 0 {
			held = append(held, causal.Cell{Chance: s.chance, Sample: s.held.cautious()})
		}
	}
	if e, err := causal.Stratified(pairs); err == nil {
		return e
	}
	return causal.Weighted(treated, held)
}

// count is some people, of whom yes acted.
type count struct{ n, yes int }

func (c count) cautious() causal.Sample { return causal.Cautious(c.yes, c.n) }

type stratum struct {
	chance        float64
	treated, held count
}

// byChance sums cells by the chance of being held out.
func byChance(cells []cell) []stratum {
	var all []stratum
	for _, c := range cells {
		i := slices.IndexFunc(all, func(s stratum) bool { return s.chance == c.chance })
		if i < 0 {
			i, all = len(all), append(all, stratum{chance: c.chance})
		}
		side := &all[i].treated
		if c.held {
			side = &all[i].held
		}
		side.n, side.yes = side.n+c.n, side.yes+c.yes
	}
	return all
}

// drawable leaves out people who could only have been in one arm: nobody
// can be compared with them.
func drawable(cells []cell) []cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.chance <= 0 || c.chance >= 1 })
}

func smallest(cells []cell) int {
	var treated, held int
	for _, c := range cells {
		if c.held {
			held += c.n
		} else {
			treated += c.n
		}
	}
	return min(treated, held)
}

// srm returns the p-value of the split of cells under the chances they were
// drawn with.
func srm(cells []cell) float64 {
	var observed, expected, variance float64
	for _, s := range byChance(cells) {
		n := float64(s.treated.n + s.held.n)
		observed += float64(s.held.n)
		expected += n * s.chance
		variance += n * s.chance * (1 - s.chance)
	}
	if variance == 0 {
		return 1
	}
	return math.Erfc(math.Abs(observed-expected) / math.Sqrt(2*variance))
}

func blocked(p float64) string {
	return fmt.Sprintf("the draw is lopsided: as many held out or more extreme happens by chance in %s draws, so something lost or added people", odds(p))
}

func odds(p float64) string {
	if p < 1e-6 {
		return "less than 1 of a million"
	}
	return fmt.Sprintf("1 of %.0f", 1/p)
}
