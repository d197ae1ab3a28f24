package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"hale/internal/prooftest/rig"
)

// walkers are the people of the town who open every page they get to.
var walkers = []walker{
	{"stranger", "", []string{"/", "/signin", "/check-tls", "/help/signin"}},
	{"patient", "Maria Alvarez", []string{"/home", "/health", "/visits", "/inbox", "/more"}},
	{"caregiver", "Lucía Alvarez", []string{"/for"}},
	{"nurse", "J. Okafor", []string{"/desk"}},
	{"front desk", "Ruth Sandoval", []string{"/desk"}},
	{"billing", "Theo Marsh", []string{"/desk"}},
	{"marketer", "Dana Whitfield", []string{"/desk"}},
	{"administrator", "Samir Haddad", []string{"/desk", "/desk/settings"}},
	{"officer", "Ines Castellano", []string{"/desk"}},
}

type walker struct {
	who, name string // whom the demo steps in as
	from      []string
}

// page is how long one kind of page took for somebody.
type page struct {
	who, kind    string
	at           string
	first        time.Duration // the middle where the program was busy with something else at first; else 0
	middle, late time.Duration
	cpu          float64 // seconds of the program and the database for each
	bytes        int
}

// kinds tells what kind of page an address is.
type kinds struct{ mux *http.ServeMux }

func shapes(file string) (*kinds, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	k := &kinds{http.NewServeMux()}
	for line := range strings.Lines(string(text)) {
		route, _, ok := strings.Cut(line, "|")
		if route = strings.TrimSpace(route); ok && strings.HasPrefix(route, "GET ") && !strings.HasPrefix(route, "GET /fhir/") {
			k.mux.Handle(route, http.NotFoundHandler())
		}
	}
	return k, nil
}

func (k *kinds) of(at string) string {
	r, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		return at
	}
	if _, kind := k.mux.Handler(r); kind != "" {
		return strings.TrimPrefix(kind, "GET ")
	}
	return r.URL.Path
}

// reader is one person with a browser's cookies and one connection.
type reader struct {
	origin string
	client *http.Client
	used   func() float64 // CPU seconds so far
}

// walk steps in as somebody and times a page of each kind they get to.
func (t *town) walk(ctx context.Context, o options, engine string, k *kinds, w walker) ([]page, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	r := &reader{origin: t.origin, client: &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: time.Minute}}
	r.used = func() float64 {
		m := rig.Usage{}.Until(rig.Take(t.cmd.Process.Pid, engine))
		return m.Server + m.Database
	}
	defer r.client.CloseIdleConnections()
	if w.name != "" {
		if err := r.stepIn(ctx, w.name); err != nil {
			return nil, err
		}
	}
	var all []page
	met := map[string]bool{}
	for queue := w.from; len(queue) > 0; queue = queue[1:] {
		kind := k.of(queue[0])
		if met[kind] || strings.HasPrefix(kind, "/town") || strings.HasPrefix(queue[0], "/town") {
			continue
		}
		met[kind] = true
		p := page{who: w.who, kind: kind, at: queue[0]}
		links, err := r.time(ctx, o, queue[0], &p)
		if err != nil {
			return nil, err
		}
		if p.middle > 0 {
			all = append(all, p)
		}
		queue = append(queue, links...)
	}
	return all, r.again(ctx, o, t.cmd.Process.Pid, all)
}

// again takes the time of slow pages once more when the program has come to
// rest: what it does for itself in between is no page's.
func (r *reader) again(ctx context.Context, o options, pid int, all []page) error {
	for i, p := range all {
		if p.middle <= goal {
			continue
		}
		if _, err := rig.Rest(ctx, pid); err != nil {
			return err
		}
		second := page{who: p.who, kind: p.kind, at: p.at}
		if _, err := r.time(ctx, o, p.at, &second); err != nil {
			return err
		}
		if second.middle > 0 && second.middle < p.middle {
			second.first, all[i] = p.middle, second
		}
	}
	return nil
}

// time asks for a page some times. What is not a page leaves p as it is.
func (r *reader) time(ctx context.Context, o options, at string, p *page) (links []string, err error) {
	var took []time.Duration
	var used float64
	for n := range o.times + 1 {
		began := time.Now()
		answer, body, err := r.get(ctx, at)
		if err != nil {
			return nil, err
		}
		spent := time.Since(began)
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			return nil, nil
		}
		if n == 0 { // the first fills what is kept
			p.bytes, links, used = len(body), r.links(body, answer.Request.URL), r.used()
			continue
		}
		took = append(took, spent)
	}
	p.cpu = (r.used() - used) / float64(o.times)
	slices.Sort(took)
	p.middle, p.late = took[len(took)/2], took[len(took)*95/100]
	return links, nil
}

func (r *reader) get(ctx context.Context, at string) (*http.Response, string, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, r.origin+at, nil)
	if err != nil {
		return nil, "", err
	}
	return r.do(ask)
}

func (r *reader) do(ask *http.Request) (*http.Response, string, error) {
	ask.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := r.client.Do(ask)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

// links are where a page leads on this site, without what downloads.
func (r *reader) links(body string, from *url.URL) (list []string) {
	for n := range nodes(body) {
		to := attribute(n, "href")
		if n.Data != "a" || to == "" || has(n, "download") {
			continue
		}
		if u, err := from.Parse(to); err == nil && u.Host == from.Host && strings.HasPrefix(u.Scheme, "http") {
			list = append(list, u.RequestURI())
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// stepIn signs in as one of the demo's people, by the form that says so.
func (r *reader) stepIn(ctx context.Context, name string) error {
	_, body, err := r.get(ctx, "/signin")
	if err != nil {
		return err
	}
	for n := range nodes(body) {
		if n.Data != "form" || !strings.Contains(text(n), "Step in as "+name) {
			continue
		}
		values := url.Values{}
		for in := range n.Descendants() {
			if name := attribute(in, "name"); name != "" {
				values.Set(name, attribute(in, "value"))
			}
		}
		ask, err := http.NewRequestWithContext(ctx, http.MethodPost, r.origin+attribute(n, "action"), strings.NewReader(values.Encode()))
		if err != nil {
			return err
		}
		ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		ask.Header.Set("Origin", r.origin)
		answer, _, err := r.do(ask)
		if err == nil && (answer.StatusCode != http.StatusOK || strings.HasPrefix(answer.Request.URL.Path, "/signin")) {
			err = fmt.Errorf("stepping in as %s ends at %s with %d", name, answer.Request.URL.Path, answer.StatusCode)
		}
		return err
	}
	return fmt.Errorf("the page of sign-in has no way to step in as %s", name)
}
