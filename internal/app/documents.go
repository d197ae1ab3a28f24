package app

import (
	"context"
	"fmt"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/base/outbound"
	"hale/internal/care/share"
	"hale/internal/care/summary"
	"hale/internal/face/fhirapi"
	"hale/internal/face/portal"
	"hale/internal/face/shl"
	"hale/internal/face/web"
	"hale/internal/reach"
)

// documents are the parts by which a record leaves the house as a whole:
// summaries, files, links.
type documents struct {
	summaries *summary.Store
	shares    *share.Store
	reader    *share.Reader // for patients: any server, through the guards
	viewer    *share.Reader // for who was sent a link: this server alone
}

// openDocuments makes them.
func (a *App) openDocuments() error {
	a.papers.summaries = summary.NewStore(a.Record, a.c.Now, summary.Clinic{
		Name: a.c.Clinic.Name, Phone: a.c.Clinic.Phone, Address: a.c.Clinic.Address, Base: a.c.base() + fhirapi.Prefix, Zone: a.c.Clinic.Zone,
	})
	a.papers.shares = share.NewStore(share.Config{
		DB: a.db, IDs: a.ids, Now: a.c.Now, Key: a.c.Key, Ring: a.Keys, Doors: a.Doors, Summaries: a.papers.summaries, Ledger: a.people.Given, Base: a.c.base(),
		Still: a.stillTakes,
	})
	client, err := outbound.New(outbound.Config{MaxBody: 16 << 20})
	if err != nil {
		return fmt.Errorf("app: documents: %w", err)
	}
	a.papers.reader = share.NewReader(a.papers.shares, client)
	a.papers.viewer = share.NewReader(a.papers.shares, nil)
	return nil
}

// stillTakes says whether an account may take a record away now: it is not
// shut, and it still helps.
func (a *App) stillTakes(ctx context.Context, account, patient string) (bool, error) {
	who, err := a.Accounts.Person(ctx, account)
	if errs.KindOf(err) == errs.Unauthenticated {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	who.Proof = access.Proof{Zone: access.StepUpZone, At: a.c.Now()}
	return who.May(access.ExportRecord, patient), nil
}

// portalDocuments adds these parts to the portal.
func (a *App) portalDocuments(c portal.Config) portal.Config {
	c.Take = &portal.Take{
		Summaries: a.papers.summaries, Ledger: a.people.Given, Shares: a.papers.shares, Reader: a.papers.reader, Letters: a.letterbox(), Mail: shareMail{a}, Base: a.c.base(),
	}
	return c
}

// sharedLinks answers the links that patients hand out.
func (a *App) sharedLinks() *web.Mux {
	return shl.New(shl.Config{Site: a.site, Links: a.papers.shares, Reader: a.papers.viewer, Base: a.c.base()}).Handler()
}

// shareMail sends links through the ledger of reach.
type shareMail struct{ a *App }

// SendShare sends one link. The words name who sends it and no health matter.
func (m shareMail) SendShare(ctx context.Context, to, from, link string, l lang.Lang) error {
	clinic := m.a.c.Clinic.Name
	err := m.a.Reach.SendNow(ctx, reach.Direct{
		Purpose: "security", Channel: reach.Email, To: to, Lang: l.Tag(),
		Subject: l.T("%s shared something with you", from),
		Text:    l.T("%s wants to show you a health summary from %s. Open it here:", from, clinic) + "\n\n" + link + "\n\n" + l.T("If you do not know this person, do nothing."),
	})
	if err != nil {
		return fmt.Errorf("app: share: %w", err)
	}
	return nil
}
