// Package residents is how the people of the demo town behave: they get
// texts and mails, open links, book, ignore, or say STOP.
//
// They come through the same door as everybody: the served address over
// HTTP, a link, a date of birth. What they do is planted in town.Truth.
package residents

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"hale/internal/demo/town"
)

// Config is what the town's people need.
type Config struct {
	Town *town.Town
	Base string       // the address Hale is served at, http://127.0.0.1:8080
	HTTP *http.Client // nil for one of its own
	Log  *slog.Logger
	Now  func() time.Time
}

// People are the residents in action.
type People struct{ c Config }

// New returns the people of c.
func New(c Config) *People { return &People{c: c} }

// Run lets the people act until ctx ends.
func (p *People) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
