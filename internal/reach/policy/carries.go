package policy

// Carries says how much of a message of class goes to an address that can take
// a, whoever shares it.
func (s *Settings) Carries(c Channel, a Ability, class Class, shared bool) Mode {
	return s.Matrix.mode(medium(c, a, false), class, shared)
}
