package cli

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"hale/internal/app"
	"hale/internal/reach/spend"
)

// textSettings say how texts leave and how many strangers may bring about.
type textSettings struct {
	Provider string   `toml:"provider"`
	Failover []string `toml:"failover"`
	From     string   `toml:"from"`
	URL      string   `toml:"url"`
	Secret   string   `toml:"secret"`

	SMPP struct {
		Server     string  `toml:"server"`
		TLS        bool    `toml:"tls"`
		CA         string  `toml:"ca_file"`
		System     string  `toml:"system_id"`
		Password   string  `toml:"password"`
		SystemType string  `toml:"system_type"`
		Bind       string  `toml:"bind"`
		Long       string  `toml:"long"`
		ReceiptIDs string  `toml:"receipt_ids"`
		Latin      bool    `toml:"latin1"`
		From       string  `toml:"from"`
		Window     int     `toml:"window"`
		Rate       float64 `toml:"per_second"`
	} `toml:"smpp"`
	Twilio struct {
		Base    string `toml:"url"`
		Account string `toml:"account"`
		Token   string `toml:"token"`
		Service string `toml:"messaging_service"`
		From    string `toml:"from"`
	} `toml:"twilio"`
	Registration struct {
		Kind     string `toml:"kind"`
		Brand    string `toml:"brand_id"`
		Campaign string `toml:"campaign_id"`
		UseCase  string `toml:"use_case"`
		Status   string `toml:"status"`
		Since    string `toml:"since"`
	} `toml:"registration"`
	Limits struct {
		Countries []string `toml:"countries"`
		Hour      int      `toml:"hour"`
		Prefix    int      `toml:"prefix_hour"`
		Number    int      `toml:"number_hour"`
		Day       int      `toml:"number_day"`
		Network   int      `toml:"network_hour"`
	} `toml:"limits"`
}

// into writes t into c and says what is wrong with it.
func (t textSettings) into(c *app.Config) (wrong []string) {
	s, tw, l := t.SMPP, t.Twilio, t.Limits
	c.Text = app.Text{
		Provider: t.Provider, Failover: t.Failover, From: t.From, URL: t.URL, Secret: t.Secret,
		SMPP: app.SMPP{
			Server: s.Server, TLS: s.TLS, System: s.System, Password: s.Password, SystemType: s.SystemType, Bind: s.Bind, Long: s.Long,
			ReceiptIDs: s.ReceiptIDs, Latin: s.Latin, From: s.From, Window: s.Window, Rate: s.Rate,
		},
		Twilio: app.Twilio{Base: strings.TrimSuffix(tw.Base, "/"), Account: tw.Account, Token: tw.Token, Service: tw.Service, From: tw.From},
		Limits: spend.Limits{Countries: l.Countries, Hour: l.Hour, Prefix: l.Prefix, Number: l.Number, Day: l.Day, Network: l.Network},
	}
	r := t.Registration
	c.Text.Registered = app.Registration{Kind: r.Kind, Brand: r.Brand, Campaign: r.Campaign, UseCase: r.UseCase, Status: r.Status, Since: r.Since}
	if why := c.Text.Registered.Wrong(); why != "" {
		wrong = append(wrong, "text.registration."+why)
	}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("text.smpp.ca_file %s could not be read", s.CA))
		}
		c.Text.SMPP.CA = pem
	}
	used := append([]string{t.Provider}, t.Failover...)
	for _, name := range used {
		if !slices.Contains([]string{"", app.HTTPText, app.SMPPText, app.TwilioText}, name) {
			wrong = append(wrong, fmt.Sprintf("text: there is no provider %q; there are http, smpp and twilio", name))
		}
	}
	if t.Provider == "" && len(t.Failover) > 0 {
		wrong = append(wrong, "text.provider is missing: text.failover comes after it")
	}
	return append(wrong, t.missing(used)...)
}

// missing says what the providers that are used lack.
func (t textSettings) missing(used []string) (wrong []string) {
	if t.URL != "" && t.Secret == "" {
		wrong = append(wrong, "text.secret is missing: receipts are signed with it")
	}
	if slices.Contains(used, app.HTTPText) && t.URL == "" {
		wrong = append(wrong, "text.url is missing: where the HTTP gateway is")
	}
	if slices.Contains(used, app.SMPPText) {
		if _, _, err := net.SplitHostPort(t.SMPP.Server); err != nil {
			wrong = append(wrong, fmt.Sprintf("text.smpp.server %q must be HOST:PORT", t.SMPP.Server))
		}
		if t.SMPP.System == "" || len(t.SMPP.System) > 15 {
			wrong = append(wrong, "text.smpp.system_id must be 1 to 15 characters")
		}
	}
	if slices.Contains(used, app.TwilioText) {
		if t.Twilio.Account == "" || t.Twilio.Token == "" {
			wrong = append(wrong, "text.twilio.account and text.twilio.token are needed")
		}
		if t.Twilio.Service == "" && t.Twilio.From == "" && t.From == "" {
			wrong = append(wrong, "text.twilio.messaging_service or text.twilio.from is needed")
		}
		if u, err := url.Parse(t.Twilio.Base); t.Twilio.Base != "" && (err != nil || u.Scheme != "https") {
			wrong = append(wrong, "text.twilio.url must begin with https://")
		}
	}
	return wrong
}
