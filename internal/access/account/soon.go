package account

import (
	"context"
	"time"

	"hale/internal/access"
)

// SecondCode sends a code to the account's other address, for a session that
// a code at the first had begun, or that wants a factor. Its challenge is
// finished by StepCode.
func (s *Store) SecondCode(ctx context.Context, in Session) (challenge string, send *Delivery, err error) {
	return "", nil, errNotYours
}

// StepCode takes the code of SecondCode.
func (s *Store) StepCode(ctx context.Context, in Session, challenge, code string) (Entry, error) {
	return Entry{}, errNotYours
}

// Password takes an address and a password. An unknown address, an account
// without a password and a wrong one fail alike and take as long.
func (s *Store) Password(ctx context.Context, b Browser, address, password string) (Entry, error) {
	return Entry{}, errPassword
}

// StepPassword proves the session's owner again: the password and, where the
// account has it, the app's digits.
func (s *Store) StepPassword(ctx context.Context, in Session, b Browser, password, digits string) (Entry, error) {
	return Entry{}, errPassword
}

// SetPassword sets the account's password. context are words that must not
// be it: the clinic's name. Errors of kind Invalid say what is wrong with it.
func (s *Store) SetPassword(ctx context.Context, in Session, password string, context ...string) error {
	return errPassword
}

// RemovePassword takes the password away.
func (s *Store) RemovePassword(ctx context.Context, in Session) error { return errNotYours }

// TOTP is an authenticator app under way: its secret in base32 for typing
// and the otpauth URL for a QR code.
type TOTP struct{ Secret, URL string }

// NewTOTP begins adding an app; it counts after ConfirmTOTP. issuer is the
// clinic's name as the app lists it.
func (s *Store) NewTOTP(ctx context.Context, in Session, issuer string) (TOTP, error) {
	return TOTP{}, errNotYours
}

// ConfirmTOTP takes the app's first digits. Where a session wanted an app
// before anything else, it goes on under the token returned.
func (s *Store) ConfirmTOTP(ctx context.Context, in Session, token string, b Browser, digits string) (Entered, error) {
	return Entered{}, errNotYours
}

// RemoveTOTP takes the app away.
func (s *Store) RemoveTOTP(ctx context.Context, in Session) error { return errNotYours }

// StepTOTP takes the app's digits on top of a session.
func (s *Store) StepTOTP(ctx context.Context, in Session, b Browser, digits string) (Entry, error) {
	return Entry{}, errNotYours
}

// SheetCode is a new recovery code. It is shown once.
type SheetCode struct {
	Groups []string // six groups of words, to print large and to type
	QR     string   // the same for a QR code
}

// MakeSheet makes the account's recovery sheet; the one before is void.
func (s *Store) MakeSheet(ctx context.Context, in Session) (SheetCode, error) {
	return SheetCode{}, errNotYours
}

// Sheet takes the code of a recovery sheet, once, as typed or as scanned.
func (s *Store) Sheet(ctx context.Context, code string) (Entry, error) {
	return Entry{}, errSheet
}

// Help is help in person under way.
type Help struct {
	ID      string
	Account Account
	Staff   string // account id of who began it
	Proof   string
	Reason  string
	Created time.Time
	Code    string // for the patient to type; empty while a second member of staff is awaited
	Expires time.Time
}

// Assist makes a code for somebody whose ID a member of staff has seen:
// proof says which, as in "driver's license". For patients who are watched
// more closely the code comes from ApproveAssist.
func (s *Store) Assist(ctx context.Context, pass access.Pass, account, proof, reason string) (Help, error) {
	return Help{}, errNotYours
}

// ApproveAssist is the second member of staff's word; it returns the code.
func (s *Store) ApproveAssist(ctx context.Context, pass access.Pass, id string) (Help, error) {
	return Help{}, errNotYours
}

// Assists returns the help that waits for a second member of staff.
func (s *Store) Assists(ctx context.Context, pass access.Pass) ([]Help, error) { return nil, nil }

// Assisted takes the code that staff made.
func (s *Store) Assisted(ctx context.Context, code string) (Entry, error) { return Entry{}, errAssist }

// Invite makes a link's token that enrols the account's owner, once, within
// life. by is an account's id, or "console".
func (s *Store) Invite(ctx context.Context, by, account string, life time.Duration) (token string, err error) {
	return "", errNotYours
}

// InvitedName returns whose name an invitation shows before it is used up.
func (s *Store) InvitedName(ctx context.Context, token string) (string, error) {
	return "", errInvite
}

// Invited takes an invitation, once, by the owner's own action.
func (s *Store) Invited(ctx context.Context, token string) (Entry, error) {
	return Entry{}, errInvite
}

// Needs says what the session still needs. It is empty for one that has a
// zone.
func (s *Store) Needs(ctx context.Context, in Session) (Needs, error) { return Needs{}, nil }

// Skip lets a session that staff had helped with go on without a passkey.
func (s *Store) Skip(ctx context.Context, in Session, token string, b Browser) (Entered, error) {
	return Entered{}, errNotYours
}

// Known is a device that the account was used on.
type Known struct {
	ID            string
	Agent         string
	Created, Seen time.Time
	Trusted       bool // a code on it opens the portal
}

// Devices returns the account's devices, the last used first.
func (s *Store) Devices(ctx context.Context, account string) ([]Known, error) { return nil, nil }

// ForgetDevice makes a device unknown and signs it out.
func (s *Store) ForgetDevice(ctx context.Context, in Session, id string) error { return errNotYours }

// Security is what an account has to sign in with.
type Security struct {
	Passkeys  []Passkey
	Password  bool
	TOTP      bool
	Sheet     time.Time // when the sheet was made; zero: none
	Moves     []Move
	HoldUntil time.Time // zero: no hold
	Proved    bool      // the person was vouched for, so that credentials can be strong
	Strong    bool      // has something that reaches StepUpZone
}

// Security returns what the account has.
func (s *Store) Security(ctx context.Context, account string) (Security, error) {
	return Security{}, nil
}
