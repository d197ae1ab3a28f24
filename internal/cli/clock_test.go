package cli

import "testing"

func TestClock(t *testing.T) {
	s := newShell(t)
	s.run(0, "init")
	out, _ := s.run(0, "clock", "accept")
	contains(t, "clock accept", out, "Every session and link has ended")
	s.run(2, "clock")
	s.run(2, "clock", "back")
}
