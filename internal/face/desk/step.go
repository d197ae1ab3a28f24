package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/journey"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
)

// stepKinds are the kinds of steps in words.
func stepKinds() []option {
	return []option{{"reach", "Send a message"}, {"wait", "Wait"}, {"branch", "Ask about the person"}, {"check", "Look whether something happened"},
		{"split", "Split at random"}, {"task", "Ask the staff"}, {"hook", "Tell a program"}, {"exit", "End"}}
}

func kindWords(k journey.Kind) string {
	for _, o := range stepKinds() {
		if o.Value == string(k) {
			return o.Text
		}
	}
	return string(k)
}

// segmentOptions are the named segments, and the one that is there already.
func (d *Desk) segmentOptions(r *http.Request, now *segment.Expr) ([]option, error) {
	list := []option{{"", "everybody"}}
	if now != nil {
		list = append([]option{{"keep", "as it is: " + sentenceOf(*now)}}, list...)
	}
	if d.Segments == nil {
		return list, nil
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return nil, err
	}
	saved, err := d.Segments.List(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	for _, s := range saved {
		list = append(list, option{s.ID, s.Name})
	}
	return list, nil
}

// chosen is the segment that a form names. A journey keeps the conditions as
// they were when it was written.
func (d *Desk) chosen(r *http.Request, pass access.Pass, id string, now *segment.Expr) (*segment.Expr, error) {
	if id == "keep" {
		return now, nil
	}
	if id == "" || d.Segments == nil {
		return nil, nil
	}
	s, err := d.Segments.Get(r.Context(), pass, id)
	if err != nil {
		return nil, err
	}
	return &s.Expr, nil
}

// addStep puts a new step behind another.
func (d *Desk) addStep(w http.ResponseWriter, r *http.Request) error {
	j, pass, err := d.theJourney(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	n := journey.Node{Kind: journey.Kind(in.Get("kind"))}
	switch n.Kind {
	case journey.Wait:
		n.For = "1d"
	case journey.Branch:
		n.Segment = &segment.Expr{}
	case journey.Check:
		n.Is = "seen"
	case journey.Reach:
		n.Reach = &journey.Message{Purpose: "care", Template: template.Template{Sensitivity: policy.S2}}
	case journey.Split, journey.Task, journey.Hook, journey.Exit:
	default:
		return errNowhere
	}
	for i := 1; n.ID == ""; i++ {
		id := fmt.Sprintf("%s-%d", n.Kind, i)
		if !slices.ContainsFunc(j.Draft.Nodes, func(o journey.Node) bool { return o.ID == id }) {
			n.ID = id
		}
	}
	at := slices.IndexFunc(j.Draft.Nodes, func(o journey.Node) bool { return o.ID == in.Get("after") })
	j.Draft.Nodes = slices.Insert(j.Draft.Nodes, at+1, n)
	if _, err := d.Journeys.Save(r.Context(), pass, j.ID, j.Draft); err != nil {
		return err
	}
	http.Redirect(w, r, journeyPath(j.ID)+"/steps/"+n.ID, http.StatusSeeOther)
	return nil
}

// theStep is the step that a page is about.
func theStep(j *journey.Journey, r *http.Request) (int, error) {
	i := slices.IndexFunc(j.Draft.Nodes, func(n journey.Node) bool { return n.ID == r.PathValue("step") })
	if i < 0 {
		return 0, errNowhere
	}
	return i, nil
}

func (d *Desk) editStep(w http.ResponseWriter, r *http.Request) error {
	j, _, err := d.theJourney(r)
	if err != nil {
		return err
	}
	return d.drawStep(w, r, http.StatusOK, j, "")
}

func (d *Desk) drawStep(w http.ResponseWriter, r *http.Request, status int, j journey.Journey, why string) error {
	i, err := theStep(&j, r)
	if err != nil {
		return err
	}
	n := j.Draft.Nodes[i]
	v := stepForm{Path: journeyPath(j.ID), Journey: j.Name, Node: n, Kind: kindWords(n.Kind), Err: why, Events: choices(journey.Events(), "nothing"), Services: d.serviceOptions("nothing to book")}
	if v.Segments, err = d.segmentOptions(r, n.Segment); err != nil {
		return err
	}
	v.Nexts = []option{{"", "the step below"}}
	for _, later := range j.Draft.Nodes[i+1:] {
		v.Nexts = append(v.Nexts, option{later.ID, nodeName(j.Draft, later.ID)})
	}
	for _, p := range policy.Purposes() {
		if p.Key != "security" {
			v.Purposes = append(v.Purposes, option{p.Key, p.Name})
		}
	}
	for _, p := range n.Parts {
		v.Parts = append(v.Parts, partForm{Share: strings.TrimSuffix(percent(p.Share), " %"), Next: p.Next})
	}
	for len(v.Parts) < min(6, len(n.Parts)+2) {
		v.Parts = append(v.Parts, partForm{})
	}
	v.fillTexts()
	if n.Kind == journey.Hook {
		if v.Hooks, err = d.hookOptions(r, n.Hook); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, status, stepPage(d.view(r, "Step: "+nodeName(j.Draft, n.ID), "outreach"), v))
}

// waitChannels are the channels after which a time of its own may be waited.
var waitChannels = []option{{"sms", "After a text, wait"}, {"email", "After an email, wait"}, {"inbox", "After the portal alone, wait"}}

// hookOptions are the webhooks that a step can tell.
func (d *Desk) hookOptions(r *http.Request, now string) ([]option, error) {
	list := []option{{"", "none yet"}}
	if d.Programs == nil {
		return list, nil
	}
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return nil, err
	}
	hooks, err := d.Programs.List(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	for _, h := range hooks {
		switch {
		case h.State == "active":
			list = append(list, option{h.ID, h.Host + ", since " + d.day(h.Made)})
		case h.ID == now:
			list = append(list, option{h.ID, h.Host + ", switched off"})
		}
	}
	return list, nil
}

// stepLangs are the languages that a step is written in.
var stepLangs = []option{{"en", "English"}, {"es", "Spanish"}}

// fillTexts shows the parts of a message as fields.
func (v *stepForm) fillTexts() {
	if v.Node.Reach == nil {
		return
	}
	for _, l := range stepLangs {
		t := textForm{Key: l.Value, Name: l.Text}
		for _, p := range v.Node.Reach.Template.Parts {
			switch {
			case p.Lang != l.Value:
			case p.Channel == template.Page:
				t.Title, t.Body = p.Subject, p.Body
			case p.Channel == template.SMS:
				t.Text = p.Body
			}
		}
		v.Texts = append(v.Texts, t)
	}
}

// saveStep keeps a step, or takes it out.
func (d *Desk) saveStep(w http.ResponseWriter, r *http.Request) error {
	j, pass, err := d.theJourney(r)
	if err != nil {
		return err
	}
	i, err := theStep(&j, r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	if in.Get("do") == "remove" {
		j.Draft.Nodes = without(j.Draft.Nodes, i)
		if _, err := d.Journeys.Save(r.Context(), pass, j.ID, j.Draft); err != nil {
			return err
		}
		http.Redirect(w, r, journeyPath(j.ID), http.StatusSeeOther)
		return nil
	}
	n := &j.Draft.Nodes[i]
	if err := d.readStep(r, pass, n, in); err != nil {
		return err
	}
	if _, err := d.Journeys.Save(r.Context(), pass, j.ID, j.Draft); err != nil {
		return err
	}
	if err := d.Journeys.Problem(pass, j.Draft); err != nil && strings.Contains(errs.Say(err), strconv.Quote(n.ID)) {
		return d.drawStep(w, r, http.StatusUnprocessableEntity, j, "Kept, but it cannot be published so. "+errs.Say(err))
	}
	http.Redirect(w, r, journeyPath(j.ID), http.StatusSeeOther)
	return nil
}

// without takes a step out. Who led to it leads to the one below it now.
func without(nodes []journey.Node, i int) []journey.Node {
	gone := nodes[i].ID
	next := ""
	if i+1 < len(nodes) {
		next = nodes[i+1].ID
	}
	nodes = slices.Delete(slices.Clone(nodes), i, i+1)
	for k := range nodes {
		n := &nodes[k]
		if n.Next == gone {
			n.Next = next
		}
		if n.Else == gone {
			n.Else = next
		}
		n.Parts = slices.Clone(n.Parts)
		for p := range n.Parts {
			if n.Parts[p].Next == gone {
				n.Parts[p].Next = next
			}
		}
	}
	return nodes
}

// readStep puts what a form says into n.
func (d *Desk) readStep(r *http.Request, pass access.Pass, n *journey.Node, in url.Values) (err error) {
	n.Name, n.Next, n.Else = field(in, "name"), field(in, "next"), field(in, "else")
	switch n.Kind {
	case journey.Wait:
		n.For, n.Before, n.After, n.At, n.Until = field(in, "for"), field(in, "before"), field(in, "after"), field(in, "at"), field(in, "until")
	case journey.Branch:
		n.Segment, err = d.chosen(r, pass, in.Get("segment"), n.Segment)
	case journey.Check:
		n.Is = field(in, "is")
	case journey.Task:
		n.Task = strings.TrimSpace(in.Get("task"))
	case journey.Hook:
		n.Hook = field(in, "hook")
	case journey.Split:
		n.Parts = nil
		for k := range 6 {
			share, err := strconv.ParseFloat(field(in, "share."+strconv.Itoa(k)), 64)
			if err == nil && share > 0 {
				n.Parts = append(n.Parts, journey.Part{Share: share / 100, Next: field(in, "to."+strconv.Itoa(k))})
			}
		}
	case journey.Reach:
		readMessage(n, in)
	}
	return err
}

func readMessage(n *journey.Node, in url.Values) {
	m := n.Reach
	if m == nil {
		m = &journey.Message{}
		n.Reach = m
	}
	m.Purpose, m.Service, m.Goal = field(in, "purpose"), field(in, "service"), reach.Goal(field(in, "goal"))
	m.Deadline, m.Before, m.NextAfter = field(in, "deadline"), field(in, "before"), field(in, "nextAfter")
	m.Waits = nil
	for _, c := range waitChannels {
		if text := field(in, "wait."+c.Value); text != "" {
			if m.Waits == nil {
				m.Waits = map[reach.Channel]string{}
			}
			m.Waits[reach.Channel(c.Value)] = text
		}
	}
	m.Channels = nil
	for _, c := range in["channel"] {
		m.Channels = append(m.Channels, reach.Channel(c))
	}
	held, ok := parsePercent(field(in, "holdout"))
	if ok {
		m.Holdout = held
	}
	if p, known := policy.PurposeOf(m.Purpose); known {
		m.Template.Sensitivity = max(m.Template.Sensitivity, p.Sensitivity)
		if !p.Holdout {
			m.Holdout = 0
		}
	}
	kept := slices.DeleteFunc(slices.Clone(m.Template.Parts), func(p template.Part) bool {
		return p.Channel != template.Email && slices.ContainsFunc(stepLangs, func(o option) bool { return o.Value == p.Lang })
	})
	for _, l := range stepLangs {
		title, body, text := strings.TrimSpace(in.Get("title."+l.Value)), strings.TrimSpace(in.Get("body."+l.Value)), strings.TrimSpace(in.Get("text."+l.Value))
		if title+body != "" {
			kept = append(kept, template.Part{Channel: template.Page, Lang: l.Value, Subject: title, Body: strings.ReplaceAll(body, "\r\n", "\n")})
		}
		if text != "" {
			kept = append(kept, template.Part{Channel: template.SMS, Lang: l.Value, Body: text})
		}
	}
	m.Template.Parts = kept
}

// wayWords says where a way leads, and how many have taken it.
func wayWords(w mapWay) string {
	text := "to " + w.To + ": " + strconv.Itoa(w.N)
	if w.Words != "" {
		text = w.Words + ", " + text
	}
	return text
}

// firstKey is what is chosen before anybody chooses.
func firstKey(list []option) string {
	if len(list) == 0 {
		return ""
	}
	return list[0].Value
}

func holdText(p float64) string {
	if p == 0 {
		return ""
	}
	return strings.TrimSuffix(percent(p), " %")
}

func hasChannel(list []reach.Channel, c string) bool { return slices.Contains(list, reach.Channel(c)) }
