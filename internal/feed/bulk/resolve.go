package bulk

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// errMissing says that a reference leads to nothing that is there yet.
var errMissing = errors.New("bulk: refers to what is not there")

// refError is a reference that cannot be followed.
type refError struct{ reason string }

func (e *refError) Error() string { return e.reason }

func (e *refError) Is(target error) bool {
	return target == errMissing && strings.HasPrefix(e.reason, "refers to a ")
}

// conditional says whether a reference is a search: Type?identifier=….
//
// Spec: https://hl7.org/fhir/R4/http.html#trules
func conditional(ref string) bool {
	typ, _, ok := strings.Cut(ref, "?")
	return ok && fhir.IsType(typ)
}

// resolve returns the Type/id that a conditional reference leads to.
func (r *run) resolve(ctx context.Context, ref string) (string, error) {
	r.mu.Lock()
	known := r.known[ref]
	r.mu.Unlock()
	if known != "" {
		return known, nil
	}
	typ, query, _ := strings.Cut(ref, "?")
	q, err := url.ParseQuery(query)
	if err != nil || len(q) == 0 {
		return "", &refError{"the condition cannot be read"}
	}
	ids, err := r.store.Resolve(ctx, typ, q)
	switch {
	case errs.KindOf(err) == errs.Invalid:
		return "", &refError{"the condition cannot be searched for"}
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", &refError{"refers to a " + typ + " that is neither in the record nor in the files"}
	case len(ids) > 1:
		return "", &refError{"refers to more than one " + typ}
	}
	known = typ + "/" + ids[0]
	r.mu.Lock()
	r.known[ref] = known
	r.mu.Unlock()
	return known, nil
}
