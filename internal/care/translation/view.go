package translation

import (
	"context"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/store/db"
)

// View returns the projector that keeps table translated.
func View() record.Projector {
	return projector{view.NewTable("translated", 3, "patient", "typ", "id", "lang", "body", "name", "at")}
}

type projector struct{ table *view.Table }

// Again says that this view may be made anew from what stands in the record.
func (projector) Again() {}

// Types says which resources this view comes from.
func (projector) Types() []string { return []string{Message, Report, Answer} }

// Project writes the translations of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(0)
	for _, c := range batch {
		if c.Was != "" && c.Was != c.Patient {
			rows.Drop(c.Was, c.Type, c.ID)
		}
		t, ok := Translation{}, false
		if !c.Deleted && c.Patient != "" {
			t, ok = read(c.Type, c.Node)
		}
		switch {
		case ok && t.At.IsZero():
			rows.Set(c.Patient, c.Type, c.ID, t.Lang, t.Text, t.By, int64(0))
		case ok:
			rows.Set(c.Patient, c.Type, c.ID, t.Lang, t.Text, t.By, t.At.UnixMicro())
		case !c.Created:
			rows.Drop(c.Patient, c.Type, c.ID)
		}
	}
	return rows.Write(ctx, tx)
}
