package keys

import (
	"hale/internal/base/seal"
)

// Column is a column that holds ciphertext.
type Column struct {
	Table, Column string
	ID            string // the text column that names the row in the envelope's place
	Class         Class
	Text          bool // the column is text, not bytes
	Holds         string

	// Old opens what an earlier Hale sealed there without an envelope; nil
	// where there is no such thing.
	Old func(root seal.Key, sealed []byte, row string) ([]byte, error) `json:"-"`
}

// Bodies of the record: one envelope per version, at the place
// resource, body, TYPE/ID/VERSION, wherever that version stands, under the
// patient's own key. What belongs to no one patient is not sealed.
const (
	BodyTable  = "resource"
	BodyColumn = "body"
)

// Inventory lists every column that holds ciphertext, besides the bodies of
// the record and the ring itself. A test holds it against the schema. What
// stands here is moved when its class is turned.
func Inventory() []Column {
	return []Column{
		{
			Table: "message", Column: "body", ID: "id", Class: Messages, Holds: "what a message says and where it goes",
			Old: func(root seal.Key, sealed []byte, row string) ([]byte, error) {
				return root.For("reach").For("message").Open(sealed, "message/"+row)
			},
		},
		{Table: "account_totp", Column: "seed", ID: "account", Class: Secrets, Holds: "the seed of an authenticator app"},
	}
}

// Brief is a column that is sealed under a key derived from Roots.Hash, with
// the row's id as its place. It is not moved when a class is turned, because
// nothing in it grows old.
type Brief struct{ Table, Column, Life, Holds string }

// Briefs lists them.
func Briefs() []Brief {
	return []Brief{
		{"draft", "sealed", "half an hour", "what somebody wrote in a form until they have proved who they are"},
		{"account_notice", "body", "until it is sent", "a notice to the owner of an account"},
	}
}

// Plainly is a column of bytes that is meant to lie there as it is.
type Plainly struct{ Table, Column, Why string }

// Opens lists them.
func Opens() []Plainly {
	return []Plainly{
		{"resource", "body", "what bears no sensitive label; the rest is under the patient's own key"},
		{"resource_version", "body", "likewise"},
		{"audit_hash", "hashes", "of the log's tree: they say nothing about what they stand for"},
	}
}

// Hashed is a column that holds hashes.
type Hashed struct {
	Table, Column string
	Keyed         bool // under a key derived from Roots.Hash; else plain SHA-256 of what nobody can guess
	Why           string
}

// Hashes lists every column that holds a hash. A keyed hash finds an equal
// value without keeping it; its key cannot be turned, because the values it
// stands for are not kept.
func Hashes() []Hashed {
	return []Hashed{
		{"account_session", "token_hash", false, "256 random bits"},
		{"account_code", "hash", true, "a six-digit code, for ten minutes"},
		{"account_limit", "bucket", true, "an address that tries to sign in"},
		{"account_session", "device", false, "random bits of the device's cookie"},
		{"account_device", "hash", false, "random bits"},
		{"account_password", "hash", false, "Argon2id with a salt of its own"},
		{"account_sheet", "hash", true, "the printed sheet's code"},
		{"account_assist", "hash", true, "a code given in person"},
		{"account_invite", "hash", false, "random bits"},
		{"account_move", "hash", true, "a code, for ten minutes"},
		{"account_cancel", "hash", false, "random bits"},
		{"account_slow", "bucket", true, "an address that tries to sign in"},
		{"proxy_invite", "hash", false, "random bits"},
		{"link", "token_hash", false, "random bits"},
		{"link_device", "hash", false, "random bits"},
		{"link_session", "hash", false, "random bits"},
		{"message", "address_hash", true, "an address that was written to"},
		{"message", "body_hash", true, "what was said, to prove it later"},
		{"suppression", "address_hash", true, "an address nothing may go to"},
		{"cap_ledger", "address_hash", true, "an address, to count what it gets"},
		{"resource", "digest", false, "of an open body; keyed with the patient's own key where the body is sealed"},
	}
}
