// Package fhirpatch changes resources by FHIRPath Patch and by JSON Patch.
//
// A patch is applied as a whole or not at all. Members keep the order they
// have; what is added comes last.
//
// Spec: https://hl7.org/fhir/R4/fhirpatch.html and RFC 6902
package fhirpatch

import (
	"fmt"

	"hale/internal/standard/fhir"
	"hale/internal/standard/fhirpath"
)

// Limits of one patch.
const (
	maxOperations = 1000
	maxBytes      = 16 << 20  // of what comes of it
	maxWork       = 256 << 20 // bytes read, as each operation reads the resource anew
)

// Error says which operation cannot be done, and why.
type Error struct {
	Operation int    // from 1; 0 for the patch as a whole
	Path      string // as the patch names it
	Reason    string
}

// Error names the operation and the reason, and nothing of the resource.
func (e *Error) Error() string {
	if e.Operation == 0 {
		return "patch: " + e.Reason
	}
	if e.Path == "" {
		return fmt.Sprintf("patch: operation %d: %s", e.Operation, e.Reason)
	}
	return fmt.Sprintf("patch: operation %d at %s: %s", e.Operation, e.Path, e.Reason)
}

func failed(format string, args ...any) error { return &Error{Reason: fmt.Sprintf(format, args...)} }

// operation is one operation of a FHIRPath Patch.
type operation struct {
	kind, path, name                string
	index, from, to                 int64
	hasIndex, hasSource, hasAddress bool
	value                           fhir.Node // the part that has the value
}

// FHIRPath applies a Parameters resource of operations to a resource in
// JSON. Its error is an *Error.
func FHIRPath(doc []byte, params fhir.Node) ([]byte, error) {
	if !params.Child("resourceType").TextIs("Parameters") {
		return nil, failed("it is no Parameters resource")
	}
	count, work := 0, 0
	for p := range params.Child("parameter").Each() {
		count++
		if count > maxOperations {
			return nil, failed("it has more than %d operations", maxOperations)
		}
		if work += len(doc); work > maxWork {
			return nil, failed("it has too many operations for so large a resource")
		}
		op, err := read(p)
		if err == nil {
			doc, err = op.apply(doc)
		}
		if err == nil && len(doc) > maxBytes {
			err = failed("the resource becomes too large")
		}
		if e, ok := err.(*Error); ok {
			e.Operation, e.Path = count, shown(op.path)
			return nil, e
		}
		if err != nil {
			return nil, &Error{count, shown(op.path), err.Error()}
		}
	}
	return doc, nil
}

func shown(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// read reads one operation.
func read(p fhir.Node) (operation, error) {
	op := operation{}
	if !p.Child("name").TextIs("operation") {
		return op, failed("a parameter of a patch is called operation")
	}
	for part := range p.Child("part").Each() {
		switch name := part.Child("name").Text(); name {
		case "type":
			op.kind = text(part)
		case "path":
			op.path = text(part)
		case "name":
			op.name = text(part)
		case "index":
			op.index, op.hasIndex = integer(part)
		case "source":
			op.from, op.hasSource = integer(part)
		case "destination":
			op.to, op.hasAddress = integer(part)
		case "value":
			op.value = part
		default:
			return op, failed("an operation has no part %s", shown(name))
		}
	}
	if op.path == "" {
		return op, failed("it has no path")
	}
	return op, nil
}

// text is the value of a part, which is a string, code, uri or their like.
func text(part fhir.Node) string {
	for key, v := range part.Fields() {
		if v.IsText() && len(key) > 5 && key[:5] == "value" {
			return v.Text()
		}
	}
	return ""
}

func integer(part fhir.Node) (int64, bool) {
	for key, v := range part.Fields() {
		if v.IsNumber() && len(key) > 5 && key[:5] == "value" {
			f, ok := v.Number()
			return int64(f), ok && f == float64(int64(f)) && f >= 0 && f < 1<<31
		}
	}
	return 0, false
}

// apply does one operation.
func (op operation) apply(doc []byte) ([]byte, error) {
	root, err := fhir.Parse(doc)
	if err != nil {
		return nil, err
	}
	path, err := fhirpath.Compile(op.path)
	if err != nil {
		return nil, err
	}
	found, err := path.Eval(fhirpath.Env{}, root)
	if err != nil {
		return nil, err
	}
	t := grow(root)
	switch op.kind {
	case "add":
		err = op.add(t, found)
	case "insert":
		err = op.insert(t, found)
	case "delete":
		err = op.remove(t, found)
	case "replace":
		err = op.replace(t, found)
	case "move":
		err = op.move(t, found)
	default:
		err = failed("there is no operation %q", shown(op.kind))
	}
	if err != nil {
		return nil, err
	}
	return t.root.write(nil), nil
}

// one returns the single element that the path leads to.
func one(found fhirpath.Collection) (fhirpath.Value, error) {
	switch len(found) {
	case 0:
		return fhirpath.Value{}, failed("nothing is there")
	case 1:
		return found[0], nil
	}
	return fhirpath.Value{}, failed("the path leads to %d elements", len(found))
}

// add gives the element at the path one more element.
func (op operation) add(t *tree, found fhirpath.Collection) error {
	target, err := one(found)
	if err != nil {
		return err
	}
	holder := t.at(target.Node())
	if target.FHIR() == nil || holder == nil || !holder.object {
		return failed("nothing can be added to it")
	}
	return holder.give(target.FHIR(), op.name, op.value)
}

// insert puts a value among the elements of a list.
func (op operation) insert(t *tree, found fhirpath.Collection) error {
	p, err := t.list(found)
	if err != nil {
		return err
	}
	slots := p.holder.slots(p.key)
	if !op.hasIndex || op.index > int64(len(slots)) {
		return failed("the index must be 0 to %d", len(slots))
	}
	fresh, _, err := value(op.value, found[0].FHIR())
	if err != nil {
		return err
	}
	slots = append(slots[:op.index:op.index], append([]slot{fresh}, slots[op.index:]...)...)
	p.holder.fill(p.key, slots, true)
	return nil
}

// remove takes the element at the path away, and what becomes empty by it.
func (op operation) remove(t *tree, found fhirpath.Collection) error {
	if len(found) == 0 {
		return nil // the aim is reached
	}
	target, err := one(found)
	if err != nil {
		return err
	}
	p, ok := t.place(target)
	if !ok {
		return failed("it cannot be deleted")
	}
	p.take()
	return nil
}

// replace puts another value in an element's place.
func (op operation) replace(t *tree, found fhirpath.Collection) error {
	target, err := one(found)
	if err != nil {
		return err
	}
	p, ok := t.place(target)
	if !ok {
		return failed("it cannot be replaced")
	}
	fresh, typ, err := value(op.value, target.FHIR())
	if err != nil {
		return err
	}
	key, err := p.rekey(target.FHIR(), typ)
	if err != nil {
		return err
	}
	slots := p.holder.slots(p.key)
	slots[p.index] = fresh
	p.holder.rename(p.key, key)
	p.holder.fill(key, slots, p.many)
	return nil
}

// move puts an element of a list elsewhere in it.
func (op operation) move(t *tree, found fhirpath.Collection) error {
	p, err := t.list(found)
	if err != nil {
		return err
	}
	slots := p.holder.slots(p.key)
	n := int64(len(slots))
	if !op.hasSource || !op.hasAddress || op.from >= n || op.to >= n {
		return failed("source and destination must be 0 to %d", n-1)
	}
	moved := slots[op.from]
	slots = append(slots[:op.from:op.from], slots[op.from+1:]...)
	slots = append(slots[:op.to:op.to], append([]slot{moved}, slots[op.to:]...)...)
	p.holder.fill(p.key, slots, true)
	return nil
}
