package fhirpatch

import (
	"errors"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"hale/internal/standard/fhir"
)

// JSON applies a JSON Patch to a resource. Its error is an *Error.
//
// Spec: https://hl7.org/fhir/R4/http.html#patch and RFC 6902
func JSON(doc, patch []byte) (out []byte, err error) {
	if len(patch) > maxBytes {
		return nil, failed("it is too large")
	}
	list, err := fhir.Parse(patch)
	if err != nil {
		return nil, failed("it is no JSON: %v", err)
	}
	if !list.IsArray() {
		return nil, failed("it is no list of operations")
	}
	if n := list.Len(); n > maxOperations {
		return nil, failed("it has more than %d operations", maxOperations)
	}
	if _, err := fhir.Parse(doc); err != nil {
		return nil, failed("the resource is no JSON: %v", err)
	}
	number := 0
	for op := range list.Each() {
		number++
		if err := wellFormed(op); err != nil {
			return nil, &Error{number, shown(op.Child("path").Text()), reason(err)}
		}
	}
	if out, err = applyAll(doc, patch); err == nil {
		return out, nil
	}
	return nil, blame(doc, list, err)
}

// blame finds the operation that fails, where that costs little.
func blame(doc []byte, list fhir.Node, err error) error {
	number, work := 0, 0
	for op := range list.Each() {
		number++
		if work += len(doc); work > maxWork {
			break
		}
		next, failing := applyAll(doc, append(append([]byte{'['}, op.Raw()...), ']'))
		if failing != nil {
			return &Error{number, shown(op.Child("path").Text()), reason(failing)}
		}
		doc = next
	}
	return &Error{Reason: reason(err)}
}

// applyAll applies operations. The library may panic on what nobody would
// send; that is the sender's error, not ours.
func applyAll(doc, text []byte) (out []byte, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, failed("it cannot be applied")
		}
	}()
	patch, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return nil, failed("it is no operation")
	}
	options := jsonpatch.NewApplyOptions()
	options.SupportNegativeIndices = false
	options.AccumulatedCopySizeLimit = maxBytes
	options.EscapeHTML = false
	if out, err = patch.ApplyWithOptions(doc, options); err == nil && len(out) > maxBytes {
		err = failed("the resource becomes too large")
	}
	return out, err
}

// wellFormed says what the library would take for something else.
func wellFormed(op fhir.Node) error {
	if !op.IsObject() {
		return failed("it is no operation")
	}
	kind, path := op.Child("op"), op.Child("path")
	switch {
	case !kind.IsText():
		return failed("it has no op")
	case !path.IsText():
		return failed("it has no path")
	case path.Text() != "" && path.Text()[0] != '/':
		return failed("a path begins with a slash")
	}
	switch kind.Text() {
	case "add", "replace", "test":
		if !op.Child("value").Exists() {
			return failed("it has no value")
		}
	case "move", "copy":
		if !op.Child("from").IsText() {
			return failed("it has no from")
		}
	case "remove":
	default:
		return failed("there is no operation %q", shown(kind.Text()))
	}
	return nil
}

// reason says why an operation could not be applied, without the library's
// words, which may quote the resource.
func reason(err error) string {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own.Reason
	case errors.Is(err, jsonpatch.ErrTestFailed):
		return "the test fails: the value is another"
	case errors.Is(err, jsonpatch.ErrMissing):
		return "nothing is there"
	case errors.Is(err, jsonpatch.ErrInvalidIndex):
		return "the index is none of the list's"
	case errors.As(err, new(*jsonpatch.AccumulatedCopySizeError)):
		return "the resource becomes too large"
	}
	return "it cannot be applied"
}
