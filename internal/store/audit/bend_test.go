package audit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"hale/internal/base/seal"
	"hale/internal/prooftest/figures"
	"hale/internal/store/db"
)

// tables is everything that the log is kept in, with its columns.
var tables = []struct{ name, columns string }{
	{"audit", columns}, {"audit_wait", "id"}, {"audit_leaf", "n, id"}, {"audit_hash", "block, hashes"},
	{"audit_tree", "one, origin, size"}, {"audit_checkpoint", "number, size, at, note"},
}

// snapshot returns all rows of all tables.
func (w *world) snapshot() (all [][]any) {
	for _, table := range tables {
		width := strings.Count(table.columns, ",") + 1
		scan := func(scan db.Scan) ([]any, error) {
			row, to := make([]any, width), make([]any, width)
			for i := range row {
				to[i] = &row[i]
			}
			return row, scan(to...)
		}
		list, err := db.All(w.t.Context(), w.db, scan, `select `+table.columns+` from `+table.name)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, slices.Concat(list...))
	}
	return all
}

// restore puts back what snapshot returned.
func (w *world) restore(all [][]any) {
	w.t.Helper()
	err := w.db.Tx(w.t.Context(), func(tx *db.Tx) error {
		for i, table := range tables {
			if _, err := tx.ExecContext(w.t.Context(), `delete from `+table.name); err != nil {
				return err
			}
			if err := db.InsertMany(w.t.Context(), tx, `insert into `+table.name+` (`+table.columns+`)`, "", strings.Count(table.columns, ",")+1, all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// vandal bends the log at random.
type vandal struct {
	*world
	rnd  *rand.Rand
	size int64
}

func (v *vandal) one(q string, args ...any) string {
	v.t.Helper()
	s, err := db.One(v.t.Context(), v.db, db.Value[string], q, args...)
	if err != nil {
		v.t.Fatalf("%s: %v", q, err)
	}
	return s
}

func (v *vandal) leaf() int64 { return v.rnd.Int64N(v.size) }

func (v *vandal) id(n int64) string { return v.one(`select id from audit_leaf where n = $1`, n) }

// flip changes one bit of a text that stays text.
func (v *vandal) flip(s string) string {
	if s == "" {
		return "x"
	}
	b := []byte(s)
	for {
		i, bit := v.rnd.IntN(len(b)), byte(1)<<v.rnd.IntN(6)
		if c := b[i] ^ bit; b[i] < 0x80 && c != 0 {
			b[i] = c
			return string(b)
		}
	}
}

func (v *vandal) exec(q string, args ...any) { v.t.Helper(); exec(v.t, v.db, q, args...) }

// rebuild makes leaves and hashes fit the rows as they are now, as somebody
// would who has the whole database; with sign, and the key.
func (v *vandal) rebuild(sign bool) {
	v.t.Helper()
	ctx := v.t.Context()
	err := v.db.Tx(ctx, func(tx *db.Tx) error {
		list, err := db.All(ctx, tx, readStored, `select 0, a.id, `+storedColumns+` from audit a order by a.id`)
		if err != nil {
			return err
		}
		for _, table := range []string{"audit_leaf", "audit_hash", "audit_wait"} {
			if _, err := tx.ExecContext(ctx, `delete from `+table); err != nil {
				return err
			}
		}
		h := newHashes(ctx, tx, 0)
		var leaves []any
		for n := range list {
			if err := h.add(int64(n), list[n].hash()); err != nil {
				return err
			}
			leaves = append(leaves, n, list[n].row.ID)
		}
		if err := h.save(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update audit_tree set size = $1`, len(list)); err != nil {
			return err
		}
		if sign {
			if err := v.resign(tx, h, int64(len(list))); err != nil {
				return err
			}
		}
		return db.InsertMany(ctx, tx, `insert into audit_leaf (n, id)`, "", 2, leaves)
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

// resign signs all checkpoints anew and drops those of a larger log.
func (v *vandal) resign(tx *db.Tx, h *hashes, size int64) error {
	list, err := noted(db.All(v.t.Context(), tx, db.Value[string], `select note from audit_checkpoint order by number`))
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Size > size {
			if _, err := tx.ExecContext(v.t.Context(), `delete from audit_checkpoint where number = $1`, c.Number); err != nil {
				return err
			}
			continue
		}
		if c.Root, err = tlog.TreeHash(c.Size, h); err != nil {
			return err
		}
		if c, err = v.notary.keys.sign(c); err != nil {
			return err
		}
		if _, err := tx.ExecContext(v.t.Context(), `update audit_checkpoint set note = $2 where number = $1`, c.Number, c.Note); err != nil {
			return err
		}
	}
	return nil
}

// bends are the ways to bend a log.
func (v *vandal) bends() map[string]func() {
	text := []string{"actor_kind", "actor", "behalf", "action", "patient", "about", "purpose", "reason", "digest", "session", "request", "node", "id"}
	change := func() {
		id, column := v.id(v.leaf()), text[v.rnd.IntN(len(text))]
		v.exec(`update audit set `+column+` = $2 where id = $1`, id, v.flip(v.one(`select `+column+` from audit where id = $1`, id)))
	}
	remove := func() { v.exec(`delete from audit where id = $1`, v.id(v.leaf())) }
	insert := func() {
		r := row(3).clean()
		r.ID, r.At = v.id(v.leaf())[:25], start // sorts before a row that is signed
		if err := v.log.insert(v.t.Context(), v.db, []Row{r}); err != nil {
			v.t.Fatal(err)
		}
		v.exec(`delete from audit_wait`)
	}
	number := func() string {
		return v.one(`select cast(number as text) from audit_checkpoint order by number limit 1 offset $1`, v.rnd.IntN(8))
	}
	cut := func() {
		n := v.leaf()
		v.exec(`delete from audit where id in (select id from audit_leaf where n >= $1)`, n)
	}
	block := func() []byte {
		b, err := db.One(v.t.Context(), v.db, db.Value[[]byte], `select hashes from audit_hash where block = 0`)
		if err != nil {
			v.t.Fatal(err)
		}
		return b
	}
	return map[string]func(){
		"change a row":  change,
		"change a time": func() { v.exec(`update audit set at = at + $2 where id = $1`, v.id(v.leaf()), 1<<v.rnd.IntN(50)) },
		"turn an outcome": func() {
			v.exec(`update audit set outcome = case when outcome = 'granted' then 'denied' else 'granted' end where id = $1`, v.id(v.leaf()))
		},
		"remove a row": remove,
		"remove row and leaf": func() {
			id := v.id(v.leaf())
			v.exec(`delete from audit where id = $1`, id)
			v.exec(`delete from audit_leaf where id = $1`, id)
		},
		"insert a row": insert,
		"insert row and leaf": func() {
			insert()
			v.exec(`insert into audit_leaf (n, id) select $1, a.id from audit a where not exists (select 1 from audit_leaf l where l.id = a.id)`, v.size)
		},
		"let a row wait again": func() { v.exec(`insert into audit_wait (id) values ($1)`, v.id(v.leaf())) },
		"remove one that waits": func() {
			v.add(row(1))
			v.exec(`delete from audit where id in (select id from audit_wait)`)
		},
		"remove a leaf":      func() { v.exec(`delete from audit_leaf where n = $1`, v.leaf()) },
		"move a leaf":        func() { v.exec(`update audit_leaf set n = n + $2 where n = $1`, v.leaf(), v.size*(1+v.rnd.Int64N(5))) },
		"move a leaf before": func() { v.exec(`update audit_leaf set n = -1 - n where n = $1`, v.leaf()) },
		"swap leaves": func() {
			a := v.leaf()
			b := (a + 1 + v.rnd.Int64N(v.size-1)) % v.size
			x, y := v.id(a), v.id(b)
			v.exec(`update audit_leaf set id = '' where n = $1`, a)
			v.exec(`update audit_leaf set id = $2 where n = $1`, b, x)
			v.exec(`update audit_leaf set id = $2 where n = $1`, a, y)
		},
		"flip a hash": func() {
			b := block()
			b[v.rnd.IntN(len(b))] ^= 1 << v.rnd.IntN(8)
			v.exec(`update audit_hash set hashes = $1 where block = 0`, b)
		},
		"cut the hashes": func() {
			b := block()
			v.exec(`update audit_hash set hashes = $1 where block = 0`, b[:v.rnd.IntN(len(b))])
		},
		"add hashes": func() {
			v.exec(`update audit_hash set hashes = $1 where block = 0`, append(block(), make([]byte, 1+v.rnd.IntN(99))...))
		},
		"remove the hashes": func() { v.exec(`delete from audit_hash`) },
		"add a block":       func() { v.exec(`insert into audit_hash (block, hashes) values ($1, $2)`, 1+v.rnd.IntN(9), []byte{1}) },
		"another size":      func() { v.exec(`update audit_tree set size = size + $1`, 1+v.rnd.Int64N(1<<40)) },
		"a smaller size":    func() { v.exec(`update audit_tree set size = size - $1`, 1+v.rnd.Int64N(v.size)) },
		"another name":      func() { v.exec(`update audit_tree set origin = $1`, v.flip(v.one(`select origin from audit_tree`))) },
		"no size":           func() { v.exec(`delete from audit_tree`) },
		"change a checkpoint": func() {
			n := number()
			v.exec(`update audit_checkpoint set note = $2 where number = cast($1 as bigint)`, n, v.flip(v.one(`select note from audit_checkpoint where number = cast($1 as bigint)`, n)))
		},
		"checkpoint's size": func() {
			v.exec(`update audit_checkpoint set size = size + 1 where number = cast($1 as bigint)`, number())
		},
		"checkpoint's time": func() {
			v.exec(`update audit_checkpoint set at = at - $2 where number = cast($1 as bigint)`, number(), 1+v.rnd.IntN(1e9))
		},
		"checkpoint's number": func() {
			v.exec(`update audit_checkpoint set number = number + $2 where number = cast($1 as bigint)`, number(), 100+v.rnd.IntN(1e9))
		},
		"remove a checkpoint":  func() { v.exec(`delete from audit_checkpoint where number = cast($1 as bigint)`, number()) },
		"remove checkpoints":   func() { v.exec(`delete from audit_checkpoint where number > $1`, v.rnd.IntN(7)) },
		"insert a checkpoint":  v.foreign,
		"cut off the end":      cut,
		"rewrite with no key":  func() { change(); v.rebuild(false) },
		"take out, no key":     func() { remove(); v.rebuild(false) },
		"put in, no key":       func() { insert(); v.rebuild(false) },
		"cut off, no key":      func() { cut(); v.rebuild(false) },
		"rewrite with the key": func() { change(); v.rebuild(true) },
		"take out and sign":    func() { remove(); v.rebuild(true) },
		"put in and sign":      func() { insert(); v.rebuild(true) },
		"cut off and sign":     func() { cut(); v.rebuild(true) },
	}
}

// foreign puts in a checkpoint signed with another key.
func (v *vandal) foreign() {
	last, err := lastCheckpoint(v.t.Context(), v.db)
	if err != nil {
		v.t.Fatal(err)
	}
	last.Number++
	c, err := NewKeys(seal.NewKey()).sign(last)
	if err != nil {
		v.t.Fatal(err)
	}
	v.exec(`insert into audit_checkpoint (number, size, at, note) values ($1, $2, $3, $4)`, c.Number, c.Size, c.At.UnixMicro(), c.Note)
}

// Whatever is changed, removed, inserted or cut off, in rows, hashes or
// checkpoints, is found: 1,000 times of 1,000, on each engine.
func TestBent(t *testing.T) {
	const times = 1000
	bent := map[string]int64{}
	eachDB(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.grow(120)
		v := &vandal{world: w, rnd: rand.New(rand.NewPCG(9, 16)), size: 120}
		copies := w.witnessed()
		w.intact(copies)
		whole := w.snapshot()
		bends := v.bends()
		names := make([]string, 0, len(bends))
		for name := range bends {
			names = append(names, name)
		}
		slices.Sort(names)
		found := 0
		for i := range times {
			name := names[i%len(names)]
			bends[name]()
			r, err := w.book.Verify(t.Context(), copies)
			switch {
			case err != nil:
				t.Errorf("%d, %s: Verify = %v", i, name, err)
			case r.Intact():
				t.Errorf("%d, %s: nothing was found", i, name)
			default:
				found++
			}
			w.restore(whole)
		}
		w.intact(copies)
		t.Logf("%d of %d found, in %d ways", found, times, len(names))
		bent["bent"], bent["found"] = bent["bent"]+times, bent["found"]+int64(found)
		bent["ways to bend it"] = int64(len(names))
	})
	bent["missed"] = bent["bent"] - bent["found"]
	figures.Write(t, figures.Run{Proof: "audit", Counts: bent})
}

// What was found is said so that a person knows where to look.
func TestFindings(t *testing.T) {
	w := newWorld(t, openDB(t, "sqlite:"+t.TempDir()+"/hale.db"))
	w.grow(40)
	whole := w.snapshot()
	v := &vandal{world: w, rnd: rand.New(rand.NewPCG(1, 1)), size: 40}
	id := v.id(20)
	for _, tt := range []struct {
		name string
		bend func()
		want []string
	}{
		{"a changed row", func() { v.exec(`update audit set actor = 'nobody' where id = $1`, id) }, []string{"row: Row " + id + " (leaf 20, 2026-03-02 12:00:21 UTC) is not what was stored"}},
		{"a removed row", func() { v.exec(`delete from audit where id = $1`, id) }, []string{"row: Row " + id + " (leaf 20) is gone."}},
		{"a missing checkpoint", func() { v.exec(`delete from audit_checkpoint where number = 2`) }, []string{"checkpoint: Checkpoint 2 is missing.", "checkpoint: Checkpoint 2 is missing: the witness file"}},
		{"a rewritten log", func() { v.exec(`update audit set actor = 'nobody' where id = $1`, id); v.rebuild(true) },
			[]string{"checkpoint: Checkpoint 2 is another than", "checkpoint: Checkpoint 3 is another than", "witness: The first 34 rows are not those that the witness file", "witness: The first 40 rows are not"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.bend()
			r := w.verify(w.witnessed())
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.Kind+": "+f.Words)
			}
			ok := len(got) == len(tt.want)
			for i := range tt.want {
				ok = ok && strings.HasPrefix(got[i], tt.want[i])
			}
			if !ok {
				t.Errorf("found %s\nwant %s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			w.restore(whole)
		})
	}
	if got := fmt.Sprint(w.verify(w.witnessed()).Findings); got != "[]" {
		t.Errorf("after all, %s is found, want nothing", got)
	}
}
