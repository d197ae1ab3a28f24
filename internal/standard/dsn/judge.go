package dsn

import (
	"regexp"
	"strings"
)

// judged is what words and a status say.
type judged struct {
	reason    Reason
	status    string // RFC 3463, as the words have it
	code      string // SMTP reply
	fromWords bool   // the words said it, not the status alone
}

// weak says whether more words may tell more.
func (j judged) weak() bool {
	return !j.fromWords && (j.reason == Undefined || j.reason == OnHold || vague[j.reason])
}

// vague are reasons that a status alone is a poor witness for.
var vague = map[Reason]bool{SystemError: true, NetworkError: true, SecurityError: true, MailerError: true, Rejected: true, UserUnknown: true, Expired: true, Filtered: true, PolicyViolation: true, SyntaxError: true, ContentError: true, NotCompliant: true}

var (
	enhanced = regexp.MustCompile(`(?:^|[^\d.\[])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.\D|\.?$)`)
	reply    = regexp.MustCompile(`(?:^|[^\d.,:/\[-])([245]\d\d)(?:[ \-:,<]|$)`)
	links    = regexp.MustCompile(`(?i)(?:https?://|www\.)[^\s<>"]+`)
	bare     = regexp.MustCompile(`^[\s(#]*([245]\.\d{1,3}\.\d{1,3})`)
)

// status is the code of a Status field.
func status(field string) string {
	if m := bare.FindStringSubmatch(field); m != nil {
		return m[1]
	}
	return ""
}

// What stands before a server's own words and says nothing itself.
var (
	// One server wraps the other's answer in its own idea of it.
	wrapped = regexp.MustCompile(`^[45]\.\d\.\d - [^']{0,80}[45]\d\d[ -]+'`)
	said    = regexp.MustCompile(`(the )?(remote|recipient|destination)? ?(host|server) [^:]{0,80}(said|responded|replied|answered|response was)[^:]{0,20}:|(recipient address|rcpt) rejected: +`)

	// Refused in answer to the recipient, however late the server was heard.
	nobody = regexp.MustCompile(`<<< ?5\d\d[^\n]*(no valid recipients|need rcpt)`)
	// The lines of a session in which something was refused.
	refusal = regexp.MustCompile(`(?m)^[> \t]*(?:out: |<<< ?)([45]\d\d[ -].*)$`)
)

// plain is text as the rules want it. What a link or an address is called
// proves nothing, so both are left out.
func plain(text string) string {
	text = strings.ToLower(text)
	if list := refusal.FindAllStringSubmatch(text, -1); len(list) > 0 && strings.Contains(text, "out: 220") {
		text = list[0][1]
	}
	text = links.ReplaceAllString(text, " ")
	text = anAddress.ReplaceAllString(text, "(address)")
	text = strings.Join(strings.Fields(text), " ")
	text = strings.ToValidUTF8(text[:min(len(text), mostWords)], "")
	text = wrapped.ReplaceAllString(text, "")
	for _, prefix := range said.FindAllString(text, -1) {
		rest := strings.TrimSpace(text[strings.Index(text, prefix)+len(prefix):])
		if len(rest) > 8 && !strings.HasPrefix(rest, "access denied") {
			text = strings.Replace(text, prefix, " ", 1)
		}
	}
	return text
}

// mostWords is how much of a text is judged, in bytes.
const mostWords = 8000

// The steps of a session at which a server can refuse.
type step string

const (
	connecting step = "connect"
	mailFrom   step = "mail"
	rcptTo     step = "rcpt"
	dataEnd    step = "data"
)

var stepWords = []struct {
	step  step
	words *regexp.Regexp
}{
	{dataEnd, regexp.MustCompile(`end of data|after data\b|final data|smtp command data|in reply to data|failed after i sent the message|after i sent the message`)},
	{rcptTo, regexp.MustCompile(`rcpt[ _]to|does not like recipient|rejected recipient|rcpt command`)},
	{mailFrom, regexp.MustCompile(`(after|reply to|our) mail from|>>> mail from`)},
	{connecting, regexp.MustCompile(`initial (connection|greeting)|while connecting|after connect|banner|(after|reply to) (ehlo|helo)`)},
}

var session = regexp.MustCompile(`(?m)^[> \t]*>>> ?(\w+)[^\n]*\n(?:[> \t]*<<< ?[23][^\n]*\n)*[> \t]*<<< ?[45]\d\d`)

// at is the step at which text says that the server refused, or "".
func at(text string) step {
	low := strings.ToLower(text)
	if nobody.MatchString(low) {
		return rcptTo
	}
	if m := session.FindStringSubmatch(low); m != nil {
		switch m[1] {
		case "data", "bdat":
			return dataEnd
		case "rcpt":
			return rcptTo
		case "mail":
			return mailFrom
		}
	}
	flat := oneLine(low)
	for _, w := range stepWords {
		if w.words.MatchString(flat) {
			return w.step
		}
	}
	return ""
}

// verdict judges words by what they say, and where they say nothing known by
// the status and the reply. The step is where in a session it was said.
func verdict(text, given string, where step) judged {
	j := judged{status: given}
	words := plain(text)
	inText := ""
	if m := enhanced.FindStringSubmatch(words); m != nil {
		inText = m[1]
	}
	if inText != "" && (given == "" || strings.HasSuffix(given, ".0.0") || given[0] == inText[0]) {
		j.status = inText
	}
	if m := reply.FindStringSubmatch(words); m != nil {
		j.code = m[1]
	}
	if r, ok := precise[j.status]; ok {
		j.reason, j.fromWords = r, true
		return j
	}
	if where == "" {
		where = at(text)
	}
	for _, rule := range rules {
		if rule.fits(words, j.status, where) {
			j.reason, j.fromWords = rule.reason, true
			break
		}
	}
	switch {
	case j.reason == UserUnknown && j.late(where, anAddress.MatchString(text)):
		j.reason = Filtered
	case j.reason == "":
		j.reason = byStatus(j.status, j.code)
		if j.reason == Undefined && letters.MatchString(words) {
			j.reason = OnHold
		}
	}
	return j
}

var letters = regexp.MustCompile(`\pL{2}`)

// late says whether "no such user" came too late or too vaguely to condemn an
// address: a server that knows its users says so when it hears the name. After
// the message, or where neither the step nor whose name it is about is said,
// it may be a filter's excuse. A status about the address (RFC 3463, X.1.X) stands.
func (j judged) late(where step, named bool) bool {
	if len(j.status) > 2 && j.status[2] == '1' || where == rcptTo {
		return false
	}
	switch where {
	case dataEnd:
		return true
	case "":
		return j.code == "550" && (j.status == "" || strings.HasSuffix(j.status, ".2.1") || strings.HasSuffix(j.status, ".0.0") && !named)
	}
	return false
}

// byStatus is the reason that the numbers alone give.
func byStatus(status, code string) Reason {
	if status != "" {
		if r, ok := classes["x"+status[1:]]; ok {
			return r
		}
	}
	if r, ok := codes[code]; ok {
		return r
	}
	if status != "" || code != "" {
		return OnHold
	}
	return Undefined
}

// hard says whether a reason condemns the address. What is only so for now
// does not.
func hard(r Reason, status, code string) bool {
	switch r {
	case UserUnknown, HostUnknown, HasMoved:
		return true
	case NotAccept:
		return !strings.HasPrefix(status, "4") && !strings.HasPrefix(code, "4")
	}
	return false
}
