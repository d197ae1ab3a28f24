package policy

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
	{"no_hours", "No hour is right in every time zone this person could be in."},
	{"wrong_person", "Somebody else answered at the address on record."},
	{"suppressed", "The address on record is blocked."},
	{"bounced", "Messages to the address on record came back."},
	{"unreachable", "The address on record cannot take messages."},
	{"class", "This content may not go to the addresses on record."},
	{"no_address", "No phone number or email on record for the channels this may use."},
	{"no_account", "Has never signed in to the portal, the only channel left."},
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
