package medication

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
	"unicode"

	"hale/internal/base/lang"
)

//go:embed glossary.json
var glossaryText []byte

// Word is what prescribers write short, and what it means to people.
// Abbreviations that mean several things, of which one would be dangerous,
// are not among them and stay as they were written: o.d. (once daily, right
// eye), cc (cubic centimeters, with meals), a.d., a.s., a.u., u.
//
// Spec: ISMP List of Error-Prone Abbreviations
type Word struct {
	Short   []string `json:"short"` // in small letters, without points
	English string   `json:"en"`
	Spanish string   `json:"es"`
}

func (w Word) in(l lang.Lang) string {
	if l == lang.Spanish {
		return w.Spanish
	}
	return w.English
}

// glossary returns the words by their short forms, and how many words the
// longest short form has. It is read once, and a test reads it first.
var glossary = sync.OnceValue(func() map[string]Word {
	list := Glossary()
	m := make(map[string]Word, 2*len(list))
	for _, w := range list {
		for _, s := range w.Short {
			m[s] = w
		}
	}
	return m
})

// longest is how many words a short form has at the most.
const longest = 5

// Glossary returns every word that is read out.
func Glossary() []Word {
	var list []Word
	if json.Unmarshal(glossaryText, &list) != nil {
		return nil
	}
	return list
}

// codes are the codes of Timing.code that are no short forms in a text.
var codes = map[string]string{"AM": "qam", "PM": "qpm", "BED": "qhs", "WK": "qw", "MO": "qmo"}

// abbreviated returns what one abbreviation means.
func abbreviated(l lang.Lang, code string) (string, bool) {
	if c, ok := codes[code]; ok {
		code = c
	}
	w, ok := glossary()[key(code)]
	return w.in(l), ok
}

// key returns a short form as the glossary has it: B.I.D. is bid.
func key(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimRight(s, ",;:.")), ".", "")
}

// Plain writes the abbreviations of a prescriber's text out in a language,
// and says whether that made the whole text one in that language. A text of
// which a part stays in English stays in English as a whole.
func Plain(l lang.Lang, text string) (plain string, whole bool) {
	plain, whole = expand(l, text)
	if !whole && l != lang.English {
		plain, _ = expand(lang.English, text)
	}
	return plain, whole || l == lang.English
}

func expand(l lang.Lang, text string) (string, bool) {
	if strings.ToUpper(text) == text {
		text = strings.ToLower(text)
	}
	in, whole := strings.Fields(text), true
	var out []string
	changed := false
	for i := 0; i < len(in); {
		n, words := match(l, in[i:])
		if n == 0 {
			whole = whole && !strings.ContainsFunc(in[i], unicode.IsLetter)
			out = append(out, in[i])
			i++
			continue
		}
		was := strings.Join(in[i:i+n], " ")
		if end := was[len(was)-1]; end == ',' || end == ';' || end == '.' && !pointed(was) {
			words += string(end)
		}
		changed = changed || words != was
		out = append(out, words)
		i += n
	}
	said := strings.Join(out, " ")
	if changed && said != "" && unicode.IsDigit(rune(said[0])) {
		said = begin(l, said) + said
	}
	return capital(said), whole
}

// match returns how many of words begin a short form, and what it means; the
// longest form wins.
func match(l lang.Lang, words []string) (int, string) {
	for n := min(longest, len(words)); n > 0; n-- {
		if w, ok := glossary()[key(strings.Join(words[:n], " "))]; ok {
			return n, w.in(l)
		}
	}
	return 0, ""
}

// pointed says whether a short form is written with points, so that the last
// is no full stop: b.i.d.
func pointed(s string) bool { return strings.Count(s, ".") > 1 }

// begin returns the verb for an instruction that begins with a number.
func begin(l lang.Lang, said string) string {
	for _, where := range [...]string{"under the skin", "into a muscle", "into a vein", "debajo de la piel", "en un músculo", "en una vena"} {
		if strings.Contains(said, where) {
			return l.T("Inject") + " "
		}
	}
	return l.T("Take") + " "
}

// capital begins a sentence.
func capital(s string) string {
	for _, r := range s {
		return string(unicode.ToUpper(r)) + s[len(string(r)):]
	}
	return s
}
