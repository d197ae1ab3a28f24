package reach

import (
	"encoding/json"
	"time"
)

// cameBack tells of a bounce in a trail.
func (e *Engine) cameBack(m told, at int64, code, data string) string {
	var facts map[string]string
	if err := json.Unmarshal([]byte(data), &facts); err != nil || m.channel != Email {
		return m.channel.Name() + " came back."
	}
	b := Bounce{Kind: bounceKind(code), Reason: facts["reason"], Status: facts["status"], At: time.UnixMicro(at).UTC()}
	if pause := rest(b.Kind, b.Reason); pause > 0 {
		b.Again = b.At.Add(pause)
	}
	text := m.channel.Name() + " came back: " + b.why() + "."
	if b.Kind == HardBounce {
		return text + " Nothing goes to that address any more."
	}
	return text + " Nothing goes there before " + b.Again.In(e.Clinic.Zone).Format("Monday") + "."
}

// why says in plain words why mail came back.
func (b Bounce) why() string {
	words := map[string]string{
		"userunknown": "there is no such mailbox", "hostunknown": "there is no such mail domain", "hasmoved": "the reader has moved to another address", "notaccept": "the domain takes no mail",
		"mailboxfull": "the mailbox is full", "suspend": "the mailbox is shut", "filtered": "a filter of the reader's provider refused it", "rejected": "the provider refuses us as a sender",
		"blocked": "the provider blocks our mail server", "requireptr": "our mail server's address has no name", "authfailure": "the provider could not tell that the mail is from us (SPF, DKIM or DMARC)",
		"spamdetected": "it was taken for spam", "virusdetected": "it was taken for harmful", "policyviolation": "it is against the provider's rules", "securityerror": "the provider wants us to sign in, or does not permit us",
		"norelaying": "that server does not take mail for the address", "contenterror": "the provider could not read it", "notcompliantrfc": "the provider finds its form wrong",
		"mesgtoobig": "it is too large", "exceedlimit": "it is too large for the mailbox", "toomanyconn": "the provider had too much mail at once", "speeding": "we sent too fast",
		"expired": "the mail server did not answer for days", "networkerror": "the way to the mail server was broken", "systemerror": "the mail server had trouble of its own", "systemfull": "the mail server is full",
		"mailererror": "a program behind the mailbox failed",
	}[b.Reason]
	if words == "" && b.Kind == HardBounce {
		words = "the address does not work"
	}
	if words == "" {
		words = "the mail server did not say why"
	}
	return words
}

// Words says why mail came back and what happens next, for staff: "The
// mailbox is full. We try again on Tuesday."
func (b Bounce) Words(now time.Time, zone *time.Location) string {
	text := upper(b.why()) + "."
	switch {
	case b.Kind == HardBounce:
		return text + " Nothing goes there any more; please ask for another address."
	case b.Again.IsZero():
		return text
	case !b.Again.After(now):
		return text + " We may try again now."
	}
	again := b.Again.In(zone)
	if again.Sub(now) > 6*24*time.Hour {
		return text + " It came back several times, so nothing goes there until " + again.Format("2 January") + "."
	}
	return text + " We try again on " + again.Format("Monday") + "."
}

func upper(s string) string {
	if s == "" {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + s[1:]
	}
	return s
}
