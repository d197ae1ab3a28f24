// Package errs sorts errors by what the caller can do about them.
//
// An error has two texts. Error is for the log and may name ids, never
// patient data. Say is for the person in front of the screen.
package errs

import (
	"errors"
	"fmt"
)

// Kind says what the caller can do about an error.
type Kind uint8

// The zero Kind is Internal, so an error nobody sorted is never blamed on
// the person.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	TooMany // the caller may try again later
	Unavailable
	StepUp // signed in, but this asks for a fresh and stronger proof of who it is
	Gone   // it was there, and was deleted
	Unmet  // a condition that the caller set is not met: another version, or more than one
)

// Error is a sorted error.
type Error struct {
	Kind Kind
	say  string
	err  error
}

// New returns an error of kind k. It tells the person say.
func New(k Kind, say string) *Error { return &Error{Kind: k, say: say} }

// Because returns a copy of e that keeps its cause for the log.
func (e *Error) Because(cause error) *Error {
	return &Error{Kind: e.Kind, say: e.say, err: cause}
}

// Error returns the text for the log.
func (e *Error) Error() string {
	if e.err == nil {
		return e.say
	}
	return fmt.Sprintf("%s: %v", e.say, e.err)
}

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.err }

// Is makes a copy made by Because match the error it was copied from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.err == nil && t.Kind == e.Kind && t.say == e.say
}

// KindOf returns the kind of the outermost sorted error in err's chain.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Say returns what to tell the person.
func Say(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.say
	}
	return "Something went wrong on our side. Nothing was changed."
}
