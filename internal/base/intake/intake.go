// Package intake opens what strangers send: pictures, packed files and XML.
// Each is read within a budget, so that a small file cannot become a large
// one here, and what could act by itself is left out.
//
// Spec: OWASP ASVS 5.0, 1.5.1, 5.2 and 14.2.8
package intake

import "hale/internal/base/errs"

// The refusals. Each says what the person can do.
var (
	errKind   = errs.New(errs.Invalid, "That file is not a photo or a PDF. Please send a JPEG, PNG or PDF file.")
	errBroken = errs.New(errs.Invalid, "That file could not be opened. It may be damaged: please make it again and send it once more.")
	errLarge  = errs.New(errs.Invalid, "That file is too large for us to take. Please send a smaller one.")
	errActs   = errs.New(errs.Invalid, "That PDF has a program in it, so we do not take it. Please send a photo of each page instead.")
	errPacked = errs.New(errs.Invalid, "That packed file holds more than it should, or in a way that we do not open.")
	errMarkup = errs.New(errs.Invalid, "That document is built in a way that we do not open.")
)
