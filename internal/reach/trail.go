package reach

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/consent"
	"hale/internal/care/contact"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
)

// Trail explains one patient's part in an outreach, step by step in the
// order in which it happened.
func (e *Engine) Trail(ctx context.Context, pass access.Pass, outreach string) (Trail, error) {
	patient, err := pass.Open(access.ReadDecisions)
	if err != nil {
		return Trail{}, err
	}
	o, err := get(ctx, e.DB, outreach)
	if err != nil {
		return Trail{}, err
	}
	if !mayKnow(pass, o) {
		return Trail{}, db.ErrNone
	}
	t := Trail{Outreach: o}
	if err := e.decided(ctx, &t, patient); err != nil {
		return t, fmt.Errorf("reach: trail %s: %w", outreach, err)
	}
	if err := e.sent(ctx, &t, patient); err != nil {
		return t, fmt.Errorf("reach: trail %s: %w", outreach, err)
	}
	slices.SortStableFunc(t.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	t.ending()
	return t, e.choices(ctx, &t, patient)
}

// decided reads the intents, of which a journey or a program may have set off
// several: each is told, and the trail is headed by the newest.
func (e *Engine) decided(ctx context.Context, t *Trail, patient string) error {
	const q = `select id, assignment, assignment_p, state, decided_at, decision from intent where outreach = $1 and patient = $2 order by decided_at, id`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (text string, err error) {
		var at int64
		err = scan(&t.Intent, &t.Assignment, &t.P, &t.State, &at, &text)
		t.Decided = db.Time(at)
		var d policy.Decision
		if err == nil {
			err = json.Unmarshal([]byte(text), &d)
		}
		if err == nil {
			t.reasons(d)
		}
		return text, err
	}, q, t.Outreach.ID, patient)
	if err == nil && len(list) == 0 {
		err = db.ErrNone
	}
	return err
}

// reasons tells the decision.
func (t *Trail) reasons(d policy.Decision) {
	add := func(kind, code string, c Channel, words string) {
		t.Steps = append(t.Steps, Step{At: t.Decided, Kind: kind, Code: code, Channel: c, Words: words})
	}
	switch {
	case t.Assignment == "excluded":
	case t.Assignment == "holdout":
		add("drawn", "holdout", "", fmt.Sprintf("Drawn to be held out (%s chance), to measure the effect. Nothing was sent.", percent(t.P)))
	case t.P > 0:
		add("drawn", "treat", "", fmt.Sprintf("Drawn to receive (%s chance; the other %s are held out to measure the effect).", percent(1-t.P), percent(t.P)))
	default:
		add("drawn", "treat", "", "Everybody receives this; nobody is held out.")
	}
	for _, r := range d.Reasons {
		kind := "passed"
		switch {
		case r.Code == "allowed":
			kind = "allowed"
		case r.Channel == "":
			kind = "blocked"
		case slices.ContainsFunc(d.Plan, func(c policy.Candidate) bool { return c.Channel == r.Channel }):
			kind = "limited"
		}
		add(kind, r.Code, r.Channel, r.Words)
	}
	if t.Assignment == "holdout" || len(d.Plan) == 0 {
		return
	}
	for i, c := range d.Plan[1:] {
		add("kept", "later", c.Channel, fmt.Sprintf("%s kept as try %d, %s after the first, if it is not seen by then.", c.Channel.Name(), i+2, span(c.After)))
	}
}

func percent(p float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", p*100), ".0") + " %" }

func span(d time.Duration) string {
	h := int(d.Hours())
	if h > 48 && h%24 == 0 {
		return fmt.Sprintf("%d days", h/24)
	}
	return fmt.Sprintf("%d hours", h)
}

// told is a message as a trail tells of it: what it says is not read.
type told struct {
	message, state, mode, masked, reason string
	channel                              Channel
	stateAt, notBefore                   int64
	forgotten                            int
}

// sent tells the messages, their attempts and what became of them.
func (e *Engine) sent(ctx context.Context, t *Trail, patient string) error {
	const q = `
		select id, channel, state, mode, address_mask, reason, state_at, not_before, case when length(body) = 0 then 1 else 0 end
		from message
		where outreach = $1 and patient = $2 order by step`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (m told, err error) {
		err = scan(&m.message, &m.channel, &m.state, &m.mode, &m.masked, &m.reason, &m.stateAt, &m.notBefore, &m.forgotten)
		return m, err
	}, q, t.Outreach.ID, patient)
	if err != nil {
		return err
	}
	for _, m := range list {
		switch m.state {
		case "scheduled":
			t.add(max(m.stateAt, m.notBefore), "scheduled", m.channel, m.reason, m.channel.Name()+" is ready to go"+to(m.masked)+".")
		case "suppressed", "cancelled", "given_up":
			t.add(m.stateAt, "stopped", m.channel, m.reason, stopWordsFor(m.channel, m.reason))
		case "handing_off":
			t.add(m.stateAt, "sending", m.channel, "", m.channel.Name()+" is being handed over.")
		}
		if err := e.attempts(ctx, t, m); err != nil {
			return err
		}
		if err := e.happenings(ctx, t, m); err != nil {
			return err
		}
		if p, _ := e.rules().Purpose(t.Outreach.Purpose); m.forgotten == 1 {
			t.add(db.Micro(e.Now()), "forgotten", m.channel, "", "The text of this "+strings.ToLower(m.channel.Name())+" is no longer kept: messages of this kind are kept for "+KeptWords(p.Keep)+".")
		}
	}
	return nil
}

// Copies returns what an outreach sent to a patient, word for word as it went
// out, for staff who may read messages.
func (e *Engine) Copies(ctx context.Context, pass access.Pass, outreach string) ([]Content, error) {
	patient, err := pass.Open(access.ReadMessages)
	if err != nil {
		return nil, err
	}
	const q = `
		select ` + contentColumns + `
		from message m left join outreach o on o.id = m.outreach
		where m.patient = $1 and ` + veiled + ` and m.outreach = $4 and m.attempts > 0 and m.state not in ('scheduled', 'suppressed', 'cancelled')
		order by m.step`
	hidden, until := veil(pass)
	list, err := e.contents(ctx, q, patient, hidden, until, outreach)
	if err != nil {
		return nil, fmt.Errorf("reach: copies of %s: %w", outreach, err)
	}
	return list, nil
}

func (t *Trail) add(at int64, kind string, c Channel, code, words string) {
	t.Steps = append(t.Steps, Step{At: db.Time(at), Kind: kind, Channel: c, Code: code, Words: words})
}

func to(masked string) string {
	switch {
	case masked == "":
		return ""
	case strings.Contains(masked, "@"):
		return " to " + masked
	}
	return " to the number ending in " + masked
}

func stopWordsFor(c Channel, reason string) string {
	why := map[string]string{
		"digest": "it waits in the day's one message", "seen": "the message was seen another way", "stop": "STOP was answered", "opted_out": "asked us to stop", "stopped": "the outreach was stopped",
		"expired": "its time was over", "ended": "it was over before the next try", "wrong_person": "somebody else answered there", "in_doubt": "three tries ended without an answer",
	}[reason]
	if why == "" {
		return policy.Words(reason, c)
	}
	return c.Name() + " cancelled: " + why + "."
}

func (e *Engine) attempts(ctx context.Context, t *Trail, m told) error {
	type try struct {
		n, at                       int64
		outcome, code, detail, peer string
	}
	const q = `select n, case when ended_at > 0 then ended_at else started_at end, outcome, code, detail, peer from attempt where message = $1 and outcome <> '' order by n`
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (a try, err error) {
		err = scan(&a.n, &a.at, &a.outcome, &a.code, &a.detail, &a.peer)
		return a, err
	}, q, m.message)
	if err != nil {
		return err
	}
	for _, a := range list {
		name := m.channel.Name()
		switch a.outcome {
		case "accepted":
			if m.channel == Post {
				t.add(a.at, "sent", m.channel, a.code, "Letter put with those to print.")
				continue
			}
			words := name + " sent" + to(m.masked) + "."
			if m.mode == "notice" {
				words += " It holds no health information."
			}
			if a.peer != "" {
				words += " Taken by " + a.peer + "."
			}
			t.add(a.at, "sent", m.channel, a.code, words)
		case "rejected":
			t.add(a.at, "rejected", m.channel, a.code, name+" refused by the other side: "+cmp.Or(a.detail, a.code)+".")
		case "temp":
			t.add(a.at, "delayed", m.channel, a.code, name+" not taken yet; it is tried again.")
		case "uncertain":
			t.add(a.at, "in_doubt", m.channel, a.code, name+" may or may not have gone out: the connection broke before the answer.")
		}
	}
	return nil
}

func (e *Engine) happenings(ctx context.Context, t *Trail, m told) error {
	const q = `select at, kind, code, actor_class, data from message_event where message = $1 order by at, id`
	type ev struct {
		at                     int64
		kind, code, from, data string
	}
	list, err := db.All(ctx, e.DB, func(scan db.Scan) (h ev, err error) {
		err = scan(&h.at, &h.kind, &h.code, &h.from, &h.data)
		return h, err
	}, q, m.message)
	if err != nil {
		return err
	}
	for _, h := range list {
		words := map[string]string{
			"delivered": m.channel.Name() + " delivered.", "bounced": e.cameBack(m, h.at, h.code, h.data), "deferred": m.channel.Name() + " is late: the mail server still tries.", "auto_reply": "A machine answered; this does not count as seen.", "undelivered": m.channel.Name() + " could not be delivered.",
			"complaint": "Reported as unwanted.", "page_shown": "Page shown.", "factor_passed": "Date of birth matched.", "factor_failed": "Date of birth did not match.",
			"revealed": "Opened by a person.", "acted": "Acted on it.", "replied": "Answered.", "acknowledged": "Confirmed having read it.",
			"reply_stop": "Answered STOP.", "reply_start": "Answered START.", "reply_wrong_person": "Answered that this is the wrong number.", "reply_help": "Asked for help.",
			"wrong_person": "Said: this is not me.", "opted_out": "Asked to get no more of these.", "call_later": "Asked on the phone to be called another time.", "voicemail_left": "Called; a message without any health information was left on the voicemail.",
			"no_answer": "Called; nobody answered.", "number_dead": "Called; the number does not work.", "call_given_up": "Called as often as we do; nobody was reached.",
			"letter_printed": "Letter printed.", "letter_mailed": "Letter mailed.", "letter_dropped": "Letter taken out before it was mailed.", "letter_returned": "The letter came back: " + backWords(h.code) + ".",
			"link_fetched": "Link fetched by a machine; this does not count as seen.",
		}[h.kind]
		if words != "" {
			t.add(h.at, h.kind, m.channel, h.code, words)
		}
	}
	return nil
}

// ending tells how it stands now.
func (t *Trail) ending() {
	words := map[string]string{
		"satisfied": "Seen. Later tries were cancelled.", "exhausted": "Every way was tried.", "expired": "Its time was over before it was seen.", "cancelled": "The outreach was stopped.",
	}[t.State]
	if words == "" || len(t.Steps) == 0 {
		return
	}
	t.Steps = append(t.Steps, Step{At: t.Steps[len(t.Steps)-1].At, Kind: t.State, Words: words})
}

// choices reads what the person asked for.
func (e *Engine) choices(ctx context.Context, t *Trail, patient string) error {
	prefs, err := contact.ListPreferences(ctx, e.DB, []string{patient})
	if err != nil {
		return err
	}
	said, err := consent.List(ctx, e.DB, []string{patient})
	if err != nil {
		return err
	}
	state := consent.Fold(said[patient])
	for _, p := range policy.Purposes() {
		if p.Key == "security" {
			continue
		}
		f := policy.Facts{Preferences: prefs[patient], Consent: state}
		t.Choices = append(t.Choices, Choice{Topic: p.Name, Words: f.Wish(p, e.Now())})
	}
	return nil
}
