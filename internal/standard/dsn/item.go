package dsn

import (
	"regexp"
	"strings"
)

// maxItems is how many recipients of one report are read.
const maxItems = 200

// reported reads the fields of a delivery status, one group per recipient.
func (l *letter) reported() []Item {
	var list []Item
	at := map[string]int{} // recipient and action: a report may say the same thing twice
	read := 0
	for _, s := range l.statuses {
		for _, group := range groups(s) {
			f := fields(group)
			if f.get("Final-Recipient") == "" && f.get("Original-Recipient") == "" {
				continue
			}
			if read++; read > maxItems {
				return list
			}
			it := l.item(f)
			key := it.Recipient + "|" + string(it.Kind)
			if i, ok := at[key]; ok && list[i].Status == it.Status && list[i].Diagnostic == it.Diagnostic {
				continue
			}
			at[key] = len(list)
			list = append(list, it)
		}
	}
	return list
}

// groups parts a delivery status at its empty lines, and where a recipient
// begins without one.
func groups(text string) []string {
	var list []string
	var b strings.Builder
	seen := false
	flush := func() {
		if strings.TrimSpace(b.String()) != "" {
			list = append(list, b.String())
		}
		b.Reset()
		seen = false
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) == "" {
			flush()
			continue
		}
		if finals.MatchString(line) && strings.HasPrefix(strings.ToLower(line), "final") {
			if seen {
				flush()
			}
			seen = true
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	flush()
	return list
}

// item reads the fields of one recipient.
func (l *letter) item(f header) Item {
	it := Item{Recipient: addressOf(f), Status: status(f.get("Status"))}
	it.Diagnostic = diagnostic(f)
	said := l.weigh(&it, f)
	it.Reason, it.Code = said.reason, said.code
	if said.status != "" && (it.Status == "" || strings.HasSuffix(it.Status, ".0.0")) {
		it.Status = said.status
	}
	switch strings.ToLower(first1(f.get("Action"))) {
	case "delivered", "relayed", "expanded", "deliverable":
		it.Kind, it.Reason = Delivered, Arrived
	case "delayed", "expired-delayed":
		it.Kind = Delayed
	default:
		it.Kind = Bounce
		if strings.HasPrefix(it.Status, "2.") {
			it.Kind, it.Reason = Delivered, Arrived
		}
	}
	it.Hard = hard(it.Reason, it.Status, it.Code)
	return it
}

// weigh judges by the diagnostic; where that says too little, by what the
// text says of the recipient, then by all of the text.
func (l *letter) weigh(it *Item, f header) judged {
	l.text()
	all, near := l.cut, l.near(it.Recipient)
	where := at(it.Diagnostic + "\n" + near)
	if where == "" || nobody.MatchString(strings.ToLower(all)) {
		where = at(all)
	}
	said := verdict(it.Diagnostic, it.Status, where)
	if program.MatchString(f.get("Diagnostic-Code")) && (!said.fromWords || said.reason == SystemError) {
		said.reason, said.fromWords = MailerError, true // an exit status, or the last words of a program
	}
	for _, text := range []string{near, all} {
		if !said.weak() {
			break
		}
		if more := verdict(text, it.Status, where); more.fromWords || said.reason == Undefined && more.reason != Undefined {
			said = more
			if it.Diagnostic == "" {
				it.Diagnostic = oneLine(text)
			}
		}
	}
	if said.reason == UserUnknown {
		if more := verdict(lead(all), "", where); more.fromWords && (more.reason == Suspend || more.reason == MailboxFull) {
			said.reason = more.reason // what the server writes to people is more exact than its "user unknown"
		}
	}
	return said
}

// lead is what a text says before it names addresses, without the sentences
// that only guess.
func lead(all string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(all, "\n") {
		if begins.MatchString(line) {
			break
		}
		if !guesses.MatchString(line) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

var guesses = regexp.MustCompile(`(?i)\b(may|might|could be|perhaps|possibl[ey]|usually|often|either|check)\b`)

var program = regexp.MustCompile(`(?i)^\s*x-unix\s*;`)

// first1 is the first word of a field: servers add remarks in brackets.
func first1(s string) string {
	f := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '(' || r == '\t' || r == ';' })
	if len(f) == 0 {
		return ""
	}
	return f[0]
}

// addressOf is the recipient of a group: the one that we wrote to, where the
// server says it.
func addressOf(f header) string {
	for _, name := range []string{"Original-Recipient", "X-Actual-Recipient", "Final-Recipient"} {
		if a := first(f.get(name)); a != "" {
			return a
		}
	}
	return ""
}

var typed = regexp.MustCompile(`(?i)^\s*(smtp|x-[a-z0-9-]+|dns|notes|unix|local|lmtp|rfc822)\s*;\s*`)

// diagnostic is what the server said, without the type before it.
func diagnostic(f header) string {
	text := strings.Join(f["Diagnostic-Code"], " ")
	if text == "" {
		text = f.get("X-Supplementary-Info")
	}
	return oneLine(typed.ReplaceAllString(text, ""))
}

const longest = 1000

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "")
	}
	return s
}

var anAddress = regexp.MustCompile(`[A-Za-z0-9!#$%&'*+/=?^_{|}~.\x60-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9-]{0,62}[A-Za-z0-9]`)

// first is the first address in s, in lower case.
func first(s string) string {
	return strings.ToLower(strings.Trim(anAddress.FindString(s), "'."))
}

// copies begin what a report quotes of the message itself.
var copies = regexp.MustCompile(`(?im)^[ \t>]*(-+ *(begin|below this line|this is a copy|enclosed is|original message|unsent message|message header|the header|the body|returned|message text|start of (header|message)|your message|.*copy of (the|your) message|.*original message)|message headers? follow|original message (follows|header)|(the )?original message (was|is|follows|headers|below)\b.*:?$|a copy of your message|-----original message|=+ ?original|return-path: ?<|received: from |received: by |----- original|copy of the message)`)

// untilCopy is a text without what it quotes of the message.
func untilCopy(text string) string {
	text = unquote(text)
	if at := copies.FindStringIndex(text); at != nil && at[0] > 0 {
		rest := text[:at[0]]
		if len(strings.TrimSpace(rest)) > 30 {
			return rest
		}
	}
	return text
}

// near is what the text says of one recipient: the paragraph that its address
// begins.
func (l *letter) near(recipient string) string {
	for _, s := range l.about {
		if s.address == recipient || recipient == "" {
			return s.words
		}
	}
	return ""
}

// section is what a text says of one address.
type section struct{ address, words string }

var (
	// An address that begins a line, alone or before what is said of it.
	begins = regexp.MustCompile(`^[ \t]*(?:[*-] )?(?:to: *|rcpt to: *|recipient(?: address)?: *)?<?(` + anAddress.String() + `)>?[ \t]*(?:$|[:,;(\[.]|failed|is |invalid|[ -]+\S)(.*)$`)
	// A line of a transcript of a session: what is said of it stands before.
	transcript = regexp.MustCompile(`^[45]\d\d (?:[45]\.\d+\.\d+ )?<(` + anAddress.String() + `)>\.\.\. `)
)

// sections parts a text by the addresses that it speaks of.
func sections(text string) []section {
	var list []section
	var before []string
	cur := -1
	add := func(address, words string) {
		for i := range list {
			if list[i].address == address {
				list[i].words += "\n" + words
				cur = i
				return
			}
		}
		if len(list) < maxItems {
			list = append(list, section{address, words})
			cur = len(list) - 1
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if m := transcript.FindStringSubmatch(line); m != nil {
			add(strings.ToLower(m[1]), strings.Join(append(before, line), "\n"))
			before, cur = nil, -1
			continue
		}
		if m := begins.FindStringSubmatch(line); m != nil {
			add(strings.ToLower(m[1]), m[2])
			continue
		}
		if cur >= 0 {
			list[cur].words += "\n" + line
		} else {
			before = append(before, line)
		}
	}
	return list
}

// told reads a report that is only words.
func (l *letter) told() []Item {
	l.text()
	text := l.cut
	if it, ok := notification(text); ok {
		return it
	}
	var list []Item
	for _, s := range l.about {
		list = append(list, toldItem(s.address, s.words, text))
	}
	if failed := first(l.head.get("X-Failed-Recipients")); len(list) == 0 || failed != "" && !has(list, failed) && len(list) == 1 {
		if failed == "" {
			failed = l.guess(text)
		}
		list = []Item{toldItem(failed, text, text)}
	}
	if len(l.statuses) > 0 && len(list) == 1 && list[0].Reason == OnHold {
		list[0].Reason = Undefined // there is a report, and it names nobody and nothing
	}
	if len(list) > 1 {
		list = sure(list)
	}
	return list
}

func has(list []Item, address string) bool {
	for _, it := range list {
		if it.Recipient == address {
			return true
		}
	}
	return false
}

// sure leaves out addresses that a text names without saying that anything
// is wrong with them, if it says so of others.
func sure(list []Item) []Item {
	var out []Item
	for _, it := range list {
		if it.Reason != OnHold && it.Reason != Undefined {
			out = append(out, it)
		}
	}
	if len(out) == 0 {
		return list[:1]
	}
	return out
}

var toWhom = regexp.MustCompile(`(?i)(?:to|recipients?|rcpt to|user|address(?:es)?|mailbox|for|failed|errors)[: \t]*[:]?\s*<?(` + anAddress.String() + `)`)

// guess is the address that a text is most likely about.
func (l *letter) guess(text string) string {
	if m := toWhom.FindStringSubmatch(text); m != nil {
		return strings.ToLower(m[1])
	}
	if a := first(text); a != "" {
		return a
	}
	return first(l.original.get("To"))
}

// toldItem judges by the words about one address, and by all of them where
// these say nothing.
func toldItem(address, near, all string) Item {
	where := at(near)
	if where == "" {
		where = at(all)
	}
	said := verdict(near, "", where)
	if said.weak() {
		if more := verdict(all, "", where); !more.weak() || said.reason == Undefined {
			said, near = more, all
		}
	}
	it := Item{Kind: Bounce, Recipient: address, Reason: said.reason, Status: said.status, Code: said.code, Diagnostic: oneLine(near)}
	if still.MatchString(all) && !over.MatchString(all) {
		it.Kind = Delayed
	}
	it.Hard = hard(it.Reason, it.Status, it.Code)
	return it
}

var (
	still = regexp.MustCompile(`(?i)(warning only|will (be retried|keep trying|continue|try again|retry)|has not (yet )?been delivered|delayed|still being (re)?tried|you do not need to (re)?send|no action is required)`)
	over  = regexp.MustCompile(`(?i)(gave up|given up|giving up|permanent error|could not be delivered to|not going to try|aborted)`)
)
