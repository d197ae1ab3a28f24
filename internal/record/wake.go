package record

import "sync"

// wakeUp lets some wait until the record changes. Its zero value is ready.
type wakeUp struct {
	mu   sync.Mutex
	next chan struct{} // closed at the next change; nil: nobody waits
}

// all wakes all who wait.
func (w *wakeUp) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next != nil {
		close(w.next)
		w.next = nil
	}
}

// soon returns what is closed at the next change.
func (w *wakeUp) soon() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = make(chan struct{})
	}
	return w.next
}
