package prooftest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hale/internal/prooftest/figures"
	"hale/internal/store/audit"
	"hale/internal/store/db"
)

var update = flag.Bool("update", false, "write what was met into testdata, to be read in the diff")

// matrixFile says for every route who gets in. A route that is not in it
// fails the test, and so does a line without its route.
const matrixFile = "testdata/routes.txt"

// TestMatrix asks for every route as everyone, with the subject's ids: who
// gets in is what testdata/routes.txt says; nobody sees a byte that is not
// theirs to see; who sees any is in the audit log; what is refused changes
// nothing; no GET changes anything; and every answer carries the headers
// that guard it.
func TestMatrix(t *testing.T) {
	w := newWorld(t)
	want := readMatrix(t)
	routes := w.app.Routes()
	met := map[string]string{}
	n := &tally{}
	for _, route := range routes {
		method, path := split(route)
		if method == http.MethodGet {
			met[route] = n.walk(w, method, path, route)
		} else {
			met[route] = n.change(t, method, path, route)
		}
	}
	w.quiet("the log")
	if *update {
		writeMatrix(t, met)
		return
	}
	for _, route := range routes {
		line, listed := want[route]
		if !listed {
			t.Errorf("%s is not in %s: who may do it? (-update writes %q)", route, matrixFile, met[route])
		} else if line != met[route] {
			t.Errorf("%s lets in %q, want %q", route, met[route], line)
		}
	}
	for route := range want {
		if !slices.Contains(routes, route) {
			t.Errorf("%s is in %s and is no route", route, matrixFile)
		}
	}
	t.Logf("%d routes × %d actors: %d requests, %d let in, %d refused, %d answers with patient data",
		len(routes), len(actors), n.requests, n.in, n.out, n.shown)
	figures.Write(t, figures.Run{Proof: "matrix", Counts: map[string]int64{
		"routes": int64(len(routes)), "actors": int64(len(actors)), "requests": n.requests, "let in": n.in, "refused": n.out, "let in, and changed something": n.changed,
		"answers with patient data": n.shown, "leaks": n.leaks, "answers with patient data and no audit row": n.unseen,
	}})
}

// tally is what a walk met.
type tally struct {
	requests, in, out, shown, changed, leaks, unseen int64

	world *world // as it was made, for routes that change something; nil: to be made
}

// leave ends a world that was changed by what, so that the next finds what
// there was.
func (n *tally) leave(what string) {
	if n.world != nil {
		n.world.quiet(what)
		n.world.end()
		n.world = nil
	}
}

// walk asks for one route that only shows, as everyone, and returns who got
// in.
func (n *tally) walk(w *world, method, path, route string) string {
	var in []string
	before := w.state()
	for _, a := range actors {
		if n.one(w, method, path, route, a) {
			in = append(in, a.name)
		}
	}
	if d := differ(before, w.state()); d != "" && d != seen[route] {
		w.t.Errorf("%s changed %s: a GET may change nothing", route, d)
	}
	return strings.Join(in, " ")
}

// change asks for one route that changes something, as everyone, and returns
// who got in. Whoever changed anything leaves the next a world anew.
func (n *tally) change(t *testing.T, method, path, route string) string {
	var in []string
	for _, a := range actors {
		if n.world == nil {
			n.world = newWorld(t)
		}
		before := n.world.state()
		entered := n.one(n.world, method, path, route, a)
		d := differ(before, n.world.state())
		switch {
		case entered && d != "":
			in = append(in, a.name+"+")
			n.changed++
		case entered:
			in = append(in, a.name)
		}
		if d == "" {
			continue
		}
		if !entered {
			t.Errorf("%s as %s was refused, and changed %s", route, a.name, d)
		}
		n.leave(route)
	}
	n.leave(route) // each route has its own, so that no limit of one answers for another
	return strings.Join(in, " ")
}

// one asks for one route as a, and says whether a got in.
func (n *tally) one(w *world, method, path, route string, a actor) bool {
	w.t.Helper()
	n.requests++
	res := w.ask(method, w.fill(path), a, nil)
	w.guarded(route, a, res)
	n.look(w, route, a, res)
	if !entered(res) {
		n.out++
		return false
	}
	n.in++
	return true
}

// look finds the subject's data in an answer: only those may see it who are
// to, and a row in the audit log tells of it.
func (n *tally) look(w *world, route string, a actor, res *httptest.ResponseRecorder) {
	shown := false
	for kind, words := range canaries {
		for _, word := range words {
			if !found(res, word) {
				continue
			}
			shown = shown || kind != "device" // one's own ways in are no part of the record
			if !slices.Contains(a.sees, kind) {
				n.leaks++
				w.t.Errorf("%s shows %s the subject's %s (%s)", route, a.name, kind, word)
			}
		}
	}
	if !shown {
		return
	}
	n.shown++
	const q = `select count(*) from audit where outcome = 'granted' and request = $1 and (patient = $2 or patient = '')`
	if w.count(q, w.request(), subject) == 0 {
		n.unseen++
		w.t.Errorf("%s shows %s the subject's data, and no row of that request in the audit log tells of it", route, a.name)
	}
}

// request is the id of the last request, as the program's log has it.
func (w *world) request() string {
	w.t.Helper()
	text := w.log.String()
	at := strings.LastIndex(text, `"msg":"request","request":"`)
	if at < 0 {
		w.t.Fatal("the last request is not in the log")
	}
	id, _, _ := strings.Cut(text[at+len(`"msg":"request","request":"`):], `"`)
	return id
}

// quiet checks that nothing of the subject's data, no token and no sign of
// a panic got into the program's log, whatever was asked.
func (w *world) quiet(what string) {
	w.t.Helper()
	text := w.log.String()
	if !strings.Contains(text, `"msg":"request"`) {
		w.t.Errorf("%s: nothing is logged: the check checks nothing", what)
	}
	if strings.Contains(text, `"msg":"panic"`) {
		w.t.Errorf("%s: a request panicked", what)
	}
	for kind, words := range canaries {
		for _, word := range words {
			if strings.Contains(text, word) {
				w.t.Errorf("%s: the subject's %s (%s) is in the log", what, kind, word)
			}
		}
	}
	for _, secret := range append(w.secrets, w.link) {
		if strings.Contains(text, secret) {
			w.t.Errorf("%s: a token is in the log", what)
		}
	}
}

// found says whether a word stands in an answer: its body or its headers.
func found(res *httptest.ResponseRecorder, word string) bool {
	if strings.Contains(res.Body.String(), word) {
		return true
	}
	for _, values := range res.Header() {
		for _, v := range values {
			if strings.Contains(v, word) {
				return true
			}
		}
	}
	return false
}

// entered says whether an answer is more than a refusal.
func entered(res *httptest.ResponseRecorder) bool {
	switch res.Code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusTooManyRequests:
		return false
	}
	for _, c := range res.Result().Cookies() {
		if c.Name == "__Host-hale" && c.Value != "" {
			return true // signed in by what was given
		}
	}
	to, _, _ := strings.Cut(res.Header().Get("Location"), "?")
	return res.Code < 500 && to != "/signin" && to != "/signin/again" && !gate.MatchString(to)
}

// gate is where the pages of a link and of an invitation send those who have
// not passed its factor.
var gate = regexp.MustCompile(`^/(m|join)/[^/]+$`)

// seen are the GET routes that note what a person saw, and where: that they
// were here, that a message was opened, that they read their whole record
// (45 CFR 170.315(e)(1)(ii)), and the way back to an app, which is gone once.
// Nothing else comes of it.
var seen = map[string]string{
	"GET /oauth/consent/{ask}/go": "app_ask, app_code",
	"GET /take/read":              "taken", "GET /for/{patient}/take/read": "taken",
	"GET /home": "look", "GET /for/{patient}/home": "look",
	"GET /desk/messages/{id}": "thread", // that somebody of the staff read it
	"GET /desk/queue/{id}":    "change, date_index, event, provenance, reference_index, resource, task, token_index",
	"GET /inbox/{id}":         "event, message, message_event", "GET /for/{patient}/inbox/{id}": "event, message, message_event",
}

// ask sends one request as a. Each comes from an address of its own, so that
// limits by address do not answer for the policy.
func (w *world) ask(method, path string, a actor, header http.Header) *httptest.ResponseRecorder {
	w.t.Helper()
	var body *strings.Reader = strings.NewReader("")
	if method == http.MethodPost {
		body = strings.NewReader(w.form().Encode())
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "https://"+host+path, body)
	w.dial++
	r.RemoteAddr = fmt.Sprintf("198.%d.%d.%d:999", 18+w.dial>>16&1, w.dial>>8&255, w.dial&255)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/141")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", "https://"+host)
	}
	for _, c := range w.session(a) {
		r.AddCookie(&http.Cookie{Name: c[0], Value: c[1]})
	}
	if token := w.seeds.apps[a.name]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	res := httptest.NewRecorder()
	w.app.Handler().ServeHTTP(res, r)
	return res
}

// form is what every POST says: the subject's ids under every name that a
// form might take them by.
func (w *world) form() url.Values {
	return url.Values{
		"patient": {subject}, "id": {"session-1"}, "slot": {"no-slot"}, "message": {w.msg}, "who": {subject}, "for": {subject},
		"reason": {"curious"}, "account": {"account-blocked"}, "email": {"thief@post.example"}, "phone": {"+13125550199"},
		"subject": {w.msg}, "say": {"call"}, "act": {"withdraw"}, "word": {"done"}, "form": {"fhir"}, "app": {"app-1"}, "iss": {"https://id.example"}, "why": {"asked for"}, "sure": {"yes"},
	}
}

// split parts a pattern into method and path; one without a method is asked
// for by GET.
func split(route string) (method, path string) {
	if method, path, ok := strings.Cut(route, " "); ok {
		return method, path
	}
	return http.MethodGet, route
}

// passing are the tables that a look may write to: the log of looks, limits
// by address, how long a session rests, and how often a link was fetched.
var passing = regexp.MustCompile(`^(audit.*|tide|account_session|account_limit|account_slow|account_challenge|account_ceremony|account_sso|link_fetch|link_miss|link_session|draft|form_draft|job.*|sqlite_.*|touched)$`)

// watched returns the tables whose rows nobody may change unseen.
func watched(ctx context.Context, d *db.DB) ([]string, error) {
	tables, err := db.All(ctx, d, db.Value[string], `select name from sqlite_schema where type = 'table'`)
	return slices.DeleteFunc(tables, passing.MatchString), err
}

// watch has every write to a watched table leave a line in a table of the
// test's own, so that a look at what changed reads only the tables that were
// written to.
func watch(ctx context.Context, d *db.DB) error {
	tables, err := watched(ctx, d)
	if err != nil {
		return err
	}
	return d.Tx(ctx, func(tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `create table touched (id integer primary key, name text not null)`); err != nil {
			return err
		}
		for _, table := range tables {
			for _, deed := range []string{"insert", "update", "delete"} {
				q := fmt.Sprintf(`create trigger "touched_%s_%s" after %[2]s on "%[1]s" begin insert into touched (name) values ('%[1]s'); end`, table, deed)
				if _, err := tx.ExecContext(ctx, q); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
			}
		}
		return nil
	})
}

// sums sums up every watched table.
func sums(ctx context.Context, d *db.DB) (map[string]string, error) {
	tables, err := watched(ctx, d)
	all := map[string]string{}
	for _, table := range tables {
		if err == nil {
			all[table], err = sum(ctx, d, table)
		}
	}
	return all, err
}

// state is what the database holds, a sum for each table: those of the last
// look, and anew those of the tables that were written to since.
func (w *world) state() map[string]string {
	w.t.Helper()
	ctx := w.t.Context()
	type touch struct {
		id   int64
		name string
	}
	list, err := db.All(ctx, w.db, func(scan db.Scan) (t touch, err error) {
		return t, scan(&t.id, &t.name)
	}, `select max(id), name from touched where id > $1 group by name`, w.mark)
	now := maps.Clone(w.sums)
	for _, t := range list {
		if err == nil {
			w.mark = max(w.mark, t.id)
			now[t.name], err = sum(ctx, w.db, t.name)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.sums = now
	return now
}

// sum is a number of rows and a sum over all that stands in them.
func sum(ctx context.Context, d *db.DB, table string) (string, error) {
	rows, err := d.QueryContext(ctx, `select * from "`+table+`"`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	n, total := 0, uint64(0)
	for ; rows.Next(); n++ {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		h := uint64(14695981039346656037)
		for _, b := range fmt.Appendf(nil, "%v", row) {
			h = (h ^ uint64(b)) * 1099511628211
		}
		total += h
	}
	return fmt.Sprintf("%d rows, %x", n, total), rows.Err()
}

// differ names the tables in which two states differ.
func differ(a, b map[string]string) string {
	var names []string
	for table := range a {
		if a[table] != b[table] {
			names = append(names, table)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (w *world) count(q string, args ...any) int64 {
	w.t.Helper()
	var err error
	if strings.Contains(q, "from audit") {
		err = audit.Settle(w.t.Context(), w.db)
	}
	var n int64
	if err == nil {
		n, err = db.One(w.t.Context(), w.db, db.Value[int64], q, args...)
	}
	if err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
	return n
}

// readMatrix reads the file: a route, a bar, and who gets in.
func readMatrix(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(matrixFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if route, who, ok := strings.Cut(strings.TrimSpace(line), "|"); ok && !strings.HasPrefix(line, "#") {
			lines[strings.TrimSpace(route)] = strings.TrimSpace(who)
		}
	}
	return lines
}

func writeMatrix(t *testing.T, met map[string]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Every route, and who gets further than a refusal when asking with the ids of one patient. Being told what is wrong with a form counts as getting in; a + says that something was changed by it.\n# The actors stand in world_test.go; go test -run Matrix ./internal/prooftest -update writes this anew: read the diff.\n")
	for _, route := range slices.Sorted(maps.Keys(met)) {
		fmt.Fprintf(&b, "%-52s | %s\n", route, met[route])
	}
	if err := os.WriteFile(matrixFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
