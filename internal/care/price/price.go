// Package price holds what kinds of visits cost somebody who pays all of it:
// a short list that the clinic keeps, each version with who wrote it.
//
// It counts nothing that insurance does: what a plan pays is known to the plan
// alone. A price holds until its day, and then it is shown no more.
//
// Spec: 45 CFR 149.610, good faith estimates for people who pay themselves
package price

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/base/money"
)

// Price is one version of what a kind of visit costs.
type Price struct {
	Service  string // the code of the kind of visit
	N        int64  // the version
	Title    string
	Sum      money.Sum           // no cents: it was taken out of the list
	Includes map[string][]string // by language: what the price is for
	Extra    map[string][]string // by language: what may come on top
	Until    time.Time           // the end of the last day on which it holds
	By       string              // the account
	At       time.Time
}

// Holds says whether the price counts at a time.
func (p Price) Holds(now time.Time) bool { return p.Sum.Cents > 0 && now.Before(p.Until) }

// In returns lines in a language; the English ones where there are none in it.
func In(lines map[string][]string, l lang.Lang) []string {
	if own := lines[l.Tag()]; len(own) > 0 {
		return own
	}
	return lines["en"]
}

// Bounds of a price.
const (
	dearest   = 10_000_000 // minor units
	longLines = 1000       // characters
	linesMost = 12
	longest   = 366 * 24 * time.Hour
)

var (
	errSum   = errs.New(errs.Invalid, "Write the price as an amount such as 180.00, up to 100,000.")
	errLines = errs.New(errs.Invalid, "Keep each list under 1,000 characters and 12 lines.")
	errNone  = errs.New(errs.Invalid, "Say in English what the price includes.")
	errUntil = errs.New(errs.Invalid, "Say until which day the price holds. It lies after today and within a year.")
	errOlder = errs.New(errs.Conflict, "Somebody changed this price in the meantime. Look at what it says now.")
)

// check refuses what cannot be promised.
func (p Price) check(now time.Time) error {
	for _, lines := range [...][]string{p.Includes["en"], p.Includes["es"], p.Extra["en"], p.Extra["es"]} {
		text := strings.Join(lines, "\n")
		if utf8.RuneCountInString(text) > longLines || !utf8.ValidString(text) || len(lines) > linesMost {
			return errLines
		}
	}
	switch {
	case p.Sum.Cents <= 0 || p.Sum.Cents > dearest:
		return errSum
	case len(p.Includes["en"]) == 0:
		return errNone
	case !p.Until.After(now) || p.Until.Sub(now) > longest:
		return errUntil
	}
	return nil
}

// Lines parts a text into its lines, without those that are empty.
func Lines(text string) []string {
	list := strings.Split(text, "\n")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(line string) bool { return line == "" })
}
