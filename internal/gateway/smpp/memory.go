package smpp

import (
	"slices"
	"sync"
)

// memory is what only this process knows of messages: which were sent without
// a name, in what order, and what late answers said. It is bounded, and what
// it has lost the ledger finds by the number.
type memory struct {
	mu      sync.Mutex
	order   map[string][]string // number: keys of messages under way and of those without a name, in their order
	names   map[string]string   // id of a part: key
	inDoubt map[doubtful]string // key
	late    map[string]PDU      // key: the answer that came too late
}

type doubtful struct {
	s   *session
	seq uint32
}

// remembered bounds each map.
const remembered = 20000

func newMemory() *memory {
	return &memory{order: map[string][]string{}, names: map[string]string{}, inDoubt: map[doubtful]string{}, late: map[string]PDU{}}
}

// begin notes a message that is about to go to a number, and forgets what was
// known of an earlier try.
func (m *memory) begin(to, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.late, key)
	if len(m.order) >= remembered {
		clear(m.order)
	}
	if list := m.order[to]; !slices.Contains(list, key) {
		m.order[to] = append(list[max(0, len(list)-31):], key)
	}
}

// oldest returns the key of the first message to a number that has no name
// and no receipt; final takes it off.
func (m *memory) oldest(to string, final bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.order[to]
	if len(list) == 0 {
		return ""
	}
	if final {
		m.order[to] = list[1:]
		if len(list) == 1 {
			delete(m.order, to)
		}
	}
	return list[0]
}

// reported takes a message off the order: it has its receipt, or a name, or
// did not go.
func (m *memory) reported(to, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.order[to] = slices.DeleteFunc(m.order[to], func(k string) bool { return k == key })
	if len(m.order[to]) == 0 {
		delete(m.order, to)
	}
}

// named notes the id of a part that is not its message's name.
func (m *memory) named(id, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.names) >= remembered {
		clear(m.names)
	}
	m.names[id] = key
}

// keyOf returns the key of the message whose part has an id, or "".
func (m *memory) keyOf(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names[id]
}

// doubt notes a request that nobody answered in time.
func (m *memory) doubt(s *session, seq uint32, key string) {
	if seq == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.inDoubt) >= remembered {
		clear(m.inDoubt)
	}
	m.inDoubt[doubtful{s, seq}] = key
}

// answered keeps an answer that came too late.
func (m *memory) answered(s *session, p PDU) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.inDoubt[doubtful{s, p.Seq}]
	if !ok {
		return
	}
	delete(m.inDoubt, doubtful{s, p.Seq})
	if len(m.late) >= remembered {
		clear(m.late)
	}
	m.late[key] = p
}

// heard returns the late answer about a message.
func (m *memory) heard(key string) (PDU, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.late[key]
	return p, ok
}
