package bulk

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"hale/internal/record"
	"hale/internal/standard/fhir"
)

// prepare makes it ready to write, or notes what is wrong with it.
func (r *run) prepare(ctx context.Context, it *item) {
	if it.bad != nil || it.skip {
		return
	}
	if err := r.prepareItem(ctx, it); err != nil {
		it.bad = r.reason(it, err)
	}
}

// reason says what is wrong with it.
func (r *run) reason(it *item, err error) *Bad {
	bad := &Bad{File: it.file, Entry: it.entry, Reason: err.Error()}
	if at, ok := errors.AsType[*placeError](err); ok {
		bad.Place, bad.Reason = at.place, at.reason
	}
	if inv, ok := errors.AsType[*record.InvalidError](err); ok {
		bad.Place, bad.Reason = inv.Place, inv.Reason
	}
	return bad
}

func (r *run) prepareItem(ctx context.Context, it *item) error {
	n, err := parseEntry(it.entry, it.raw)
	if err != nil {
		return err
	}
	res, id := n, n.Get("id").Text()
	if it.links != nil {
		res, id = n.Get("resource"), entryID(n)
	}
	typ := res.Get("resourceType").Text()
	switch {
	case it.links == nil && !fhir.IsType(typ):
		it.skip = true
		r.skip(Bad{File: it.file, Entry: it.entry, Reason: "no FHIR: no resourceType of R4"})
		return nil
	case it.links != nil && !res.Exists():
		it.skip, it.links = true, nil // an entry may be a mere request
		return nil
	case id == "":
		return &placeError{it.entry, "id", "the resource has no id", nil}
	}
	body, err := r.link(ctx, it, res)
	if errors.Is(err, errMissing) && it.links == nil && !r.last {
		it.late = true
		return nil
	}
	if err != nil {
		return err
	}
	d := record.Draft{Type: typ, ID: id, Body: body}
	if it.links == nil && &body[0] == &it.raw[0] {
		it.prepared, err = r.store.PrepareNode(d, n)
	} else {
		it.prepared, err = r.store.Prepare(d)
	}
	if err == nil {
		it.release()
	}
	return err
}

// release lets go of what is no longer needed.
func (it *item) release() { it.raw, it.links = nil, nil }

// link returns the bytes of res with every reference that leads to an entry
// or is conditional written as Type/id, every other link to an entry too, and
// everything else as it was.
func (r *run) link(ctx context.Context, it *item, res fhir.Node) ([]byte, error) {
	body, err := res.Relink(func(l fhir.Link) (string, error) {
		if !l.Reference {
			to, _ := it.links.get(l.To)
			return to, nil
		}
		to, err := r.target(ctx, it, l.To)
		if err != nil {
			return "", asPlace(it.entry, l.Path(), err)
		}
		return to, nil
	})
	if err == nil && it.links != nil && &body[0] == &res.Raw()[0] {
		body = bytes.Clone(body) // what is around it need not stay
	}
	return body, err
}

// target returns what to write for a reference, nothing to leave it.
func (r *run) target(ctx context.Context, it *item, ref string) (string, error) {
	if to, ok := it.links.get(ref); ok {
		return to, nil
	}
	switch {
	case conditional(ref):
		return r.resolve(ctx, ref)
	case it.links != nil && strings.HasPrefix(ref, "urn:uuid:"):
		return "", &refError{"leads to an entry that is not in the bundle"}
	}
	return "", nil
}
