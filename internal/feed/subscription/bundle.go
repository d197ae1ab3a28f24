package subscription

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/base/seal"
	"hale/internal/record"
	"hale/internal/store/db"
)

// Kind is a kind of notification.
type Kind string

// The kinds, as the backport guide calls them.
const (
	Handshake Kind = "handshake"
	Heartbeat Kind = "heartbeat"
	Notify    Kind = "event-notification"
	QueryNow  Kind = "query-status"
	QueryPast Kind = "query-event"
)

// Event is one event of a subscription.
type Event struct {
	N        int64
	Type, ID string
	Version  int64
	Verb     record.Verb
	At       time.Time
}

func readEvent(scan db.Scan) (e Event, err error) {
	var at int64
	err = scan(&e.N, &e.Type, &e.ID, &e.Version, &e.Verb, &at)
	e.At = db.Time(at)
	return e, err
}

// events returns the events of a subscription from one number to another, at
// most n.
func (s *Store) events(ctx context.Context, id string, from, to int64, n int) ([]Event, error) {
	const q = `select n, typ, id, version, verb, at from subscription_event where subscription = $1 and n >= $2 and n <= $3 order by n limit $4`
	list, err := db.All(ctx, s.DB, readEvent, q, id, from, to, n)
	if err != nil {
		return nil, fmt.Errorf("subscription: events: %w", err)
	}
	return list, nil
}

type part = map[string]any

// notification is a Bundle that tells of events, and whom it tells about.
type notification struct {
	body     []byte
	last     int64 // number of its last event, 0 for none
	patients []string
}

// notice makes the Bundle of some events, of what pass shows now. Without a
// pass it shows no resource.
//
// Spec: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
func (s *Store) notice(ctx context.Context, sub Subscription, kind Kind, content Content, events []Event, pass access.Pass) (notification, error) {
	out := notification{}
	shown, err := s.shown(ctx, sub, content, events, pass)
	if err != nil {
		return out, err
	}
	now := s.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	status := s.status(sub, kind)
	entries := []any{nil}
	inside := map[string]bool{}
	for _, e := range events {
		event := []part{
			{"name": "event-number", "valueString": fmt.Sprint(e.N)},
			{"name": "timestamp", "valueInstant": e.At.UTC().Format("2006-01-02T15:04:05.000Z")},
		}
		key := e.Type + "/" + e.ID
		if r, ok := shown[key]; ok {
			event = append(event, part{"name": "focus", "valueReference": part{"reference": s.Base + "/" + key}})
			if r.Patient != "" && !slices.Contains(out.patients, r.Patient) {
				out.patients = append(out.patients, r.Patient)
			}
			if !inside[key] {
				inside[key] = true
				entries = append(entries, s.entry(key, content, r, e))
			}
		}
		status = append(status, part{"name": "notification-event", "part": event})
		out.last = e.N
	}
	entries[0] = part{
		"fullUrl":  "urn:uuid:" + uuid(),
		"resource": part{"resourceType": "Parameters", "id": s.IDs.New(), "meta": part{"profile": []string{statusProfile}}, "parameter": status},
		"request":  part{"method": "GET", "url": s.Base + "/Subscription/" + sub.ID + "/$status"},
		"response": part{"status": "200"},
	}
	out.body, err = json.Marshal(part{
		"resourceType": "Bundle", "id": s.IDs.New(), "meta": part{"lastUpdated": now, "profile": []string{bundleProfile}},
		"type": "history", "timestamp": now, "entry": entries,
	})
	if err != nil {
		return out, fmt.Errorf("subscription: bundle: %w", err)
	}
	return out, nil
}

// status are the parameters that say how sub is.
func (s *Store) status(sub Subscription, kind Kind) []part {
	list := []part{{"name": "subscription", "valueReference": part{"reference": s.Base + "/Subscription/" + sub.ID}}}
	if sub.Wish.Topic != "" {
		list = append(list, part{"name": "topic", "valueCanonical": sub.Wish.Topic})
	}
	list = append(list,
		part{"name": "status", "valueCode": string(sub.State)},
		part{"name": "type", "valueCode": string(kind)},
		part{"name": "events-since-subscription-start", "valueString": fmt.Sprint(sub.Events)})
	if sub.Reason != "" {
		list = append(list, part{"name": "error", "valueCodeableConcept": part{"text": sub.Reason}})
	}
	return list
}

// entry is one resource of a notification.
func (s *Store) entry(key string, content Content, r record.Resource, e Event) part {
	out := part{"fullUrl": s.Base + "/" + key}
	if content == Full {
		out["resource"] = json.RawMessage(r.JSON())
	}
	method, status := "PUT", "200"
	if e.Verb == record.Create {
		method, status = "POST", "201"
		key = e.Type
	}
	out["request"], out["response"] = part{"method": method, "url": key}, part{"status": status}
	return out
}

// shown returns what pass shows of what events are about, by Type/id.
func (s *Store) shown(ctx context.Context, sub Subscription, content Content, events []Event, pass access.Pass) (map[string]record.Resource, error) {
	all := map[string]record.Resource{}
	if content == Empty {
		return all, nil
	}
	byType := map[string][]string{}
	for _, e := range events {
		if !slices.Contains(byType[e.Type], e.ID) {
			byType[e.Type] = append(byType[e.Type], e.ID)
		}
	}
	for typ, ids := range byType {
		list, err := s.match(ctx, pass, Watch{Type: typ}, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if sub.patient == "" || r.Patient == "" || r.Patient == sub.patient {
				all[r.Type+"/"+r.ID] = r
			}
		}
	}
	return all, nil
}

// uuid returns a random one (RFC 9562 §5.4).
func uuid() string {
	h := seal.Hash(seal.Token(32))
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// Status returns a searchset with how subscriptions of the client are.
func (s *Store) Status(subs []Subscription) ([]byte, error) {
	entries := []part{}
	for _, sub := range subs {
		entries = append(entries, part{
			"fullUrl":  "urn:uuid:" + uuid(),
			"resource": part{"resourceType": "Parameters", "id": s.IDs.New(), "meta": part{"profile": []string{statusProfile}}, "parameter": s.status(sub, QueryNow)},
			"search":   part{"mode": "match"},
		})
	}
	return json.Marshal(part{"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})
}

// Past returns the notification of events that were, again. to of 0 is the
// last; content empty is that of the subscription.
func (s *Store) Past(ctx context.Context, a access.Actor, id string, from, to int64, content Content) ([]byte, error) {
	sub, err := s.Get(ctx, a, id)
	if err != nil {
		return nil, err
	}
	pass, err := s.passFor(ctx, a, sub.patient)
	if err != nil {
		return nil, err
	}
	if to == 0 {
		to = sub.Events
	}
	if content == "" {
		content = sub.Wish.Content
	}
	list, err := s.events(ctx, id, from, to, mostEvents)
	if err != nil {
		return nil, err
	}
	n, err := s.notice(ctx, sub, QueryPast, content, list, pass)
	if err != nil {
		return nil, err
	}
	return n.body, s.DB.Tx(ctx, func(tx *db.Tx) error { return s.disclose(ctx, tx, sub, pass.Actor(), n) })
}
