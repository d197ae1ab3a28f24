package reach_test

import (
	"context"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/reach"
	"hale/internal/reach/template"
	"hale/internal/store/db"
)

// A text says what the record has of each reader, read for all at once; what
// is labelled or waits stays out, and what was cancelled is no visit.
func TestFilling(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.add(who{id: "p1", given: "Ana", family: "Ruiz", email: "ana@example.org"}, who{id: "p2", given: "Ben", family: "Lee", email: "ben@example.org"})
		exec := func(q string, args ...any) {
			w.tx(func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.ExecContext(ctx, q, args...)
				return err
			})
		}
		at := func(days int) int64 { return w.now.AddDate(0, 0, days).UnixMicro() }
		visit := func(id, patient, status, service string, days int) {
			exec(`insert into visit (id, patient, kind, status, service, title, start_at, end_at, practitioner, place, slot, booked_at, via, ref, source, updated_at)
				values ($1, $2, 'appointment', $3, $4, '', $5, $5, 'Practitioner/a', 'Location/m', '', 0, '', '', '', 0)`, id, patient, status, service, at(days))
		}
		exec(`insert into clinician (id, name) values ('Practitioner/a', 'Dr. Abel'), ('Location/m', 'Main Street')`)
		visit("v1", "p1", "booked", "eye-exam", 9)
		visit("v2", "p1", "booked", "labelled", 3)
		visit("v3", "p1", "cancelled", "called-off", 2)
		visit("v4", "p1", "booked", "flu-shot", 20)
		visit("v5", "p1", "fulfilled", "eye-exam", -400)
		visit("v6", "p1", "fulfilled", "eye-exam", -500)
		exec(`insert into shield (patient, typ, id, labels) values ('p1', 'Appointment', 'v2', 8), ('p1', 'MedicationRequest', 'm2', 8)`)
		for _, m := range [][2]string{{"m1", "Metformin"}, {"m2", "Secretol"}} {
			exec(`insert into medication (patient, id, code, name, dose, status, why, prescriber, authored, refills, reported, source, updated_at)
				values ('p1', $1, '', $2, 'once a day', 'active', '', '', 0, 0, 0, '', 0)`, m[0], m[1])
		}
		w.start(reach.Outreach{Name: "Visits", Purpose: "care", Service: "eye-exam", Template: template.Template{Sensitivity: 2, Parts: []template.Part{{Channel: template.Page, Lang: "en", Subject: "T",
			Body: `{{ full_name | default: "?" }}; {% if visit.date %}{{ visit.service | default: "?" }} {{ visit.place | default: "?" }} {{ visit.clinician | default: "?" }}; {% endif %}` +
				`{% for v in visits %}{{ v.service | default: "?" }}, {% else %}no visit, {% endfor %}{% for m in medicines %}{{ m.name }}, {% else %}none, {% endfor %}` +
				`{{ due_since | date: "short" | default: "never" }}, {{ clinician | default: "nobody" }}`}}}})
		w.send()
		all := ""
		for _, h := range w.gate[reach.Email].got() {
			all += h.Text + "\n"
			if strings.Contains(h.Text+h.HTML, ".invalid/") || !strings.Contains(h.HTML, `href="`+h.Unsubscribe+`"`) {
				t.Errorf("an address was not filled in: %s", h.HTML)
			}
		}
		for _, want := range []string{"eye exam Main Street Dr. Abel; eye exam, flu shot, Metformin, ", ", Dr. Abel", "no visit, none, never, nobody"} {
			if !strings.Contains(all, want) {
				t.Errorf("the pages are %q, want %q in them", all, want)
			}
		}
		for _, not := range []string{"labelled", "Secretol", "called"} {
			if strings.Contains(all, not) {
				t.Errorf("the pages are %q, want no %q in them", all, not)
			}
		}
	})
}
