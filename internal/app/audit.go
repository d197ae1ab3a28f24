package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hale/internal/base/ids"
	"hale/internal/base/outbound"
	"hale/internal/face/desk"
	"hale/internal/face/portal"
	"hale/internal/reach"
	"hale/internal/record"
	"hale/internal/store/audit"
	"hale/internal/store/event"
	"hale/internal/store/keys"
)

// Witnesses says who keeps the audit log's checkpoints.
type Witnesses struct {
	Files  []string      // paths, best on another machine's disk
	URLs   []string      // that take them by HTTP POST
	Emails []string      // people
	Every  time.Duration // how often people hear of it; 0: once a day
}

// notary makes the part that gives audit rows their place in the tree.
func (a *App) notary() (*audit.Notary, error) {
	w := a.c.Witnesses
	var list []audit.Witness
	for _, path := range w.Files {
		list = append(list, audit.File{Path: path})
	}
	if len(w.URLs) > 0 {
		client, err := outbound.New(outbound.Config{Private: true}) // the operator named the servers
		if err != nil {
			return nil, err
		}
		for _, u := range w.URLs {
			list = append(list, audit.Webhook{URL: u, Client: client})
		}
	}
	every := w.Every
	if every == 0 {
		every = 24 * time.Hour
	}
	for _, to := range w.Emails {
		list = append(list, audit.Mail{To: to, Every: every, Send: a.mailCheckpoint})
	}
	return audit.NewNotary(a.db, a.ids, a.c.Now, a.c.Key, a.c.Log, list...), nil
}

// mailCheckpoint sends a checkpoint to a person. There is no patient in it.
func (a *App) mailCheckpoint(ctx context.Context, to, subject, text string) error {
	for _, g := range a.senders.gateways {
		if g.Channel() != reach.Email {
			continue
		}
		key := "audit-" + a.ids.New()
		r := g.Send(ctx, reach.Handoff{Message: key, Key: key, Attempt: 1, To: to, From: a.c.Mail.From, Subject: subject, Text: text})
		if r.Outcome != reach.Accepted {
			return fmt.Errorf("app: mail checkpoint: %s %s", r.Outcome, r.Code)
		}
		return nil
	}
	return fmt.Errorf("app: mail checkpoint: no mail server is configured")
}

// AuditBook opens the audit log to read it, while Hale may serve elsewhere.
// Close ends it.
func AuditBook(ctx context.Context, c Config) (book *audit.Book, end func() error, err error) {
	d, err := c.openFile(ctx)
	if err != nil {
		return nil, nil, err
	}
	return audit.NewBook(d, c.Key), d.Close, nil
}

// ProveRecord compares every version of the record that the audit log tells
// of with the log.
func ProveRecord(ctx context.Context, c Config) (p record.Proof, err error) {
	d, err := c.openFile(ctx)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	ring, err := keys.Open(ctx, keys.Config{DB: d, Roots: c.roots(), Now: c.Now, Reload: c.Reload})
	if err != nil {
		return p, err
	}
	source := ids.NewSource(c.Now, c.Rand)
	return record.New(d, source, c.Now, event.NewLog(source, c.Now)).WithKeys(ring).ProveAll(ctx)
}

// deskAudit adds the log to the desk.
func (a *App) deskAudit(c desk.Config) desk.Config {
	c.Log, c.Book = a.audit, audit.NewBook(a.db, a.c.Key)
	return a.deskMirror(c)
}

// portalAudit adds to the portal who looked at a record.
func (a *App) portalAudit(c portal.Config) portal.Config {
	c.Audit, c.Proofs, c.Names = a.audit, audit.NewBook(a.db, a.c.Key), a.Accounts
	return a.portalMirror(c)
}
