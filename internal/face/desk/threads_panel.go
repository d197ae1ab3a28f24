package desk

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/care/task"
)

// panelOfMessage leads from a task to the thread that it is about: there it
// is answered, and the patient reads it.
func (d *Desk) panelOfMessage(_ *http.Request, _ access.Pass, t task.Task) (panel, error) {
	id, ok := strings.CutPrefix(t.Focus, "Communication/")
	if d.Talk == nil || !ok {
		return panel{}, nil
	}
	return panel{Body: threadPanel(messagesPath+"/"+id, t.Status.Open()), Answers: true}, nil
}
