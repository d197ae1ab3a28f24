package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/record/release"
)

// Holds is what the desk needs of package release.
type Holds interface {
	Waits(ctx context.Context, pass access.Pass, n int) ([]release.Hold, error)
	All(ctx context.Context, pass access.Pass, since time.Time, n int) ([]release.Hold, error)
	Get(ctx context.Context, pass access.Pass, id string) (release.Hold, error)
	Of(ctx context.Context, pass access.Pass) ([]release.Hold, error)
	Name(ctx context.Context, pass access.Pass, h release.Hold) (string, error)
	Candidates(ctx context.Context, pass access.Pass, n int) ([]release.Candidate, error)
	Place(ctx context.Context, pass access.Pass, typ, id, why, note string, until time.Time) error
	Release(ctx context.Context, pass access.Pass, id, note string) error
	Extend(ctx context.Context, pass access.Pass, id, note string, until time.Time) error
	Rules() (on, off []release.Pack, sorts []release.Sort)
}

const (
	holdsMost = 200
	holdsBack = 90 * 24 * time.Hour // how far the report goes back
)

// seeHolds returns a pass to see what waits: for those who answer patients, or
// those who review access.
func (d *Desk) seeHolds(r *http.Request) (access.Pass, error) {
	if may(r, access.ReviewAccess) && !may(r, access.AnswerPatients) {
		return d.all(r, access.ReviewAccess)
	}
	return d.all(r, access.AnswerPatients)
}

// listHolds shows what waits, with its clocks, and what waited.
func (d *Desk) listHolds(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.seeHolds(r)
	if err != nil {
		return err
	}
	waits, err := d.Holds.Waits(r.Context(), pass, holdsMost)
	if err != nil {
		return err
	}
	all, err := d.Holds.All(r.Context(), pass, d.now().Add(-holdsBack), holdsMost)
	if err != nil {
		return err
	}
	people, err := d.named(r, patientsOf(waits, all)...)
	if err != nil {
		return err
	}
	v := holdsView{Said: holdSaid(r.URL.Query().Get("note"))}
	for _, h := range waits {
		row, err := d.holdRow(r, h, people)
		if err != nil {
			return err
		}
		if may(r, access.AnswerPatients) {
			row.Href = holdPath(h)
		}
		v.Open = append(v.Open, row)
	}
	for _, h := range all {
		if h.Open(d.now()) {
			continue
		}
		row, err := d.holdRow(r, h, people)
		if err != nil {
			return err
		}
		v.Done = append(v.Done, row)
	}
	return d.Site.Render(w, r, http.StatusOK, holdsPage(d.view(r, "Results that wait", "today"), v))
}

func patientsOf(lists ...[]release.Hold) []string {
	var ids []string
	for _, list := range lists {
		for _, h := range list {
			ids = append(ids, h.Patient)
		}
	}
	return ids
}

// named returns the people with ids.
func (d *Desk) named(r *http.Request, ids ...string) (map[string]patient.Person, error) {
	by := map[string]patient.Person{}
	var some []string
	for _, id := range ids {
		if _, asked := by[id]; !asked && id != "" {
			by[id] = patient.Person{ID: id}
			some = append(some, id)
		}
	}
	if len(some) == 0 {
		return by, nil
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return nil, err
	}
	people, err := d.Patients.Named(r.Context(), pass, some)
	for _, p := range people {
		by[p.ID] = p
	}
	return by, err
}

func holdPath(h release.Hold) string { return "/desk/patients/" + h.Patient + "/holds/" + h.ID }

// holdSaid is what just happened.
func holdSaid(note string) string {
	switch note {
	case "released":
		return "Released. The patient can see the result now and is told that something is new."
	case "held":
		return "The result waits now. It comes out by itself when its time is over."
	case "extended":
		return "The result waits until the new time."
	}
	return ""
}

// holdRow puts a hold into words, without the name of the test.
func (d *Desk) holdRow(r *http.Request, h release.Hold, people map[string]patient.Person) (holdRow, error) {
	row := holdRow{Who: people[h.Patient].Full, Sort: d.sortName(h.Sort), Rule: d.ruleName(h.Rule), Basis: h.Basis, Until: d.clock(h.Until), Set: d.clock(h.SetAt), Note: h.Note}
	if row.Who == "" {
		row.Who = "A patient without a name"
	}
	names := map[string]string{}
	if h.SetBy != "" {
		who, err := d.accountName(r, h.SetBy, names)
		if err != nil {
			return row, err
		}
		row.By = "held by " + who
	}
	if h.Open(d.now()) {
		row.Left = "opens in " + lasts(h.Until.Sub(d.now()))
		row.Chip, row.Tone = row.Left, "watch"
		return row, nil
	}
	row.Chip, row.Tone = "Released "+d.clock(h.ReleasedAt), "good"
	switch h.ReleasedBy {
	case "":
		row.Chip = "Opened " + d.clock(h.Until)
	case release.Time:
		row.Ended = "by itself, when its time was over"
	default:
		who, err := d.accountName(r, h.ReleasedBy, names)
		if err != nil {
			return row, err
		}
		row.Ended = "by " + who
	}
	return row, nil
}

// sortName is what a sort of tests is called.
func (d *Desk) sortName(id string) string {
	_, _, sorts := d.Holds.Rules()
	for _, s := range sorts {
		if s.ID == id {
			return s.Name
		}
	}
	return "A test result"
}

// ruleName says in short why something waits.
func (d *Desk) ruleName(rule string) string {
	switch rule {
	case release.ByClinician:
		return "A clinician fears harm"
	case release.ByWish:
		return "The patient asked to wait for a call"
	}
	on, off, _ := d.Holds.Rules()
	for _, p := range append(on, off...) {
		if p.ID == rule {
			return p.Place + ": " + strings.ToLower(p.Title[:1]) + p.Title[1:]
		}
	}
	return rule
}

// showHold shows one hold to those who may release it.
func (d *Desk) showHold(w http.ResponseWriter, r *http.Request) error {
	return d.holdPage(w, r, http.StatusOK, "")
}

func (d *Desk) holdPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReleaseResults, id)
	if err != nil {
		return err
	}
	h, err := d.Holds.Get(r.Context(), pass, r.PathValue("hold"))
	if err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	row, err := d.holdRow(r, h, people)
	if err != nil {
		return err
	}
	name, err := d.Holds.Name(r.Context(), pass, h)
	if err != nil {
		return err
	}
	early, err := d.mayGoEarly(r, pass, h)
	if err != nil {
		return err
	}
	v := holdView{holdRow: row, Test: name, Err: wrong, Action: holdPath(h), Patient: "/desk/patients/" + id, Early: early, Open: h.Open(d.now()),
		Most: d.clock(h.Most), Lead: harmWords(h.Reason), Final: d.finalWords(h)}
	if h.Open(d.now()) {
		v.Days = d.extendDays(h)
	}
	return d.Site.Render(w, r, status, holdOnePage(d.view(r, "A result that waits", "patients"), v))
}

// mayGoEarly says whether nothing that holds the result forbids to show it
// before its day: h does not, and no law beside it.
func (d *Desk) mayGoEarly(r *http.Request, pass access.Pass, h release.Hold) (bool, error) {
	list, err := d.Holds.Of(r.Context(), pass)
	if err != nil {
		return false, err
	}
	bound := slices.ContainsFunc(list, func(o release.Hold) bool {
		return o.Type == h.Type && o.Resource == h.Resource && !o.Early && o.Open(d.now())
	})
	return h.Early && !bound, nil
}

func (d *Desk) finalWords(h release.Hold) string {
	if h.Final.IsZero() {
		return "Not final yet"
	}
	return d.clock(h.Final)
}

// harmWords says which harm a clinician fears.
func harmWords(id string) string {
	for _, h := range release.Harms() {
		if h.ID == id {
			return h.Words
		}
	}
	return ""
}

// extendDays are the later times that the basis of h allows.
func (d *Desk) extendDays(h release.Hold) []option {
	var list []option
	for _, n := range []int{1, 2, 3, 5, 7, 10} {
		until := h.Until.AddDate(0, 0, n)
		if until.After(h.Most) {
			break
		}
		list = append(list, option{Value: strconv.Itoa(n), Text: counted(n, "day", "days") + " more, until " + d.clock(until)})
	}
	return list
}

// releaseHold shows a result before its time.
func (d *Desk) releaseHold(w http.ResponseWriter, r *http.Request) error {
	return d.moveHold(w, r, "released", func(pass access.Pass, in url.Values) error {
		return d.Holds.Release(r.Context(), pass, r.PathValue("hold"), in.Get("note"))
	})
}

// extendHold lets a result wait longer.
func (d *Desk) extendHold(w http.ResponseWriter, r *http.Request) error {
	return d.moveHold(w, r, "extended", func(pass access.Pass, in url.Values) error {
		h, err := d.Holds.Get(r.Context(), pass, r.PathValue("hold"))
		if err != nil {
			return err
		}
		days, _ := strconv.Atoi(in.Get("days"))
		return d.Holds.Extend(r.Context(), pass, h.ID, in.Get("note"), h.Until.AddDate(0, 0, max(days, 0)))
	})
}

func (d *Desk) moveHold(w http.ResponseWriter, r *http.Request, note string, do func(access.Pass, url.Values) error) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.ReleaseResults, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := do(pass, in); err != nil {
		if status, say, ok := mended(err); ok {
			return d.holdPage(w, r, status, say)
		}
		return err
	}
	http.Redirect(w, r, "/desk/holds?note="+note, http.StatusSeeOther)
	return nil
}

// newHold asks which result is to wait, and why.
func (d *Desk) newHold(w http.ResponseWriter, r *http.Request) error {
	return d.newHoldPage(w, r, http.StatusOK, "")
}

func (d *Desk) newHoldPage(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id := r.PathValue("id")
	pass, err := d.one(r, access.ReleaseResults, id)
	if err != nil {
		return err
	}
	people, err := d.named(r, id)
	if err != nil {
		return err
	}
	list, err := d.Holds.Candidates(r.Context(), pass, 20)
	if err != nil {
		return err
	}
	v := newHoldView{Who: people[id].Full, Patient: "/desk/patients/" + id, Err: wrong}
	for _, c := range list {
		v.Results = append(v.Results, option{Value: c.Type + "/" + c.ID, Text: c.Name + ", " + d.day(c.At)})
	}
	for _, h := range release.Harms() {
		v.Harms = append(v.Harms, harmRow{option{Value: h.ID, Text: h.Words}, h.Basis})
	}
	for _, n := range []int{1, 2, 3, 5, 7, 14} {
		v.Days = append(v.Days, option{Value: strconv.Itoa(n), Text: counted(n, "day", "days")})
	}
	return d.Site.Render(w, r, status, newHoldPage(d.view(r, "Hold a result", "patients"), v))
}

// placeHold lets a result wait.
func (d *Desk) placeHold(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.ReleaseResults, r.PathValue("id"))
	if err != nil {
		return err
	}
	typ, id, _ := strings.Cut(in.Get("result"), "/")
	days, _ := strconv.Atoi(in.Get("days"))
	err = d.Holds.Place(r.Context(), pass, typ, id, in.Get("why"), in.Get("note"), d.now().AddDate(0, 0, days))
	if status, say, ok := mended(err); ok {
		return d.newHoldPage(w, r, status, say)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/holds?note=held", http.StatusSeeOther)
	return nil
}

// showRules explains which rules are on, and what the others would do.
func (d *Desk) showRules(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.seeHolds(r); err != nil {
		return err
	}
	v := rulesView{Most: counted(int(release.ClinicianMost/(24*time.Hour)), "day", "days"), WishMost: counted(release.WishMost, "day", "days")}
	v.On, v.Off, v.Sorts = d.Holds.Rules()
	for _, h := range release.Harms() {
		v.Harms = append(v.Harms, harmRow{option{Value: h.ID, Text: h.Words}, h.Basis})
	}
	return d.Site.Render(w, r, http.StatusOK, rulesPage(d.view(r, "When results wait", "today"), v))
}
