// Package fhirpath evaluates FHIRPath over FHIR resources: search parameters,
// invariants, and the paths of patches.
//
// Numbers are exact decimals, dates keep the precision they were written
// with, and what is not known is empty. An expression is compiled once to
// closures, may be used from many goroutines at once, and walks the parsed
// JSON without copying it. Regular expressions are RE2: they take linear time
// and know neither look-around nor back references.
//
// Spec: http://hl7.org/fhirpath/N1 and https://hl7.org/fhir/R4/fhirpath.html
package fhirpath

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hale/internal/standard/fhir"
)

// Limits against expressions that run away.
const (
	maxText  = 64 << 10 // bytes of an expression
	maxDepth = 200      // of brackets in an expression
	maxItems = 1 << 20  // values in one collection
	maxSteps = 1 << 22  // values looked at by one evaluation
	maxChars = 16 << 20 // bytes of a string that an expression makes
)

// SyntaxError says where an expression is not FHIRPath, and why.
type SyntaxError struct {
	Offset int // bytes from the start
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("fhirpath: at %d: %s", e.Offset, e.Reason)
}

// ErrLimit says that an evaluation took more than it may.
var ErrLimit = errors.New("fhirpath: the expression takes too long")

// Terms knows value sets.
type Terms interface {
	// MemberOf says whether any of the codes is in the value set of that URL;
	// known is false where the value set is not.
	MemberOf(valueSet string, codes []fhir.Coding) (member, known bool)
}

// Env is what an evaluation knows of the world. The zero Env knows nothing:
// then now() is empty.
type Env struct {
	// Resource is %resource, Root %rootResource, the one around a contained
	// one. Where they are absent they are the first node evaluated on.
	Resource, Root fhir.Node
	// Vars are further variables, by their names without %.
	Vars map[string]Collection
	// Resolve returns the resource that a reference names. Where it is nil,
	// a reference resolves to something that has nothing but the type it
	// names: resolve() is Patient works, and nothing inside is there.
	// References to contained resources need no help.
	Resolve func(ref string) (fhir.Node, bool)
	// Conforms says whether a resource conforms to a profile; the base types
	// need no help.
	Conforms func(node fhir.Node, profile string) (conforms, known bool)
	// Now is the time that now(), today() and timeOfDay() say.
	Now time.Time
	// Terms answers memberOf().
	Terms Terms
	// Trace is told of every trace().
	Trace func(name string, values Collection)
}

// Expr is a compiled expression. It never changes.
type Expr struct {
	text string
	run  step
	pool *sync.Pool
}

// Compile reads an expression. Its error is a *SyntaxError.
func Compile(text string) (*Expr, error) {
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	run, err := compile(tree)
	if err != nil {
		return nil, err
	}
	return &Expr{text, run, &sync.Pool{New: func() any { return &running{buf: make([]Value, 0, 48)} }}}, nil
}

// String returns the expression as it was written.
func (e *Expr) String() string { return e.text }

// Eval evaluates e on resources, or on other nodes without a known type. Its
// error says what the expression did that FHIRPath does not allow.
func (e *Expr) Eval(env Env, on ...fhir.Node) (Collection, error) {
	values := make(Collection, len(on))
	for i, n := range on {
		values[i] = Of(n)
	}
	return e.On(env, values...)
}

// On evaluates e on values, which may be elements with their types.
func (e *Expr) On(env Env, on ...Value) (Collection, error) {
	r := e.pool.Get().(*running)
	defer e.release(r)
	out, err := e.evaluate(r, env, on)
	return slices.Clone(out), err
}

// Holds says whether an invariant holds on a resource or untyped node: it
// does where the result is true or empty is not its result.
func (e *Expr) Holds(env Env, on fhir.Node) (bool, error) { return e.HoldsOn(env, Of(on)) }

// HoldsOn says whether an invariant holds on a value: whether it comes to
// true, or to one value that is no boolean.
func (e *Expr) HoldsOn(env Env, on Value) (bool, error) {
	r := e.pool.Get().(*running)
	defer e.release(r)
	in := r.one(on)
	out, err := e.evaluate(r, env, in)
	if err != nil {
		return false, err
	}
	b, known, err := truth(out)
	return b && known, err
}

func (e *Expr) evaluate(r *running, env Env, on Collection) (Collection, error) {
	r.this, r.context = on, on
	if len(on) > 0 {
		if !env.Resource.Exists() {
			env.Resource = on[0].node
		}
		if !env.Root.Exists() {
			env.Root = env.Resource
		}
	}
	r.env = env
	return e.run(r, on)
}

func (e *Expr) release(r *running) {
	buf := r.buf[:cap(r.buf)]
	clear(buf)
	*r = running{buf: buf[:0]}
	e.pool.Put(r)
}

// step is one compiled part of an expression: from what is before it to what
// comes of it.
type step func(r *running, in Collection) (Collection, error)

// running is one evaluation.
type running struct {
	env     Env
	context Collection // %context
	this    Collection // $this, a list only outside of any function
	index   int        // $index
	total   Collection // $total
	steps   int
	buf     []Value // room for values; collections are cut from it
}

// count notes that n values were looked at.
func (r *running) count(n int) error {
	if r.steps += n + 1; r.steps > maxSteps || n > maxItems {
		return ErrLimit
	}
	return nil
}

// one returns a collection of one value.
func (r *running) one(v Value) Collection {
	if len(r.buf) == cap(r.buf) {
		r.buf = make([]Value, 0, 2*cap(r.buf))
	}
	r.buf = append(r.buf, v)
	return Collection(r.buf[len(r.buf)-1 : len(r.buf) : len(r.buf)])
}

func (r *running) bool(b bool) (Collection, error) { return r.one(Bool(b)), nil }

// start returns an empty collection to append to, in the room left. Nothing
// else may be made before keep is given the result.
func (r *running) start() Collection { return Collection(r.buf[len(r.buf):]) }

// keep takes what was appended to start's collection.
func (r *running) keep(out Collection) Collection {
	if len(out) == 0 {
		return nil
	}
	if n := len(r.buf) + len(out); n <= cap(r.buf) && &r.buf[:n][len(r.buf)] == &out[0] {
		r.buf = r.buf[:n]
	}
	return out[:len(out):len(out)]
}

// each evaluates s on every value, as $this with its $index, and gives what
// comes of it to use.
func (r *running) each(in Collection, s step, use func(i int, out Collection) error) error {
	if err := r.count(len(in)); err != nil {
		return err
	}
	this, index := r.this, r.index
	defer func() { r.this, r.index = this, index }()
	for i := range in {
		r.this, r.index = in[i:i+1:i+1], i
		out, err := s(r, r.this)
		if err == nil {
			err = use(i, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
