package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"hale/internal/standard/facts"
)

// collection is every definition that was read.
type collection struct {
	structures []*structure
	entries    []facts.Entry
	pieces     map[string][]byte
	seen       map[string]bool
}

func (c *collection) add(data []byte, file string) error {
	var kind struct{ ResourceType, URL, Version string }
	if err := json.Unmarshal(data, &kind); err != nil || kind.URL == "" {
		return nil // a package's own files say other things
	}
	if c.seen == nil {
		c.seen, c.pieces = map[string]bool{}, map[string][]byte{}
	}
	key := kind.ResourceType + " " + kind.URL + "|" + kind.Version
	if c.seen[key] {
		return nil
	}
	c.seen[key] = true
	switch kind.ResourceType {
	case "StructureDefinition":
		s := new(structure)
		if err := json.Unmarshal(data, s); err != nil {
			return fmt.Errorf("%s: %w", kind.URL, err)
		}
		c.structures = append(c.structures, s)
	case "CodeSystem":
		var s codeSystem
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("%s: %w", kind.URL, err)
		}
		e := facts.Entry{Kind: facts.CodeSystemKind, URL: s.URL, Version: s.Version, Name: s.Name, Title: s.Title}
		return c.keep(e, systemFacts(s))
	case "ValueSet":
		var s valueSet
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("%s: %w", kind.URL, err)
		}
		e := facts.Entry{Kind: facts.ValueSetKind, URL: s.URL, Version: s.Version, Name: s.Name, Title: s.Title}
		return c.keep(e, setFacts(s))
	}
	return nil
}

// keep takes a definition's facts; two with the same share them.
func (c *collection) keep(e facts.Entry, what any) error {
	data, err := json.Marshal(what)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	e.Piece = fmt.Sprintf("%x", sum[:4])
	if was, ok := c.pieces[e.Piece]; ok && !bytes.Equal(was, data) {
		return fmt.Errorf("two pieces are called %s", e.Piece)
	}
	c.pieces[e.Piece] = data
	c.entries = append(c.entries, e)
	return nil
}

// pack returns everything as one archive, the same for the same definitions.
func (c *collection) pack() ([]byte, error) {
	if err := c.keepStructures(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.entries, func(a, b facts.Entry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.URL, b.URL))
	})
	index, err := json.Marshal(c.entries)
	if err != nil {
		return nil, err
	}
	c.pieces["index"] = index
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	var names []string
	for name := range c.pieces {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(c.pieces[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func systemFacts(s codeSystem) facts.CodeSystem {
	return facts.CodeSystem{Content: s.Content, Folds: s.CaseSensitive != nil && !*s.CaseSensitive, Concepts: conceptFacts(s.Concept)}
}

func conceptFacts(list []concept) []facts.Concept {
	var out []facts.Concept
	for _, c := range list {
		f := facts.Concept{Code: c.Code, Display: c.Display, Below: conceptFacts(c.Concept)}
		for _, p := range c.Property {
			switch {
			case p.Code == "child":
				f.Also = append(f.Also, p.ValueCode)
			case p.Code == "notSelectable" || p.Code == "abstract":
				f.Abstract = p.ValueBoolean
			case p.Code == "inactive" && p.ValueBoolean,
				p.Code == "status" && (p.ValueCode == "retired" || p.ValueCode == "inactive"):
				f.Inactive = true
			}
		}
		out = append(out, f)
	}
	return out
}

func setFacts(s valueSet) facts.ValueSet {
	return facts.ValueSet{Include: partFacts(s.Compose.Include), Exclude: partFacts(s.Compose.Exclude)}
}

func partFacts(list []part) []facts.Part {
	var out []facts.Part
	for _, p := range list {
		f := facts.Part{System: p.System, Codes: conceptFacts(p.Concept)}
		for _, x := range p.Filter {
			f.Filters = append(f.Filters, facts.Filter{Property: x.Property, Op: x.Op, Value: x.Value})
		}
		for _, v := range p.ValueSet {
			f.Sets = append(f.Sets, strings.TrimSpace(v))
		}
		out = append(out, f)
	}
	return out
}
