package fhirapi

import (
	"io"
	"net/http"
	"time"
)

// stall is how long a large file may stand still on its way before its
// connection ends. As long as it moves it may take its time.
const stall = time.Minute

// unhurried is one direction of a connection whose deadline is put off
// whenever something moves.
type unhurried struct {
	still time.Duration
	timer *time.Timer
	in    io.Reader
	out   io.Writer
}

// unhurry begins it: nothing may stand for longer than still. set is
// SetReadDeadline or SetWriteDeadline; where the server cannot wait longer,
// the deadlines of all requests stay.
func unhurry(set func(time.Time) error, still time.Duration) *unhurried {
	u := &unhurried{still: still}
	if set(time.Time{}) == nil {
		u.timer = time.AfterFunc(still, func() { _ = set(time.Unix(1, 0)) })
	}
	return u
}

func (u *unhurried) moved() {
	if u.timer != nil {
		u.timer.Reset(u.still)
	}
}

// end stops waiting.
func (u *unhurried) end() {
	if u.timer != nil {
		u.timer.Stop()
	}
}

// Read reads from where the file comes.
func (u *unhurried) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	u.moved()
	return n, err
}

// Write writes to where the file goes.
func (u *unhurried) Write(p []byte) (int, error) {
	n, err := u.out.Write(p)
	u.moved()
	return n, err
}

// slowly lets the body of the request come as slowly as it likes, as long as
// it comes. What it returns ends that.
func (c *Call) slowly() (end func()) {
	if c.writer == nil || c.Request.Body == nil {
		return func() {}
	}
	u := unhurry(http.NewResponseController(c.writer).SetReadDeadline, stall)
	body := c.Request.Body
	u.in = body
	c.Request.Body = struct {
		io.Reader
		io.Closer
	}{u, body}
	return u.end
}
