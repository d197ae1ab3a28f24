package desk

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/task"
	"hale/internal/face/web"
)

// Tasks is what the desk needs of package task.
type Tasks interface {
	Open(ctx context.Context, pass access.Pass, f task.Filter) ([]task.Task, error)
	Counts(ctx context.Context, pass access.Pass) (task.Counts, error)
	Whose(ctx context.Context, pass access.Pass, id string) (string, error)
	Get(ctx context.Context, pass access.Pass, id string) (task.Task, error)
	Mine(ctx context.Context, pass access.Pass, n int) ([]task.Task, error)
	Read(ctx context.Context, pass access.Pass, id string) error
	Claim(ctx context.Context, pass access.Pass, id string) error
	Assign(ctx context.Context, pass access.Pass, id, account, name string) error
	Step(ctx context.Context, pass access.Pass, id string, to task.Status, note string) error
	Answer(ctx context.Context, pass access.Pass, id string, in task.Answer) error
	Reopen(ctx context.Context, pass access.Pass, id string) error
	By(at time.Time, r task.Rule) time.Time
	Replies(ctx context.Context, k task.Kind) ([]task.Reply, error)
	Reply(ctx context.Context, id string) (task.Reply, error)
	SaveReply(ctx context.Context, pass access.Pass, in task.Reply) error
	DropReply(ctx context.Context, pass access.Pass, id string) error
	Rules(ctx context.Context) (map[task.Kind]task.Rule, error)
	SetRule(ctx context.Context, pass access.Pass, k task.Kind, r task.Rule) error
	Leads(ctx context.Context) (map[string]string, error)
	SetLead(ctx context.Context, pass access.Pass, team, account string) error
	LateOf(ctx context.Context, pass access.Pass) (map[string]int, error)
}

const queuePath = "/desk/queue"

// queueMost is how many rows of one sort the queue shows.
const queueMost = 200

// queueRoutes adds the pages of the one list of what waits.
func (d *Desk) queueRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	d.medicineRoutes(page)
	page("GET "+queuePath, d.showQueue)
	page("POST "+queuePath+"/claim", d.claimMany)
	page("GET "+queuePath+"/replies", d.listReplies)
	page("POST "+queuePath+"/replies", d.saveReply)
	page("GET "+queuePath+"/replies/{reply}", d.editReply)
	page("POST "+queuePath+"/replies/{reply}/drop", d.dropReply)
	page("GET "+queuePath+"/promises", d.showPromises)
	page("POST "+queuePath+"/promises", d.savePromise)
	page("POST "+queuePath+"/promises/lead", d.saveLead)
	page("GET "+queuePath+"/{id}", d.showTask)
	page("POST "+queuePath+"/{id}/claim", d.claimTask)
	page("POST "+queuePath+"/{id}/assign", d.assignTask)
	page("POST "+queuePath+"/{id}/step", d.stepTask)
	page("POST "+queuePath+"/{id}/close", d.answerTask)
	page("POST "+queuePath+"/{id}/open", d.reopenTask)
}

// queueSort is one sort of work in the queue.
type queueSort struct {
	Key, Name string
	right     access.Right // over everyone; whoever has it sees the rows
	rows      func(d *Desk, r *http.Request, pass access.Pass) ([]queueRow, error)
}

// queueSorts are the sorts that are no tasks: they lead to pages of their own
// and keep their own clocks.
var queueSorts = []queueSort{
	{"talk", "Conversations", access.AnswerPatients, (*Desk).talkRows},
	{"answers", "Answers and failures", access.AnswerPatients, (*Desk).answerRows},
	{"leads", "Forms from the web", access.AnswerPatients, (*Desk).leadRows},
	{"letters", "Documents", access.AnswerPatients, (*Desk).letterRows},
	{"holds", "Results that wait", access.AnswerPatients, (*Desk).holdRows},
	{"privacy", "Privacy requests", access.AnswerPrivacy, (*Desk).privacyRows},
	{"translations", "Translations", access.Translate, (*Desk).translationRows},
	{"helpers", "Caregivers", access.FindPatients, (*Desk).caregiverRows},
}

// queueRow is one thing that waits.
type queueRow struct {
	Task            string // to claim it; empty: it is claimed on its own page, if at all
	Href, Icon      string
	Sort, Key       string // the sort in words, and as the filter has it
	Who, Title, Sub string
	Due             string
	Late, Mine      bool
	Raised          bool // to the reader, who leads the team
	Owner           string
	patient         string // to be named
	due             time.Time
}

// queueView is the queue as a page.
type queueView struct {
	Who, Kind string // the filters
	Rows      []queueRow
	Whos      []queueTab
	Kinds     []queueTab
	Late      int  // of them all
	Told      int  // requests of which the patient reads that we are late
	Claims    bool // some rows can be claimed here
	Closed    []queueRow
	Said      string
	Undo      string // the task that was just closed
	More      bool
	Rules     bool
}

// queueTab is one filter.
type queueTab struct {
	Href, Name string
	N          int
	Here       bool
}

// mayQueue says whether the queue has anything for the reader.
func mayQueue(a access.Actor) bool {
	return len(answering(a)) > 0 || a.May(access.AnswerPrivacy, "") || a.May(access.Translate, "")
}

// answering are the rights by which somebody answers what patients ask: all
// of it, or the parts that they have.
func answering(a access.Actor) []access.Right {
	if a.May(access.AnswerPatients, "") {
		return []access.Right{access.AnswerPatients}
	}
	return slices.DeleteFunc([]access.Right{access.AnswerVisits, access.AnswerBills}, func(right access.Right) bool { return !a.May(right, "") })
}

// showQueue lists all that waits for somebody, the first due first.
func (d *Desk) showQueue(w http.ResponseWriter, r *http.Request) error {
	if !mayQueue(web.Actor(r)) {
		return errNowhere
	}
	r = sharing(r)
	q := r.URL.Query()
	v := queueView{Who: q.Get("who"), Kind: q.Get("kind"), Said: queueSaid(q), Undo: q.Get("closed"), Rules: may(r, access.AnswerPatients)}
	rows, err := d.waiting(r)
	if err != nil {
		return err
	}
	v.fill(rows)
	if v.Kind == "closed" {
		if v.Closed, err = d.closedRows(r); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, http.StatusOK, queuePage(d.view(r, "Queue", "queue"), v))
}

// queueSaid is what just happened.
func queueSaid(q url.Values) string {
	switch q.Get("note") {
	case "closed":
		return "Closed, and the patient is told."
	case "claimed":
		return "Claimed. The patients see that you have them."
	case "opened":
		return "Open again."
	case "applied":
		return "The new details are in the record, and the patient is told."
	}
	return ""
}

// waiting returns all rows that the reader may see, in the order of their
// clocks; those without one come last.
func (d *Desk) waiting(r *http.Request) ([]queueRow, error) {
	passes := map[access.Right]access.Pass{}
	var rows []queueRow
	var all []queueSort
	for _, right := range answering(web.Actor(r)) {
		all = append(all, queueSort{"", "", right, (*Desk).taskRows})
	}
	all = append(all, queueSorts...)
	for _, s := range all {
		if s.Key == "leads" {
			s.right = clerkRight(r)
		}
		if !may(r, s.right) || s.Key == "helpers" && !may(r, access.AnswerPrivacy) && !may(r, access.AnswerPatients) {
			continue
		}
		pass, ok := passes[s.right]
		if !ok {
			var err error
			if pass, err = d.all(r, s.right); err != nil {
				return nil, err
			}
			passes[s.right] = pass
		}
		list, err := s.rows(d, r, pass)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].Key == "" {
				list[i].Key, list[i].Sort = s.Key, s.Name
			}
		}
		rows = append(rows, list...)
	}
	rows = noneTwice(rows)
	if err := d.nameRows(r, rows); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b queueRow) int {
		if a.due.IsZero() != b.due.IsZero() {
			return cmp.Compare(boolInt(a.due.IsZero()), boolInt(b.due.IsZero()))
		}
		return a.due.Compare(b.due)
	})
	return rows, nil
}

// noneTwice leaves out tasks that two rights show.
func noneTwice(rows []queueRow) []queueRow {
	seen := map[string]bool{}
	return slices.DeleteFunc(rows, func(row queueRow) bool {
		again := row.Task != "" && seen[row.Task]
		seen[row.Task] = true
		return again
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// nameRows names the patients of rows, with one look.
func (d *Desk) nameRows(r *http.Request, rows []queueRow) error {
	var ids []string
	for _, row := range rows {
		if row.patient != "" && row.Who == "" {
			ids = append(ids, row.patient)
		}
	}
	people, err := d.named(r, ids...)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Who == "" {
			rows[i].Who = cmp.Or(people[rows[i].patient].Full, "A patient without a name")
		}
	}
	return nil
}

// fill counts rows into the filters and keeps those that they let through.
func (v *queueView) fill(rows []queueRow) {
	if !slices.Contains([]string{"mine", "team", "late", "raised"}, v.Who) {
		v.Who = "all"
	}
	who := map[string]int{}
	kinds := map[string]int{}
	names := map[string]string{}
	for _, row := range rows {
		names[row.Key] = row.Sort
		if row.Late && row.Task != "" {
			v.Told++
		}
		in := row.within()
		for _, one := range in {
			who[one]++
		}
		if slices.Contains(in, v.Who) {
			kinds[row.Key]++
			if v.Kind == "" || v.Kind == row.Key {
				v.Rows = append(v.Rows, row)
				v.Claims = v.Claims || row.Task != "" && row.Owner == ""
			}
		}
	}
	v.Late = who["late"]
	if v.More = len(v.Rows) > queueMost; v.More {
		v.Rows = v.Rows[:queueMost]
	}
	v.tabs(who, kinds, names)
}

// within are the filters by person that let a row through.
func (row queueRow) within() []string {
	in := []string{"all"}
	if row.Mine {
		in = append(in, "mine")
	}
	if row.Owner == "" {
		in = append(in, "team")
	}
	if row.Late {
		in = append(in, "late")
	}
	if row.Raised {
		in = append(in, "raised")
	}
	return in
}

func (v *queueView) tabs(who, kinds map[string]int, names map[string]string) {
	for _, t := range [...][2]string{{"all", "All"}, {"mine", "Mine"}, {"team", "Nobody’s yet"}, {"late", "Overdue"}, {"raised", "Raised to you"}} {
		if t[0] == "raised" && who["raised"] == 0 && v.Who != "raised" {
			continue // whoever leads no team needs no such list
		}
		v.Whos = append(v.Whos, queueTab{Href: queueHref(t[0], v.Kind), Name: t[1], N: who[t[0]], Here: v.Who == t[0] && v.Kind != "closed"})
	}
	v.Kinds = []queueTab{{Href: queueHref(v.Who, ""), Name: "Every kind", Here: v.Kind == ""}}
	for _, key := range queueKeys() {
		if kinds[key] > 0 || key == v.Kind {
			v.Kinds = append(v.Kinds, queueTab{Href: queueHref(v.Who, key), Name: cmp.Or(names[key], sortName(key)), N: kinds[key], Here: v.Kind == key})
		}
	}
	v.Kinds = append(v.Kinds, queueTab{Href: queueHref("", "closed"), Name: "Closed lately", Here: v.Kind == "closed"})
}

// queueKeys are the filters by kind, in their order.
func queueKeys() []string {
	var keys []string
	for _, k := range task.Kinds {
		keys = append(keys, string(k))
	}
	for _, s := range queueSorts {
		keys = append(keys, s.Key)
	}
	return keys
}

// sortName names a filter by kind of which nothing waits.
func sortName(key string) string {
	for _, s := range queueSorts {
		if s.Key == key {
			return s.Name
		}
	}
	return task.Kind(key).Name()
}

// queueHref is the queue with filters.
func queueHref(who, kind string) string {
	q := url.Values{}
	if who != "" && who != "all" {
		q.Set("who", who)
	}
	if kind != "" {
		q.Set("kind", kind)
	}
	if len(q) == 0 {
		return queuePath
	}
	return queuePath + "?" + q.Encode()
}

// claimMany claims every task that was ticked. Each is asked for by itself:
// what is another's by now, or closed, stays as it is.
func (d *Desk) claimMany(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	for _, id := range in["task"] {
		right, patient, err := d.taskRight(r, id)
		if err != nil {
			return err
		}
		pass, err := d.one(r, right, patient)
		if err != nil {
			return err
		}
		if t, err := d.Tasks.Get(r.Context(), pass, id); err != nil || t.Owner != "" || !t.Status.Open() {
			continue
		}
		if err := d.Tasks.Claim(r.Context(), pass, id); err != nil {
			return err
		}
	}
	http.Redirect(w, r, queuePath+"?who=mine&note=claimed", http.StatusSeeOther)
	return nil
}

// queueTask says on the first page how much waits, and what is overdue.
func (d *Desk) queueTask(r *http.Request) ([]taskRow, error) {
	if d.Tasks == nil {
		return nil, nil
	}
	var c task.Counts
	for _, right := range answering(web.Actor(r)) {
		pass, err := d.all(r, right)
		if err != nil {
			return nil, err
		}
		more, err := d.Tasks.Counts(r.Context(), pass)
		if err != nil {
			return nil, err
		}
		c = c.With(more)
	}
	if c.Open == 0 {
		return nil, nil
	}
	row := taskRow{Href: queuePath, Icon: "inbox", Tone: "watch", N: c.Open, Title: "What patients asked for", Sub: counted(c.Free, "is nobody’s yet", "are nobody’s yet")}
	if c.Late > 0 {
		row.Tone, row.Sub, row.Href = "act", counted(c.Late, "is overdue, and the patient sees it", "are overdue, and the patients see it"), queueHref("late", "")
	}
	if c.Mine == 0 {
		return []taskRow{row}, nil
	}
	return []taskRow{{Href: queueHref("raised", ""), Icon: "triangle-alert", Tone: "act", N: c.Mine, Title: "Promises that passed, raised to you",
		Sub: "The patients read that we are late, and that you were asked to look"}, row}, nil
}

// lateTask tells those who set the promises of what is late in teams that
// nobody leads.
func (d *Desk) lateTask(r *http.Request) ([]taskRow, error) {
	if d.Tasks == nil || !may(r, access.SetRules) || !may(r, access.ManageUsers) {
		return nil, nil
	}
	pass, err := d.all(r, access.SetRules)
	if err != nil {
		return nil, err
	}
	late, err := d.Tasks.LateOf(r.Context(), pass)
	if err != nil || len(late) == 0 {
		return nil, err
	}
	leads, err := d.Tasks.Leads(r.Context())
	if err != nil {
		return nil, err
	}
	n := 0
	for team, more := range late {
		if leads[team] == "" {
			n += more
		}
	}
	if n == 0 {
		return nil, nil
	}
	return []taskRow{{Href: queuePath + "/promises", Icon: "triangle-alert", Tone: "act", N: n, Title: "Promises that passed",
		Sub: "Nobody leads the teams that have them, so everybody was told. Choose who leads"}}, nil
}
