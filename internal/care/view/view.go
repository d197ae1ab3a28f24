// Package view writes rows of the narrow tables that the care packages keep
// beside the record: many at a time, in the record's own transaction.
//
// The last word on a row in one batch wins, as it would have one by one.
package view

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/record"
	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Table is a narrow table. The first columns are its key.
type Table struct {
	name       string
	keys       int
	columns    []string
	head, tail string
	drop       string
}

// NewTable returns the table name, whose key is the first keys of columns.
func NewTable(name string, keys int, columns ...string) *Table {
	t := &Table{name: name, keys: keys, columns: columns}
	t.head = "insert into " + name + " (" + strings.Join(columns, ", ") + ")"
	set := make([]string, 0, len(columns))
	for _, c := range columns[keys:] {
		set = append(set, c+" = excluded."+c)
	}
	t.tail = "on conflict (" + strings.Join(columns[:keys], ", ") + ") do nothing"
	if len(set) > 0 {
		t.tail = strings.TrimSuffix(t.tail, "nothing") + "update set " + strings.Join(set, ", ")
	}
	where := make([]string, keys)
	for i, c := range columns[:keys] {
		where[i] = fmt.Sprintf("%s = $%d", c, i+1)
	}
	t.drop = "delete from " + name + " where " + strings.Join(where, " and ")
	return t
}

// Batch collects what one batch of changes does to a table.
type Batch struct {
	table *Table
	at    map[string]int // key → place in rows
	rows  [][]any        // nil where the row was set again later
	gone  [][]any
}

// Batch returns an empty batch for n changes or so.
func (t *Table) Batch(n int) *Batch {
	return &Batch{table: t, at: make(map[string]int, n), rows: make([][]any, 0, n)}
}

// Set writes the row of values, one per column.
func (b *Batch) Set(values ...any) {
	k := b.key(values)
	if i, ok := b.at[k]; ok {
		b.rows[i] = nil
	}
	b.at[k] = len(b.rows)
	b.rows = append(b.rows, values)
}

// Drop takes away the row with the key.
func (b *Batch) Drop(key ...any) {
	k := b.key(key)
	if i, ok := b.at[k]; ok {
		b.rows[i] = nil
		delete(b.at, k)
	}
	b.gone = append(b.gone, key)
}

func (b *Batch) key(values []any) string {
	k, _ := values[0].(string)
	for _, v := range values[1:b.table.keys] {
		s, _ := v.(string)
		k += "\x00" + s
	}
	return k
}

// Leave drops what a resource had with another patient: a result that was
// put into the wrong record is gone from it. The key is patient and id.
func (b *Batch) Leave(c record.Change) {
	if c.Was != "" && c.Was != c.Patient {
		b.Drop(c.Was, c.ID)
	}
}

// Write does it all.
func (b *Batch) Write(ctx context.Context, tx *db.Tx) error {
	for _, key := range b.gone {
		if _, err := tx.ExecContext(ctx, b.table.drop, key...); err != nil {
			return fmt.Errorf("view: drop from %s: %w", b.table.name, err)
		}
	}
	args := make([]any, 0, len(b.rows)*len(b.table.columns))
	for _, row := range b.rows {
		args = append(args, row...)
	}
	if len(args) == 0 {
		return nil
	}
	if err := db.InsertMany(ctx, tx, b.table.head, b.table.tail, len(b.table.columns), args); err != nil {
		return fmt.Errorf("view: write %s: %w", b.table.name, err)
	}
	return nil
}

// Source returns which system a change says it came from.
func Source(c record.Change) string { return c.Node.Get("meta", "source").Text() }

// At returns the time of a FHIR date in microseconds, its beginning where it
// names a span, 0 where there is none.
func At(n fhir.Node) int64 {
	text := n.Text()
	if text == "" {
		return 0
	}
	span, err := fhir.ParseDate(text)
	if err != nil {
		return 0
	}
	return span.Low.UnixMicro()
}

// First returns the first of nodes that is there.
func First(nodes ...fhir.Node) fhir.Node {
	for _, n := range nodes {
		if n.Exists() {
			return n
		}
	}
	return fhir.Node{}
}

// Plain takes away what a terminology adds to a name for itself: the sort of
// concept that SNOMED CT sets in brackets at the end.
func Plain(name string) string {
	for _, tag := range [...]string{" (finding)", " (disorder)", " (procedure)", " (situation)", " (regime/therapy)", " (environment)", " (substance)", " (product)", " (event)", " (observable entity)"} {
		name = strings.TrimSuffix(name, tag)
	}
	return strings.TrimSpace(name)
}
