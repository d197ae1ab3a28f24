package client

import (
	"net/url"

	"hale/internal/access"
	"hale/internal/standard/smart"
)

// User is the resource that says who signed in.
type User struct{ Type, ID string }

// FHIRUser returns the resource that stands for a, who let an app into the
// record of patient: a person's own Patient, for staff a Practitioner, for
// who only helps a RelatedPerson.
//
// Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
func FHIRUser(a access.Actor, patient string) (User, bool) {
	switch {
	case a.Kind == access.Staff:
		return User{"Practitioner", "account-" + a.ID}, true
	case a.Patient != "":
		return User{"Patient", a.Patient}, true
	case a.Kind == access.Proxy && patient != "":
		return User{"RelatedPerson", "account-" + a.ID + "-" + short(patient)}, true
	}
	return User{}, false
}

// short keeps an id within the 64 characters of FHIR.
func short(id string) string { return id[max(0, len(id)-26):] }

// String returns the reference: Patient/1.
func (u User) String() string { return u.Type + "/" + u.ID }

// scope lets an app read that one resource.
func (u User) scope() smart.Scope {
	return smart.Scope{Context: smart.OfUser, Type: u.Type, Verbs: smart.Read, Query: url.Values{"_id": {u.ID}}}
}
