package fhirapi

// register adds every operation of this package, one line each.
func (a *API) register() {
	a.validateOperations()
	a.termOperations()
	a.searchOperations()
	a.exportOperations()
	a.importOperations()
	a.subscriptionOperations()
	a.documentOperations()
}
