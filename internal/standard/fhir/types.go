package fhir

// IsType says whether name is the name of a resource type of R4.
func IsType(name string) bool {
	return name != "" && name[0] >= 'A' && name[0] <= 'Z'
}
