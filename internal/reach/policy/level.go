package policy

import "fmt"

// Level is how well the connection that a message leaves by is protected.
// Each level holds what the one before it does.
//
// Spec: RFC 3207 (STARTTLS), RFC 8461 (MTA-STS), RFC 7672 (DANE for SMTP)
type Level int

// The levels.
const (
	L0 Level = iota // none is promised
	L1              // encrypted, TLS 1.2 or later, whoever is at the other end
	L2              // the certificate is the host's by name, from an authority that is trusted
	L3              // and the host is the domain's: MTA-STS enforced, or DANE
)

// String is the level's short name: L2.
func (l Level) String() string { return fmt.Sprintf("L%d", int(l)) }

// Words says what l means to a person who is no engineer.
func (l Level) Words() string {
	switch {
	case l >= L3:
		return "encrypted, to a server that its domain vouches for"
	case l == L2:
		return "encrypted, to a server that proves its name"
	case l == L1:
		return "encrypted, but nobody proves who is at the other end"
	}
	return "not encrypted for certain"
}

// TLSMode says what becomes of an e-mail where the connection is worse than
// its full text needs. The zero value is TLSForced.
type TLSMode string

// The modes.
const (
	TLSOpportunistic TLSMode = "opportunistic" // only what plain e-mail may carry, sent over whatever there is
	TLSForced        TLSMode = "forced"        // the full text at its level, a notice below
	TLSExclusive     TLSMode = "exclusive"     // the full text at its level, or nothing by e-mail
)

// level is the least level at which x gives mode to class, so that a
// connection which turns out to be worse is not taken for as good.
func (x Matrix) level(mode Mode, class Class, shared, warned bool) Level {
	for l := L0; l < L2; l++ {
		if x.mode(medium(Email, Ability{Level: l}, warned), class, shared) == mode {
			return l
		}
	}
	return L2
}

// way is how much may go to one address and over how good a connection; of
// what may not go at all, why.
type way struct {
	mode   Mode
	medium Medium
	level  Level
	held   bool // by the connection: a better one would carry more
	why    string
}

// way is the way of a's content to an address on c that is able to take
// what it is said to.
func (s Settings) way(f *Facts, a Ask, c Channel, able Ability, shared bool) way {
	warned := f.Consent.Warned() && a.Class < S4
	if c != Email {
		m := medium(c, able, false)
		return way{mode: s.Matrix.mode(m, a.Class, shared), medium: m, why: "class"}
	}
	if a.Purpose.TLS == TLSOpportunistic {
		able.Level = L0
	}
	w := way{medium: medium(c, able, warned), why: "class"}
	w.mode = s.Matrix.mode(w.medium, a.Class, shared)
	least := a.Purpose.Least
	if w.mode == Full && able.Level < least && a.Purpose.TLS != TLSOpportunistic {
		w.mode = Notice
	}
	best := s.Matrix.mode(EmailVerified, a.Class, shared)
	if a.Purpose.TLS == TLSExclusive && w.mode != best {
		return way{mode: None, medium: w.medium, why: "tls_exclusive"}
	}
	w.held = w.mode != best
	if a.Purpose.TLS == TLSOpportunistic {
		return w
	}
	w.level = s.Matrix.level(w.mode, a.Class, shared, warned)
	if w.mode == Full {
		w.level = max(w.level, least)
	}
	return w
}
