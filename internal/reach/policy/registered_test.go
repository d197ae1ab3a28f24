package policy

import (
	"testing"
	"time"

	"hale/internal/care/contact"
)

// Offers by text need a registered sender; care does not ask for one.
func TestUnregistered(t *testing.T) {
	now := time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)
	for purpose, want := range map[string]string{"marketing": "unregistered", "care": ""} {
		p, _ := PurposeOf(purpose)
		f := &Facts{Patient: "ada", Permit: true, Zone: "America/Chicago", Points: []contact.Point{{Kind: contact.SMS, Value: "+13125550142", Status: contact.Active}}}
		s := Settings{Matrix: Defaults(), NoOffers: true, Load: time.LoadLocation, Clinic: "America/Chicago"}
		d := Decide(now, f, Ask{Purpose: p, Class: S1, Channels: []Channel{SMS}, Permit: "an exception"}, s)
		got := ""
		for _, r := range d.Reasons {
			if r.Code == "unregistered" {
				got = r.Code
			}
		}
		if got != want || (want == "") != (len(d.Plan) == 1) {
			t.Errorf("%s: %+v", purpose, d)
		}
	}
}
