package fhirpath

import (
	"fmt"
	"strings"
	"time"
)

// precision is how much of a date or time is known.
type precision uint8

const (
	toYear precision = iota + 1
	toMonth
	toDay
	toHour
	toMinute
	toSecond // with any digits of a fraction
)

// moment is a date, a dateTime or a time with what is known of it.
type moment struct {
	sec    int64 // what a clock at that place shows, as seconds since 1970 or midnight
	nano   int32
	prec   precision
	digits uint8 // of the fraction
	zone   int16 // minutes east of UTC
	zoned  bool
}

// parseMoment reads a date, dateTime or time of any precision.
//
// Spec: http://hl7.org/fhirpath/N1/#date and following
func parseMoment(s string, k kind) (moment, bool) {
	if k == timeKind {
		m := moment{}
		rest, ok := m.readClock(s)
		return m, ok && rest == ""
	}
	date, clock, timed := strings.Cut(s, "T")
	m, ok := readDate(date)
	if !ok || timed && k == dateKind {
		return moment{}, false
	}
	if clock == "" {
		return m, true
	}
	rest := clock
	if m.prec != toDay {
		return moment{}, false
	}
	day := m.sec
	if rest, ok = m.readClock(clock); !ok {
		return moment{}, false
	}
	m.sec += day
	return m, m.readZone(rest)
}

func readDate(s string) (moment, bool) {
	y, rest, ok := number2(s, 4)
	month, day, prec := 1, 1, toYear
	if ok && rest != "" {
		month, rest, ok = number2(strings.TrimPrefix(rest, "-"), 2)
		ok = ok && s[4] == '-'
		prec = toMonth
	}
	if ok && rest != "" {
		ok = rest[0] == '-'
		var good bool
		day, rest, good = number2(rest[1:], 2)
		ok = ok && good && rest == ""
		prec = toDay
	}
	if !ok || y < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(y, month) {
		return moment{}, false
	}
	return moment{sec: civil(y, month, day), prec: prec}, true
}

// number2 reads a number of n digits.
func number2(s string, n int) (value int, rest string, ok bool) {
	if len(s) < n {
		return 0, s, false
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return 0, s, false
		}
		value = value*10 + int(s[i]-'0')
	}
	return value, s[n:], true
}

// readClock reads hh, hh:mm, hh:mm:ss or hh:mm:ss.fff into m, and returns
// what follows.
func (m *moment) readClock(s string) (rest string, ok bool) {
	var parts [3]int
	n := 0
	for rest = s; n < 3; n++ {
		if n > 0 {
			if rest == "" || rest[0] != ':' {
				break
			}
			rest = rest[1:]
		}
		if parts[n], rest, ok = number2(rest, 2); !ok {
			return s, false
		}
	}
	if parts[0] > 23 || parts[1] > 59 || parts[2] > 60 {
		return s, false
	}
	m.sec = int64(parts[0]*3600 + parts[1]*60 + parts[2])
	m.prec = toHour + precision(n-1)
	if n < 3 || rest == "" || rest[0] != '.' {
		return rest, true
	}
	return m.readFraction(rest[1:])
}

func (m *moment) readFraction(s string) (rest string, ok bool) {
	n, unit := 0, int32(100_000_000)
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		m.nano += int32(s[n]-'0') * unit
		unit /= 10
		n++
	}
	m.digits = uint8(min(n, 9))
	return s[n:], n > 0
}

func (m *moment) readZone(s string) bool {
	switch {
	case s == "":
		return true
	case s == "Z":
		m.zoned = true
		return true
	case s[0] != '+' && s[0] != '-':
		return false
	}
	h, rest, ok := number2(s[1:], 2)
	if !ok || rest == "" || rest[0] != ':' {
		return false
	}
	mins, rest, ok := number2(rest[1:], 2)
	if !ok || rest != "" || h > 14 || mins > 59 {
		return false
	}
	m.zone, m.zoned = int16(h*60+mins), true
	if s[0] == '-' {
		m.zone = -m.zone
	}
	return true
}

func civil(y, m, d int) int64 { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix() }

func daysIn(y, m int) int { return time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// on returns what a calendar and a clock show.
func (m moment) on() time.Time { return time.Unix(m.sec, int64(m.nano)).UTC() }

// fromTime returns t to the millisecond, with its offset.
func fromTime(t time.Time) moment {
	_, offset := t.Zone()
	return moment{sec: t.Unix() + int64(offset), nano: int32(t.Nanosecond() / 1e6 * 1e6), prec: toSecond, digits: 3, zone: int16(offset / 60), zoned: true}
}

// compare returns how a stands to b, and whether that is known: a date is
// neither before nor after a time on that date.
//
// Spec: http://hl7.org/fhirpath/N1/#datetime-equality and #comparison
func (a moment) compare(b moment) (order int, known bool) {
	if a.prec >= toHour && b.prec >= toHour {
		if a.zoned != b.zoned {
			return a.compareZoneless(b)
		}
		a.sec -= int64(a.zone) * 60
		b.sec -= int64(b.zone) * 60
	}
	prec := min(a.prec, b.prec)
	x, y := a.cut(prec), b.cut(prec)
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	case a.prec != b.prec:
		return 0, false
	case prec < toSecond || a.nano == b.nano:
		return 0, true
	case a.nano < b.nano:
		return -1, true
	}
	return 1, true
}

// compareZoneless compares where only one says in which zone it is: known
// only where no zone could change it.
func (a moment) compareZoneless(b moment) (int, bool) {
	const widest = 14 * 3600
	x, y := a.sec-int64(a.zone)*60, b.sec-int64(b.zone)*60
	switch {
	case x+widest < y:
		return -1, true
	case x > y+widest:
		return 1, true
	}
	return 0, false
}

// cut returns the start of the year, month, day … that m is in.
func (m moment) cut(p precision) int64 {
	if p == m.prec || p == toSecond {
		return m.sec
	}
	width := int64(1)
	switch p {
	case toYear:
		return civil(m.on().Year(), 1, 1)
	case toMonth:
		t := m.on()
		return civil(t.Year(), int(t.Month()), 1)
	case toDay:
		width = 24 * 3600
	case toHour:
		width = 3600
	case toMinute:
		width = 60
	}
	rest := m.sec % width
	if rest < 0 {
		rest += width
	}
	return m.sec - rest
}

// write writes m as FHIR does.
func (m moment) write(k kind) string {
	t := m.on()
	var b strings.Builder
	if k != timeKind {
		b.WriteString(t.Format([...]string{toYear: "2006", toMonth: "2006-01", toDay: time.DateOnly, toHour: time.DateOnly, toMinute: time.DateOnly, toSecond: time.DateOnly}[m.prec]))
		if m.prec < toHour {
			return b.String()
		}
		b.WriteByte('T')
	}
	b.WriteString(t.Format([...]string{toHour: "15", toMinute: "15:04", toSecond: time.TimeOnly}[max(m.prec, toHour)]))
	if m.digits > 0 {
		b.WriteString("." + fmt.Sprintf("%09d", m.nano)[:m.digits])
	}
	switch {
	case !m.zoned:
	case m.zone == 0:
		b.WriteByte('Z')
	default:
		sign, z := '+', m.zone
		if z < 0 {
			sign, z = '-', -z
		}
		fmt.Fprintf(&b, "%c%02d:%02d", sign, z/60, z%60)
	}
	return b.String()
}

// add returns m and n times a unit of the calendar; n may be negative. What
// is finer than m is counted in m's own precision and the rest left off.
//
// Spec: http://hl7.org/fhirpath/N1/#datetime-arithmetic
func (m moment) add(n int64, nano int64, unit string, clock bool) (moment, bool) {
	if clock {
		return m.addClock(n, nano, unit)
	}
	switch unit {
	case "year":
		return m.addMonths(n * 12)
	case "month":
		if m.prec == toYear {
			n = n / 12 * 12
		}
		return m.addMonths(n)
	}
	width := clockUnits[unit]
	seconds := n*width + nano/1e9
	if unit == "millisecond" {
		seconds, nano = n/1000, n%1000*1e6
	}
	switch m.prec {
	case toYear:
		return m.addMonths(seconds / (365 * 24 * 3600) * 12)
	case toMonth:
		return m.addMonths(seconds / (30 * 24 * 3600))
	case toDay:
		seconds, nano = seconds/(24*3600)*24*3600, 0
	case toHour:
		seconds, nano = seconds/3600*3600, 0
	case toMinute:
		seconds, nano = seconds/60*60, 0
	}
	return m.shift(seconds, nano%1e9)
}

// clockUnits are seconds by the calendar's words.
var clockUnits = map[string]int64{"week": 7 * 24 * 3600, "day": 24 * 3600, "hour": 3600, "minute": 60, "second": 1, "millisecond": 0}

// shift moves m by seconds and nanoseconds.
func (m moment) shift(seconds, nano int64) (moment, bool) {
	m.sec += seconds
	n := int64(m.nano) + nano
	for n < 0 {
		n += 1e9
		m.sec--
	}
	m.sec += n / 1e9
	m.nano = int32(n % 1e9)
	if m.nano%1e6 != 0 {
		m.digits = 9
	} else if m.nano != 0 {
		m.digits = max(m.digits, 3)
	}
	return m, m.inRange()
}

func (m moment) inRange() bool { return m.sec >= civil(1, 1, 1) && m.sec < civil(10000, 1, 1) }

// addMonths moves m by months; the 31st becomes a shorter month's last day.
func (m moment) addMonths(n int64) (moment, bool) {
	t := m.on()
	months := int64(t.Year())*12 + int64(t.Month()) - 1 + n
	y, mon := int(months/12), int(months%12)+1
	if months < 12 || y > 9999 {
		return m, false
	}
	day := min(t.Day(), daysIn(y, mon))
	m.sec = civil(y, mon, day) + m.sec - m.cutDay()
	return m, true
}

func (m moment) cutDay() int64 {
	return moment{sec: m.sec, prec: toSecond}.cut(toDay)
}

// addClock moves a time of day around the clock.
func (m moment) addClock(n, nano int64, unit string) (moment, bool) {
	width, ok := clockUnits[unit]
	if !ok {
		return m, false
	}
	seconds := n*width + nano/1e9
	if unit == "millisecond" {
		seconds, nano = n/1000, n%1000*1e6
	}
	switch m.prec {
	case toHour:
		seconds, nano = seconds/3600*3600, 0
	case toMinute:
		seconds, nano = seconds/60*60, 0
	}
	m, _ = m.shift(seconds, nano%1e9)
	m.sec %= 24 * 3600
	if m.sec < 0 {
		m.sec += 24 * 3600
	}
	return m, true
}
