package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hale/internal/care/clinician"
	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps tables panel, panel_part and
// review_wait.
func View() record.Projector {
	return projector{
		panels: view.NewTable("panel", 2, "patient", "id", "title", "category", "status", "at", "reviewer", "reviewed_at", "remark", "source", "updated_at"),
		parts:  view.NewTable("panel_part", 3, "patient", "result", "panel", "n"),
		waits:  view.NewTable("review_wait", 2, "patient", "result", "place", "at", "again"),
	}
}

type projector struct{ panels, parts, waits *view.Table }

// Again says that these views may be made anew from what stands in the record.
func (projector) Again() {}

// Types says which resources these views come from.
func (projector) Types() []string { return []string{"DiagnosticReport", "Observation"} }

// Project writes the reports of a batch, and which results wait for a look.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	panels, parts, waits := p.panels.Batch(len(batch)), p.parts.Batch(len(batch)), p.waits.Batch(len(batch))
	var fresh []string // patients with results that came anew
	for _, c := range batch {
		if c.Type == "Observation" {
			if arrive(waits, c) && !slices.Contains(fresh, c.Patient) {
				fresh = append(fresh, c.Patient)
			}
			continue
		}
		if err := report(ctx, tx, c, panels, parts, waits); err != nil {
			return err
		}
	}
	for _, rows := range []*view.Batch{panels, parts, waits} {
		if err := rows.Write(ctx, tx); err != nil {
			return err
		}
	}
	for _, patient := range fresh {
		const q = `delete from review_wait where patient = $1 and again = 0 and exists (
			select 1 from panel_part t join panel p on p.patient = t.patient and p.id = t.panel
			where t.patient = review_wait.patient and t.result = review_wait.result and p.reviewer <> '')`
		if _, err := tx.ExecContext(ctx, q, patient); err != nil {
			return fmt.Errorf("review: project: %w", err)
		}
	}
	return nil
}

// arrive puts a laboratory result that is new, or was changed, among those
// that wait.
func arrive(waits *view.Batch, c record.Change) bool {
	waits.Leave(c)
	n := c.Node
	status := n.Get("status").Text()
	at := view.At(view.First(n.Get("effectiveDateTime"), n.Get("effectiveInstant"), n.Get("effectivePeriod", "start"), n.Get("issued")))
	final := status == "final" || status == "amended" || status == "corrected"
	if c.Deleted || c.Patient == "" || !final || !laboratory(n) || at < c.At.Add(-Recent).UnixMicro() {
		if !c.Created {
			waits.Drop(c.Patient, c.ID)
		}
		return false
	}
	again := 0
	if !c.Created && status != "final" {
		again = 1
	}
	waits.Set(c.Patient, c.ID, place(n), at, again)
	return true
}

// laboratory says whether an Observation is a laboratory result.
func laboratory(n fhir.Node) bool {
	for _, c := range n.Get("category").Codings() {
		if c.Code == "laboratory" {
			return true
		}
	}
	return false
}

// place returns where in the queue a result stands: first what its sender
// flagged.
//
// Spec: http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation
func place(n fhir.Node) int {
	flags := n.Get("interpretation").Codings()
	if len(flags) > 0 && !slices.Contains([]string{"N", "NEG", "ND", "NR", "S", "EXP"}, flags[0].Code) {
		return 0
	}
	return 1
}

// report keeps a DiagnosticReport, and what it is over.
func report(ctx context.Context, tx *db.Tx, c record.Change, panels, parts, waits *view.Batch) error {
	for _, patient := range []string{c.Was, c.Patient} {
		if c.Created && patient == c.Patient || patient == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `delete from panel_part where patient = $1 and panel = $2`, patient, c.ID); err != nil {
			return fmt.Errorf("review: project %s: %w", c.ID, err)
		}
	}
	panels.Leave(c)
	n := c.Node
	status := n.Get("status").Text()
	if c.Deleted || c.Patient == "" || status == "entered-in-error" || status == "cancelled" {
		if !c.Created {
			panels.Drop(c.Patient, c.ID)
		}
		return nil
	}
	category := ""
	for _, k := range n.Get("category").Codings() {
		category = k.Code
		break
	}
	reviewer := clinician.Ref(n.Get("resultsInterpreter"))
	at := view.At(view.First(n.Get("effectiveDateTime"), n.Get("effectivePeriod", "start"), n.Get("issued")))
	looked := view.At(view.First(n.Get("issued"), n.Get("effectiveDateTime")))
	panels.Set(c.Patient, c.ID, view.Plain(n.Get("code").Concept()), category, status, at, reviewer, looked,
		strings.TrimSpace(n.Get("conclusion").Text()), view.Source(c), c.At.UnixMicro())
	i := 0
	for r := range n.Get("result").Each() {
		typ, id := r.Reference()
		if typ != "Observation" {
			continue
		}
		parts.Set(c.Patient, id, c.ID, i)
		if i++; reviewer != "" {
			waits.Drop(c.Patient, id)
		}
	}
	return nil
}
