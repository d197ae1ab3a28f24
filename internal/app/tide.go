package app

import (
	"context"
	"net/http"

	"hale/internal/access"
	"hale/internal/store/audit"
	"hale/internal/store/tide"
)

// ashore answers nothing while the clock stands before what has been: an
// ended session must not live again.
func (a *App) ashore(next http.Handler) http.Handler {
	return a.site.Page(func(w http.ResponseWriter, r *http.Request) error {
		if err := a.tide.Check(r.Context()); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// AcceptClock takes the machine's clock for right though it stands before
// what has been. It ends every session and link, and is audited.
func (a *App) AcceptClock(ctx context.Context) error {
	row := audit.Row{ActorKind: string(access.System), Actor: "console", Action: "clock.accept", Granted: true}
	if err := a.audit.Add(ctx, row); err != nil {
		return err
	}
	return tide.Accept(ctx, a.db, a.c.Now())
}
