package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"hale/internal/base/seal"
	facetrack "hale/internal/face/track"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/enclosure"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// Tracking is what mails report back to.
type Tracking struct {
	Off      bool   // no picture and no counted link in any mail
	Networks string // a file of networks, newer than the list that is shipped; empty: none
}

// tracking is what keeps and labels what mails report.
type tracking struct {
	signer   *track.Signer
	hits     *track.Store
	networks *track.Networks
	pages    *web.Mux
}

// openTracking makes it.
func (a *App) openTracking() error {
	t := tracking{signer: track.NewSigner(a.c.Key, a.c.base()), hits: track.NewStore(a.db, a.c.Now), networks: track.Shipped()}
	if a.c.Tracking.Networks != "" {
		f, err := os.Open(a.c.Tracking.Networks)
		if err != nil {
			return fmt.Errorf("app: networks: %w", err)
		}
		defer f.Close()
		newer, err := track.ReadNetworks(f)
		if err != nil {
			return fmt.Errorf("app: networks in %s: %w", a.c.Tracking.Networks, err)
		}
		t.networks = t.networks.With(newer)
	}
	a.tracks = t
	return nil
}

// enclosures are the files that come with messages.
func (a *App) enclosures() *enclosure.Store {
	return enclosure.NewStore(a.db, a.ids, a.c.Now, a.bulk.files)
}

// hear brings what somebody wrote on a message's page into their
// conversation.
func (a *App) hear(ctx context.Context, tx *db.Tx, patient, message, text string, meaning reach.Meaning) error {
	said := string(meaning)
	if meaning == reach.Other {
		said = ""
	}
	return a.Reach.Dialogs.Heard(ctx, tx, dialog.Heard{
		Channel: dialog.Page, Patient: patient, Message: message, Text: text, Meaning: said, At: a.c.Now(),
		Key: "page/" + message + "/" + seal.Hash(text),
	})
}

// signs returns what signs the addresses in mails; nil where nothing is to
// be reported.
func (a *App) signs() *track.Signer {
	if a.c.Tracking.Off {
		return nil
	}
	return a.tracks.signer
}

// trackPages answers what mails fetch.
func (a *App) trackPages() *web.Mux {
	a.tracks.pages = facetrack.Handler(facetrack.Config{
		Signer: a.tracks.signer, Hits: a.tracks.hits, Networks: a.tracks.networks, Remote: a.site.Remote, Secure: a.c.secure(),
		Failed: func(err error) { a.c.Log.Error("fetch not kept", "err", err) },
	})
	return a.tracks.pages
}

// withTracking answers what mails fetch before anything that pages need: no
// session is looked up for a picture.
func (a *App) withTracking(next http.Handler) http.Handler {
	pages := a.tracks.pages
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, track.Path) {
			pages.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Relabel brings all fetches to their messages and labels those of a time
// anew. It returns how many rows it looked at, and how many labels changed.
func (a *App) Relabel(ctx context.Context, back time.Duration) (rows, changed int, err error) {
	for hits := 1; hits > 0; {
		if hits, err = a.tracks.hits.Apply(ctx, a.Reach.Tracked); err != nil {
			return 0, 0, err
		}
	}
	return a.tracks.hits.Relabel(ctx, a.c.Now().Add(-back))
}

// How often fetches are brought to their messages, and labels made again
// for those that a later act may explain.
const (
	applyEvery   = time.Second
	relabelEvery = time.Minute
	relabelBack  = time.Hour
)

// followTracks brings fetches to their messages until ctx ends.
func (a *App) followTracks(ctx context.Context) error {
	apply, again := time.NewTicker(applyEvery), time.NewTicker(relabelEvery)
	defer apply.Stop()
	defer again.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-apply.C:
			_, err = a.tracks.hits.Apply(ctx, a.Reach.Tracked)
		case <-again.C:
			_, _, err = a.tracks.hits.Relabel(ctx, a.c.Now().Add(-relabelBack))
		}
		if err != nil && ctx.Err() == nil {
			a.c.Log.Error("fetches not applied", "err", err)
		}
	}
}
