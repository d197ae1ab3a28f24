package record

import (
	"hash/maphash"
	"sync"
)

// cacheBytes is how much of the record is kept in memory.
const cacheBytes = 24 << 20

// overhead is about what a kept resource takes beside its bytes.
const overhead = 400

// cache keeps resources that were read lately, with their bodies as they are
// given out. What is kept is the version that it says it is, whoever wrote
// another since: a reader asks the database first which version stands, and
// what protects it, so that several nodes may each have a cache. Nothing that
// is protected is kept. Its zero value is ready.
type cache struct {
	shards [16]shard
}

var seed = maphash.MakeSeed()

func (c *cache) shard(at link) *shard {
	return &c.shards[maphash.String(seed, at.id)%uint64(len(c.shards))]
}

// shard is a part of the cache, the last used in front.
type shard struct {
	mu    sync.Mutex
	items map[link]*kept
	ring  kept // before the first and behind the last
	bytes int
}

type kept struct {
	Resource
	size       int
	prev, next *kept
}

// open says whether what stands there may be kept in the open.
func (st standing) open() bool { return st.labels == 0 && st.held.UnixMicro() == 0 && !st.deleted }

// get returns what stands there, if it is kept.
func (c *cache) get(st standing) (Resource, bool) {
	s := c.shard(st.link)
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.items[st.link]
	if k == nil {
		return Resource{}, false
	}
	if !st.open() || k.Version != st.version || !k.Updated.Equal(st.updated) {
		s.drop(k)
		return Resource{}, false
	}
	s.unlink(k)
	s.link(k)
	return k.Resource, true
}

// put keeps r, which is what stands there, and returns it with room for its
// answer.
func (c *cache) put(st standing, r Resource) Resource {
	size := 2*len(r.Body) + overhead
	if !st.open() || r.Version != st.version || size > cacheBytes/len(c.shards)/4 {
		return r
	}
	r.answer = &answer{}
	s := c.shard(st.link)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items == nil {
		s.items = map[link]*kept{}
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	if was := s.items[st.link]; was != nil {
		s.drop(was)
	}
	k := &kept{Resource: r, size: size}
	s.items[st.link] = k
	s.link(k)
	for s.bytes += size; s.bytes > cacheBytes/len(c.shards); {
		s.drop(s.ring.prev)
	}
	return r
}

// forget drops what is kept of a resource.
func (c *cache) forget(at link) {
	s := c.shard(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.items[at]; k != nil {
		s.drop(k)
	}
}

func (s *shard) link(k *kept) {
	k.prev, k.next = &s.ring, s.ring.next
	k.prev.next, k.next.prev = k, k
}

func (s *shard) unlink(k *kept) { k.prev.next, k.next.prev = k.next, k.prev }

func (s *shard) drop(k *kept) {
	s.unlink(k)
	s.bytes -= k.size
	delete(s.items, link{k.Type, k.ID})
}
