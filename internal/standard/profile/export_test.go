package profile

import "hale/internal/standard/fhirpath"

// Compiles says whether an invariant can be compiled.
func Compiles(text string) error {
	_, err := fhirpath.Compile(text)
	return err
}

// Programs counts the profiles that are kept.
func (v *Validator) Programs() int {
	n := 0
	v.profiles.Range(func(_, _ any) bool { n++; return true })
	return n
}
