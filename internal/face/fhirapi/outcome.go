package fhirapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"hale/internal/base/errs"
	"hale/internal/record"
)

// Issue is one issue of an OperationOutcome.
//
// Spec: https://hl7.org/fhir/R4/operationoutcome.html
type Issue struct {
	Severity string // error, warning, information; empty: error
	Code     string // of the value set issue-type
	Text     string
	Place    string // FHIRPath of the element, or http.name of a parameter or header
}

// Problem is an error with an HTTP status and what is to be said about it.
type Problem struct {
	Status int
	Issues []Issue
	cause  error
	header [2]string // one header of the answer, if any
}

// Error returns what is said first, for the log.
func (p *Problem) Error() string {
	text := http.StatusText(p.Status)
	if len(p.Issues) > 0 {
		text = p.Issues[0].Code + " " + p.Issues[0].Place
	}
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

// Unwrap returns the cause, if there is one.
func (p *Problem) Unwrap() error { return p.cause }

// refuse returns a problem of one issue.
func refuse(status int, code, place, text string) *Problem {
	return &Problem{Status: status, Issues: []Issue{{Code: code, Place: place, Text: text}}}
}

// problemOf returns what to answer err with.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok && large != nil {
		return tooLarge
	}
	p := sorted(errs.KindOf(err))
	p.cause = err
	p.Issues[0].Text = errs.Say(err)
	if e, ok := errors.AsType[*record.PlaceError](err); ok {
		p.Issues[0].Place = e.Place
	}
	if e, ok := errors.AsType[*record.InvalidError](err); ok {
		p.Status, p.Issues[0].Place = http.StatusUnprocessableEntity, e.Place
	}
	if e, ok := errors.AsType[*record.NonconformError](err); ok {
		p.Status, p.Issues = http.StatusUnprocessableEntity, nonconform(e)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		p.Status, p.Issues[0] = http.StatusServiceUnavailable, Issue{Code: "timeout", Text: "It took too long, and nothing was changed. Please try again."}
	}
	return p
}

var tooLarge = refuse(http.StatusRequestEntityTooLarge, "too-costly", "", "The body is larger than we take.")

// sorted returns the problem for an error of kind k.
func sorted(k errs.Kind) *Problem {
	switch k {
	case errs.Invalid:
		return refuse(http.StatusBadRequest, "invalid", "", "")
	case errs.Unauthenticated:
		return refuse(http.StatusUnauthorized, "login", "", "")
	case errs.Forbidden, errs.StepUp:
		return refuse(http.StatusForbidden, "forbidden", "", "")
	case errs.NotFound:
		return refuse(http.StatusNotFound, "not-found", "", "")
	case errs.Conflict:
		return refuse(http.StatusConflict, "conflict", "", "")
	case errs.Gone:
		return refuse(http.StatusGone, "deleted", "", "")
	case errs.Unmet:
		return refuse(http.StatusPreconditionFailed, "conflict", "", "")
	case errs.TooMany:
		return refuse(http.StatusTooManyRequests, "throttled", "", "")
	case errs.Unavailable:
		return refuse(http.StatusServiceUnavailable, "transient", "", "")
	}
	return refuse(http.StatusInternalServerError, "exception", "", "")
}

type outcomeIssue struct {
	Severity    string   `json:"severity"`
	Code        string   `json:"code"`
	Details     *words   `json:"details,omitempty"`
	Diagnostics string   `json:"diagnostics,omitempty"`
	Expression  []string `json:"expression,omitempty"`
}

type words struct {
	Text string `json:"text"`
}

// outcome returns the OperationOutcome that says issues.
func outcome(issues ...Issue) []byte {
	out := struct {
		ResourceType string         `json:"resourceType"`
		Issue        []outcomeIssue `json:"issue"`
	}{"OperationOutcome", []outcomeIssue{}}
	for _, i := range issues {
		o := outcomeIssue{Severity: i.Severity, Code: i.Code}
		if i.Severity == "" {
			o.Severity = "error"
		}
		if i.Text != "" {
			o.Details, o.Diagnostics = &words{i.Text}, i.Text
		}
		if i.Place != "" {
			o.Expression = []string{i.Place}
		}
		out.Issue = append(out.Issue, o)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return []byte(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}`)
	}
	return body
}
