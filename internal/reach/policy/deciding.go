package policy

import "time"

// strength orders the reasons that can leave somebody without a channel, the
// one that decides first: what the person asked for, then limits that pass
// with time, then what is wrong with an address, then that there is none.
var strength = [...]struct{ code, words string }{
	{"opted_out", "Asked us to stop messages of this kind, and no other way is left."},
	{"not_chosen", "Chose to be reached in ways that are not open."},
	{"cap_all", "Had as many messages this week as one person may get; looked at again later."},
	{"cap_marketing", "Had an offer this week, and one is the limit; looked at again later."},
	{"cap_text_week", "Had as many texts this week as one person may get; looked at again later."},
	{"cap_text_day", "Had a text today, and one is the limit; looked at again later."},
	{"cap_call_week", "Was called as often this week as one person may be; looked at again later."},
	{"cap_call_day", "Was called today, and one call is the limit; looked at again later."},
	{"no_hours", "No hour is right in every time zone this person could be in."},
	{"wrong_person", "Somebody else answered at the address on record."},
	{"suppressed", "The address on record is blocked."},
	{"resting", "A message to the address on record came back; looked at again later."},
	{"bounced", "Messages to the address on record came back."},
	{"unreachable", "The address on record cannot take messages."},
	{"unregistered", "The sender of texts is not registered with the carriers for marketing."},
	{"class", "This content may not go to the addresses on record."},
	{"no_address", "No phone number or email on record for the channels this may use."},
	{"no_account", "Has never signed in to the portal, the only channel left."},
}

// Wait is how long a message by c may stay unseen before the next channel's
// turn.
func (a Ask) Wait(c Channel) time.Duration {
	if w := a.Waits[c]; w > 0 {
		return w
	}
	return a.After
}

// PostAfter is how long after its beginning somebody whom something may still
// reach gets no letter about it.
const PostAfter = 72 * time.Hour

// waited is how long after the start the candidate comes that follows those
// in the plan.
func (d *Decision) waited(a Ask) (sum time.Duration) {
	for _, c := range d.Plan {
		sum += a.Wait(c.Channel)
	}
	return sum
}

// Deciding returns the one reason for which a person gets nothing: what kept
// her out, or of the channels' reasons the strongest, in words about the
// person. It is the zero Reason where something is sent.
func (d Decision) Deciding() Reason {
	if d.Verdict == Treat || d.Verdict == Holdout || len(d.Reasons) == 0 {
		return Reason{}
	}
	for _, s := range strength {
		for _, r := range d.Reasons {
			if r.Code == s.code {
				return Reason{Code: s.code, Words: s.words}
			}
		}
	}
	return d.Reasons[len(d.Reasons)-1]
}
