package account

import (
	"time"

	"hale/internal/access"
)

// How says by what somebody signed in.
type How string

// The ways. Their names are kept in the database and in the audit log.
const (
	ByCode         How = "code"          // a code, on a device we do not know
	ByKnownDevice  How = "code+device"   // a code, on a device we know
	ByCodes        How = "codes"         // a code by e-mail and one by text
	ByPasskey      How = "passkey"       // phishing-resistant, the device verified its user
	ByPassword     How = "password"      // a password alone
	ByPasswordCode How = "password+code" // and a code
	ByPasswordTOTP How = "password+totp" // and the digits of an app
	ByCodeTOTP     How = "code+totp"     // a code and the digits of an app
	ByTOTP         How = "totp"          // the digits alone, on top of a session
	BySSO          How = "sso"           // single sign-on without a second factor
	BySSOMFA       How = "sso+mfa"       // and with one
	BySheet        How = "recovery"      // the printed sheet
	ByStaff        How = "assisted"      // somebody at the clinic saw an ID
	ByInvite       How = "invite"        // a link or letter that enrols
	ByDemo         How = "demo"
)

// Entry is somebody who proved who they are. Only this package makes one.
type Entry struct {
	Account
	How How

	weak   bool      // the credential was made in a session that a code alone had opened
	made   time.Time // when the credential was made: a weak one ripens
	noKey  bool      // the account has no proved passkey, so this is its best
	short  bool      // a password too short to stand alone
	second bool      // the account asks for a second factor
	known  bool      // the account knows the device
	first  bool      // the first device of an account that has nothing better
	at     time.Time // when somebody else proved it, if told: zero is unknown
	told   bool
	sent   string // where its code went: email or sms
}

// Browser is where somebody signs in.
type Browser struct {
	Agent  string // the User-Agent header
	Device string // the device cookie, empty where there is none
	Shared bool   // a workstation that others use too: it locks sooner
	Trust  bool   // patients: stay signed in for ninety days, locked when it rests
}

// Entered is a session that was begun or proved again.
type Entered struct {
	Token  string // for the session's cookie; it takes the place of the one before
	Device string // for the device's cookie, good for DeviceLife
	Zone   access.Zone
}

// Factor is a thing that proves who somebody is.
type Factor string

// The factors.
const (
	PasskeyFactor  Factor = "passkey"
	TOTPFactor     Factor = "totp"
	CodeFactor     Factor = "code" // to the other address
	PasswordFactor Factor = "password"
)

// Needs says what a session without a zone still needs.
type Needs struct {
	Give  []Factor // any of these; best first
	Enrol []Factor // or make one of these
	Skip  bool     // or go on without: somebody saw an ID, and there is no device for a passkey
}
