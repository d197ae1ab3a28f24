package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"hale/internal/base/errs"
	"hale/internal/care/document"
	"hale/internal/care/problem"
	"hale/internal/care/result"
	"hale/internal/face/desk"
	"hale/internal/face/fhirapi"
	"hale/internal/face/outreachapi"
	"hale/internal/face/pickup"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/reach/todo"
	"hale/internal/reach/track"
	"hale/internal/store/db"
)

// drain is how long requests under way may take when Hale stops.
const drain = 10 * time.Second

// Serve builds Hale and runs it until ctx ends. It calls ready with its
// address when it answers.
func Serve(ctx context.Context, c Config, ready func(addr string)) error {
	listen, err := listen(&c)
	if err != nil {
		return err
	}
	defer listen.Close()
	a, err := New(ctx, c)
	if err != nil {
		return err
	}
	defer a.Close()
	a.warnLossy(ctx)
	return a.run(ctx, listen, ready)
}

// listen opens c.Addr, so that the address in links is known even if any
// free port will do.
func listen(c *Config) (net.Listener, error) {
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, errs.New(errs.Unavailable, fmt.Sprintf("Nothing can listen on %s. Is something else there? --addr HOST:PORT takes another.", c.Addr)).Because(err)
	}
	if host, _, err := net.SplitHostPort(c.Addr); err == nil {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		c.Addr = net.JoinHostPort(host, port)
	}
	return l, nil
}

// base is the address that links begin with.
func (c Config) base() string {
	if c.URL != "" {
		return c.URL
	}
	return c.scheme() + c.local()
}

// scheme is how this process itself is spoken to; a proxy may add TLS.
func (c Config) scheme() string {
	if c.TLS.on() {
		return "https://"
	}
	return "http://"
}

// local is Addr as a browser on this machine finds it. Passkeys need a name,
// so the loopback address becomes localhost.
func (c Config) local() string {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return c.Addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// secure says whether browsers come by https.
func (c Config) secure() bool { return len(c.base()) > 5 && c.base()[:6] == "https:" }

// run serves until ctx ends and waits for everything that was begun.
func (a *App) run(ctx context.Context, listen net.Listener, ready func(addr string)) error {
	front, err := a.c.front()
	if err != nil {
		return err
	}
	notary, err := a.notary()
	if err != nil {
		return err
	}
	server := web.NewServer(a.handler, a.c.Log)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.queue.Run(ctx) })
	group.Go(func() error { return a.Reach.RunSender(ctx) })
	group.Go(func() error { return a.links.Run(ctx) })
	group.Go(func() error { return a.takeMail(ctx) })
	group.Go(func() error { return a.runTexts(ctx) })
	group.Go(func() error { return a.followTracks(ctx) })
	group.Go(func() error { return a.people.Helpers.Run(ctx, a.c.Log) })
	group.Go(func() error { return a.sweepAccounts(ctx) })
	group.Go(func() error { return a.sweepApps(ctx) })
	group.Go(func() error { return a.followWords(ctx) })
	group.Go(func() error { return a.followJourneys(ctx) })
	group.Go(func() error { return notary.Run(ctx) })
	group.Go(func() error { return a.tellOthers(ctx) })
	group.Go(func() error { return a.Hooks.Run(ctx) })
	group.Go(func() error { return a.followClinic(ctx) })
	group.Go(func() error { return a.answerPlain(ctx, front) })
	group.Go(func() error {
		err := front.answer(server, listen)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("app: serve: %w", err)
	})
	group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		err := server.Shutdown(stop)
		a.signIn.Wait()
		return err
	})
	ready(a.c.scheme() + a.c.Addr)
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// routes is the map of the whole server.
func (a *App) routes(demo *Demo, api *fhirapi.API, p *portal.Portal) *web.Mux {
	mux := web.NewMux()
	mux.Mount("/api/docs", a.docs(demo, api))
	mux.Mount("/api/docs/", a.docs(demo, api))
	mux.Handle("/static/", a.site.Static())
	mux.Handle(outreachapi.Prefix+"/", a.outreachAPI().Handler())
	mux.HandleFunc("GET /healthz", a.health)
	staff := desk.New(a.deskForms(a.deskBills(a.deskClinic(a.deskRecord(a.deskMail(a.deskJourneys(a.deskWriting(a.deskCalls(a.deskTraffic(a.deskApps(a.deskAudit(a.deskPeople(a.guards.onDesk(desk.Config{
		Site: a.site, Doors: a.Doors, Protected: a.Record, Reach: a.Reach, Todos: todo.NewStore(a.db, a.c.Now), Tasks: a.Tasks, Medicines: a.supplies(), Readings: a.readings(), Vitals: result.NewStore(a.db).In(a.units), Problems: problem.NewStore(a.db), Measure: a.Measure, Patients: a.patients, Contacts: a.contacts,
		Consents: a.consents, Visits: a.Visits, Agenda: a.Visits, CheckIns: a.checkins(), Accounts: a.Accounts, Members: a.Accounts, Base: a.c.base(), Audit: a.audit,
		Letters: a.letterbox(), Documents: document.NewStore(a.db, a.Record),
		Services: services(), Senders: a.shown, Dialogs: a.Reach.Dialogs, Answers: a.Reach, Conformity: a.Record,
		Tracked: a.tracks.hits, Proofs: a.links, Enclosures: a.enclosures(), Retracts: a.Reach,
	})))))))))))))).Handler()
	a.mountApps(mux)
	mux.Mount("/desk", staff)
	mux.Mount("/desk/", staff)
	doors := a.pickup()
	mux.Mount("/m/", doors)
	mux.Mount("/u/", doors)
	mux.Mount("/w/", doors)
	mux.Mount("/pay", doors)
	mux.Mount("/pay/", doors)
	mux.Mount("/fill/", doors)
	mux.Mount("/paid/", doors)
	mux.Mount(track.Path, a.trackPages())
	mux.Mount("/f/", a.leads().Handler())
	mux.Mount("/check-tls", a.mailCheck())
	mux.Mount("/shl", a.sharedLinks())
	mux.Mount("/shl/", a.sharedLinks())
	a.textRoutes(mux)
	a.billRoutes(mux)
	demo.routes(mux, a)
	mux.Mount("/", p.Handler())
	return mux
}

// pickup makes the pages behind links.
func (a *App) pickup() *web.Mux {
	return pickup.New(a.pickupForms(a.pickupBills(pickup.Config{
		Site: a.site, Doors: a.Doors, Links: a.links, Reach: a.Reach, Visits: a.Visits, Meant: a.Reach, Now: a.c.Now, Choices: a.choices(),
		Files: a.enclosures(), Hear: a.hear, Shown: a.Threads.Shown, Behind: a.behind, SaidFile: a.fileBehind,
	}))).Handler()
}

// services are the kinds of visits that a message can offer.
func services() []desk.Service {
	return []desk.Service{
		{Code: "eye-exam", Name: "Eye exam"}, {Code: "follow-up", Name: "Follow-up visit"}, {Code: "vaccine", Name: "Vaccine visit"},
		{Code: "mammogram", Name: "Mammogram"}, {Code: "blood-pressure", Name: "Blood pressure check"},
	}
}

// health answers load balancers: is the database there?
func (a *App) health(w http.ResponseWriter, r *http.Request) {
	if _, err := db.One(r.Context(), a.db, db.Value[int], "select 1"); err != nil {
		http.Error(w, "database", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// every does something at intervals until ctx ends. What goes wrong is logged
// as said, and tried again the next time.
func (a *App) every(ctx context.Context, interval time.Duration, said string, do func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				a.c.Log.Error(said, "err", err)
			}
		}
	}
}
