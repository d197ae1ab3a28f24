package account_test

import (
	"testing"

	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// audited returns how many audit rows tell of action by actor.
func audited(t *testing.T, d *db.DB, actor, action, outcome string) int {
	t.Helper()
	const q = `select count(*) from audit where actor = $1 and action = $2 and outcome = $3`
	n, err := db.One(t.Context(), d, db.Value[int], q, actor, action, outcome)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Who signs in leaves a row, who tries in vain leaves one at each account
// that was meant, and one at an address that nobody has is like any other.
func TestStoreAuditsSigningIn(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		s := newStore(d, newClock())
		ada, err := s.Add(t.Context(), account.Account{Kind: "patient", Name: "Ada Alvarez", Patient: "ada", Email: "ada@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		challenge, code := start(t, s, "ada@example.org")
		if _, err := s.FinishCode(t.Context(), challenge, other(code)); errs.KindOf(err) != errs.Invalid {
			t.Fatalf("FinishCode with a wrong code = %v, want invalid", err)
		}
		if n := audited(t, d, ada.ID, account.SignedIn, "denied"); n != 1 {
			t.Errorf("rows for a wrong code = %d, want 1", n)
		}
		a, err := s.FinishCode(t.Context(), challenge, code)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Enter(t.Context(), a, account.Browser{Agent: "Firefox"}); err != nil {
			t.Fatal(err)
		}
		if n := audited(t, d, ada.ID, account.SignedIn, "granted"); n != 1 {
			t.Errorf("rows for a sign-in = %d, want 1", n)
		}
		challenge, send, err := s.StartCode(t.Context(), "nobody@example.org")
		if err != nil || send != nil {
			t.Fatalf("StartCode of a stranger = %v, %v", send, err)
		}
		if _, err := s.FinishCode(t.Context(), challenge, "123456"); errs.KindOf(err) != errs.Invalid {
			t.Fatalf("FinishCode of a stranger = %v, want invalid", err)
		}
		if n := audited(t, d, "", account.SignedIn, "denied"); n != 1 {
			t.Errorf("rows for a stranger = %d, want 1", n)
		}
	})
}
