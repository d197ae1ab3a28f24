package carrier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"hale/internal/gateway/sms"
)

// take is POST /messages.
func (s *Carrier) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, sms.Taken{Code: "too_large"})
		return
	}
	if sms.Verify(r.Header, s.c.Secret, s.c.Now(), body) != nil {
		answer(w, http.StatusUnauthorized, sms.Taken{Code: "signature"})
		return
	}
	var m sms.Outgoing
	if json.Unmarshal(body, &m) != nil || m.Key == "" || m.To == "" || m.Text == "" {
		answer(w, http.StatusBadRequest, sms.Taken{Code: "not_a_message"})
		return
	}
	switch MannerOf(m.To) {
	case "bounce":
		answer(w, http.StatusUnprocessableEntity, sms.Taken{Code: "no_such_number"})
		return
	case "busy":
		w.Header().Set("Retry-After", "30")
		answer(w, http.StatusTooManyRequests, sms.Taken{Code: "busy"})
		return
	case "slow":
		if !wait(r.Context(), s.pause) {
			return
		}
	}
	id := s.accept(m)
	if MannerOf(m.To) == "vanish" {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	answer(w, http.StatusAccepted, sms.Taken{ID: id, Status: "queued"})
}

// accept puts m on its phone, once for each key, and returns its id.
func (s *Carrier) accept(m sms.Outgoing) string {
	id := s.id()
	s.mu.Lock()
	if before, ok := s.keys[m.Key]; ok {
		s.mu.Unlock()
		return before
	}
	s.keys[m.Key] = id
	s.order = append(s.order, m.Key)
	for len(s.order) > allKeys {
		delete(s.keys, s.order[0])
		s.order = s.order[1:]
	}
	tell := s.arrived
	s.mu.Unlock()

	t := Text{ID: id, Key: m.Key, Phone: m.To, Other: m.From, Body: m.Text, Status: sms.Delivered, At: s.c.Now()}
	event := sms.Event{ID: id + "-1", Kind: sms.Delivered, Ref: id, Key: m.Key, At: t.At}
	if MannerOf(m.To) == "lost" {
		t.Status, event.Kind, event.Code = sms.Failed, sms.Failed, "absent_subscriber"
	}
	s.phones.Put(m.To, t)
	_ = s.queue(event) // a report that is lost is a thing that happens
	if MannerOf(m.To) == "stop" {
		_ = s.answer(t, "STOP")
	}
	if t.Status == sms.Delivered {
		for _, fn := range tell {
			fn(t)
		}
	}
	return id
}

// ask is GET /messages/{key}.
func (s *Carrier) ask(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	if sms.Verify(r.Header, s.c.Secret, s.c.Now(), []byte(key)) != nil {
		answer(w, http.StatusUnauthorized, sms.Taken{Code: "signature"})
		return
	}
	s.mu.Lock()
	id, ok := s.keys[key]
	s.mu.Unlock()
	if !ok {
		answer(w, http.StatusNotFound, sms.Taken{Code: "unknown_key"})
		return
	}
	answer(w, http.StatusOK, sms.Taken{ID: id, Status: "queued"})
}

func answer(w http.ResponseWriter, status int, t sms.Taken) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(t) // a caller who has left hears nothing
}

var errFull = errors.New("carrier: too many reports are waiting")

func (s *Carrier) queue(e sms.Event) error {
	select {
	case s.reports <- e:
		return nil
	default:
		return errFull
	}
}

// report posts events to callback until ctx ends.
func (s *Carrier) report(ctx context.Context, callback string) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.reports:
			if callback != "" {
				s.deliver(ctx, callback, e)
			}
		}
	}
}

// deliver posts e, again and again while the other side fails.
func (s *Carrier) deliver(ctx context.Context, callback string, e sms.Event) {
	const tries = 6
	for try := range tries {
		if s.post(ctx, callback, e) {
			return
		}
		if !wait(ctx, 200*time.Millisecond<<try) {
			return
		}
	}
	s.c.Log.Warn("carrier: a report was not taken", "id", e.ID, "kind", e.Kind)
}

func (s *Carrier) post(ctx context.Context, callback string, e sms.Event) bool {
	body, err := json.Marshal(e)
	if err != nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, callback, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	sms.Sign(req.Header, s.c.Secret, s.c.Now(), body)
	res, err := s.client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode/100 == 2
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
