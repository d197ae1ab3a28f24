package desk

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/care/result"
	"hale/internal/care/review"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/record/arrival"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

// toldOf remembers who was told that somebody looked.
type toldOf struct{ list []string }

func (l *toldOf) Looked(_ context.Context, _ *db.Tx, patient string) error {
	l.list = append(l.list, patient)
	return nil
}

// reviewing adds results to review to a guarded desk.
func reviewing(t *testing.T, g *guarded) *toldOf {
	t.Helper()
	clock := g.config.Site.Now
	told := &toldOf{}
	records := record.New(g.db, haletest.IDs(), clock, event.NewLog(haletest.IDs(), clock), patient.View(), result.View(), review.View())
	reviews := review.NewStore(g.db, records, haletest.IDs(), clock, told)
	g.config.Reviews, g.config.Results = reviews, result.NewStore(g.db)
	g.config.Feeds = arrival.NewStore(g.db, clock, g.log)
	g.serve()
	err := g.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := records.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("lab", access.WriteRecord)}, []record.Draft{
			{Type: "Observation", ID: "ldl", Body: []byte(`{"resourceType":"Observation","id":"ldl","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"13457-7"}],"text":"LDL"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-11-20T17:00:00Z","valueQuantity":{"value":141,"unit":"mg/dL","code":"mg/dL"},"interpretation":[{"coding":[{"code":"H"}]}]}`)},
			{Type: "Observation", ID: "hdl", Body: []byte(`{"resourceType":"Observation","id":"hdl","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2085-9"}],"text":"HDL"},"subject":{"reference":"Patient/maria"},"effectiveDateTime":"2026-11-20T17:00:00Z","valueQuantity":{"value":55,"unit":"mg/dL","code":"mg/dL"},"interpretation":[{"coding":[{"code":"N"}]}]}`)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func TestResultPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		told := reviewing(t, g)
		g.says(t, "nurse", "GET", "/desk", nil, http.StatusOK, "Results to review", "Some are out of range")
		g.says(t, "nurse", "GET", "/desk/results", nil, http.StatusOK, "Maria Alvarez", "LDL, HDL", "1 out of range")
		g.says(t, "marketer", "GET", "/desk/results", nil, http.StatusNotFound)
		g.says(t, "nurse", "GET", "/desk/patients/maria/results", nil, http.StatusOK, "LDL cholesterol", "141", "Out of range", "All in the usual range")
		g.says(t, "nurse", "POST", "/desk/patients/maria/results", url.Values{"phrase": {"fine"}}, http.StatusUnprocessableEntity, "Please choose at least one result.")
		g.says(t, "nurse", "POST", "/desk/patients/maria/results", url.Values{"result": {"ldl", "hdl"}, "phrase": {"visit"}}, http.StatusSeeOther)
		g.says(t, "nurse", "GET", "/desk/results?note=looked", nil, http.StatusOK, "Every new result has been looked at.", "is told")
		if len(told.list) != 1 || told.list[0] != "maria" {
			t.Errorf("told %v", told.list)
		}
		states, err := g.config.Reviews.(*review.Store).Of(t.Context(), haletest.Pass(t, d, "maria", access.ReadRecord))
		if st := states["ldl"]; err != nil || st.By != "J. Okafor, RN" || !st.Remark || st.Waiting {
			t.Errorf("what the patient reads of it = %+v, %v", st, err)
		}
		g.says(t, "other", "POST", "/desk/patients/maria/results", url.Values{"result": {"ldl"}}, http.StatusConflict, "Somebody else has looked")
	})
}

func TestFeedPages(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		g := newGuarded(t, d)
		reviewing(t, g)
		feeds := g.config.Feeds.(*arrival.Store)
		for _, err := range []error{feeds.Began(t.Context(), "lab-1"), feeds.Ended(t.Context(), "lab-1", ""), feeds.Ended(t.Context(), "lab-1", "The import stopped before its end.")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		body := g.says(t, "nurse", "GET", "/desk/feeds", nil, http.StatusOK, "lab-1", "Away", "The import stopped before its end.")
		if strings.Contains(body, "<form class=\"stack\"") {
			t.Error("a nurse may name feeds")
		}
		g.says(t, "nurse", "GET", "/desk", nil, http.StatusOK, "Records do not arrive")
		g.says(t, "nurse", "POST", "/desk/feeds", url.Values{"feed": {"lab-1"}, "title": {"Mine"}}, http.StatusNotFound)
		g.says(t, "admin", "POST", "/desk/feeds", url.Values{"feed": {"lab-1"}, "title": {"Alder Labs"}, "every": {"24"}, "part": {"results"}}, http.StatusSeeOther)
		g.says(t, "admin", "GET", "/desk/feeds?note=saved", nil, http.StatusOK, "Alder Labs", "Saved.")
		g.says(t, "admin", "POST", "/desk/feeds", url.Values{"feed": {"lab-1"}, "title": {strings.Repeat("x", 300)}}, http.StatusUnprocessableEntity, "at most 200 letters")
	})
}
