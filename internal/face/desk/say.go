package desk

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// minus is the sign that lines up with plus.
const minus = "−"

// count writes n with commas: 8,412.
func count(n int) string {
	text := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, text = minus, text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// counted writes n and its noun: 1 patient, 8,412 patients.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// patients writes n people.
func patients(n int) string { return counted(n, "patient", "patients") }

// share writes part of whole in per cent, or a dash where there is no whole.
func share(part, whole int) string {
	if whole <= 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// percent writes a share from 0 to 1 without digits that mean nothing: 10 %, 2.5 %.
func percent(p float64) string {
	return strconv.FormatFloat(math.Round(p*1000)/10, 'f', -1, 64) + " %"
}

// points writes a difference of shares in percentage points: +6.8.
func points(d float64) string {
	v := round1(d * 100)
	text := strconv.FormatFloat(math.Abs(v), 'f', 1, 64)
	switch {
	case v < 0:
		return minus + text
	case v > 0:
		return "+" + text
	}
	return text
}

// between writes an interval of percentage points: 4.9 to 8.7.
func between(low, high float64) string {
	return strings.TrimPrefix(points(low), "+") + " to " + strings.TrimPrefix(points(high), "+")
}

// ago writes how long before now t was, in words.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 0:
		return "soon"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return counted(int(d/time.Minute), "minute", "minutes") + " ago"
	case d < 24*time.Hour:
		return counted(int(d/time.Hour), "hour", "hours") + " ago"
	}
	return counted(int(d/(24*time.Hour)), "day", "days") + " ago"
}

// lasts writes how long d is, for "about … left".
func lasts(d time.Duration) string {
	switch {
	case d <= 0:
		return "less than a minute"
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return counted(int((d+time.Minute-1)/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return counted(int((d+time.Hour-1)/time.Hour), "hour", "hours")
	}
	return counted(int((d+24*time.Hour-1)/(24*time.Hour)), "day", "days")
}

// mask hides a secure link's token: the first four letters say which it is,
// the rest would open it.
func mask(text string) string {
	const mark = "/m/"
	var b strings.Builder
	for {
		i := strings.Index(text, mark)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		i += len(mark)
		b.WriteString(text[:i])
		text = text[i:]
		n := 0
		for n < len(text) && isTokenByte(text[n]) {
			n++
		}
		if n > 0 {
			b.WriteString(text[:min(4, n)] + "…")
		}
		text = text[n:]
	}
}

// isTokenByte says whether c may stand in a link's token.
func isTokenByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_'
}

func intText(n int) string { return strconv.Itoa(n) }

// toneIcon is the sign beside a tone, so that colour never stands alone.
func toneIcon(tone string) string {
	switch tone {
	case "good":
		return "check"
	case "act":
		return "triangle-alert"
	case "watch":
		return "hourglass"
	}
	return "info"
}
