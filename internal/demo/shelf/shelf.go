// Package shelf keeps what the demo town's phones and mail boxes got, in
// memory and within bounds: the oldest things go first.
package shelf

import (
	"slices"
	"strings"
	"sync"
)

// Shelf holds the newest things of each of many owners.
type Shelf[T any] struct {
	each, all int

	mu     sync.RWMutex
	n      int
	things map[string][]thing[T] // oldest first
	order  []place               // of all things, oldest first
}

type thing[T any] struct {
	n int // numbers all things
	v T
}

type place struct {
	owner string
	n     int
}

// Owner is one who has things.
type Owner[T any] struct {
	Name string
	Last T
	N    int
}

// New returns a shelf for up to each things of one owner and all in total.
func New[T any](each, all int) *Shelf[T] {
	return &Shelf[T]{each: each, all: all, things: map[string][]thing[T]{}}
}

// Put adds v to what owner has.
func (s *Shelf[T]) Put(owner string, v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.things[owner] = append(s.things[owner], thing[T]{s.n, v})
	s.order = append(s.order, place{owner, s.n})
	if list := s.things[owner]; len(list) > s.each {
		s.things[owner] = slices.Delete(list, 0, len(list)-s.each)
	}
	for len(s.order) > s.all {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
}

// drop removes the thing at p, unless it is gone already.
func (s *Shelf[T]) drop(p place) {
	list := s.things[p.owner]
	if len(list) == 0 || list[0].n != p.n {
		return
	}
	if len(list) == 1 {
		delete(s.things, p.owner)
		return
	}
	s.things[p.owner] = slices.Delete(list, 0, 1)
}

// Of returns what owner has, newest first.
func (s *Shelf[T]) Of(owner string) []T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []T
	for _, t := range slices.Backward(s.things[owner]) {
		list = append(list, t.v)
	}
	return list
}

// Change applies fn to the newest thing of owner for which it returns true.
func (s *Shelf[T]) Change(owner string, fn func(*T) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.things[owner]
	for i := len(list) - 1; i >= 0; i-- {
		if fn(&list[i].v) {
			return
		}
	}
}

// Owners returns up to n owners whose names contain part, the one who got
// something last first.
func (s *Shelf[T]) Owners(part string, n int) []Owner[T] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := map[string]bool{}
	var owners []Owner[T]
	for i := len(s.order) - 1; i >= 0 && len(owners) < n; i-- {
		name := s.order[i].owner
		list := s.things[name]
		if seen[name] || len(list) == 0 || !strings.Contains(name, part) {
			continue
		}
		seen[name] = true
		owners = append(owners, Owner[T]{Name: name, Last: list[len(list)-1].v, N: len(list)})
	}
	return owners
}

// Count returns how many things there are, and how many owners.
func (s *Shelf[T]) Count() (things, owners int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range s.things {
		things += len(list)
	}
	return things, len(s.things)
}
