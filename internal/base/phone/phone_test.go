package phone_test

import (
	"testing"

	"hale/internal/base/phone"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text, region string
		want               phone.Number
		last2, zone        string
		mobile             bool
	}{
		{name: "as people write it", text: "(312) 555-0142", region: "US", want: "+13125550142", last2: "42", zone: "America/Chicago", mobile: true},
		{name: "with its country", text: "+1 212 555 0100", region: "MX", want: "+12125550100", last2: "00", zone: "America/New_York", mobile: true},
		{name: "Germany, mobile", text: "+49 1512 3456789", region: "US", want: "+4915123456789", last2: "89", zone: "Europe/Berlin", mobile: true},
		{name: "Germany, landline", text: "+49 30 123456", region: "US", want: "+4930123456", last2: "56", zone: "Europe/Berlin"},
		{name: "an area in two zones", text: "+1 541 555 0100", region: "US", want: "+15415550100", last2: "00", mobile: true},
		{name: "toll free", text: "800 555 0100", region: "US", want: "+18005550100", last2: "00"},
		{name: "letters", text: "call me", region: "US"},
		{name: "too short", text: "12", region: "US"},
		{name: "nothing", region: "US"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := phone.Parse(tt.text, tt.region)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Fatalf("Parse = %q, %v, want %q", got, err, tt.want)
			}
			if err != nil {
				return
			}
			if got.Last2() != tt.last2 || tt.zone != "" && got.Zone() != tt.zone || got.Mobile() != tt.mobile {
				t.Errorf("Last2 %q, Zone %q, Mobile %t", got.Last2(), got.Zone(), got.Mobile())
			}
		})
	}
}

// What Parse takes it takes again, unchanged.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "+", "(312) 555-0142", "+49 30 123456", "tel:+1-201-555-0123;ext=5", "٣١٢٥٥٥٠١٤٢", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := phone.Parse(text, "US")
		if err != nil {
			return
		}
		again, err := phone.Parse(string(n), "ZZ")
		if err != nil || again != n {
			t.Errorf("Parse(%q) = %q, then %q, %v", text, n, again, err)
		}
		n.Zone()
		n.Mobile()
	})
}
