package audit

import (
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/store/db"
)

// stamp is how a leaf writes a time: UTC, always six digits.
const stamp = "2006-01-02T15:04:05.000000Z"

// Leaf returns what is hashed of a row, in version 1: canonical JSON of
// RFC 8785, that is one object without white space whose members are sorted
// and all there, even if empty:
//
//	about action actor at behalf digest id kind node outcome patient purpose reason request session v
//
// Each is text but v, which is the number 1. The leaf's hash is
// SHA-256(0x00 ‖ Leaf), RFC 9162 §2.1.1.
func (r Row) Leaf() []byte { return r.leaf(r.At.UTC().Format(stamp), r.outcome()) }

func (r Row) leaf(at, outcome string) []byte {
	members := [...]struct{ name, value string }{
		{"about", r.About}, {"action", r.Action}, {"actor", r.Actor}, {"at", at}, {"behalf", r.Behalf}, {"digest", r.Digest},
		{"id", r.ID}, {"kind", r.ActorKind}, {"node", r.Node}, {"outcome", outcome}, {"patient", r.Patient},
		{"purpose", r.Purpose}, {"reason", r.Reason}, {"request", r.Request}, {"session", r.Session},
	}
	b := make([]byte, 0, 512)
	b = append(b, '{')
	for _, m := range members {
		b = append(b, '"')
		b = append(b, m.name...)
		b = append(b, `":"`...)
		b = quote(b, m.value)
		b = append(b, `",`...)
	}
	return append(b, `"v":1}`...)
}

// quote appends s as RFC 8785 §3.2.2.2 writes the inside of a string: two
// different texts never look the same.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case strings.IndexByte("\b\t\n\f\r", c) >= 0:
			b = append(b, '\\', "btn\x00fr"[c-'\b'])
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// stored is a row as the table has it, which may be a row that somebody bent.
type stored struct {
	n       int64
	there   bool // false: the leaf's row is gone
	row     Row
	at      int64
	outcome string
}

// hash returns the leaf hash of s.
func (s *stored) hash() tlog.Hash {
	at := s.row.At.Format(stamp)
	if s.row.At.UnixMicro() != s.at || s.row.At.Year() > 9999 || s.row.At.Year() < 0 { // no time that Hale wrote
		at = strconv.FormatInt(s.at, 10)
	}
	return tlog.RecordHash(s.row.leaf(at, s.outcome))
}

// storedColumns are those of readStored, of a row a that may be missing.
const storedColumns = `case when a.id is null then 0 else 1 end, coalesce(a.at, 0), coalesce(a.actor_kind, ''), coalesce(a.actor, ''),
	coalesce(a.behalf, ''), coalesce(a.action, ''), coalesce(a.patient, ''), coalesce(a.about, ''), coalesce(a.purpose, ''),
	coalesce(a.reason, ''), coalesce(a.digest, ''), coalesce(a.outcome, ''), coalesce(a.session, ''), coalesce(a.request, ''), coalesce(a.node, '')`

// readStored reads a leaf's number and id and storedColumns.
func readStored(scan db.Scan) (s stored, err error) {
	r := &s.row
	var there int
	err = scan(&s.n, &r.ID, &there, &s.at, &r.ActorKind, &r.Actor, &r.Behalf, &r.Action, &r.Patient, &r.About, &r.Purpose,
		&r.Reason, &r.Digest, &s.outcome, &r.Session, &r.Request, &r.Node)
	s.there = there == 1
	r.At, r.Granted = moment(s.at), s.outcome == "granted"
	return s, err
}
