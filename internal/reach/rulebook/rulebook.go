// Package rulebook keeps what a clinic changed of the rules by which people
// are reached: the matrix of what may go where, limits, holdouts, encryption.
//
// Anybody with the right may make a rule stricter, at once. To make one
// looser takes a second person. Nothing is ever overwritten: the newest row
// in force counts, and the others say what counted when.
//
// Spec: 45 CFR 164.308(a)(1)(ii)(B) (risk is managed, and that is documented)
package rulebook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/reach/policy"
	"hale/internal/reach/trial"
)

// Kind is what a rule is about.
type Kind string

// The kinds.
const (
	Cell    Kind = "cell"    // email_tls/3: full, notice, generic, none
	Cap     Kind = "cap"     // cap_all: 5 soft
	Holdout Kind = "holdout" // marketing, or * for everything: 0.1
	TLS     Kind = "tls"     // marketing: opportunistic, forced, exclusive
	Opens   Kind = "opens"   // survey: on, off
	Stop    Kind = "stop"    // *: topic, channel
	Confirm Kind = "confirm" // *: 730, the days after which a number is proven anew; 0: never
	Keep    Kind = "keep"    // care: 3650, the days for which words are kept
)

// Everything is the name of the rule that covers all purposes.
const Everything = "*"

// Change is one rule as somebody set it.
type Change struct {
	ID      string
	Kind    Kind
	Name    string
	Value   string
	Loosens bool
	Why     string
	By      string // accounts
	At      time.Time
	Agreed  string
	From    time.Time // in force since then; zero: not yet
	Ended   time.Time // turned down then; zero: not
}

// Waits says whether c needs its second person still.
func (c Change) Waits() bool { return c.From.IsZero() && c.Ended.IsZero() }

var (
	errRule   = errs.New(errs.Invalid, "There is no such rule.")
	errValue  = errs.New(errs.Invalid, "Please choose one of the values that are offered.")
	errSame   = errs.New(errs.Conflict, "That is the rule already.")
	errWhy    = errs.New(errs.Invalid, "Please say why, in a few words.")
	errSelf   = errs.New(errs.Forbidden, "A rule becomes looser only when a second person agrees. You asked for it yourself.")
	errGone   = errs.New(errs.Conflict, "Somebody has decided on this already. Please look again.")
	errNever  = errs.New(errs.Forbidden, "Specially protected information never goes further than the matrix that Hale comes with.")
	errNoHold = errs.New(errs.Invalid, "Nobody may be held out of messages of this kind.")
)

// Lay lays what is in force, oldest first, over s.
func Lay(s *policy.Settings, list []Change) {
	s.Laid.TLS, s.Laid.Opens, s.Laid.Shares = map[string]policy.TLSMode{}, map[string]bool{}, map[string]float64{}
	s.Laid.Keep = map[string]int{}
	s.Laid.Global, s.Laid.Stop = 0, ""
	for _, c := range list {
		switch c.Kind {
		case Cell:
			if m, class, err := cell(c.Name); err == nil {
				row := s.Matrix[m]
				row[class] = policy.Mode(c.Value)
				s.Matrix[m] = row
			}
		case Cap:
			if i := slices.IndexFunc(s.Caps, func(x policy.Cap) bool { return x.Code == c.Name }); i >= 0 {
				s.Caps[i].Max, s.Caps[i].Soft, _ = limit(c.Value)
			}
		case Holdout:
			if p, err := strconv.ParseFloat(c.Value, 64); err == nil && c.Name == Everything {
				s.Laid.Global = p
			} else if err == nil {
				s.Laid.Shares[c.Name] = p
			}
		case TLS:
			s.Laid.TLS[c.Name] = policy.TLSMode(c.Value)
		case Opens:
			s.Laid.Opens[c.Name] = c.Value == "on"
		case Stop:
			s.Laid.Stop = c.Value
		case Confirm:
			if days, err := confirmed(c.Value); err == nil {
				s.Confirm = days
			}
		case Keep:
			if days, err := kept(c.Value); err == nil {
				s.Laid.Keep[c.Name] = days
			}
		}
	}
}

// cell reads the name of a cell: a medium and a class.
func cell(name string) (m policy.Medium, class policy.Class, err error) {
	medium, number, ok := strings.Cut(name, "/")
	n, err := strconv.Atoi(number)
	if _, known := policy.Defaults()[policy.Medium(medium)]; !ok || err != nil || !known || n < 0 || n > int(policy.S4) {
		return "", 0, errRule
	}
	return policy.Medium(medium), policy.Class(n), nil
}

// CellName names a cell.
func CellName(m policy.Medium, c policy.Class) string { return fmt.Sprintf("%s/%d", m, c) }

// limit reads the value of a cap.
func limit(value string) (most int, soft bool, err error) {
	number, how, _ := strings.Cut(value, " ")
	most, err = strconv.Atoi(number)
	if err != nil || most < 1 || most > 100 || how != "soft" && how != "hard" {
		return 0, false, errValue
	}
	return most, how == "soft", nil
}

// LimitValue writes the value of a cap.
func LimitValue(most int, soft bool) string {
	if soft {
		return fmt.Sprintf("%d soft", most)
	}
	return fmt.Sprintf("%d hard", most)
}

// The bounds of how long words may be kept, in days.
const (
	LeastKeep = 30
	MostKeep  = 20 * 365
)

// kept reads for how many days words are kept.
func kept(value string) (int, error) {
	days, err := strconv.Atoi(value)
	if err != nil || days < LeastKeep || days > MostKeep {
		return 0, errValue
	}
	return days, nil
}

// confirmed reads after how many days a number is proven anew.
func confirmed(value string) (int, error) {
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 || days > 10*365 {
		return 0, errValue
	}
	return days, nil
}

// modes and tlsModes are in the order of how much they let through.
var modes = []string{string(policy.None), string(policy.Generic), string(policy.Notice), string(policy.Full)}
var tlsModes = []string{string(policy.TLSExclusive), string(policy.TLSForced), string(policy.TLSOpportunistic)}

// Now returns the value of a rule as s has it.
func Now(s *policy.Settings, k Kind, name string) (string, error) {
	switch k {
	case Cell:
		m, class, err := cell(name)
		if err != nil {
			return "", err
		}
		return string(s.Matrix[m][class]), nil
	case Cap:
		for _, c := range s.Caps {
			if c.Code == name {
				return LimitValue(c.Max, c.Soft), nil
			}
		}
		return "", errRule
	case Stop:
		if name != Everything {
			return "", errRule
		}
		if s.Laid.Stop == "" {
			return "channel", nil
		}
		return s.Laid.Stop, nil
	case Confirm:
		if name != Everything {
			return "", errRule
		}
		return strconv.Itoa(s.Confirm), nil
	case Holdout:
		if name == Everything {
			return strconv.FormatFloat(s.Laid.Global, 'g', -1, 64), nil
		}
	}
	p, ok := s.Purpose(name)
	if !ok {
		return "", errRule
	}
	switch k {
	case Holdout:
		return strconv.FormatFloat(p.HoldoutShare, 'g', -1, 64), nil
	case TLS:
		if p.TLS == "" {
			return string(policy.TLSForced), nil
		}
		return string(p.TLS), nil
	case Keep:
		return strconv.Itoa(p.Keep), nil
	case Opens:
		if p.Opens {
			return "on", nil
		}
		return "off", nil
	}
	return "", errRule
}

// judge says whether c may be, and whether it makes s looser.
func judge(s *policy.Settings, c Change) (loosens bool, value string, err error) {
	before, err := Now(s, c.Kind, c.Name)
	if err != nil {
		return false, "", err
	}
	value = c.Value
	switch c.Kind {
	case Cell:
		loosens, err = further(modes, before, value)
		if m, class, _ := cell(c.Name); err == nil && class == policy.S4 {
			if past, _ := further(modes, string(policy.Defaults()[m][class]), value); past {
				return false, "", errNever
			}
		}
	case Cap:
		was, wasSoft, _ := limit(before)
		most, soft, bad := limit(value)
		err, loosens = bad, most > was || soft && !wasSoft
	case Holdout:
		share, bad := strconv.ParseFloat(value, 64)
		was, _ := strconv.ParseFloat(before, 64)
		if bad != nil || !(share >= 0 && share <= 0.5) {
			return false, "", errValue
		}
		if p, ok := policy.PurposeOf(c.Name); ok && share > 0 && (!p.Holdout || !trial.Allowed(c.Name)) {
			return false, "", errNoHold
		}
		loosens, value = share > was, strconv.FormatFloat(share, 'g', -1, 64) // more people who get nothing
	case TLS:
		loosens, err = further(tlsModes, before, value)
	case Opens:
		loosens, err = further([]string{"off", "on"}, before, value)
	case Stop:
		loosens, err = further([]string{"channel", "topic"}, before, value)
	case Confirm:
		was, _ := strconv.Atoi(before)
		var days int
		days, err = confirmed(value)
		loosens = days == 0 || was > 0 && days > was
	case Keep: // what is kept longer can leak, and what is destroyed does not come back
		_, err = kept(value)
		loosens = true
	}
	if err == nil && value == before {
		err = errSame
	}
	return loosens, value, err
}

// further says whether after stands behind before in list.
func further(list []string, before, after string) (bool, error) {
	i := slices.Index(list, after)
	if i < 0 {
		return false, errValue
	}
	return i > slices.Index(list, before), nil
}
