package fhir

// Letters returns a string's bytes without its quotes, and whether they have
// escapes, or the letters of a number or literal. They must not be changed.
func (n Node) Letters() (letters []byte, escaped bool) {
	if n.doc == nil {
		return nil, false
	}
	v := n.value()
	return n.doc.src[v.start:v.end:v.end], v.escaped
}
