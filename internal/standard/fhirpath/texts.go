package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"
)

func textFunctions() map[string]function {
	return map[string]function{
		"indexOf": {1, 1, twoTexts(func(r *running, s, t string) (Collection, error) {
			return r.one(Int(int64(characterAt(s, strings.Index(s, t))))), nil
		}), nil},
		"lastIndexOf": {1, 1, twoTexts(func(r *running, s, t string) (Collection, error) {
			return r.one(Int(int64(characterAt(s, strings.LastIndex(s, t))))), nil
		}), nil},
		"substring":  {1, 2, substring, nil},
		"startsWith": {1, 1, twoTexts(func(r *running, s, t string) (Collection, error) { return r.bool(strings.HasPrefix(s, t)) }), nil},
		"endsWith":   {1, 1, twoTexts(func(r *running, s, t string) (Collection, error) { return r.bool(strings.HasSuffix(s, t)) }), nil},
		"contains":   {1, 1, twoTexts(func(r *running, s, t string) (Collection, error) { return r.bool(strings.Contains(s, t)) }), nil},
		"upper":      {0, 0, oneText(func(r *running, s string) (Collection, error) { return r.text2(strings.ToUpper(s)) }), nil},
		"lower":      {0, 0, oneText(func(r *running, s string) (Collection, error) { return r.text2(strings.ToLower(s)) }), nil},
		"trim":       {0, 0, oneText(func(r *running, s string) (Collection, error) { return r.text2(strings.TrimSpace(s)) }), nil},
		"length": {0, 0, oneText(func(r *running, s string) (Collection, error) {
			return r.one(Int(int64(utf8.RuneCountInString(s)))), nil
		}), nil},
		"toChars":        {0, 0, oneText(func(r *running, s string) (Collection, error) { return splitText(r, s, "") }), nil},
		"split":          {1, 1, twoTexts(splitText), nil},
		"join":           {0, 1, join, nil},
		"replace":        {2, 2, replace, nil},
		"matches":        {1, 2, nil, buildMatch(false)},
		"matchesFull":    {1, 2, nil, buildMatch(true)},
		"replaceMatches": {2, 3, nil, buildReplace},
		"encode":         {1, 1, twoTexts(encode), nil},
		"decode":         {1, 1, twoTexts(decode), nil},
		"escape":         {1, 1, twoTexts(escapeText), nil},
		"unescape":       {1, 1, twoTexts(unescapeText), nil},
	}
}

// characterAt turns a place in bytes into one in characters.
func characterAt(s string, at int) int {
	if at <= 0 {
		return at
	}
	return utf8.RuneCountInString(s[:at])
}

// onText returns the string that a function is called on; no for an empty one.
func onText(in Collection) (string, bool, error) {
	if len(in) == 0 {
		return "", false, nil
	}
	v, err := single(in)
	if err != nil {
		return "", false, err
	}
	switch p := v.plain(); p.kind {
	case stringKind:
		return p.text, true, nil
	case noKind:
		return "", false, nil
	case nodeKind, booleanKind, typeKind:
		return "", false, wrong("a string is needed")
	default:
		s, _ := p.written() // a number or date of FHIR's looks like its text
		if v.kind == nodeKind {
			s = v.node.Text()
		}
		return s, true, nil
	}
}

func oneText(do func(r *running, s string) (Collection, error)) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		s, ok, err := onText(in)
		if err != nil || !ok {
			return nil, err
		}
		return do(r, s)
	}
}

func twoTexts(do func(r *running, s, t string) (Collection, error)) call {
	return func(r *running, in Collection, args []step) (Collection, error) {
		s, ok, err := onText(in)
		if err != nil || !ok {
			return nil, err
		}
		t, ok, err := r.text(args[0])
		if err != nil || !ok {
			return nil, err
		}
		return do(r, s, t)
	}
}

func substring(r *running, in Collection, args []step) (Collection, error) {
	s, ok, err := onText(in)
	if err != nil || !ok {
		return nil, err
	}
	start, ok, err := r.integer(args[0])
	if err != nil || !ok {
		return nil, err
	}
	runes := []rune(s)
	n := int64(len(runes))
	if start < 0 || start >= n {
		return nil, nil
	}
	end := n
	if len(args) == 2 {
		length, ok, err := r.integer(args[1])
		if err != nil {
			return nil, err
		}
		if ok {
			end = start + min(max(length, 0), n-start)
		}
	}
	return r.text2(string(runes[start:end]))
}

func splitText(r *running, s, by string) (Collection, error) {
	if by == "" {
		if err := r.count(len(s)); err != nil {
			return nil, err
		}
	}
	parts := strings.Split(s, by)
	out := make(Collection, len(parts))
	for i, p := range parts {
		out[i] = Text(p)
	}
	return out, r.count(len(out))
}

func join(r *running, in Collection, args []step) (Collection, error) {
	by := ""
	if len(args) == 1 {
		var err error
		if by, _, err = r.text(args[0]); err != nil {
			return nil, err
		}
	}
	var list []string
	size := 0
	for i := range in {
		s, ok, err := onText(in[i : i+1])
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, s)
			size += len(s) + len(by)
		}
	}
	if size > maxChars {
		return nil, ErrLimit
	}
	if len(in) == 0 {
		return nil, nil
	}
	return r.text2(strings.Join(list, by))
}

func replace(r *running, in Collection, args []step) (Collection, error) {
	s, ok, err := onText(in)
	if err != nil || !ok {
		return nil, err
	}
	old, okOld, err := r.text(args[0])
	if err != nil {
		return nil, err
	}
	with, okWith, err := r.text(args[1])
	if err != nil || !okOld || !okWith {
		return nil, err
	}
	if (strings.Count(s, old)+1)*len(with)+len(s) > maxChars {
		return nil, ErrLimit
	}
	return r.text2(strings.ReplaceAll(s, old, with))
}

// maxPattern is how long a regular expression may be.
const maxPattern = 2000

// expression reads a regular expression. FHIR writes them without anchors
// and lets the full stop match line ends.
func expression(pattern, flags string, full bool) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, wrong("the regular expression is too long")
	}
	prefix := "s"
	for _, f := range flags {
		if f != 'i' && f != 'm' && f != 's' {
			return nil, wrong("there is no flag %c", f)
		}
		prefix += string(f)
	}
	pattern = re2(pattern)
	if full {
		pattern = "^(?:" + pattern + ")$"
	}
	re, err := regexp.Compile("(?" + prefix + ")" + pattern)
	if err != nil {
		return nil, wrong("the regular expression cannot be read; look-around and back references are not known")
	}
	return re, nil
}

// re2 writes what other engines take, and RE2 does not, another way: an
// escaped slash or quotation mark.
func re2(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
			if strings.IndexByte(`/'"#@%&~:;=!<>, `+"`", pattern[i]) < 0 {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// prepared is a regular expression that is read once where it is written in
// the expression itself.
type prepared struct {
	re      *regexp.Regexp
	pattern step
	flags   step
	full    bool
}

func prepare(t *tree, steps []step, at int, full bool) (*prepared, error) {
	p := &prepared{pattern: steps[0], full: full}
	if len(steps) > at {
		p.flags = steps[at]
		return p, nil
	}
	if arg := t.args[1]; arg.what == stringTree {
		re, err := expression(arg.text, "", full)
		if err != nil {
			return nil, fail(arg.at, "the regular expression cannot be read; look-around and back references are not known")
		}
		p.re = re
	}
	return p, nil
}

func (p *prepared) get(r *running) (*regexp.Regexp, error) {
	if p.re != nil {
		return p.re, nil
	}
	pattern, ok, err := r.text(p.pattern)
	if err != nil || !ok {
		return nil, err
	}
	flags := ""
	if p.flags != nil {
		if flags, _, err = r.text(p.flags); err != nil {
			return nil, err
		}
	}
	return expression(pattern, flags, p.full)
}

func steps(t *tree, compile compiler) ([]step, error) {
	var list []step
	for _, a := range t.args[1:] {
		s, err := compile(a)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func buildMatch(full bool) func(t *tree, compile compiler) (call, []step, error) {
	return func(t *tree, compile compiler) (call, []step, error) {
		args, err := steps(t, compile)
		if err != nil {
			return nil, nil, err
		}
		p, err := prepare(t, args, 1, full)
		return func(r *running, in Collection, _ []step) (Collection, error) {
			s, ok, err := onText(in)
			if err != nil || !ok {
				return nil, err
			}
			re, err := p.get(r)
			if err != nil || re == nil {
				return nil, err
			}
			return r.bool(re.MatchString(s))
		}, args, err
	}
}

func buildReplace(t *tree, compile compiler) (call, []step, error) {
	args, err := steps(t, compile)
	if err != nil {
		return nil, nil, err
	}
	p, err := prepare(t, args, 2, false)
	return func(r *running, in Collection, args []step) (Collection, error) {
		s, ok, err := onText(in)
		if err != nil || !ok {
			return nil, err
		}
		with, ok, err := r.text(args[1])
		if err != nil || !ok {
			return nil, err
		}
		re, err := p.get(r)
		if err != nil || re == nil {
			return nil, err
		}
		if re.String() == "(?s)" { // the empty pattern replaces nothing
			return r.text2(s)
		}
		if len(s)*(len(with)+1) > maxChars {
			return nil, ErrLimit
		}
		return r.text2(re.ReplaceAllString(s, groups(with)))
	}, args, err
}

// groups writes $1 and ${name} as Go does, in which a name runs on over
// letters and digits.
func groups(with string) string {
	var b strings.Builder
	for i := 0; i < len(with); i++ {
		c := with[i]
		if c != '$' || i+1 >= len(with) || !digit(with[i+1]) {
			b.WriteByte(c)
			continue
		}
		n := run(with[i+1:], digit)
		b.WriteString("${" + with[i+1:i+1+n] + "}")
		i += n
	}
	return b.String()
}

func encode(r *running, s, format string) (Collection, error) {
	switch format {
	case "hex":
		return r.text2(hex.EncodeToString([]byte(s)))
	case "base64":
		return r.text2(base64.StdEncoding.EncodeToString([]byte(s)))
	case "urlbase64":
		return r.text2(base64.URLEncoding.EncodeToString([]byte(s)))
	}
	return nil, nil
}

func decode(r *running, s, format string) (Collection, error) {
	var out []byte
	var err error
	switch format {
	case "hex":
		out, err = hex.DecodeString(s)
	case "base64":
		out, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		out, err = base64.URLEncoding.DecodeString(s)
	default:
		return nil, nil
	}
	if err != nil || !utf8.Valid(out) {
		return nil, wrong("the text is not %s", format)
	}
	return r.text2(string(out))
}

func escapeText(r *running, s, target string) (Collection, error) {
	switch target {
	case "html":
		return r.text2(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s))
	case "json":
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			return nil, wrong("the text cannot be escaped")
		}
		out := strings.TrimSuffix(b.String(), "\n")
		return r.text2(out[1 : len(out)-1])
	}
	return nil, nil
}

func unescapeText(r *running, s, target string) (Collection, error) {
	switch target {
	case "html":
		return r.text2(html.UnescapeString(s))
	case "json":
		var out string
		if json.Unmarshal([]byte(`"`+bareQuotes(s)+`"`), &out) != nil {
			return nil, wrong("the text is not escaped as JSON")
		}
		return r.text2(out)
	}
	return nil, nil
}

// bareQuotes escapes quotation marks that are not, so that a text without
// escapes stays what it is.
func bareQuotes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == '"':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
