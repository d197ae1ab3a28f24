package journey_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hale/internal/haletest"
	"hale/internal/reach/journey"
	"hale/internal/store/db"
)

// What changes from day to day is looked for every six hours, of more people
// than go into one transaction.
func TestLookAtEverybody(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d)
		const people = 600
		list := make([]string, 0, 2*people)
		for i := range people {
			who := fmt.Sprintf("p%04d", i)
			intent := "order"
			if i == 7 {
				intent = "proposal" // nobody ordered it
			}
			list = append(list, person(who, i), fmt.Sprintf(`{"resourceType":"MedicationRequest","id":"m-%s","status":"active","intent":%q,"subject":{"reference":"Patient/%s"},"authoredOn":"2026-02-01","medicationCodeableConcept":{"text":"Metformin"},"dispenseRequest":{"expectedSupplyDuration":{"value":30,"unit":"d","system":"http://unitsofmeasure.org","code":"d"}}}`, who, intent, who))
		}
		c.put(list...)
		c.run(journey.Definition{Name: "Refill", Trigger: journey.Trigger{On: journey.RefillDue, Days: 5}, Nodes: []journey.Node{{ID: "out", Kind: journey.Exit}}})
		look := func(want int) {
			t.Helper()
			if err := c.s.Look(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := c.count(`select count(*) from enrolment`); n != want {
				t.Errorf("%d people came in, want %d", n, want)
			}
		}
		look(people - 1)
		c.put(person("late", 5000), `{"resourceType":"MedicationRequest","id":"m-late","status":"active","intent":"order","subject":{"reference":"Patient/late"},"authoredOn":"2026-02-01","medicationCodeableConcept":{"text":"Metformin"},"dispenseRequest":{"expectedSupplyDuration":{"value":30,"code":"d"}}}`)
		look(people - 1)
		c.pass(6 * time.Hour)
		look(people)
	})
}
