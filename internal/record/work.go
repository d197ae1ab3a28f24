package record

import (
	"context"
	"crypto/sha256"
	"errors"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
	"hale/internal/store/db"
)

// emptySum is the digest of what a deletion leaves of a body.
var emptySum = sha256.Sum256(nil)

// run does all of w in tx.
func (w *work) run(ctx context.Context, tx *db.Tx) error {
	w.reset()
	if !w.alone {
		known, err := w.store.standings(ctx, tx, w.named())
		if err != nil {
			return err
		}
		if err := w.judge(known); err != nil {
			return err
		}
		changes, err := w.store.putLots(ctx, tx, []lot{w.lot()})
		if err != nil {
			return w.blame(err)
		}
		w.settle(byLink(changes))
		return w.left(ctx, tx)
	}
	if err := w.deletes(ctx, tx); err != nil {
		return err
	}
	if err := w.find(ctx, tx); err != nil {
		return err
	}
	if err := w.prepare(0); err != nil {
		return err
	}
	return w.writes(ctx, tx)
}

// reset forgets what an attempt found that was taken back.
func (w *work) reset() {
	for i := range w.steps {
		st := &w.steps[i]
		st.was, st.out, st.many = standing{}, Done{}, nil
		if w.alone {
			st.write, st.found, st.like = false, false, 0
			if st.id = st.ID; st.Verb == Create {
				st.id = st.drawn
			}
		}
	}
}

// named are the resources that w names and that may be there.
func (w *work) named() []link {
	var list []link
	for i := range w.steps {
		if st := &w.steps[i]; st.id != "" && st.Verb != Create {
			list = append(list, st.at())
		}
	}
	return list
}

// lot is what w has made ready.
func (w *work) lot() lot {
	l := lot{src: w.src}
	for i := range w.steps {
		if w.steps[i].write {
			l.list = append(l.list, w.steps[i].ready)
		}
	}
	return l
}

// judge decides, by what stands there, whether each step that names a
// resource may be done, and whether there is anything to do.
func (w *work) judge(known map[link]standing) error {
	for i := range w.steps {
		st := &w.steps[i]
		var err error
		switch st.Verb {
		case Create:
			err = w.mine(&st.ready)
		case Update:
			st.was = known[st.at()]
			if err = w.mayReplace(st); err == nil {
				err = w.mine(&st.ready)
			}
		case Delete:
			st.was = known[st.at()]
			err = w.mayDelete(st)
		}
		if err != nil {
			return &OpError{i, err}
		}
	}
	return nil
}

// mine says whether what is to be written is of the patient whose record may
// be written.
func (w *work) mine(p *Prepared) error {
	if w.reach.everyone || p.patient == w.reach.patient {
		return nil
	}
	return errNotYours
}

// mayReplace says whether a step may write over what was there. What the
// pass does not show is as if it could not be there.
func (w *work) mayReplace(st *step) error {
	switch was := st.was; {
	case was.n == 0:
		if st.IfVersion != 0 {
			return errStale
		}
		return nil
	case !w.reach.shows(was):
		return db.ErrNone
	case st.IfVersion != 0 && (was.deleted || was.version != st.IfVersion):
		return errStale
	}
	return nil
}

// mayDelete says whether a step may delete what was there, and that there is
// nothing to do where nothing is.
func (w *work) mayDelete(st *step) error {
	if !w.reach.shows(st.was) || st.was.deleted {
		st.write = false
		if st.IfVersion != 0 {
			return errStale
		}
		return nil
	}
	if st.IfVersion != 0 && st.was.version != st.IfVersion {
		return errStale
	}
	st.ready, st.write = deletion(st.at(), st.was.patient), true
	st.ready.draft.IfVersion = st.IfVersion
	return nil
}

// deletes does the deletes of w, which come first.
func (w *work) deletes(ctx context.Context, tx *db.Tx) error {
	l := lot{src: w.src}
	for i := range w.steps {
		st := &w.steps[i]
		if st.Verb != Delete {
			continue
		}
		if err := w.delete(ctx, tx, st); err != nil {
			return &OpError{i, err}
		}
		l.list = append(l.list, st.many...)
	}
	if len(l.list) == 0 {
		return nil
	}
	changes, err := w.store.putLots(ctx, tx, []lot{l})
	if err != nil {
		return w.blame(err)
	}
	w.settle(byLink(changes))
	return nil
}

// delete finds what one delete deletes.
func (w *work) delete(ctx context.Context, tx *db.Tx, st *step) error {
	ids := []string{st.id}
	if st.Match != nil && st.id == "" {
		var err error
		if ids, err = w.match(ctx, tx, st.Type, st.Match, max(st.Many, 1)+1); err != nil {
			return err
		}
		if len(ids) > max(st.Many, 1) {
			return errSeveral
		}
	}
	for _, id := range ids {
		one := step{Op: st.Op, id: id}
		var err error
		if one.was, err = w.store.stand(ctx, tx, st.Type, id); err != nil {
			return err
		}
		if err := w.mayDelete(&one); err != nil {
			return err
		}
		if !one.write {
			continue
		}
		if err := w.scoped(ctx, tx, one.at(), smart.Delete); err != nil {
			return err
		}
		st.was, st.id = one.was, id
		st.many = append(st.many, one.ready)
	}
	return nil
}

// scoped refuses what the scopes of the app do not reach.
func (w *work) scoped(ctx context.Context, tx *db.Tx, at link, verb smart.Verb) error {
	ok, err := w.store.inScope(ctx, tx, w.reach.pass, at, verb)
	if err == nil && !ok {
		err = errScopes
	}
	return err
}

// find finds which resources the creates, updates and patches of w are
// about.
func (w *work) find(ctx context.Context, tx *db.Tx) error {
	taken := map[link]bool{}
	for i := range w.steps {
		st := &w.steps[i]
		var err error
		switch st.Verb {
		case Create:
			err = w.findNew(ctx, tx, i)
		case Update:
			err = w.findOld(ctx, tx, st)
		case Patch:
			if err = w.findOld(ctx, tx, st); err == nil {
				err = w.patch(ctx, tx, st)
			}
		}
		if err == nil && st.id != "" && st.like == 0 && taken[st.at()] {
			err = errTwice
		}
		if err != nil {
			return &OpError{i, err}
		}
		taken[st.at()] = true
		if st.FullURL != "" && st.id != "" {
			w.links[st.FullURL] = st.Type + "/" + st.id
		}
	}
	return nil
}

// findNew looks whether a conditional create has anything to create.
func (w *work) findNew(ctx context.Context, tx *db.Tx, i int) error {
	st := &w.steps[i]
	if st.IfNoneExist == nil {
		return nil
	}
	for at := range i {
		if e := &w.steps[at]; e.Verb == Create && e.Type == st.Type && e.IfNoneExist != nil && e.IfNoneExist.Encode() == st.IfNoneExist.Encode() {
			st.like, st.id = at+1, e.id
			return nil
		}
	}
	ids, err := w.match(ctx, tx, st.Type, st.IfNoneExist, 2)
	if err != nil || len(ids) == 0 {
		return err
	}
	if len(ids) > 1 {
		return errSeveral
	}
	st.id, st.found = ids[0], true
	if st.was, err = w.store.stand(ctx, tx, st.Type, st.id); err != nil {
		return err
	}
	f, err := w.store.bodyOf(ctx, tx, st.was)
	st.out = Done{Resource: f.Resource, Same: true}
	return err
}

// findOld looks what an update or a patch is about, and whether it may be
// changed.
func (w *work) findOld(ctx context.Context, tx *db.Tx, st *step) (err error) {
	if st.Match != nil && st.ID == "" {
		if err := w.findMatch(ctx, tx, st); err != nil {
			return err
		}
	}
	if st.was, err = w.store.stand(ctx, tx, st.Type, st.id); err != nil {
		return err
	}
	if err := w.mayReplace(st); err != nil || st.was.n == 0 || st.was.deleted {
		return err
	}
	return w.scoped(ctx, tx, st.at(), smart.Update)
}

// findMatch finds what the search of an update or a patch is about.
//
// Spec: https://hl7.org/fhir/R4/http.html#cond-update
func (w *work) findMatch(ctx context.Context, tx *db.Tx, st *step) error {
	ids, err := w.match(ctx, tx, st.Type, st.Match, 2)
	if err != nil {
		return err
	}
	own := st.node.Get("id").Text()
	switch {
	case len(ids) > 1:
		return errSeveral
	case len(ids) == 1 && own != "" && own != ids[0]:
		return invalid(Draft{Type: st.Type, ID: own}, "id", "not the id of what the search finds")
	case len(ids) == 1:
		st.id = ids[0]
		return nil
	case st.Verb == Patch:
		return db.ErrNone
	case own == "":
		st.id = w.store.ids.New()
		return nil
	}
	st.id = own
	was, err := w.store.stand(ctx, tx, st.Type, own)
	if err == nil && was.n != 0 {
		err = errTaken
	}
	return err
}

// patch makes what a patch writes.
func (w *work) patch(ctx context.Context, tx *db.Tx, st *step) error {
	if st.was.n == 0 {
		return db.ErrNone
	}
	if st.was.deleted {
		return errGone
	}
	f, err := w.store.bodyOf(ctx, tx, st.was)
	if err != nil {
		return err
	}
	body, err := st.Op.Patch(f.JSON())
	if err != nil {
		return err
	}
	d := Draft{Type: st.Type, ID: st.id, Body: body, IfVersion: st.was.version, Strict: w.store.strict(w.src)}
	if st.node, err = fhir.Parse(body); err != nil {
		return invalid(d, where(err), reason(err))
	}
	if st.node.Get("id").Text() != st.id {
		return invalid(d, "id", "a patch must not change the id")
	}
	st.ready, err = w.store.PrepareNode(d, st.node)
	st.write = err == nil
	return err
}

// writes writes what is ready and looks at it once more with the eyes of the
// app.
func (w *work) writes(ctx context.Context, tx *db.Tx) error {
	l := lot{src: w.src}
	for i := range w.steps {
		st := &w.steps[i]
		if st.Verb == Delete || !st.write {
			continue
		}
		if err := w.mine(&st.ready); err != nil {
			return &OpError{i, err}
		}
		l.list = append(l.list, st.ready)
	}
	changes, err := w.store.putLots(ctx, tx, []lot{l})
	if err != nil {
		return w.blame(err)
	}
	w.settle(byLink(changes))
	for i := range w.steps {
		st := &w.steps[i]
		if st.Verb == Delete || !st.write {
			continue
		}
		if err := w.scoped(ctx, tx, st.at(), scopeOf[st.Verb]); err != nil {
			return &OpError{i, err}
		}
	}
	return w.left(ctx, tx)
}

// blame finds the step whose draft could not be written.
func (w *work) blame(err error) error {
	e, ok := errors.AsType[*draftError](err)
	if !ok {
		return err
	}
	for i := range w.steps {
		if st := &w.steps[i]; st.at() == e.at {
			return &OpError{i, err}
		}
	}
	return err
}

// settle notes what became of the steps by what was changed.
func (w *work) settle(byLink map[link]*Change) {
	for i := range w.steps {
		st := &w.steps[i]
		for _, p := range st.many {
			st.deleted(byLink[link{p.draft.Type, p.draft.ID}])
		}
		c := byLink[st.at()]
		switch {
		case len(st.many) > 0 || !st.write:
		case st.Verb == Delete:
			st.deleted(c)
		case c != nil:
			st.out = Done{Resource: w.resource(c), Created: c.born}
		default: // as it was
			st.out = Done{Resource: Resource{Type: st.Type, ID: st.id, Patient: st.was.patient, Version: st.was.version,
				Updated: st.was.updated, Body: st.ready.draft.Body, Source: w.src.name()}, Same: true}
		}
	}
}

// byLink returns changes by what they changed.
func byLink(changes []Change) map[link]*Change {
	m := make(map[link]*Change, len(changes))
	for i := range changes {
		m[link{changes[i].Type, changes[i].ID}] = &changes[i]
	}
	return m
}

// deleted notes a deletion.
func (st *step) deleted(c *Change) {
	if c == nil || !c.Deleted {
		return
	}
	st.out.Resource = Resource{Type: c.Type, ID: c.ID, Patient: c.Patient, Version: c.Version, Updated: c.At}
	st.out.Deleted++
}

func (w *work) resource(c *Change) Resource {
	return Resource{Type: c.Type, ID: c.ID, Patient: c.Patient, Version: c.Version, Updated: c.At, Body: c.Body, Source: w.src.name()}
}

// name is what readers are told who wrote.
func (s Source) name() string {
	for _, name := range [...]string{s.Feed, s.Actor.Name} {
		if name != "" {
			return name
		}
	}
	return s.Actor.ID
}

// done returns what became of each op.
func (w *work) done() []Done {
	list := make([]Done, len(w.steps))
	for i := range w.steps {
		list[i] = w.steps[i].out
		if like := w.steps[i].like; like != 0 {
			list[i] = list[like-1]
			list[i].Created, list[i].Same = false, true
		}
	}
	return list
}

// retried says whether an error may be gone at the next attempt: another
// transaction was in the way.
func retried(err error) bool { return errs.KindOf(err) == errs.Conflict }
