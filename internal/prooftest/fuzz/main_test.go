package main

import (
	"testing"
	"time"
)

// However many tests there are, all of them are done in time, and each is
// given enough to find something.
func TestShare(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 20 * time.Second, 42: 20 * time.Second, 50: 16 * time.Second, 80: 7 * time.Second, 500: 5 * time.Second} {
		if got := share(10*time.Minute, 20*time.Second, 2, n); got != want {
			t.Errorf("each of %d tests gets %s, want %s", n, got, want)
		}
	}
}
