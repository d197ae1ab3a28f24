package policy

import "time"

// Cap is the most messages in so many days. An empty Channel counts every
// channel that interrupts, an empty Class every class.
type Cap struct {
	Channel Channel
	Class   string
	Days    int
	Max     int
	Code    string
}

// DefaultCaps follow the shape of the health-care exemption for texts, and
// common sense.
func DefaultCaps() []Cap {
	return []Cap{
		{Channel: SMS, Days: 1, Max: 1, Code: "cap_text_day"},
		{Channel: SMS, Days: 7, Max: 3, Code: "cap_text_week"},
		{Channel: Email, Class: "marketing", Days: 7, Max: 1, Code: "cap_marketing"},
		{Days: 7, Max: 5, Code: "cap_all"},
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
func full(caps []Cap, used []Use, patient, address string, c Channel, class string, day int) (Cap, bool) {
	if c == Inbox || class == "" {
		return Cap{}, false // the inbox does not interrupt; security has no caps
	}
	for _, limit := range caps {
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
