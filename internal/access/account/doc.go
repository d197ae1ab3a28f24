// Package account holds who can sign in, and how they prove it.
//
// Passkeys come first and nobody needs a password. A code to a phone or a
// mailbox opens the low-risk part of the portal, never what is sensitive:
// from e-mail and texts alone no way leads to access.StepUpZone or beyond.
// Somebody who is on record but has no account yet gets one by a code and
// the date of birth, which is a key to match by and no proof. Whether an
// address is known shows in no answer and in no waiting time.
//
// # Signing in
//
// Every way ends in an Entry, and Enter makes the session of it:
//
//	StartCode, SendAgain, Masked, FinishCode, FinishBorn, Others, FinishAs  a code
//	SecondCode, StepCode                                                    a code to the other address, too (StepUp)
//	Passkeys.BeginLogin, FinishLogin                                        a passkey (conditional UI: the same options)
//	Password                                                                an address and a password
//	Sheet                                                                   the printed recovery sheet
//	Assisted                                                                the code that staff made in person
//	Invited                                                                 the link or letter that enrols
//	SignedOn                                                                single sign-on (package sso)
//	Vouched                                                                 the demo alone
//
//	Enter(ctx, entry, browser) (Entered, error)
//
// Where Session.Zone is access.NoZone a factor is missing: Needs says which
// may be given (Second…) or made (BeginPasskey, NewTOTP). The actor of such a
// session can do nothing.
//
// # Proving it again
//
//	Passkeys.BeginStepUp, FinishStepUp   a passkey
//	StepPassword                         the password and the app's digits
//	StepTOTP                             the app's digits, for staff and for a missing factor
//	StepUp(ctx, token, entry, browser)   the session with a new token and a fresh proof
//	Locked(ctx, token)                   the session that rested too long; StepUp opens it again
//
// # Changing it
//
// Each takes the Session and wants access.AccountZone of it, else the error's
// kind is errs.StepUp; an account without anything strong may make weak ones.
//
//	Passkeys.BeginPasskey, FinishPasskey; Store.Passkeys, RemovePasskey
//	SetPassword, RemovePassword
//	NewTOTP, ConfirmTOTP, RemoveTOTP
//	MakeSheet
//	BeginMove, FinishMove, Moves, CancelMove   another e-mail address or phone number
//	Sessions, Revoke, RevokeOthers, EndSession, Devices, ForgetDevice
//	Security                                   what the account has, for the settings page
//	Cancel, CancelOf                           the link in a notice
//
// # Staff
//
//	Assist, ApproveAssist        help in person
//	Invite                       a link that enrols
//	Disable, Enable, Reset, RevokeAll, RevokeEverybody, Staff, Members, Link, Unlink
//
// # Regular work
//
//	Sweep   notices, unfinished second factors, moves that are due
//
// Spec: NIST SP 800-63B-4, https://www.w3.org/TR/webauthn-3/, RFC 6238
package account
