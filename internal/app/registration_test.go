package app

import "testing"

// A registration is whole or it is not written down, and only an approved one
// lets offers leave by text.
func TestRegistration(t *testing.T) {
	whole := Registration{Kind: "10dlc", Brand: "B1", Campaign: "C1", Status: approved, Since: "2026-01-31"}
	for _, tt := range []struct {
		name    string
		in      Registration
		wrong   bool
		refuses bool
	}{
		{name: "none", refuses: true},
		{name: "approved", in: whole},
		{name: "pending", in: Registration{Kind: "toll_free", Status: "pending"}, refuses: true},
		{name: "without a brand", in: Registration{Kind: "10dlc", Status: approved}, wrong: true},
		{name: "of an unknown kind", in: Registration{Kind: "pigeon", Status: approved}, wrong: true},
		{name: "with a torn date", in: Registration{Kind: "short_code", Status: approved, Since: "January"}, wrong: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.Wrong(); (got != "") != tt.wrong {
				t.Errorf("Wrong() = %q", got)
			}
			c := Config{Text: Text{URL: "https://sms.example", Registered: tt.in}}
			if got := c.refusesOffers(); !tt.wrong && got != tt.refuses {
				t.Errorf("offers are refused: %v, want %v", got, tt.refuses)
			}
		})
	}
	if (Config{}).refusesOffers() {
		t.Error("offers are refused where no texts leave at all")
	}
}
