// Package segment says which patients an outreach is for: a tree of
// conditions over the record, the person and their use of the portal.
//
// A tree is typed data, never SQL; it compiles to one statement with
// parameters and reads back as one English sentence.
package segment

// Expr is a condition. Exactly one field is set; the zero Expr is everyone.
type Expr struct {
	All  []Expr `json:"all,omitempty"`
	Any  []Expr `json:"any,omitempty"`
	Not  *Expr  `json:"not,omitempty"`
	Has  *Has   `json:"has,omitempty"`
	Age  *Range `json:"age,omitempty"`
	Sex  string `json:"sex,omitempty"`  // female, male
	Lang string `json:"lang,omitempty"` // en, es
	City string `json:"city,omitempty"`
	// SignedIn: "ever", "never", or "30d": within so many days.
	SignedIn string   `json:"signedIn,omitempty"`
	Patients []string `json:"patients,omitempty"` // these very people
	Fact     *Fact    `json:"fact,omitempty"`     // one of Facts
}

// Fact asks for something that Hale keeps in rows of its own: a value, an
// event of the ledger, a wish, a visit. What its fields mean, and which it
// has, Facts says.
type Fact struct {
	Key    string  `json:"key"`
	Value  string  `json:"value,omitempty"`
	Op     string  `json:"op,omitempty"` // at least, below
	Number float64 `json:"number,omitempty"`
	Days   int     `json:"days,omitempty"`
}

// Has asks for a resource in the record: one of an ingredient's codes, or a
// FHIR search of one's own.
type Has struct {
	Concept string              `json:"concept,omitempty"` // an ingredient: diabetes, eye-exam
	Type    string              `json:"type,omitempty"`    // own search: Observation
	Query   map[string][]string `json:"query,omitempty"`   // own search: code=http://loinc.org|4548-4
	Label   string              `json:"label,omitempty"`   // own search, in words
	Months  int                 `json:"months,omitempty"`  // within so many months
}

// Range is a range of whole years, both ends in it; 0 leaves an end open.
type Range struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// Everyone says whether e asks nothing.
func (e Expr) Everyone() bool { return e.set() == 0 }
