package fhirapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"hale/internal/feed/subscription"
)

// Times of a WebSocket.
const (
	bindTime  = 10 * time.Second // until the first token
	writeTime = 10 * time.Second
	pingEvery = 30 * time.Second
	lookEvery = time.Second // other nodes make events, too
)

// socket opens a WebSocket, on which a token says for whom it is.
func (a *API) socket(c *Call) (Answer, error) {
	c.route = "$subscription-socket"
	if c.inside || !strings.EqualFold(c.Header("Upgrade"), "websocket") {
		return Answer{}, refuse(http.StatusUpgradeRequired, "not-supported", "http.Upgrade", "This is the address of a WebSocket.")
	}
	if wait := a.rates.strangers.take(remote(c.Request, a.Proxies)); wait > 0 {
		return Answer{}, throttled(wait)
	}
	return Answer{Take: a.takeSocket}, nil
}

// takeSocket serves one WebSocket until it ends. A page of any origin may
// open it: what it is told depends on its token, and on no cookie.
func (a *API) takeSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(4 << 10)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	lines, err := a.bind(ctx, conn)
	if err != nil {
		_ = conn.Close(websocket.StatusPolicyViolation, "bind-with-token TOKEN is wanted")
		return
	}
	more := make(chan []*subscription.Line)
	go func() {
		defer cancel()
		for {
			next, err := a.read(ctx, conn)
			if err != nil {
				return
			}
			select {
			case more <- next:
			case <-ctx.Done():
				return
			}
		}
	}()
	a.tell(ctx, conn, lines, more)
}

// bind waits for the first token.
func (a *API) bind(ctx context.Context, conn *websocket.Conn) ([]*subscription.Line, error) {
	ctx, cancel := context.WithTimeout(ctx, bindTime)
	defer cancel()
	return a.read(ctx, conn)
}

// read reads bind-with-token TOKEN and returns what it is for.
func (a *API) read(ctx context.Context, conn *websocket.Conn) ([]*subscription.Line, error) {
	_, text, err := conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	token, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "bind-with-token")
	if !ok {
		return nil, errors.New("fhirapi: no token")
	}
	ids, err := a.Subscriptions.Bind(ctx, strings.Trim(token, ": "))
	if err != nil {
		return nil, err
	}
	var lines []*subscription.Line
	for _, id := range ids {
		lines = append(lines, a.Subscriptions.Line(id))
	}
	return lines, nil
}

// tell writes what is due, until the client or every subscription ends.
func (a *API) tell(ctx context.Context, conn *websocket.Conn, lines []*subscription.Line, more <-chan []*subscription.Line) {
	write := func(ctx context.Context, body []byte) error {
		ctx, cancel := context.WithTimeout(ctx, writeTime)
		defer cancel()
		return conn.Write(ctx, websocket.MessageText, body)
	}
	pinged := a.Now()
	for {
		bell := a.Subscriptions.Wake()
		var left []*subscription.Line
		for _, l := range lines {
			err := l.Next(ctx, write)
			switch {
			case err == nil:
				left = append(left, l)
			case !errors.Is(err, subscription.ErrOff):
				return
			}
		}
		if lines = left; len(lines) == 0 {
			_ = conn.Close(websocket.StatusNormalClosure, "no subscription is left")
			return
		}
		if a.Now().Sub(pinged) >= pingEvery {
			pinged = a.Now()
			if conn.Ping(ctx) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case next := <-more:
			lines = append(lines, next...)
		case <-bell:
		case <-time.After(lookEvery):
		}
	}
}
