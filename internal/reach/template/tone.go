package template

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hale/internal/base/lang"
	"hale/internal/reach/policy"
	"hale/internal/standard/gsm"
)

// maxGrade is the school year whose pupils should read a text with ease.
const maxGrade = 8

// pressing are words that frighten or press, in English and Spanish, without
// accents. People who are frightened by their clinic stop opening its mail.
var pressing = regexp.MustCompile(`\b(critical(?:ly)? important|critical|urgent(?:ly|e|emente)?|final notice|last (?:chance|warning|notice)|immediate(?:ly)? (?:action|attention|required)|act now|warning|do not ignore|failure to|you must|must be|non-?complian(?:t|ce)|delinquent|consequences|ultimo aviso|ultima (?:oportunidad|advertencia)|de inmediato|inmediatamente|debe usted|no ignore|advertencia|incumpl\w+)\b`)

// shorteners are public services that hide where a link leads. Carriers
// block texts with them, and nobody can tell them from fraud.
var shorteners = []string{"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "tiny.cc", "lnkd.in", "rb.gy", "shorturl.at", "t.ly", "bl.ink", "s.id", "v.gd", "soo.gd"}

// address finds web addresses that an author wrote out.
var address = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s<>"'{}]+|\b(?:[a-z0-9-]+\.)+(?:com|org|net|ly|co|gl|gd|cc|io|me|link|at|gy|health|info)/[^\s<>"'{}]*`)

// said is what a text says by itself, with a word for every field, so that
// grades and lengths come out as for a reader.
func said(nodes []node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch {
		case n.out != nil && n.out.words != "":
			b.WriteString(n.out.words)
		case n.out != nil && n.out.instead:
			b.WriteString(n.out.missing)
		case n.out != nil:
			b.WriteString("Ana")
		case n.each != nil:
			b.WriteString(said(n.each.body))
		default:
			for _, a := range n.arms {
				b.WriteString(said(a.body))
			}
			b.WriteString(n.text)
		}
	}
	return b.String()
}

// words looks at the words of one of a part's texts.
func (l *linter) words(p Part, which int, body []node) {
	text := said(body)
	if m := pressing.FindString(flat(text)); m != "" {
		l.add(Warning, "tone", l.as(m), fmt.Sprintf("“%s” presses or frightens.", m), "Say calmly what helps and by when: “It is time for …”, “Please choose a day”.")
	}
	if w := shouting(text); w != "" {
		l.add(Warning, "tone", w, fmt.Sprintf("“%s” reads as shouting.", w), "Write it in small letters.")
	}
	if strings.Contains(text, "!!") || strings.Contains(text, "?!") {
		l.add(Warning, "tone", "!", "Several signs of exclamation read as shouting.", "Write a full stop.")
	}
	for _, a := range address.FindAllString(text, -1) {
		l.address(p, a)
	}
	if word := Health(text); word != "" && p.Channel == Email && which != inBody {
		s, why := Warning, "It shows on locked screens and is not encrypted with the rest."
		if l.t.Sensitivity >= policy.S3 {
			s = Error
		}
		l.add(s, "neutral_subject", l.as(word), fmt.Sprintf("The subject tells of health: %q…. %s", word, why), "Write a neutral one, like “A message from {{ clinic }}”.")
	}
	if p.Channel == SMS && which == inBody {
		return
	}
	if g := lang.GradeOf(p.Lang, text); which == inBody && g > maxGrade {
		l.add(Warning, "grade", "", fmt.Sprintf("It takes about grade %.0f to read; most patients read with ease up to grade %d.", g, maxGrade), "Use shorter sentences and shorter words.")
	}
}

// as returns how the author wrote words that were found without accents.
func (l *linter) as(found string) string {
	runes, want := []rune(l.text), []rune(found)
	for i := 0; i+len(want) <= len(runes); i++ {
		if flat(string(runes[i:i+len(want)])) == found {
			return string(runes[i : i+len(want)])
		}
	}
	return ""
}

// shouting returns the first run of large letters that is no abbreviation:
// two words, or one of six letters.
func shouting(text string) string {
	large := 0
	var first string
	for w := range strings.FieldsSeq(text) {
		w = strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
		n := len([]rune(w))
		if w == "STOP" || w == "HELP" || n < 3 || strings.ToUpper(w) != w || strings.ToLower(w) == w {
			large = 0
			continue
		}
		if large++; large == 1 {
			first = w
		}
		if n >= 6 || large == 2 {
			return first
		}
	}
	return ""
}

// address looks at a web address that an author wrote out.
func (l *linter) address(p Part, a string) {
	full := a
	if !strings.Contains(a, "://") {
		full = "https://" + a
	}
	u, err := url.Parse(full)
	if err != nil {
		return
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	switch {
	case slices.Contains(shorteners, host):
		l.add(Error, "shortener", a, fmt.Sprintf("%s hides where it leads, and carriers block it.", host), "Use {{ link }}, which leads to your own address.")
	case l.rules.Host != "" && host == l.rules.Host:
	case p.Channel == SMS:
		l.add(Error, "address", a, fmt.Sprintf("A text leads to %s.", host), "Use {{ link }}; put other addresses on the page.")
	case u.Scheme == "http" && strings.HasPrefix(strings.ToLower(a), "http:"):
		l.add(Warning, "address", a, "The address is not encrypted.", "Write https://.")
	}
}

// body looks at what a part can show and how it is made.
func (l *linter) body(p Part, body []node, r *parser) {
	if p.Channel != Page && r.uses["last_name"] || p.Channel == Email && r.uses["full_name"] {
		l.add(Warning, "minimum_necessary", "_name", "A last name is more than a reader needs who knows who they are.", "The first name is enough.")
	}
	if p.Channel == Page && r.uses["link"] {
		l.add(Warning, "link", "link", "The page is where the link leads, so it shows nothing here.", "Take it away, or write the e-mail with words of its own.")
	}
	l.blanks(body)
	l.sender(p)
	if p.Channel == SMS {
		l.sms(p, body, r)
	}
}

// blanks looks for a greeting that would greet nobody.
func (l *linter) blanks(body []node) {
	for i, n := range body {
		if n.out == nil || !n.out.instead || strings.TrimSpace(n.out.missing) != "" || i == 0 {
			continue
		}
		if i+1 < len(body) && strings.HasPrefix(body[i+1].text, ",") {
			l.add(Warning, "blank", n.out.Name, "Who has none reads a comma after nothing.", fmt.Sprintf(`Write default: "there", or put it all inside {%% if %s %%}.`, n.out.Name))
		}
	}
}

// sender looks at the name that a notice is sent under.
func (l *linter) sender(p Part) {
	if l.t.Sensitivity < policy.S3 || p.Channel == Page || l.rules.Clinic == "" {
		return
	}
	if word := Health(l.rules.Clinic); word != "" && l.t.Sensitivity == policy.S3 {
		l.add(Warning, "sender", "clinic", fmt.Sprintf("The clinic's own name tells of health (%q…), and it stands as the sender.", word), "Choose level 4, which writes as “Your care office”.")
	}
}

// stopping finds words that say how to stop.
var stopping = regexp.MustCompile(`(?i)\b(reply|text|send|responda|conteste|envie|envíe|mande)\b[^.]{0,20}\bSTOP\b`)

// sms holds the rules of texts: a link, no word about health, short, a way to
// stop, like what the carriers were told.
func (l *linter) sms(p Part, body []node, r *parser) {
	text := said(body)
	if word := Health(text); word != "" {
		l.add(Error, "health", l.as(word), fmt.Sprintf("A text may not tell of health: %q….", word), "Say it on the page.")
	}
	if !r.uses["link"] {
		l.add(Error, "link", "", "A text needs {{ link }}.", "Put it at the end.")
	}
	if strings.Contains(text, "STOP") && !stopping.MatchString(text) {
		l.add(Error, "stop", "STOP", "STOP stands here, and not as a way to stop.", "Write “Reply STOP to end texts.”, or leave it out: Hale adds it.")
	}
	if m := afterLink.FindString(l.text); m != "" {
		l.add(Warning, "link", m, "Phones take a sign after an address for a part of it.", "Put a space or nothing after {{ link }}. Hale leaves the sign out.")
	}
	full := filled(p, body)
	if wider := gsm.Wider(full); len(wider) > 0 {
		l.add(Warning, "characters", wider[0], fmt.Sprintf("%s cost more than half of a text's room.", strings.Join(wider, " ")), "Leave them out: without them one text holds 160 letters instead of 70.")
	}
	n, _ := Segments(GSM(full))
	switch {
	case n > maxSegments:
		l.add(Error, "length", "", fmt.Sprintf("It takes %d texts; %d are the limit.", n, maxSegments), "Shorten it; the page says the rest.")
	case n > 1 && l.rules.Cents > 0:
		l.add(Warning, "length", "", fmt.Sprintf("It takes %d texts, %.1f¢ for each patient.", n, float64(n)*l.rules.Cents), "Below 160 letters it is one.")
	}
	if len(l.rules.Samples) > 0 {
		if like := alike(full, l.rules.Samples); like < 0.4 {
			l.add(Warning, "registration", "", "It is unlike every sample that the carriers were told of, and may be held back.", "Write it more like a sample, or register this one (10DLC).")
		}
	}
}

var afterLink = regexp.MustCompile(`\{\{-?\s*link[^}]*\}\}[.,;:!?)]`)

// filled is a text with a long name and a full link in it, and how to stop.
func filled(p Part, body []node) string {
	w := (&Want{Look: standard, Values: Long()}).writer(&compiled{Part: p})
	return withStop(w.text(emit(body)), p.Lang)
}

// Long returns values that take as much room as values do.
func Long() map[string]string {
	return map[string]string{
		"first_name": "Maximiliano", "last_name": "Featherstonehaugh", "full_name": "Maximiliano Featherstonehaugh", "clinic": "Riverside Family Medicine",
		"clinic_phone": "(312) 555-0100", "clinic_address": "1200 West Riverside Avenue, Chicago, IL 60612", "link": "https://portal.example.org/m/abcdefghijkl",
		"service": "diabetic eye exam", "clinician": "Dr. Featherstonehaugh", "visit.date": "2026-09-23T15:40:00-05:00", "visit.place": "Riverside Family Medicine, second floor",
		"visit.clinician": "Dr. Featherstonehaugh", "visit.service": "diabetic eye exam", "due_since": "2025-09-23", "today": "2026-09-23", "language": "en",
	}
}

// alike is how much of a text's words the sample most like it has, from 0 to
// 1: what they share of what either has.
func alike(text string, samples []string) float64 {
	best := 0.0
	a := wordSet(text)
	for _, s := range samples {
		b, shared := wordSet(s), 0
		for w := range a {
			if b[w] {
				shared++
			}
		}
		if all := len(a) + len(b) - shared; all > 0 {
			best = max(best, float64(shared)/float64(all))
		}
	}
	return best
}

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(flat(address.ReplaceAllString(text, "")), func(r rune) bool { return !unicode.IsLetter(r) }) {
		set[w] = true
	}
	return set
}
