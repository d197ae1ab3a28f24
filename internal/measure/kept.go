package measure

import (
	"context"
	"sync"
	"time"
)

// Counting a large outreach takes time that nobody should wait twice for.
const (
	cheap   = 4 * time.Millisecond // what takes less is counted each time
	keepFor = 100                  // times what the counting took
	longest = time.Minute          // is any answer given without counting anew
	oldest  = 5 * time.Minute      // is any answer given while it is counted anew
)

// kept remembers answers that took long, each for a time in proportion.
type kept[T any] struct {
	mu sync.Mutex
	by map[string]*answer[T]
}

// answer is what was counted, when, and how long that took.
type answer[T any] struct {
	value   T
	at      time.Time
	took    time.Duration
	running bool
}

// get returns the answer to key. One that is older than it should be is given
// while it is counted anew, so that only the first who asks waits.
func (k *kept[T]) get(ctx context.Context, now func() time.Time, key string, count func(context.Context) (T, error)) (T, error) {
	k.mu.Lock()
	a, ok := k.by[key]
	if ok {
		age := now().Sub(a.at)
		if age >= 0 && age < oldest {
			if age >= min(keepFor*a.took, longest) && !a.running {
				a.running = true
				go func() { _, _ = k.count(context.WithoutCancel(ctx), now, key, count) }()
			}
			value := a.value
			k.mu.Unlock()
			return value, nil
		}
	}
	k.mu.Unlock()
	return k.count(ctx, now, key, count)
}

// count counts and keeps what took long.
func (k *kept[T]) count(ctx context.Context, now func() time.Time, key string, count func(context.Context) (T, error)) (T, error) {
	began := now()
	value, err := count(ctx)
	ended := now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if took := ended.Sub(began); err != nil || took < cheap {
		delete(k.by, key)
	} else {
		if k.by == nil {
			k.by = map[string]*answer[T]{}
		}
		k.by[key] = &answer[T]{value: value, at: began, took: took}
	}
	return value, err
}
