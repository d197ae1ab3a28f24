package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/rulebook"
)

// Rules is what the desk needs of package rulebook.
type Rules interface {
	Change(ctx context.Context, pass access.Pass, base policy.Settings, c rulebook.Change) (rulebook.Change, error)
	Agree(ctx context.Context, pass access.Pass, base policy.Settings, id string) error
	TurnDown(ctx context.Context, pass access.Pass, id string) error
	Waiting(ctx context.Context, pass access.Pass) ([]rulebook.Change, error)
	History(ctx context.Context, pass access.Pass) ([]rulebook.Change, error)
}

// InForce is what the desk needs of the engine about rules.
type InForce interface {
	Rules(ctx context.Context) (now *policy.Settings, base policy.Settings, err error)
}

// ruleRoutes adds the pages of the rules.
func (d *Desk) ruleRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/policy", d.showPolicy)
	page("POST /desk/policy", d.changePolicy)
	page("POST /desk/policy/{id}/agree", d.agreePolicy)
	page("POST /desk/policy/{id}/refuse", d.refusePolicy)
	page("GET /desk/policy/law", d.showLaw)
}

var errShare = errs.New(errs.Invalid, "Please write a share in percent, between 0 and 50.")

// staffName is who an account belongs to, in a list that a page shows.
func (d *Desk) staffName(r *http.Request, id string) string {
	if id == "" {
		return ""
	}
	name, err := d.accountName(r, id, map[string]string{})
	if err != nil {
		return "Somebody"
	}
	return name
}

// media are the rows of the matrix, with their words.
func media() []option {
	return []option{
		{Value: string(policy.EmailVerified), Text: "Email, to a server that proves its name"}, {Value: string(policy.EmailTLS), Text: "Email, encrypted"},
		{Value: string(policy.EmailPlain), Text: "Email, not encrypted"}, {Value: string(policy.Text), Text: "Text"}, {Value: string(policy.StaffCall), Text: "Call by the staff"},
		{Value: string(policy.VoiceHuman), Text: "Automated call, a person answers"}, {Value: string(policy.Voicemail), Text: "Voicemail"}, {Value: string(policy.Push), Text: "Push notice"},
		{Value: string(policy.Letter), Text: "Letter"}, {Value: string(policy.Portal), Text: "Portal"},
	}
}

// modeWords says how much of a message goes.
func modeWords(m string) string {
	switch policy.Mode(m) {
	case policy.Full:
		return "All of it"
	case policy.Notice:
		return "Notice"
	case policy.Generic:
		return "Neutral notice"
	}
	return "Nothing"
}

// showPolicy shows the rules in force, and what waits for a second person.
func (d *Desk) showPolicy(w http.ResponseWriter, r *http.Request) error {
	right := access.SetRules
	if !may(r, right) {
		right = access.RunOutreach
	}
	pass, err := d.all(r, right)
	if err != nil {
		return err
	}
	now, base, err := d.InForce.Rules(r.Context())
	if err != nil {
		return err
	}
	v := policyView{May: right == access.SetRules, Settings: may(r, access.ManageUsers), Beside: d.wordPages(r), Said: ruleSaid(r.URL.Query().Get("done"))}
	v.matrix(now, base)
	v.limits(now)
	v.Confirm = confirmWords(strconv.Itoa(now.Confirm))
	v.purposes(now)
	waiting, err := d.RuleBook.Waiting(r.Context(), pass)
	if err != nil {
		return err
	}
	history, err := d.RuleBook.History(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, c := range waiting {
		v.Waiting = append(v.Waiting, d.ruleRow(r, now, c))
	}
	for _, c := range history {
		v.History = append(v.History, d.ruleRow(r, now, c))
	}
	return d.Site.Render(w, r, http.StatusOK, policyPage(d.view(r, "Rules", "settings"), v))
}

func ruleSaid(done string) string {
	switch done {
	case "now":
		return "The rule is stricter now. It counts from the next message on."
	case "waits":
		return "A second person has to agree. Until then the rule stays as it is."
	case "agreed":
		return "The looser rule is in force."
	case "refused":
		return "The rule stays as it is."
	}
	return ""
}

func (v *policyView) matrix(now *policy.Settings, base policy.Settings) {
	for c := policy.S0; c <= policy.S4; c++ {
		v.Classes = append(v.Classes, className(c))
	}
	for _, m := range media() {
		row := matrixRow{Name: m.Text}
		for c := policy.S0; c <= policy.S4; c++ {
			mode := string(now.Matrix[policy.Medium(m.Value)][c])
			cell := matrixCell{Mode: modeWords(mode), Tone: map[string]string{"full": "good", "none": "act"}[mode]}
			cell.Changed = mode != string(base.Matrix[policy.Medium(m.Value)][c])
			row.Cells = append(row.Cells, cell)
			v.Cells = append(v.Cells, option{Value: rulebook.CellName(policy.Medium(m.Value), c), Text: m.Text + ", " + className(c)})
		}
		v.Matrix = append(v.Matrix, row)
	}
}

func className(c policy.Class) string {
	return [...]string{"Public", "Contact", "Care", "Results", "Specially protected"}[c]
}

func (v *policyView) limits(now *policy.Settings) {
	for _, c := range now.Caps {
		name := capName(c)
		how := "for everybody"
		if c.Soft {
			how = "what must arrive may pass it"
		}
		v.Caps = append(v.Caps, [3]string{name, strconv.Itoa(c.Max), how})
		v.CapNames = append(v.CapNames, option{Value: c.Code, Text: name})
	}
}

func capName(c policy.Cap) string {
	what := "Messages of all kinds"
	switch {
	case c.Class == "marketing":
		what = "Offers by email"
	case c.Channel == policy.SMS:
		what = "Texts"
	case c.Channel == policy.Voice:
		what = "Calls"
	}
	if c.Days == 1 {
		return what + " in a day"
	}
	return fmt.Sprintf("%s in %d days", what, c.Days)
}

func (v *policyView) purposes(now *policy.Settings) {
	for _, one := range policy.Purposes() {
		p, _ := now.Purpose(one.Key)
		tls := map[policy.TLSMode]string{"": "Notice where it is worse", policy.TLSForced: "Notice where it is worse", policy.TLSExclusive: "No email where it is worse", policy.TLSOpportunistic: "As plain mail"}[p.TLS]
		row := purposeRow{Name: p.Name, Class: className(p.Sensitivity), Basis: p.Basis.Words(), TLS: tls, Opens: yesNo(p.Opens), Holdout: "Never", Unsure: "Sent again", Must: yesNo(p.MustReach), Stop: "This topic", Caps: p.Caps, Keep: reach.KeptWords(p.Keep)}
		if p.Caps == "" {
			row.Caps = "none"
		}
		if p.InDoubt == policy.PreferMiss {
			row.Unsure = "Given up"
		}
		if p.Fixed {
			row.Stop = "Channels only"
		}
		if p.Holdout {
			row.Holdout = percentWords(p.HoldoutShare)
			v.HoldNames = append(v.HoldNames, option{Value: p.Key, Text: p.Name})
		}
		v.Purposes = append(v.Purposes, row)
		v.PurposeNames = append(v.PurposeNames, option{Value: p.Key, Text: p.Name})
	}
	v.Global = percentWords(now.Laid.Global)
	v.Stop = "all texts"
	if now.Laid.Stop == "topic" {
		v.Stop = "messages like the one that was answered, as long as the law leaves that open"
	}
}

func yesNo(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

func percentWords(p float64) string { return strconv.FormatFloat(p*100, 'g', 4, 64) + " %" }

// ruleRow puts a change into words.
func (d *Desk) ruleRow(r *http.Request, now *policy.Settings, c rulebook.Change) ruleRow {
	row := ruleRow{ID: c.ID, What: ruleName(now, c), Value: ruleValue(c), Why: c.Why, By: d.staffName(r, c.By), At: d.clock(c.At)}
	switch {
	case c.Waits():
		row.Chip, row.Tone = "Waits for a second person", "watch"
		row.Mine = c.By == web.Actor(r).ID
	case !c.Ended.IsZero():
		row.Chip, row.With = "Turned down", d.staffName(r, c.Agreed)
	case c.Loosens:
		row.Chip, row.Tone, row.With = "Looser, agreed on", "watch", d.staffName(r, c.Agreed)
	default:
		row.Chip, row.Tone = "In force since then", "good"
	}
	return row
}

func ruleName(now *policy.Settings, c rulebook.Change) string {
	name := c.Name
	if p, ok := policy.PurposeOf(c.Name); ok {
		name = p.Name
	}
	switch c.Kind {
	case rulebook.Cell:
		for _, m := range media() {
			for k := policy.S0; k <= policy.S4; k++ {
				if rulebook.CellName(policy.Medium(m.Value), k) == c.Name {
					return m.Text + ", " + className(k)
				}
			}
		}
	case rulebook.Cap:
		if i := slices.IndexFunc(now.Caps, func(x policy.Cap) bool { return x.Code == c.Name }); i >= 0 {
			return capName(now.Caps[i])
		}
	case rulebook.Holdout:
		if c.Name == rulebook.Everything {
			return "Held out of everything"
		}
		return name + ": held out"
	case rulebook.TLS:
		return name + ": email"
	case rulebook.Opens:
		return name + ": openings are noticed"
	case rulebook.Stop:
		return "What a STOP ends"
	case rulebook.Confirm:
		return "A number is proven anew"
	case rulebook.Keep:
		return name + ": words are kept"
	}
	return name
}

func ruleValue(c rulebook.Change) string {
	switch c.Kind {
	case rulebook.Cell:
		return modeWords(c.Value)
	case rulebook.Holdout:
		if p, err := strconv.ParseFloat(c.Value, 64); err == nil {
			return percentWords(p)
		}
	case rulebook.Confirm:
		return confirmWords(c.Value)
	case rulebook.Keep:
		if days, err := strconv.Atoi(c.Value); err == nil {
			return reach.KeptWords(days)
		}
	}
	return c.Value
}

// confirmWords say after how long a number is proven anew.
func confirmWords(days string) string {
	if n, err := strconv.Atoi(days); err == nil && n > 0 {
		return "after " + reach.KeptWords(n)
	}
	return "never"
}

// changePolicy asks for a change of one rule.
func (d *Desk) changePolicy(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	_, base, err := d.InForce.Rules(r.Context())
	if err != nil {
		return err
	}
	c := rulebook.Change{Kind: rulebook.Kind(r.PostFormValue("kind")), Name: r.PostFormValue("name"), Value: r.PostFormValue("value"), Why: cut(r.PostFormValue("why"), 500)}
	switch c.Kind {
	case rulebook.Cap:
		n, _ := strconv.Atoi(c.Value)
		c.Value = rulebook.LimitValue(n, r.PostFormValue("soft") != "")
	case rulebook.Holdout:
		n, err := strconv.ParseFloat(c.Value, 64)
		if err != nil {
			return errShare
		}
		c.Value = strconv.FormatFloat(n/100, 'g', -1, 64)
	}
	c, err = d.RuleBook.Change(r.Context(), pass, base, c)
	if err != nil {
		return err
	}
	done := "now"
	if c.Waits() {
		done = "waits"
	}
	http.Redirect(w, r, "/desk/policy?done="+done, http.StatusSeeOther)
	return nil
}

func (d *Desk) agreePolicy(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	_, base, err := d.InForce.Rules(r.Context())
	if err != nil {
		return err
	}
	if err := d.RuleBook.Agree(r.Context(), pass, base, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/policy?done=agreed", http.StatusSeeOther)
	return nil
}

func (d *Desk) refusePolicy(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	if err := d.RuleBook.TurnDown(r.Context(), pass, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/policy?done=refused", http.StatusSeeOther)
	return nil
}

// showLaw shows the dated rows that the engine goes by.
func (d *Desk) showLaw(w http.ResponseWriter, r *http.Request) error {
	right := access.SetRules
	if !may(r, right) {
		right = access.RunOutreach
	}
	if _, err := d.all(r, right); err != nil {
		return err
	}
	now, _, err := d.InForce.Rules(r.Context())
	if err != nil {
		return err
	}
	var v lawView
	if now.Law != nil {
		v.Hours, v.Holidays, v.Quiet, v.Stops = now.Law.Hours, now.Law.Holidays, now.Law.QuietHolidays, now.Law.Stops
		v.Stop = now.Law.Stop(d.now())
	}
	return d.Site.Render(w, r, http.StatusOK, lawPage(d.view(r, "The law about writing and calling", "settings"), v))
}
