package cli

import (
	"fmt"

	"hale/internal/app"
	"hale/internal/record"
)

// fhirSettings is the section fhir of hale.toml.
type fhirSettings struct {
	Validation struct {
		API    string `toml:"api"`
		Import string `toml:"import"`
		Forms  string `toml:"forms"`
	} `toml:"validation"`
}

// policies fills in what becomes of what does not conform, and says what is
// wrong with it.
func (f fhirSettings) policies(c *app.Config) (wrong []string) {
	c.Validation = app.DefaultValidation()
	for _, s := range []struct {
		name, text string
		into       *record.Policy
	}{
		{"api", f.Validation.API, &c.Validation.API},
		{"import", f.Validation.Import, &c.Validation.Import},
		{"forms", f.Validation.Forms, &c.Validation.Forms},
	} {
		switch s.text {
		case "":
		case "off":
			*s.into = record.Unchecked
		case "flag":
			*s.into = record.Flag
		case "reject":
			*s.into = record.Reject
		default:
			wrong = append(wrong, fmt.Sprintf("fhir.validation.%s %q must be reject, flag or off", s.name, s.text))
		}
	}
	if c.Validation.Import == record.Reject {
		wrong = append(wrong, "fhir.validation.import must be flag or off: an import takes what there is")
	}
	if c.Validation.Forms == record.Reject {
		wrong = append(wrong, "fhir.validation.forms must be flag or off: people wait for the form")
	}
	return wrong
}
