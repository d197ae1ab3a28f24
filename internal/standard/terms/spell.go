package terms

import "hale/internal/standard/ucum"

// Systems whose codes nobody lists, because a grammar says what they are.
const (
	Units     = "http://unitsofmeasure.org"
	Languages = "urn:ietf:bcp:47"
	MIME      = "urn:ietf:bcp:13"
)

// spelled says whether code can be one of a system that does not ship: by
// the grammar of those that have one, and Unknown for the others.
func spelled(url, code string) Answer {
	switch url {
	case Units:
		if _, err := ucum.Parse(code); err == nil {
			return In
		}
		return Unknown // a unit of UCUM that we do not know, or none
	case Languages:
		return answer(language(code))
	case MIME:
		return answer(mime(code))
	}
	return Unknown
}

func answer(ok bool) Answer {
	if ok {
		return In
	}
	return Out
}

// language says whether code is spelled as a language tag: en, es-US,
// zh-Hant-TW.
//
// Spec: RFC 5646, section 2.1
func language(code string) bool {
	first, size := true, 0
	for i := 0; i <= len(code); i++ {
		if i == len(code) || code[i] == '-' {
			if size == 0 || size > 8 || first && size == 1 && code[0]|0x20 != 'x' && code[0]|0x20 != 'i' {
				return false
			}
			first, size = false, 0
			continue
		}
		letter := code[i]|0x20 >= 'a' && code[i]|0x20 <= 'z'
		if !letter && (first || code[i] < '0' || code[i] > '9') {
			return false
		}
		size++
	}
	return true
}

// mime says whether code is spelled as a media type, with parameters or
// without: text/plain; charset=UTF-8. FHIR's own short forms count, too.
//
// Spec: RFC 6838, section 4.2
func mime(code string) bool {
	if code == "xml" || code == "json" || code == "ttl" {
		return true
	}
	slash := 0
	for i := range len(code) {
		c := code[i]
		switch {
		case c == ';' && slash == 1 && i > 2:
			return true
		case c == '/':
			slash++
		case c <= ' ' || c >= 0x7f:
			return false
		}
	}
	return slash == 1 && code[0] != '/' && code[len(code)-1] != '/'
}
