package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// watched is a server whose handlers look at things.
type watched struct {
	t    *testing.T
	db   *db.DB
	h    http.Handler
	seen []int // rows on disk when the first byte left
}

// firstByte tells watched when an answer begins.
type firstByte struct {
	*httptest.ResponseRecorder
	w *watched
}

func (f firstByte) WriteHeader(status int) {
	f.w.seen = append(f.w.seen, f.w.rows())
	f.ResponseRecorder.WriteHeader(status)
}

func (w *watched) rows() int {
	w.t.Helper()
	n, err := db.One(w.t.Context(), w.db, db.Value[int], `select count(*) from audit`)
	if err != nil {
		return -1
	}
	return n
}

func newWatched(t *testing.T, d *db.DB) *watched {
	w := &watched{t: t, db: d}
	log := audit.NewLog(d, haletest.IDs(), haletest.Clock(haletest.Noon))
	site := web.NewSite(web.Clinic{Name: "Riverside"}, known, slog.New(slog.DiscardHandler), haletest.Clock(haletest.Noon), false)
	mux := http.NewServeMux()
	look := func(pattern string, h http.HandlerFunc) {
		mux.Handle(pattern, site.Page(func(rw http.ResponseWriter, r *http.Request) error {
			for range 3 {
				if err := log.Add(r.Context(), audit.Row{ActorKind: string(access.Patient), Actor: "a1", Action: "record.read", Patient: "ada", Granted: true}); err != nil {
					return err
				}
			}
			h(rw, r)
			return nil
		}))
	}
	look("GET /shown", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Set-Cookie", "secret=1")
		_, _ = io.WriteString(rw, "the result is 7.2")
		_, _ = io.WriteString(rw, " and more")
	})
	look("GET /streamed", func(rw http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(rw).Flush()
		_, _ = io.WriteString(rw, "the result is 7.2")
	})
	look("GET /moved", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/results/7.2", http.StatusSeeOther)
	})
	look("GET /none", func(http.ResponseWriter, *http.Request) {})
	look("GET /panics", func(http.ResponseWriter, *http.Request) { panic("oh") })
	look("GET /aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	look("GET /plain", func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "7.2", http.StatusNotFound) })
	look("POST /changed", func(rw http.ResponseWriter, _ *http.Request) {
		if n := w.rows(); n != 3 {
			t.Errorf("in a POST there are %d rows, want all 3 at once", n)
		}
	})
	w.h = site.Wrap(mux)
	return w
}

func (w *watched) ask(method, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			w.t.Errorf("%s %s panics: %v", method, path, p)
		}
	}()
	w.h.ServeHTTP(firstByte{rec, w}, httptest.NewRequest(method, path, nil))
	return rec
}

var looks = []string{"GET /shown", "HEAD /shown", "GET /streamed", "GET /moved", "GET /none", "GET /panics", "GET /aborts", "GET /plain", "POST /changed"}

// Looks are on disk before the first byte of an answer leaves, and also where
// there is none.
func TestLooksFirst(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		for _, what := range looks {
			t.Run(what, func(t *testing.T) {
				w := newWatched(t, d)
				if _, err := d.ExecContext(t.Context(), `delete from audit`); err != nil {
					t.Fatal(err)
				}
				method, path, _ := strings.Cut(what, " ")
				w.ask(method, path)
				for _, n := range w.seen {
					if n != 3 {
						t.Errorf("when the first byte left there were %d rows, want 3", n)
					}
				}
				if n := w.rows(); n != 3 {
					t.Errorf("afterwards there are %d rows, want 3", n)
				}
			})
		}
	})
}

// Where looks cannot be noted, nothing is shown.
func TestLooksFail(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		if _, err := d.ExecContext(t.Context(), `alter table audit rename to audit_away`); err != nil {
			t.Fatal(err)
		}
		for _, what := range looks[:6] {
			w := newWatched(t, d)
			method, path, _ := strings.Cut(what, " ")
			rec := w.ask(method, path)
			if rec.Code != http.StatusServiceUnavailable {
				t.Errorf("%s = %d, want 503", what, rec.Code)
			}
			if text := fmt.Sprint(rec.Body, rec.Header()); strings.Contains(text, "7.2") || strings.Contains(text, "secret") {
				t.Errorf("%s without a log shows %s", what, text)
			}
			if method == "GET" && !strings.Contains(rec.Body.String(), "could not note") {
				t.Errorf("%s says %q, want why", what, rec.Body)
			}
			if rec.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("%s has lost its guarding headers", what)
			}
		}
	})
}
