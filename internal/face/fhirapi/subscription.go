package fhirapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/errs"
	"hale/internal/feed/subscription"
	"hale/internal/standard/fhir"
	"hale/internal/standard/smart"
)

// subscriptionDefinitions are where the operations of subscriptions are
// defined.
const subscriptionDefinitions = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"

// keeper answers for a type that is kept outside the record: it belongs to a
// client, and to nobody's health.
type keeper func(c *Call, p path) (Answer, error)

// subscriptionOperations are the operations on subscriptions, and what
// answers for them.
//
// Spec: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
func (a *API) subscriptionOperations() {
	if a.Subscriptions == nil {
		return
	}
	a.keepers["Subscription"] = a.subscriptions
	types := []string{"Subscription"}
	a.Operation(Operation{Name: "status", Definition: subscriptionDefinitions + "status", Types: types, Type: true, Instance: true, Handler: a.subscriptionStatus})
	a.Operation(Operation{Name: "events", Definition: subscriptionDefinitions + "events", Types: types, Instance: true, Handler: a.subscriptionEvents})
	a.Operation(Operation{Name: "get-ws-binding-token", Definition: subscriptionDefinitions + "get-ws-binding-token", Types: types, Type: true, Instance: true, Handler: a.bindingToken})
	a.Operation(Operation{Name: "subscription-socket", System: true, Public: true, Handler: a.socket})
}

// aboutSubscriptions puts into about, what can be done with a type, what is
// different for subscriptions: they have no history, and topics have names.
func (a *API) aboutSubscriptions(about object) {
	for _, key := range []string{"readHistory", "updateCreate", "conditionalCreate", "conditionalRead", "conditionalUpdate", "conditionalDelete", "searchInclude", "searchRevInclude"} {
		delete(about, key)
	}
	about["versioning"] = "versioned-update"
	about["interaction"] = codes("read", "update", "delete", "create", "search-type")
	about["searchParam"] = []object{{"name": "status", "type": "token"}, {"name": "type", "type": "token"}, {"name": "url", "type": "uri"}}
	var topics []object
	for _, t := range a.Subscriptions.Topics() {
		topics = append(topics, object{
			"url":            "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
			"valueCanonical": t.URL,
		})
	}
	about["extension"] = topics
}

// subscribe refuses where the scopes do not allow verb on subscriptions.
func (a *API) subscribe(c *Call, verb smart.Verb) error {
	if err := a.signedIn(c); err != nil {
		return err
	}
	if _, ok := scoped(c.Actor, "Subscription", verb); !ok {
		return unscoped("Subscription", verb)
	}
	return nil
}

// subscriptions answers the interactions on the type.
func (a *API) subscriptions(c *Call, p path) (Answer, error) {
	c.Type = "Subscription"
	if p.n > 1 && !strings.HasPrefix(p.parts[1], "_") {
		c.ID = p.parts[1]
	}
	switch method := c.Request.Method; {
	case p.n == 1 && method == http.MethodPost:
		c.route = "create"
		return a.createSubscription(c)
	case p.n == 1 && hasVerb(method), p.n == 2 && p.parts[1] == "_search" && method == http.MethodPost:
		c.route = "search"
		return a.searchSubscriptions(c)
	case p.n != 2 || c.ID == "":
		return Answer{}, errNowhere
	case hasVerb(method):
		c.route = "read"
		if err := a.subscribe(c, smart.Read); err != nil {
			return Answer{}, err
		}
		sub, err := a.Subscriptions.Get(c.Context(), c.Actor, c.ID)
		return subscriptionAnswer(sub, err)
	case method == http.MethodPut:
		c.route = "update"
		return a.updateSubscription(c)
	case method == http.MethodDelete:
		c.route = "delete"
		if err := a.subscribe(c, smart.Delete); err != nil {
			return Answer{}, err
		}
		return Answer{Status: http.StatusNoContent}, a.Subscriptions.Delete(c.Context(), c.Actor, c.ID)
	}
	return Answer{}, notAllowed("GET, HEAD, POST, PUT, DELETE")
}

func subscriptionAnswer(sub subscription.Subscription, err error) (Answer, error) {
	if err != nil {
		return Answer{}, badWish(err)
	}
	body, err := sub.JSON()
	return Answer{Body: body, Version: sub.Version, Modified: sub.Updated}, err
}

// badWish names the element that a subscription was refused for.
func badWish(err error) error {
	if bad, ok := errors.AsType[*subscription.BadWish](err); ok {
		return refuse(http.StatusUnprocessableEntity, "not-supported", bad.Place, "The subscription cannot be taken: "+bad.Reason+".")
	}
	return err
}

func (c *Call) resource() (fhir.Node, error) {
	body, err := c.Body()
	if err != nil {
		return fhir.Node{}, err
	}
	return parse(body)
}

func (a *API) createSubscription(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Create); err != nil {
		return Answer{}, err
	}
	node, err := c.resource()
	if err != nil {
		return Answer{}, err
	}
	sub, secret, err := a.Subscriptions.Create(c.Context(), c.Actor, node)
	out, err := subscriptionAnswer(sub, err)
	if err != nil {
		return Answer{}, err
	}
	out.Status, out.Location = http.StatusCreated, "Subscription/"+sub.ID
	out.Header = append(out.Header, [2]string{"X-Hale-Signature-Secret", secret})
	return out, nil
}

func (a *API) updateSubscription(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Update); err != nil {
		return Answer{}, err
	}
	node, err := c.resource()
	if err != nil {
		return Answer{}, err
	}
	version := int64(0)
	if match := c.Header("If-Match"); match != "" {
		n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(match, "W/"), `"`), 10, 64)
		if err != nil {
			return Answer{}, refuse(http.StatusBadRequest, "value", "http.If-Match", `If-Match is an ETag such as W/"3".`)
		}
		version = n
	}
	sub, err := a.Subscriptions.Update(c.Context(), c.Actor, c.ID, version, node)
	return subscriptionAnswer(sub, err)
}

// searchSubscriptions lists those of the client, by status and criteria.
func (a *API) searchSubscriptions(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Search); err != nil {
		return Answer{}, err
	}
	if c.Request.Method == http.MethodPost {
		if err := c.readForm(); err != nil {
			return Answer{}, err
		}
	}
	list, err := a.Subscriptions.Mine(c.Context(), c.Actor)
	if err != nil {
		return Answer{}, err
	}
	entries := []object{}
	for _, sub := range list {
		if !chosen(c, sub) {
			continue
		}
		body, err := sub.JSON()
		if err != nil {
			return Answer{}, err
		}
		entries = append(entries, object{"fullUrl": a.Base + "/Subscription/" + sub.ID, "resource": json.RawMessage(body), "search": object{"mode": "match"}})
	}
	body, err := json.Marshal(object{
		"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries,
		"link": []object{{"relation": "self", "url": a.address(c)}},
	})
	return Answer{Body: body}, err
}

// chosen says whether a search finds sub.
func chosen(c *Call, sub subscription.Subscription) bool {
	for name, want := range map[string]string{"_id": sub.ID, "status": string(sub.State), "type": sub.Wish.Channel, "url": sub.Wish.Endpoint} {
		for _, v := range c.Query[name] {
			found := false
			for one := range strings.SplitSeq(v, ",") {
				found = found || one == want
			}
			if !found {
				return false
			}
		}
	}
	return true
}

// subscriptionStatus says how subscriptions are.
func (a *API) subscriptionStatus(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Read); err != nil {
		return Answer{}, err
	}
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	var list []subscription.Subscription
	if c.ID != "" {
		sub, err := a.Subscriptions.Get(c.Context(), c.Actor, c.ID)
		if err != nil {
			return Answer{}, err
		}
		list = append(list, sub)
	} else {
		all, err := a.Subscriptions.Mine(c.Context(), c.Actor)
		if err != nil {
			return Answer{}, err
		}
		ids, states := p.All("id"), p.All("status")
		for _, sub := range all {
			if among(ids, sub.ID) && among(states, string(sub.State)) {
				list = append(list, sub)
			}
		}
	}
	body, err := a.Subscriptions.Status(list)
	return Answer{Body: body}, err
}

// among says whether one is in list, or there is no list.
func among(list []string, one string) bool {
	if len(list) == 0 {
		return true
	}
	for _, v := range list {
		for part := range strings.SplitSeq(v, ",") {
			if part == one {
				return true
			}
		}
	}
	return false
}

// subscriptionEvents tells of events that were, again.
func (a *API) subscriptionEvents(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Read); err != nil {
		return Answer{}, err
	}
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	var bounds [2]int64
	for i, name := range [...]string{"eventsSinceNumber", "eventsUntilNumber"} {
		text := p.Text(name)
		if text == "" {
			continue
		}
		if bounds[i], err = strconv.ParseInt(text, 10, 64); err != nil || bounds[i] < 0 {
			return Answer{}, refuse(http.StatusBadRequest, "value", "http."+name, name+" is the number of an event.")
		}
	}
	content := subscription.Content(p.Text("content"))
	switch content {
	case "", subscription.Empty, subscription.IDs, subscription.Full:
	default:
		return Answer{}, refuse(http.StatusBadRequest, "value", "http.content", "content is one of empty, id-only and full-resource.")
	}
	body, err := a.Subscriptions.Past(c.Context(), c.Actor, c.ID, bounds[0], bounds[1], content)
	return Answer{Body: body}, err
}

// bindingToken returns what opens a WebSocket.
func (a *API) bindingToken(c *Call) (Answer, error) {
	if err := a.subscribe(c, smart.Read); err != nil {
		return Answer{}, err
	}
	p, err := c.Parameters()
	if err != nil {
		return Answer{}, err
	}
	ids := p.All("id")
	if c.ID != "" {
		ids = []string{c.ID}
	}
	token, until, subs, err := a.Subscriptions.Token(c.Context(), c.Actor, ids...)
	if errs.KindOf(err) == errs.Invalid {
		return Answer{}, refuse(http.StatusNotFound, "not-found", "", errs.Say(err))
	}
	if err != nil {
		return Answer{}, err
	}
	list := []object{{"name": "token", "valueString": token}, {"name": "expiration", "valueDateTime": until.UTC().Format(time.RFC3339)}}
	for _, id := range subs {
		list = append(list, object{"name": "subscription", "valueString": id})
	}
	at := "ws" + strings.TrimPrefix(a.Base, "http") + "/$subscription-socket"
	list = append(list, object{"name": "websocket-url", "valueUrl": at})
	body, err := json.Marshal(object{"resourceType": "Parameters", "parameter": list})
	return Answer{Body: body}, err
}
