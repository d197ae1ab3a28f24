package policy

import (
	"iter"

	"hale/internal/care/contact"
	"hale/internal/reach/trial"
)

// Helper is a caregiver whom a message about a patient may go to: a grant to
// read messages stands behind it, as the ages of the state leave it.
type Helper struct {
	Account string
	Name    string
	Parent  bool // by law, not by the patient's own word
	Points  []contact.Point
}

// Everywhere are the addresses of f's person, and then those of helpers.
func (f *Facts) Everywhere() iter.Seq[contact.Point] {
	return func(yield func(contact.Point) bool) {
		for _, p := range f.Points {
			if !yield(p) {
				return
			}
		}
		for _, h := range f.Helpers {
			for _, p := range h.Points {
				if !yield(p) {
					return
				}
			}
		}
		if f.Post.Value != "" {
			yield(f.Post)
		}
	}
}

// ways are the addresses that a message of class may go to by c.
func (f *Facts) ways(c Channel, class Class) []target {
	if c != Post {
		return f.targets(class)
	}
	if f.Post.Value == "" {
		return nil
	}
	return []target{{Point: f.Post}}
}

// From is the hour before which the person wants nothing, or 0.
func (f *Facts) From() int { return f.preference("*").HourFrom }

// target is one address that a message may go to, and whose it is.
type target struct {
	contact.Point
	helper *Helper
}

// targets are the addresses to try on c, in their order. A child's messages
// go to its parents first. A grown-up's go to a helper only where there is no
// address of their own. What is specially protected goes to no helper ever.
func (f *Facts) targets(class Class) []target {
	list := make([]target, 0, len(f.Points)+2)
	own := false
	for _, p := range f.Points {
		list = append(list, target{Point: p})
		_, ok := usable(f, p, Channel(p.Kind))
		own = own || ok && !f.Able[p.Value].no()
	}
	if class >= S4 || len(f.Helpers) == 0 || own && !f.Minor {
		return list
	}
	var theirs []target
	for i := range f.Helpers {
		h := &f.Helpers[i]
		if f.Minor && !h.Parent && own {
			continue // somebody who helps a child's family, while the family can be reached
		}
		for _, p := range h.Points {
			theirs = append(theirs, target{Point: p, helper: h})
		}
	}
	if f.Minor {
		return append(theirs, list...)
	}
	return append(list, theirs...)
}

// no says whether an address was looked at and can take nothing.
func (a Ability) no() bool { return !a.OK && a.Detail != "" }

// Laid is what a clinic changed of the purposes, by their keys.
type Laid struct {
	TLS    map[string]TLSMode
	Opens  map[string]bool
	Shares map[string]float64 // the holdout that is proposed for a purpose
	Global float64            // held out of everything that may be held out
	Salt   string             // of the draw for that
	Keep   map[string]int     // days for which words are kept
	Stop   string             // how far a STOP goes where the law leaves it open: topic, channel
}

// Purpose returns the purpose named key as the clinic has laid it.
func (s *Settings) Purpose(key string) (Purpose, bool) {
	p, ok := PurposeOf(key)
	if !ok {
		return p, false
	}
	if m, laid := s.Laid.TLS[key]; laid {
		p.TLS = m
	}
	if on, laid := s.Laid.Opens[key]; laid {
		p.Opens = on
	}
	if days, laid := s.Laid.Keep[key]; laid {
		p.Keep = days
	}
	if share, laid := s.Laid.Shares[key]; laid && p.Holdout && trial.Allowed(key) {
		p.HoldoutShare = share
	}
	return p, true
}
