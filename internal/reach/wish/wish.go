// Package wish reads what people answer to a message: that they want no more,
// that they want them again, that it was not for them, or something else.
//
// Any reasonable way of saying stop counts. Where it is not certain that it
// was meant, it counts as well, and somebody looks at it.
//
// Spec: 47 CFR 64.1200(a)(10)
package wish

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Meaning is what a reply asks for.
type Meaning string

// The meanings.
const (
	Stop        Meaning = "stop"
	Start       Meaning = "start"
	Help        Meaning = "help"
	WrongPerson Meaning = "wrong_person"
	Other       Meaning = "other"
)

// Reading is what a reply was read as.
type Reading struct {
	Meaning Meaning
	Rule    string // by which words
	Sure    bool   // false: it is taken so, and somebody has to look
}

// words are those that count alone, and what they say.
var words = []struct {
	meaning Meaning
	rule    string
	list    []string
}{
	{Stop, "keyword", []string{
		"stop", "stopall", "stop all", "unsubscribe", "end", "quit", "cancel", "revoke", "optout", "opt out", "opt-out", "remove", "arret", "td", "stop please", "please stop", "stop now",
		"alto", "parar", "pare", "paren", "basta", "cancelar", "baja", "ya basta", "por favor pare", "detener", "no mas", "no more",
	}},
	{Start, "keyword", []string{"start", "unstop", "yes start", "start again", "iniciar", "empezar", "comenzar"}},
	{Help, "keyword", []string{"help", "info", "ayuda"}},
}

// phrase is a way of saying something among other words.
type phrase struct {
	meaning Meaning
	rule    string
	sure    bool
	is      *regexp.Regexp
}

// us is what a clinic does that people want no more of.
const us = `(text(s|ing|ed)?|txt(s|ing)?|messag(e|es|ing)|msg(s|ing)?|sms|e-?mail(s|ing)?|mail(s|ing)?|contact(ing)?|call(s|ing)?|writ(e|ing)|send(ing)?|bother(ing)?|spam(ming)?|remind(ers?|ing)?|notif(y|ying|ications?)|harass(ing)?|alerts?)`

// nosotros is the same in Spanish, by the beginnings of words.
const nosotros = `(escrib|mand|envi|llam|contact|molest|text|mensaj|notific|recordator|avis|corre|moleste)`

// phrases are looked for in this order.
var phrases = []phrase{
	{WrongPerson, "wrong number", true, regexp.MustCompile(`\bwrong (number|person|#|num|guy|lady|phone)\b|\bno longer (his|her|their) (number|phone)\b|\b(this|that|it) ?(is|'?s) ?(not|n'?t) (her|him|his|hers|me|that person)\b|\bthis isn'?t (her|him|me)\b|\bi(m| am|'m) not (her|him|that person)\b|\bnobody (here )?by that name\b|\bno one (here )?by that name\b|\byou have the wrong\b|\bi don'?t know (who )?(this|that) (is|person)\b`)},
	{WrongPerson, "número equivocado", true, regexp.MustCompile(`\b(numero|telefono|persona) (esta )?equivocad[oa]\b|\bequivocado de (numero|persona)\b|\bse equivoc(o|aron)( de)? (numero|persona)\b|\bno soy (yo|esa persona|el|ella)\b|\bno conozco a (esa|esta) persona\b|\baqui no vive\b`)},

	{Other, "about a medicine", true, regexp.MustCompile(`\b(stop|quit|end)(ped|ping)? (taking|using|my (med|pill|insulin|drug|dose)|the (med|pill|insulin|drug|antibiotic|dose)|bleeding|smoking|drinking|breastfeeding|coughing|hurting|vomiting)|\b(dejar|parar) de (tomar|fumar|usar|beber)\b`)},
	{Other, "a visit, not the messages", true, regexp.MustCompile(`\bcancel(ar|e|en)? (my|the|mi|la|el|this|that|our|it)? ?(appointment|appt|visit|cita|consulta|exam|prescription|order|refill|insurance)|\b(stop|stopping|stopped) (by|in|at|over)\b|\bbus stop\b|\bnon-?stop\b|\bend of (the )?(day|week|month|year|june|july|may)\b|\bweek ?end\b`)},
	{Other, "no stop", true, regexp.MustCompile(`\b(don'?t|do not|please don'?t|never) stop\b|\bnot (asking|trying) to (stop|unsubscribe)\b|\bno (deje|dejen|pare|paren) de\b`)},

	{Stop, "stop writing", true, regexp.MustCompile(`\b(stop|quit|cease|end|discontinue)\b[^.?!]{0,24}\b` + us + `\b`)},
	{Stop, "do not write", true, regexp.MustCompile(`\b(do not|don'?t|dont|never|no longer|not to)\b[^.?!]{0,16}\b` + us + `\b`)},
	{Stop, "no more messages", true, regexp.MustCompile(`\bno (more|further|additional|mor)\b[^.?!]{0,16}\b` + us + `\b`)},
	{Stop, "take me off", true, regexp.MustCompile(`\b(take|get|drop|delete|remove|erase)\b[^.?!]{0,10}\b(me|my (number|phone|name|e-?mail)|this number)\b[^.?!]{0,20}\b(off|from|out|list)\b|\bremove (me|my (number|name|e-?mail))\b|\btake (me|us) off\b|\b(delete|lose|forget) (my|this) (number|e-?mail)\b`)},
	{Stop, "unsubscribe", true, regexp.MustCompile(`\bun-?subscrib|\bopt(ing|ed)?[ -]?out\b|\bunenrol+\b|\bsign me off\b`)},
	{Stop, "revoke consent", true, regexp.MustCompile(`\b(revoke|withdraw|rescind)(ing)?\b[^.?!]{0,24}\b(consent|permission|authori[sz]ation)\b|\b(i|we) (do not|don'?t|no longer) (consent|agree)\b|\b(do|did) not (consent|agree|sign up)\b`)},
	{Stop, "leave me alone", true, regexp.MustCompile(`\bleave (me|us) (alone|be)\b|\b(fuck|piss|buzz|screw) (off|you)\b|\bgo away\b|\bblock(ed|ing)? (you|this number)\b|\breport(ed|ing)? (you|this|as) ?(as )?spam\b|\bthis is (spam|harass)`)},
	{Stop, "don't want", true, regexp.MustCompile(`\b(do not|don'?t|dont|no longer) (want|wish|need|care)\b[^.?!]{0,24}\b(these|this|those|your|any|to (get|receive|hear))\b`)},
	{Stop, "not interested", true, regexp.MustCompile(`\b(not|no longer|never) interested\b|\bno me interesa\b`)},
	{Stop, "no me escriban", true, regexp.MustCompile(`\bno (me |nos |le |quiero |deseo |mas |quiero mas |quiero que me |deseo que me |vuelvan? a |me vuelvan? a )+[^.?!]{0,12}\b` + nosotros)},
	{Stop, "deje de escribir", true, regexp.MustCompile(`\b(dej(e|en|a)|par(e|en|a)|detenga|detengan|suspenda|suspendan)( ya)? (de |con |los |las |todos los |estos |sus )+[^.?!]{0,16}\b` + nosotros)},
	{Stop, "no más mensajes", true, regexp.MustCompile(`\b(no|ningun|sin) mas [^.?!]{0,12}` + nosotros + `|\bya no (me |quiero|deseo)`)},
	{Stop, "bórrenme", true, regexp.MustCompile(`\b(borr|elimin|quit|saqu|remuev)(e|en|enme|eme|ame|a|ar)?(me)?\b[^.?!]{0,20}\b(lista|numero|telefono|datos|contactos)\b|\b(borrenme|eliminenme|quitenme|saquenme|borreme|eliminame|quiteme|saqueme)\b|\bd(e|en)me de baja\b|\bdarme de baja\b|\bcancel(ar|en|e) (la |mi )?(suscripcion|subscripcion)\b|\bdej(e|en)me en paz\b|\bdejenos en paz\b`)},
	{Stop, "retiro mi permiso", true, regexp.MustCompile(`\b(retiro|revoco|retirar|revocar|cancelo)\b[^.?!]{0,16}\b(consentimiento|permiso|autorizacion)\b|\bno autorizo\b|\bno doy (mi )?(permiso|consentimiento)\b`)},

	{WrongPerson, "who is this", true, regexp.MustCompile(`^\W*(who('?s| is| are) (this|you)|quien es|quien eres)\W*$`)},

	{Stop, "a stop among other words", false, regexp.MustCompile(`\b(stop|stahp|stopp|unsub|basta|alto)\b|\bsto+p+\b`)},
	{Stop, "enough", false, regexp.MustCompile(`\b(enough|too many|sick of|tired of|fed up|so annoying|quit it|knock it off|cut it out|demasiad[oa]s|hart[oa] de|cansad[oa] de)\b[^.?!]{0,30}(` + us + `|` + nosotros + `|already|\bthis\b|\bthese\b|$)`)},
	{Stop, "end among few words", false, regexp.MustCompile(`^\W*(please |pls |por favor )?(end|quit|cancel|remove|revoke|cancelar|cancele|parar|terminar|fin|eliminar)( (all|it|this|these|them|now|please|pls|todo|esto|ya|por favor))*\W*$`)},
}

// Read reads a reply.
func Read(text string) Reading {
	t := plain(text)
	word := strings.TrimFunc(t, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, w := range words {
		if slices.Contains(w.list, word) {
			return Reading{Meaning: w.meaning, Rule: w.rule, Sure: true}
		}
	}
	for _, p := range phrases {
		if p.is.MatchString(t) {
			return Reading{Meaning: p.meaning, Rule: p.rule, Sure: p.sure}
		}
	}
	return Reading{Meaning: Other, Sure: true}
}

// longest is how much of a reply is read: what is quoted below an answer says
// nothing.
const longest = 2000

// plain writes text in small letters without accents or curly signs, one
// space between words.
func plain(text string) string {
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "")
	}
	text = strings.NewReplacer("’", "'", "‘", "'", "´", "'", "`", "'", "–", "-", "—", "-").Replace(strings.ToLower(text))
	var b strings.Builder
	for _, r := range norm.NFD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
