package contact_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/contact"
	"hale/internal/haletest"
	"hale/internal/record"
	"hale/internal/store/db"
	"hale/internal/store/event"
)

func put(t *testing.T, d *db.DB, telecom map[string]string) {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	s := record.New(d, haletest.IDs(), now, event.NewLog(haletest.IDs(), now), contact.View())
	var drafts []record.Draft
	for id, list := range telecom {
		drafts = append(drafts, record.Draft{Type: "Patient", ID: id, Body: []byte(fmt.Sprintf(`{"resourceType":"Patient","id":%q,"telecom":[%s]}`, id, list))})
	}
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := s.PutAll(t.Context(), tx, record.Source{Actor: access.SystemActor("test"), Feed: "test"}, drafts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func of(t *testing.T, d *db.DB, patient string) string {
	t.Helper()
	list, err := contact.NewStore(d, haletest.Clock(haletest.Noon)).Of(t.Context(), haletest.Pass(t, d, patient, access.ReadContacts))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, p := range list {
		w := fmt.Sprintf("%s:%s", p.Kind, p.Value)
		if p.Shared {
			w += "+"
		}
		if p.Status != contact.Active {
			w += "!" + string(p.Status)
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

func TestView(t *testing.T) {
	tests := []struct{ name, telecom, want string }{
		{name: "none"},
		{name: "mobile", telecom: `{"system":"phone","use":"mobile","value":"(312) 555-0142"}`, want: "sms:+13125550142"},
		{name: "texts", telecom: `{"system":"sms","value":"312-555-0142"}`, want: "sms:+13125550142"},
		{name: "home", telecom: `{"system":"phone","use":"home","value":"312-555-0142"}`, want: "voice:+13125550142"},
		{name: "e-mail is lower case", telecom: `{"system":"email","value":" Ada@Mail.Example "}`, want: "email:ada@mail.example"},
		{name: "best rank first", telecom: `{"system":"email","value":"b@x.example","rank":2},{"system":"email","value":"a@x.example","rank":1}`, want: "email:a@x.example email:b@x.example"},
		{name: "old", telecom: `{"system":"email","use":"old","value":"a@x.example"}`},
		{name: "ended", telecom: `{"system":"email","value":"a@x.example","period":{"end":"2026-03-01"}}`},
		{name: "ends today", telecom: `{"system":"email","value":"a@x.example","period":{"end":"2026-03-02"}}`, want: "email:a@x.example"},
		{name: "twice the same", telecom: `{"system":"email","value":"a@x.example"},{"system":"email","value":"A@x.example"}`, want: "email:a@x.example"},
		{name: "no number", telecom: `{"system":"phone","use":"mobile","value":"ask her son"}`},
		{name: "no address", telecom: `{"system":"email","value":"a@x.example\r\nBcc: b@x.example"}`},
		{name: "fax", telecom: `{"system":"fax","value":"312-555-0142"}`},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				id := fmt.Sprint("p", i)
				put(t, d, map[string]string{id: strings.ReplaceAll(tt.telecom, "\r\n", `\r\n`)})
				if got := strings.ReplaceAll(of(t, d, id), "+ ", " "); strings.TrimSuffix(got, "+") != tt.want {
					t.Errorf("addresses = %q, want %q", got, tt.want)
				}
			})
		}
	})
}

// An address on two patients is shared until only one has it; a bounce
// outlives the next version of the record.
func TestViewShared(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		const number, other = `{"system":"sms","value":"312-555-0142"}`, `{"system":"sms","value":"312-555-0199"}`
		put(t, d, map[string]string{"ada": number, "bob": number})
		if of(t, d, "ada") != "sms:+13125550142+" || of(t, d, "bob") != "sms:+13125550142+" {
			t.Fatalf("shared: ada %q, bob %q", of(t, d, "ada"), of(t, d, "bob"))
		}
		s := contact.NewStore(d, haletest.Clock(haletest.Noon))
		if got, err := s.PatientsAt(t.Context(), "sms", "(312) 555-0142"); err != nil || !slices.Equal(got, []string{"ada", "bob"}) {
			t.Errorf("PatientsAt = %v, %v", got, err)
		}
		if got, err := s.PatientsAt(t.Context(), "email", "(312) 555-0142"); err != nil || len(got) != 0 {
			t.Errorf("PatientsAt of no e-mail = %v, %v", got, err)
		}
		put(t, d, map[string]string{"bob": other})
		if of(t, d, "ada") != "sms:+13125550142" {
			t.Errorf("ada alone = %q", of(t, d, "ada"))
		}
		if err := d.Tx(t.Context(), func(tx *db.Tx) error {
			return s.SetStatus(t.Context(), tx, contact.SMS, "+13125550142", contact.WrongPerson)
		}); err != nil {
			t.Fatal(err)
		}
		put(t, d, map[string]string{"ada": number + `,{"system":"email","value":"a@x.example"}`})
		if got := of(t, d, "ada"); got != "email:a@x.example sms:+13125550142!wrong_person" {
			t.Errorf("after the record was written again = %q", got)
		}
		if got, err := s.PatientsAt(t.Context(), "sms", "+13125550142"); err != nil || len(got) != 0 {
			t.Errorf("PatientsAt of somebody else's number = %v, %v", got, err)
		}
	})
}

func TestStorePreference(t *testing.T) {
	tests := []struct {
		name     string
		from, to int
		ok       bool
	}{
		{name: "no wish", ok: true}, {name: "a day", from: 9, to: 19, ok: true}, {name: "all day", from: 0, to: 24, ok: true},
		{name: "backwards", from: 19, to: 9}, {name: "no time", from: 9, to: 9}, {name: "25 hours", from: 0, to: 25}, {name: "before the day", from: -1, to: 5},
	}
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := contact.NewStore(d, haletest.Clock(haletest.Noon))
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				edit := haletest.Pass(t, d, "ada", access.EditContacts)
				err := s.SetPreference(t.Context(), edit, contact.Preference{Topic: "care", Channels: []string{"sms", "email"}, Lang: "es", HourFrom: tt.from, HourTo: tt.to, LargePrint: true})
				if (err == nil) != tt.ok || err != nil && errs.KindOf(err) != errs.Invalid {
					t.Fatalf("SetPreference = %v, want ok=%t", err, tt.ok)
				}
				list, err := s.Preferences(t.Context(), haletest.Pass(t, d, "ada", access.ReadContacts))
				if err != nil || len(list) != 1 || tt.ok && (list[0].HourTo != tt.to || !list[0].LargePrint || len(list[0].Channels) != 2) {
					t.Errorf("Preferences = %+v, %v", list, err)
				}
				if list, err := s.Preferences(t.Context(), haletest.Pass(t, d, "bob", access.ReadContacts)); err != nil || len(list) != 0 {
					t.Errorf("another's preferences = %+v, %v", list, err)
				}
			})
		}
		if err := s.SetPreference(t.Context(), haletest.Pass(t, d, "ada", access.ReadContacts), contact.Preference{}); err == nil {
			t.Error("SetPreference with a pass for reading = nil error, want one")
		}
	})
}

func TestMask(t *testing.T) {
	for value, want := range map[string]string{"+13125550142": "42", "+1": "+1", "": ""} {
		if got := contact.Mask(contact.SMS, value); got != want {
			t.Errorf("Mask(%q) = %q, want %q", value, got, want)
		}
	}
	if got := contact.Mask(contact.Email, "maria@mail.example"); got != "m…@mail.example" {
		t.Errorf("Mask = %q", got)
	}
}
