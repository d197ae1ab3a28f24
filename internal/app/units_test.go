package app

import (
	"strings"
	"testing"
)

// Patients read and type amounts of the body as the clinic chose, with the
// other unit beside; the record keeps what was measured as it came.
func TestUnits(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		vital := func(id, code, name, value, unit string) string {
			return `{"resourceType":"Observation","id":"` + id + `","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `","display":"` + name + `"}]},"subject":{"reference":"Patient/ada"},"effectiveDateTime":"` + k.clock.Now().AddDate(0, 0, -3).Format("2006-01-02T15:04:05Z07:00") + `","valueQuantity":{"value":` + value + `,"unit":"` + unit + `","system":"http://unitsofmeasure.org","code":"` + unit + `"}}`
		}
		lines := vital("height-1", "8302-2", "Body height", "162", "cm") + "\n" + vital("temp-1", "8310-5", "Body temperature", "38", "Cel")
		if report, err := k.app.Importer("clinic").ImportStream(t.Context(), "vitals.ndjson", strings.NewReader(lines), nil); err != nil || len(report.Bad) > 0 {
			t.Fatal(err, report.Bad)
		}
		form := k.see("ada", "/readings/new?kind=weight")
		shows(t, "the form", form, "Pounds", "Kilograms")
		if strings.Index(form.body, "Pounds") > strings.Index(form.body, "Kilograms") {
			t.Error("kilograms are asked before pounds")
		}
		shows(t, "a weight", k.press("ada", "/readings/new", "kind", "weight", "weight", "160", "unit", "lb", "at", k.measured()), "160 lb")
		shows(t, "what was measured", k.see("ada", "/health/vitals"), "160 lb", "(72.6 kg)", "5 ft 4 in", "(162 cm)", "100.4 °F", "(38 °C)")
		shows(t, "a result", k.see("ada", "/results/temp-1"), "100.4 °F", "97 – 99 °F")
		shows(t, "the limits", k.see("ada", "/health/readings"), "Weight gained in a week (pounds): above 5.1")
		shows(t, "the desk's limits", k.see("nia", "/desk/limits"), "5.07", "lb")

		if p := k.describes("alan", nil, "name", "Alder Clinic", "units", "stones"); p.status != 422 || !strings.Contains(p.body, "Choose the units from the list") {
			t.Errorf("unknown units are %d", p.status)
		}
		shows(t, "the settings", k.describes("alan", nil, "name", "Alder Clinic", "phone", "(312) 555-0100", "units", "metric"), "Saved", `value="metric" checked`)
		form = k.see("ada", "/readings/new?kind=weight")
		if strings.Index(form.body, "Pounds") < strings.Index(form.body, "Kilograms") || !strings.Contains(form.body, `value="kg" checked`) {
			t.Error("a metric clinic asks for pounds first")
		}
		shows(t, "what was measured, metric", k.see("ada", "/health/vitals"), "72.6 kg", "(160 lb)", "162 cm", "(5 ft 4 in)", "38 °C", "(100.4 °F)")
		shows(t, "the limits, metric", k.see("ada", "/health/readings"), "Weight gained in a week (kilograms): above 2.3")
		shows(t, "the desk's limits, metric", k.see("nia", "/desk/limits"), "2.3", "kg")

		k.describes("alan", nil, "name", "Alder Clinic", "phone", "(312) 555-0100", "units", "customary")
		k.press("nia", "/desk/limits", "gain-high", "5.07", "upper-high", "160")
		k.describes("alan", nil, "name", "Alder Clinic", "phone", "(312) 555-0100", "units", "metric")
		shows(t, "a limit that was typed in pounds", k.see("nia", "/desk/limits"), `value="2.3"`)
	})
}
