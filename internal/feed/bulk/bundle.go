package bulk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hale/internal/standard/fhir"
)

// surveyEntry checks one entry and notes what it is called.
func (r *reader) surveyEntry(ctx context.Context, b *bundle, n int, raw []byte) error {
	e, err := parseEntry(n, raw)
	if err != nil {
		return err
	}
	res := e.Get("resource")
	if !res.Exists() {
		return nil
	}
	typ := res.Get("resourceType").Text()
	id := entryID(e)
	if id == "" {
		return &placeError{n, "resource.id", "the resource has no id", nil}
	}
	if err := checkRequest(n, e); err != nil {
		return err
	}
	link := typ + "/" + id
	if cond := e.Get("request", "ifNoneExist").Text(); cond != "" {
		there, err := r.settled(ctx, b, typ+"?"+cond)
		switch {
		case err == nil && there != link:
			link = there
			b.met[n] = true
		case err != nil && !errors.Is(err, errMissing):
			return asPlace(n, "request.ifNoneExist", err)
		}
	}
	if url := e.Get("fullUrl").Text(); url != "" {
		if other, ok := b.links.get(url); ok && other != link {
			return &placeError{n, "fullUrl", "another entry has the same", nil}
		}
		b.links.put(url, link)
	}
	return r.surveyReferences(ctx, b, n, res)
}

// surveyReferences looks up the conditional references of a resource.
func (r *reader) surveyReferences(ctx context.Context, b *bundle, n int, res fhir.Node) error {
	for ref := range res.Texts("reference") {
		text := ref.Text()
		if !conditional(text) {
			continue
		}
		_, err := r.settled(ctx, b, text)
		if errors.Is(err, errMissing) && !r.last {
			b.late = true
			return nil
		}
		if err != nil {
			return asPlace(n, ref.Path(), err)
		}
	}
	return nil
}

// settled resolves ref, if need be after everything read before is written.
func (r *reader) settled(ctx context.Context, b *bundle, ref string) (string, error) {
	to, err := r.resolve(ctx, ref)
	if !errors.Is(err, errMissing) || b.drained {
		return to, err
	}
	if err := r.drain(ctx); err != nil {
		return "", err
	}
	b.drained = true
	return r.resolve(ctx, ref)
}

// asPlace gives an error about a reference its place.
func asPlace(n int, place string, err error) error {
	if bad, ok := errors.AsType[*refError](err); ok {
		return &placeError{n, place, bad.reason, bad}
	}
	return err
}

func parseEntry(n int, raw []byte) (fhir.Node, error) {
	e, err := fhir.Parse(raw)
	if se, ok := errors.AsType[*fhir.SyntaxError](err); ok {
		return e, &placeError{n, strings.TrimSpace(fmt.Sprintf("%s byte %d", se.Path, se.Offset)), se.Reason, nil}
	}
	if err == nil && !e.IsObject() {
		err = &placeError{n, "", "an object is wanted", nil}
	}
	return e, err
}

// entryID returns the id of an entry's resource: its own, else the one in
// its request, else the end of its fullUrl. It stays the same however often
// the bundle is read.
func entryID(e fhir.Node) string {
	if id := e.Get("resource", "id").Text(); id != "" {
		return id
	}
	if e.Get("request", "method").Text() == "PUT" {
		if _, id := fhir.SplitReference(e.Get("request", "url").Text()); id != "" {
			return id
		}
	}
	url := e.Get("fullUrl").Text()
	if id, ok := strings.CutPrefix(url, "urn:uuid:"); ok && fhir.ValidID(id) {
		return id
	}
	if i := strings.LastIndexByte(url, '/'); i >= 0 && fhir.ValidID(url[i+1:]) {
		return url[i+1:]
	}
	return ""
}

// checkRequest refuses what an import cannot do.
func checkRequest(n int, e fhir.Node) error {
	method := e.Get("request", "method").Text()
	if !slices.Contains([]string{"", "POST", "PUT"}, method) {
		return &placeError{n, "request.method", "only POST and PUT can be imported", nil}
	}
	return nil
}

// item returns the entry n as an item to prepare.
func (b *bundle) item(f *file, n int, raw []byte) (*item, error) {
	return &item{src: f, file: f.name, entry: n, raw: bytes.Clone(raw), links: b.links, skip: b.met[n]}, nil
}
