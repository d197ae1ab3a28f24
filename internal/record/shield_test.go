package record_test

import (
	"fmt"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/care/patient"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
)

// labelsOf returns what table shield says of a resource.
func labelsOf(t *testing.T, d *db.DB, typ, id string) access.Label {
	t.Helper()
	list, err := db.All(t.Context(), d, db.Value[int64], `select labels from shield where typ = $1 and id = $2`, typ, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		return 0
	}
	return access.Label(list[0])
}

// lay puts drafts in one transaction.
func lay(t *testing.T, s *record.Store, d *db.DB, drafts ...record.Draft) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("import", access.WriteRecord)}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func coded(typ, id, rest, system, code string) record.Draft {
	key := "code"
	if typ == "MedicationRequest" {
		key = "medicationCodeableConcept"
	}
	return record.Draft{Type: typ, ID: id, Body: fmt.Appendf(nil, `{"resourceType":"%s","id":"%s","subject":{"reference":"Patient/ada"},"%s":{"coding":[{"system":"%s","code":"%s"}]}%s}`,
		typ, id, key, system, code, rest)}
}

func TestLabelsAreHandedOn(t *testing.T) {
	const icd, rx, loinc = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
	plain := coded("Condition", "c", `,"recordedDate":"2020-01-01"`, icd, "I10")
	opioid := coded("Condition", "c", `,"recordedDate":"2020-01-01"`, icd, "F11.20")
	order := coded("MedicationRequest", "m", `,"reasonReference":[{"reference":"Condition/c"}]`, rx, "314076")
	report := coded("DiagnosticReport", "r", `,"basedOn":[{"reference":"MedicationRequest/m"}]`, loinc, "58410-2")
	pressure := coded("Observation", "o", `,"encounter":{"reference":"Encounter/e"}`, loinc, "85354-9")
	visit := func(security string) record.Draft {
		return record.Draft{Type: "Encounter", ID: "e", Body: []byte(`{"resourceType":"Encounter","id":"e",` + security + `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ada"}}`)}
	}
	const part2 = `"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]},`
	tests := []struct {
		name  string
		steps [][]record.Draft
		want  string // type/id=labels of what is labelled in the end
	}{
		{"together", [][]record.Draft{{order, opioid, report}}, "c=1 m=1 r=1"},
		{"what is referred to first", [][]record.Draft{{opioid}, {order}, {report}}, "c=1 m=1 r=1"},
		{"what is referred to last", [][]record.Draft{{report}, {order}, {opioid}}, "c=1 m=1 r=1"},
		{"corrected later", [][]record.Draft{{opioid, order, report}, {plain}}, ""},
		{"found out later", [][]record.Draft{{plain, order, report}, {opioid}}, "c=1 m=1 r=1"},
		{"nothing to hide", [][]record.Draft{{plain, order, report, pressure}}, ""},
		{"a visit at a programme", [][]record.Draft{{visit(part2)}, {pressure}}, "e=3 o=2"},
		{"a visit that turns out to be one", [][]record.Draft{{pressure, visit("")}, {visit(part2)}}, "e=3 o=2"},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				for _, table := range []string{"shield", "resource_version", "resource", "token_index", "date_index", "reference_index", "string_index"} {
					if _, err := d.ExecContext(t.Context(), "delete from "+table); err != nil {
						t.Fatal(err)
					}
				}
				s := newStore(d)
				for _, step := range tt.steps {
					lay(t, s, d, step...)
				}
				check(t, d, tt.want)
				if _, err := d.ExecContext(t.Context(), `update shield set labels = 64, own = 64`); err != nil {
					t.Fatal(err)
				}
				if _, err := d.ExecContext(t.Context(), `update shield_rules set version = 0, doing = 0, reached = 0`); err != nil {
					t.Fatal(err)
				}
				if more, err := s.Relabel(t.Context()); err != nil || more {
					t.Fatalf("Relabel = %t, %v", more, err)
				}
				check(t, d, tt.want)
			})
		}
	})
}

func check(t *testing.T, d *db.DB, want string) {
	t.Helper()
	list, err := db.All(t.Context(), d, func(scan db.Scan) (string, error) {
		var id string
		var labels int64
		err := scan(&id, &labels)
		return fmt.Sprintf("%s=%d", id, labels), err
	}, `select id, labels from shield where labels <> 0 order by id`)
	if got := strings.Join(list, " "); err != nil || got != want {
		t.Errorf("labelled are %q, %v, want %q", got, err, want)
	}
}

// Care that a minor may have alone is the minor's, whenever the birth date
// becomes known, and stays so when the minor has grown up.
func TestMinorsCare(t *testing.T) {
	const icd = "http://hl7.org/fhir/sid/icd-10-cm"
	born := func(date string) record.Draft {
		return record.Draft{Type: "Patient", ID: "ada", Body: []byte(`{"resourceType":"Patient","id":"ada","birthDate":"` + date + `","address":[{"state":"IL"}]}`)}
	}
	care := coded("Condition", "c", `,"recordedDate":"2020-01-01"`, icd, "Z30.09")
	const minor = access.Reproductive | access.MinorConfidential
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, patient.View())
		lay(t, s, d, care)
		if got := labelsOf(t, d, "Condition", "c"); got != access.Reproductive {
			t.Errorf("without a birth date: %b, want %b", got, access.Reproductive)
		}
		lay(t, s, d, born("2006-01-01")) // 14 then, 20 now
		if got := labelsOf(t, d, "Condition", "c"); got != minor {
			t.Errorf("of somebody who was 14: %b, want %b", got, minor)
		}
		lay(t, s, d, born("1990-01-01"))
		if got := labelsOf(t, d, "Condition", "c"); got != access.Reproductive {
			t.Errorf("of an adult: %b, want %b", got, access.Reproductive)
		}
		lay(t, s, d, born("2006-01-01"), coded("Condition", "c2", `,"recordedDate":"2025-01-01"`, icd, "Z30.09"))
		if got := labelsOf(t, d, "Condition", "c2"); got != access.Reproductive {
			t.Errorf("of 2025: %b, want %b", got, access.Reproductive)
		}
	})
}

// Relabel goes on where it stopped.
func TestRelabelGoesOn(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		var list []record.Draft
		for i := range 600 {
			list = append(list, coded("Condition", fmt.Sprintf("c%d", i), "", "http://hl7.org/fhir/sid/icd-10-cm", "B20"))
		}
		lay(t, s, d, list...)
		if _, err := d.ExecContext(t.Context(), `delete from shield`); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			s = newStore(d) // a new process each time
			if more, err := s.Relabel(t.Context()); err != nil || more != (i < 2) {
				t.Fatalf("Relabel %d = %t, %v", i, more, err)
			}
		}
		n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from shield where labels = 8`)
		if err != nil || n != 600 {
			t.Errorf("%d are labelled, %v, want 600", n, err)
		}
	})
}

// Two who write at once, one the protected and the other what refers to it,
// leave both labelled.
func TestLabelsUnderRace(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d)
		lay(t, s, d, record.Draft{Type: "Patient", ID: "ada", Body: []byte(`{"resourceType":"Patient","id":"ada"}`)})
		for i := range 20 {
			c, m := fmt.Sprintf("c%d", i), fmt.Sprintf("m%d", i)
			done := make(chan error, 2)
			for _, draft := range []record.Draft{
				coded("Condition", c, "", "http://hl7.org/fhir/sid/icd-10-cm", "F11.20"),
				coded("MedicationRequest", m, `,"reasonReference":[{"reference":"Condition/`+c+`"}]`, "http://www.nlm.nih.gov/research/umls/rxnorm", "314076"),
			} {
				go func() {
					done <- d.Tx(t.Context(), func(tx *db.Tx) error {
						_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("import", access.WriteRecord)}, []record.Draft{draft})
						return err
					})
				}()
			}
			if a, b := <-done, <-done; a != nil || b != nil {
				t.Fatal(a, b)
			}
			if got := labelsOf(t, d, "MedicationRequest", m); got != access.SubstanceUse {
				t.Fatalf("round %d: the order is labelled %b, want %b", i, got, access.SubstanceUse)
			}
		}
	})
}
