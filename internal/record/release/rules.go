package release

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hale/internal/standard/fhir"
)

//go:embed rules.json
var rulesFile []byte

// kind is what a test can show, and how such a test is known.
type kind struct {
	ID         string
	Types      []string
	Categories []string // codes of category
	LOINC      []string // codes of code or type
	Words      []string // in the name of the test, small letters
}

// Sort is a group of tests that patients decide on together.
type Sort struct {
	ID    string
	Kinds []string
	Name  string // plain words
	About string
}

// Pack is one state's rule.
type Pack struct {
	ID       string
	Place    string
	Title    string
	Kinds    []string
	Days     int    // the result may be seen when this day after the final one begins
	Weekends string // count, or skip: a last day on a weekend moves to Monday
	Early    bool   // may staff release it before?
	Tell     bool   // may the patient know that something waits?
	Basis    string // the law, as cited
	Text     string // what it says
	Counting string // how its days are counted, and why so
	Reason   string // for the patient
}

// Book is every rule that Hale knows.
type Book struct {
	kinds []kind
	Sorts []Sort
	Packs []Pack
}

// ReadBook returns the rules that Hale comes with.
func ReadBook() (Book, error) {
	var f struct {
		Kinds []kind
		Sorts []Sort
		Packs []Pack
	}
	if err := json.Unmarshal(rulesFile, &f); err != nil {
		return Book{}, fmt.Errorf("release: rules: %w", err)
	}
	return Book{kinds: f.Kinds, Sorts: f.Sorts, Packs: f.Packs}, nil
}

// Only returns the book with the packs that the clinic turned on, and says
// which of them nobody knows.
func (b Book) Only(packs []string) (Book, error) {
	on := b
	on.Packs = nil
	for _, id := range packs {
		i := slices.IndexFunc(b.Packs, func(p Pack) bool { return p.ID == id })
		if i < 0 {
			return Book{}, fmt.Errorf("release: there is no pack %q", id)
		}
		on.Packs = append(on.Packs, b.Packs[i])
	}
	return on, nil
}

// Sort returns the sort named id.
func (b Book) Sort(id string) (Sort, bool) {
	i := slices.IndexFunc(b.Sorts, func(s Sort) bool { return s.ID == id })
	if i < 0 {
		return Sort{}, false
	}
	return b.Sorts[i], true
}

// pack returns the pack named id, also one that is off by now.
func (b Book) pack(id string) (Pack, bool) {
	i := slices.IndexFunc(b.Packs, func(p Pack) bool { return p.ID == id })
	if i < 0 {
		return Pack{}, false
	}
	return b.Packs[i], true
}

// types are the resources that rules are about.
func (b Book) types() []string {
	var all []string
	for _, k := range b.kinds {
		for _, t := range k.Types {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// kindsOf returns what a test can show. Vital signs and what people write
// themselves are none of them.
func (b Book) kindsOf(typ string, n fhir.Node) []string {
	var categories, loinc []string
	for c := range n.Get("category").Each() {
		for _, coding := range c.Codings() {
			categories = append(categories, coding.Code)
		}
	}
	if slices.Contains(categories, "vital-signs") || slices.Contains(categories, "social-history") || slices.Contains(categories, "survey") {
		return nil
	}
	name := ""
	for _, key := range [...]string{"code", "type", "procedureCode"} {
		for c := range n.Get(key).Each() {
			name += " " + c.Concept()
			for _, coding := range c.Codings() {
				loinc = append(loinc, coding.Code)
				name += " " + coding.Display
			}
		}
	}
	name = strings.ToLower(name + " " + n.Get("description").Text())
	var found []string
	for _, k := range b.kinds {
		if slices.Contains(k.Types, typ) && (meet(k.Categories, categories) || meet(k.LOINC, loinc) || holds(name, k.Words)) {
			found = append(found, k.ID)
		}
	}
	return found
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// holds says whether a word of name begins like one of words.
func holds(name string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		i := strings.Index(name, w)
		for i >= 0 {
			if i == 0 || !isLetter(name[i-1]) {
				return true
			}
			next := strings.Index(name[i+1:], w)
			if next < 0 {
				return false
			}
			i += 1 + next
		}
		return false
	})
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 0x80 }

// sortOf returns the sort that kinds belong to, empty for an ordinary test.
func (b Book) sortOf(kinds []string) string {
	for _, s := range b.Sorts {
		if meet(s.Kinds, kinds) {
			return s.ID
		}
	}
	return ""
}

// opens returns when a result that was finalised at final may be seen.
func (p Pack) opens(final time.Time, zone *time.Location) time.Time {
	f := final.In(zone)
	day := time.Date(f.Year(), f.Month(), f.Day()+p.Days, 0, 0, 0, 0, zone)
	if p.Weekends == "skip" {
		for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			day = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zone)
		}
	}
	return day
}

// final returns when a result was finalised; ok is false where it is not
// final yet. A time to come is taken for now: no feed holds a result by a
// wrong clock.
//
// Spec: https://hl7.org/fhir/R4/valueset-diagnostic-report-status.html
func final(n fhir.Node, at time.Time) (t time.Time, ok bool) {
	switch n.Get("status").Text() {
	case "registered", "partial", "preliminary":
		return time.Time{}, false
	}
	t = at
	for _, key := range [...]string{"issued", "date", "started"} {
		if span, has := n.Get(key).Date(); has {
			t = span.Low
			break
		}
	}
	if t.After(at) {
		t = at
	}
	return t, true
}

// Rules returns the packs that are on, those that are off, and the sorts.
func (s *Store) Rules() (on, off []Pack, sorts []Sort) {
	all, err := ReadBook()
	if err != nil {
		return s.Book.Packs, nil, s.Book.Sorts
	}
	for _, p := range all.Packs {
		if _, ok := s.Book.pack(p.ID); !ok {
			off = append(off, p)
		}
	}
	return s.Book.Packs, off, s.Book.Sorts
}

// Known returns the ids of every pack that Hale comes with.
func Known() []string {
	all, err := ReadBook()
	if err != nil {
		return nil
	}
	var ids []string
	for _, p := range all.Packs {
		ids = append(ids, p.ID)
	}
	return ids
}
