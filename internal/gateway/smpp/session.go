package smpp

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// The errors of a session.
var (
	errClosed  = errors.New("smpp: the session is over")
	errNoReply = errors.New("smpp: no answer in time")
)

// session is one connection over which PDUs go both ways. What we ask is
// found by its sequence number when it is answered, in whatever order.
type session struct {
	conn    net.Conn
	window  chan struct{}       // a place for each request under way
	take    func(PDU) PDU       // answers what the peer asks
	late    func(*session, PDU) // gets an answer that nobody waits for any more
	timeout time.Duration       // for an answer
	now     func() time.Time

	writing sync.Mutex
	mu      sync.Mutex
	seq     uint32
	waiting map[uint32]chan PDU
	heard   time.Time
	over    chan struct{} // closed when the session is over
	ended   sync.Once
	work    chan PDU
	all     sync.WaitGroup
}

// waitingWork is how many deliveries may wait to be taken; more are refused
// for now.
const waitingWork = 64

// newSession starts reading conn.
func newSession(conn net.Conn, window int, timeout time.Duration, now func() time.Time, take func(PDU) PDU, late func(*session, PDU)) *session {
	s := &session{
		conn: conn, window: make(chan struct{}, window), timeout: timeout, now: now, take: take, late: late,
		waiting: map[uint32]chan PDU{}, over: make(chan struct{}), work: make(chan PDU, waitingWork), heard: now(),
	}
	s.all.Go(s.read)
	s.all.Go(s.serve)
	return s
}

// end closes the connection and wakes everybody who waits.
func (s *session) end() {
	s.ended.Do(func() {
		close(s.over)
		_ = s.conn.Close()
	})
}

// close ends the session and waits for its goroutines.
func (s *session) close() {
	s.end()
	s.all.Wait()
}

// alive says whether the session goes on.
func (s *session) alive() bool {
	select {
	case <-s.over:
		return false
	default:
		return true
	}
}

// call sends p and waits for its answer. left says whether any of it may have
// left; an error after that leaves in doubt what the peer did.
func (s *session) call(ctx context.Context, p PDU) (res PDU, left bool, err error) {
	select {
	case s.window <- struct{}{}:
		defer func() { <-s.window }()
	case <-ctx.Done():
		return PDU{}, false, ctx.Err()
	case <-s.over:
		return PDU{}, false, errClosed
	}
	if err := ctx.Err(); err != nil {
		return PDU{}, false, err
	}
	answered := make(chan PDU, 1)
	s.mu.Lock()
	s.seq = s.seq%0x7fffffff + 1
	p.Seq = s.seq
	s.waiting[p.Seq] = answered
	s.mu.Unlock()
	defer s.forget(p.Seq)
	if err := s.write(p); err != nil {
		s.end()
		return PDU{}, true, err
	}
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	select {
	case res := <-answered:
		return res, true, nil
	case <-timer.C:
		return PDU{Seq: p.Seq}, true, errNoReply
	case <-ctx.Done():
		return PDU{Seq: p.Seq}, true, ctx.Err()
	case <-s.over:
		select {
		case res := <-answered: // it came with the end
			return res, true, nil
		default:
		}
		return PDU{Seq: p.Seq}, true, errClosed
	}
}

func (s *session) forget(seq uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, seq)
}

// write sends one PDU whole.
func (s *session) write(p PDU) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	stuck := time.AfterFunc(s.timeout, s.end) // a peer that takes nothing off the wire
	defer stuck.Stop()
	_, err := s.conn.Write(p.Bytes())
	return err
}

// read takes what the peer sends until the session is over.
func (s *session) read() {
	defer s.end()
	in := bufio.NewReaderSize(s.conn, 16<<10)
	for {
		p, err := ReadPDU(in)
		switch {
		case errors.Is(err, errShort):
			_ = s.write(PDU{Command: GenericNack, Status: BadLength, Seq: p.Seq})
			continue
		case errors.Is(err, errLength):
			_ = s.write(PDU{Command: GenericNack, Status: BadLength, Seq: p.Seq})
			return
		case err != nil:
			return
		}
		s.mu.Lock()
		s.heard = s.now()
		s.mu.Unlock()
		if !s.dispatch(p) {
			return
		}
	}
}

// dispatch hands p to who waits for it; false ends the session.
func (s *session) dispatch(p PDU) bool {
	switch {
	case p.Command&answer != 0:
		s.answered(p)
	case p.Command == EnquireLink:
		return s.write(PDU{Command: EnquireLinkResp, Seq: p.Seq}) == nil
	case p.Command == Unbind:
		_ = s.write(PDU{Command: UnbindResp, Seq: p.Seq})
		return false
	case p.Command == DeliverSM || p.Command == DataSM:
		select {
		case s.work <- p:
		default:
			return s.write(PDU{Command: p.Command | answer, Status: QueueFull, Seq: p.Seq}) == nil
		}
	case p.Command == Outbind || p.Command == AlertNotification:
	default:
		return s.write(PDU{Command: GenericNack, Status: BadCommand, Seq: p.Seq}) == nil
	}
	return true
}

// answered gives an answer to who asked.
func (s *session) answered(p PDU) {
	s.mu.Lock()
	ch := s.waiting[p.Seq]
	if ch == nil && p.Command == GenericNack && len(s.waiting) == 1 { // some say no to number 0 whatever was asked
		for seq := range s.waiting {
			ch, p.Seq = s.waiting[seq], seq
		}
	}
	delete(s.waiting, p.Seq)
	s.mu.Unlock()
	if ch != nil {
		ch <- p
		return
	}
	if s.late != nil {
		s.late(s, p)
	}
}

// serve answers deliveries, one after the other.
func (s *session) serve() {
	for {
		select {
		case p := <-s.work:
			if s.write(s.take(p)) != nil {
				s.end()
				return
			}
		case <-s.over:
			return
		}
	}
}

// quiet is how long nothing has come from the peer.
func (s *session) quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Sub(s.heard)
}

// probe asks a peer that has been quiet whether it is there; one that does not
// answer is given up.
func (s *session) probe(ctx context.Context, after time.Duration) {
	if quiet := s.quiet(); quiet >= 0 && quiet < after {
		return
	}
	if _, _, err := s.call(ctx, PDU{Command: EnquireLink}); err != nil && ctx.Err() == nil {
		s.end()
	}
}

// unbind takes leave, briefly.
func (s *session) unbind() {
	ctx, cancel := context.WithTimeout(context.Background(), min(s.timeout, time.Second))
	defer cancel()
	if s.alive() {
		_, _, _ = s.call(ctx, PDU{Command: Unbind}) // there is nothing to do about a peer that does not
	}
	s.close()
}
