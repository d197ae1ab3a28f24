package account

import (
	"slices"
	"time"

	"hale/internal/access"
)

// reach returns the furthest zone that the way of signing in opens.
//
// What a code alone opened stays low however it is dressed up: a weak
// credential reaches what the code did, and after the hold, when nobody took
// the notice back, the portal. It never reaches further, so no way leads from
// a mailbox and a telephone number to what is sensitive.
func (e Entry) reach(now time.Time, r Rules) access.Zone {
	most := e.best()
	switch {
	case e.How == ByDemo || most == access.NoZone:
		return most
	case e.second || e.short && e.How == ByPassword:
		return access.NoZone
	case e.Kind == access.Staff:
		return e.staff(most, r)
	case e.weak && !e.known && now.Before(e.made.Add(r.hold())):
		return min(most, access.LinkZone)
	case e.weak:
		return min(most, access.PortalZone)
	}
	return most
}

// best is how far the way reaches with a credential that was proved.
func (e Entry) best() access.Zone {
	switch e.How {
	case ByPasskey, ByDemo:
		return access.AccountZone
	case ByPasswordTOTP, ByCodeTOTP, ByTOTP, BySSOMFA:
		if e.noKey { // the best there is, so that a passkey can be added
			return access.AccountZone
		}
		return access.StepUpZone
	case ByPassword, ByPasswordCode, ByKnownDevice, ByCodes:
		return access.PortalZone
	case ByCode:
		if e.first {
			return access.PortalZone
		}
		return access.LinkZone
	}
	return access.NoZone
}

// staff is reach for those who work here: two factors, each proved, and a
// passkey of administrators where the clinic asks for it.
func (e Entry) staff(most access.Zone, r Rules) access.Zone {
	if e.weak || most < access.StepUpZone {
		return access.NoZone
	}
	if r.AdminPasskey && e.How != ByPasskey && slices.Contains(e.Roles, access.Admin) {
		return access.NoZone
	}
	return most
}

// enrols says whether a session begun so must make a credential before
// anything else.
func (h How) enrols() bool { return h == BySheet || h == ByStaff || h == ByInvite }

// fresh says whether the session reaches zone with a proof that is not too
// old.
func (in Session) fresh(zone access.Zone, now time.Time) bool {
	age := access.StepUpAge
	if zone == access.AccountZone {
		age = access.AccountAge
	}
	since := now.Sub(in.Proved) // below zero where a clock was set back: that is no fresh proof
	return in.Zone >= zone && !in.Proved.IsZero() && since <= age && since >= -time.Minute
}

func (r Rules) hold() time.Duration {
	if r.Hold == 0 {
		return 72 * time.Hour
	}
	return min(max(r.Hold, 24*time.Hour), 72*time.Hour)
}

// rest returns how long a session may rest before it is locked.
func (r Rules) rest(kind access.Kind, shared bool) time.Duration {
	switch {
	case shared:
		return or(r.SharedRest, SharedIdle)
	case kind == access.Staff:
		return or(r.StaffRest, StaffIdle)
	}
	return or(r.PatientRest, PatientIdle)
}

// life returns how long a session may last at most.
func life(e Entry, zone access.Zone, trust bool) time.Duration {
	switch {
	case zone == access.NoZone && e.How.enrols():
		return time.Hour
	case zone == access.NoZone:
		return HalfLife
	case e.Kind == access.Staff:
		return StaffLife
	case trust && zone >= access.PortalZone:
		return TrustLife
	}
	return PatientLife
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
