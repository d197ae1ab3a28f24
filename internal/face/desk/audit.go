package desk

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/patient"
	"hale/internal/store/audit"
)

// Log is what the desk needs of package audit to search it.
type Log interface {
	Find(ctx context.Context, q audit.Query, n int) ([]audit.Row, error)
}

// Book is what the desk needs of package audit to say how the log is doing.
type Book interface {
	Status(ctx context.Context) (audit.Status, error)
}

const (
	auditPage  = 100
	auditSheet = 10000
)

// auditView is the search of the log and what it found.
type auditView struct {
	Who, Actor, Action, Outcome, From, To string // the form as it was sent
	Staff                                 []option
	Actions                               []option
	People                                []foundRow // several match Who
	Nobody                                bool       // none does
	Rows                                  []auditRow
	More, Sheet                           string
	Older                                 bool
	State                                 auditState
}

// auditRow is one row in words.
type auditRow struct {
	When, Who, Kind, What, Action, Patient, Href, About, Reason, ID string
	Granted, Emergency                                              bool
}

// auditState is how the log is doing.
type auditState struct {
	Tone, Words, Checkpoint, Key string
	Witnesses                    []witnessRow
}

type witnessRow struct{ Name, Words, Tone string }

// showAudit searches the log. Searching it leaves a row, too.
func (d *Desk) showAudit(w http.ResponseWriter, r *http.Request) error {
	v, q, err := d.auditQuery(r)
	if err != nil {
		return err
	}
	if v.State, err = d.auditState(r); err != nil {
		return err
	}
	if v.Staff, v.Actions, err = d.auditChoices(r); err != nil {
		return err
	}
	if !v.Nobody && len(v.People) == 0 {
		rows, err := d.Log.Find(r.Context(), q, auditPage+1)
		if err != nil {
			return err
		}
		if len(rows) > auditPage {
			rows = rows[:auditPage]
			v.More = d.auditLink(r, "/desk/audit", "before", rows[auditPage-1].ID)
		}
		if v.Rows, err = d.auditRows(r, rows); err != nil {
			return err
		}
		v.Sheet, v.Older = d.auditLink(r, "/desk/audit/log.csv", "before", ""), q.Before != ""
	}
	return d.Site.Render(w, r, http.StatusOK, auditPageOf(d.view(r, "Audit log", "audit"), v))
}

// auditQuery reads the form and finds the patient whom it names.
func (d *Desk) auditQuery(r *http.Request) (auditView, audit.Query, error) {
	if _, err := d.all(r, access.ReadAudit); err != nil {
		return auditView{}, audit.Query{}, err
	}
	get := func(name string) string {
		return strings.TrimSpace(strings.ToValidUTF8(cut(r.URL.Query().Get(name), 120), ""))
	}
	v := auditView{Who: get("who"), Actor: get("actor"), Action: get("action"), Outcome: get("outcome"), From: get("from"), To: get("to")}
	q := audit.Query{Patient: get("patient"), Actor: v.Actor, Action: v.Action, Outcome: v.Outcome, Before: get("before")}
	q.From, _ = time.ParseInLocation(time.DateOnly, v.From, d.Site.Clinic.Zone) // what is no date sets no bound
	if to, err := time.ParseInLocation(time.DateOnly, v.To, d.Site.Clinic.Zone); err == nil {
		q.To = to.AddDate(0, 0, 1)
	}
	if q.Patient != "" || v.Who == "" {
		return v, q, nil
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return v, q, err
	}
	list, err := d.find(r, pass, v.Who)
	if err != nil {
		return v, q, err
	}
	switch len(list) {
	case 0:
		v.Nobody = true
	case 1:
		q.Patient = list[0].ID
	default:
		v.People = d.auditPeople(r, list)
	}
	return v, q, nil
}

// auditPeople lets the reader choose of several whom the search names.
func (d *Desk) auditPeople(r *http.Request, list []patient.Person) []foundRow {
	var rows []foundRow
	for _, p := range list[:min(len(list), findMost)] {
		row := d.personRow(p)
		row.Href = d.auditLink(r, "/desk/audit", "patient", p.ID)
		rows = append(rows, row)
	}
	return rows
}

// auditLink is the same search with one value set or, if it is empty, left
// out.
func (d *Desk) auditLink(r *http.Request, path, name, value string) string {
	q := url.Values{}
	for _, k := range []string{"who", "patient", "actor", "action", "outcome", "from", "to"} {
		if s := r.URL.Query().Get(k); s != "" {
			q.Set(k, s)
		}
	}
	if value != "" {
		q.Set(name, value)
	}
	return path + "?" + q.Encode()
}

// auditChoices are the staff and the actions to choose from.
func (d *Desk) auditChoices(r *http.Request) (staff, actions []option, err error) {
	list, err := d.Accounts.Staff(r.Context())
	if err != nil {
		return nil, nil, err
	}
	for _, a := range list {
		staff = append(staff, option{Value: a.ID, Text: a.Name})
	}
	for action, words := range deeds() {
		actions = append(actions, option{Value: action, Text: sentenceCase(words) + " (" + action + ")"})
	}
	slices.SortFunc(actions, func(a, b option) int { return strings.Compare(a.Text, b.Text) })
	return staff, actions, nil
}

// auditRows puts rows into words.
func (d *Desk) auditRows(r *http.Request, rows []audit.Row) ([]auditRow, error) {
	var ids []string
	for _, row := range rows {
		if row.Patient != "" && !slices.Contains(ids, row.Patient) {
			ids = append(ids, row.Patient)
		}
	}
	patients := map[string]string{}
	if len(ids) > 0 && may(r, access.FindPatients) {
		pass, err := d.all(r, access.FindPatients)
		if err != nil {
			return nil, err
		}
		for part := range slices.Chunk(ids, 200) {
			list, err := d.Patients.Named(r.Context(), pass, part)
			if err != nil {
				return nil, err
			}
			for _, p := range list {
				patients[p.ID] = d.personRow(p).Name
			}
		}
	}
	known := map[string]string{}
	var all []auditRow
	for _, row := range rows {
		who, err := d.auditWho(r, row, known)
		if err != nil {
			return nil, err
		}
		one := auditRow{When: d.clock(row.At), Who: who, Kind: row.ActorKind, What: lookWords(row.Action), Action: row.Action, Patient: patients[row.Patient],
			About: row.About, Reason: strings.Trim(row.Purpose+", "+row.Reason, ", "), ID: row.ID, Granted: row.Granted, Emergency: row.Purpose == access.InEmergency}
		if one.Patient == "" {
			one.Patient = row.Patient
		}
		if row.Patient != "" {
			one.Href = d.auditLink(r, "/desk/audit", "patient", row.Patient)
		}
		all = append(all, one)
	}
	return all, nil
}

func (d *Desk) auditWho(r *http.Request, row audit.Row, known map[string]string) (string, error) {
	if row.ActorKind == "nobody" || row.Actor == "" {
		return "Somebody unknown", nil
	}
	return d.lookerName(r, row, known)
}

// auditState says in words how the log is doing.
func (d *Desk) auditState(r *http.Request) (auditState, error) {
	s, err := d.Book.Status(r.Context())
	if err != nil {
		return auditState{}, err
	}
	v := auditState{Tone: "good", Words: count(int(s.Size)) + " rows in the log", Key: s.Key}
	if s.Waiting > 0 {
		v.Words += ", " + count(int(s.Waiting)) + " about to be"
	}
	if s.Last.Number == 0 {
		v.Checkpoint = "Nothing is signed yet."
		return v, nil
	}
	v.Checkpoint = "Checkpoint " + intText(int(s.Last.Number)) + " signed " + count(int(s.Last.Size)) + " rows on " + d.clock(s.Last.At) + "."
	if s.Size > s.Last.Size && d.now().Sub(s.Last.At) > time.Minute {
		v.Tone, v.Words = "watch", v.Words+". New rows are not signed: look at Hale's own log, and run hale audit verify"
	}
	for _, h := range s.Witnesses {
		v.Witnesses = append(v.Witnesses, d.witnessRow(h))
	}
	if len(s.Witnesses) == 0 {
		v.Tone = "watch"
		v.Witnesses = append(v.Witnesses, witnessRow{Name: "No witness", Words: "Who can write to the database and has the key could rewrite the log unseen", Tone: "watch"})
	}
	return v, nil
}

func (d *Desk) witnessRow(h audit.Health) witnessRow {
	row := witnessRow{Name: h.Name, Tone: "good", Words: "Has nothing yet"}
	if h.Number > 0 {
		row.Words = "Has checkpoint " + intText(int(h.Number)) + ", since " + d.clock(h.TakenAt)
	}
	if !h.FailedAt.IsZero() {
		row.Tone, row.Words = "watch", row.Words+". Could not be told on "+d.clock(h.FailedAt)+"; Hale tries again"
	}
	return row
}

var errSheet = errs.New(errs.Invalid, "Please choose one patient first.")

// exportAudit sends what the search finds as CSV.
func (d *Desk) exportAudit(w http.ResponseWriter, r *http.Request) error {
	v, q, err := d.auditQuery(r)
	if err != nil {
		return err
	}
	if v.Nobody || len(v.People) > 0 {
		return errSheet
	}
	list, err := d.Log.Find(r.Context(), q, auditSheet)
	if err != nil {
		return err
	}
	words, err := d.auditRows(r, list)
	if err != nil {
		return err
	}
	sheet := [][]string{{"id", "time", "kind", "actor", "name", "for", "action", "patient", "patient name", "about", "purpose", "reason", "outcome", "session", "request", "node", "digest"}}
	for i, row := range list {
		outcome := "denied"
		if row.Granted {
			outcome = "granted"
		}
		sheet = append(sheet, []string{row.ID, row.At.Format(time.RFC3339Nano), row.ActorKind, row.Actor, words[i].Who, row.Behalf, row.Action, row.Patient,
			words[i].Patient, row.About, row.Purpose, row.Reason, outcome, row.Session, row.Request, row.Node, row.Digest})
	}
	var b bytes.Buffer
	if err := writeSheet(&b, sheet); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="audit.csv"`)
	_, _ = w.Write(b.Bytes()) // the browser may have gone
	return nil
}
