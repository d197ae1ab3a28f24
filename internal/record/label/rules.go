package label

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"

	"hale/internal/access"
)

//go:embed rules.json minor.json
var files embed.FS

// rules is the book of rules, read.
type rules struct {
	version    int64
	sets       []set
	any        map[string]bool // every whole code
	initials   [256]bool       // of every prefix
	security   map[string]map[string]access.Label
	restricted access.Label
	minors     map[string]map[access.Label]int
}

type set struct {
	labels   access.Label
	system   string
	spelled  []string // the system's other addresses
	codes    map[string]bool
	prefixes []string
}

// names of the labels in the files: DS4P's own, and ours for 45 CFR 164.501.
var names = map[string]access.Label{
	"SUD": access.SubstanceUse, "42CFRPart2": access.Part2, "MH": access.MentalHealth, "HIV": access.HIV,
	"SEX": access.Reproductive, "ADOL": access.MinorConfidential, "PSYTHPN": access.PsychNotes,
}

// spelled are other addresses of code systems that senders use.
var spelled = map[string][]string{
	"http://hl7.org/fhir/sid/icd-10-cm":           {"urn:oid:2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-us", "http://www.icd10data.com/icd10pcs"},
	"http://snomed.info/sct":                      {"urn:oid:2.16.840.1.113883.6.96", "http://snomed.info/sct/731000124108"},
	"http://www.nlm.nih.gov/research/umls/rxnorm": {"urn:oid:2.16.840.1.113883.6.88"},
	"http://loinc.org":                            {"urn:oid:2.16.840.1.113883.6.1", "https://loinc.org"},
}

// book returns the rules. That they can be read is a test's affair; a Hale
// whose rules cannot be read does not start.
var book = sync.OnceValue(func() *rules {
	r, err := read()
	if err != nil {
		panic(err)
	}
	return r
})

// Ready says whether the rules can be read.
func Ready() error {
	_, err := read()
	return err
}

// read reads both files.
func read() (*rules, error) {
	var f struct {
		Version int64
		Sets    []struct {
			Labels, Codes, Prefixes []string
			System                  string
		}
		Security map[string]json.RawMessage
	}
	if err := open("rules.json", &f); err != nil {
		return nil, err
	}
	r := &rules{version: f.Version, any: map[string]bool{}, security: map[string]map[string]access.Label{}}
	for _, s := range f.Sets {
		labels, err := named(s.Labels)
		if err != nil {
			return nil, err
		}
		codes := map[string]bool{}
		for _, c := range s.Codes {
			codes[c], r.any[c] = true, true
		}
		for _, p := range s.Prefixes {
			r.initials[p[0]] = true
		}
		r.sets = append(r.sets, set{labels, s.System, spelled[s.System], codes, s.Prefixes})
	}
	if err := r.readSecurity(f.Security); err != nil {
		return nil, err
	}
	return r, r.readMinors()
}

func (r *rules) readSecurity(systems map[string]json.RawMessage) error {
	for system, raw := range systems {
		if system == "about" {
			continue
		}
		var codes map[string][]string
		if err := json.Unmarshal(raw, &codes); err != nil {
			return fmt.Errorf("label: rules.json: %s: %w", system, err)
		}
		read := map[string]access.Label{}
		for code, list := range codes {
			labels, err := named(list)
			if err != nil {
				return err
			}
			read[code] = labels
		}
		if system == "restricted" {
			r.restricted = read["R"]
			continue
		}
		r.security[system] = read
	}
	return nil
}

func (r *rules) readMinors() error {
	var f struct {
		States map[string]map[string]any
	}
	if err := open("minor.json", &f); err != nil {
		return err
	}
	r.minors = map[string]map[access.Label]int{}
	for state, ages := range f.States {
		r.minors[state] = map[access.Label]int{}
		for name, l := range names {
			if age, ok := ages[name].(float64); ok {
				r.minors[state][l] = int(age)
			}
		}
	}
	return nil
}

func open(name string, into any) error {
	text, err := files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("label: %s: %w", name, err)
	}
	return nil
}

func named(list []string) (access.Label, error) {
	var labels access.Label
	for _, name := range list {
		l, ok := names[name]
		if !ok {
			return 0, fmt.Errorf("label: %q is no label", name)
		}
		labels |= l
	}
	return labels, nil
}
