package reach

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strings"

	"hale/internal/base/lang"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// Tracking is what the mails of an outreach report. Zero: that they were
// opened where the purpose allows it and nothing of health is in them, and
// no clicks.
type Tracking struct {
	Off   bool     `json:"off,omitempty"`   // nothing
	Opens bool     `json:"opens,omitempty"` // that they were opened, whatever the purpose says
	Links []string `json:"links,omitempty"` // addresses in the text, as its author marked them, whose clicks are counted
}

// check says what is wrong with t.
func (t Tracking) check() error {
	for _, l := range t.Links {
		if err := track.Check(l); err != nil {
			return err
		}
	}
	return nil
}

// opens says whether a mail on c carries the picture.
func (p *planner) opens(c policy.Candidate) bool {
	t := p.o.Tracking
	switch {
	case c.Mode == policy.Generic: // a neutral sender tells nobody anything, and is told nothing
		return false
	case t.Opens:
		return true
	}
	return p.purpose.Opens && p.o.Template.Sensitivity < policy.S2
}

// report has a mail report what it may: the picture, the links that the
// author marked, and a link that no person sees beside them. Whoever asked
// for no reports gets a mail without.
func (p *planner) report(ctx context.Context, conn db.Conn, id, patient string, c policy.Candidate, b *body) error {
	e, t := p.e, p.o.Tracking
	if e.Track == nil || c.Channel != Email || b.HTML == "" || t.Off || p.crowd.by[patient].untracked() {
		return nil
	}
	var end strings.Builder
	if len(t.Links) > 0 {
		if err := p.aim(ctx, conn); err != nil {
			return err
		}
		followed := false
		for _, l := range t.Links {
			if n := p.targets[l]; n > 0 {
				text, found := lead(b.HTML, l, e.Track.URL(id, n))
				b.HTML, followed = text, followed || found
			}
		}
		if followed {
			end.WriteString(`<a href="` + e.Track.URL(id, track.Honeypot) + `" style="display:none" aria-hidden="true" tabindex="-1"></a>`)
		}
	}
	if p.opens(c) {
		end.WriteString(`<img src="` + e.Track.URL(id, track.Picture) + `" width="1" height="1" alt="">`)
	}
	b.HTML = before(b.HTML, end.String())
	return nil
}

// lead has every link to address in an e-mail lead to another one first; an
// address that stands there as words becomes a link. It says whether there
// was any.
func lead(text, address, to string) (string, bool) {
	shown := html.EscapeString(address)
	if from := `href="` + shown + `"`; strings.Contains(text, from) {
		return strings.ReplaceAll(text, from, `href="`+to+`"`), true
	}
	found := false
	var b strings.Builder
	for {
		i := strings.Index(text, shown)
		if i < 0 {
			b.WriteString(text)
			return b.String(), found
		}
		after := text[i+len(shown):]
		whole := after == "" || !strings.ContainsRune("-_/?&=#%+~", rune(after[0])) && !letter(after[0])
		b.WriteString(text[:i])
		if whole {
			b.WriteString(`<a class="a" style="color:#1d5b4f" href="` + to + `">` + shown + `</a>`)
			found = true
		} else {
			b.WriteString(shown)
		}
		text = after
	}
}

func letter(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// errNotInside says that something is written outside a transaction.
var errNotInside = errors.New("reach: marked links are numbered in a transaction")

// aim reads the numbers of the marked addresses, once for each batch.
func (p *planner) aim(ctx context.Context, conn db.Conn) (err error) {
	if p.targets == nil {
		tx, ok := conn.(*db.Tx)
		if !ok {
			return errNotInside
		}
		p.targets, err = track.Targets(ctx, tx, p.o.ID, p.o.Tracking.Links, db.Micro(p.now))
	}
	return err
}

// before puts more at the end of an e-mail's body.
func before(text, more string) string {
	if more == "" {
		return text
	}
	if i := strings.LastIndex(text, "</body>"); i >= 0 {
		return text[:i] + more + text[i:]
	}
	return text + more
}

// untracked says whether the person wants no reports.
func (s *subject) untracked() bool {
	for _, p := range s.Preferences {
		if p.Topic == "*" {
			return p.Untracked
		}
	}
	return false
}

// phrases reads the words by which people know our messages. Few have any.
func (e *Engine) phrases(ctx context.Context, c db.Conn, k *crowd, patients []string) error {
	type row struct {
		patient string
		sealed  []byte
	}
	q := `select patient, sealed from pickup_phrase where patient in (` + db.In(1, len(patients)) + `)`
	list, err := db.All(ctx, c, func(scan db.Scan) (r row, err error) { return r, scan(&r.patient, &r.sealed) }, q, db.Args(patients)...)
	if err != nil {
		return fmt.Errorf("reach: phrases: %w", err)
	}
	for _, r := range list {
		plain, err := e.Keys.OpenIn(ctx, c, r.sealed, "pickup_phrase", "sealed", r.patient)
		if err != nil {
			return fmt.Errorf("reach: phrases: %w", err)
		}
		k.by[r.patient].phrase = string(plain)
	}
	return nil
}

// known puts the patient's own words into a message, if there are any: who
// chose them knows by them that we wrote it. A helper does not know them.
func (p *planner) known(patient, tag string, c policy.Candidate, b *body) {
	phrase := p.crowd.by[patient].phrase
	if phrase == "" || c.For != "" || c.Shared {
		return
	}
	words := lang.Pick("", tag).T("Your phrase: %s", phrase)
	switch c.Channel {
	case SMS:
		b.Text += " " + template.GSM(words)
	case Email:
		b.Text = strings.TrimRight(b.Text, "\n") + "\n\n" + words + "\n"
		b.HTML = before(b.HTML, `<p style="font:16px/1.5 Verdana,sans-serif;color:#4c544f">`+html.EscapeString(words)+`</p>`)
	}
}
