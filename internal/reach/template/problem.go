package template

// Severity says whether a problem keeps a text from being used.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // it cannot be used so
	Warning Severity = "warning" // it can, and better not
)

// Problem is something that has to change, or had better, before a template
// is used.
type Problem struct {
	Part      string // page/en; empty: all of it
	In        string // title, preview, or empty: the body
	Line, Col int    // from 1; 0: no one place
	Rule      string // minimum_necessary, tone, grade, …
	Severity  Severity
	Words     string
	Fix       string // what to do
}
