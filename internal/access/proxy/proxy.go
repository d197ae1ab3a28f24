// Package proxy holds who helps with whose record: how a helper is invited,
// what they may see and do, and how it ends.
//
// A helper has an account of their own. What is in force is one row of
// account_grant, which is read at every request: taking it away works at the
// next one, on every node. A parent's share narrows by the child's age on
// its own.
//
// Spec: 45 CFR 164.502(g), 164.510(b)
package proxy

import (
	"slices"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
)

// How long things last.
const (
	InviteLife = 7 * 24 * time.Hour       // an invitation
	Tries      = 5                        // of its code
	wrongTold  = 3                        // wrong codes that whoever invited hears of
	MaxLife    = 5 * 365 * 24 * time.Hour // what a patient may agree to at once
	Ahead      = 30 * 24 * time.Hour      // how early both sides hear of a birthday that changes something
	reviewIn   = 365 * 24 * time.Hour     // when the office looks at a paper again
	deviceLife = time.Hour                // between the right code and signing in
)

// State says how far it came.
type State string

// The states. A proxy that is joined waits for the patient's yes.
const (
	Invited  State = "invited"
	Joined   State = "joined"
	Active   State = "active"
	Ended    State = "ended"
	Declined State = "declined"
	Expired  State = "expired"
)

// Open says whether something can still come of it.
func (s State) Open() bool { return s == Invited || s == Joined || s == Active }

// Action is what a helper may do with what they may see.
type Action string

// The actions.
const (
	See   Action = "see"
	Book  Action = "book"  // book, move and cancel visits
	Write Action = "write" // write to the care team
)

// Actions are all of them.
var Actions = []Action{See, Book, Write}

// Limits are what a helper may see and do, and until when.
type Limits struct {
	Actions    []Action
	Categories []access.Category
	Labels     access.Label // the sensitive sorts that were opened by name
	Until      time.Time
}

// Has says whether the limits open c.
func (l Limits) Has(c access.Category) bool { return slices.Contains(l.Categories, c) }

// May says whether the limits allow act.
func (l Limits) May(act Action) bool { return slices.Contains(l.Actions, act) }

// Proxy is one person who helps, or is asked to help, one patient.
type Proxy struct {
	ID, Patient   string
	Account       string // empty until the helper joined
	State         State
	Helper        string // the helper's name
	Kind, Address string // where the invitation went: email or sms
	Basis         access.Basis
	Paper         string // the kind of document that the office saw
	PaperNote     string
	Limits
	AskedKind access.Kind
	AskedBy   string
	Confirm   bool // the patient has to say yes after the helper did
	Made      time.Time
	Since     time.Time // active since
	Review    time.Time // when the office looks at it again; zero: never
	Ended     time.Time
	EndedKind string // kind of the account that ended it; system: it ran out
	EndedWhy  string
	told      string
}

// Template is a usual share.
type Template struct {
	Key        string
	Actions    []Action
	Categories []access.Category
}

// Templates are the usual shares, the smallest first.
var Templates = []Template{
	{Key: "rides", Actions: []Action{See, Book}, Categories: []access.Category{access.Visits}},
	{Key: "medicines", Actions: []Action{See}, Categories: []access.Category{access.Visits, access.Medicines}},
	{Key: "bills", Actions: []Action{See}, Categories: []access.Category{access.Visits, access.Bills}},
	{Key: "everything", Actions: Actions, Categories: access.Categories},
}

// TemplateOf returns the template with that key.
func TemplateOf(key string) (Template, bool) {
	i := slices.IndexFunc(Templates, func(t Template) bool { return t.Key == key })
	if i < 0 {
		return Template{}, false
	}
	return Templates[i], true
}

// Papers are the documents that let the office set up a helper by itself.
var Papers = []string{"birth certificate", "custody order", "guardianship order", "health care power of attorney", "other"}

// Label names, as packs and forms write them.
var labelNames = []struct {
	label access.Label
	name  string
}{
	{access.SubstanceUse, "substance-use"}, {access.Part2, "part2"}, {access.MentalHealth, "mental-health"}, {access.HIV, "hiv"},
	{access.Reproductive, "reproductive"}, {access.MinorConfidential, "minor-confidential"},
}

// LabelNames are the sensitive sorts that can be opened by name. Notes of
// psychotherapy are no part of it.
func LabelNames() []string {
	list := make([]string, len(labelNames))
	for i, l := range labelNames {
		list[i] = l.name
	}
	return list
}

// LabelsOf adds up the labels with those names; others count for nothing.
func LabelsOf(names []string) access.Label {
	var sum access.Label
	for _, l := range labelNames {
		if slices.Contains(names, l.name) {
			sum |= l.label
		}
	}
	return sum
}

// NamesOf returns the names of the labels in sum.
func NamesOf(sum access.Label) []string {
	var list []string
	for _, l := range labelNames {
		if sum&l.label != 0 {
			list = append(list, l.name)
		}
	}
	return list
}

// Grant returns what the doors know of p, for a patient called name.
func (p Proxy) Grant(name string) access.Grant {
	return access.Grant{Patient: p.Patient, Name: name, Rights: p.rights(), Categories: p.Categories, Labels: p.Labels, Basis: p.Basis, Until: p.Until}
}

// rights returns the rights that the actions come to on the categories.
func (p Proxy) rights() []access.Right {
	var list []access.Right
	add := func(ok bool, rights ...access.Right) {
		if ok {
			list = append(list, rights...)
		}
	}
	part := func(c access.Category) bool { return p.Has(c) }
	see := p.May(See)
	add(see && (part(access.Results) || part(access.Medicines) || part(access.Conditions) || part(access.Documents)), access.ReadRecord)
	add(see && part(access.Medicines), access.AskMedicines)
	add(see && part(access.Results), access.SendReadings)
	add(see && part(access.Visits), access.ReadVisits)
	add(see && part(access.Bills), access.PayBills)
	add(see && part(access.Visits) && p.May(Book), access.BookVisits)
	add(see && part(access.Messages), access.ReadMessages, access.ReadMessage)
	add(see && part(access.Messages) && p.May(Write), access.SendMessages)
	add(p.Representative(), access.AskPrivacy)
	return list
}

// Representative says whether the law sees the helper as the patient: they
// may ask what a patient may ask.
//
// Spec: 45 CFR 164.502(g)(1)
func (p Proxy) Representative() bool { return p.Basis != access.ByPatient }

// Labels that nobody opens for somebody else.
const never = access.PsychNotes

// The refusals.
var (
	errLimits  = errs.New(errs.Invalid, "Please choose at least one thing to share.")
	errUntil   = errs.New(errs.Invalid, "Please choose a last day between tomorrow and five years from now.")
	errName    = errs.New(errs.Invalid, "Please write the helper’s name.")
	errAddress = errs.New(errs.Invalid, "Please enter an email address or a phone number with area code.")
	errPaper   = errs.New(errs.Invalid, "Please say which document you saw.")
	errThere   = errs.New(errs.Conflict, "This person helps already, or is invited.")
	errNoSuch  = errs.New(errs.NotFound, "We could not find that.")
	errLate    = errs.New(errs.Conflict, "That has ended already.")
	errNoLink  = errs.New(errs.NotFound, "This link does not work any more. Please ask for a new one.")
	errCode    = errs.New(errs.Invalid, "That code did not work. Please check it with the person who asked you.")
	errOwn     = errs.New(errs.Invalid, "This is your own record. You need no help to open it.")
	errPrivate = errs.New(errs.Invalid, "Please sign in with your own private account to help somebody.")
	errBlocked = errs.New(errs.Forbidden, "We cannot set this up. Please call us.")
)

// check tidies the limits and refuses what cannot be.
func (l Limits) check(now time.Time) (Limits, error) {
	l.Actions = known(Actions, l.Actions)
	l.Categories = known(access.Categories, l.Categories)
	if !slices.Contains(l.Actions, See) {
		l.Actions = append([]Action{See}, l.Actions...)
	}
	if !l.Has(access.Visits) {
		l.Actions = slices.DeleteFunc(l.Actions, func(a Action) bool { return a == Book })
	}
	if !l.Has(access.Messages) {
		l.Actions = slices.DeleteFunc(l.Actions, func(a Action) bool { return a == Write })
	}
	l.Labels &^= never
	switch {
	case len(l.Categories) == 0:
		return l, errLimits
	case !l.Until.After(now) || l.Until.After(now.Add(MaxLife+24*time.Hour)):
		return l, errUntil
	}
	return l, nil
}

// known returns what of list is in all, in the order of all.
func known[T comparable](all, list []T) []T {
	var out []T
	for _, x := range all {
		if slices.Contains(list, x) {
			out = append(out, x)
		}
	}
	return out
}

func joined[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, " ")
}

func split[T ~string](text string) []T {
	var list []T
	for w := range strings.FieldsSeq(text) {
		list = append(list, T(w))
	}
	return list
}
