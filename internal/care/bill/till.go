package bill

import (
	"context"
	"time"

	"hale/internal/base/money"
)

// Till is the one who takes cards: on a page of its own, so that no number of
// a card ever comes here. It is told an amount and the clinic's name, and
// nothing of who pays or what for.
type Till interface {
	// Open makes a page. Asking again with the same Ref gives the same page.
	Open(ctx context.Context, in Asking) (Page, error)
	// Look returns how a page stands.
	Look(ctx context.Context, session string) (Page, error)
	// Shut ends a page that nobody paid on; one that was paid stays as it is.
	Shut(ctx context.Context, session string) (Page, error)
}

// Asking is what a page is made of.
type Asking struct {
	Ref    string // our name for it
	Sum    money.Sum
	Title  string // what the payer reads beside the amount
	Back   string // where to after paying
	Cancel string // where to without
	Lang   string
	Ends   time.Time // nobody can pay on the page after it
}

// Page is one page of the till.
type Page struct {
	Session string // the till's name for it
	Ref     string // our name
	Intent  string // the till's name for the payment; empty: none yet
	Address string // empty: it is over
	State   PageState
	Paid    bool // the money is there
	Sum     money.Sum
}

// PageState says how a page stands.
type PageState string

// The states of a page.
const (
	PageOpen     PageState = "open"
	PageComplete PageState = "complete" // the payer did their part; the money may still be on its way
	PageExpired  PageState = "expired"
)

// News is what the till tells: something happened to a page, or to money.
type News struct {
	ID     string
	Kind   NewsKind
	At     time.Time
	Object string // what it is about: a page, a charge, a dispute
	Intent string
	Sum    money.Sum // of a refund: all that ever came back
	Reason string    // of a refund that failed: the till's code, such as declined
	Page   Page      // of news about a page
}

// NewsKind is what happened.
type NewsKind string

// The kinds of news. Any other is heard and changes nothing.
const (
	PageNews   NewsKind = "page"   // was paid on, was given up, ran out
	Refunded   NewsKind = "refund" // money went back
	TakenBack  NewsKind = "taken"  // the payer's bank took it back
	GivenAgain NewsKind = "given"  // and gave it again
	OtherNews  NewsKind = "other"

	// RefundFailed says that money which was to go back did not: the payer's
	// bank refused it, or somebody called it off. Object is the refund.
	RefundFailed NewsKind = "refund_failed"
)
