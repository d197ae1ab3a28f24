package consent_test

import (
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/consent"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

func TestFold(t *testing.T) {
	at := func(n int) time.Time { return haletest.Noon.Add(time.Duration(n) * time.Hour) }
	say := func(n int, channel, purpose string, a consent.Action) consent.Event {
		return consent.Event{Channel: channel, Purpose: purpose, Action: a, At: at(n)}
	}
	tests := []struct {
		name    string
		events  []consent.Event
		channel string
		purpose string
		refused bool
	}{
		{name: "nothing said", channel: "sms", purpose: "care"},
		{name: "this on this", events: []consent.Event{say(0, "sms", "care", consent.Revoke)}, channel: "sms", purpose: "care", refused: true},
		{name: "this on another", events: []consent.Event{say(0, "sms", "care", consent.Revoke)}, channel: "email", purpose: "care"},
		{name: "another on this", events: []consent.Event{say(0, "sms", "survey", consent.Revoke)}, channel: "sms", purpose: "care"},
		{name: "all on this", events: []consent.Event{say(0, "sms", "*", consent.Revoke)}, channel: "sms", purpose: "care", refused: true},
		{name: "everything", events: []consent.Event{say(0, "*", "*", consent.Revoke)}, channel: "sms", purpose: "care", refused: true},
		{name: "refused, then agreed", events: []consent.Event{say(0, "*", "*", consent.Revoke), say(1, "sms", "care", consent.Grant)}, channel: "sms", purpose: "care"},
		{name: "refused, then agreed to another", events: []consent.Event{say(0, "*", "*", consent.Revoke), say(1, "email", "care", consent.Grant)}, channel: "sms", purpose: "care", refused: true},
		{name: "agreed, then refused all", events: []consent.Event{say(0, "sms", "care", consent.Grant), say(1, "*", "*", consent.Revoke)}, channel: "sms", purpose: "care", refused: true},
		{name: "in the same moment the refusal wins", events: []consent.Event{say(0, "*", "*", consent.Revoke), say(0, "sms", "care", consent.Grant)}, channel: "sms", purpose: "care", refused: true},
		{name: "a warning is no refusal", events: []consent.Event{say(0, "email", "*", consent.WarnAck)}, channel: "email", purpose: "care"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, got := consent.Fold(tt.events).Refused(tt.channel, tt.purpose); got != tt.refused {
				t.Errorf("Refused = %t, want %t", got, tt.refused)
			}
		})
	}
}

func TestStateAuthorized(t *testing.T) {
	signed := consent.Event{Channel: "*", Purpose: "marketing", Action: consent.Authorize, At: haletest.Noon, Until: haletest.Noon.Add(time.Hour)}
	s := consent.Fold([]consent.Event{signed})
	for d, want := range map[time.Duration]bool{-time.Second: false, 0: true, time.Hour - time.Second: true, time.Hour: false} {
		if got := s.Authorized("marketing", haletest.Noon.Add(d)); got != want {
			t.Errorf("Authorized %s after signing = %t, want %t", d, got, want)
		}
	}
	if s.Authorized("survey", haletest.Noon) || s.Warned() {
		t.Error("a signature for marketing authorises something else")
	}
}

func TestStoreAdd(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := consent.NewStore(d, haletest.IDs(), haletest.Clock(haletest.Noon))
		ada := haletest.Pass(t, d, "ada", access.EditContacts)
		if err := s.Add(t.Context(), ada, consent.Event{Patient: "bob", Channel: "sms", Purpose: "*", Action: consent.Revoke, Method: "portal"}); err != nil {
			t.Fatal(err)
		}
		list, err := s.Of(t.Context(), haletest.Pass(t, d, "ada", access.ReadContacts))
		if err != nil || len(list) != 1 || list[0].Patient != "ada" || !list[0].At.Equal(haletest.Noon) {
			t.Errorf("Of(ada) = %+v, %v", list, err)
		}
		if list, err := s.Of(t.Context(), haletest.Pass(t, d, "bob", access.ReadContacts)); err != nil || len(list) != 0 {
			t.Errorf("Of(bob) = %+v, %v, want nothing: ada cannot speak for bob", list, err)
		}
		if _, err := s.Of(t.Context(), ada); err == nil {
			t.Error("Of with a pass for something else = nil error, want one")
		}
		if err := s.Add(t.Context(), access.Pass{}, consent.Event{}); err == nil {
			t.Error("Add without a pass = nil error, want one")
		}
		if err := s.Add(t.Context(), ada, consent.Event{Channel: "sms"}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("Add of half an event = %v, want invalid", err)
		}
	})
}
