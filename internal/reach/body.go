package reach

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"hale/internal/base/seal"
	"hale/internal/reach/likeness"
	"hale/internal/reach/policy"
	"hale/internal/store/db"
	"hale/internal/store/keys"
)

// bodyForm begins a body that is written as below; an older one is JSON.
const bodyForm = 1

var errBody = errors.New("reach: not the body of a message")

// base is what the messages of one text have in common.
type base struct {
	id   string
	sum  string // of its text
	made time.Time
	*likeness.Base
}

// proof is the keyed hash of what a message says, as it is sealed: the plain
// body, and the sum of the base that it stands beside.
func (b *base) proof(k seal.Key, plain []byte) string {
	if b == nil {
		return k.HashOf(plain)
	}
	return k.HashOf(plain, []byte(b.sum))
}

// write returns the body as it is sealed: its short fields, and what its
// texts have of their own beside their base. Without one that is all of them.
func (b body) write(like *base, text []byte, lens [2]int) ([]byte, error) {
	b.Text, b.HTML, b.Page = "", "", ""
	short, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	id := ""
	if like == nil {
		like = &base{Base: likeness.New(nil)}
	} else {
		id = like.id
	}
	out := make([]byte, 0, len(short)+512)
	out = append(out, bodyForm)
	for _, part := range [][]byte{[]byte(id), short} {
		out = append(binary.AppendUvarint(out, uint64(len(part))), part...)
	}
	for _, n := range lens {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return like.Diff(out, text), nil
}

// texts are the long ones, one behind the other, and how long the first two
// are.
func (b body) texts() (all []byte, lens [2]int) {
	all = make([]byte, 0, len(b.Text)+len(b.HTML)+len(b.Page))
	all = append(append(append(all, b.Text...), b.HTML...), b.Page...)
	return all, [2]int{len(b.Text), len(b.HTML)}
}

// readBody is the inverse of write. find returns the text of a base.
func readBody(plain []byte, find func(id string) ([]byte, error)) (b body, err error) {
	if len(plain) == 0 || plain[0] != bodyForm {
		return b, json.Unmarshal(plain, &b)
	}
	rest := plain[1:]
	var parts [2][]byte
	for i := range parts {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return b, errBody
		}
		parts[i], rest = rest[w:w+int(n)], rest[w+int(n):]
	}
	var lens [2]uint64
	for i := range lens {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > likeness.Most {
			return b, errBody
		}
		lens[i], rest = n, rest[w:]
	}
	var like []byte
	if len(parts[0]) > 0 {
		if like, err = find(string(parts[0])); err != nil {
			return b, err
		}
	}
	text, err := likeness.Join(like, rest)
	if err != nil || lens[0]+lens[1] > uint64(len(text)) {
		return b, errBody
	}
	err = json.Unmarshal(parts[1], &b)
	all := string(text)
	b.Text, b.HTML, b.Page = all[:lens[0]], all[lens[0]:lens[0]+lens[1]], all[lens[0]+lens[1]:]
	return b, err
}

// textKey names what is written alike: one text of an outreach.
type textKey struct {
	outreach, variant string
	channel           Channel
	lang              string
	mode              policy.Mode
}

// mostBases is how many bases are remembered.
const mostBases = 256

// kin are the bases that are in the database.
type kin struct {
	mu    sync.Mutex
	byKey map[textKey]*base
	byID  map[string][]byte
}

// baseLife is for how long new messages may name a base: later ones have
// another, so that each is destroyed when its messages are forgotten, however
// long people go on being written to.
const baseLife = 24 * time.Hour

// of returns the base of what is written alike, nil if none is known that a
// message of now may name.
func (k *kin) of(key textKey, now time.Time) *base {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.byKey[key]
	if b == nil || now.Sub(b.made) > baseLife {
		return nil
	}
	return b
}

// lose takes a base out of what is remembered.
func (k *kin) lose(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}

// keep remembers bases that are on disk.
func (k *kin) keep(made map[textKey]*base) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byKey == nil || len(k.byKey) > mostBases {
		k.byKey = map[textKey]*base{}
	}
	for key, b := range made {
		k.byKey[key] = b
	}
}

// text returns the text of a base.
func (e *Engine) baseText(ctx context.Context, c db.Conn, id string) ([]byte, error) {
	e.kin.mu.Lock()
	text, ok := e.kin.byID[id]
	e.kin.mu.Unlock()
	if ok {
		return text, nil
	}
	sealed, err := db.One(ctx, c, db.Value[[]byte], `select sealed from message_base where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("reach: base %s: %w", id, err)
	}
	text, err = e.Keys.OpenIn(ctx, c, sealed, "message_base", "sealed", id)
	if err != nil {
		return nil, fmt.Errorf("reach: base %s: %w", id, err)
	}
	e.kin.mu.Lock()
	defer e.kin.mu.Unlock()
	if e.kin.byID == nil || len(e.kin.byID) > mostBases {
		e.kin.byID = map[string][]byte{}
	}
	e.kin.byID[id] = text
	return text, nil
}

// leastBase is how much texts must share for a base to be worth its row.
const leastBase = 256

// like returns what b's texts are like. The first text of a kind is kept
// whole; what the second shares with it is the base of all others.
func (p *planner) like(ctx context.Context, c db.Conn, key textKey, text []byte) (*base, error) {
	if like := p.e.kin.of(key, p.now); like != nil {
		return like, nil
	}
	if like, ok := p.bases.made[key]; ok {
		return like, nil
	}
	first, ok := p.bases.first[key]
	if !ok {
		p.bases.first[key] = text
		return nil, nil
	}
	p.bases.made[key] = nil
	shared := likeness.Common(first, text)
	if len(shared) < leastBase || bytes.Equal(shared, text) {
		return nil, nil
	}
	id := p.e.IDs.New()
	sealed, err := p.e.Keys.Seal(ctx, c, keys.Messages, "message_base", "sealed", id, shared)
	if err != nil {
		return nil, err
	}
	p.bases.rows = append(p.bases.rows, id, sealed, db.Micro(p.now), key.outreach, p.o.Purpose, db.Micro(p.now.Add(baseLife)))
	p.bases.made[key] = &base{id, seal.Hash(string(shared)), p.now, likeness.New(shared)}
	return p.bases.made[key], nil
}

// bases are those that a planner came to know.
type bases struct {
	first map[textKey][]byte
	made  map[textKey]*base
	rows  []any
}

// writeBases inserts the new ones; others may use them when they are on disk.
func (p *planner) writeBases(ctx context.Context, tx *db.Tx) error {
	if err := db.InsertMany(ctx, tx, `insert into message_base (id, sealed, made_at, outreach, purpose, until_at)`, "", 6, p.bases.rows); err != nil {
		return fmt.Errorf("bases: %w", err)
	}
	made := map[textKey]*base{}
	for key, b := range p.bases.made {
		if b != nil {
			made[key] = b
		}
	}
	if len(made) > 0 {
		tx.After(func() { p.e.kin.keep(made) })
	}
	return nil
}
