package reach

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// DryRun says what an outreach would do if it started now, and does nothing.
// The draw is the one that a start would make.
func (e *Engine) DryRun(ctx context.Context, pass access.Pass, id string) (Forecast, error) {
	if err := pass.OpenAll(access.RunOutreach); err != nil {
		return Forecast{}, err
	}
	o, err := get(ctx, e.DB, id)
	if err != nil {
		return Forecast{}, err
	}
	q, args, err := segment.Compile(pass, o.Segment, e.Now())
	if err != nil {
		return Forecast{}, err
	}
	ids, err := db.All(ctx, e.DB, db.Value[string], q, args...)
	if err != nil {
		return Forecast{}, fmt.Errorf("reach: dry run %s: %w", id, err)
	}
	r := &rehearsal{
		named: pass.Actor().May(access.FindPatients, ""), blocked: map[string]*Reason{}, ways: map[string]*Reason{}, passed: map[string]*Reason{}, worst: map[string]*candidateSample{},
		forecast: Forecast{Audience: len(ids), ByChannel: map[Channel]int{}, ByMode: map[string]int{}, Sentence: segment.Sentence(o.Segment)},
	}
	purpose, _ := policy.PurposeOf(o.Purpose)
	r.forecast.Problems = o.Template.Lint(purpose)
	able := map[string]policy.Ability{}
	for chunk := range slices.Chunk(ids, planBatch) {
		if err := e.abilities(ctx, pass, chunk, able); err != nil {
			return Forecast{}, err
		}
		k, err := e.load(ctx, e.DB, pass, chunk, o.Purpose, able)
		if err != nil {
			return Forecast{}, err
		}
		p, err := e.planner(o, k)
		if err != nil { // a text that cannot be read: the problems say so
			return r.forecast, nil
		}
		for _, patient := range chunk {
			r.person(p, patient)
		}
	}
	return r.end(), nil
}

// rehearsal collects a forecast.
type rehearsal struct {
	forecast Forecast
	named    bool               // whoever asks may see names
	blocked  map[string]*Reason // each person once, by what decided
	ways     map[string]*Reason // of the same people, every channel's reason
	passed   map[string]*Reason
	worst    map[string]*candidateSample
	some     []Sample
}

// candidateSample is the hardest case of its kind so far.
type candidateSample struct {
	size   int
	sample Sample
}

// maxSome is how many ordinary people a forecast shows.
const maxSome = 5

func (r *rehearsal) person(p *planner, patient string) {
	d, _, _ := p.decide(patient)
	f, s := &r.forecast, p.crowd.by[patient]
	sample := Sample{Patient: patient, Name: s.full}
	if !r.named {
		sample.Patient, sample.Name = "", "Alex Sample"
		s.given, s.family = madeUp(s.given, "Alex"), madeUp(s.family, "Sample")
	}
	switch d.Verdict {
	case policy.Holdout:
		f.Held++
	case policy.Treat:
		m := r.treated(p, patient, d)
		sample.Channel, sample.Subject, sample.Text, sample.HTML, sample.Page = d.Plan[0].Channel, m.Subject, m.Text, m.HTML, m.Page
		sample.Blocked = m.Missing != ""
	default:
		sample.Blocked = true
		count(r.blocked, d.Deciding())
		for _, reason := range d.Reasons {
			if reason.Channel != "" {
				count(r.ways, reason)
			}
		}
	}
	r.sample(p, s, d, sample)
}

func count(by map[string]*Reason, reason policy.Reason) {
	key := reason.Code + " " + string(reason.Channel)
	if by[key] == nil {
		by[key] = &Reason{Code: reason.Code, Words: reason.Words}
	}
	by[key].N++
}

func (r *rehearsal) treated(p *planner, patient string, d policy.Decision) template.Message {
	f, c := &r.forecast, d.Plan[0]
	m := p.render(patient, c)
	if m.Missing != "" {
		count(r.blocked, policy.Reason{Code: "missing:" + m.Missing, Words: "Not sent: the text needs " + m.Missing + ", which is not on record."})
		return m
	}
	if c.Channel != Inbox && p.purpose.Caps != "" {
		p.crowd.promise(patient, c, p.purpose.Caps)
	}
	link := p.e.BaseURL + "/m/"
	m.Text = strings.ReplaceAll(m.Text, linkMark, link+"0123456789AB")
	m.HTML = strings.ReplaceAll(m.HTML, linkMark, link+"0123456789AB")
	f.Treated++
	f.ByChannel[c.Channel]++
	f.ByMode[string(c.Mode)]++
	if c.NotBefore.After(p.now) {
		f.Later++
	}
	if c.Channel == SMS {
		n, _ := template.Segments(m.Text)
		f.Segments += n
	}
	for _, reason := range d.Reasons {
		if reason.Channel != "" {
			count(r.passed, reason)
		}
	}
	return m
}

// sample keeps the hard cases, one of each kind, and a few ordinary ones.
func (r *rehearsal) sample(p *planner, s *subject, d policy.Decision, sample Sample) {
	if d.Verdict == policy.Holdout {
		return
	}
	tag, _, _ := strings.Cut(strings.ToLower(s.language()), "-")
	written := tag == "" || slices.ContainsFunc(p.o.Template.Parts, func(t template.Part) bool { return t.Lang == tag })
	shared := false
	for _, pt := range s.Points {
		shared = shared || pt.Shared
	}
	keep := func(why string, size int) {
		if old := r.worst[why]; old == nil || size > old.size {
			c := sample
			c.Why, c.Worst = why, true
			r.worst[why] = &candidateSample{size: size, sample: c}
		}
	}
	switch {
	case s.Deceased:
		keep("Has died", 1)
		return
	case len(s.Points) == 0:
		keep("No address at all", 1)
		return
	case sample.Blocked:
		keep("Not reached: "+blockWords(d), 1)
		return
	}
	keep("Longest name", utf8.RuneCountInString(s.full))
	if shared {
		keep("Address shared with another patient", 1)
	}
	if !written {
		keep("Language not written in: "+tag, 1)
	}
	if s.given == "" {
		keep("No first name on record", 1)
	}
	if len(r.some) < maxSome && int(s.Patient[len(s.Patient)-1])%3 == 0 {
		sample.Why = "One of many"
		r.some = append(r.some, sample)
	}
}

func blockWords(d policy.Decision) string {
	why := d.Deciding()
	if why.Words == "" {
		return "a field is missing"
	}
	return strings.TrimPrefix(why.Words, "Not sent: ")
}

func (r *rehearsal) end() Forecast {
	f := &r.forecast
	f.Blocked, f.Ways, f.Passed = sorted(r.blocked), sorted(r.ways), sorted(r.passed)
	keys := make([]string, 0, len(r.worst))
	for k := range r.worst {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		f.Samples = append(f.Samples, r.worst[k].sample)
	}
	f.Samples = append(f.Samples, r.some...)
	return *f
}

func sorted(by map[string]*Reason) []Reason {
	list := make([]Reason, 0, len(by))
	for _, r := range by {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Words, b.Words))
	})
	return list
}

// madeUp is what stands for a name before those who may not open records. A
// name that is missing stays missing, as it would in what is sent.
func madeUp(name, instead string) string {
	if name == "" {
		return ""
	}
	return instead
}
