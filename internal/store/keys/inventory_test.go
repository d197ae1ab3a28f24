package keys_test

import (
	"regexp"
	"slices"
	"testing"

	"hale/internal/base/seal"
	"hale/internal/haletest"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// column is a column of the schema as the engine itself tells it.
type column struct{ table, name, typ string }

func columns(t *testing.T, d *db.DB) []column {
	t.Helper()
	q := `select m.name, p.name, lower(p.type) from sqlite_master m, pragma_table_info(m.name) p where m.type = 'table'`
	if d.Engine() == db.Postgres {
		q = `select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'`
	}
	list, err := db.All(t.Context(), d, func(scan db.Scan) (c column, err error) { return c, scan(&c.table, &c.name, &c.typ) }, q)
	if err != nil || len(list) < 200 {
		t.Fatalf("%d columns, %v", len(list), err)
	}
	return list
}

// telling are words that a column of secrets or hashes has in its name.
var telling = regexp.MustCompile(`hash|digest|secret|seed|sealed|wrapped|password|private|bucket|signature`)

// elsewhere are columns whose names tell and that are in no list.
var elsewhere = map[[2]string]string{
	{"data_key", "wrapped"}:            "the ring itself",
	{"account", "code_sign_ins"}:       "a count",
	{"audit", "digest"}:                "SHA-256 of what was written, in the log",
	{"river_job", "unique_key"}:        "the work queue's own",
	{"account_passkey", "credential"}:  "public keys",
	{"goose_db_version", "version_id"}: "migrations",
}

// The inventory is the schema: every column of bytes, and every column whose
// name tells of a secret or a hash, stands in exactly one list; and what
// stands in a list is there.
func TestInventory(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		listed := map[[2]string]int{}
		for _, c := range keys.Inventory() {
			listed[[2]string{c.Table, c.Column}]++
			if c.Class == "" || c.ID == "" || c.Holds == "" || !slices.Contains(keys.Classes(), c.Class) {
				t.Errorf("%s.%s has no class, id or word on what it holds", c.Table, c.Column)
			}
		}
		for _, c := range keys.Briefs() {
			listed[[2]string{c.Table, c.Column}]++
		}
		for _, c := range keys.Opens() {
			listed[[2]string{c.Table, c.Column}]++
		}
		for _, c := range keys.Hashes() {
			listed[[2]string{c.Table, c.Column}]++
		}
		there := map[[2]string]bool{}
		for _, c := range columns(t, d) {
			at := [2]string{c.table, c.name}
			there[at] = true
			asks := c.typ == "bytea" || c.typ == "blob" || telling.MatchString(c.name)
			if asks && listed[at] == 0 && elsewhere[at] == "" && !regexp.MustCompile(`^(river|goose|sqlite)`).MatchString(c.table) {
				t.Errorf("%s.%s (%s) stands in no list of the inventory: is it ciphertext, a hash, or open?", c.table, c.name, c.typ)
			}
		}
		for at, n := range listed {
			if !there[at] {
				t.Errorf("%v is listed and not in the schema", at)
			}
			if n > 1 {
				t.Errorf("%v is listed %d times", at, n)
			}
		}
	})
}

// Each column of the inventory can be turned: a value sealed there is found,
// moved and opened again at its place.
func TestInventoryMoves(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		rows := map[string]string{
			"message": `insert into message (id, intent, outreach, patient, purpose, channel, step, state, state_at, mode, body, body_hash, key, not_before, expires_at, created_at)
				values ($1, 'i', '', 'p', 'care', 'sms', 1, 'accepted', 0, 'full', $2, '', 'k', 0, 0, 0)`,
			"intent_values": `insert into intent_values (intent, sealed) values ($1, $2)`,
			"app_key":       `insert into app_key (kid, sealed, created_at) values ($1, $2, 0)`,
			"account_totp":  `insert into account_totp (account, seed, created_at) values ($1, $2, 0)`,
			"blob":          `insert into blob (name, wrapped, bytes, made_at) values ($1, $2, 0, 0)`,
			"subscription": `insert into subscription (id, client, name, grant_id, actor, body, typ, state, channel, made_at, updated_at, since_seq)
				values ($1, 'c', 'n', 'g', '{}', $2, 'Observation', 'active', 'websocket', 0, 0, 0)`,
			"message_base":  `insert into message_base (id, sealed, made_at) values ($1, $2, 0)`,
			"share":         `insert into share (id, hash, patient, account, flags, sealed, made_at, until_at) values ($1, 'h', 'p', 'a', '', $2, 0, 0)`,
			"dialog":        `insert into dialog (id, channel, contact, state, heard_at, last_at, made_at) values ($1, 'sms', $2, 'open', 0, 0, 0)`,
			"dialog_entry":  `insert into dialog_entry (id, dialog, kind, at, body, dedupe) values ($1, 'd', 'heard', 0, $2, 'k')`,
			"thread_note":   `insert into thread_note (id, thread, at, by, body) values ($1, 't', 0, 'n', $2)`,
			"text_report":   `insert into text_report (id, provider, dedupe, body, at, state) values ($1, 'p', 'k', $2, 0, 'new')`,
			"webhook":       `insert into webhook (id, host, body, state, made_by, made_at, read_at) values ($1, 'h', $2, 'active', 'n', 0, 0)`,
			"pickup_phrase": `insert into pickup_phrase (patient, sealed, updated_at) values ($1, $2, 0)`,
			"mail_key":      `insert into mail_key (id, domain, selector, algorithm, public, sealed, made_at) values ($1, 'd', 's', 'rsa', '', $2, 0)`,
			"mail_in":       `insert into mail_in (id, digest, at, size, route, state, sealed) values ($1, 'd', 0, 0, 'reply', 'new', $2)`,
			"saved":         `insert into saved (id, account, patient, place, sealed, saved_at, until_at) values ($1, 'a', 'p', 'f', $2, 0, 0)`,
			"form_lead":     `insert into form_lead (id, form, token_hash, sealed, state, begun_at, until_at) values ($1, 'f', 'h', $2, 'new', 0, 0)`,
			"brought":       `insert into brought (id, patient, account, sealed, made_at, until_at) values ($1, 'p', 'a', $2, 0, 0)`,
		}
		if _, err := d.ExecContext(t.Context(), `insert into account (id, kind, name, created_at) values ('row', 'staff', 'N', 0)`); err != nil {
			t.Fatal(err)
		}
		c := &clock{at: haletest.Noon}
		r := ring(t, d, c.now)
		for _, col := range keys.Inventory() {
			q, ok := rows[col.Table]
			if !ok {
				t.Errorf("this test has no row for %s", col.Table)
				continue
			}
			err := d.Tx(t.Context(), func(tx *db.Tx) error {
				v, err := r.Seal(t.Context(), tx, col.Class, col.Table, col.Column, "row", []byte("secret"))
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(t.Context(), q, "row", v)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			kid := turn(t, d, r, col.Class)
			if n, err := r.Move(t.Context(), col.Class, func(int) {}); n != 1 || err != nil {
				t.Errorf("Move of %s = %d, %v, want 1", col.Table, n, err)
			}
			v, err := db.One(t.Context(), d, db.Value[[]byte], `select `+col.Column+` from `+col.Table)
			if got, _ := seal.KIDOf(v); err != nil || got != kid {
				t.Errorf("%s.%s is under %q, %v, want %s", col.Table, col.Column, got, err, kid)
			}
			if plain, err := r.Open(t.Context(), v, col.Table, col.Column, "row"); err != nil || string(plain) != "secret" {
				t.Errorf("Open = %q, %v", plain, err)
			}
			if _, err := d.ExecContext(t.Context(), `delete from `+col.Table); err != nil { // the next of its class is counted alone
				t.Fatal(err)
			}
		}
	})
}
