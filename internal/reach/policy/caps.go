package policy

import "time"

// Cap is the most messages in so many days. An empty Channel counts every
// channel that interrupts, an empty Class every class.
type Cap struct {
	Channel Channel
	Class   string
	Days    int
	Max     int
	Soft    bool // messages that must reach somebody pass it
	Code    string
}

// DefaultCaps follow the shape of the health-care exemption for texts, and
// common sense.
func DefaultCaps() []Cap {
	return []Cap{
		{Channel: SMS, Days: 1, Max: 1, Soft: true, Code: "cap_text_day"},
		{Channel: SMS, Days: 7, Max: 3, Code: "cap_text_week"},
		{Channel: Voice, Days: 1, Max: 1, Soft: true, Code: "cap_call_day"},
		{Channel: Voice, Days: 7, Max: 2, Code: "cap_call_week"},
		{Channel: Email, Class: "marketing", Days: 7, Max: 1, Code: "cap_marketing"},
		{Days: 7, Max: 5, Soft: true, Code: "cap_all"},
	}
}

// Use is how many messages were promised on one day.
type Use struct {
	Key     string // an address, or the patient's id for what counts every channel
	Channel Channel
	Class   string
	Day     int // days since 1970 where the person is
	N       int
}

// Day counts the days since 1970 on the clocks of loc.
func Day(t time.Time, loc *time.Location) int {
	y, m, d := t.In(loc).Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 3600))
}

// full returns the cap that a message on day to address would break. What
// was promised for later days counts as well.
func full(caps []Cap, used []Use, patient, address string, c Channel, p Purpose, day int) (Cap, bool) {
	class := p.Caps
	if c == Inbox || class == "" {
		return Cap{}, false // the inbox does not interrupt; security has no caps
	}
	for _, limit := range caps {
		if limit.Soft && p.MustReach {
			continue
		}
		if limit.Channel != "" && limit.Channel != c || limit.Class != "" && limit.Class != class {
			continue
		}
		key := address
		if limit.Channel == "" {
			key = patient
		}
		n := 0
		for _, u := range used {
			near := u.Day > day-limit.Days && (limit.Days > 1 || u.Day == day)
			if u.Key == key && near && (limit.Channel == "" || u.Channel == limit.Channel) && (limit.Class == "" || u.Class == limit.Class) {
				n += u.N
			}
		}
		if n >= limit.Max {
			return limit, true
		}
	}
	return Cap{}, false
}

// UsedOf returns how many messages of the days that end with day count
// against limit: of the address with the most, where it is each address's.
func UsedOf(limit Cap, f *Facts, day int) int {
	by := map[string]int{}
	for _, u := range f.Used {
		if (limit.Channel == "") != (u.Key == f.Patient) || limit.Channel != "" && u.Channel != limit.Channel || limit.Class != "" && u.Class != limit.Class {
			continue
		}
		if u.Day > day-limit.Days && (limit.Days > 1 || u.Day == day) {
			by[u.Key] += u.N
		}
	}
	most := 0
	for _, n := range by {
		most = max(most, n)
	}
	return most
}
