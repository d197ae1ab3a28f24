// Package keys holds the ring of keys under which secrets and sensitive
// parts of the record lie in the database.
//
// It is a tree. A key-encryption key outside Hale (a file, a passphrase, a
// Vault) wraps the root; the root wraps one key per class; the class
// patients wraps one key per person, so that a person's sensitive segments
// can be made unreadable for good by erasing one row. Turning a class makes a
// new key active at once; what lies under the old one is moved in the
// background, and the old key is erased a day after nothing is left.
//
// Spec: NIST SP 800-57 part 1, section 8.3.4 (destruction)
package keys

import (
	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

// Class says what a key is for.
type Class string

// The classes. Root and Patient are not sealed under by class: the root
// lies outside, and each patient has a key of her own.
const (
	Root     Class = "root"
	Secrets  Class = "secrets"  // TOTP seeds, client secrets, credentials of other systems
	Messages Class = "messages" // what messages say and where they go
	Audit    Class = "audit"    // keys that sign the log
	Patients Class = "patients" // wraps the keys of patients
	Patient  Class = "patient"  // one person's sensitive segments
)

// Classes are those that have one active key each and can be turned.
func Classes() []Class { return []Class{Secrets, Messages, Audit, Patients} }

// State is what a key may still do.
type State string

// The states.
const (
	Active    State = "active"    // seals and opens
	Retired   State = "retired"   // opens only; what lies under it is being moved
	Destroyed State = "destroyed" // is erased
)

// The errors.
var (
	// ErrShredded says that the key is erased: nothing can open this again.
	ErrShredded = errs.New(errs.NotFound, "This was erased for good and cannot be read again.")

	errWrongRoot = errs.New(errs.Invalid, "The key does not belong to this database. Is it the right hale.key or hale.keys?")
	errUnknown   = errs.New(errs.Internal, "A key is missing from the ring.")
)

// kept is where a key lies in the database.
func kept(kid string) seal.Place {
	return seal.Place{Table: "data_key", Column: "wrapped", Row: kid}
}

// Roots are the secrets above the ring, and what else lies outside the
// database with them.
type Roots struct {
	Root   seal.Key   // wraps the keys of the classes
	Before []seal.Key // roots that a change under way has not replaced everywhere
	Hash   seal.Key   // keyed hashes and what else is derived, never turned
	File   seal.Key   // the SQLite file
	Next   seal.Key   // the file's new key while it is being rewritten; the zero Key otherwise
}

// Plain are the roots of an installation whose one key does everything.
func Plain(key seal.Key) Roots { return Roots{Root: key.For("root"), Hash: key, File: key} }

// all are the roots that may have wrapped something.
func (r Roots) all() []seal.Key { return append([]seal.Key{r.Root}, r.Before...) }
