package web

import (
	"net/http"
	"strings"
	"time"

	"hale/internal/base/lang"
	visits "hale/internal/care/visit"
)

// Calendar sends a visit as a file that calendars take. A calendar is seen
// by others, so it says that there is a visit and where, and not what for.
//
// Spec: RFC 5545 §3.1 (lines), §3.3.11 (text), §3.6.1 (events)
func (s *Site) Calendar(w http.ResponseWriter, l lang.Lang, v visits.Visit) {
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="visit.ics"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(calendar(l, s.Latest().Clinic, v, s.now())) // the browser may have gone
}

func calendar(l lang.Lang, clinic Clinic, v visits.Visit, now time.Time) []byte {
	where := v.Where
	if clinic.Address != "" {
		where = clinic.Address
	}
	status := "CONFIRMED"
	if v.Status == visits.Cancelled {
		status = "CANCELLED"
	}
	var b strings.Builder
	line := func(name, value string) { b.WriteString(fold(name + ":" + value)) }
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Hale//Portal//EN")
	line("METHOD", "PUBLISH")
	line("BEGIN", "VEVENT")
	line("UID", v.ID+"@hale")
	line("DTSTAMP", utc(now))
	line("DTSTART", utc(v.Start))
	line("DTEND", utc(v.End))
	line("SUMMARY", escape(l.T("Visit at %s", clinic.Name)))
	if where != "" {
		line("LOCATION", escape(where))
	}
	if clinic.Phone != "" {
		line("DESCRIPTION", escape(l.T("To change it, call %s.", clinic.Phone)))
	}
	line("STATUS", status)
	line("END", "VEVENT")
	line("END", "VCALENDAR")
	return []byte(b.String())
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r", "", "\n", `\n`).Replace(s)
}

// fold breaks a line after at most 75 bytes, never inside a character.
func fold(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n+len(string(r)) > 74 {
			b.WriteString("\r\n ")
			n = 1
		}
		b.WriteRune(r)
		n += len(string(r))
	}
	b.WriteString("\r\n")
	return b.String()
}
