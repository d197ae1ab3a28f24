package town_test

import (
	"fmt"
	"math"
	"testing"

	"hale/internal/causal"
	"hale/internal/demo/town"
	"hale/internal/reach/trial"
)

// channelsOf is the order in which the policy would try, told simply.
func channelsOf(r town.Resident) (list []string) {
	if r.Phone != "" && !r.Traits.Has(town.NoTexts) {
		list = append(list, town.SMS)
	}
	if r.Email != "" && !r.Traits.Has(town.BouncingEmail) {
		list = append(list, town.Email)
	}
	return list
}

func due(tn *town.Town, trait town.Trait) (plans []town.Plan) {
	for _, r := range tn.Residents {
		if r.Traits.Has(trait) && !r.Traits.Has(town.Deceased) {
			plans = append(plans, town.Plan{Resident: r, Channels: channelsOf(r)})
		}
	}
	return plans
}

// run plays one outreach to plans and returns both arms.
func run(truth town.Truth, plans []town.Plan, outreach string, hold float64) (treated, treatedYes, held, heldYes int) {
	for _, p := range plans {
		arm, _ := trial.Assign("salt-"+outreach, outreach, p.Resident.Patient, "care", hold)
		if arm == trial.Holdout {
			p.Channels = nil
		}
		yes := 0
		if truth.Booked(p, outreach) {
			yes = 1
		}
		if arm == trial.Holdout {
			held, heldYes = held+1, heldYes+yes
		} else {
			treated, treatedYes = treated+1, treatedYes+yes
		}
	}
	return
}

// TestTruthIsCovered holds the intervals that the desk shows against the
// planted truth, over many seeds.
func TestTruthIsCovered(t *testing.T) {
	for _, c := range []struct {
		name  string
		trait town.Trait
		hold  float64
		seeds int // so many that chance alone moves the coverage by less than the margin
	}{
		{"eye exam, 10 % held out", town.EyeDue, 0.10, 6000},
		{"blood pressure, 20 % held out", town.Hypertensive, 0.20, 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			var fixed, welch, small, always, found, n int
			var bias, truthSum float64
			for part := range 4 {
				tn, _ := generate(t, uint64(part+1), 2500)
				plans := due(tn, c.trait)
				for i := range c.seeds / 4 {
					truth := town.NewTruth(uint64(part*c.seeds + i))
					want := truth.TrueEffect(plans)
					t1, y1, t0, y0 := run(truth, plans, fmt.Sprintf("o%d-%d", part, i), c.hold)
					e := causal.Difference(causal.Cautious(y1, t1), causal.Cautious(y0, t0))
					low, high := e.Interval(causal.Alpha)
					welch += yes(low <= want && want <= high)
					if pair := (causal.Pair{TreatedYes: y1, Treated: t1, HeldYes: y0, Held: t0}); pair.Small() {
						low, high = pair.Newcombe(causal.Alpha)
						small++
					}
					alow, ahigh, _ := causal.AlwaysValid(e, float64(len(plans)), causal.Alpha)
					fixed += yes(low <= want && want <= high)
					always += yes(alow <= want && want <= ahigh)
					found += yes(low > 0)
					bias += e.Value - want
					truthSum += want
					n++
				}
			}
			share := func(k int) float64 { return float64(k) / float64(n) }
			t.Logf("%d seeds: true effect %.1f points on average, bias %+.2f points; covered: fixed %.1f %% (by score in %.0f %%; Welch alone %.1f %%), always valid %.1f %%; fixed interval above zero in %.1f %%",
				n, 100*truthSum/float64(n), 100*bias/float64(n), 100*share(fixed), 100*share(small), 100*share(welch), 100*share(always), 100*share(found))
			if share(fixed) < 0.94 || share(always) < 0.95 {
				t.Errorf("coverage = %.3f fixed, %.3f always valid, want at least 0.94 and 0.95", share(fixed), share(always))
			}
			if math.Abs(bias/float64(n)) > 0.005 {
				t.Errorf("bias = %.4f, want none", bias/float64(n))
			}
		})
	}
}

func yes(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// TestTruthPerChannel draws many people and compares what they do with what
// was planted, channel by channel.
func TestTruthPerChannel(t *testing.T) {
	tn, _ := generate(t, 7, 2500)
	for _, channel := range []string{town.SMS, town.Email, town.Inbox} {
		var want, got, n float64
		for _, r := range tn.Residents {
			if r.Traits.Has(town.Deceased) {
				continue
			}
			p := town.Plan{Resident: r, Channels: []string{channel}}
			want += tn.Truth.Effect(p)
			for k := range 8 {
				o := fmt.Sprint("o", k)
				none := town.Plan{Resident: r}
				got += float64(yes(tn.Truth.Booked(p, o))-yes(tn.Truth.Booked(none, o))) / 8
			}
			n++
		}
		t.Logf("%s: planted %.4f, played %.4f over %.0f people", channel, want/n, got/n, n)
		if math.Abs(want-got)/n > 0.008 {
			t.Errorf("%s: effect played = %.4f, want %.4f", channel, got/n, want/n)
		}
	}
}

func TestTruthRepeats(t *testing.T) {
	r := town.Resident{Patient: "rv00042", Age: 50, Lang: "en"}
	a, b, other := town.NewTruth(5), town.NewTruth(5), town.NewTruth(6)
	differs := false
	for i := range 200 {
		o := fmt.Sprint("o", i)
		if a.Response(r, o, town.SMS) != b.Response(r, o, town.SMS) {
			t.Fatalf("Response(%s) differs between two looks", o)
		}
		differs = differs || a.Response(r, o, town.SMS) != other.Response(r, o, town.SMS)
	}
	if !differs {
		t.Error("another seed behaves the same in 200 outreaches")
	}
}

func TestTruthTraits(t *testing.T) {
	truth := town.NewTruth(1)
	tests := []struct {
		name    string
		traits  town.Trait
		channel string
		want    town.Act
	}{
		{"the dead do nothing", town.Deceased, town.SMS, town.Ignores},
		{"who never looks ignores", town.NeverLooks, town.Email, town.Ignores},
		{"a stranger says so", town.NotThem, town.SMS, town.SaysNotMe},
		{"STOP to a text", town.RepliesStop, town.SMS, town.SaysStop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := town.Resident{Patient: "x", Age: 60, Lang: "en", Traits: tt.traits}
			if got := truth.Response(r, "o", tt.channel); got != tt.want {
				t.Errorf("Response = %v, want %v", got, tt.want)
			}
			if e := truth.Effect(town.Plan{Resident: r, Channels: []string{tt.channel}}); e != 0 {
				t.Errorf("Effect = %v, want 0", e)
			}
		})
	}
}
