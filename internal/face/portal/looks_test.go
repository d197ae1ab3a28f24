package portal_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/care/document"
	"hale/internal/care/look"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/haletest"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

// crew knows the accounts by name.
type crew map[string]account.Account

func (c crew) Get(_ context.Context, id string) (account.Account, error) {
	a, ok := c[id]
	if !ok {
		return a, db.ErrNone
	}
	return a, nil
}

// watchedHouse is a house whose portal shows who looked.
func watchedHouse(t testing.TB, d *db.DB) (*house, *audit.Log, *audit.Notary) {
	h := newHouse(t, d)
	now := haletest.Clock(haletest.Noon)
	source := haletest.IDs()
	log := audit.NewLog(d, source, now)
	site := web.NewSite(clinic, actors, slog.New(slog.NewTextHandler(h.log, nil)), now, false)
	p := portal.New(portal.Config{
		Site: site, Doors: haletest.Doors(d), People: patient.NewStore(d), Results: result.NewStore(d), Inbox: h.inbox, Now: now,
		Audit: log, Proofs: audit.NewBook(d, haletest.Key), Names: crew{"n1": {Name: "=J. Okafor, RN", Roles: []access.Role{access.Nurse}}, "l1": {Name: "Lucía Alvarez"}},
	})
	h.handler = site.Wrap(p.Handler())
	return h, log, audit.NewNotary(d, source, now, haletest.Key, slog.New(slog.DiscardHandler))
}

// A patient reads who looked, in plain words; another's looks are not there.
func TestLooks(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h, log, notary := watchedHouse(t, d)
		me := actors["maria"]
		row := func(kind access.Kind, actor string, change func(*audit.Row)) audit.Row {
			r := audit.Row{ActorKind: string(kind), Actor: actor, Action: "record.read", Patient: me.Patient, Granted: true}
			if change != nil {
				change(&r)
			}
			return r
		}
		err := log.Add(t.Context(),
			row(access.Staff, "n1", nil), row(access.Staff, "n1", nil),
			row(access.Staff, "n2", func(r *audit.Row) { r.Purpose = access.InEmergency }),
			row(access.Proxy, "l1", func(r *audit.Row) { r.Behalf, r.Action = me.Patient, "visits.read" }),
			row(access.Link, "x", func(r *audit.Row) { r.Action = "message.read" }),
			row(access.System, "reach", func(r *audit.Row) { r.Action, r.Reason = "message.send", "sms" }),
			row(access.Staff, "n1", func(r *audit.Row) { r.Granted, r.Action = false, "contacts.read" }),
			row(access.Staff, "n9", func(r *audit.Row) { r.Patient, r.Action = "somebody-else", "disclosure.make" }))
		if err != nil {
			t.Fatal(err)
		}
		page := h.get(t, "maria", "/looks")
		if page.code != http.StatusOK {
			t.Fatalf("GET /looks = %d", page.code)
		}
		for _, want := range []string{"Who looked at your record", "J. Okafor, RN", "care team", "2 times", "A person whose account is closed", "Emergency", "Lucía Alvarez",
			"helps with this record", "Whoever had our message", "Our computer system", "By text", "Was not let in", "looks.json"} {
			if !strings.Contains(page.body, want) {
				t.Errorf("/looks does not say %q", want)
			}
		}
		if strings.Contains(page.body, "somebody outside") {
			t.Error("/looks shows what was done about another patient")
		}
		again := h.get(t, "maria", "/looks")
		if !strings.Contains(again.body, "Looked at this list") {
			t.Error("looking at the list is not in the list")
		}
		if _, err := notary.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := notary.Sign(t.Context()); err != nil {
			t.Fatal(err)
		}
		lookFiles(t, h)
		if a := h.get(t, "maria", "/looks?before=nothing"); a.code != http.StatusNotFound {
			t.Errorf("a page after no row = %d, want 404", a.code)
		}
	})
}

// lookFiles saves both files and checks their proofs.
func lookFiles(t *testing.T, h *house) {
	t.Helper()
	file := h.get(t, "maria", "/looks/file/looks.json")
	proof, err := audit.ReadProof([]byte(file.body))
	if err != nil || len(proof.Rows) < 7 {
		t.Fatalf("looks.json has %d rows, %v, want all that are signed", len(proof.Rows), err)
	}
	if _, err := proof.Check(); err != nil {
		t.Errorf("the proof in looks.json: %v", err)
	}
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/looks/file/looks.csv", nil)
	r.AddCookie(&http.Cookie{Name: "hale", Value: "maria"})
	h.handler.ServeHTTP(rec, r)
	if cc, cd := rec.Header().Get("Cache-Control"), rec.Header().Get("Content-Disposition"); cc != "no-store" || !strings.HasPrefix(cd, "attachment") {
		t.Errorf("looks.csv has Cache-Control %q and Content-Disposition %q", cc, cd)
	}
	rows, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || len(rows) < 8 {
		t.Fatalf("looks.csv has %d rows, %v", len(rows), err)
	}
	proven := 0
	for _, row := range rows[1:] {
		if strings.HasPrefix(row[1], "=") {
			t.Errorf("a name is a formula: %q", row[1])
		}
		if row[7] != "" {
			proven++
		}
	}
	if proven < 7 {
		t.Errorf("looks.csv proves %d rows, want 7 or more", proven)
	}
	if a := h.get(t, "maria", "/looks/file/looks.exe"); a.code != http.StatusNotFound {
		t.Errorf("another file = %d, want 404", a.code)
	}
}

// kept opens doors once and remembers the passes: pages without any audit.
type kept struct {
	*access.Doors
	passes map[access.Right]access.Pass
}

func (k kept) Check(ctx context.Context, a access.Actor, right access.Right, p string) (access.Pass, error) {
	list, err := k.CheckMany(ctx, a, p, right)
	if err != nil {
		return access.Pass{}, err
	}
	return list[0], nil
}

func (k kept) CheckMany(ctx context.Context, a access.Actor, p string, rights ...access.Right) ([]access.Pass, error) {
	list := make([]access.Pass, len(rights))
	for i, right := range rights {
		if _, ok := k.passes[right]; !ok {
			pass, err := k.Doors.Check(ctx, a, right, p)
			if err != nil {
				return nil, err
			}
			k.passes[right] = pass
		}
		list[i] = k.passes[right]
	}
	return list, nil
}

// BenchmarkAudit draws pages with and without their audit rows on disk, by
// turns, one at a time and eight at once, and reports the medians.
func BenchmarkAudit(b *testing.B) {
	for engine, open := range map[string]func(testing.TB) *db.DB{"sqlite": haletest.SQLite, "postgres": haletest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			var houses [2]*house // without, with
			for i := range houses {
				houses[i] = newHouse(b, open(b))
				houses[i].maria(b)
			}
			houses[0].unwatched(b)
			for _, path := range []string{"/home", "/health/results"} {
				for _, many := range []int{1, 8} {
					b.Run(fmt.Sprintf("%s/%d", path[1:], many), func(b *testing.B) {
						var took [2][]time.Duration
						for b.Loop() {
							for i, h := range houses {
								took[i] = append(took[i], h.draw(b, path, many)...)
							}
						}
						without, with := median(took[0]), median(took[1])
						b.ReportMetric(without, "ms-without")
						b.ReportMetric(with, "ms-with")
						b.ReportMetric(100*(with/without-1), "%-more")
					})
				}
			}
		})
	}
}

// draw opens a page n times at once and returns how long each took.
func (h *house) draw(b *testing.B, path string, n int) []time.Duration {
	took := make([]time.Duration, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			start := time.Now()
			if a := h.get(b, "maria", path); a.code != http.StatusOK {
				b.Errorf("%s = %d", path, a.code)
			}
			took[i] = time.Since(start)
		})
	}
	group.Wait()
	return took
}

// median returns the middle one in milliseconds.
func median(list []time.Duration) float64 {
	slices.Sort(list)
	return list[len(list)/2].Seconds() * 1000
}

// unwatched takes the audit out of h's home and results.
func (h *house) unwatched(t testing.TB) {
	t.Helper()
	now := haletest.Clock(haletest.Noon)
	site := web.NewSite(clinic, actors, slog.New(slog.NewTextHandler(h.log, nil)), now, false)
	h.handler = site.Wrap(portal.New(portal.Config{
		Site: site, Doors: kept{haletest.Doors(h.db), map[access.Right]access.Pass{}}, People: patient.NewStore(h.db), Results: result.NewStore(h.db),
		Medicines: medication.NewStore(h.db), Problems: problem.NewStore(h.db), Documents: document.NewStore(h.db, h.records), Visits: h.visits,
		Inbox: h.inbox, Looks: look.NewStore(h.db, now), Records: h.records, Now: now,
	}).Handler())
}
