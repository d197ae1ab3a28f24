package cli

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"hale/internal/app"
)

// mailSettings is the section mail of hale.toml.
type mailSettings struct {
	Mode     string   `toml:"mode"`
	Server   string   `toml:"server"`
	From     string   `toml:"from"`
	User     string   `toml:"user"`
	Password string   `toml:"password"`
	TLS      string   `toml:"tls"`
	Onward   bool     `toml:"onward_tls"`
	Hello    string   `toml:"hello"`
	Resolver []string `toml:"resolvers"`
	Trusted  bool     `toml:"resolver_validates"`
	CA       string   `toml:"ca_file"`
	Port     int      `toml:"port"`
	STSPort  int      `toml:"mta_sts_port"`
	Private  bool     `toml:"private_networks"`
}

// into fills in how mail leaves, and says what is wrong with it.
func (m mailSettings) into(data string, c *app.Config) (wrong []string) {
	c.Mail = app.Mail{
		Server: m.Server, From: m.From, User: m.User, Password: m.Password, TLS: or(m.TLS, "required"), Onward: m.Onward,
		Direct: m.Mode == "direct", Hello: m.Hello, Trusted: m.Trusted, Port: m.Port, STSPort: m.STSPort, Private: m.Private,
	}
	if m.Mode != "" && m.Mode != "relay" && m.Mode != "direct" {
		wrong = append(wrong, fmt.Sprintf("mail.mode %q must be relay or direct", m.Mode))
	}
	if m.Server != "" && m.Mode == "direct" {
		wrong = append(wrong, "mail.server is the relay's; mail.mode direct sends to each domain's own servers and uses none")
	}
	if m.Server != "" {
		if _, _, err := net.SplitHostPort(m.Server); err != nil {
			wrong = append(wrong, fmt.Sprintf("mail.server %q must be HOST:PORT", m.Server))
		}
	}
	if (m.Server != "" || m.Mode == "direct") && !strings.Contains(m.From, "@") {
		wrong = append(wrong, "mail.from must be an e-mail address")
	}
	if m.Mode == "direct" && !strings.Contains(m.Hello, ".") {
		wrong = append(wrong, "mail.hello must be this server's own name, whose address leads back to it: other servers look it up")
	}
	if t := m.TLS; t != "" && t != "required" && t != "opportunistic" && t != "implicit" {
		wrong = append(wrong, fmt.Sprintf("mail.tls %q must be required, opportunistic or implicit", t))
	}
	for _, r := range m.Resolver {
		at, err := resolverAddress(r)
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("mail.resolvers: %q must be an IP address, with :PORT unless that is 53", r))
		case m.Trusted && !at.Addr().IsLoopback() && !at.Addr().IsPrivate():
			wrong = append(wrong, fmt.Sprintf("mail.resolver_validates: what %s says crosses the open internet; run a validating resolver on this machine", r))
		}
		c.Mail.Resolvers = append(c.Mail.Resolvers, at.String())
	}
	if m.Trusted && len(m.Resolver) == 0 {
		wrong = append(wrong, "mail.resolver_validates needs mail.resolvers")
	}
	if m.CA != "" {
		text, err := os.ReadFile(within(data, m.CA))
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("mail.ca_file %s cannot be read", m.CA))
		}
		c.Mail.CA = text
	}
	return wrong
}

// resolverAddress reads 127.0.0.1 or 127.0.0.1:5353.
func resolverAddress(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	return netip.ParseAddrPort(s)
}

// within is a path as it is meant in a configuration that lies in folder.
func within(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
