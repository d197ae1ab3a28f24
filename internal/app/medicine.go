package app

import (
	"hale/internal/care/medication"
	"hale/internal/care/reading"
)

// supplies tells how much of a medicine there is, and gets more of it.
func (a *App) supplies() *medication.Supplies {
	return medication.NewSupplies(a.db, a.Record, a.Tasks, a.ids, a.c.Now)
}

// readings takes what patients measure at home.
func (a *App) readings() *reading.Store {
	return reading.NewStore(a.db, a.Record, a.Tasks, a.ids, a.c.Now)
}
