package form

import (
	"context"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/store/db"
)

// View returns the projector that keeps table form.
func View() record.Projector {
	return projector{view.NewTable("form", 1, "id", "url", "version", "title", "status", "body", "at", "stored")}
}

type projector struct{ table *view.Table }

// Types says which resources this view comes from.
func (projector) Types() []string { return []string{"Questionnaire"} }

// Project writes the forms of a batch. One without an address of its own has
// that of the resource.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		if c.Deleted {
			rows.Drop(c.ID)
			continue
		}
		url := c.Node.Get("url").Text()
		if url == "" {
			url = Base + c.ID
		}
		title := c.Node.Get("title").Text()
		if title == "" {
			title = c.Node.Get("name").Text()
		}
		rows.Set(c.ID, url, c.Node.Get("version").Text(), title, c.Node.Get("status").Text(), string(c.Body), c.At.UnixMicro(), c.Version)
	}
	return rows.Write(ctx, tx)
}
