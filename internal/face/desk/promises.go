package desk

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/task"
)

// promiseRow is what the clinic promises about one kind.
type promiseRow struct {
	Kind, Name string
	Days       string // or hours, as in the form
	Unit       string
	Team       string
	Words      string
}

// promisesView are all of them.
type promisesView struct {
	Rows  []promiseRow
	Leads []leadRow
	Teams []string
	Can   bool
	Said  string
	Err   string
}

// leadRow is a team and who is told when a promise of it passes.
type leadRow struct {
	ID, Team   string
	Lead, Name string // an account and its name; empty: nobody
	Late       int
	Staff      []option // who may lead it
}

// showPromises shows by when each kind is answered, and by whom.
func (d *Desk) showPromises(w http.ResponseWriter, r *http.Request) error {
	return d.renderPromises(w, r, http.StatusOK, "")
}

func (d *Desk) renderPromises(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	if !may(r, access.AnswerPatients) && !may(r, access.SetRules) {
		return errNowhere
	}
	rules, err := d.Tasks.Rules(r.Context())
	if err != nil {
		return err
	}
	v := promisesView{Teams: task.Teams, Can: may(r, access.SetRules), Err: problem}
	switch r.URL.Query().Get("note") {
	case "lead":
		v.Said = "Saved."
	case "saved":
		v.Said = "Saved. It holds for what patients ask from now on; who asked before was told another time."
	}
	for _, k := range task.Kinds {
		v.Rows = append(v.Rows, promiseOf(k, rules[k]))
	}
	if v.Leads, err = d.teamLeads(r, v.Can); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, promisesPage(d.view(r, "When patients hear from us", "queue"), v))
}

func promiseOf(k task.Kind, rule task.Rule) promiseRow {
	row := promiseRow{Kind: string(k), Name: k.Name(), Team: rule.Team, Unit: "days", Days: strconv.Itoa(cmp.Or(rule.Days, rule.Hours)),
		Words: "by the end of the " + ordinal(rule.Days) + " working day after"}
	switch {
	case rule.Days == 0:
		row.Unit, row.Words = "hours", "within "+counted(rule.Hours, "working hour", "working hours")
	case rule.Days == 1:
		row.Words = "by the end of the next working day"
	}
	return row
}

// ordinal is a small number as a place.
func ordinal(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return strconv.Itoa(n) + "st"
	case n%10 == 2 && n%100 != 12:
		return strconv.Itoa(n) + "nd"
	case n%10 == 3 && n%100 != 13:
		return strconv.Itoa(n) + "rd"
	}
	return strconv.Itoa(n) + "th"
}

// savePromise changes one.
func (d *Desk) savePromise(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(in.Get("n"))
	if err != nil {
		n = -1
	}
	rule := task.Rule{Days: n, Team: in.Get("team")}
	if in.Get("unit") == "hours" {
		rule.Days, rule.Hours = 0, n
	}
	err = d.Tasks.SetRule(r.Context(), pass, task.Kind(in.Get("kind")), rule)
	if errs.KindOf(err) == errs.Invalid {
		return d.renderPromises(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"/promises?note=saved", http.StatusSeeOther)
	return nil
}

// teamLeads are the teams with who leads them.
func (d *Desk) teamLeads(r *http.Request, counts bool) ([]leadRow, error) {
	leads, err := d.Tasks.Leads(r.Context())
	if err != nil || d.Members == nil {
		return nil, err
	}
	late := map[string]int{}
	if counts {
		pass, err := d.all(r, access.SetRules)
		if err != nil {
			return nil, err
		}
		if late, err = d.Tasks.LateOf(r.Context(), pass); err != nil {
			return nil, err
		}
	}
	var rows []leadRow
	for i, team := range task.Teams {
		row := leadRow{ID: "lead-" + strconv.Itoa(i), Team: team, Lead: leads[team], Late: late[team]}
		if row.Staff, err = d.mayLead(r, team); err != nil {
			return nil, err
		}
		for _, o := range row.Staff {
			if o.Value == row.Lead {
				row.Name = o.Text
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// mayLead are those who work for a team: they can open what is late.
func (d *Desk) mayLead(r *http.Request, team string) ([]option, error) {
	list, err := d.Members.Members(r.Context())
	if err != nil {
		return nil, err
	}
	roles := task.Roles(team)
	var out []option
	for _, m := range list {
		if !m.Disabled && slices.ContainsFunc(m.Roles, func(role access.Role) bool { return slices.Contains(roles, role) }) {
			out = append(out, option{Value: m.ID, Text: m.Name})
		}
	}
	return out, nil
}

// saveLead says who is told when a promise of a team passes.
func (d *Desk) saveLead(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return err
	}
	lead := in.Get("lead")
	if lead != "" {
		list, err := d.mayLead(r, in.Get("team"))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(o option) bool { return o.Value == lead }) {
			return errNowhere
		}
	}
	if err := d.Tasks.SetLead(r.Context(), pass, in.Get("team"), lead); err != nil {
		return err
	}
	http.Redirect(w, r, queuePath+"/promises?note=lead", http.StatusSeeOther)
	return nil
}
