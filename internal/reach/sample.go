package reach

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// candidateSample is somebody who may be shown: the hardest case of a kind so
// far, or one drawn by lot.
type candidateSample struct {
	size    int
	lot     string
	p       *planner
	patient string
	d       policy.Decision
	sample  Sample
}

// maxSome is how many ordinary people a forecast shows.
const maxSome = 5

// hardness says in which ways a person is a hard case for a text, and how
// hard: the longest of a kind is shown.
func (p *planner) hardness(s *subject) map[string]int {
	hard := map[string]int{"Longest name": utf8.RuneCountInString(s.full)}
	tag := tagOf(s.language())
	if tag != "" && !slices.ContainsFunc(p.o.Template.Parts, func(t template.Part) bool { return t.Lang == tag }) {
		hard["Language not written in: "+tag] = 1
	}
	if tag == "es" {
		hard["Reads Spanish"] = 1
	}
	switch script(s.full) {
	case "rtl":
		hard["Name written from the right"] = utf8.RuneCountInString(s.full)
	case "cjk":
		hard["Name in Chinese, Japanese or Korean letters"] = utf8.RuneCountInString(s.full)
	}
	mail := false
	for _, pt := range s.Points {
		mail = mail || pt.Kind == "email"
		if pt.Shared {
			hard["Address shared with another patient"] = 1
		}
		if pt.Kind == "email" && s.Able[pt.Value].Level < policy.L1 {
			hard["E-mail goes unencrypted"] = 1
		}
		if pt.Status == "opted_out" {
			hard["Opted out on one address"] = 1
		}
	}
	if !mail && len(s.Points) > 0 {
		hard["No e-mail address"] = 1
	}
	if s.Minor {
		hard["A child"] = 1 + len(s.Helpers)
	}
	for _, name := range p.missing(s) {
		hard["Nothing on record for "+name] = 1
	}
	return hard
}

// missing are the fields that the texts name and this person lacks.
func (p *planner) missing(s *subject) []string {
	values := map[string]string{"first_name": s.given, "last_name": s.family, "full_name": s.full, "service": p.o.Service}
	var list []string
	for _, f := range template.Fields() {
		if !f.Missing || !p.compiled[p.anyVariant()].Uses(f.Name) {
			continue
		}
		v, known := values[f.Name]
		if got := p.filled[s.Patient]; !known && got != nil {
			v = got.values[f.Name]
			if len(got.lists[f.Name]) > 0 {
				v = "some"
			}
		}
		if v == "" && f.Name != "service" && f.Name != "clinic_address" {
			list = append(list, f.Name)
		}
	}
	return list
}

// anyVariant is the first text's key.
func (p *planner) anyVariant() string {
	if len(p.o.Variants) > 0 {
		return p.o.Variants[0].Key
	}
	return ""
}

// script says whether a name is written from the right, or in letters as
// wide as they are high.
func script(name string) string {
	for _, r := range name {
		switch {
		case unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana):
			return "rtl"
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			return "cjk"
		}
	}
	return ""
}

// sample keeps the hard cases, one of each kind, and some by lot.
func (r *rehearsal) sample(p *planner, d policy.Decision, hard map[string]int, c candidateSample) {
	if d.Verdict == policy.Holdout {
		return
	}
	keep := func(why string, size int) {
		if old := r.worst[why]; old == nil || size > old.size {
			k := c
			k.size, k.sample.Why, k.sample.Worst = size, why, true
			r.worst[why] = &k
		}
	}
	s := p.crowd.by[c.patient]
	switch {
	case s.Deceased:
		keep("Has died", 1)
		return
	case len(s.Points) == 0:
		keep("No address at all", 1)
		return
	case c.sample.Blocked:
		keep("Not reached: "+blockWords(d), 1)
		return
	}
	for why, size := range hard {
		keep(why, size)
	}
	if len(d.Plan) > 0 && d.Plan[0].For != "" {
		keep("A caregiver gets it", 1)
	}
	c.lot = p.e.Key.Hash("sample " + p.o.ID + c.patient)
	c.sample.Why = "One of many"
	r.some = append(r.some, &c)
	slices.SortFunc(r.some, func(a, b *candidateSample) int { return cmp.Compare(a.lot, b.lot) })
	r.some = r.some[:min(len(r.some), maxSome)]
}

func blockWords(d policy.Decision) string {
	why := d.Deciding()
	if why.Words == "" {
		return "a field is missing"
	}
	return strings.TrimPrefix(why.Words, "Not sent: ")
}

// ways writes what each channel would carry to the person, and why the others
// are closed.
func (c *candidateSample) ways() (list []Way) {
	p := c.p
	variant := p.anyVariant()
	for _, cand := range c.d.Plan {
		w := Way{Channel: cand.Channel, Mode: cand.Mode, For: cand.For != ""}
		if cand.NotBefore.After(p.now) {
			w.Later = cand.NotBefore
		}
		m := p.shown(p.render(c.patient, cand, own{variant: variant}))
		w.Subject, w.Text, w.HTML = m.Subject, m.Text, m.HTML
		if m.Missing != "" {
			w.Mode, w.Why = policy.None, fmt.Sprintf("The text needs %s, which is not on record.", m.Missing)
		}
		list = append(list, w)
	}
	for _, reason := range c.d.Reasons {
		open := slices.ContainsFunc(list, func(w Way) bool { return w.Channel == reason.Channel })
		if reason.Channel != "" && !open {
			list = append(list, Way{Channel: reason.Channel, Mode: policy.None, Why: strings.TrimPrefix(reason.Words, "Not sent: ")})
		}
	}
	return list
}

// shown puts an address that leads nowhere where the link will be.
func (p *planner) shown(m template.Message) template.Message {
	marks := strings.NewReplacer(linkMark, p.e.BaseURL+"/m/0123456789AB", stopMark, p.e.BaseURL+"/u/0123456789AB")
	m.Text, m.HTML = marks.Replace(m.Text), marks.Replace(m.HTML)
	return m
}

// end is the forecast as it is shown: the hard cases first.
func (r *rehearsal) end() Forecast {
	f := &r.forecast
	f.Blocked, f.Ways, f.Passed = sorted(r.blocked), sorted(r.ways), sorted(r.passed)
	keys := make([]string, 0, len(r.worst))
	for k := range r.worst {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	add := func(c *candidateSample) {
		c.sample.Lang = c.p.crowd.by[c.patient].language()
		c.sample.Ways = c.ways()
		f.Samples = append(f.Samples, c.sample)
	}
	for _, k := range keys {
		add(r.worst[k])
	}
	for _, c := range r.some {
		add(c)
	}
	return *f
}

// Specimen is a text as one made-up reader gets it, for whoever writes it and
// for a test on one's own phone.
type Specimen struct {
	Lang         string
	Title, Page  string
	Mail, Notice template.Message // in full, and where it may not go in full
	Text         string
	Segments     int
	Wide         bool // it needs characters that halve a text's room
	Letters      int
	Missing      string
}

// Specimen writes t in a language for a made-up reader with two visits.
func (e *Engine) Specimen(t template.Template, service, lang string) (Specimen, error) {
	c, err := t.Compile()
	if err != nil {
		return Specimen{}, err
	}
	now := e.Now().In(e.Clinic.Zone)
	next := time.Date(now.Year(), now.Month(), now.Day()+9, 10, 20, 0, 0, e.Clinic.Zone).UTC().Format(time.RFC3339)
	w := template.Want{
		Mode: policy.Full, Lang: lang, Zone: e.Clinic.Zone, Now: now, Look: e.voice.Load().look, Address: e.clinic().Address,
		Values: map[string]string{
			"first_name": "Alex", "last_name": "Sample", "full_name": "Alex Sample", "service": cmp.Or(strings.ReplaceAll(service, "-", " "), "visit"),
			"clinic": e.clinic().Name, "clinic_phone": e.clinic().Phone, "clinic_address": e.clinic().Address, "today": now.Format(time.DateOnly), "language": lang,
			"visit.date": next, "visit.place": "Main Street", "visit.clinician": "Dr. Sample", "visit.service": "visit", "clinician": "Dr. Sample",
			"due_since": now.AddDate(-1, -1, 0).Format(time.DateOnly), "link": e.BaseURL + "/m/7Qk2xxxxxxxx", "stop_link": e.BaseURL + "/u/7Qk2xxxxxxxx",
		},
		Lists: map[string][]map[string]string{
			"visits":    {{"date": next, "place": "Main Street", "clinician": "Dr. Sample", "service": "visit"}},
			"medicines": {{"name": "Medicine A", "dose": "1 a day"}, {"name": "Medicine B", "dose": "2 a day"}},
		},
	}
	for _, f := range t.Extra {
		w.Values[f.Name] = map[template.Type]string{template.Number: "3", template.Money: "4500", template.Date: now.Format(time.DateOnly), template.Address: e.BaseURL}[f.Type]
		if w.Values[f.Name] == "" {
			w.Values[f.Name] = f.Name
		}
	}
	s := Specimen{Lang: lang}
	w.Channel = policy.Email
	s.Mail = c.Render(w)
	s.Title, s.Page, s.Missing = s.Mail.Title, s.Mail.Page, s.Mail.Missing
	w.Mode = policy.Notice
	s.Notice = c.Render(w)
	w.Channel = policy.SMS
	if t.Sensitivity <= policy.S1 {
		w.Mode = policy.Full
	}
	s.Text = c.Render(w).Text
	s.Segments, s.Wide = template.Segments(s.Text)
	s.Letters = utf8.RuneCountInString(s.Text)
	return s, nil
}
