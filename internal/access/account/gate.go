package account

import "context"

// gate lets few passwords be hashed at a time: each takes 19 MiB and a core
// for some 40 ms, and pages must not starve. A queue waits its turn; those
// who find it full are sent away.
type gate struct {
	queue   chan struct{} // running and waiting
	running chan struct{}
}

// The gate's bounds.
const (
	gateRunning = 2
	gateWaiting = 50
)

func newGate() *gate {
	return &gate{queue: make(chan struct{}, gateRunning+gateWaiting), running: make(chan struct{}, gateRunning)}
}

// do runs work when it is its turn.
func (g *gate) do(ctx context.Context, work func()) error {
	select {
	case g.queue <- struct{}{}:
	default:
		return errTooMany
	}
	defer func() { <-g.queue }()
	select {
	case g.running <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.running }()
	work()
	return nil
}
