package reach

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
	"hale/internal/reach/trial"
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
	r.lint(&o, purpose, e.Style)
	able := map[string]policy.Ability{}
	for chunk := range slices.Chunk(ids, planBatch) {
		if err := e.abilities(ctx, pass, chunk, able); err != nil {
			return Forecast{}, err
		}
		k, err := e.load(ctx, e.DB, pass, chunk, o.Purpose, able)
		if err != nil {
			return Forecast{}, err
		}
		p, err := e.planner(ctx, e.DB, o, k)
		if _, text := template.FaultOf(err); text {
			return r.forecast, nil // the problems say so
		}
		if err != nil {
			return Forecast{}, fmt.Errorf("reach: dry run %s: %w", id, err)
		}
		for _, patient := range chunk {
			r.person(p, patient)
		}
	}
	r.forecast.Cents = float64(r.forecast.Segments) * e.Style.Cents
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
	some     []*candidateSample // the ordinary ones, by lot
}

func (r *rehearsal) person(p *planner, patient string) {
	d, arm, _ := p.decide(patient)
	r.drawn(p, patient, arm, d.Verdict)
	f, s := &r.forecast, p.crowd.by[patient]
	sample := Sample{Patient: patient, Name: s.full}
	hard := p.hardness(s) // of what is on record, before a name is made up
	if !r.named {
		sample.Patient, sample.Name = "", "Alex Sample"
		s.full, s.given, s.family = madeUp(s.full, "Alex Sample"), madeUp(s.given, "Alex"), madeUp(s.family, "Sample")
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
	r.sample(p, d, hard, candidateSample{p: p, patient: patient, d: d, sample: sample})
}

// lint says what is wrong with each text, with its letter where there are
// several.
func (r *rehearsal) lint(o *Outreach, purpose policy.Purpose, style template.Rules) {
	for i, t := range o.templates() {
		which := ""
		if len(o.Variants) > 0 {
			which = "Text " + strings.ToUpper(o.Variants[i].Key) + ": "
			r.forecast.Variants = append(r.forecast.Variants, VariantForecast{Key: o.Variants[i].Key, Share: o.Variants[i].Share})
		}
		for _, p := range t.Lint(purpose) {
			p.Words = which + p.Words
			r.forecast.Problems = append(r.forecast.Problems, p)
		}
		for _, p := range t.Review(purpose, style) {
			if p.Severity != template.Error {
				p.Words = which + p.Words
				r.forecast.Warnings = append(r.forecast.Warnings, p)
			}
		}
	}
}

// drawn counts who is held out from which text.
func (r *rehearsal) drawn(p *planner, patient string, arm trial.Arm, verdict policy.Verdict) {
	if verdict == policy.Holdout {
		key, _ := p.variantOf(patient, arm)
		r.variant(key).Held++
	}
}

// variant is the forecast of one of several texts.
func (r *rehearsal) variant(key string) *VariantForecast {
	for i := range r.forecast.Variants {
		if r.forecast.Variants[i].Key == key {
			return &r.forecast.Variants[i]
		}
	}
	return &VariantForecast{}
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
	variant, _ := p.variantOf(patient, trial.Treat)
	m := p.render(patient, c, own{variant: variant})
	if m.Missing != "" {
		count(r.blocked, policy.Reason{Code: "missing:" + m.Missing, Words: "Not sent: the text needs " + m.Missing + ", which is not on record."})
		return m
	}
	if c.Channel != Inbox && c.Channel != Post && p.purpose.Caps != "" {
		p.crowd.promise(patient, c, p.purpose.Caps)
	}
	m = p.shown(m)
	f.Treated++
	r.variant(variant).Treated++
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
