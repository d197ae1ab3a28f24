package account

import "time"

// Rules are what a clinic may set, within bounds. The zero value is the
// default of each.
type Rules struct {
	Hold         time.Duration // nothing takes an account over for so long after a recovery or a new address: 24 to 72 h; 0: 72 h
	AdminPasskey bool          // administrators need a passkey
	PatientRest  time.Duration // 0: 30 min
	StaffRest    time.Duration // 0: 15 min
	SharedRest   time.Duration // a shared workstation; 0: 5 min
}

// How long things last.
const (
	TrustLife       = 90 * 24 * time.Hour  // a patient's own phone
	DeviceLife      = 400 * 24 * time.Hour // a device's cookie, as long as browsers keep one
	AssistLife      = 15 * time.Minute
	InviteLife      = 24 * time.Hour
	LetterLife      = 14 * 24 * time.Hour // an invitation printed for a patient
	CancelLife      = 7 * 24 * time.Hour
	UnfinishedAfter = 3 * time.Minute
)
