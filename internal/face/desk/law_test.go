package desk

import (
	"context"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/reach/law"
	"hale/internal/reach/policy"
	"hale/internal/reach/rulebook"
)

// bookWords are fakeWords with the rows of the law that come with Hale.
type bookWords struct {
	fakeWords
	book *law.Book
}

func (f bookWords) Rules(ctx context.Context) (*policy.Settings, policy.Settings, error) {
	now, base, err := f.fakeWords.Rules(ctx)
	now.Law = f.book
	return now, base, err
}

// Whoever looks at the rows of the law sees which of them somebody looked up,
// and which counsel has to confirm.
func TestLawLookedUp(t *testing.T) {
	book, err := law.Default()
	if err != nil {
		t.Fatal(err)
	}
	f := known()
	words := bookWords{fakeWords{f}, book}
	h := serveMore(t, f, func(c *Config) {
		c.RuleBook, c.InForce, c.Words, c.Ledger = rulebook.NewStore(haletest.SQLite(t), haletest.IDs(), haletest.Clock(noon)), words, words, words
	})
	page := ask(t, h, "nurse", "GET", "/desk/policy/law", nil).Body.String()
	for text, least := range map[string]int{"N.J.S.A. 56:8-128(d)": 1, "Looked up on 2026-11-23.": 20, "To be confirmed by counsel: ": 10} {
		if n := strings.Count(page, text); n < least {
			t.Errorf("the page says %q %d times, want %d or more", text, n, least)
		}
	}
}
