package track

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hale/internal/base/ids"
	"hale/internal/store/db"
)

// Event is what came of fetches, for the message's own events.
type Event struct {
	Message string
	Kind    string // ImageLoaded or LinkFetched
	At      time.Time
	Actor   Actor
	Rule    string
	Dedupe  string
}

// Store keeps fetches.
type Store struct {
	db  *db.DB
	now func() time.Time

	mu   sync.Mutex
	open *group     // takes fetches until its leader writes it down
	turn sync.Mutex // one group is written at a time

	known   sync.Map   // target → address
	reading sync.Mutex // one reads them anew at a time
}

// NewStore returns a store on d.
func NewStore(d *db.DB, now func() time.Time) *Store { return &Store{db: d, now: now} }

// group is the fetches that are written down together.
type group struct {
	facts []byte
	hits  int
	done  chan struct{}
	err   error
}

// Bounds of a group, and how long writing one may take.
const (
	fullGroup = 4096
	patience  = 10 * time.Second
)

// Add keeps one fetch and returns once it is safe on the disk. Those that
// come at the same time share one commit: the first of a group writes it, as
// soon as the group before is written.
func (s *Store) Add(ctx context.Context, h Hit) error {
	g, leads, err := s.join(h)
	if err != nil {
		return err
	}
	if !leads {
		select {
		case <-g.done:
			return g.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.turn.Lock()
	s.mu.Lock()
	s.open = nil
	s.mu.Unlock()
	g.err = s.write(context.WithoutCancel(ctx), g)
	s.turn.Unlock()
	close(g.done)
	return g.err
}

// join puts h in the open group, or opens one that the caller leads.
func (s *Store) join(h Hit) (g *group, leads bool, err error) {
	if h.At.IsZero() {
		h.At = s.now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open, leads = &group{done: make(chan struct{}), facts: []byte{packing}}, true
	}
	g = s.open
	if g.hits >= fullGroup {
		return nil, false, ErrBusy
	}
	if g.facts, err = pack(g.facts, h); err != nil {
		if leads {
			s.open = nil
		}
		return nil, false, err
	}
	g.hits++
	return g, leads, nil
}

func (s *Store) write(ctx context.Context, g *group) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const q = `insert into track_log (at, hits, facts) values ($1, $2, $3)`
	err := s.db.Tx(ctx, func(tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, q, s.now().UnixMicro(), g.hits, g.facts)
		return err
	})
	if err != nil {
		return fmt.Errorf("track: add: %w", err)
	}
	return nil
}

// packing is how a group begins: the version of what follows.
const packing = 1

// The bits of a fetch.
const (
	bitHead = 1 << iota
	bitLanguage
	bitPrefetch
)

var nets = []string{"", Apple, Google, Microsoft, Yahoo, Datacentre}

var errPack = errors.New("track: a fetch that cannot be kept")

// pack adds h to facts.
func pack(facts []byte, h Hit) ([]byte, error) {
	id, ok := ids.Bytes(h.Message)
	net := slices.Index(nets, h.Net)
	if !ok || net < 0 || len(h.Agent) > longestAgent {
		return facts, errPack
	}
	bits := byte(0)
	if h.Method == "HEAD" {
		bits |= bitHead
	}
	if h.Language {
		bits |= bitLanguage
	}
	if h.Prefetch {
		bits |= bitPrefetch
	}
	facts = append(facts, id[:]...)
	facts = binary.BigEndian.AppendUint64(facts, uint64(h.At.UnixMicro()))
	facts = binary.AppendVarint(facts, h.Target)
	facts = append(facts, bits, byte(net), byte(len(h.Agent)))
	return append(facts, h.Agent...), nil
}

// unpack returns the fetches of a group.
func unpack(facts []byte) ([]Hit, error) {
	if len(facts) == 0 || facts[0] != packing {
		return nil, errPack
	}
	var list []Hit
	for b := facts[1:]; len(b) > 0; {
		if len(b) < 16+8+1 {
			return nil, errPack
		}
		h := Hit{Message: ids.Text([16]byte(b[:16])), At: db.Time(int64(binary.BigEndian.Uint64(b[16:]))), Method: "GET"}
		target, n := binary.Varint(b[24:])
		if n <= 0 || len(b) < 24+n+3 {
			return nil, errPack
		}
		b = b[24+n:]
		bits, net, long := b[0], int(b[1]), int(b[2])
		if b = b[3:]; len(b) < long || net >= len(nets) {
			return nil, errPack
		}
		if bits&bitHead != 0 {
			h.Method = "HEAD"
		}
		h.Target, h.Language, h.Prefetch = target, bits&bitLanguage != 0, bits&bitPrefetch != 0
		h.Net, h.Agent = nets[net], string(b[:long])
		list, b = append(list, h), b[long:]
	}
	return list, nil
}
