package dsn

import (
	"regexp"
	"strings"
)

// Parse reads a letter. It never fails: what it cannot make out is None.
func Parse(raw []byte) Report {
	l := take(raw)
	r := Report{MessageID: id(l.original.get("Message-Id")), Subject: words(l.original.get("Subject"))}
	switch {
	case l.feedback != "":
		r.Kind, r.Items = Complaint, complaint(l)
	case l.standard():
		r.Items = l.reported()
	case l.automatic():
		r.Kind = AutoReply
		if l.leaves() {
			r.Kind = Complaint
			r.Items = []Item{{Kind: Complaint, Reason: Feedback, Feedback: "opt-out", Recipient: first(l.head.get("From"))}}
		}
	case l.returned():
		r.Items = l.told()
	}
	if r.Kind == "" {
		r.Kind = overall(r.Items)
	}
	if r.MessageID == "" && r.Kind != None && r.Kind != AutoReply {
		r.MessageID = l.quotedID()
	}
	return r
}

// overall is the kind of the report: the worst that it says.
func overall(list []Item) Kind {
	for _, k := range []Kind{Bounce, Complaint, Delayed, Delivered} {
		for _, it := range list {
			if it.Kind == k {
				return k
			}
		}
	}
	return None
}

// standard says whether there are fields of a delivery status, in a part of
// their own or somewhere in the text.
func (l *letter) standard() bool {
	for _, s := range l.statuses {
		if finals.MatchString(s) {
			return true
		}
	}
	for _, t := range l.texts {
		if t = unquote(t); finals.MatchString(t) && (actions.MatchString(t) || statuses.MatchString(t)) {
			l.statuses = append(l.statuses, t)
			return true
		}
	}
	return false
}

var (
	finals   = regexp.MustCompile(`(?im)^(final|original)-recipient[ \t]*:`)
	actions  = regexp.MustCompile(`(?im)^action[ \t]*:`)
	statuses = regexp.MustCompile(`(?im)^status[ \t]*:`)
	quotes   = regexp.MustCompile(`(?m)^[ \t]*>[ \t]?`)
)

// unquote takes away the marks of a forwarded text, if most lines have them.
func unquote(text string) string {
	if n := strings.Count(text, "\n>"); n > 3 && n*2 > strings.Count(text, "\n") {
		return quotes.ReplaceAllString(text, "")
	}
	return text
}

// Words of a subject by which people and machines know what a letter is.
var (
	autoSubject = regexp.MustCompile(`(?i)^(re: *)?(auto(matic|mated)?[ -]?(reply|response|respond)|out[ -]of[ -](the[ -])?office|ooo\b|vacation|away from|on (leave|holiday)|respuesta autom|fuera de la oficina|r.ponse automatique|abwesen|automatische antwort)`)
	badSubject  = regexp.MustCompile(`(?i)(undeliver|not (be )?deliver|un?able to (be )?deliver|delivery (status|failure|problem|error|has failed|notification|report|delayed|unsuccessful)|fail(ed|ure)? (to |delivery|notice|mail)|mail (delivery|could not|system error|error)|returned mail|return(ed|ing) (message )?to sender|non[- ]?remis|delivery|warning: (message|could not)|mail (could )?not|error sending|problem with|could ?n.t be (sent|delivered)|mail error|message (status|you sent)|non-deliver|delayed mail|no (se )?(pudo|ha podido) entregar|fehler|nicht zugestellt|failure)`)
	machineFrom = regexp.MustCompile(`(?i)(mailer[-_ ]?daemon|post[-_]?master|mail[ ._-]?(delivery|system|admin)|mdaemon|mmdf|@sns\.amazonaws|no-?reply@.*ses)`)
)

// automatic says whether a machine answers for its reader (RFC 3834). Some
// servers put the same field on bounces, whose sender tells.
func (l *letter) automatic() bool {
	if l.receipt {
		return true
	}
	if machineFrom.MatchString(l.head.get("From")) || l.head.get("X-Failed-Recipients") != "" {
		return false
	}
	if badSubject.MatchString(words(l.head.get("Subject"))) && (strings.Trim(l.head.get("Return-Path"), " ") == "<>" || l.original != nil) {
		return false
	}
	auto := strings.ToLower(l.head.get("Auto-Submitted"))
	switch {
	case strings.HasPrefix(auto, "auto-replied"), strings.HasPrefix(auto, "auto-notified"):
		return true
	case l.head.get("X-Autoreply") != "", l.head.get("X-Autorespond") != "", l.head.get("X-Autoresponder") != "", l.head.get("X-Vacation") != "":
		return true
	case strings.EqualFold(l.head.get("Precedence"), "auto_reply"), strings.EqualFold(l.head.get("X-Precedence"), "auto_reply"):
		return true
	}
	return autoSubject.MatchString(words(l.head.get("Subject")))
}

// leaves says whether a reader's program asks to be taken off, in the
// reader's name.
func (l *letter) leaves() bool {
	return strings.EqualFold(strings.TrimSpace(words(l.head.get("Subject"))), "unsubscribe")
}

// returned says whether a letter without the standard's fields looks like a
// report all the same.
func (l *letter) returned() bool {
	from := l.head.get("From")
	if l.head.get("X-Failed-Recipients") != "" || machineFrom.MatchString(from) {
		return true
	}
	if strings.Trim(l.head.get("Return-Path"), " ") == "<>" && (from == "" || badSubject.MatchString(l.head.get("Subject"))) {
		return true
	}
	text := l.text()
	if strings.Trim(l.head.get("Return-Path"), " ") == "<>" && sorry.MatchString(l.cut) {
		return true
	}
	if badSubject.MatchString(words(l.head.get("Subject"))) && sorry.MatchString(text) {
		return true
	}
	return smtpSays.MatchString(text) && sorry.MatchString(text)
}

var (
	sorry    = regexp.MustCompile(`(?i)(not|n't|un(able|successful)|fail\w*|error)\W[^\n]{0,80}(deliver|sen[dt]|message|mail|accept|recipient)|(deliver|message|mail|recipient|user|address)[^\n]{0,60}\W(fail|error|not |n't|invalid|unknown|return)|permanent (fatal )?error|undeliver`)
	smtpSays = regexp.MustCompile(`(?m)\b[45]\d\d[ -](#?[45]\.\d{1,3}\.\d{1,3}|<|[A-Za-z])`)
)

// maxText is how much of what people read is looked at, in bytes.
const maxText = 64 << 10

// text is what people read.
func (l *letter) text() string {
	if l.read == "" {
		all := strings.Join(l.texts, "\n")
		l.read = unquote(strings.ToValidUTF8(all[:min(len(all), maxText)], ""))
		l.cut = untilCopy(l.read)
		l.about = sections(l.cut)
	}
	return l.read
}

var (
	messageID = regexp.MustCompile(`(?im)^[> \t]*(?:X-)?Message-Id:\s*<?([^<>\s]{3,250})>?`)
	brackets  = regexp.MustCompile(`<([^<>\s]{1,250})>`)
)

// id is a message id without its brackets.
func id(field string) string {
	if m := brackets.FindStringSubmatch(field); m != nil {
		return m[1]
	}
	if field = strings.TrimSpace(field); strings.ContainsAny(field, "<> \t") || len(field) > 250 {
		return ""
	}
	return field
}

// quotedID is the message id that a copy in the text has.
func (l *letter) quotedID() string {
	if m := messageID.FindStringSubmatch(l.text()); m != nil {
		return m[1]
	}
	return ""
}

// complaint reads a feedback report (RFC 5965).
func complaint(l *letter) []Item {
	var list []Item
	f := fields(l.feedback)
	feedback := strings.ToLower(f.get("Feedback-Type"))
	add := func(to string) {
		list = append(list, Item{Kind: Complaint, Reason: Feedback, Feedback: feedback, Recipient: first(to)})
	}
	to := append(append([]string(nil), f["Original-Rcpt-To"]...), f["Removal-Recipient"]...)
	for _, addr := range to {
		add(addr)
	}
	if len(to) == 0 {
		add(l.original.get("To"))
	}
	return list
}

// fields reads one group of fields, and skips what is none.
func fields(text string) header {
	h, _ := split([]byte(strings.TrimLeft(text, "\n \t")))
	return h
}
