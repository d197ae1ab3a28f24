package account_test

import (
	"os"
	"testing"

	"hale/internal/store/db"
)

// deep says whether the long forms of tests run: HALE_DEEP=1.
func deep() bool { return os.Getenv("HALE_DEEP") != "" }

// forgetAll empties the tables of accounts between runs on one database.
func forgetAll(t *testing.T, d *db.DB) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *db.Tx) error {
		for _, table := range []string{"account_session", "account_device", "account_passkey", "account_password", "account_totp", "account_sheet",
			"account_assist", "account_invite", "account_identity", "account_move", "account_cancel", "account_notice", "account_slow",
			"account_limit", "account_challenge", "account_ceremony", "account"} {
			if _, err := tx.ExecContext(t.Context(), "delete from "+table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
