package care_test

import (
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/care/background"
	"hale/internal/care/result"
	"hale/internal/care/visit"
	"hale/internal/haletest"
	"hale/internal/prooftest/figures"
	"hale/internal/reach/segment"
	"hale/internal/record"
	"hale/internal/store/db"
)

// seen returns the keys of what a sees of p in one of the lists, of one code
// if it is not empty, in order.
func (w *town) seen(a access.Actor, right access.Right, p, list, code string) (keys []string) {
	for _, o := range w.things {
		if o.patient == p && o.list == list && (code == "" || o.code == code) && w.shows(a, right, o) {
			keys = append(keys, o.typ+"/"+o.id)
		}
	}
	slices.Sort(keys)
	return keys
}

// lists asks for what is new, a trend, the goals or what is to come, and
// holds the very set against the oracle.
func (w *town) lists(t *testing.T, a access.Actor, right access.Right, p string, pass access.Pass) int {
	var got, want []string
	var err error
	switch which := w.rng.IntN(6); {
	case which == 4 && right == access.ReadRecord:
		kind := []background.Kind{background.Device, background.Family, background.Insurance, background.Team, background.Order}[w.rng.IntN(5)]
		var list []background.Entry
		list, err = w.entries.List(t.Context(), pass, kind, 500)
		got, want = names(list, background.Entry.Ref), w.seen(a, right, p, string(kind), "")
		if kind == background.Order {
			pending, e := w.entries.Pending(t.Context(), pass, time.Time{}, 500)
			if e != nil || len(pending) != len(list) {
				t.Fatalf("%d tests are pending, %v, want %d", len(pending), e, len(list))
			}
		}
	case which == 5 && right == access.ReadRecord:
		return w.panels(t, a, right, p, pass)
	case which >= 4:
		return 0
	case which == 3 && right == access.ReadVisits:
		var list []visit.Visit
		list, err = w.visits.Upcoming(t.Context(), pass, 500)
		got, want = names(list, func(v visit.Visit) string { return "Appointment/" + v.ID }), w.seen(a, right, p, "upcoming", "")
	case which == 3 || right != access.ReadRecord:
		return 0
	case which == 2:
		return w.goals(t, a, right, p, pass)
	default:
		var list []result.Result
		code := ""
		if which == 0 {
			list, err = w.results.Since(t.Context(), pass, haletest.Noon.Add(-time.Hour), 500)
		} else {
			code = coded["Observation"][w.rng.IntN(len(coded["Observation"]))].code
			list, err = w.results.Trend(t.Context(), pass, code, 500)
		}
		got, want = names(list, func(r result.Result) string { return "Observation/" + r.ID }), w.seen(a, right, p, "result", code)
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%+v with %s of %s sees %v, %v, want %v", a, right, p, got, err, want)
	}
	return len(got) + 1
}

// panels asks who looked at results: of each report that is named a may see
// the report and the result.
func (w *town) panels(t *testing.T, a access.Actor, right access.Right, p string, pass access.Pass) int {
	states, err := w.reviews.Of(t.Context(), pass)
	if err != nil {
		t.Fatal(err)
	}
	n := 1
	for id, st := range states {
		res := w.byKey["Observation/"+id]
		if res == nil || res.patient != p || !w.shows(a, right, res) {
			t.Fatalf("leak: %+v with %s of %s learns of %s", a, right, p, id)
		}
		if st.Panel == "" {
			continue
		}
		report := w.byKey["DiagnosticReport/"+st.Panel]
		if report == nil || report.patient != p || !w.shows(a, right, report) {
			t.Fatalf("leak: %+v with %s of %s learns of the report %s", a, right, p, st.Panel)
		}
		if _, err := w.reviews.Panel(t.Context(), pass, st.Panel); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// goals asks for the goals, of which each code shows one: one that a may see,
// and some if a may see any. They stand beside results, so both are needed.
func (w *town) goals(t *testing.T, a access.Actor, right access.Right, p string, pass access.Pass) int {
	goals, err := w.results.Goals(t.Context(), pass)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range coded["Goal"] {
		want := w.seen(a, right, p, "goal", c.code)
		if !pass.Sees(access.Results) {
			want = nil
		}
		g, ok := goals[c.code]
		if ok != (len(want) > 0) || ok && !slices.Contains(want, "Goal/"+g.Said) {
			t.Fatalf("%+v with %s of %s sees the goal %q, %t, want one of %v", a, right, p, g.Said, ok, want)
		}
	}
	return len(goals) + 1
}

// population asks who has something, as an outreach does, for everybody at
// once: what a role does not see of a record, and what waits for its release,
// puts nobody in or out.
func (w *town) population(t *testing.T) int {
	role := []access.Role{access.Nurse, access.Marketer}[w.rng.IntN(2)]
	pass, ok := w.passes[role]
	if !ok {
		a := access.Actor{Kind: access.Staff, ID: "all-" + string(role), Roles: []access.Role{role}, Proof: access.Proof{Zone: access.AccountZone, At: haletest.Noon}}
		var err error
		if pass, err = w.doors.CheckAll(t.Context(), a, access.RunOutreach); err != nil {
			t.Fatal(err)
		}
		w.passes[role] = pass
	}
	types := []string{"Condition", "Observation", "MedicationRequest", "Procedure"}
	typ := types[w.rng.IntN(len(types))]
	c := coded[typ][w.rng.IntN(len(coded[typ]))]
	q := map[string][]string{"code": {c.system + "|" + c.code}}
	open := access.Label(0)
	if role == access.Nurse {
		open = access.Every &^ (access.Part2 | access.PsychNotes)
	}
	var want []string
	not := w.rng.IntN(3) == 0
	for _, p := range w.people {
		has := slices.ContainsFunc(w.things, func(o *thing) bool {
			return o.patient == p && o.typ == typ && o.code == c.code && o.labels&^open == 0 && !o.held
		})
		if has != not {
			want = append(want, p)
		}
	}
	sql, args, err := w.statement(pass, typ, q, not)
	if err != nil {
		t.Fatal(err)
	}
	got, err := db.All(t.Context(), w.d, db.Value[string], sql, args...)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("who has %s %s as a %s sees it (not: %t) = %v, %v, want %v", typ, c.code, role, not, got, err, want)
	}
	return len(got) + 1
}

// statement asks by a segment, or by the clause that the record offers.
func (w *town) statement(pass access.Pass, typ string, q map[string][]string, not bool) (string, []any, error) {
	if w.rng.IntN(2) == 0 {
		e := segment.Expr{Has: &segment.Has{Type: typ, Query: q}}
		if not {
			e = segment.Expr{Not: &segment.Expr{Has: e.Has}}
		}
		return segment.Compile(pass, e, haletest.Noon)
	}
	sql, args, err := record.Clause(pass, typ, url.Values(q), "p.id", 1)
	if not {
		sql = "not " + sql
	}
	return "select p.id from person p where " + sql + " order by p.id", args, err
}

// told leaves the figures of the whole run on SQLite, which asks most.
func (w *town) told(t *testing.T, asked, answered int) {
	if w.d.Engine() != db.SQLite || os.Getenv("HALE_DEEP") == "" {
		return
	}
	figures.Write(t, figures.Run{Proof: "searches", Engine: string(db.SQLite), Counts: map[string]int64{
		"questions": int64(asked), "answers": int64(answered), "answers that the policy hides": 0,
		"resources": int64(len(w.things)), "patients": int64(len(w.people))}})
}
