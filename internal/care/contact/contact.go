// Package contact says where and how a person wants to be reached.
//
// Contact points are a view of Patient.telecom; what happened to an address
// (it bounced, it was the wrong person's) stays when the record is written
// again. An address on several patients is shared, and carries less.
//
// Spec: https://hl7.org/fhir/R4/datatypes.html#ContactPoint
package contact

import (
	"net/mail"
	"strings"
	"time"

	"hale/internal/base/phone"
)

// Kind is a sort of address.
type Kind string

// The kinds.
const (
	Email Kind = "email"
	SMS   Kind = "sms"   // takes texts
	Voice Kind = "voice" // takes calls only
)

// Status says whether an address works.
type Status string

// The statuses.
const (
	Active      Status = "active"
	Bounced     Status = "bounced"
	OptedOut    Status = "opted_out"
	WrongPerson Status = "wrong_person"
	Gone        Status = "gone"
)

// Point is one address of a patient.
type Point struct {
	Patient string
	Kind    Kind
	Value   string
	Status  Status
	Shared  bool
	Rank    int
	Use     string
	Zone    string
	Updated time.Time

	Since     time.Time // on this patient; zero: not known
	Confirmed time.Time // last proven to be theirs; zero: never
}

// Proven is since when nobody has shown that p is still the patient's; zero:
// not known.
func (p Point) Proven() time.Time {
	if p.Confirmed.After(p.Since) {
		return p.Confirmed
	}
	return p.Since
}

// Masked names the address without telling it: ending in 42, m…@example.org.
func (p Point) Masked() string { return Mask(p.Kind, p.Value) }

// Mask names an address without telling it.
func Mask(kind Kind, value string) string {
	if kind == Letter {
		return "" // no part of a postal address is less than the town
	}
	if kind != Email {
		return phone.Number(value).Last2()
	}
	name, domain, _ := strings.Cut(value, "@")
	if name == "" {
		return ""
	}
	return name[:1] + "…@" + domain
}

// Preference is what a patient asked for, about one topic or, with topic *,
// all others.
type Preference struct {
	Topic      string   // a purpose's key, or *
	Channels   []string // best first
	Lang       string
	HourFrom   int // local hours; 0 and 0: no wish
	HourTo     int
	LargePrint bool
	Pace       string // Daily, or "": as it comes
	Untracked  bool   // mails tell us nothing about what they open; of topic * alone
}

// Daily is the pace of those who want one message a day.
const Daily = "daily"

// Normal returns value as contact points keep it, or "" if it is no address
// of that kind.
func Normal(kind Kind, value string) string {
	value = strings.TrimSpace(value)
	if kind != Email {
		n, err := phone.Parse(value, "US")
		if err != nil {
			return ""
		}
		return string(n)
	}
	a, err := mail.ParseAddress(value)
	if err != nil || len(a.Address) > 254 || strings.ContainsAny(a.Address, "\r\n\" ") {
		return ""
	}
	return strings.ToLower(a.Address)
}
