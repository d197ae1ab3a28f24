package db

import (
	"context"
	"slices"
	"sync"
)

// Mark is a moment before something was read outside a transaction. Inside
// one, Tx.Still tells whether that can have changed since.
type Mark struct {
	known bool
	n     uint64
	aside []string
}

// Mark returns the present moment. What transactions write that Tx.Aside
// calls by one of the names in aside is not asked about; everything else is,
// so that who forgets to say what it writes costs time and no more. Take it
// before reading. On PostgreSQL, where nobody waits for a writer, no mark
// still holds.
func (d *DB) Mark(aside ...string) Mark {
	if d.engine != SQLite {
		return Mark{}
	}
	return Mark{known: true, n: d.commits.sum(aside), aside: aside}
}

// Known says whether m can hold at all.
func (m Mark) Known() bool { return m.known }

// Same says whether nothing but what m leaves aside was committed by this
// process between m and o, which leaves the same aside. Tx.Still says so of
// others, too.
func (m Mark) Same(o Mark) bool {
	return m.known && o.known && m.n == o.n && slices.Equal(m.aside, o.aside)
}

// Aside says that all this transaction writes is what name stands for.
func (t *Tx) Aside(name string) { t.aside = name }

// Still says whether nothing but what m leaves aside was written between m
// and this transaction, by this process or any other.
func (t *Tx) Still(ctx context.Context, m Mark) (bool, error) {
	if !m.known || t.db.engine != SQLite {
		return false, nil
	}
	// The number changes for a connection when another one has written, which
	// only another process has: here there is one that writes.
	version, err := One(ctx, t, Value[int64], `pragma data_version`)
	if err != nil {
		return false, err
	}
	var who any
	if err := t.conn.Raw(func(c any) error { who = c; return nil }); err != nil {
		return false, err
	}
	t.db.commits.seen(who, version)
	return t.db.commits.sum(m.aside) == m.n, nil
}

// commits counts the transactions that this process may have committed, by
// what they say they write.
type commits struct {
	mu      sync.Mutex
	by      map[string]uint64
	who     any // the connection that writes
	version int64
}

// add counts one more. It is called when the commit is over and before the
// next transaction begins.
func (c *commits) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]uint64{}
	}
	c.by[name]++
}

// seen counts what another process has committed.
func (c *commits) seen(who any, version int64) {
	c.mu.Lock()
	changed := c.who != who || c.version != version
	c.who, c.version = who, version
	c.mu.Unlock()
	if changed {
		c.add("")
	}
}

func (c *commits) sum(aside []string) (n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, k := range c.by {
		if name == "" || !slices.Contains(aside, name) {
			n += k
		}
	}
	return n
}
