package portal

import (
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/care/task"
)

// addThreads adds the threads with something new to what there is to do.
func (p *Portal) addThreads(r *http.Request, s sheet, d *homeData) error {
	if s.Fresh == 0 {
		return nil
	}
	list, err := p.Talk.Threads.List(r.Context(), s.also[access.ReadMessages])
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.Unread && len(d.Todo) < most {
			title := s.T("An answer: %s", s.T(t.Title))
			if t.Heard.IsZero() { // nobody asked
				title = s.T("A message: %s", s.T(t.Title))
			}
			d.Todo = append(d.Todo, need{Href: s.Link("/inbox/" + t.ID), Icon: "messages-square", Title: title,
				Sub: joined(s.lineBy(t.LastLine, t.Team), s.day(t.LastLine.At)), Button: s.T("Read")})
		}
	}
	return nil
}

// takeBack takes back what was asked. Of a message its thread is asked, so
// that nobody waits there any more either.
func (p *Portal) takeBack(r *http.Request, pass access.Pass, id string) error {
	t, err := p.Tasks.Get(r.Context(), pass, id)
	if err != nil {
		return err
	}
	if begun := threadOf(t); begun != "" && p.Talk != nil {
		return p.Talk.Threads.Withdraw(r.Context(), pass, begun)
	}
	return p.Tasks.Cancel(r.Context(), pass, id)
}

// threadOf is the thread that a task is about, empty for none.
func threadOf(t task.Task) string {
	id, ok := strings.CutPrefix(t.Focus, "Communication/")
	if t.Kind != task.Message || !ok {
		return ""
	}
	return id
}
