// Package nod reads a short answer to a message about a visit: yes, no, or
// something that a person has to read.
//
// "Cancel" alone is no answer about a visit: the law counts it as the wish for
// no more texts (47 CFR 64.1200(a)(10)), and package reach asks whether the
// visit was meant. To say more, such as "cancel my visit", is.
package nod

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Answer is what was said.
type Answer string

// The answers.
const (
	None Answer = ""    // something else
	Yes  Answer = "yes" // will come
	No   Answer = "no"  // will not come
)

var yes = []string{
	"c", "y", "1", "yes", "yes please", "yep", "yup", "yeah", "sure", "ok", "okay", "confirm", "confirmed", "i confirm", "yes confirm", "yes i confirm", "yes confirmed",
	"i will be there", "ill be there", "i'll be there", "yes i will be there", "yes ill be there", "see you then", "see you there", "will do", "👍",
	"si", "si confirmo", "si gracias", "confirmo", "confirmado", "confirmada", "confirmar", "claro", "alli estare", "ahi estare", "si alli estare", "si ahi estare", "de acuerdo", "vale",
}

var no = []string{
	"x", "n", "2", "no", "nope", "no thanks", "cancel appointment", "cancel my appointment", "cancel the appointment", "cancel visit", "cancel my visit", "cancel the visit", "please cancel my appointment", "please cancel my visit",
	"cancel appt", "cancel my appt", "i cannot come", "i cant come", "i can't come", "cant make it", "can't make it", "i cant make it", "i can't make it", "i cannot make it", "cannot make it", "i wont be there", "i won't be there", "i will not be there",
	"no gracias", "cancelar cita", "cancelar mi cita", "cancele mi cita", "cancelar la cita", "cancelen mi cita", "no puedo", "no puedo ir", "no voy a ir", "no podre ir", "no ire", "no asistire",
}

// polite are words around an answer that change nothing.
var polite = strings.NewReplacer(
	"thank you so much", "", "thank you", "", "thanks", "", "thx", "", "muchas gracias", "", "gracias", "", "please", "", "por favor", "", "👍🏻", "👍", "👍🏼", "👍", "👍🏽", "👍", "👍🏾", "👍", "👍🏿", "👍",
	"’", "'", ".", " ", "!", " ", "¡", " ", ",", " ", ";", " ", "\n", " ", "\t", " ", "\"", " ", "“", " ", "”", " ",
)

// Read reads an answer. One with a question in it, or more than is known here,
// is for a person.
func Read(text string) Answer {
	if len(text) > 120 || strings.ContainsAny(text, "?¿") {
		return None
	}
	t := strings.ToLower(norm.NFC.String(text))
	t = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u").Replace(t)
	plain := strings.Join(strings.Fields(strings.NewReplacer(".", " ", "!", " ", ",", " ", "’", "'").Replace(t)), " ")
	short := strings.Join(strings.Fields(polite.Replace(t)), " ")
	for _, s := range []string{plain, short} {
		switch {
		case slices.Contains(yes, s):
			return Yes
		case slices.Contains(no, s):
			return No
		}
	}
	return None
}
