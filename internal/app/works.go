package app

import (
	"maps"

	"hale/internal/store/jobs"
)

// worker is a part that works in the background.
type worker interface {
	Handlers() map[string]jobs.Handler
	Periodic() []jobs.Periodic
}

// works are the parts that work in the background, beside those that wrap
// others.
func (a *App) works() []worker {
	list := []worker{a.Reach, a.journeys, a.calls, a.letters, visitWorks{a}, a.bills.store, a.bills.collect, threadWorks{a}, translationWorks{a}, lateWorks{a}}
	if a.mail.audits != nil {
		list = append(list, a.mail.audits)
	}
	return list
}

// handlers returns everything that a job can be.
func (a *App) handlers() map[string]jobs.Handler {
	all := map[string]jobs.Handler{}
	for _, w := range a.works() {
		maps.Copy(all, w.Handlers())
	}
	return a.bulkHandlers(a.checkHandlers(a.searchHandlers(a.labelHandlers(a.changeHandlers(a.guardHandlers(a.formHandlers(a.recordHandlers(a.keyHandlers(all)))))))))
}

// periods returns what is done regularly.
func (a *App) periods() []jobs.Periodic {
	var all []jobs.Periodic
	for _, w := range a.works() {
		all = append(all, w.Periodic()...)
	}
	return a.bulkPeriods(formPeriods(checkPeriods(searchPeriods(labelPeriods(changePeriods(a.guardPeriods(keyPeriods(all))))))))
}
