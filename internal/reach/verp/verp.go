// Package verp makes the addresses at which the answers to one message come
// back, and reads them again.
//
// An address carries the message's key and a keyed hash of it, so that nobody
// can make another's mail bounce, and so that a report that quotes nothing of
// the message still says which one it is about. All is in lower case, because
// some servers fold addresses.
package verp

import (
	"crypto/hmac"
	"strings"

	"hale/internal/base/seal"
)

// Route is what an address of ours is for.
type Route string

// The routes.
const (
	Bounce Route = "bounce" // the return path: reports
	Reply  Route = "reply"  // what a person answers
	Stop   Route = "stop"   // the mailto: of List-Unsubscribe
)

// letters begin the local part of each route's addresses.
var letters = map[Route]string{Bounce: "b", Reply: "r", Stop: "u"}

// Book writes and reads addresses. The zero Book has none.
type Book struct {
	key  seal.Key
	host string
}

// New returns a book of addresses at host, such as bounce.clinic.example.
// With an empty host there are none.
func New(key seal.Key, host string) Book {
	return Book{key.For("verp"), strings.ToLower(host)}
}

// Host is the host of the book's addresses, or "".
func (b Book) Host() string { return b.host }

// macLen is how many hexadecimal digits of the hash an address carries: 80
// bits, and a local part of at most 64 characters (RFC 5321, 4.5.3.1.1).
const macLen = 20

func (b Book) mac(r Route, key string) string { return b.key.Hash(letters[r] + "+" + key)[:macLen] }

// Address returns the address of a route for a message's key, or "" where
// there is none.
func (b Book) Address(r Route, key string) string {
	key = strings.ToLower(key)
	if b.host == "" || !plain(key) {
		return ""
	}
	return letters[r] + "+" + key + "." + b.mac(r, key) + "@" + b.host
}

// Read returns what an address is for and whose. It is false where the
// address is not one of this book's.
func (b Book) Read(address string) (r Route, key string, ok bool) {
	local, host, found := strings.Cut(strings.ToLower(strings.Trim(address, "<> ")), "@")
	if !found || b.host == "" || host != b.host {
		return "", "", false
	}
	for r, letter := range letters {
		rest, mine := strings.CutPrefix(local, letter+"+")
		if !mine {
			continue
		}
		key, mac, cut := strings.Cut(rest, ".")
		if cut && plain(key) && hmac.Equal([]byte(mac), []byte(b.mac(r, key))) {
			return r, key, true
		}
	}
	return "", "", false
}

// plain says whether key fits into a local part as it is.
func plain(key string) bool {
	return key != "" && len(key) <= 64-len("b+.")-macLen && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
