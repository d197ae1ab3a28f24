package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/measure"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// path returns the address of an outreach.
func path(id string) string { return "/desk/outreach/" + id }

// stateWord is a state as the desk says it, and its tone.
func stateWord(s reach.State) (word, tone string) {
	switch s {
	case reach.Draft:
		return "Draft", ""
	case reach.Running:
		return "Running", "brand"
	case reach.Paused:
		return "Paused", "watch"
	case reach.Stopped:
		return "Stopped", "act"
	case reach.Done:
		return "Finished", "good"
	}
	return string(s), ""
}

// besideOutreach are the pages that belong to outreach and stand beside it,
// of the parts that there are.
func (d *Desk) besideOutreach(r *http.Request) (list []option) {
	if d.Journeys != nil {
		list = append(list, option{Value: "/desk/journeys", Text: "Journeys"})
	}
	if d.Segments != nil {
		list = append(list, option{Value: "/desk/segments", Text: "Segments"})
	}
	if d.Programs != nil {
		list = append(list, option{Value: "/desk/programs", Text: "Programs"})
	}
	if d.RuleBook != nil {
		list = append(list, option{Value: "/desk/policy", Text: "Rules"})
	}
	return append(list, d.wordPages(r)...)
}

// listOutreach shows every outreach.
func (d *Desk) listOutreach(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	list, err := d.Reach.List(r.Context(), pass)
	if err != nil {
		return err
	}
	measured, err := d.all(r, access.ReadMeasure)
	if err != nil {
		return err
	}
	lines, err := d.starts(r, pass)
	if err != nil {
		return err
	}
	v := listView{CanRun: true, Writing: d.Writing.Engine != nil, Others: d.besideOutreach(r)}
	for _, o := range campaigns(list) {
		row, err := d.listRow(r.Context(), measured, o)
		if err != nil {
			return err
		}
		if s, ok := lines[o.ID]; ok {
			row.When = s.Words
		}
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, outreachList(d.view(r, "Outreach", "outreach"), v))
}

// campaigns leaves out the steps of journeys: those stand with their journey.
func campaigns(list []reach.Outreach) []reach.Outreach {
	return slices.DeleteFunc(slices.Clone(list), func(o reach.Outreach) bool { return o.Kind == reach.Journey })
}

// listRow is o in the list, with what it changed if anyone can say.
func (d *Desk) listRow(ctx context.Context, pass access.Pass, o reach.Outreach) (listRow, error) {
	row := listRow{Href: path(o.ID), Name: o.Name, Purpose: purposeName(o.Purpose), Sent: "–", Seen: "–", Effect: "–"}
	row.State, row.Tone = stateWord(o.State)
	if o.State == reach.Draft {
		row.When = "written " + d.day(o.Created)
		return row, nil
	}
	row.When = "since " + d.day(o.Started)
	if !o.Ended.IsZero() {
		row.When = d.day(o.Started) + " – " + d.day(o.Ended)
	}
	f, err := d.Measure.Funnel(ctx, pass, o.ID)
	if err != nil {
		return row, err
	}
	e, err := d.Measure.Effect(ctx, pass, o.ID)
	if err != nil {
		return row, err
	}
	row.Sent, row.Seen = count(f.Sent), share(f.Seen, f.Sent)
	said := sayEffect(e, f, d.day)
	row.Effect, row.EffectNote = said.Headline, said.Interval
	if !said.Known {
		row.Effect, row.EffectNote = "–", said.Headline
	}
	return row, nil
}

// purposeName is a purpose as the desk names it.
func purposeName(key string) string {
	if p, ok := policy.PurposeOf(key); ok {
		return p.Name
	}
	return key
}

// showOutreach shows what one outreach did. A draft opens in the editor.
func (d *Desk) showOutreach(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	if o.State == reach.Draft {
		http.Redirect(w, r, path(o.ID)+"/edit/"+firstOpen(o), http.StatusSeeOther)
		return nil
	}
	found, err := d.read(r, o)
	if err != nil {
		return err
	}
	progress, err := d.Reach.Progress(r.Context(), pass, o.ID)
	if err != nil {
		return err
	}
	against, err := d.Reach.Against(r.Context(), pass, o.ID)
	if err != nil {
		return err
	}
	v := d.outreachView(r, o, found, progress, against)
	if v.Tracked, err = d.tracked(r, pass, o.ID); err != nil {
		return err
	}
	lines, err := d.starts(r, pass)
	if err != nil {
		return err
	}
	if o.Parent != "" {
		v.Start = lines[o.Parent]
	}
	return d.Site.Render(w, r, http.StatusOK, outreachPage(d.view(r, o.Name, "outreach"), v))
}

// measured is all that is known of what an outreach did.
type measured struct {
	effect   measure.Effect
	funnel   measure.Funnel
	channels []measure.ChannelRow
}

// read reads what o did.
func (d *Desk) read(r *http.Request, o reach.Outreach) (m measured, err error) {
	pass, err := d.all(r, access.ReadMeasure)
	if err != nil {
		return m, err
	}
	if m.effect, err = d.Measure.Effect(r.Context(), pass, o.ID); err != nil {
		return m, err
	}
	if m.funnel, err = d.Measure.Funnel(r.Context(), pass, o.ID); err != nil {
		return m, err
	}
	m.channels, err = d.Measure.ByChannel(r.Context(), pass, o.ID)
	return m, err
}

// outreachView puts an outreach together for its page.
func (d *Desk) outreachView(r *http.Request, o reach.Outreach, m measured, p reach.Progress, against int) outreachView {
	members := ""
	if canList(r) {
		members = path(o.ID)
	}
	v := outreachView{
		ID: o.ID, Name: o.Name, Href: path(o.ID), CanRun: may(r, access.RunOutreach), CanOpen: members != "",
		Lead: d.lead(o, m.funnel, m.effect), Audience: sentenceOf(o.Segment),
		CanPause: o.State == reach.Running, CanResume: o.State == reach.Paused,
		CanStop: o.State == reach.Running || o.State == reach.Paused,
		Effect:  sayEffect(m.effect, m.funnel, d.day), Funnel: funnelRows(m.funnel, m.effect, members),
		Channels: channelRows(m.channels), Groups: groupRows(m.effect), Balance: accountFor(p, members),
	}
	v.State, v.Tone = stateWord(o.State)
	v.Effect.Against = count(against)
	if v.CanStop {
		v.Progress = d.progressFor(r, o, p)
	}
	return v
}

// canList says whether the reader may list an outreach's patients: whoever
// both sends to them and may know their names.
func canList(r *http.Request) bool {
	return may(r, access.RunOutreach) && may(r, access.FindPatients) && opens(r, access.ReadDecisions)
}

// lead is the line under the name: when, to how many, how many held out.
func (d *Desk) lead(o reach.Outreach, f measure.Funnel, e measure.Effect) string {
	text := "Started " + d.day(o.Started)
	if !o.Ended.IsZero() {
		text = "Sent " + d.day(o.Started) + " – " + d.day(o.Ended)
	}
	text += " · " + patients(o.Audience) + " chosen"
	if o.Holdout > 0 {
		text += fmt.Sprintf(" · %s held out at random (%s)", percent(o.Holdout), count(f.Held))
	} else {
		text += " · nobody held out"
	}
	if !e.Complete.IsZero() {
		word := "closes"
		if e.Complete.Before(d.now()) {
			word = "closed"
		}
		text += " · " + word + " " + d.day(e.Complete)
	}
	return text
}

// showProgress is the fragment that htmx asks for while sending.
func (d *Desk) showProgress(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	if o.State != reach.Running && o.State != reach.Paused {
		w.Header().Set("HX-Refresh", "true") // over: the whole page has new numbers
		w.WriteHeader(http.StatusOK)
		return nil
	}
	p, err := d.Reach.Progress(r.Context(), pass, o.ID)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, progress(*d.progressFor(r, o, p)))
}

// progressFor says how far the sending is, and leads those who may see
// people to the ones in doubt.
func (d *Desk) progressFor(r *http.Request, o reach.Outreach, p reach.Progress) *progressView {
	v := d.progressView(o, p)
	if p.InDoubt > 0 && may(r, access.FindPatients) {
		v.TroubleHref = path(o.ID) + "/patients?state=in_doubt"
	}
	return v
}

// progressView says how far the sending is.
func (d *Desk) progressView(o reach.Outreach, p reach.Progress) *progressView {
	sent, open, failed := 0, 0, 0
	for _, states := range p.Messages {
		for state, n := range states {
			switch state {
			case "scheduled", "handing_off", "uncertain":
				open += n
			case "accepted", "delivered", "seen", "acted":
				sent += n
			case "undelivered", "given_up":
				failed += n
			}
		}
	}
	all := p.Audience
	undecided := max(0, all-p.Planned)
	v := &progressView{Href: path(o.ID), All: max(1, all+open), Paused: o.State == reach.Paused}
	v.Done = max(0, v.All-undecided-open)
	v.Words = fmt.Sprintf("%s of %s decided, %s sent, %s waiting their turn.", count(p.Planned), patients(all), counted(sent, "message", "messages"), count(open))
	switch moving := undecided > 0 || open > 0; {
	case v.Paused:
		v.Left = "Nothing leaves until you resume."
	case !moving:
		v.Words = fmt.Sprintf("%s sent. Everyone has been decided on.", counted(sent, "message", "messages"))
		v.Left = "Watching for replies, and for who needs another channel."
	case !p.ETA.IsZero():
		v.Left = "About " + lasts(p.ETA.Sub(d.now())) + " left"
		v.Refresh = true
	default:
		v.Left = "Some wait for their patients' hours."
		v.Refresh = true
	}
	if p.InDoubt > 0 {
		v.Trouble = counted(p.InDoubt, "message is", "messages are") + " in doubt."
		v.TroubleTip = "The connection broke at the very moment of handing over, so it may have gone out twice or not at all. Each trail says what became of it."
	} else if failed > 0 {
		v.Trouble = counted(failed, "message", "messages") + " did not arrive."
		v.TroubleTip = "Those patients go on to their next channel."
	}
	return v
}

// accountFor is the line in which every chosen patient stands once.
func accountFor(p reach.Progress, href string) balance {
	b := balance{Total: p.Audience}
	link := func(state string) string {
		if href == "" {
			return ""
		}
		return href + "/patients?state=" + state
	}
	sum := 0
	for _, s := range intentStates() {
		n := p.Intents[s.key]
		sum += n
		if n > 0 {
			b.Parts = append(b.Parts, balancePart{N: n, Label: s.label, Tip: s.tip, Href: link(s.key)})
		}
	}
	if rest := p.Audience - p.Planned; rest > 0 {
		b.Parts = append(b.Parts, balancePart{N: rest, Label: "not yet decided", Tip: "Hale decides on them in turn; the line adds up at every moment."})
		sum += rest
	}
	b.Adds = sum == b.Total && p.Balanced
	return b
}

// intentState is a state that a chosen patient can be in.
type intentState struct{ key, label, tip string }

// intentStates are all of them, in the order of the line.
func intentStates() []intentState {
	return []intentState{
		{"satisfied", "saw it or acted", ""},
		{"active", "on their way", "A message is out or due; the next channel follows if it stays unseen."},
		{"deferred", "waiting for the right hour", "Their own hours, or a limit on messages, say not now. Hale looks again by itself."},
		{"exhausted", "reached by no channel", "Every channel they allow was tried. A call may be needed."},
		{"expired", "not seen in time", "The days to keep trying have passed."},
		{"holdout", "held out", ""},
		{"blocked", "not to be written to", "Their choices, the law or a missing address forbid it. Each trail says which."},
		{"cancelled", "called off", "Stopped here, or made pointless by something that happened first."},
	}
}

// move makes a handler that changes an outreach's state.
func (d *Desk) move(change func(context.Context, access.Pass, string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		pass, err := d.all(r, access.RunOutreach)
		if err != nil {
			return err
		}
		if err := change(r.Context(), pass, r.PathValue("id")); err != nil {
			return err
		}
		http.Redirect(w, r, path(r.PathValue("id")), http.StatusSeeOther)
		return nil
	}
}

// askStop asks before the kill switch.
func (d *Desk) askStop(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	if o.State != reach.Running && o.State != reach.Paused {
		return errs.New(errs.Conflict, "This outreach is not running.")
	}
	return d.Site.Render(w, r, http.StatusOK, askPage(d.view(r, "Stop "+o.Name, "outreach"), askView{
		Title: "Stop " + o.Name + " for good?", Crumb: o.Name, Back: path(o.ID), Action: path(o.ID) + "/stop", Button: "Stop for good", Icon: "square",
		Lines: []string{
			"Everything that has not left yet is cancelled at once. What has left stays on phones and in mail boxes, but its links open nothing any more, and it is gone from the portal. Visits that were booked from it stay.",
			"It cannot be started again. To hold it for a while, pause it instead. To send something better, duplicate it.",
		},
	}))
}

// askDelete asks before a draft goes.
func (d *Desk) askDelete(w http.ResponseWriter, r *http.Request) error {
	o, _, err := d.draft(r)
	if err != nil {
		return err
	}
	return d.Site.Render(w, r, http.StatusOK, askPage(d.view(r, "Delete "+o.Name, "outreach"), askView{
		Title: "Delete the draft " + o.Name + "?", Crumb: o.Name, Back: path(o.ID) + "/edit/basics", Action: path(o.ID) + "/delete", Button: "Delete the draft", Icon: "trash-2",
		Lines: []string{"Nothing of it was sent. It cannot be brought back."},
	}))
}

// deleteDraft deletes a draft.
func (d *Desk) deleteDraft(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	if err := d.Reach.Delete(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/outreach", http.StatusSeeOther)
	return nil
}

// duplicate makes a draft of any outreach.
func (d *Desk) duplicate(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.RunOutreach)
	if err != nil {
		return err
	}
	o, err := d.Reach.Get(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return err
	}
	copied, err := d.Reach.Save(r.Context(), pass, reach.Outreach{
		Name: cut(o.Name, maxText-len(copySuffix)) + copySuffix, Purpose: o.Purpose, Service: o.Service, State: reach.Draft,
		Segment: o.Segment, Template: o.Template, Channels: o.Channels, Holdout: o.Holdout, Households: o.Households,
		WindowDays: o.WindowDays, ExpireDays: o.ExpireDays, NextAfter: o.NextAfter, Waits: o.Waits, CreatedBy: web.Actor(r).ID,
		Variants: o.Variants, Goal: o.Goal, Hours: o.Hours, Tracking: o.Tracking, Pickup: o.Pickup, Exception: o.Exception, Paid: o.Paid,
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, path(copied.ID)+"/edit/basics", http.StatusSeeOther)
	return nil
}

const copySuffix = " (copy)"

// cut returns at most n letters of text.
func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
