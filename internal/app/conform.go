package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hale/internal/record"
	"hale/internal/standard/facts"
	"hale/internal/standard/fhir"
	"hale/internal/standard/profile"
	"hale/internal/standard/terms"
	"hale/internal/store/jobs"
)

// Validation says what becomes of resources that do not conform, by where
// they come from.
type Validation struct {
	API    record.Policy // apps and other systems
	Import record.Policy // feeds, which take what there is
	Forms  record.Policy // what Hale itself writes
}

// of returns the policy for a source.
func (v Validation) of(src record.Source) record.Policy {
	switch {
	case src.Feed != "":
		return v.Import
	case src.Actor.App != nil || src.Actor.ID != "" && len(src.Actor.ID) > 4 && src.Actor.ID[:4] == "app:":
		return v.API
	}
	return v.Forms
}

// conformance is what knows the definitions of FHIR and US Core.
type conformance struct {
	terms     *terms.Terms
	validator *profile.Validator
}

// define opens the definitions that ship.
func (a *App) define() error {
	library, err := facts.Open()
	if err != nil {
		return fmt.Errorf("app: definitions: %w", err)
	}
	a.conform.terms = terms.New(library)
	a.conform.validator = profile.New(library, a.conform.terms)
	return nil
}

// Check says where a resource does not conform: errors and warnings.
func (c *conformance) Check(_ string, node fhir.Node) []record.Finding {
	var list []record.Finding
	for _, i := range c.validator.Validate(node) {
		list = append(list, record.Finding{Severity: string(i.Severity), Code: i.Code, Place: i.Path, Text: i.Text, Profile: i.Profile, Rule: i.Rule})
	}
	return list
}

// checkJob looks at what was written and is to be flagged where it does not
// conform: soon after, so that no import waits for it.
const checkJob = "record.check"

// checkFor is how long one run of the job goes on.
const checkFor = 20 * time.Second

// checkHandlers adds the job to others.
func (a *App) checkHandlers(others map[string]jobs.Handler) map[string]jobs.Handler {
	others[checkJob] = func(ctx context.Context, _ json.RawMessage) error {
		begun := a.c.Now()
		for more := true; more && a.c.Now().Sub(begun) < checkFor && ctx.Err() == nil; {
			var err error
			if more, err = a.Record.CheckNext(ctx); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return others
}

// checkPeriods adds when it runs.
func checkPeriods(others []jobs.Periodic) []jobs.Periodic {
	return append(others, jobs.Periodic{Kind: checkJob, Every: time.Minute})
}

// DefaultValidation refuses what apps write wrong, and flags everything
// else.
func DefaultValidation() Validation {
	return Validation{API: record.Reject, Import: record.Flag, Forms: record.Flag}
}
