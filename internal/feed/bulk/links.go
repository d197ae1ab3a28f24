package bulk

import (
	"encoding/hex"
	"strings"
)

// links is what the entries of one bundle are called: fullUrl → Type/id.
//
// A bundle may have a million entries and all of them must be known before
// the first can be written, so the usual case is kept small: a urn:uuid whose
// resource has the same uuid as its id takes 17 bytes instead of some 200.
type links struct {
	own   map[uuid]uint8 // the resource's type, by its place in types
	types []string
	rest  map[string]string
}

type uuid [16]byte

func newLinks() *links {
	return &links{own: map[uuid]uint8{}, rest: map[string]string{}}
}

// put notes that the entry called url is link, Type/id.
func (l *links) put(url, link string) {
	typ, id, _ := strings.Cut(link, "/")
	u, ok := parseUUID(url)
	if n := l.number(typ); ok && n >= 0 && strings.TrimPrefix(url, urn) == id {
		l.own[u] = uint8(n)
		return
	}
	l.rest[url] = link
}

// get returns what the entry called url is. No links at all know nothing.
func (l *links) get(url string) (link string, ok bool) {
	if l == nil {
		return "", false
	}
	if u, isUUID := parseUUID(url); isUUID {
		if n, ok := l.own[u]; ok {
			return l.types[n] + "/" + strings.TrimPrefix(url, urn), true
		}
	}
	link, ok = l.rest[url]
	return link, ok
}

// number returns the place of typ in types, -1 if there is none left.
func (l *links) number(typ string) int {
	for i, t := range l.types {
		if t == typ {
			return i
		}
	}
	if len(l.types) == 256 {
		return -1
	}
	l.types = append(l.types, typ)
	return len(l.types) - 1
}

const urn = "urn:uuid:"

// parseUUID reads urn:uuid: and a uuid in lower case, which alone can be
// written back letter for letter.
//
// Spec: RFC 9562 §4
func parseUUID(url string) (u uuid, ok bool) {
	s, ok := strings.CutPrefix(url, urn)
	if !ok || len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || s != strings.ToLower(s) {
		return u, false
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	_, err := hex.Decode(u[:], []byte(digits))
	return u, err == nil
}
