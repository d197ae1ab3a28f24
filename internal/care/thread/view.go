package thread

import (
	"context"
	"encoding/json"
	"strings"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps table communication.
func View() record.Projector {
	return projector{view.NewTable("communication", 2, "patient", "id", "thread", "sent_at", "side", "name", "via", "reason", "title", "body", "files", "source", "updated_at")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string { return []string{"Communication"} }

// Project writes the messages of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		rows.Leave(c)
		l, ok := read(c.Node)
		if c.Deleted || c.Patient == "" || !ok {
			if !c.Created {
				rows.Drop(c.Patient, c.ID)
			}
			continue
		}
		if l.Thread == "" {
			l.Thread = c.ID
		}
		files := ""
		if len(l.Files) > 0 {
			raw, err := json.Marshal(l.Files)
			if err != nil {
				return err
			}
			files = string(raw)
		}
		at := view.At(view.First(c.Node.Get("sent"), c.Node.Get("received")))
		if at == 0 {
			at = c.At.UnixMicro()
		}
		rows.Set(c.Patient, c.ID, l.Thread, at, string(l.Side), l.Name, string(l.Via), l.Reason, l.Title, l.Text, files, view.Source(c), c.At.UnixMicro())
	}
	return rows.Write(ctx, tx)
}

// read takes a line out of a resource; false where it is not to be shown or
// says nothing.
func read(n fhir.Node) (l Line, ok bool) {
	switch n.Get("status").Text() {
	case "completed", "in-progress":
	default:
		return l, false
	}
	l.Title = n.Get("topic").Concept()
	_, l.Thread = n.Get("partOf").Reference()
	l.Reason, l.Via = code(n.Get("category"), reasonSystem), Via(code(n.Get("medium"), viaSystem))
	l.Side, l.Name = sender(n.Get("sender"))
	var texts []string
	for p := range n.Get("payload").Each() {
		if t := p.Get("contentString").Text(); t != "" {
			texts = append(texts, tidy(t))
		}
		a := p.Get("contentAttachment")
		if !a.Exists() {
			continue
		}
		size, _ := a.Get("size").Number()
		l.Files = append(l.Files, File{Title: a.Get("title").Text(), Media: a.Get("contentType").Text(), Size: int(size)})
	}
	l.Text = strings.Join(texts, "\n\n")
	return l, l.Text != "" || len(l.Files) > 0
}

// sender says whose words a message has. Nobody named is the clinic: that is
// who sends what comes by a feed.
func sender(n fhir.Node) (Side, string) {
	typ, _ := n.Reference()
	if typ == "" {
		typ = n.Get("type").Text()
	}
	switch typ {
	case "Patient":
		return Patient, ""
	case "RelatedPerson":
		return Caregiver, n.Get("display").Text()
	}
	return Clinic, n.Get("display").Text()
}

// code returns the code that n, a list of concepts, has of a system.
func code(n fhir.Node, system string) string {
	for _, c := range n.Codings() {
		if c.System == system {
			return c.Code
		}
	}
	return ""
}
