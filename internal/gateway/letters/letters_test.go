package letters_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/letters"
	"hale/internal/reach"
)

// list is the far end: letters that hold each message once.
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
	return "letter-" + h.Key, nil
}

func (l *list) Known(_ context.Context, key string) (string, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "letter-" + key, slices.Contains(l.keys, key), nil
}

func (l *list) Address(b channeltest.Behaviour, n int) (string, bool) {
	return fmt.Sprintf("Ada Stone\n%d Main St\nRiverside, IL 60546", n), b == channeltest.Take
}

func (l *list) Took() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.keys)
}

func TestGateway(t *testing.T) {
	channeltest.Run(t, func(*testing.T, *slog.Logger) channeltest.Setup {
		l := &list{}
		return channeltest.Setup{Gateway: letters.New(l), Peer: l}
	})
}

// An address without a street, or without a name, goes on no envelope.
func TestValidate(t *testing.T) {
	g := letters.New(&list{})
	for to, want := range map[string]int{"Ada Stone\n1 Main St": 0, "Ada Stone": 1, "\n1 Main St": 1, "": 1} {
		if got := g.Validate(reach.Handoff{Key: "k", Text: "x", To: to}); len(got) != want {
			t.Errorf("Validate(%q) = %v, want %d problems", to, got, want)
		}
	}
}
