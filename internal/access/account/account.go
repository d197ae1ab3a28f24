package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/ids"
	"hale/internal/base/phone"
	"hale/internal/base/seal"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// How long things last.
const (
	CodeLife     = 10 * time.Minute
	Tries        = 5 // of one sign-in, over all codes that were sent for it
	StaffIdle    = 15 * time.Minute
	PatientIdle  = 30 * time.Minute
	SharedIdle   = 5 * time.Minute
	StaffLife    = 12 * time.Hour
	PatientLife  = 24 * time.Hour
	HalfLife     = 15 * time.Minute // of a session that still needs a factor
	seenEvery    = time.Minute      // how often a session's last use is written down
	ceremonyLife = 5 * time.Minute
)

// Account is one person who can sign in.
type Account struct {
	ID           string
	Kind         access.Kind // Patient, Proxy or Staff
	Name         string
	Patient      string // the person's own record, empty for those without one
	Roles        []access.Role
	Email, Phone string // where codes go; phone is E.164
	Lang         string // BCP 47, empty: as the browser asks
	Created      time.Time
	CodeSignIns  int // how often a code was used, so that a passkey is offered the second time
}

// Session is one signed-in device.
type Session struct {
	ID, Account   string
	Lang          string // the account's
	Agent         string // the browser and system in plain words
	Created, Seen time.Time
	Expires       time.Time // at the latest; idle locks it sooner

	Kind    access.Kind // the account's
	How     How
	Zone    access.Zone // the furthest it reaches now; NoZone: see Needs
	Proved  time.Time   // the last strong proof; zero: none
	Trusted bool        // the owner's own device: locked, not ended, when it rests
	Rest    time.Duration

	sent string // where its code went: email or sms
}

// Delivery is a code on its way to somebody.
type Delivery struct {
	Channel string // email or sms
	To      string
	Code    string
	Lang    string
	Patient string // whose record the address is on, empty for staff
}

// Directory knows the people on record who may have no account yet.
type Directory interface {
	// PatientsAt returns the ids of the patients whose record has the address;
	// kind is email or sms.
	PatientsAt(ctx context.Context, kind, value string) ([]string, error)
	// BornOn says whether the patient was born on date, as in 1961-04-27.
	BornOn(ctx context.Context, patient, date string) (bool, error)
	// Person returns a patient's name and language.
	Person(ctx context.Context, patient string) (name, language string, err error)
}

// Store keeps accounts, their sessions, codes and passkeys.
type Store struct {
	db   *db.DB
	ids  *ids.Source
	now  func() time.Time
	key  seal.Key // hashes codes and addresses
	dir  Directory
	log  *audit.Log
	ages access.AgeRules // nil: no grant narrows with age

	rules   Rules
	notices Notices // nil: they wait
	sealer  Sealer
	watched func(ctx context.Context, patient string) (bool, error)
	gate    *gate
	changed func() // after an account was shut or let in again; may be nil
	shut    Shut   // may be nil
}

// NewStore returns a store. Without WithDirectory only those with an account
// can sign in.
func NewStore(d *db.DB, ids *ids.Source, now func() time.Time, key seal.Key) *Store {
	key = key.For("account")
	return &Store{
		db: d, ids: ids, now: now, key: key, dir: nobody{}, log: audit.NewLog(d, ids, now),
		sealer: keySealer{key.For("secret")}, gate: newGate(),
		watched: func(context.Context, string) (bool, error) { return false, nil },
	}
}

// nobody is the directory of a site that has no record.
type nobody struct{}

func (nobody) PatientsAt(context.Context, string, string) ([]string, error)  { return nil, nil }
func (nobody) BornOn(context.Context, string, string) (bool, error)          { return false, nil }
func (nobody) Person(context.Context, string) (name, lang string, err error) { return "", "", nil }

// The refusals, one text for all the reasons that must look alike.
var (
	errAddress  = errs.New(errs.Invalid, "Please enter an email address or a phone number with area code.")
	errCode     = errs.New(errs.Invalid, "That code did not work. Check the newest message from us, or ask for a new code.")
	errBorn     = errs.New(errs.Invalid, "That date did not match. Please check it and try again, or call us.")
	errTooMany  = errs.New(errs.TooMany, "That was many tries in a short time. Please wait a few minutes, or call us.")
	errSignIn   = errs.New(errs.Unauthenticated, "Please sign in.")
	errPasskey  = errs.New(errs.Invalid, "That passkey did not work here. Sign in with a code, then add it again.")
	errNoOne    = errs.New(errs.NotFound, "We could not find that account.")
	errIsTaken  = errs.New(errs.Conflict, "There is already an account for this person.")
	errPassword = errs.New(errs.Invalid, "That address and password do not match. Please check both, or sign in with a code.")
	errTOTP     = errs.New(errs.Invalid, "Those six digits did not work. Wait for the next ones in your app and try again.")
	errSheet    = errs.New(errs.Invalid, "That recovery code did not work. Please check every word on your sheet.")
	errAssist   = errs.New(errs.Invalid, "That code did not work. It lasts 15 minutes; please ask us for a new one.")
	errInvite   = errs.New(errs.Invalid, "This link has been used or is too old. Please ask us for a new one.")
	errCancel   = errs.New(errs.NotFound, "This link has been used or is too old. If something is wrong, please call us.")
	errAgain    = errs.New(errs.StepUp, "Please show again that it is you.")
	errNotYours = errs.New(errs.NotFound, "We could not find that.")
)

// ErrBorn is what FinishCode returns when the code was right and the person
// must still give the date of birth: the first time, or when several people
// share the address.
var ErrBorn = errs.New(errs.Unauthenticated, "One more step: your date of birth.")

// address is where a code can go.
type address struct {
	kind  string // email or sms
	value string
}

// parseAddress reads what a person typed.
func parseAddress(text string) (address, error) {
	text = strings.TrimSpace(text)
	if len(text) > 254 {
		return address{}, errAddress
	}
	if local, host, ok := strings.Cut(text, "@"); ok {
		bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>,;:"()[]\@`, r) }
		if local == "" || !strings.Contains(host, ".") || strings.ContainsFunc(local, bad) || strings.ContainsFunc(host, bad) ||
			strings.HasPrefix(host, ".") || strings.HasSuffix(host, ".") {
			return address{}, errAddress
		}
		return address{kind: "email", value: strings.ToLower(text)}, nil
	}
	n, err := phone.Parse(text, "US")
	if err != nil {
		return address{}, errAddress
	}
	return address{kind: "sms", value: string(n)}, nil
}

func joinRoles(roles []access.Role) string {
	text := make([]string, len(roles))
	for i, r := range roles {
		text[i] = string(r)
	}
	slices.Sort(text)
	return strings.Join(text, " ")
}

func splitRoles(text string) []access.Role {
	var roles []access.Role
	for f := range strings.FieldsSeq(text) {
		roles = append(roles, access.Role(f))
	}
	return roles
}
