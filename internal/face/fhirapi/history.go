package fhirapi

import (
	"net/http"
	"net/url"
	"strconv"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// history shows what a resource, a type or everything was, the newest first.
//
// Spec: https://hl7.org/fhir/R4/http.html#history
func (a *API) history(c *Call) (Answer, error) {
	q, err := a.pastQuery(c)
	if err != nil {
		return Answer{}, err
	}
	pass, err := a.historyPass(c)
	if err != nil {
		return Answer{}, err
	}
	past, err := a.Record.Past(c.Context(), pass, q)
	if err != nil {
		return Answer{}, sameAsMissing(err)
	}
	at := "_history"
	if c.ID != "" {
		at = c.Type + "/" + c.ID + "/" + at
	} else if c.Type != "" {
		at = c.Type + "/" + at
	}
	used := without(criteria(c.Query), "_cursor")
	b := a.newBundle("history")
	if past.Total >= 0 {
		b.total(past.Total)
	}
	b.link("self", a.pageAddress(at, c, used, q.Cursor))
	if past.Next != "" {
		b.link("next", a.pageAddress(at, c, used, past.Next))
	}
	for i := range past.Entries {
		if err := b.past(c, &past.Entries[i]); err != nil {
			return Answer{}, err
		}
	}
	return b.answer(c), nil
}

func (a *API) historyPass(c *Call) (access.Pass, error) {
	switch {
	case c.ID != "":
		return a.passFor(c, c.Type, c.ID, smart.Read)
	case c.Type != "":
		return a.pass(c, c.Type, smart.Search, "")
	}
	return a.pass(c, "*", smart.Search, "")
}

// pastQuery reads what a history is asked by.
func (a *API) pastQuery(c *Call) (q record.PastQuery, err error) {
	q = record.PastQuery{Type: c.Type, ID: c.ID, Cursor: c.Query.Get("_cursor")}
	for name := range criteria(c.Query) {
		switch name {
		case "_count":
			if q.Count, err = pageSize(url.Values{"_count": c.Query["_count"]}); err != nil {
				return q, err
			}
			q.Count = max(q.Count, 1)
		case "_since":
			d, err := fhir.ParseDate(c.Query.Get(name))
			if err != nil {
				return q, refuse(http.StatusBadRequest, "value", "http._since", "_since is a moment such as 2026-01-02T03:04:05Z.")
			}
			q.Since = d.Low
		case "_at":
			d, err := fhir.ParseDate(c.Query.Get(name))
			if err != nil {
				return q, refuse(http.StatusBadRequest, "value", "http._at", "_at is a date or a moment.")
			}
			q.At, q.AtEnd = d.Low, d.High
		case "_cursor", "_sort":
		default:
			if c.prefer.strict {
				return q, unknownParameter([]string{name})
			}
		}
	}
	return q, nil
}

// past adds one version to a history.
//
// Spec: https://hl7.org/fhir/R4/bundle.html#history
func (b *bundle) past(c *Call, e *record.PastEntry) error {
	b.entry()
	method, status, address := http.MethodPut, "200 OK", e.Type+"/"+e.ID
	switch e.Verb {
	case record.Create:
		method, status, address = http.MethodPost, "201 Created", e.Type
	case record.Delete:
		method, status = http.MethodDelete, "204 No Content"
	}
	if e.Verb == record.Delete {
		b.fullURL(e.Type, e.ID)
	} else if err := b.resource(c, &e.Resource); err != nil {
		return err
	}
	b.add(`,"request":{"method":"` + method + `","url":"` + address + `"}`)
	b.add(`,"response":{"status":"` + status + `","etag":"W/\"` + strconv.FormatInt(e.Version, 10) + `\"","lastModified":"` + instant(e.Updated) + `"}`)
	b.end()
	return nil
}
