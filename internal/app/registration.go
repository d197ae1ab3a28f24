package app

import (
	"slices"
	"strings"
	"time"

	"hale/internal/face/desk"
)

// Registration is how the sender of texts is registered with the carriers of
// the United States, as the registry answered. Carriers refuse what comes
// from nobody; and marketing by text leaves only where it is approved.
//
// Spec: CTIA, Messaging Principles and Best Practices (2023), section 5
type Registration struct {
	Kind     string // 10dlc, toll_free or short_code; empty: none is written down
	Brand    string // of 10DLC
	Campaign string
	UseCase  string // as it was registered: CUSTOMER_CARE, MIXED, …
	Status   string // approved, pending, rejected or suspended
	Since    string // since when: 2026-01-31
}

// approved is the status of a registration that carriers take.
const approved = "approved"

// Wrong says what is wrong with r, beginning with the setting; empty: nothing.
func (r Registration) Wrong() string {
	if r == (Registration{}) {
		return ""
	}
	switch {
	case !slices.Contains([]string{"10dlc", "toll_free", "short_code"}, r.Kind):
		return "kind must be 10dlc, toll_free or short_code"
	case !slices.Contains([]string{approved, "pending", "rejected", "suspended"}, r.Status):
		return "status must be approved, pending, rejected or suspended"
	case r.Kind == "10dlc" && (r.Brand == "" || r.Campaign == ""):
		return "brand_id and registration.campaign_id are needed for 10dlc"
	}
	if _, err := time.Parse(time.DateOnly, r.Since); r.Since != "" && err != nil {
		return "since must be a date such as 2026-01-31"
	}
	return ""
}

// refusesOffers says whether marketing by text may not leave: texts go to
// carriers, and none of them was told who sends.
func (c Config) refusesOffers() bool {
	return len(c.Text.providers()) > 0 && c.Text.Registered.Status != approved
}

// texting is what the page about senders says of texts.
func (a *App) texting() desk.Texting {
	c, r := a.c.Text, a.c.Text.Registered
	if len(c.providers()) == 0 {
		return desk.Texting{}
	}
	t := desk.Texting{From: c.sender(c.providers()[0]), OK: r.Status == approved, Kind: map[string]string{"10dlc": "10DLC", "toll_free": "toll-free", "short_code": "short code"}[r.Kind], Status: r.Status, Since: r.Since}
	for _, one := range [][2]string{{"Brand", r.Brand}, {"Campaign", r.Campaign}, {"Use case", r.UseCase}} {
		if strings.TrimSpace(one[1]) != "" {
			t.Facts = append(t.Facts, one)
		}
	}
	return t
}
