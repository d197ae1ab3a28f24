// Package outline reads an outreach from a file that people write: YAML, or
// JSON, which is YAML too. What is wrong is said with its line.
package outline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/policy"
	"hale/internal/reach/segment"
	"hale/internal/reach/template"
)

// file is what a file holds.
type file struct {
	Name       string          `json:"name"`
	Purpose    string          `json:"purpose"`
	Service    string          `json:"service"`
	Kind       reach.Kind      `json:"kind"` // empty: once; api: one by one, as a program asks
	Segment    segment.Expr    `json:"segment"`
	Channels   []reach.Channel `json:"channels"`
	Holdout    float64         `json:"holdout"`
	Households bool            `json:"households"`
	WindowDays int             `json:"windowDays"`
	ExpireDays int             `json:"expireDays"`
	NextAfter  string          `json:"nextAfter"` // 48h
	Class      *policy.Class   `json:"sensitivity"`

	Exception reach.Exception `json:"exception"` // of an offer: treatment or refill; empty: who signed for offers
	Paid      bool            `json:"paid"`      // somebody pays the clinic for it

	Waits map[reach.Channel]string `json:"waits"` // sms: 4h; after a text, other than nextAfter

	Texts    []text    `json:"texts"`
	Variants []variant `json:"variants"`
}

// text is a part of a template.
type text struct {
	Channel string `json:"channel"`
	Lang    string `json:"lang"`
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

type variant struct {
	Key   string  `json:"key"`
	Share float64 `json:"share"`
	Texts []text  `json:"texts"`
}

// most is the largest file that is read, in bytes.
const most = 1 << 20

// Read reads an outreach. What the engine checks, such as its purpose, is
// checked when it is saved.
func Read(r io.Reader) (reach.Outreach, error) {
	body, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return reach.Outreach{}, fmt.Errorf("outline: %w", err)
	}
	if len(body) > most {
		return reach.Outreach{}, bad("The file is larger than 1 MiB.")
	}
	var root yaml.Node
	if err := yaml.Unmarshal(body, &root); err != nil {
		return reach.Outreach{}, bad("This is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: ") + ".")
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return reach.Outreach{}, bad("The file holds no outreach. It begins with a line such as name: Eye exams.")
	}
	var f file
	if err := decode(root.Content[0], &f); err != nil {
		return reach.Outreach{}, err
	}
	return f.outreach()
}

func bad(say string) error { return errs.New(errs.Invalid, say) }

// decode reads a node through JSON, so that one set of names holds for files
// and for the database.
func decode(n *yaml.Node, into any) error {
	if at := repeated(n); at != nil {
		return bad(fmt.Sprintf("Line %d: %s stands there twice.", at.Line, at.Value))
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return bad("This is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: ") + ".")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return bad("The keys of the file have to be words.")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		return nil
	}
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return bad(fmt.Sprintf("%s%s: a %s stands where %s is wanted.", line(n, last(typed.Field)), typed.Field, typed.Value, wanted(typed.Type.Kind().String())))
	}
	if m := unknown.FindStringSubmatch(err.Error()); m != nil {
		return bad(fmt.Sprintf("%s%s is not known here.", line(n, m[1]), m[1]))
	}
	return bad(err.Error())
}

var unknown = regexp.MustCompile(`unknown field "([^"]*)"`)

func last(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func wanted(kind string) string {
	switch kind {
	case "float64", "int":
		return "a number"
	case "slice":
		return "a list"
	case "bool":
		return "true or false"
	case "struct", "map", "ptr":
		return "a group of lines"
	}
	return "a text"
}

// line says where the first key named so stands.
func line(n *yaml.Node, key string) string {
	if at := find(n, key); at != nil {
		return fmt.Sprintf("Line %d: ", at.Line)
	}
	return ""
}

func find(n *yaml.Node, key string) *yaml.Node {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Value == key {
			return c
		}
		if at := find(c, key); at != nil {
			return at
		}
	}
	return nil
}

// repeated returns a key that its mapping has twice: the decoder of JSON
// would take the last one in silence.
func repeated(n *yaml.Node) *yaml.Node {
	seen := map[string]bool{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if seen[c.Value] {
				return c
			}
			seen[c.Value] = true
		}
		if at := repeated(c); at != nil {
			return at
		}
	}
	return nil
}

// outreach returns what the engine saves.
func (f file) outreach() (reach.Outreach, error) {
	o := reach.Outreach{
		Name: f.Name, Purpose: f.Purpose, Service: f.Service, Kind: f.Kind, Segment: f.Segment, Channels: f.Channels, Holdout: f.Holdout, Households: f.Households,
		WindowDays: f.WindowDays, ExpireDays: f.ExpireDays, Template: f.template(f.Texts), Exception: f.Exception, Paid: f.Paid,
	}
	if f.NextAfter != "" {
		d, err := time.ParseDuration(f.NextAfter)
		if err != nil || d <= 0 {
			return o, bad("nextAfter: write a time such as 48h.")
		}
		o.NextAfter = d
	}
	for c, text := range f.Waits {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return o, bad("waits: write a channel and a time, such as sms: 4h.")
		}
		if o.Waits == nil {
			o.Waits = map[reach.Channel]time.Duration{}
		}
		o.Waits[c] = d
	}
	if f.Kind != reach.Once && f.Kind != reach.API {
		return o, bad("kind: leave it out to write to everybody of the segment, or say api to take people one by one.")
	}
	for _, v := range f.Variants {
		o.Variants = append(o.Variants, reach.Variant{Key: v.Key, Share: v.Share, Template: f.template(v.Texts)})
	}
	return o, nil
}

func (f file) template(list []text) template.Template {
	var t template.Template
	if f.Class != nil {
		t.Sensitivity = *f.Class
	}
	for _, p := range list {
		t.Parts = append(t.Parts, template.Part{Channel: p.Channel, Lang: p.Lang, Subject: p.Subject, Body: strings.TrimSpace(p.Body)})
	}
	return t
}
