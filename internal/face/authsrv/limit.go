package authsrv

import (
	"sync"
	"time"

	"hale/internal/base/errs"
)

// How many requests of one address may fail at once, and how many more each
// second: programs that work fail seldom, and what guesses fails always.
const (
	failuresAtOnce = 300
	failuresEach   = 1.0
	manyAddresses  = 10_000
)

var errGuesses = errs.New(errs.TooMany, "Too many requests from this address failed. Please wait.")

// failures counts those of each address.
type failures struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]tally
}

// tally is what an address failed lately, as of a time.
type tally struct {
	n  float64
	at time.Time
}

// left is what of f still counts.
func (f tally) left(now time.Time) float64 {
	return max(0, f.n-max(0, now.Sub(f.at).Seconds())*failuresEach)
}

// many says whether an address has failed so often that it is not asked.
func (f *failures) many(address string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[address].left(f.now()) >= failuresAtOnce
}

// count counts one.
func (f *failures) count(address string) {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]tally{}
	}
	if len(f.all) >= manyAddresses {
		for a, one := range f.all {
			if one.left(now) == 0 {
				delete(f.all, a)
			}
		}
	}
	if len(f.all) >= manyAddresses {
		clear(f.all)
	}
	f.all[address] = tally{f.all[address].left(now) + 1, now}
}
