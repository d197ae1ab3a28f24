package facts

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

//go:embed facts.zip
var packed []byte

// Library finds definitions by their addresses.
type Library struct {
	entries []Entry
	pieces  map[string]*zip.File
	byURL   map[string][]int // in entries, the one meant without a version first
}

// Open returns the library of what ships.
var Open = sync.OnceValues(func() (*Library, error) { return open(packed) })

func open(data []byte) (*Library, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("facts: open: %w", err)
	}
	l := &Library{pieces: make(map[string]*zip.File, len(r.File)), byURL: map[string][]int{}}
	for _, f := range r.File {
		l.pieces[f.Name] = f
	}
	if err := l.read("index", &l.entries); err != nil {
		return nil, err
	}
	for i, e := range l.entries {
		l.byURL[e.URL] = append(l.byURL[e.URL], i)
	}
	return l, nil
}

func (l *Library) read(piece string, into any) error {
	f := l.pieces[piece]
	if f == nil {
		return fmt.Errorf("facts: no piece %s", piece)
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("facts: %s: %w", piece, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("facts: %s: %w", piece, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("facts: %s: %w", piece, err)
	}
	return nil
}

// Entries returns everything that ships, sorted by kind and address. It must
// not be changed.
func (l *Library) Entries() []Entry { return l.entries }

// Find returns the definition of a kind that the canonical address names,
// which may end with a version: url|6.1.0. FHIR's own value sets are bound as
// url|4.0.1; the only one there is answers to any version of its publisher.
func (l *Library) Find(kind Kind, canonical string) (Entry, bool) {
	url, version := canonical, ""
	if at := strings.LastIndexByte(canonical, '|'); at >= 0 && l.byURL[canonical] == nil { // some addresses have a bar
		url, version = canonical[:at], canonical[at+1:]
	}
	var first *Entry
	for _, i := range l.byURL[url] {
		e := &l.entries[i]
		if e.Kind != kind {
			continue
		}
		if version == "" || e.Version == version || strings.HasPrefix(e.Version, version+".") {
			return *e, true
		}
		if first == nil {
			first = e
		}
	}
	if first != nil && strings.HasPrefix(url, "http://hl7.org/fhir/") && strings.HasPrefix(version, "4.0") {
		return *first, true
	}
	return Entry{}, false
}

// Structure reads the structure that the canonical address names.
func (l *Library) Structure(canonical string) (Entry, *Structure, bool) {
	return load[Structure](l, StructureKind, canonical)
}

// CodeSystem reads the code system that the canonical address names.
func (l *Library) CodeSystem(canonical string) (Entry, *CodeSystem, bool) {
	return load[CodeSystem](l, CodeSystemKind, canonical)
}

// ValueSet reads the value set that the canonical address names.
func (l *Library) ValueSet(canonical string) (Entry, *ValueSet, bool) {
	return load[ValueSet](l, ValueSetKind, canonical)
}

func load[T any](l *Library, kind Kind, canonical string) (Entry, *T, bool) {
	e, ok := l.Find(kind, canonical)
	if !ok {
		return Entry{}, nil, false
	}
	v := new(T)
	if err := l.read(e.Piece, v); err != nil {
		return Entry{}, nil, false // the test reads every piece
	}
	return e, v, true
}
