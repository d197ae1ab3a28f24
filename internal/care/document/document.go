// Package document holds what a patient can read as text: notes and letters
// (DocumentReference), reports (DiagnosticReport) and care plans (CarePlan).
//
// No markup of a document ever reaches a page: Text takes the words out and
// the page sets them anew.
//
// Spec: https://hl7.org/fhir/R4/documentreference.html,
// diagnosticreport.html, careplan.html
package document

import "time"

// Kind sorts documents.
type Kind string

// The kinds.
const (
	Note   Kind = "document" // a DocumentReference
	Report Kind = "report"
	Plan   Kind = "plan"
)

// types are the FHIR types of the kinds.
var types = map[Kind]string{Note: "DocumentReference", Report: "DiagnosticReport", Plan: "CarePlan"}

// Document is one document, without its text.
type Document struct {
	ID      string
	Kind    Kind
	Title   string
	Status  string
	At      time.Time
	Author  string
	Media   string // of the file, empty where there is none
	Source  string
	Updated time.Time
}

// Reading is a document with its text.
type Reading struct {
	Document
	Blocks []Block
	File   bool // there is a file to save that Blocks does not say all of
}

// Block is one piece of a text.
type Block struct {
	Kind BlockKind
	Text string
}

// BlockKind says what a block is.
type BlockKind string

// The kinds of blocks.
const (
	Heading   BlockKind = "heading"
	Paragraph BlockKind = "paragraph"
	Item      BlockKind = "item" // of a list
)
