package cli

import (
	"fmt"
	"net"
	"strings"

	"hale/internal/app"
)

// mailInSettings is the section mail_in of hale.toml.
type mailInSettings struct {
	Host      string   `toml:"host"`
	Listen    string   `toml:"listen"`
	LMTP      bool     `toml:"lmtp"`
	Addresses []string `toml:"addresses"`
	Trusts    string   `toml:"trusts_results_of"`
	Sign      string   `toml:"dkim"`
}

// into fills in how mail comes back, and says what is wrong with it.
func (m mailInSettings) into(c *app.Config) (wrong []string) {
	c.MailIn = app.MailIn{Host: strings.ToLower(m.Host), Listen: m.Listen, LMTP: m.LMTP, Also: m.Addresses, Trusts: m.Trusts, Sign: m.Sign}
	if m.Host != "" && (!strings.Contains(m.Host, ".") || strings.ContainsAny(m.Host, "@ /:")) {
		wrong = append(wrong, fmt.Sprintf("mail_in.host %q must be a host such as bounce.clinic.example", m.Host))
	}
	if m.Listen != "" {
		if _, _, err := net.SplitHostPort(m.Listen); err != nil {
			wrong = append(wrong, fmt.Sprintf("mail_in.listen %q must be HOST:PORT", m.Listen))
		}
		if m.Host == "" && len(m.Addresses) == 0 {
			wrong = append(wrong, "mail_in.listen needs mail_in.host: without it there is no address that mail could come back to")
		}
	}
	for _, a := range m.Addresses {
		if !strings.Contains(a, "@") {
			wrong = append(wrong, fmt.Sprintf("mail_in.addresses: %q is no e-mail address", a))
		}
	}
	switch m.Sign {
	case "", "both", "rsa", "ed25519", "off":
	default:
		wrong = append(wrong, fmt.Sprintf("mail_in.dkim %q must be both, rsa, ed25519 or off", m.Sign))
	}
	return wrong
}
