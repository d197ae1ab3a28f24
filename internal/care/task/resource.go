package task

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// The systems of the codes that say what a Task of ours is.
const (
	kindSystem   = "https://hale.example/fhir/task-kind"
	statusSystem = "https://hale.example/fhir/task-status"
	reasonSystem = "https://hale.example/fhir/task-reason"
	stepURL      = "https://hale.example/fhir/task-step"
	raisedURL    = "https://hale.example/fhir/task-raised"
	raisedToURL  = "https://hale.example/fhir/task-raised-to"
	accounts     = "https://hale.example/account"
)

// stamp writes a time as FHIR has it, to the microsecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func coded(system, code, text string) map[string]any {
	c := map[string]any{"coding": []any{map[string]string{"system": system, "code": code}}}
	if text != "" {
		c["text"] = text
	}
	return c
}

// resource returns t as a FHIR Task. A proposal is what the patient asks;
// an order would be what the clinic asks of the patient.
func (t Task) resource() ([]byte, error) {
	r := map[string]any{
		"resourceType": "Task", "id": t.ID, "status": t.Status.standard(), "intent": "proposal",
		"businessStatus": coded(statusSystem, string(t.Status), ""), "code": coded(kindSystem, string(t.Kind), t.Title),
		"for": map[string]string{"reference": "Patient/" + t.Patient}, "authoredOn": stamp(t.Asked), "lastModified": stamp(t.Changed),
		"requester":   map[string]string{"reference": "Patient/" + t.Patient},
		"restriction": map[string]any{"period": map[string]string{"end": stamp(t.Due)}},
	}
	if t.Team != "" {
		r["performerType"] = []any{map[string]string{"text": t.Team}}
	}
	if t.AskedBy != "" {
		r["requester"] = map[string]string{"display": t.AskedBy}
	}
	if t.Text != "" {
		r["description"] = t.Text
	}
	if t.Focus != "" {
		r["focus"] = map[string]string{"reference": t.Focus}
	}
	if t.Owner != "" {
		r["owner"] = map[string]any{"identifier": map[string]string{"system": accounts, "value": t.Owner}, "display": t.OwnerName}
	}
	if !t.Raised.IsZero() {
		r["extension"] = t.raised()
	}
	if !t.Closed.IsZero() {
		r["executionPeriod"] = map[string]string{"start": stamp(t.Asked), "end": stamp(t.Closed)}
	}
	if t.Reason != "" {
		r["statusReason"] = coded(reasonSystem, string(t.Reason), "")
	}
	if t.Answer != "" {
		r["output"] = []any{map[string]any{"type": map[string]string{"text": "answer"}, "valueString": t.Answer}}
	}
	var input, notes []any
	for _, k := range keys(t.Values) {
		input = append(input, map[string]any{"type": map[string]string{"text": k}, "valueString": t.Values[k]})
	}
	for _, s := range t.Steps {
		note := map[string]any{"time": stamp(s.At), "text": s.Note, "extension": []any{map[string]string{"url": stepURL, "valueCode": string(s.Status)}}}
		if s.Note == "" {
			note["text"] = string(s.Status)
		}
		if s.By != "" {
			note["authorString"] = s.By
		}
		notes = append(notes, note)
	}
	if input != nil {
		r["input"] = input
	}
	if notes != nil {
		r["note"] = notes
	}
	return json.Marshal(r)
}

// raised says when somebody was told that the time is over, and who.
func (t Task) raised() []any {
	to := map[string]any{"display": t.RaisedName}
	if t.RaisedTo != "" {
		to["identifier"] = map[string]string{"system": accounts, "value": t.RaisedTo}
	}
	return []any{map[string]any{"url": raisedURL, "valueDateTime": stamp(t.Raised)}, map[string]any{"url": raisedToURL, "valueReference": to}}
}

// readRaised takes that out of a resource.
func (t *Task) readRaised(n fhir.Node) {
	for e := range n.Get("extension").Each() {
		switch e.Get("url").Text() {
		case raisedURL:
			t.Raised = at(e.Get("valueDateTime"), time.Time{})
		case raisedToURL:
			t.RaisedTo, t.RaisedName = e.Get("valueReference", "identifier", "value").Text(), e.Get("valueReference", "display").Text()
		}
	}
}

// keys returns the names of values that say something, in order.
func keys(values map[string]string) []string {
	var list []string
	for k, v := range values {
		if k != "" && v != "" {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

// detail is what a row keeps of a task beside its columns.
type detail struct {
	Values map[string]string `json:"values,omitempty"`
	Steps  []Step            `json:"steps,omitempty"`
}

// View returns the projector that keeps table task.
func View() record.Projector {
	return projector{view.NewTable("task", 1, "id", "patient", "kind", "title", "said", "focus", "status", "team", "owner", "owner_name", "asked_by",
		"asked_at", "due_at", "changed_at", "closed_at", "reason", "answer", "detail", "raised_at", "raised_to", "raised_name")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string { return []string{"Task"} }

// Project writes the tasks of a batch: those that have a kind of ours.
// Others are what other systems ask of each other.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		t, ok := read(c)
		if !ok {
			if !c.Created {
				rows.Drop(c.ID)
			}
			continue
		}
		more, err := json.Marshal(detail{t.Values, t.Steps})
		if err != nil {
			return err
		}
		rows.Set(t.ID, t.Patient, string(t.Kind), t.Title, t.Text, t.Focus, string(t.Status), t.Team, t.Owner, t.OwnerName, t.AskedBy,
			db.Micro(t.Asked), db.Micro(t.Due), db.Micro(t.Changed), db.Micro(t.Closed), string(t.Reason), t.Answer, string(more),
			db.Micro(t.Raised), t.RaisedTo, t.RaisedName)
	}
	return rows.Write(ctx, tx)
}

// read takes a task out of a resource; false where it is none of ours.
func read(c record.Change) (t Task, ok bool) {
	n := c.Node
	kind := Kind(code(n.Get("code"), kindSystem))
	if c.Deleted || c.Patient == "" || kind == "" || n.Get("status").Text() == "entered-in-error" {
		return t, false
	}
	t = Task{
		ID: c.ID, Patient: c.Patient, Kind: kind, Title: n.Get("code", "text").Text(), Text: n.Get("description").Text(),
		Status: statusOf(n), Team: n.Get("performerType", "text").Text(), AskedBy: n.Get("requester", "display").Text(), Owner: n.Get("owner", "identifier", "value").Text(),
		OwnerName: n.Get("owner", "display").Text(), Asked: at(n.Get("authoredOn"), c.At), Due: at(n.Get("restriction", "period", "end"), c.At),
		Changed: at(n.Get("lastModified"), c.At), Reason: Reason(code(n.Get("statusReason"), reasonSystem)), Values: map[string]string{},
	}
	if typ, id := n.Get("focus").Reference(); typ != "" {
		t.Focus = typ + "/" + id
	}
	t.readRaised(n)
	if !t.Status.Open() {
		t.Closed = at(n.Get("executionPeriod", "end"), t.Changed)
	}
	for o := range n.Get("output").Each() {
		t.Answer = o.Get("valueString").Text()
	}
	for v := range n.Get("input").Each() {
		t.Values[v.Get("type", "text").Text()] = v.Get("valueString").Text()
	}
	for s := range n.Get("note").Each() {
		t.Steps = append(t.Steps, stepOf(s, c.At))
	}
	return t, true
}

func stepOf(n fhir.Node, otherwise time.Time) Step {
	s := Step{At: at(n.Get("time"), otherwise), By: n.Get("authorString").Text(), Note: n.Get("text").Text()}
	for e := range n.Get("extension").Each() {
		if e.Get("url").Text() == stepURL {
			s.Status = Status(e.Get("valueCode").Text())
		}
	}
	if s.Note == string(s.Status) {
		s.Note = ""
	}
	return s
}

// statusOf returns how far a resource says it is. Another program that knows
// FHIR's words alone changes the status, and the business status stays: the
// standard one wins where they differ.
func statusOf(n fhir.Node) Status {
	status := n.Get("status").Text()
	if own := Status(code(n.Get("businessStatus"), statusSystem)); own != "" && own.standard() == status {
		return own
	}
	for _, s := range [...]Status{Received, Read, Claimed, Waiting, Ready, Done, Declined, Cancelled} {
		if s.standard() == status {
			return s
		}
	}
	if status == "failed" {
		return Declined
	}
	return Received
}

func at(n fhir.Node, otherwise time.Time) time.Time {
	if t := view.At(n); t != 0 {
		return db.Time(t)
	}
	return otherwise
}

// code returns the code of a concept in a system.
func code(n fhir.Node, system string) string {
	for _, c := range n.Codings() {
		if strings.EqualFold(c.System, system) {
			return c.Code
		}
	}
	return ""
}
