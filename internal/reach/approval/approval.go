// Package approval keeps what two people have to agree on: a large outreach,
// one that tells much, a rule made looser.
//
// An approval holds for exactly what its second person was shown. Whatever
// is changed afterwards has another sum, and nothing stands for it.
//
// Spec: NIST SP 800-53 Rev. 5, AC-3(2), dual authorization
package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"hale/internal/base/errs"
)

// State is where an approval is.
type State string

// The states.
const (
	Asked     State = "asked"
	Approved  State = "approved"
	Refused   State = "refused"
	Withdrawn State = "withdrawn" // by who asked
	Void      State = "void"      // something else was asked for instead
)

// Approval is one question to a second person, and the answer.
type Approval struct {
	ID      string
	Subject string // what it is about: outreach/ID, matrix
	Sum     string // of Content: what was asked, and nothing else
	Content string // in lines that people read
	Note    string // why it was asked for
	State   State

	AskedBy, AskedName string // account and name
	AskedAt            time.Time
	EndedBy, EndedName string // who decided; empty: nobody yet
	EndedAt            time.Time
	Reason             string // the word of who decided
}

// The refusals.
var (
	ErrSelf   = errs.New(errs.Forbidden, "You asked for this approval. Somebody else has to give it.")
	ErrOver   = errs.New(errs.Conflict, "This has been decided already, or something else was asked for since. Please look again.")
	ErrReason = errs.New(errs.Invalid, "Please say why, so that whoever asked knows what to change.")
	ErrNobody = errs.New(errs.Forbidden, "Only people of the staff approve.")
)

// Sum names content: SHA-256, hexadecimal.
func Sum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// Line is one line of a comparison: kept (0), added (+1) or taken away (-1).
type Line struct {
	Change int
	Text   string
}

// maxDiff bounds the lines of each side of a comparison.
const maxDiff = 2000

// Diff compares two contents line by line, for who decides again.
func Diff(before, after string) []Line {
	a, b := lines(before), lines(after)
	// longest[i][j] is how many lines a[i:] and b[j:] share in order.
	longest := make([][]int16, len(a)+1)
	for i := range longest {
		longest[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var list []Line
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			list = append(list, Line{0, a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || longest[i+1][j] >= longest[i][j+1]):
			list = append(list, Line{-1, a[i]})
			i++
		default:
			list = append(list, Line{1, b[j]})
			j++
		}
	}
	return list
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	list := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return list[:min(len(list), maxDiff)]
}
