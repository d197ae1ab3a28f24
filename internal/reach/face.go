package reach

import (
	"context"
	"encoding/json"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/store/jobs"
)

var errSoon = errs.New(errs.Unavailable, "This is being built.")

// Save keeps a draft.
func (e *Engine) Save(ctx context.Context, pass access.Pass, o Outreach) (Outreach, error) { return o, errSoon }

// Get returns an outreach.
func (e *Engine) Get(ctx context.Context, pass access.Pass, id string) (Outreach, error) { return Outreach{}, errSoon }

// List returns all outreaches, newest first.
func (e *Engine) List(ctx context.Context, pass access.Pass) ([]Outreach, error) { return nil, errSoon }

// Delete removes a draft.
func (e *Engine) Delete(ctx context.Context, pass access.Pass, id string) error { return errSoon }

// DryRun says what an outreach would do, and does nothing.
func (e *Engine) DryRun(ctx context.Context, pass access.Pass, id string) (Forecast, error) { return Forecast{}, errSoon }

// Start takes the snapshot of the audience and begins.
func (e *Engine) Start(ctx context.Context, pass access.Pass, id string) error { return errSoon }

// Pause holds back what has not been handed off.
func (e *Engine) Pause(ctx context.Context, pass access.Pass, id string) error { return errSoon }

// Resume goes on after Pause.
func (e *Engine) Resume(ctx context.Context, pass access.Pass, id string) error { return errSoon }

// Stop ends an outreach and cancels what has not been handed off.
func (e *Engine) Stop(ctx context.Context, pass access.Pass, id string) error { return errSoon }

// Progress says how far an outreach has come.
func (e *Engine) Progress(ctx context.Context, pass access.Pass, id string) (Progress, error) { return Progress{}, errSoon }

// Trail explains one patient's part in an outreach.
func (e *Engine) Trail(ctx context.Context, pass access.Pass, outreach string) (Trail, error) { return Trail{}, errSoon }

// Handlers are the engine's background jobs.
func (e *Engine) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{"reach.plan": func(context.Context, json.RawMessage) error { return errSoon }}
}

// Periodic is the engine's regular work.
func (e *Engine) Periodic() []jobs.Periodic { return nil }

// RunSender hands due messages to the gateways until ctx ends.
func (e *Engine) RunSender(ctx context.Context) error { return errSoon }

// Receipt takes a channel's report.
func (e *Engine) Receipt(ctx context.Context, r Receipt) error { return errSoon }

// Content opens one message for its reader.
func (e *Engine) Content(ctx context.Context, pass access.Pass, message string) (Content, error) { return Content{}, errSoon }

// Mark records what the reader did: page_shown, factor_passed, revealed, acted, replied, wrong_person, opted_out.
func (e *Engine) Mark(ctx context.Context, pass access.Pass, message, kind string, data any) error { return errSoon }

// SendNow sends one message outside any outreach.
func (e *Engine) SendNow(ctx context.Context, d Direct) error { return errSoon }

// Inbox returns what a patient was sent, newest first.
func (e *Engine) Inbox(ctx context.Context, pass access.Pass) ([]Content, error) { return nil, errSoon }
