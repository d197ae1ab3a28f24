// Package measure says what an outreach changed.
//
// The headline compares everyone drawn into the outreach with everyone held
// out, whether or not anything reached them; a lopsided draw blocks it.
//
// Spec: Imbens and Rubin, Causal Inference (2015), ch. 6
package measure

import (
	"time"

	"hale/internal/causal"
)

// State says how far an effect can be believed.
type State string

// The states of an effect.
const (
	TooEarly State = "too early" // nobody has had time to act
	TooFew   State = "too few"   // an arm has too few people for any interval
	Running  State = "running"   // the interval holds whenever it is looked at
	Final    State = "final"     // the window has passed for everyone
	Broken   State = "blocked"   // the draw is lopsided; see Effect.Blocked
)

// Effect is what an outreach changed: the share that acted within the
// window, drawn in against held out.
type Effect struct {
	Outreach   string
	Goal       string // what counts as acting, as a verb in the past: booked an eye exam
	Treated    int
	Held       int
	TreatedYes int
	HeldYes    int
	HeldAll    int   // of Held, those who were held out of everything that may be
	HeldAllYes int   // of HeldAll
	Share      Share // of the treated that acted
	HeldShare  Share
	Diff       float64 // between 0 and 1
	Low, High  float64 // 95 %
	SE         float64
	Ratio      float64 // relative lift; zero where Steady is false
	Steady     bool    // the held-out share is far enough from zero for Ratio to mean something
	P          float64
	SRM        float64 // p of the observed split under the planned one
	Method     string  // how the interval was made, in words
	State      State
	Blocked    string  // why there is no effect to show; empty otherwise
	Extra      float64 // patients who acted because of the outreach
	ExtraLow   float64
	ExtraHigh  float64
	Groups     []Group
	GroupNote  string
	WindowDays int
	Started    time.Time
	Complete   time.Time // when the window has passed for everyone
	AsOf       time.Time
}

// Share is a part of a whole with its 95 % Wilson interval.
type Share struct {
	Yes, Of   int
	P         float64
	Low, High float64
}

// Group is the effect among some of the patients.
type Group struct {
	By, Name   string // "First channel", "Text message"
	Treated    int
	Held       int
	TreatedYes int
	HeldYes    int
	Diff       float64
	Low, High  float64 // hold together with those of all groups
	TooFew     bool
}

// Funnel counts patients on the way from drawn to acted.
type Funnel struct {
	Patients  int // all intents
	Held      int
	Blocked   int // excluded or with no way to reach them
	Sent      int
	Delivered int
	Seen      int
	Acted     int
	AsOf      time.Time
}

// ChannelRow is one channel of an outreach.
type ChannelRow struct {
	Channel   string
	Sent      int
	Delivered int
	Seen      int
	Acted     int
	SeenShare Share
	ToSeen    time.Duration // median from sending to seen
}

// share returns yes of n with its interval.
func share(yes, n int) Share {
	sh := Share{Yes: yes, Of: n}
	if n > 0 {
		sh.P = float64(yes) / float64(n)
	}
	sh.Low, sh.High = causal.Wilson(yes, n)
	return sh
}
