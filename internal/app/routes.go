package app

import (
	"net/http"
	"slices"
)

// Routes returns every pattern that Hale answers, as http.ServeMux writes
// them. Who may do what on each is written down, and tested, by them.
func (a *App) Routes() []string { return slices.Clone(a.table) }

// Handler answers requests as a served Hale does.
func (a *App) Handler() http.Handler { return a.handler }
