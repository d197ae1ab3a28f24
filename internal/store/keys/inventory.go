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
		{Table: "intent_values", Column: "sealed", ID: "intent", Class: Messages, Holds: "what one message is filled with beside the record"},
		{Table: "message_base", Column: "sealed", ID: "id", Class: Messages, Holds: "what the messages of one text have in common"},
		{Table: "account_totp", Column: "seed", ID: "account", Class: Secrets, Holds: "the seed of an authenticator app"},
		{Table: "blob", Column: "wrapped", ID: "name", Class: Secrets, Holds: "the key of one file in the blob folder"},
		{Table: "subscription", Column: "body", ID: "id", Class: Secrets, Holds: "a client's subscription, with the headers that it wants back and what signs its notifications"},
		{Table: "app_key", Column: "sealed", ID: "kid", Class: Secrets, Holds: "a key that signs who signed in, for apps"},
		{Table: "share", Column: "sealed", ID: "id", Class: Secrets, Holds: "a link to a summary, with the key to it"},
		{Table: "dialog", Column: "contact", ID: "id", Class: Messages, Holds: "the address that a conversation last heard from"},
		{Table: "dialog_entry", Column: "body", ID: "id", Class: Messages, Holds: "what somebody said in a conversation"},
		{Table: "thread_note", Column: "body", ID: "id", Class: Messages, Holds: "what the staff note for each other on a thread"},
		{Table: "text_report", Column: "body", ID: "id", Class: Messages, Holds: "what a provider of texts reported, as it came"},
		{Table: "pickup_phrase", Column: "sealed", ID: "patient", Class: Secrets, Holds: "the words by which a patient knows our messages"},
		{Table: "webhook", Column: "body", ID: "id", Class: Secrets, Holds: "where events of outreach are told, and what signs them"},
		{Table: "mail_key", Column: "sealed", ID: "id", Class: Secrets, Holds: "a key that signs outgoing mail"},
		{Table: "mail_in", Column: "sealed", ID: "id", Class: Messages, Holds: "mail that came back or was answered, until it is dealt with"},
		{Table: "saved", Column: "sealed", ID: "id", Class: Messages, Holds: "what somebody has begun to write in a form and not sent yet"},
		{Table: "form_lead", Column: "sealed", ID: "id", Class: Messages, Holds: "what a stranger wrote in a form on the web"},
		{Table: "brought", Column: "sealed", ID: "id", Class: Secrets, Holds: "a summary from elsewhere, until it is sent to the clinic or its day is over"},
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
		{"app_client", "logo", "the picture of an app, drawn anew"},
		{"track_log", "facts", "which programs fetched what from which messages; it names no person and no address"},
		{"audit_fresh", "rows", "of the audit log, which lies open, until the notary gives each its place"},
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
		{"app_client", "secret_hash", false, "256 random bits"},
		{"app_code", "hash", false, "256 random bits"},
		{"app_token", "hash", false, "256 random bits"},
		{"app_launch", "hash", false, "256 random bits"},
		{"share", "hash", false, "random bits"},
		{"share", "passcode", true, "a passcode that asks beside a link; its wrong tries are counted for good"},
		{"link", "bound_device_hash", false, "random bits"},
		{"outreach_key", "hash", false, "256 random bits"},
		{"link_code", "hash", true, "a six-digit code, for ten minutes"},
		{"link_device", "hash", false, "random bits"},
		{"link_session", "hash", false, "random bits"},
		{"message", "address_hash", true, "an address that was written to"},
		{"message", "body_hash", true, "what was said, to prove it later"},
		{"suppression", "address_hash", true, "an address nothing may go to"},
		{"suppression_log", "address_hash", true, "an address that was blocked or let go"},
		{"digest_part", "address_hash", true, "an address that gets one message a day"},
		{"text_spend", "bucket", true, "a number or a network that asks for texts, to count them; prefixes lie open"},
		{"cap_ledger", "address_hash", true, "an address, to count what it gets"},
		{"mail_in", "digest", true, "a letter as it came, to know it when it comes again"},
		{"bounce", "address_hash", true, "an address that mail came back from"},
		{"dialog", "address_hash", true, "an address that wrote and of which nobody knows whose it is"},
		{"text_asked", "address_hash", true, "an address that was asked what its STOP means"},
		{"subscription_token", "token", false, "256 random bits, for a minute"},
		{"form_lead", "token_hash", false, "256 random bits"},
		{"checkin_said", "digest", true, "what was said at a step of checking in, to know it when it comes again"},
		{"form_limit", "bucket", true, "a network that sends forms from the web, to count them"},
		{"resource", "digest", false, "of an open body; keyed with the patient's own key where the body is sealed"},
	}
}
