package cli

import (
	"fmt"
	"strings"

	"hale/internal/app"
	"hale/internal/base/money"
	"hale/internal/care/bill"
)

// billSettings say how patients pay.
type billSettings struct {
	Key    string   `toml:"stripe_key"`
	Hooks  []string `toml:"stripe_webhook_secrets"`
	How    string   `toml:"how_to_pay"`
	Least  string   `toml:"plan_least"`
	Months int      `toml:"plan_months"`
}

// into writes b into c and says what is wrong with it. Both secrets are there
// or none: without the second no payment would ever be confirmed.
func (b billSettings) into(c *app.Config) (wrong []string) {
	c.Bills = app.Bills{Stripe: app.Stripe{Secret: b.Key, Hooks: b.Hooks}, How: b.How, Rules: bill.Rules{Most: b.Months}}
	switch {
	case b.Key != "" && !strings.HasPrefix(b.Key, "sk_") && !strings.HasPrefix(b.Key, "rk_"):
		wrong = append(wrong, "bills.stripe_key must begin with sk_ or rk_")
	case b.Key != "" && len(b.Hooks) == 0:
		wrong = append(wrong, "bills.stripe_webhook_secrets is missing: payments are confirmed by what Stripe signs with it")
	case b.Key == "" && len(b.Hooks) > 0:
		wrong = append(wrong, "bills.stripe_key is missing, and there are webhook secrets")
	}
	for _, h := range b.Hooks {
		if len(h) < 16 {
			wrong = append(wrong, "bills.stripe_webhook_secrets: a secret is too short to be one")
		}
	}
	if b.Least != "" {
		sum, err := money.Typed(b.Least, "USD")
		if err != nil || sum.Cents <= 0 {
			wrong = append(wrong, fmt.Sprintf("bills.plan_least %q is no sum like 25.00", b.Least))
		}
		c.Bills.Rules.Least = sum.Cents
	}
	if b.Months < 0 || b.Months > 120 {
		wrong = append(wrong, "bills.plan_months must be 1 to 120")
	}
	return wrong
}
