package desk

import (
	"net/http"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/care/task"
)

// panel is what a kind of task adds to its page.
type panel struct {
	Body    templ.Component // nil: nothing
	Answers bool            // the panel has its own way to answer and to close
}

// paneler makes the panel of a task for its reader. The pass is one for
// AnswerPatients on the task's patient.
type paneler func(r *http.Request, pass access.Pass, t task.Task) (panel, error)

// panels are the kinds that add something. Each is in a file of its own.
func (d *Desk) panels() map[task.Kind]paneler {
	return map[task.Kind]paneler{
		task.Refill: d.panelOfMedicine, task.Renewal: d.panelOfMedicine, task.MedicineQuestion: d.panelOfMedicine, task.Reading: d.panelOfReading,
		task.Form: d.panelOfForm, task.OfficeForm: d.panelOfForm,
		task.CheckIn: d.checkinPanel, task.Insurance: d.cardPanel,
		task.Bill:    d.panelOfBill,
		task.Message: d.panelOfMessage,
	}
}

// panelOf makes the panel of a task, empty where its kind has none.
func (d *Desk) panelOf(r *http.Request, pass access.Pass, t task.Task) (panel, error) {
	of := d.panels()[t.Kind]
	if of == nil {
		return panel{}, nil
	}
	return of(r, pass, t)
}
