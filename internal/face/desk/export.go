package desk

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/measure"
	"hale/internal/reach"
)

// exportCounts answers with the counts of an outreach as CSV. It holds no
// row about a single patient.
func (d *Desk) exportCounts(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	m, err := d.read(r, o)
	if err != nil {
		return err
	}
	p, err := d.Reach.Progress(r.Context(), pass, o.ID)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := writeSheet(&b, d.sheet(o, m, p)); err != nil {
		return fmt.Errorf("desk: export %s: %w", o.ID, err)
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="outreach-`+fileName(o.Name)+`.csv"`)
	_, _ = w.Write(b.Bytes()) // the browser may have gone
	return nil
}

// fileName keeps of a name what every system takes in a file's.
func fileName(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, cut(name, 60))
	return strings.Trim(strings.Join(strings.FieldsFunc(safe, func(r rune) bool { return r == '-' }), "-"), "-")
}

// sheet is the counts of an outreach, a section and a label to each number.
func (d *Desk) sheet(o reach.Outreach, m measured, p reach.Progress) [][]string {
	rows := [][]string{{"section", "label", "number", "of"}}
	add := func(section, label string, n, of int) {
		rows = append(rows, []string{section, label, strconv.Itoa(n), strconv.Itoa(of)})
	}
	text := func(label, value string) { rows = append(rows, []string{"outreach", label, value, ""}) }
	state, _ := stateWord(o.State)
	text("name", o.Name)
	text("state", state)
	text("started", o.Started.UTC().Format("2006-01-02"))
	text("audience", sentenceOf(o.Segment))
	text("held out, planned share", strconv.FormatFloat(o.Holdout, 'f', -1, 64))
	for _, s := range intentStates() {
		add("accounted for", s.label, p.Intents[s.key], p.Audience)
	}
	add("accounted for", "not yet decided", max(0, p.Audience-p.Planned), p.Audience)
	for _, f := range funnelRows(m.funnel, m.effect, "") {
		add("funnel", f.Label, f.Part, f.Whole)
	}
	for _, c := range m.channels {
		label := channelLabel(c.Channel)
		add("channel", label+": arrived", c.Delivered, c.Sent)
		add("channel", label+": seen", c.Seen, c.Sent)
		add("channel", label+": acted", c.Acted, c.Sent)
	}
	return append(rows, effectRows(m.effect)...)
}

// effectRows are the effect and its interval, where there is one.
func effectRows(e measure.Effect) [][]string {
	if e.State != measure.Running && e.State != measure.Final {
		return [][]string{{"effect", "no estimate: " + string(e.State), "", ""}}
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }
	return [][]string{
		{"effect", "difference in shares", number(e.Diff), ""},
		{"effect", "95 % interval, low", number(e.Low), ""},
		{"effect", "95 % interval, high", number(e.High), ""},
		{"effect", "drawn to receive it: " + goal(e), strconv.Itoa(e.TreatedYes), strconv.Itoa(e.Treated)},
		{"effect", "held out: " + goal(e), strconv.Itoa(e.HeldYes), strconv.Itoa(e.Held)},
		{"effect", "interval made by: " + e.Method, "", ""},
	}
}
