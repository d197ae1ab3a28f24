package record

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// work is one Do on its way.
type work struct {
	ctx   context.Context // of who waits for it
	store *Store
	src   Source
	reach reach
	steps []step
	links map[string]string // what ops are called → Type/id
	alone bool              // it has to look at the record before it can be made ready

	err error // what became of it
}

// step is one op on its way.
type step struct {
	*Op
	id    string    // of its resource; empty while that is not known
	drawn string    // the id of a new one
	node  fhir.Node // of the body
	base  string    // what relative references stand behind: https://…/

	was   standing // before
	ready Prepared
	write bool // ready is to be written
	found bool // a conditional create found it
	like  int  // a conditional create like an earlier one: the place of that, from 1
	many  []Prepared
	out   Done
}

// at names the step's resource.
func (st *step) at() link { return link{st.Type, st.id} }

// scopeOf is what a scope calls a verb.
var scopeOf = map[Verb]smart.Verb{Create: smart.Create, Update: smart.Update, Patch: smart.Update, Delete: smart.Delete}

// plan reads ops and makes ready what needs no look at the record.
func (s *Store) plan(ctx context.Context, pass access.Pass, src Source, ops []Op) (*work, error) {
	w := &work{ctx: ctx, store: s, src: src, reach: reach{pass: pass}, steps: make([]step, len(ops)), links: map[string]string{}}
	var err error
	if w.reach.patient, err = pass.Open(access.WriteRecord); err != nil {
		if pass.OpenAll(access.WriteRecord) != nil {
			return nil, err
		}
		w.reach.everyone = true
	}
	seen := map[link]bool{}
	for i := range ops {
		st := &w.steps[i]
		st.Op, st.id = &ops[i], ops[i].ID
		if err := w.read(st); err != nil {
			return nil, &OpError{i, err}
		}
		if st.id != "" && seen[st.at()] {
			return nil, &OpError{i, errTwice}
		}
		seen[st.at()] = true
		w.name(st)
	}
	if err := w.conditions(); err != nil {
		return nil, err
	}
	if w.alone {
		return w, nil
	}
	return w, w.prepare(0)
}

// read reads one op and refuses what can be refused without the record.
func (w *work) read(st *step) error {
	some, ok := w.reach.pass.Reaches(st.Type, scopeOf[st.Verb])
	switch {
	case !fhir.IsType(st.Type):
		return invalid(Draft{}, "resourceType", "not a type of FHIR R4")
	case !ok:
		return errScopes
	case !sees(w.reach.pass, st.Type), !w.reach.everyone && !personal(st.Type):
		return errNotYours
	case st.Match != nil && !searches(st.Match), st.IfNoneExist != nil && !searches(st.IfNoneExist):
		return errNoSearch
	case st.id != "" && !fhir.ValidID(st.id):
		return invalid(Draft{Type: st.Type}, "id", "not 1 to 64 letters, digits, hyphens and dots")
	}
	w.alone = w.alone || len(some) > 0 || st.Match != nil || st.Verb == Create && st.IfNoneExist != nil || st.Verb == Patch
	switch st.Verb {
	case Create:
		st.drawn = w.store.ids.New()
		st.id = st.drawn
		return w.readBody(st)
	case Update:
		return w.readBody(st)
	case Patch, Delete:
		if st.id == "" && st.Match == nil || st.Verb == Patch && st.Patch == nil {
			return errors.New("record: an op without what it needs")
		}
		return nil
	}
	return errors.New("record: an op without a verb")
}

// searches says whether a condition is one.
func searches(q url.Values) bool {
	for name, values := range q {
		if bare, _, _ := strings.Cut(name, ":"); len(values) > 0 && !slices.Contains(orders, bare) {
			return true
		}
	}
	return false
}

// readBody reads the body of a create or an update.
func (w *work) readBody(st *step) error {
	d := Draft{Type: st.Type, ID: st.id}
	node, err := fhir.Parse(st.Body)
	if err != nil {
		return invalid(d, where(err), reason(err))
	}
	st.node = node
	if !node.IsObject() || node.Get("resourceType").Text() != st.Type {
		return invalid(d, "resourceType", "not the type it is put under")
	}
	id := node.Get("id")
	if st.Verb == Update && st.Match == nil && (id.Text() == "" || id.Text() != st.id) {
		return invalid(d, "id", "not the id it is put under")
	}
	if st.Match != nil && st.id == "" && id.Exists() {
		st.id = id.Text()
		if !fhir.ValidID(st.id) {
			return invalid(d, "id", "not 1 to 64 letters, digits, hyphens and dots")
		}
	}
	if w.store.strict(w.src) {
		return w.store.conform(d, node)
	}
	return nil
}

// name notes what other ops call the step's resource.
func (w *work) name(st *step) {
	if st.FullURL == "" {
		return
	}
	if i := strings.LastIndex(st.FullURL, "/"+st.Type+"/"); i > 0 && strings.HasPrefix(st.FullURL, "http") {
		st.base = st.FullURL[:i+1]
	}
	if st.id != "" {
		w.links[st.FullURL] = st.Type + "/" + st.id
	}
}

// conditions resolves the conditional references in bodies, each by a search
// with the pass of who writes.
//
// Spec: https://hl7.org/fhir/R4/http.html#trules
func (w *work) conditions() error {
	for i := range w.steps {
		st := &w.steps[i]
		for n := range st.node.Texts("reference") {
			ref := n.Text()
			typ, query, ok := strings.Cut(ref, "?")
			if !ok || !fhir.IsType(typ) || w.links[ref] != "" {
				continue
			}
			id, reason, err := w.condition(typ, query)
			if err != nil {
				return &OpError{i, err}
			}
			if reason != "" {
				return &OpError{i, invalid(Draft{Type: st.Type, ID: st.id}, n.Path(), reason)}
			}
			w.links[ref] = typ + "/" + id
		}
	}
	return nil
}

// condition returns where a conditional reference leads, or why nowhere.
func (w *work) condition(typ, query string) (id, reason string, err error) {
	q, err := url.ParseQuery(query)
	if err != nil || !searches(q) {
		return "", "the condition cannot be read", nil
	}
	ids, err := w.match(w.ctx, w.store.db, typ, q, 2)
	switch {
	case errs.KindOf(err) == errs.Invalid:
		return "", "the condition cannot be searched for", nil
	case err != nil:
		return "", "", err
	case len(ids) == 0:
		return "", "refers to a " + typ + " that is not in the record", nil
	case len(ids) > 1:
		return "", "refers to more than one " + typ, nil
	}
	return ids[0], "", nil
}

// prepare makes ready what is to be written and is not, from a step on.
func (w *work) prepare(from int) error {
	for i := from; i < len(w.steps); i++ {
		st := &w.steps[i]
		if st.found || st.like != 0 {
			continue
		}
		var err error
		switch st.Verb {
		case Create, Update:
			err = w.prepareBody(st)
		case Delete:
			if st.id != "" {
				st.ready, st.write = deletion(st.at(), ""), true
			}
		}
		if err != nil {
			return &OpError{i, err}
		}
	}
	return nil
}

// prepareBody makes a body ready to be written: references between ops lead
// where they should, and an id that it came with is ours.
func (w *work) prepareBody(st *step) (err error) {
	body, changed := st.Body, false
	node := st.node
	if id := node.Get("id"); id.Exists() && id.Text() != st.id {
		body, changed = withID(body, st.id), true
		if node, err = fhir.Parse(body); err != nil {
			return err
		}
	}
	linked, err := node.Relink(func(l fhir.Link) (string, error) { return w.target(st, l) })
	if err != nil {
		return err
	}
	d := Draft{Type: st.Type, ID: st.id, Body: linked, IfVersion: st.IfVersion}
	if st.Verb == Create {
		d.IfVersion = 0
	}
	if &linked[0] == &node.Raw()[0] && !changed {
		d.Body = st.Body
		st.ready, err = w.store.PrepareNode(d, node)
	} else {
		st.ready, err = w.store.Prepare(d)
	}
	st.write, st.ready.fresh = err == nil, st.Verb == Create
	return err
}

// target returns what a link leads to, nothing to leave it as it is.
func (w *work) target(st *step, l fhir.Link) (string, error) {
	if to, ok := w.links[l.To]; ok {
		return to, nil
	}
	if !l.Reference {
		return "", nil
	}
	if strings.HasPrefix(l.To, "urn:uuid:") {
		return "", invalid(Draft{Type: st.Type, ID: st.id}, l.Path(), "leads to nothing that is in the transaction")
	}
	if st.base != "" && !absolute(l.To) {
		return w.links[st.base+l.To], nil
	}
	return "", nil
}

// deletion is what deletes a resource of a patient.
func deletion(at link, patient string) Prepared {
	p := Prepared{draft: Draft{Type: at.typ, ID: at.id}, patient: patient, gone: true}
	p.sum = emptySum
	return p
}
