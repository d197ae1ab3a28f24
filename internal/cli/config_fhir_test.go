package cli

import (
	"testing"

	"hale/internal/app"
	"hale/internal/record"
)

func TestPolicies(t *testing.T) {
	tests := []struct {
		name              string
		api, feeds, forms string
		want              app.Validation
		wrong             int
	}{
		{name: "nothing set", want: app.DefaultValidation()},
		{name: "all set", api: "flag", feeds: "off", forms: "off", want: app.Validation{API: record.Flag}},
		{name: "no such word", api: "refuse", want: app.DefaultValidation(), wrong: 1},
		{name: "an import rejects nothing", feeds: "reject", forms: "reject", want: app.Validation{API: record.Reject, Import: record.Reject, Forms: record.Reject}, wrong: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f fhirSettings
			f.Validation.API, f.Validation.Import, f.Validation.Forms = tt.api, tt.feeds, tt.forms
			var c app.Config
			if wrong := f.policies(&c); len(wrong) != tt.wrong || c.Validation != tt.want {
				t.Errorf("policies = %+v, %q, want %+v and %d wrong", c.Validation, wrong, tt.want, tt.wrong)
			}
		})
	}
}
