// Package clinician keeps the names of those who care and of the places where
// they do: what references in the record lead to. None of it is patient data.
//
// A column that says who holds either a name or Type/id; Name tells them apart.
package clinician

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/care/view"
	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// View returns the projector that keeps the names.
func View() record.Projector {
	return projector{view.NewTable("clinician", 1, "id", "name")}
}

type projector struct{ table *view.Table }

// Types says which resources have such a name.
func (projector) Types() []string { return []string{"Practitioner", "Organization", "Location"} }

// Project writes the names of a batch.
func (p projector) Project(ctx context.Context, tx *db.Tx, batch []record.Change) error {
	rows := p.table.Batch(len(batch))
	for _, c := range batch {
		id := c.Type + "/" + c.ID
		name := c.Node.Get("name").Text()
		if c.Type == "Practitioner" {
			name = full(c.Node.Get("name"))
		}
		if c.Deleted || name == "" {
			rows.Drop(id)
			continue
		}
		rows.Set(id, name)
	}
	return rows.Write(ctx, tx)
}

// full returns a practitioner's name with its title, once.
func full(n fhir.Node) string {
	name, family, given := n.HumanName()
	if name == "" {
		name = strings.TrimSpace(given + " " + family)
	}
	title := n.Get("prefix").Text()
	if title != "" && name != "" && !strings.HasPrefix(name, title) {
		name = title + " " + name
	}
	return name
}

// Ref returns what to keep of a reference: the name it gives, or Type/id.
func Ref(n fhir.Node) string {
	if name := n.Get("display").Text(); name != "" {
		return name
	}
	typ, id := n.Reference()
	if typ == "" || id == "" {
		return ""
	}
	return typ + "/" + id
}

// Name returns the name to show for a kept reference and the name that the
// table had for it.
func Name(kept, found string) string {
	if found != "" {
		return found
	}
	if IsReference(kept) {
		return ""
	}
	return kept
}

// IsReference says whether what was kept is Type/id and not a name.
func IsReference(kept string) bool {
	typ, id := fhir.SplitReference(kept)
	return typ != "" && kept == typ+"/"+id
}

// Link returns what to keep of a reference that must stay one: Type/id, else
// the name it gives.
func Link(n fhir.Node) string {
	if typ, id := n.Reference(); typ != "" {
		return typ + "/" + id
	}
	return n.Get("display").Text()
}

// Learn keeps the name that a reference gives, where the one it leads to has
// none yet.
func Learn(ctx context.Context, tx *db.Tx, n fhir.Node) error {
	const q = `insert into clinician (id, name) values ($1, $2) on conflict (id) do nothing`
	typ, id := n.Reference()
	name := n.Get("display").Text()
	if typ == "" || name == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, q, typ+"/"+id, name); err != nil {
		return fmt.Errorf("clinician: learn %s/%s: %w", typ, id, err)
	}
	return nil
}
