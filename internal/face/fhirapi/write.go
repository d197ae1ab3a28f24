package fhirapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"hale/internal/base/errs"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// create puts a new resource under an id of ours, unless If-None-Exist finds
// one.
//
// Spec: https://hl7.org/fhir/R4/http.html#create and #ccreate
func (a *API) create(c *Call) (Answer, error) {
	op, err := a.opOf(c)
	if err != nil {
		return Answer{}, err
	}
	return a.do(c, op, smart.Create)
}

// update writes a resource over what is under its id, or over what the
// search in the address finds.
//
// Spec: https://hl7.org/fhir/R4/http.html#update and #cond-update
func (a *API) update(c *Call) (Answer, error) {
	op, err := a.opOf(c)
	if err != nil {
		return Answer{}, err
	}
	return a.do(c, op, smart.Update)
}

// patch changes a resource by a JSON Patch or a FHIRPath Patch.
//
// Spec: https://hl7.org/fhir/R4/http.html#patch
func (a *API) patch(c *Call) (Answer, error) {
	op, err := a.opOf(c)
	if err != nil {
		return Answer{}, err
	}
	return a.do(c, op, smart.Update)
}

// delete deletes a resource, or what the search in the address finds.
//
// Spec: https://hl7.org/fhir/R4/http.html#delete and #cdelete
func (a *API) delete(c *Call) (Answer, error) {
	op, err := a.opOf(c)
	if err != nil {
		return Answer{}, err
	}
	return a.do(c, op, smart.Delete)
}

// opOf reads the op that c asks for, in the words of the record. It looks at
// nothing but the request.
func (a *API) opOf(c *Call) (op record.Op, err error) {
	if err := a.signedIn(c); err != nil {
		return op, err
	}
	op = record.Op{Type: c.Type, ID: c.ID}
	if op.IfVersion, err = ifMatch(c); err != nil {
		return op, err
	}
	method := c.Request.Method
	if op.ID == "" && method != http.MethodPost {
		if op.Match = criteria(c.Query); len(op.Match) == 0 {
			return op, refuse(http.StatusPreconditionFailed, "required", "http.query", "Say which one: by an id in the address, or by a search after a question mark.")
		}
	}
	switch method {
	case http.MethodDelete:
		op.Verb = record.Delete
		return op, nil
	case http.MethodPatch:
		op.Verb = record.Patch
		op.Patch, err = a.patcher(c)
		return op, err
	case http.MethodPut:
		op.Verb = record.Update
	default:
		op.Verb = record.Create
		if op.IfNoneExist, err = ifNoneExist(c); err != nil {
			return op, err
		}
	}
	op.Body, err = a.resourceOf(c)
	return op, err
}

// ifNoneExist reads the search of a conditional create.
func ifNoneExist(c *Call) (url.Values, error) {
	text := c.Header("If-None-Exist")
	if text == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(text)
	if q = criteria(q); err != nil || len(q) == 0 {
		return nil, refuse(http.StatusBadRequest, "value", "http.If-None-Exist", "If-None-Exist is a search such as identifier=system|value.")
	}
	return q, nil
}

// resourceOf reads the body of c, which has to be a resource of its type and
// id.
func (a *API) resourceOf(c *Call) ([]byte, error) {
	if c.Type == "Binary" && !c.inside {
		if body, made, err := wrapBinary(c); made || err != nil {
			return body, err
		}
	}
	if err := sent(c); err != nil {
		return nil, err
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	n, err := parse(body)
	if err != nil {
		return nil, err
	}
	return body, fits(n, c.Type, c.ID)
}

// fits checks that n is a resource of the type and the id that the address
// names.
func fits(n fhir.Node, typ, id string) error {
	switch is := n.Get("resourceType").Text(); {
	case is == "":
		return refuse(http.StatusBadRequest, "required", "resourceType", "The body does not say its resourceType.")
	case is != typ:
		return refuse(http.StatusBadRequest, "invalid", "resourceType", "The body is of another type than the address.")
	}
	if has := n.Get("id"); id != "" {
		if !has.Exists() {
			return refuse(http.StatusBadRequest, "required", typ+".id", "The body does not say its id, which has to be that of the address.")
		}
		if has.Text() != id {
			return refuse(http.StatusBadRequest, "invalid", typ+".id", "The body has another id than the address.")
		}
	}
	return nil
}

// do writes one op.
func (a *API) do(c *Call, op record.Op, verb smart.Verb) (Answer, error) {
	pass, err := a.pass(c, c.Type, verb, "")
	if err != nil {
		return Answer{}, err
	}
	ops := []record.Op{op}
	if p, err := provenanceOp(c, op); err != nil {
		return Answer{}, err
	} else if p != nil {
		if _, err := a.pass(c, "Provenance", smart.Create, ""); err != nil {
			return Answer{}, err
		}
		ops[0].FullURL = provenanceTarget
		ops = append(ops, *p)
	}
	if err := c.flushed(); err != nil {
		return Answer{}, errUnseen.Because(err)
	}
	done, err := a.Record.Do(c.Context(), pass, a.source(c), ops)
	if err != nil {
		return Answer{}, refused(c, err)
	}
	return a.written(c, op, done[0])
}

// source says who writes.
func (a *API) source(c *Call) record.Source { return record.Source{Actor: c.Actor} }

// refused sorts the error of a write: what an If-Match missed is 412.
func refused(c *Call, err error) error {
	if _, ok := errors.AsType[*record.InvalidError](err); ok {
		return err
	}
	if errs.KindOf(err) == errs.NotFound && c.Request.Method != http.MethodPost {
		return errNotFound
	}
	return err
}

// written returns the answer to an op that was done.
func (a *API) written(c *Call, op record.Op, done record.Done) (Answer, error) {
	out := Answer{Status: http.StatusOK, Version: done.Version, Modified: done.Updated}
	if op.Verb == record.Delete {
		out.Version, out.Modified = done.Version, done.Updated
		if c.prefer.give == "OperationOutcome" {
			out.Body = outcome(said("Deleted: " + strconv.Itoa(done.Deleted) + "."))
			return out, nil
		}
		out.Status = http.StatusNoContent
		return out, nil
	}
	if done.Created {
		out.Status = http.StatusCreated
	}
	out.Location = done.Type + "/" + done.ID + "/_history/" + strconv.FormatInt(done.Version, 10)
	give := c.prefer.give
	if give == "" && c.inside {
		give = "minimal"
	}
	switch give {
	case "minimal":
	case "OperationOutcome":
		out.Body = outcome(said("Written as version " + strconv.FormatInt(done.Version, 10) + "."))
	default:
		if _, reads := scoped(c.Actor, op.Type, smart.Read); !reads && (op.Verb == record.Patch || done.Same) {
			return out, nil // it would show what the app did not send
		}
		var err error
		out.Body, err = c.shape.of(done.JSON())
		return out, err
	}
	return out, nil
}

// said is an issue that is no error.
func said(text string) Issue {
	return Issue{Severity: "information", Code: "informational", Text: text}
}
