// Package checkin takes what a patient says before a visit: what of their
// details changed, their insurance card, which medicines they take, their
// signature, and that they are here.
//
// Nothing said here changes the record by itself: it becomes a task that
// somebody of the clinic looks at. A signature is a FHIR Consent that holds
// the very words that were signed.
//
// Spec: https://hl7.org/fhir/R4/consent.html
package checkin

import (
	"slices"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/care/visit"
)

// Step is one thing to do when checking in.
type Step string

// The steps.
const (
	You       Step = "you"
	Insurance Step = "insurance"
	Medicines Step = "medicines"
	Forms     Step = "forms"
	Sign      Step = "sign"
	Arrive    Step = "arrive"
)

// Steps are all of them, in their order.
var Steps = []Step{You, Insurance, Medicines, Forms, Sign, Arrive}

// Opens is how long before a visit checking in begins.
const Opens = 7 * 24 * time.Hour

// State is how far somebody came.
type State struct {
	Visit   string
	Done    []Step
	Begun   time.Time // zero: not begun
	Arrived time.Time // zero: not here yet
}

// Has says whether a step is done.
func (s State) Has(step Step) bool { return slices.Contains(s.Done, step) }

// Next is the first of steps that is not done; empty: all are.
func (s State) Next(steps []Step) Step {
	for _, step := range steps {
		if !s.Has(step) {
			return step
		}
	}
	return ""
}

// Ready says whether everything that can be done at home is done.
func (s State) Ready(steps []Step) bool {
	next := s.Next(steps)
	return next == "" || next == Arrive
}

// Parse reads steps as the table has them.
func Parse(text string) []Step {
	var list []Step
	for _, f := range strings.Fields(text) {
		list = append(list, Step(f))
	}
	return list
}

// Open says whether somebody can check in to a visit now.
func Open(v visit.Visit, now time.Time) bool {
	return (v.Status == visit.Booked || v.Status == "arrived") && v.End.After(now) && v.Start.Sub(now) <= Opens
}

// Paper is something to sign, in one version.
type Paper struct {
	ID      string
	Kind    string
	N       int // version, from 1
	Title   string
	Text    string // paragraphs with an empty line between
	TitleES string
	TextES  string
	At      time.Time
}

// In returns the words in a language: es or any other.
func (p Paper) In(tag string) (title, text string) {
	if tag == "es" && p.TextES != "" {
		return p.TitleES, p.TextES
	}
	return p.Title, p.Text
}

// Treatment is the kind of paper that is signed when checking in.
const Treatment = "treatment"

// usual is the paper of a clinic that has written none.
var usual = Paper{
	Kind: Treatment, N: 1, Title: "Consent to care and payment",
	Text: "I agree to be examined and treated by the doctors and nurses of this clinic. They tell me what they plan to do and why. I can ask questions and I can say no to any of it, at any time.\n\n" +
		"The clinic may send what my health plan needs to pay for this visit. I know that I pay what the plan does not.\n\n" +
		"I know where to read how the clinic keeps my record private, and I can have it on paper.",
	TitleES: "Consentimiento para la atención y el pago",
	TextES: "Acepto que me examinen y me traten los doctores y enfermeros de esta clínica. Ellos me dicen qué piensan hacer y por qué. Puedo hacer preguntas y puedo decir que no a cualquier parte, en cualquier momento.\n\n" +
		"La clínica puede enviar a mi plan de salud lo que este necesita para pagar esta visita. Sé que pago lo que el plan no paga.\n\n" +
		"Sé dónde leer cómo la clínica mantiene privado mi expediente, y puedo pedirlo en papel.",
}

// The refusals.
var (
	errClosed  = errs.New(errs.Conflict, "You can check in from seven days before your visit until it ends.")
	errStep    = errs.New(errs.NotFound, "There is no such step.")
	errName    = errs.New(errs.Invalid, "Please type your full name to sign.")
	errAgree   = errs.New(errs.Invalid, "Please tick the box to say that you agree.")
	errVersion = errs.New(errs.Conflict, "The text changed while you read it. Please read it once more.")
	errLong    = errs.New(errs.Invalid, "That is too long. Please make it shorter.")
	errPhone   = errs.New(errs.Invalid, "That does not look like a phone number. Please write it with its area code.")
	errEmail   = errs.New(errs.Invalid, "That does not look like an email address. Please check it.")
	errPaper   = errs.New(errs.Invalid, "A paper needs a title and a text, under 20,000 letters.")
)
