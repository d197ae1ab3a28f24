// Package shlink is the format of SMART Health Links: an address that says
// where an encrypted file lies and carries the only key to it.
//
// A link is shlink:/ and a JSON object in base64url, mostly after a viewer's
// address and a #. Whoever holds it can read; what is stored without it
// cannot be read.
//
// Spec: https://docs.smarthealthit.org/smart-health-links/spec/ and
// https://hl7.org/fhir/uv/smart-health-cards-and-links/STU1/
package shlink

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Scheme is what every link begins with.
const Scheme = "shlink:/"

// KeySize is the length of a link's key in bytes.
const KeySize = 32

// The bounds of what a link may hold.
const (
	MaxURL   = 128 // characters, by the specification
	MaxLabel = 80
	maxLink  = 4096 // characters of a whole link that Parse reads
)

// Link is what a SMART Health Link says.
type Link struct {
	URL     string // of the manifest, or with Direct of the file
	Key     [KeySize]byte
	Expires time.Time // a hint to who shows it; zero: none
	Live    bool      // L: what is behind it may change
	Locked  bool      // P: a passcode is asked for
	Direct  bool      // U: one file, by GET
	Label   string    // a few words about it
}

// payload is the JSON object of a link.
type payload struct {
	URL   string  `json:"url"`
	Key   string  `json:"key"`
	Exp   float64 `json:"exp,omitempty"`
	Flag  string  `json:"flag,omitempty"`
	Label string  `json:"label,omitempty"`
	V     float64 `json:"v,omitempty"`
}

// The refusals of Parse.
var (
	ErrLink    = errors.New("shlink: not a SMART Health Link")
	ErrVersion = errors.New("shlink: a version that is not known")
)

// Flags returns the link's flags in the order of the alphabet.
func (l Link) Flags() string {
	var b strings.Builder
	for _, f := range []struct {
		set  bool
		flag byte
	}{{l.Live, 'L'}, {l.Locked, 'P'}, {l.Direct, 'U'}} {
		if f.set {
			b.WriteByte(f.flag)
		}
	}
	return b.String()
}

// String returns the bare link, shlink:/….
func (l Link) String() string {
	p := payload{URL: l.URL, Key: base64.RawURLEncoding.EncodeToString(l.Key[:]), Flag: l.Flags(), Label: l.Label}
	if !l.Expires.IsZero() {
		p.Exp = float64(l.Expires.Unix())
	}
	body, _ := json.Marshal(p) // strings and a number
	return Scheme + base64.RawURLEncoding.EncodeToString(body)
}

// Valid says what is wrong with a link that somebody is about to hand out.
func (l Link) Valid() error {
	u, err := url.Parse(l.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%w: its address leads nowhere", ErrLink)
	case len(l.URL) > MaxURL:
		return fmt.Errorf("%w: its address is longer than %d characters", ErrLink, MaxURL)
	case len([]rune(l.Label)) > MaxLabel:
		return fmt.Errorf("%w: its label is longer than %d characters", ErrLink, MaxLabel)
	case l.Direct && l.Locked:
		return fmt.Errorf("%w: one file by GET cannot ask for a passcode", ErrLink)
	}
	return nil
}

// Parse reads a link as it was scanned or pasted: bare, or after a viewer's
// address and a #.
func Parse(text string) (Link, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxLink {
		return Link{}, fmt.Errorf("%w: too long", ErrLink)
	}
	at := strings.Index(text, Scheme)
	if at < 0 || at > 0 && text[at-1] != '#' {
		return Link{}, ErrLink
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text[at+len(Scheme):], "="))
	if err != nil {
		return Link{}, fmt.Errorf("%w: its text is damaged", ErrLink)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Link{}, fmt.Errorf("%w: it holds no JSON object", ErrLink)
	}
	return p.link()
}

// link checks what a payload says.
func (p payload) link() (Link, error) {
	if p.V != 0 && p.V != 1 {
		return Link{}, ErrVersion
	}
	l := Link{URL: p.URL, Label: p.Label}
	key, err := base64.RawURLEncoding.Strict().DecodeString(p.Key)
	if err != nil || len(key) != KeySize {
		return Link{}, fmt.Errorf("%w: its key is damaged", ErrLink)
	}
	copy(l.Key[:], key)
	if p.Exp > 0 && p.Exp < 1<<40 {
		l.Expires = time.Unix(int64(p.Exp), 0).UTC()
	}
	l.Live, l.Locked, l.Direct = strings.Contains(p.Flag, "L"), strings.Contains(p.Flag, "P"), strings.Contains(p.Flag, "U")
	return l, l.Valid()
}

// Ask is the body of a request for a manifest.
type Ask struct {
	Recipient   string `json:"recipient"` // who asks, for the one who shared to read
	Passcode    string `json:"passcode,omitempty"`
	EmbeddedMax *int   `json:"embeddedLengthMax,omitempty"` // characters of a file that may stand in the answer itself
}

// ReadAsk reads the body of a request for a manifest. A recipient must be
// named.
func ReadAsk(body []byte) (Ask, error) {
	var a Ask
	if err := json.Unmarshal(body, &a); err != nil {
		return Ask{}, fmt.Errorf("%w: the request is no JSON object", ErrLink)
	}
	a.Recipient = strings.TrimSpace(a.Recipient)
	if a.Recipient == "" {
		return Ask{}, fmt.Errorf("%w: the request names no recipient", ErrLink)
	}
	return a, nil
}

// Manifest lists what is behind a link.
type Manifest struct {
	Status string `json:"status,omitempty"` // finalized, can-change or no-longer-valid
	Files  []File `json:"files"`
}

// The states of a manifest.
const (
	Finalized = "finalized"
	CanChange = "can-change"
	Ended     = "no-longer-valid"
)

// File is one encrypted file: in the answer itself, or at an address that is
// good for an hour at most.
type File struct {
	ContentType string `json:"contentType"`
	Embedded    string `json:"embedded,omitempty"`
	Location    string `json:"location,omitempty"`
	Updated     string `json:"lastUpdated,omitempty"`
}

// The types of what a file holds, once it is opened.
const (
	FHIR = "application/fhir+json"
	Card = "application/smart-health-card"
	API  = "application/smart-api-access"
)

// maxFiles is how many files of a manifest are read.
const maxFiles = 20

// ReadManifest reads the answer of another server.
func ReadManifest(body []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return Manifest{}, fmt.Errorf("%w: the manifest is no JSON object", ErrLink)
	}
	if len(m.Files) > maxFiles {
		return Manifest{}, fmt.Errorf("%w: the manifest has more than %d files", ErrLink, maxFiles)
	}
	m.Files = slices.DeleteFunc(m.Files, func(f File) bool { return f.Embedded == "" && f.Location == "" })
	return m, nil
}
