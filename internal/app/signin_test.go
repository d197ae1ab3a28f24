package app

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"hale/internal/access/account"
	"hale/internal/access/proxy"
	"hale/internal/base/lang"
	"hale/internal/store/db"
)

// A notice goes to every address there is, and where one way was agreed with
// the patient, that way and no other.
func TestNoticesPlaces(t *testing.T) {
	a, err := New(t.Context(), config("sqlite:"+filepath.Join(t.TempDir(), "hale.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ada := account.Notice{Kind: account.AddressMoved, Account: account.Account{ID: "a1", Patient: "ada", Email: "home@x.example", Phone: "+13125550142"},
		Also: []account.Address{{Kind: "email", Value: "before@x.example"}}}
	for _, tt := range []struct{ kind, value, want string }{
		{"", "", "email home@x.example, sms +13125550142, email before@x.example, inbox ada"},
		{"email", "safe@y.example", "email safe@y.example, inbox ada"},
		{"sms", "+13125550199", "sms +13125550199, inbox ada"},
		{"letter", "4 Quiet Lane, Riverside", "inbox ada"},
		{"inbox", "", "inbox ada"},
	} {
		err := a.db.Tx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `delete from confidential_contact`); err != nil || tt.kind == "" {
				return err
			}
			const ask = `
				insert into privacy_request (id, patient, kind, state, about, body, asked_kind, asked_by, asked_name, asked_at, due_at)
				values ('r1', 'ada', 'contact', 'granted', '', '{}', 'patient', 'a1', 'Ada Byron', 1, 2) on conflict do nothing`
			if _, err := tx.ExecContext(t.Context(), ask); err != nil {
				return err
			}
			_, err := tx.ExecContext(t.Context(), `insert into confidential_contact (id, request, patient, kind, value, made_at) values ('c1', 'r1', 'ada', $1, $2, 1)`, tt.kind, tt.value)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		places, err := notices{a}.places(t.Context(), ada)
		var got []string
		for _, p := range places {
			got = append(got, p.Kind+" "+p.Value)
		}
		if err != nil || strings.Join(got, ", ") != tt.want {
			t.Errorf("with %q agreed, places = %v, %v, want %s", tt.kind, got, err, tt.want)
		}
	}
}

// The subject of a notice is about what it tells.
func TestNoticesSubject(t *testing.T) {
	a := &App{c: config("")}
	for kind, want := range map[account.NoticeKind]string{
		account.ProxyGranted: "About helping", account.HelpEnded: "About helping", account.InviteWrong: "About helping",
		account.RequestMoved: "About what you asked", account.EmergencyOpened: "About your record", account.NewDevice: "About your sign-in",
	} {
		if subject, _ := (notices{a}).words(lang.Pick("", "en"), account.Notice{Kind: kind}, "email"); !strings.HasPrefix(subject, want) {
			t.Errorf("subject of %s = %q, want %q", kind, subject, want)
		}
	}
}

// A patient without an account is told at the addresses on record that
// somebody may act for them, and nobody is told where there are none.
func TestHelperNoticesWithoutAccount(t *testing.T) {
	a, err := New(t.Context(), config("sqlite:"+filepath.Join(t.TempDir(), "hale.db")))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	count := func() int {
		n, err := db.One(t.Context(), a.db, db.Value[int], `select count(*) from account_notice`)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	tell := func(patient string) {
		err := a.db.Tx(t.Context(), func(tx *db.Tx) error {
			return helperNotices{a}.Tell(t.Context(), tx, []proxy.Notice{{What: proxy.ToldGranted, Patient: patient, Name: "Rosa"}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err = a.db.Tx(t.Context(), func(tx *db.Tx) error {
		for _, who := range []string{"kim", "nobody"} {
			if _, err := tx.ExecContext(t.Context(), fmt.Sprintf(person, who)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(t.Context(), point)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if tell("nobody"); count() != 0 {
		t.Errorf("%d notices to somebody without an address, want none", count())
	}
	if tell("kim"); count() != 1 {
		t.Errorf("%d notices, want one", count())
	}
}

const (
	person = `
		insert into person (id, full_name, given, family, search_name, born, sex, lang, mrn, line, city, state, zip, zone, deceased, active, updated_at)
		values ('%s', 'Kim Alvarez', 'Kim', 'Alvarez', 'alvarez kim', '2015-05-14', 'female', 'es', '', '', '', '', '', '', 0, 1, 1)`
	point = `insert into contact_point (patient, kind, value, updated_at) values ('kim', 'email', 'kim@x.example', 1)`
)
