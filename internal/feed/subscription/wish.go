package subscription

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"hale/internal/base/outbound"
	"hale/internal/standard/fhir"
)

// Extensions of the backport guide.
const (
	guide         = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
	filterURL     = guide + "backport-filter-criteria"
	contentURL    = guide + "backport-payload-content"
	heartbeatURL  = guide + "backport-heartbeat-period"
	timeoutURL    = guide + "backport-timeout"
	countURL      = guide + "backport-max-count"
	statusProfile = guide + "backport-subscription-status-r4"
	bundleProfile = guide + "backport-subscription-notification-r4"
)

// Content is how much a notification says.
type Content string

// The contents.
const (
	Empty Content = "empty"
	IDs   Content = "id-only"
	Full  Content = "full-resource"
)

// The channels.
const (
	Hook   = "rest-hook"
	Socket = "websocket"
)

// Watch is what changes of one type matter: those to what a search finds.
type Watch struct {
	Type  string
	Query url.Values
}

// Wish is what a subscription asks for.
type Wish struct {
	Topic    string // canonical; empty: plain R4 criteria
	Watches  []Watch
	Channel  string // Hook or Socket
	Endpoint string
	Media    string // of what is sent
	Headers  [][2]string
	Content  Content
	Beat     time.Duration // between signs of life; zero: none
	Timeout  time.Duration // of one delivery
	Most     int           // events in one notification
	Ends     time.Time
}

// BadWish says what is wrong with a subscription, and where.
type BadWish struct{ Place, Reason string }

// Error names the element.
func (e *BadWish) Error() string { return e.Place + ": " + e.Reason }

// Bounds of what a client may ask for.
const (
	usualMost    = 20
	mostEvents   = 100
	leastBeat    = 10 * time.Second
	usualTimeout = 20 * time.Second
)

// Read reads what a Subscription asks for. The error is a *BadWish.
func (s *Store) Read(node fhir.Node) (Wish, error) {
	w := Wish{Content: Empty, Timeout: usualTimeout, Most: usualMost, Media: "application/fhir+json"}
	if node.Get("resourceType").Text() != "Subscription" {
		return w, &BadWish{"", "this is no Subscription"}
	}
	switch node.Get("status").Text() {
	case string(Requested), string(Active), string(Off), string(Error):
	default:
		return w, &BadWish{"Subscription.status", "a new one is requested"}
	}
	if node.Get("reason").Text() == "" {
		return w, &BadWish{"Subscription.reason", "a reason is wanted"}
	}
	if end := node.Get("end"); end.Exists() {
		at, err := time.Parse(time.RFC3339, end.Text())
		if err != nil {
			return w, &BadWish{"Subscription.end", "it is not an instant"}
		}
		w.Ends = at
	}
	if err := s.criteria(node, &w); err != nil {
		return w, err
	}
	return w, w.channel(node.Get("channel"))
}

// criteria reads what changes matter: R4's own search, or a topic and
// filters.
func (s *Store) criteria(node fhir.Node, w *Wish) error {
	text := node.Get("criteria").Text()
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		watch, err := readWatch(text, "Subscription.criteria")
		w.Watches = []Watch{watch}
		return err
	}
	topic, ok := s.topic(text)
	if !ok {
		return &BadWish{"Subscription.criteria", "there is no such topic; /fhir/metadata lists those that there are"}
	}
	w.Topic = topic.URL
	for _, f := range extensions(node.Get("_criteria"), filterURL) {
		watch, err := readWatch(f.Get("valueString").Text(), "Subscription.criteria.extension")
		if err != nil {
			return err
		}
		if !slices.Contains(topic.Types, watch.Type) {
			return &BadWish{"Subscription.criteria.extension", "the topic is not about that type"}
		}
		w.Watches = append(w.Watches, watch)
	}
	if len(w.Watches) == 0 {
		for _, typ := range topic.Types {
			w.Watches = append(w.Watches, Watch{Type: typ})
		}
	}
	return nil
}

// readWatch reads criteria: Observation?category=laboratory.
func readWatch(text, place string) (Watch, error) {
	typ, query, _ := strings.Cut(strings.TrimPrefix(text, "/"), "?")
	q, err := url.ParseQuery(query)
	if !fhir.IsType(typ) || err != nil {
		return Watch{}, &BadWish{place, "it is not a search such as Observation?category=laboratory"}
	}
	for name := range q {
		bare, _, _ := strings.Cut(name, ":")
		switch bare {
		case "_include", "_revinclude", "_sort", "_count", "_total", "_summary", "_elements", "_contained", "_containedType", "_cursor", "_format", "_id":
			return Watch{}, &BadWish{place, bare + " has no meaning there"}
		}
	}
	return Watch{typ, q}, nil
}

// extensions returns those of n with an address.
func extensions(n fhir.Node, address string) []fhir.Node {
	var list []fhir.Node
	for e := range n.Get("extension").Each() {
		if e.Get("url").Text() == address {
			list = append(list, e)
		}
	}
	return list
}

// number returns the number in the first such extension.
func number(n fhir.Node, address string) int {
	for _, e := range extensions(n, address) {
		for _, key := range [...]string{"valueUnsignedInt", "valuePositiveInt", "valueInteger"} {
			if v, ok := e.Get(key).Number(); ok && v > 0 && v < 1e6 {
				return int(v)
			}
		}
	}
	return 0
}

func (w *Wish) channel(n fhir.Node) error {
	w.Channel, w.Endpoint = n.Get("type").Text(), n.Get("endpoint").Text()
	switch w.Channel {
	case Hook:
		u, err := url.Parse(w.Endpoint)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return &BadWish{"Subscription.channel.endpoint", "an address beginning with https is wanted"}
		}
	case Socket:
	default:
		return &BadWish{"Subscription.channel.type", "only rest-hook and websocket are offered"}
	}
	if err := w.payload(n); err != nil {
		return err
	}
	for h := range n.Get("header").Each() {
		name, value, ok := strings.Cut(h.Text(), ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || ours(name) {
			return &BadWish{"Subscription.channel.header", "it is not a header that may be sent"}
		}
		w.Headers = append(w.Headers, [2]string{name, value})
	}
	w.Beat = time.Duration(number(n, heartbeatURL)) * time.Second
	if w.Beat > 0 && w.Beat < leastBeat {
		w.Beat = leastBeat
	}
	if t := number(n, timeoutURL); t > 0 {
		w.Timeout = min(time.Duration(t)*time.Second, usualTimeout)
	}
	if c := number(n, countURL); c > 0 {
		w.Most = min(c, mostEvents)
	}
	return nil
}

// payload reads how much is told, and in which form.
func (w *Wish) payload(n fhir.Node) error {
	if p := n.Get("payload").Text(); p != "" {
		media, _, err := mime.ParseMediaType(p)
		if err != nil || media != "application/fhir+json" && media != "application/json" {
			return &BadWish{"Subscription.channel.payload", "only application/fhir+json is sent"}
		}
		w.Media, w.Content = media, Full // plain R4: a payload is the resource
	}
	for _, e := range extensions(n.Get("_payload"), contentURL) {
		switch c := Content(e.Get("valueCode").Text()); c {
		case Empty, IDs, Full:
			w.Content = c
		default:
			return &BadWish{"Subscription.channel.payload.extension", "the content is one of empty, id-only and full-resource"}
		}
	}
	return nil
}

// ours says whether a header is one that the connection or the signature
// needs, and no client's.
func ours(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Upgrade", "Te", "Trailer", "Proxy-Authorization", "Cookie", outbound.SignatureHeader:
		return true
	}
	return false
}

// rewrite returns node with what sub is now in it.
func rewrite(node fhir.Node, sub Subscription) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(node.Raw(), &all); err != nil {
		return nil, err
	}
	put := func(key string, v any) {
		if body, err := json.Marshal(v); err == nil {
			all[key] = body
		}
	}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(all["meta"], &meta); err != nil || meta == nil {
		meta = map[string]json.RawMessage{}
	}
	meta["versionId"] = []byte(strconv.Quote(strconv.FormatInt(sub.Version, 10)))
	meta["lastUpdated"] = []byte(strconv.Quote(sub.Updated.UTC().Format("2006-01-02T15:04:05.000Z")))
	put("meta", meta)
	put("id", sub.ID)
	put("status", sub.State)
	delete(all, "error")
	if sub.Reason != "" {
		put("error", sub.Reason)
	}
	return json.Marshal(all)
}
