package shelf

import (
	"fmt"
	"testing"
)

func TestShelf(t *testing.T) {
	s := New[int](3, 5)
	for i := range 4 {
		s.Put("a", i)
	}
	s.Put("b", 10)
	if got := fmt.Sprint(s.Of("a")); got != "[3 2 1]" {
		t.Errorf("Of(a) = %s, want the newest three, newest first", got)
	}
	s.Put("c", 20)
	s.Put("a", 4)
	owners := s.Owners("", 10)
	var names []string
	for _, o := range owners {
		names = append(names, fmt.Sprint(o.Name, o.Last, o.N))
	}
	if got := fmt.Sprint(names); got != "[a4 3 c20 1 b10 1]" {
		t.Errorf("Owners = %s, want a, c, b with their newest", got)
	}
	if got := s.Owners("b", 10); len(got) != 1 || got[0].Name != "b" {
		t.Errorf("Owners(b) = %v, want b alone", got)
	}
}

func TestShelfForgets(t *testing.T) {
	s := New[int](10, 5)
	for i := range 20 {
		s.Put(fmt.Sprint("owner", i), i)
	}
	if things, owners := s.Count(); things != 5 || owners != 5 {
		t.Errorf("Count = %d, %d; want the newest 5", things, owners)
	}
	if got := s.Of("owner0"); len(got) != 0 {
		t.Errorf("the oldest are still here: %v", got)
	}
	for i := range 20 {
		s.Put("one", i)
	}
	if things, _ := s.Count(); things > 10 {
		t.Errorf("%d things, want at most 10", things)
	}
	if got := s.Of("one"); got[0] != 19 {
		t.Errorf("newest = %d, want 19", got[0])
	}
}

func TestShelfChange(t *testing.T) {
	s := New[int](10, 10)
	s.Put("a", 1)
	s.Put("a", 2)
	s.Change("a", func(v *int) bool { *v += 10; return *v == 12 })
	if got := fmt.Sprint(s.Of("a")); got != "[12 1]" {
		t.Errorf("Of = %s, want [12 1]", got)
	}
}
