package inbox_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/inbox"
	"hale/internal/reach"
)

// reader is the far end of the inbox, which always works.
type reader struct {
	mu   sync.Mutex
	keys []string
}

func (r *reader) Address(b channeltest.Behaviour, n int) (string, bool) {
	return fmt.Sprintf("patient%d", n), b == channeltest.Take
}

func (r *reader) Took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.keys)
}

func TestGateway(t *testing.T) {
	channeltest.Run(t, func(*testing.T, *slog.Logger) channeltest.Setup {
		r := &reader{}
		g := inbox.New(func(h reach.Handoff) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.keys = append(r.keys, h.Key)
		})
		return channeltest.Setup{Gateway: g, Peer: r}
	})
}
