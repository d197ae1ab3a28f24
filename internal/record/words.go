package record

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"hale/internal/standard/fhir"
	"hale/internal/store/db"
)

// Where words stand, in the column param of word_index. Every other number
// is an element's, whose row is what a code means as a whole.
const (
	anywhere = 1
	narrated = 2
)

// words reads words: all of them, or with a comma or OR between them any; a *
// at the end stands for the rest of a word.
func (q *query) words(name, v string) error {
	if !q.ready {
		return errNotReady(q.typ, name)
	}
	where := q.params.add(anywhere)
	if name == "_text" {
		where = q.params.add(narrated)
	}
	var any []string
	for _, group := range strings.Split(strings.ReplaceAll(v, " OR ", ","), ",") {
		var all []string
		for _, w := range strings.Fields(strings.ReplaceAll(group, " AND ", " ")) {
			head, begins := strings.CutSuffix(w, "*")
			for _, word := range wordsOf(head) {
				sql := "select x.resource from word_index x where x.param = " + where
				if begins {
					sql += " and x.word >= " + q.params.add(word) + " and x.word < " + q.params.add(word+"\U0010FFFF")
				} else {
					sql += " and x.word = " + q.params.add(word)
				}
				all = append(all, "~.n in ("+sql+")")
			}
		}
		if len(all) == 0 {
			return refuse(q.typ, name, errEmpty.Error())
		}
		any = append(any, strings.Join(all, " and "))
	}
	q.resource = append(q.resource, "("+strings.Join(any, " or ")+")")
	return nil
}

// wordsOf returns the words of a text, folded.
func wordsOf(text string) []string {
	return strings.FieldsFunc(fold(cutText(text)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// mostText is how many bytes of one text are read for its words.
const mostText = 1 << 20

func cutText(s string) string {
	if len(s) > mostText {
		return s[:mostText]
	}
	return s
}

// Words returns the follower that keeps the words of what changes, on the
// node of that name. What is protected has none: its words would lie in the
// open.
func (s *Store) Words(node string) Follower {
	return Follower{Name: "words", Node: node, Batch: worded, Take: func(_ context.Context, batch []Changed) (func(context.Context, *db.Tx) error, error) {
		return func(ctx context.Context, tx *db.Tx) error { return s.keepWords(ctx, tx, batch) }, nil
	}}
}

// worded is how many changes one transaction of the words follows.
const worded = 200

// keepWords writes the words of the resources of batch as they are now.
func (s *Store) keepWords(ctx context.Context, tx *db.Tx, batch []Changed) error {
	byType := map[string][]string{}
	for _, c := range batch {
		byType[c.Type] = once(byType[c.Type], c.ID)
	}
	var numbers []int64
	for typ, ids := range byType {
		q := `select r.n from resource r where r.typ = $1 and r.id in (` + db.In(2, len(ids)) + `)`
		list, err := db.All(ctx, tx, db.Value[int64], q, append([]any{typ}, db.Args(ids)...)...)
		if err != nil {
			return err
		}
		numbers = append(numbers, list...)
	}
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers) // all who lock do so in one order
	if err := lock(ctx, tx, numbers); err != nil {
		return err
	}
	const gone = `delete from word_index where resource in (`
	if _, err := tx.ExecContext(ctx, gone+db.In(1, len(numbers))+`)`, db.Args(numbers)...); err != nil {
		return err
	}
	return s.writeWords(ctx, tx, numbers)
}

// wordRow is a row of word_index.
type wordRow struct {
	param int32
	word  string
}

// writeWords writes the words of resources that have none.
func (s *Store) writeWords(ctx context.Context, tx *db.Tx, numbers []int64) error {
	const q = `select r.n, r.typ, r.patient, r.body from resource r where r.deleted = 0 and r.n in (`
	type row struct {
		n, patient int64
		typ        string
		body       []byte
	}
	scan := func(scan db.Scan) (r row, err error) { return r, scan(&r.n, &r.typ, &r.patient, &r.body) }
	list, err := db.All(ctx, tx, scan, q+db.In(1, len(numbers))+`)`, db.Args(numbers)...)
	if err != nil {
		return err
	}
	var args []any
	for _, r := range list {
		if isSealed(r.body) {
			continue
		}
		node, err := fhir.Parse(r.body)
		if err != nil {
			return err
		}
		for w := range wordRows(r.typ, node) {
			args = append(args, w.param, w.word, r.patient, r.n)
		}
	}
	return db.InsertMany(ctx, tx, `insert into word_index (param, word, patient, resource)`, ifNew, 4, args)
}

// wordRows returns the rows of a resource.
func wordRows(typ string, node fhir.Node) map[wordRow]bool {
	all := map[wordRow]bool{}
	if t := fhir.TypeOf(typ); t != nil {
		gather(all, t, node, anywhere)
	}
	for _, e := range fhir.Define(typ).Elements {
		if e.Kind == fhir.TokenKind {
			_ = walk(node, e.Steps, func(n fhir.Node) { meanings(all, e, n) })
		}
	}
	return all
}

// meanings adds what a code is called, as a whole.
func meanings(all map[wordRow]bool, e fhir.Element, n fhir.Node) {
	add := func(n fhir.Node) {
		if folded := fold(cut(n.Text())); folded != "" {
			all[wordRow{e.Number, folded}] = true
		}
	}
	switch e.Data {
	case "codeableConcept":
		add(n.Get("text"))
		for c := range n.Get("coding").Each() {
			add(c.Get("display"))
		}
	case "coding":
		add(n.Get("display"))
	case "identifier":
		add(n.Get("type", "text"))
	}
}

// gather adds the words of every text in n, which is of type t.
func gather(all map[wordRow]bool, t *fhir.Type, n fhir.Node, where int32) {
	for key, value := range n.Fields() {
		f, o, ok := t.Key(key)
		if !ok || o.Type == nil {
			continue
		}
		for v := range value.Each() {
			switch {
			case v.IsText():
				gatherText(all, t.Name, f.Name, o.Type.Name, v, where)
			case o.Type.Abstract: // a resource inside
				if inner := fhir.TypeOf(v.Get("resourceType").Text()); inner != nil {
					gather(all, inner, v, where)
				}
			case o.Type.Name == "Narrative":
				gather(all, o.Type, v, narrated)
			default:
				gather(all, o.Type, v, where)
			}
		}
	}
}

// tags are what stands between the words of a narrative.
var tags = regexp.MustCompile(`<[^>]*>`)

// gatherText adds the words of one text, if it is one that people write.
func gatherText(all map[wordRow]bool, owner, name, typ string, v fhir.Node, where int32) {
	text := cutText(v.Text())
	switch {
	case typ == "xhtml":
		text = html.UnescapeString(tags.ReplaceAllString(text, " "))
	case typ != "string" && typ != "markdown", owner == "Reference" && name == "reference", name == "id", name == "version":
		return
	}
	for _, w := range wordsOf(text) {
		w = cut(w)
		all[wordRow{anywhere, w}] = true
		if where == narrated {
			all[wordRow{narrated, w}] = true
		}
	}
}

// wordless deletes the words of a resource. Where the row of the resource is
// this transaction's already, none come back.
func (b *batch) wordless(ctx context.Context, resource int64) error {
	_, err := b.tx.ExecContext(ctx, `delete from word_index where resource = $1`, resource)
	return err
}
