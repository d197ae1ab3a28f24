package desk

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hale/internal/measure"
)

// sayEffect puts an effect into words that claim no more than it holds.
func sayEffect(e measure.Effect, f measure.Funnel, day func(time.Time) string) effectView {
	v := effectView{Seen: share(f.Seen, drawnOf(f, e)), Goal: goal(e)}
	switch e.State {
	case measure.Running, measure.Final:
		return sayKnown(v, e, day)
	case measure.Broken:
		v.Headline, v.Means = "No estimate", "the two groups cannot be compared"
		v.Tone, v.Verdict = "act", "The estimate is blocked."
		v.Note = sentence(e.Blocked) + " A comparison would mislead, so none is shown. The counts below still hold. Tell whoever runs Hale."
	case measure.TooFew:
		v.Headline, v.Means = "No estimate", "too few patients for one"
		v.Verdict = "Too few patients to tell."
		v.Note = tooFew(e)
	default:
		v.Headline, v.Means = "Too early", "to say what this changed"
		v.Tone, v.Verdict = "watch", "Too early to say."
		v.Note = tooEarly(e, day)
	}
	return v
}

// sayKnown fills in v from an effect that has an interval.
func sayKnown(v effectView, e measure.Effect, day func(time.Time) string) effectView {
	v.Known = true
	v.Headline = points(e.Diff) + " pts"
	v.Means = "patients " + v.Goal + " because of this outreach"
	v.Interval = "95 % interval " + between(e.Low, e.High)
	v.Extra, v.ExtraOf = extra(e)
	switch {
	case e.Low > 0:
		v.Tone, v.Verdict = "good", "It worked."
		v.Means = "more " + v.Means
		v.Note = fmt.Sprintf("%s of those drawn to receive it %s, %s of those held out did so anyway.",
			percent(e.Share.P), v.Goal, percent(e.HeldShare.P))
	case e.High < 0:
		v.Tone, v.Verdict = "act", "It did harm."
		v.Means = "fewer " + v.Means
		v.Note = fmt.Sprintf("Fewer of those drawn to receive it %s (%s) than of those held out (%s). Stop it and look at the message.",
			v.Goal, percent(e.Share.P), percent(e.HeldShare.P))
	default:
		v.Tone, v.Verdict = "", "No clear difference so far."
		v.Means = "difference in patients who " + v.Goal
		v.Extra = count(int(math.Round(e.ExtraLow))) + " to " + count(int(math.Round(e.ExtraHigh)))
		v.ExtraOf = "patients more or fewer who " + v.Goal + "; where in between, nobody can tell yet"
		v.Note = fmt.Sprintf("The interval holds zero: it may have changed nothing. A gain above %s points is unlikely, so is a loss beyond %s.",
			strings.TrimPrefix(points(e.High), "+"), strings.TrimPrefix(points(e.Low), minus))
	}
	v.Note += " " + windowNote(e, day)
	return v
}

// windowNote says whether the number can still move.
func windowNote(e measure.Effect, day func(time.Time) string) string {
	if e.State == measure.Final || e.Complete.IsZero() {
		return "Everyone's time to act has passed: this is final."
	}
	return "Patients have until " + day(e.Complete) + " to act, so the number still moves; the interval allows for looking early."
}

// extra says how many patients acted who would not have.
func extra(e measure.Effect) (number, means string) {
	n := int(math.Round(e.Extra))
	low, high := int(math.Round(e.ExtraLow)), int(math.Round(e.ExtraHigh))
	means = "extra patients who " + goal(e)
	if low != high {
		means += fmt.Sprintf(", likely %s to %s", count(low), count(high))
	}
	return count(n), means
}

// goal is what counts as acting, as a verb in the past.
func goal(e measure.Effect) string {
	if e.Goal == "" {
		return "acted"
	}
	return strings.TrimSuffix(e.Goal, ".")
}

func tooFew(e measure.Effect) string {
	if e.Held == 0 {
		return "Nobody was held out, so there is nobody to compare with. Hold some patients out next time and Hale can tell."
	}
	return fmt.Sprintf("%s drawn to receive it and %s held out are not enough for an honest interval. The counts below still hold.",
		patients(e.Treated), patients(e.Held))
}

func tooEarly(e measure.Effect, day func(time.Time) string) string {
	if e.WindowDays <= 0 || e.Complete.IsZero() {
		return "Patients need time to act first. The estimate appears here by itself."
	}
	return fmt.Sprintf("Each patient has %s to act. The estimate appears here as soon as it means something, and is final on %s.",
		counted(e.WindowDays, "day", "days"), day(e.Complete))
}

// sentence ends text with a full stop and begins it with a capital.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// groupRows are the rows of the chart by group, everyone first.
func groupRows(e measure.Effect) []interval {
	if e.State != measure.Running && e.State != measure.Final {
		return nil
	}
	rows := []interval{{Label: "All patients", N: e.Treated + e.Held, Diff: 100 * e.Diff, Low: 100 * e.Low, High: 100 * e.High, Main: true}}
	for _, g := range e.Groups {
		if g.TooFew {
			continue
		}
		rows = append(rows, interval{Label: groupName(g), N: g.Treated + g.Held, Diff: 100 * g.Diff, Low: 100 * g.Low, High: 100 * g.High})
	}
	return rows
}

// groupName puts a group into few words.
func groupName(g measure.Group) string {
	if strings.HasPrefix(g.By, "First channel") {
		return sentenceCase(channelWord(g.Name)) + " first"
	}
	return sentenceCase(g.Name)
}

func sentenceCase(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// channelWord is what a nurse calls a channel.
func channelWord(channel string) string {
	switch channel {
	case "sms":
		return "text"
	case "email":
		return "email"
	case "inbox":
		return "portal inbox"
	case "voice":
		return "phone call"
	case "":
		return "none"
	}
	return channel
}

// drawnOf is how many patients were drawn to receive an outreach: all but
// those held out and those kept out before the draw.
func drawnOf(f measure.Funnel, e measure.Effect) int {
	if e.Treated > 0 {
		return e.Treated
	}
	return f.Patients - f.Held
}

// funnelRows are the steps from chosen to acted, and the held out beside
// them.
func funnelRows(f measure.Funnel, e measure.Effect, href string) []funnelRow {
	drawn := drawnOf(f, e)
	link := func(state string) string {
		if href == "" {
			return ""
		}
		return href + "/patients?state=" + state
	}
	rows := []funnelRow{
		{Label: "Drawn to receive it", Part: drawn, Whole: drawn},
		{Label: "Sent by some channel", Part: f.Sent, Whole: drawn, Href: link("sent")},
		{Label: "Arrived", Part: f.Delivered, Whole: drawn, Href: link("delivered")},
		{Label: "Saw it", Part: f.Seen, Whole: drawn, Href: link("seen")},
		{Label: "Acted on the message", Part: f.Acted, Whole: drawn, Href: link("acted")},
	}
	if e.Treated > 0 {
		rows = append(rows, funnelRow{Label: sentenceCase(goal(e)) + ", by any way", Part: e.TreatedYes, Whole: e.Treated})
	}
	if f.Held > 0 {
		rows = append(rows, funnelRow{Label: "Held out: " + goal(e) + " anyway", Part: e.HeldYes, Whole: f.Held, Held: true, Href: link("held")})
	}
	return rows
}

// channelRows are the channels of an outreach.
func channelRows(list []measure.ChannelRow) []channelRow {
	rows := make([]channelRow, 0, len(list))
	for _, c := range list {
		rows = append(rows, channelRow{Label: channelLabel(c.Channel), Sent: c.Sent, Got: c.Delivered, Seen: c.Seen, Acted: c.Acted})
	}
	return rows
}

// channelLabel is a channel as the head of a row.
func channelLabel(channel string) string {
	switch channel {
	case "sms":
		return "Text with link"
	case "email":
		return "Email"
	case "inbox":
		return "Portal inbox"
	}
	return sentenceCase(channelWord(channel))
}
