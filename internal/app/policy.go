package app

import (
	"fmt"
	"os"

	"hale/internal/face/desk"
	"hale/internal/reach/choice"
	"hale/internal/reach/law"
	"hale/internal/reach/rulebook"
)

// book returns what the law says: what comes with Hale, and beside it the
// clinic's own file.
func (c Config) book() (*law.Book, error) {
	b, err := law.Default()
	if err != nil || c.Law == "" {
		return b, err
	}
	text, err := os.ReadFile(c.Law)
	if err != nil {
		return nil, fmt.Errorf("app: the law: %w", err)
	}
	own, err := law.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", c.Law, err)
	}
	return b.With(own), nil
}

// deskPolicy adds the pages about rules and about how people may be reached.
func (a *App) deskPolicy(c desk.Config) desk.Config {
	c.RuleBook, c.InForce, c.Words, c.Ledger = rulebook.NewStore(a.db, a.ids, a.c.Now), a.Reach, a.Reach, a.consents
	return c
}

// choices keeps what people choose about being written to.
func (a *App) choices() *choice.Store { return choice.NewStore(a.contacts, a.consents) }

// CheckLaw says whether the clinic's own file of the law can be followed.
func (c Config) CheckLaw() error {
	_, err := c.book()
	return err
}
