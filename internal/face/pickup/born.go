package pickup

import (
	"strconv"
	"strings"
	"time"
)

// typed is a date of birth as somebody typed it, in three boxes.
type typed struct{ month, day, year string }

// wrongBox is what is wrong with a date, and in which box: m, d, y or all.
type wrongBox struct{ box, say string }

// What the boxes may be told.
const (
	sayAll    = "Please fill in the month, the day and the year."
	sayMonth  = "Please write the month as a number from 1 to 12, or as a word, like April."
	sayDay    = "Please write the day as a number from 1 to 31."
	sayYear   = "Please write all four numbers of the year, like 1961."
	sayNoDay  = "That month does not have so many days. Please check the day."
	sayFuture = "That day is still to come. Please check the year."
)

const oldest = 130 // years

// parseBorn reads a date of birth forgivingly: month names, a date all in
// one box, day and month the other way round where only that can be meant.
// It returns YYYY-MM-DD, or what is wrong.
func parseBorn(t typed, now time.Time) (date string, wrong *wrongBox) {
	t = t.spread()
	if t.month == "" && t.day == "" && t.year == "" {
		return "", &wrongBox{"all", sayAll}
	}
	month, day := monthOf(t.month), number(strings.TrimRight(t.day, "stndrhº."))
	if m := monthOf(t.day); number(t.month) > 12 && m > 0 {
		month, day = m, number(t.month)
	}
	year := number(t.year)
	switch {
	case month < 1 || month > 12:
		return "", &wrongBox{"m", sayMonth}
	case day < 1 || day > 31:
		return "", &wrongBox{"d", sayDay}
	case len(t.year) != 4 || year < now.Year()-oldest:
		return "", &wrongBox{"y", sayYear}
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	switch {
	case at.Day() != day:
		return "", &wrongBox{"d", sayNoDay}
	case at.After(now):
		return "", &wrongBox{"y", sayFuture}
	}
	return at.Format(time.DateOnly), nil
}

// spread trims the boxes, and divides a whole date that was typed or pasted
// into one of them.
func (t typed) spread() typed {
	t = typed{clean(t.month), clean(t.day), clean(t.year)}
	var whole string
	switch {
	case t.day == "" && t.year == "":
		whole = t.month
	case t.month == "" && t.day == "":
		whole = t.year
	case t.month == "" && t.year == "":
		whole = t.day
	}
	parts := strings.FieldsFunc(whole, func(r rune) bool { return strings.ContainsRune(" /-.,", r) })
	var words []string
	for _, p := range parts {
		if p != "de" && p != "of" { // 27 de abril de 1961
			words = append(words, p)
		}
	}
	if len(words) != 3 {
		return t
	}
	if len(words[0]) == 4 { // 1961-04-27
		return typed{month: words[1], day: words[2], year: words[0]}
	}
	if monthOf(words[1]) > 0 && number(words[1]) == 0 { // 27 April 1961
		return typed{month: words[1], day: words[0], year: words[2]}
	}
	return typed{month: words[0], day: words[1], year: words[2]}
}

// clean trims a box and writes it small, cutting what is too long to be part
// of a date.
func clean(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > 40 {
		return "?"
	}
	return s
}

// number returns the whole number in s, 0 for anything else.
func number(s string) int {
	if len(s) > 4 {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// months are the beginnings that tell one month from the others, in English
// and in Spanish.
var months = [13][]string{
	{}, {"jan", "ene"}, {"feb"}, {"mar"}, {"apr", "abr"}, {"may"}, {"jun"}, {"jul"}, {"aug", "ago"}, {"sep", "set"}, {"oct"}, {"nov"}, {"dec", "dic"},
}

// monthOf returns the month of a number or of a name's beginning, 0 for
// neither.
func monthOf(s string) int {
	s = strings.Trim(s, ".,")
	if n := number(s); n > 0 {
		return n
	}
	for m, names := range months {
		for _, name := range names {
			if strings.HasPrefix(s, name) {
				return m
			}
		}
	}
	return 0
}
