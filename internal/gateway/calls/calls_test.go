package calls_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"hale/internal/gateway/calls"
	"hale/internal/gateway/channeltest"
	"hale/internal/reach"
)

// list is the far end: a list that holds each message once.
type list struct {
	mu   sync.Mutex
	keys []string
}

func (l *list) TakeOver(_ context.Context, h reach.Handoff) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.keys, h.Key) {
		l.keys = append(l.keys, h.Key)
	}
	return "call-" + h.Key, nil
}

func (l *list) Known(_ context.Context, key string) (string, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "call-" + key, slices.Contains(l.keys, key), nil
}

func (l *list) Address(b channeltest.Behaviour, n int) (string, bool) {
	return fmt.Sprintf("+1312555%04d", 100+n%100), b == channeltest.Take
}

func (l *list) Took() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.keys)
}

func TestGateway(t *testing.T) {
	channeltest.Run(t, func(*testing.T, *slog.Logger) channeltest.Setup {
		l := &list{}
		return channeltest.Setup{Gateway: calls.New(l), Peer: l}
	})
}
