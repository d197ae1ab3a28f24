package account_test

import (
	"testing"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// Where one way was agreed with a patient for all that goes to them, no code
// goes anywhere else; who is written to here alone still gets the code that
// they ask for.
func TestStoreStartCodeAgreed(t *testing.T) {
	tests := []struct {
		name, kind, value string
		want              bool
	}{
		{name: "nothing agreed", want: true},
		{name: "this address", kind: "email", value: "ada@x.example", want: true},
		{name: "another address", kind: "email", value: "safe@y.example"},
		{name: "a telephone", kind: "sms", value: "+13125550142"},
		{name: "paper", kind: "letter", value: "4 Quiet Lane, Riverside"},
		{name: "here alone", kind: "inbox", want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			haletest.EachDB(t, func(t *testing.T, d *db.DB) {
				s := newStore(d, newClock())
				add(t, s, account.Account{Kind: access.Patient, Name: "Ada Byron", Patient: "ada", Email: "ada@x.example"})
				if tt.kind != "" {
					agree(t, d, tt.kind, tt.value)
				}
				challenge, send, err := s.StartCode(t.Context(), "ada@x.example")
				if err != nil || challenge == "" || (send != nil) != tt.want {
					t.Errorf("StartCode = %q, sends %t, %v, want %t", challenge, send != nil, err, tt.want)
				}
			})
		})
	}
}

// agree keeps all that goes to ada to one way.
func agree(t *testing.T, d *db.DB, kind, value string) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		const ask = `
			insert into privacy_request (id, patient, kind, state, about, body, asked_kind, asked_by, asked_name, asked_at, due_at)
			values ('r1', 'ada', 'contact', 'granted', '', '{}', 'patient', 'a-ada', 'Ada Byron', 1, 2)`
		if _, err := tx.ExecContext(t.Context(), ask); err != nil {
			return err
		}
		const way = `insert into confidential_contact (id, request, patient, kind, value, made_at) values ('c1', 'r1', 'ada', $1, $2, 1)`
		_, err := tx.ExecContext(t.Context(), way, kind, value)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
