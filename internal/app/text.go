package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"hale/internal/face/desk"
	"hale/internal/face/web"
	"hale/internal/gateway/failover"
	"hale/internal/gateway/inbound"
	"hale/internal/gateway/smpp"
	"hale/internal/gateway/sms"
	"hale/internal/gateway/twilio"
	"hale/internal/reach"
	"hale/internal/reach/spend"
)

// The providers of texts.
const (
	HTTPText   = "http"
	SMPPText   = "smpp"
	TwilioText = "twilio"
)

// Text is how texts leave. Without a provider there are none.
type Text struct {
	Provider string   // http, smpp or twilio; empty: http where there is a URL
	Failover []string // what is tried when Provider does not take a message, in this order
	From     string   // who sends, where a provider has no other

	URL    string // of the HTTP gateway
	Secret string // signs what goes there and what comes back

	SMPP   SMPP
	Twilio Twilio
	Limits spend.Limits

	Registered Registration
}

// SMPP is a link to a carrier's message centre.
type SMPP struct {
	Server     string // HOST:PORT
	TLS        bool
	CA         []byte // PEM of the authorities to trust; empty: the system's
	System     string
	Password   string
	SystemType string
	Bind       string // auto, transceiver, pair
	Long       string // udh, sar, payload
	ReceiptIDs string // same, decimal, hex
	Latin      bool   // data coding 0 is ISO 8859-1 there
	From       string
	Window     int
	Rate       float64 // messages a second
}

// Twilio is an account with a provider of that interface.
type Twilio struct {
	Base    string // empty: the provider's own
	Account string
	Token   string
	Service string
	From    string
}

// providers are the names of what is set up, best first.
func (t Text) providers() []string {
	first := t.Provider
	if first == "" && t.URL != "" {
		first = HTTPText
	}
	if first == "" {
		return nil
	}
	list := []string{first}
	for _, p := range t.Failover {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// hooksText is where providers report.
const hooksText = "/hooks/text"

// texts are the parts that send and receive texts.
type texts struct {
	reports *inbound.Store
	smpp    *smpp.Gateway
	twilio  *twilio.Gateway
	over    *failover.Gateway // nil where there is one provider
}

// openTexts makes the gateways of the providers.
func (a *App) openTexts(s *senders) error {
	c := a.c.Text
	a.texts.reports = inbound.NewStore(a.db, a.ids, a.c.Now, a.c.Key, a.Keys, a.c.Log)
	var list []failover.Provider
	for _, name := range c.providers() {
		g, err := a.provider(name)
		if err != nil {
			return err
		}
		list = append(list, failover.Provider{Name: name, Gateway: g})
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		s.add(list[0].Gateway, desk.Sender{Channel: reach.SMS, Through: c.through(list[0].Name), From: c.sender(list[0].Name), OK: true})
		return nil
	}
	over, err := failover.New(a.c.Now, list...)
	if err != nil {
		return err
	}
	a.texts.over = over
	s.add(over, desk.Sender{Channel: reach.SMS, Through: c.through(list[0].Name), From: c.sender(list[0].Name), OK: true})
	for _, p := range list[1:] {
		s.shown = append(s.shown, desk.Sender{Channel: reach.SMS, Through: c.through(p.Name), From: c.sender(p.Name), OK: true, Note: "Used when the one above fails."})
	}
	return nil
}

// provider makes one gateway.
func (a *App) provider(name string) (reach.Gateway, error) {
	c := a.c.Text
	switch name {
	case HTTPText:
		return sms.New(sms.Config{URL: c.URL, Secret: c.Secret, From: c.From, Now: a.c.Now})
	case TwilioText:
		g, err := twilio.New(twilio.Config{
			Base: c.Twilio.Base, Account: c.Twilio.Account, Token: c.Twilio.Token, Service: c.Twilio.Service,
			From: cmp.Or(c.Twilio.From, c.From), Callback: a.c.base() + hooksText + "/twilio", Now: a.c.Now, Log: a.c.Log,
		})
		a.texts.twilio = g
		return g, err
	case SMPPText:
		conf := smpp.Config{
			Addr: c.SMPP.Server, System: c.SMPP.System, Password: c.SMPP.Password, SystemType: c.SMPP.SystemType,
			Bind: c.SMPP.Bind, Long: c.SMPP.Long, ReceiptIDs: c.SMPP.ReceiptIDs, Latin: c.SMPP.Latin, From: cmp.Or(c.SMPP.From, c.From),
			Window: c.SMPP.Window, Rate: c.SMPP.Rate, Now: a.c.Now, Log: a.c.Log, Take: a.texts.reports.Keep,
		}
		if c.SMPP.TLS {
			var err error
			if conf.TLS, err = c.SMPP.secure(); err != nil {
				return nil, err
			}
		}
		g, err := smpp.New(conf)
		a.texts.smpp = g
		return g, err
	}
	return nil, fmt.Errorf("app: there is no text provider %q", name)
}

// secure is how the link is wrapped.
func (s SMPP) secure() (*tls.Config, error) {
	host, _, err := net.SplitHostPort(s.Server)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if len(s.CA) > 0 {
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(s.CA) {
			return nil, errors.New("app: text.smpp.ca_file holds no certificate")
		}
	}
	return conf, nil
}

// through is where a provider's texts go.
func (t Text) through(name string) string {
	switch name {
	case SMPPText:
		return "SMPP, " + t.SMPP.Server
	case TwilioText:
		return cmp.Or(strings.TrimPrefix(t.Twilio.Base, "https://"), "Twilio") + ", account " + t.Twilio.Account[:min(6, len(t.Twilio.Account))] + "…"
	}
	return t.URL
}

// sender is who sends.
func (t Text) sender(name string) string {
	switch name {
	case SMPPText:
		return cmp.Or(t.SMPP.From, t.From)
	case TwilioText:
		return cmp.Or(cmp.Or(t.Twilio.Service, t.Twilio.From), t.From)
	}
	return t.From
}

// textRoutes are where providers report.
func (a *App) textRoutes(mux *web.Mux) {
	if a.c.Text.Secret != "" {
		mux.Handle(hooksText, sms.Callbacks(a.c.Text.Secret, a.c.Now, a.c.Log, func(ctx context.Context, e sms.Event) error {
			return a.texts.reports.Keep(ctx, e.Report())
		}))
	}
	if a.texts.twilio != nil {
		mux.Handle(hooksText+"/twilio", a.texts.twilio.Callbacks(a.texts.reports.Keep))
	}
}

// runTexts applies what providers report, and keeps the link to a carrier up,
// until ctx ends.
func (a *App) runTexts(ctx context.Context) error {
	if a.texts.smpp != nil {
		link := make(chan error, 1)
		go func() { link <- a.texts.smpp.Run(ctx) }()
		defer func() { <-link }()
	}
	return a.texts.reports.Run(ctx, a.Reach)
}

// shown are the senders as they are just now.
func (a *App) shown() []desk.Sender {
	list := slices.Clone(a.senders.shown)
	if a.texts.over == nil {
		return a.spending(list)
	}
	state := a.texts.over.Status()
	n := 0
	for i := range list {
		if list[i].Channel != reach.SMS || n == len(state) {
			continue
		}
		s := state[n]
		n++
		switch {
		case s.Open:
			list[i].OK = false
			list[i].Note = fmt.Sprintf("Left alone until %s after %d failures in a row (%s); the next one is used.", s.Until.In(a.c.Clinic.Zone).Format("15:04:05"), s.Failures, s.Last)
		case s.Failures > 0:
			list[i].Note = fmt.Sprintf("The last %d did not go through (%s).", s.Failures, s.Last)
		}
	}
	return a.spending(list)
}

// spending tells on the line of texts that strangers had too many sent.
func (a *App) spending(list []desk.Sender) []desk.Sender {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	hour, err := a.Reach.Spent(ctx)
	if err != nil || hour.Refused == 0 {
		return list
	}
	for i := range list {
		if list[i].Channel == reach.SMS {
			list[i].OK = false
			list[i].Note = strings.TrimSpace(list[i].Note + fmt.Sprintf(" ALARM: %d codes and links asked for in the last hour were not sent, to keep others from making money of them. %d were sent.", hour.Refused, hour.Sent))
			break
		}
	}
	return list
}

// checkTexts says whether the providers answer.
func checkTexts(ctx context.Context, c Config) Finding {
	list := c.Text.providers()
	if len(list) == 0 {
		return Finding{"text", Note, "Not set: nobody will get texts."}
	}
	for _, name := range list {
		var err error
		switch name {
		case SMPPText:
			err = dial(ctx, c.Text.SMPP.Server)
		case TwilioText:
			err = answers(ctx, cmp.Or(c.Text.Twilio.Base, twilio.Base))
		default:
			err = answers(ctx, c.Text.URL)
		}
		if err != nil {
			return Finding{"text", Wrong, c.Text.through(name) + " cannot be reached."}
		}
	}
	return Finding{"text", OK, c.Text.through(list[0]) + " answers."}
}

// answers says whether an HTTP server is there.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return err
	}
	client, err := checkClient()
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// fromNetwork tells who bounds texts from where a request came.
func (a *App) fromNetwork(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(spend.WithNetwork(r.Context(), a.site.Remote(r))))
	})
}
