package mx

import (
	"strconv"
	"time"
)

// Line is one server of a report in words, for a table.
type Line struct {
	Priority, Server, Level, TLS, Certificate, STS, DANE, Note string
}

// Table is r's servers in words, in their order.
func (r Report) Table() []Line {
	list := make([]Line, 0, len(r.Hosts))
	for _, h := range r.Hosts {
		list = append(list, h.line(r.Policy))
	}
	return list
}

func (h HostReport) line(mode string) Line {
	l := Line{Priority: strconv.Itoa(h.Pref), Server: h.Name, Level: h.Level.String(), TLS: "none", Certificate: "none", STS: "no policy", DANE: "none", Note: h.Why}
	if h.Version != "" {
		l.TLS = h.Version + ", " + h.Cipher
		l.Certificate = h.Subject + ", by " + h.Issuer + ", until " + h.Expires.Format(time.DateOnly)
		if h.Verified {
			l.Certificate += ", verified"
		} else {
			l.Certificate += ", not verifiable"
		}
	}
	switch {
	case mode != "" && h.Listed:
		l.STS = mode
	case mode != "":
		l.STS = mode + ", server not named"
	}
	switch h.Dane {
	case DaneUsable:
		l.DANE = "does not match"
		if h.DANE == "matched" {
			l.DANE = "matches"
		}
	case DaneUnusable:
		l.DANE = "cannot be used"
	case DaneBogus:
		l.DANE = "cannot be looked up"
	}
	switch {
	case h.Skipped:
		l.Level, l.Note = "not used", "Nothing is sent there: "+h.Why
	case !h.Answers:
		l.Level, l.TLS, l.Certificate = "unknown", "unknown", "unknown"
	case !h.Used && h.Why == "":
		l.Note = "a reserve"
	}
	return l
}
