// Package bill holds what patients owe and what was paid: FHIR Invoices and
// ExplanationOfBenefits as they came, and a ledger of payments beside them.
//
// An invoice says what was asked for and never what was paid: what is left is
// its total less the ledger, unless the biller calls it balanced. The ledger
// only grows; what comes back is a row below zero.
//
// Spec: https://hl7.org/fhir/R4/invoice.html, explanationofbenefit.html,
// paymentnotice.html
package bill

import (
	"cmp"
	"slices"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/money"
)

// Status is how far a bill came.
type Status string

// The states, in the words of FHIR.
//
// Spec: https://hl7.org/fhir/R4/valueset-invoice-status.html
const (
	Issued    Status = "issued"
	Balanced  Status = "balanced" // the biller says that nothing is owed
	Cancelled Status = "cancelled"
)

// Bill is one bill of a patient.
type Bill struct {
	ID, Patient string
	Status      Status
	Number      string // as the paper has it
	Title       string
	Account     string // under which the biller and insurance know it
	Issuer      string
	Issued      time.Time
	Due         time.Time // zero: it does not say
	Charged     money.Sum
	Insurance   money.Sum // what insurance paid
	Adjusted    money.Sum // what the clinic took off
	Asked       money.Sum // what the patient was asked for
	Paid        money.Sum // by the ledger: payments less what came back
	Coming      money.Sum // paid by card, and not confirmed yet
	Lines       []Line
	Source      string
	Updated     time.Time
}

// Line is one thing that a bill is for.
type Line struct {
	Title string
	Sum   money.Sum
}

// Left is what is still owed; below zero where too much was paid.
func (b Bill) Left() money.Sum {
	left := money.Sum{Currency: b.Asked.Currency}
	if b.Status == Issued {
		left.Cents = b.Asked.Cents
		left.Cents -= b.Paid.Cents
	}
	return left
}

// Open says whether anything is owed.
func (b Bill) Open() bool { return b.Left().Cents > 0 }

// Late says whether a bill is owed and its day is over.
func (b Bill) Late(now time.Time) bool { return b.Open() && !b.Due.IsZero() && now.After(b.Due) }

// Balance is what all bills together come to, one sum for each currency, the
// largest first. A bill on which too much was paid lowers no other.
func Balance(list []Bill) []money.Sum {
	var sums []money.Sum
	for _, b := range list {
		if !b.Open() {
			continue
		}
		i := slices.IndexFunc(sums, func(s money.Sum) bool { return s.Currency == b.Left().Currency })
		if i < 0 {
			sums = append(sums, b.Left())
			continue
		}
		if sum, ok := sums[i].Plus(b.Left()); ok {
			sums[i] = sum
		}
	}
	slices.SortFunc(sums, func(a, b money.Sum) int { return cmp.Compare(b.Cents, a.Cents) })
	return sums
}

// Benefit is what insurance says it did: no bill.
type Benefit struct {
	ID, Title, Account, Insurer string
	At                          time.Time
	Charged, Paid, Adjusted     money.Sum
	Owes                        money.Sum // what it says that the patient may owe
	Source                      string
	Updated                     time.Time
}

// Kind is a sort of payment.
type Kind string

// The kinds.
const (
	Card      Kind = "card"
	Cash      Kind = "cash"
	Check     Kind = "check"
	Elsewhere Kind = "elsewhere" // the biller says so
	WriteOff  Kind = "writeoff"  // the clinic asks for it no longer
	Refund    Kind = "refund"
	Dispute   Kind = "dispute" // the payer's bank took it back, or gave it again
)

// Payment is one row of the ledger.
type Payment struct {
	ID, Bill, Title string
	Kind            Kind
	Sum             money.Sum // below zero: it came back
	At              time.Time
	Number          string // of the receipt; empty: there is none
	Checkout        string
	ByKind          string // kind of who entered it: patient, proxy, link, staff, system
	Note            string
}

// Receipt is what somebody paid at one time: for one bill, or for several by
// a plan.
type Receipt struct {
	Number string
	Kind   Kind
	At     time.Time
	Sum    money.Sum
	Back   money.Sum // what of it came back since, as a sum above zero
	Parts  []Payment
}

// split says how much of cents goes to each bill: the one that is due first
// gets all it needs first. What is more than all of them need goes to the
// last.
func split(list []Bill, cents int64) []int64 {
	parts := make([]int64, len(list))
	for i, b := range list {
		part := max(0, min(cents, b.Left().Cents))
		if i == len(list)-1 {
			part = cents
		}
		parts[i], cents = part, cents-part
	}
	return parts
}

// byDue puts the bill that is due first first.
func byDue(list []Bill) {
	slices.SortStableFunc(list, func(a, b Bill) int {
		if a.Due.IsZero() != b.Due.IsZero() {
			if a.Due.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Due.Compare(b.Due), a.Issued.Compare(b.Issued), cmp.Compare(a.ID, b.ID))
	})
}

// The refusals.
var (
	errAmount  = errs.New(errs.Invalid, "Please enter an amount, such as 25.00.")
	errLittle  = errs.New(errs.Invalid, "The least we can take by card is 1.00.")
	errMuch    = errs.New(errs.Invalid, "That is more than is owed. Please enter a smaller amount.")
	errNothing = errs.New(errs.Conflict, "Nothing is owed on this bill any more. Thank you.")
	errGoing   = errs.New(errs.Conflict, "A payment for this is on its way. Please wait until it is confirmed, so that you do not pay twice.")
	errOff     = errs.New(errs.Unavailable, "We cannot take cards here at the moment. Please call us, or pay another way.")
	errTill    = errs.New(errs.Unavailable, "The card page does not answer right now. Nothing was paid. Please try again in a few minutes.")
	errNone    = errs.New(errs.NotFound, "We could not find that.")
	errKind    = errs.New(errs.Invalid, "Please say how it was paid.")
	errNote    = errs.New(errs.Invalid, "Please write in a few words why.")
)

// leastByCard is the least that is taken by card, in minor units: less is
// refused by the one who takes it.
const leastByCard = 100
