package fhirapi

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"hale/internal/access"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// bundle does what a batch or a transaction asks for.
//
// Spec: https://hl7.org/fhir/R4/http.html#transaction
func (a *API) bundle(c *Call) (Answer, error) {
	if err := a.signedIn(c); err != nil {
		return Answer{}, err
	}
	if err := sent(c); err != nil {
		return Answer{}, err
	}
	body, err := c.Body()
	if err != nil {
		return Answer{}, err
	}
	n, err := parse(body)
	if err != nil {
		return Answer{}, err
	}
	if n.Get("resourceType").Text() != "Bundle" {
		return Answer{}, refuse(http.StatusBadRequest, "invalid", "resourceType", "A Bundle is posted here. Other resources are posted to the address of their type.")
	}
	entries, err := entriesOf(n)
	if err != nil {
		return Answer{}, err
	}
	switch n.Get("type").Text() {
	case "batch":
		c.route = "batch"
		return a.batch(c, entries)
	case "transaction":
		c.route = "transaction"
		return a.transaction(c, entries)
	}
	return Answer{}, refuse(http.StatusBadRequest, "value", "Bundle.type", "A bundle that is posted here is of type batch or transaction.")
}

// entry is one entry of a bundle, as a call of its own.
type entry struct {
	index    int
	call     *Call
	fullURL  string
	resource fhir.Node
	bad      error // why it is none
}

// place is where the entry lies.
func (e *entry) place(rest string) string {
	text := "Bundle.entry[" + strconv.Itoa(e.index) + "]"
	if rest != "" {
		text += "." + rest
	}
	return text
}

// manyEntries is how many entries a bundle may have.
const manyEntries = 20_000

// entriesOf returns the entries of a bundle as they stand.
func entriesOf(n fhir.Node) ([]entry, error) {
	var list []entry
	all := rawArray(n, "entry")
	if all.Exists() && !all.IsArray() {
		return nil, refuse(http.StatusBadRequest, "structure", "Bundle.entry", "The entries are no list.")
	}
	for e := range all.Each() {
		list = append(list, entry{index: len(list), fullURL: e.Get("fullUrl").Text(), resource: e})
	}
	if len(list) > manyEntries {
		return nil, refuse(http.StatusRequestEntityTooLarge, "too-costly", "Bundle.entry", fmt.Sprintf("A bundle has at most %d entries here.", manyEntries))
	}
	return list, nil
}

// rawArray returns the value under key itself, not its first element.
func rawArray(n fhir.Node, key string) fhir.Node {
	for k, v := range n.Fields() {
		if k == key {
			return v
		}
	}
	return fhir.Node{}
}

// headers are the conditions of an entry and the headers that they stand for.
var headers = [][2]string{{"ifMatch", "If-Match"}, {"ifNoneMatch", "If-None-Match"}, {"ifModifiedSince", "If-Modified-Since"}, {"ifNoneExist", "If-None-Exist"}}

// methods are those that an entry may have.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// open makes the call of an entry.
func (a *API) openEntry(c *Call, e *entry) error {
	node := e.resource
	e.resource = node.Get("resource")
	request := node.Get("request")
	method, address := request.Get("method").Text(), request.Get("url").Text()
	if !slices.Contains(methods, method) {
		return refuse(http.StatusBadRequest, "required", e.place("request.method"), "The entry does not say its method: GET, HEAD, POST, PUT, PATCH or DELETE.")
	}
	address = strings.TrimPrefix(strings.TrimPrefix(address, a.Base), "/")
	u, err := url.Parse(Prefix + "/" + address)
	if err != nil || address == "" || strings.Contains(u.Path, "//") || u.Host != "" {
		return refuse(http.StatusBadRequest, "value", e.place("request.url"), "The address of the entry is none below "+a.Base+".")
	}
	r := &http.Request{Method: method, URL: u, Header: http.Header{}, Body: http.NoBody}
	for _, h := range headers {
		if v := request.Get(h[0]).Text(); v != "" {
			r.Header.Set(h[1], v)
		}
	}
	if v := c.Request.Header["Prefer"]; v != nil {
		r.Header["Prefer"] = v
	}
	e.call = &Call{Request: r.WithContext(c.Context()), api: a, id: c.id, Actor: c.Actor, signed: true, keys: c.keys, inside: true, flushed: c.flushed, read: true}
	if e.resource.Exists() && !e.resource.IsObject() {
		return refuse(http.StatusBadRequest, "structure", e.place("resource"), "The resource of the entry is no object.")
	}
	if e.resource.IsObject() {
		e.call.body = e.resource.Raw()
	}
	if method == http.MethodPatch {
		return e.unwrapPatch()
	}
	return nil
}

// unwrapPatch makes the body of a PATCH of what stands for it: a Binary with
// a JSON Patch, or Parameters.
func (e *entry) unwrapPatch() error {
	if e.resource.Get("resourceType").Text() != "Binary" {
		e.call.Request.Header.Set("Content-Type", mediaType)
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(e.resource.Get("data").Text())
	if err != nil {
		return refuse(http.StatusBadRequest, "value", e.place("resource.data"), "The data is not base64.")
	}
	e.call.Request.Header.Set("Content-Type", e.resource.Get("contentType").Text())
	e.call.body = data
	return nil
}

// batch does each entry by itself: one that fails does not keep others back.
func (a *API) batch(c *Call, entries []entry) (Answer, error) {
	answers := make([]Answer, len(entries))
	var group sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range entries {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			answers[i] = a.one(c, &entries[i])
		})
	}
	group.Wait()
	if err := c.Context().Err(); err != nil {
		return Answer{}, err
	}
	return a.responses(c, "batch-response", entries, answers)
}

// atOnce is how many entries of a batch are done at a time: those that write
// share a commit.
const atOnce = 16

// one does one entry and answers for it.
func (a *API) one(c *Call, e *entry) (out Answer) {
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("panic", "request", c.id, "route", c.route, "what", fmt.Sprintf("%T", p))
			out = a.failed(c, errors.New("fhirapi: panic"))
		}
	}()
	err := e.bad
	if err == nil {
		err = a.openEntry(c, e)
	}
	if err == nil && e.index > 0 && c.Actor.Kind != access.System { // an entry costs what a request costs
		if wait := a.rates.of(c.Actor); wait > 0 {
			err = throttled(wait)
		}
	}
	if err == nil && e.call.Request.URL.Path == Prefix+"/" {
		err = refuse(http.StatusBadRequest, "not-supported", e.place("request.url"), "A bundle holds no bundle.")
	}
	if err != nil {
		return a.failed(c, err)
	}
	if out, err = a.route(e.call); err == nil && (out.Stream != nil || out.Take != nil) {
		err = refuse(http.StatusBadRequest, "not-supported", e.place("request.url"), "This cannot be asked for in a bundle.")
	}
	if err != nil {
		return a.failed(c, err)
	}
	if hasVerb(e.call.Request.Method) && unchanged(e.call, out) {
		return Answer{Status: http.StatusNotModified, Version: out.Version, Modified: out.Modified}
	}
	return out
}

// transaction does all entries or none. What only shows is done when the
// rest is written.
func (a *API) transaction(c *Call, entries []entry) (Answer, error) {
	answers := make([]Answer, len(entries))
	ops, of, err := a.ops(c, entries)
	if err != nil {
		return Answer{}, err
	}
	if len(ops) > 0 {
		pass, err := a.open(c, door{access.WriteRecord, ""})
		if err != nil {
			return Answer{}, err
		}
		if err := c.flushed(); err != nil {
			return Answer{}, errUnseen.Because(err)
		}
		done, err := a.Record.Do(c.Context(), pass, a.source(c), ops)
		if err != nil {
			return Answer{}, inEntry(err, of, entries)
		}
		for i, d := range done {
			e := &entries[of[i]]
			if answers[of[i]], err = a.written(e.call, ops[i], d); err != nil {
				return Answer{}, err
			}
		}
	}
	for i := range entries {
		if e := &entries[i]; hasVerb(e.call.Request.Method) {
			out, err := a.route(e.call)
			if err != nil {
				return Answer{}, placed(err, e.place("request.url"))
			}
			answers[i] = out
		}
	}
	return a.responses(c, "transaction-response", entries, answers)
}

// ops reads the entries that write. of says which entry each op is of.
func (a *API) ops(c *Call, entries []entry) (ops []record.Op, of []int, err error) {
	for i := range entries {
		e := &entries[i]
		if err := a.openEntry(c, e); err != nil {
			return nil, nil, err
		}
		method := e.call.Request.Method
		if hasVerb(method) {
			continue
		}
		if err := a.target(e); err != nil {
			return nil, nil, placed(err, e.place("request.url"))
		}
		verb := map[string]smart.Verb{http.MethodPost: smart.Create, http.MethodDelete: smart.Delete}[method]
		if verb == 0 {
			verb = smart.Update
		}
		if _, err := a.pass(e.call, e.call.Type, verb, ""); err != nil {
			return nil, nil, placed(err, e.place(""))
		}
		op, err := a.opOf(e.call)
		if err != nil {
			return nil, nil, placed(err, e.place("resource"))
		}
		op.FullURL = e.fullURL
		ops, of = append(ops, op), append(of, i)
	}
	return ops, of, nil
}

// target reads the type and the id of an entry's address.
func (a *API) target(e *entry) error {
	c := e.call
	if err := c.readQuery(); err != nil {
		return err
	}
	c.readPrefer()
	p, ok := split(c.Request.URL.Path)
	if !ok || p.n == 0 || p.n > 2 || !fhir.IsType(p.parts[0]) || p.n == 2 && (!fhir.ValidID(p.parts[1]) || c.Request.Method == http.MethodPost) {
		return refuse(http.StatusBadRequest, "value", "", "The address is none that an entry of a transaction writes to.")
	}
	c.Type, c.ID = p.parts[0], p.parts[1]
	return nil
}

// placed says where in a bundle a problem lies.
func placed(err error, place string) error {
	p := *problemOf(err)
	p.Issues = slices.Clone(p.Issues)
	for i := range p.Issues {
		at := p.Issues[i].Place
		if _, rest, ok := strings.Cut(at, "."); ok && !strings.HasPrefix(at, "http.") && !strings.HasPrefix(at, "Bundle.") && strings.HasSuffix(place, "resource") {
			at = place + "." + rest
		} else if !strings.HasPrefix(at, "Bundle.") {
			at = place
		}
		p.Issues[i].Place = at
	}
	return &p
}

// inEntry says which entry an op that failed is of.
func inEntry(err error, of []int, entries []entry) error {
	if op, ok := errors.AsType[*record.OpError](err); ok && op.Index < len(of) {
		return placed(op.Err, entries[of[op.Index]].place("resource"))
	}
	return err
}

// responses returns the bundle that answers each entry.
func (a *API) responses(c *Call, typ string, entries []entry, answers []Answer) (Answer, error) {
	b := a.newBundle(typ)
	for i := range answers {
		out := &answers[i]
		status := out.Status
		if status == 0 {
			status = http.StatusOK
		}
		b.entry()
		if status < http.StatusBadRequest && out.Body != nil && out.Type == "" {
			b.add(`"resource":`)
			*b.buf = append(*b.buf, bytes.TrimSpace(out.Body)...)
			b.add(",")
		}
		b.add(`"response":{"status":"` + strconv.Itoa(status) + " " + http.StatusText(status) + `"`)
		if out.Location != "" {
			b.add(`,"location":`)
			b.text(out.Location)
		}
		if out.Version > 0 {
			b.add(`,"etag":"W/\"` + strconv.FormatInt(out.Version, 10) + `\""`)
		}
		if !out.Modified.IsZero() {
			b.add(`,"lastModified":"` + instant(out.Modified) + `"`)
		}
		if status >= http.StatusBadRequest {
			b.add(`,"outcome":`)
			*b.buf = append(*b.buf, bytes.TrimSpace(out.Body)...)
		}
		b.add("}")
		b.end()
		out.release()
	}
	return b.answer(c), nil
}
