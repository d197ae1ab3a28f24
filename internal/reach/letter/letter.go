// Package letter is what goes out on paper: letters to print for people whom
// nothing else may reach, or who were promised that everything goes to them by
// post.
//
// A letter waits until somebody of the staff makes a batch of those that
// wait, prints it, and says that it was mailed. One that comes back is no
// delivery: nothing more is mailed to where it came from, and the message
// ends undelivered in the same ledger as every other try.
//
// Spec: USPS Domestic Mail Manual 507 (returned mail)
package letter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// The states of a letter.
const (
	Waiting  = "waiting"
	Batched  = "batched" // in a batch, not mailed yet
	Mailed   = "mailed"
	Returned = "returned"
	Ended    = "ended" // taken out before it was mailed
)

// Entry is one letter.
type Entry struct {
	ID       string
	Message  string
	Patient  string
	Outreach string
	Name     string // of the outreach
	Purpose  string
	State    string
	Reason   string // why it came back, or was taken out
	Batch, N int    // the number of its batch and its own in it; 0: in none
	Created  time.Time
	Closed   time.Time
}

// Ref is what is printed on the letter, for whoever has it in their hand when
// it comes back: 12-7 is the seventh letter of batch 12.
func (e Entry) Ref() string { return fmt.Sprintf("%d-%d", e.Batch, e.N) }

// ParseRef reads what Ref wrote, with or without spaces.
func ParseRef(text string) (batch, n int, err error) {
	a, b, ok := strings.Cut(strings.ReplaceAll(text, " ", ""), "-")
	batch, errA := strconv.Atoi(a)
	n, errB := strconv.Atoi(b)
	if !ok || errA != nil || errB != nil || batch < 1 || n < 1 {
		return 0, 0, errRef
	}
	return batch, n, nil
}

// Batch is letters that are printed and mailed together.
type Batch struct {
	N        int
	By       string // the account that made it
	Made     time.Time
	Printed  time.Time
	Mailed   time.Time
	MailedBy string
	Letters  int
	Back     int // of these, returned
}

// MostLetters is how many a batch holds: as many as one person folds in one
// go.
const MostLetters = 100

// Dropped are why a letter is taken out before it is mailed.
func Dropped() []string { return []string{"spoiled", "reached", "address"} }

var (
	errRef    = errs.New(errs.Invalid, "Please type the number at the foot of the letter, such as 12-7.")
	errNone   = errs.New(errs.Conflict, "No letter waits that you may print.")
	errBatch  = errs.New(errs.NotFound, "There is no such batch.")
	errLetter = errs.New(errs.NotFound, "There is no letter with this number.")
	errWhy    = errs.New(errs.Invalid, "Please say why.")
	errMailed = errs.New(errs.Conflict, "This letter was mailed already. It can only come back.")
	errNotYet = errs.New(errs.Conflict, "This letter was not mailed yet. Say first that its batch was mailed.")
	errEnded  = errs.New(errs.Conflict, "This letter is closed already.")
)
