package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/template"
)

// m and list are JSON by hand.
type (
	m    = map[string]any
	list = []any
)

// fill writes people with an e-mail address each into a file of NDJSON.
func fill(folder string, people int) error {
	f, err := os.Create(filepath.Join(folder, "Patient.ndjson"))
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(w)
	for n := range people {
		err := enc.Encode(m{
			"resourceType": "Patient", "id": fmt.Sprintf("p%07d", n), "active": true,
			"extension":  list{m{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": zone(time.Now())}},
			"identifier": list{m{"system": "http://hospital.example.org/mrn", "value": fmt.Sprintf("MRN%09d", n)}},
			"name":       list{m{"use": "official", "family": fmt.Sprintf("Family%d", n%5000), "given": list{fmt.Sprintf("Given%d", n%700)}}},
			"telecom":    list{m{"system": "email", "value": fmt.Sprintf("p%07d@d%d.example", n, n%200), "use": "home"}},
			"gender":     [...]string{"male", "female"}[n%2],
			"birthDate":  fmt.Sprintf("%04d-%02d-%02d", 1930+n%70, 1+n%12, 1+n%28),
			"address":    list{m{"line": list{fmt.Sprintf("%d Long Street", n%9999)}, "city": "Springfield", "state": "MA", "postalCode": "02101", "country": "US"}},
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// htmlBytes is how much HTML each e-mail is, about: as in the peer's run.
const htmlBytes = 4800

// letter is the outreach that is measured: everybody, a tenth held out, a
// text of a few pages with the reader's name and a link of her own.
func letter() reach.Outreach {
	words := strings.Repeat("Please bring your insurance card and a list of the medicines you take. If the time does not suit you, choose another one on the page behind the link. ", 3)
	var body strings.Builder
	body.WriteString("Dear {{ first_name | default: \"patient\" }},\n\nyour next visit at {{ clinic }} is coming up.")
	for body.Len() < htmlBytes-1100 {
		body.WriteString("\n\n" + strings.TrimSpace(words))
	}
	return reach.Outreach{
		Name: "A letter to everybody", Purpose: "appointment", Service: "check-up", Holdout: 0.1, Channels: []reach.Channel{reach.Email},
		NextAfter: 72 * time.Hour,
		Template: template.Template{Sensitivity: policy.S1, Parts: []template.Part{
			{Channel: template.Page, Lang: "en", Subject: "Your visit", Body: body.String()},
		}},
	}
}
