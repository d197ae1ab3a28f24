package browsertest

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"hale/internal/base/lang"
)

// walkers are the people of the demo town who look at every page they get to.
var walkers = []struct {
	who, name string // what pictures are called; whom the demo steps in as
	from      []string
}{
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

// TestShots has everybody of the demo town follow every link, takes a picture
// of each kind of page in both themes and two widths, and looks whether the
// page can be used: by axe-core, with 320 pixels (which is 400 % on 1280),
// by keyboard alone, and without scripts. It takes long: make shots runs it.
func TestShots(t *testing.T) {
	if os.Getenv("HALE_WALK") == "" {
		t.Skip("skipped: HALE_WALK is not set; make shots sets it")
	}
	b := start(t, serve(t))
	kinds := shapes(t)
	var seen []sight
	for _, w := range walkers {
		t.Run(w.who, func(t *testing.T) {
			tb := b.tab(t, w.who, 1280, 900)
			if tb.visit("/"); w.name != "" {
				tb.stepIn(w.name)
			}
			seen = append(seen, tb.walk(kinds, w.from)...)
		})
	}
	if b.shots != "" {
		gallery(t, b.shots, seen)
	}
	if len(seen) == 0 {
		t.Fatal("no page was looked at")
	}
	heaviest := slices.MaxFunc(seen, func(a, b sight) int { return cmp.Compare(a.bytes, b.bytes) })
	t.Logf("%d pages; the heaviest is %s with %d kB", len(seen), heaviest.at, heaviest.bytes/1000)
}

// sight is one page that was looked at.
type sight struct {
	who, at string
	kind    string
	bytes   int64 // as they came over the wire, with what the page loads
	files   []string
}

// shapes knows the kinds of pages: /visits/{id} is one, whichever visit.
func shapes(t *testing.T) *http.ServeMux {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "prooftest", "testdata", "routes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for line := range strings.Lines(string(text)) {
		route, _, ok := strings.Cut(line, "|")
		if route = strings.TrimSpace(route); ok && strings.HasPrefix(route, "GET ") && !strings.HasPrefix(route, "GET /fhir/") {
			mux.Handle(route, http.NotFoundHandler())
		}
	}
	return mux
}

// walk looks at one page of each kind that can be reached from the first ones.
func (tb *tab) walk(kinds *http.ServeMux, from []string) []sight {
	tb.t.Helper()
	var seen []sight
	met := map[string]bool{}
	for queue := from; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		r, err := http.NewRequest(http.MethodGet, at, nil)
		if err != nil {
			tb.t.Errorf("a link leads to %q: %v", at, err)
			continue
		}
		_, kind := kinds.Handler(r)
		if kind == "" {
			kind = r.URL.Path
		}
		if met[kind] || strings.HasPrefix(kind, "GET /town") || strings.HasPrefix(r.URL.Path, "/town") {
			continue
		}
		met[kind] = true
		if !tb.isPage(at) {
			continue
		}
		s := tb.sight(at, kind)
		seen = append(seen, s)
		queue = append(queue, tb.links()...)
	}
	return seen
}

// isPage says whether a link of this site leads to a page, and not to a file.
// A link that leads nowhere is a mistake.
func (tb *tab) isPage(at string) bool {
	tb.t.Helper()
	type answer struct {
		Code int
		Type string
	}
	got := ask[answer](tb, `fetch(`+quoted(at)+`, {method: "HEAD", credentials: "same-origin"}).then((r) => ({Code: r.status, Type: r.headers.get("content-type") || ""}))`)
	if got.Code >= 400 {
		tb.t.Errorf("%s follows a link to %s and gets %d", tb.who, at, got.Code)
		return false
	}
	return strings.HasPrefix(got.Type, "text/html")
}

// links are where the page leads, without what downloads.
func (tb *tab) links() []string {
	tb.t.Helper()
	list := ask[[]string](tb, `[...document.querySelectorAll("a[href]:not([download])")].filter((a) => a.origin === location.origin).map((a) => a.pathname + a.search)`)
	slices.Sort(list)
	return slices.Compact(list)
}

// sight looks at one page in every way.
func (tb *tab) sight(at, kind string) sight {
	tb.t.Helper()
	tb.visit(at)
	s := sight{who: tb.who, at: at, kind: kind}
	s.bytes = ask[int64](tb, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((n, e) => n + (e.encodedBodySize || 0), 0)`)
	if n := ask[int](tb, `document.querySelectorAll("h1").length`); n != 1 {
		tb.t.Errorf("%s at %s finds %d headings of the first level, want one", tb.who, at, n)
	}
	if ask[string](tb, `document.title`) == "" {
		tb.t.Errorf("%s at %s: the page has no title", tb.who, at)
	}
	name := tb.who + strings.NewReplacer("/", "_", "?", "_", "&", "_", "GET ", "").Replace(strings.TrimSuffix(url.PathEscape(kind), "%7B$%7D"))
	name = strings.NewReplacer("%2F", "_", "%20", "", "%7B", "", "%7D", "", "GET", "").Replace(name)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			tb.pose(scheme, width)
			file := fmt.Sprintf("%s-%s-%d.png", name, scheme, width)
			if tb.b.shots != "" {
				tb.shoot(file)
				s.files = append(s.files, file)
			}
			if (scheme == "light") == (width == 390) {
				tb.axe(fmt.Sprintf("%s, %s at %d pixels", at, scheme, width))
			}
		}
	}
	tb.pose("light", 320)
	if wide := ask[int64](tb, `document.documentElement.scrollWidth`); wide > 320 {
		tb.t.Errorf("%s: %s scrolls sideways at 320 pixels: %d wide", tb.who, at, wide)
	}
	for _, cut := range ask[[]string](tb, clipped) {
		tb.t.Errorf("%s: on %s a card cuts this off at 320 pixels: %s", tb.who, at, cut)
	}
	if !ask[bool](tb, `!!document.querySelector(".desk")`) { // what patients read
		tb.enlarged(at, name)
		if tb.b.shots != "" {
			s.files = append(s.files, name+"-large-390.png")
		}
	}
	tb.pose("light", 1280)
	tb.keys(at)
	tb.plain(at)
	return s
}

// clipped finds what runs out of a card that hides what does not fit.
const clipped = `[...document.querySelectorAll("main .card.flush :is(.chip, .btn, b, .num)")].filter((e) => {
	if (!e.checkVisibility() || e.closest(".vh, .scroll, table")) return false;
	const r = e.getBoundingClientRect(), card = e.closest(".card").getBoundingClientRect();
	return r.right > card.right + 1 || r.left < card.left - 1;
}).slice(0, 3).map((e) => e.outerHTML.slice(0, 120))`

// enlarged looks at the page on a phone and in a half window with letters twice
// as large: nothing scrolls sideways, and no button or heading loses its words.
//
// Spec: https://www.w3.org/TR/WCAG22/#resize-text
func (tb *tab) enlarged(at, name string) {
	tb.t.Helper()
	for _, width := range []int64{390, 640} {
		tb.pose("light", width)
		ask[bool](tb, `(() => { document.documentElement.style.fontSize = "200%"; return true; })()`)
		if wide := ask[int64](tb, `document.documentElement.scrollWidth`); wide > width {
			tb.t.Errorf("%s: %s scrolls sideways at %d pixels with letters twice as large: %d wide", tb.who, at, width, wide)
		}
		for _, cut := range ask[[]string](tb, unfit) {
			tb.t.Errorf("%s: on %s these words do not fit %d pixels when twice as large: %s", tb.who, at, width, cut)
		}
		if tb.b.shots != "" && width == 390 {
			tb.shoot(name + "-large-390.png")
		}
		ask[bool](tb, `(() => { document.documentElement.style.fontSize = ""; return true; })()`)
	}
}

// unfit finds the buttons and headings whose words run out of their box or of
// the window, on either side, and those whose box hides a line of them.
const unfit = `[...document.querySelectorAll(":is(main, header, nav, footer) :is(h1, h2, a, button, .btn, .chip, label, summary)")].filter((e) => {
	if (!e.checkVisibility() || e.closest(".vh, .skip, .scroll") || getComputedStyle(e).display === "inline") return false;
	const r = e.getBoundingClientRect();
	const hides = getComputedStyle(e).overflowY !== "visible" && e.scrollHeight > e.clientHeight + 4;
	return hides || e.scrollWidth > e.clientWidth + 2 || r.left < -1 || r.right > innerWidth + 1;
}).slice(0, 3).map((e) => e.outerHTML.slice(0, 120))`

// pose shows the page in a theme and a width.
func (tb *tab) pose(scheme string, width int64) {
	tb.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	ctx, cancel := tb.within()
	defer cancel()
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		tb.t.Fatal(err)
	}
	tb.do(chromedp.EmulateViewport(width, tb.height))
}

// keyed finds what the keyboard must reach, and gives each a number.
const keyed = `(() => {
	const shown = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: false}) && !e.closest("[inert], dialog:not([open])");
	const names = new Set();
	return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter((e) => {
		if (!shown(e) || e.disabled || e.tabIndex < 0) return false;
		if (e.type !== "radio") return true;
		const group = (e.form ? [...document.forms].indexOf(e.form) : "") + e.name;
		return !names.has(group) && names.add(group);
	}).map((e, i) => { e.dataset.key = i; return e; }).length;
})()`

// keys goes through the page by the tabulator alone: everything that can be
// pressed or filled in is met, and nothing holds the focus.
func (tb *tab) keys(at string) {
	tb.t.Helper()
	n := ask[int](tb, keyed)
	if n > 150 { // a long list: its rows are all alike
		return
	}
	ask[bool](tb, `(() => { window.met = new Set(); document.activeElement?.blur(); window.getSelection().removeAllRanges(); window.scrollTo(0, 0);
		const of = (e) => { if (!e) return; if (e.type === "radio") { for (const o of document.getElementsByName(e.name)) if (o.dataset.key) window.met.add(o.dataset.key); } if (e.dataset.key) window.met.add(e.dataset.key); };
		document.addEventListener("focusin", (e) => of(e.target)); return true; })()`)
	parts := ask[int](tb, `document.querySelectorAll("[data-key][type=date], [data-key][type=time], [data-key][type=datetime-local], [data-key][type=month]").length`)
	frames := ask[int](tb, `document.querySelectorAll("iframe").length`)
	for range n + 8*(parts+frames) + 8 { // a date is several fields to the keyboard, and a letter has links
		tb.do(chromedp.KeyEvent("\t"))
	}
	missed := ask[[]string](tb, `[...document.querySelectorAll("[data-key]")].filter((e) => !window.met.has(e.dataset.key)).slice(0, 4).map((e) => e.outerHTML.slice(0, 140))`)
	for _, m := range missed {
		tb.t.Errorf("%s: the keyboard does not get to this on %s: %s", tb.who, at, m)
	}
}

// plain loads the page without scripts: it still has its heading and
// whatever can be pressed can be seen.
func (tb *tab) plain(at string) {
	tb.t.Helper()
	ctx, cancel := tb.within()
	defer cancel()
	set := func(off bool) {
		if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}); err != nil {
			tb.t.Fatal(err)
		}
	}
	set(true)
	tb.visit(at)
	if n := ask[int](tb, `document.querySelectorAll("h1").length`); n != 1 {
		tb.t.Errorf("%s at %s without scripts finds %d headings", tb.who, at, n)
	}
	lost := ask[[]string](tb, `[...document.querySelectorAll("main form")].filter((f) => f.checkVisibility() && !f.querySelector("button, input[type=submit]") && !document.querySelector("[form='" + f.id + "']")).map((f) => f.outerHTML.slice(0, 160))`)
	for _, l := range lost {
		tb.t.Errorf("%s at %s without scripts cannot send a form: %s", tb.who, at, l)
	}
	set(false)
	tb.visit(at)
}

// gallery writes a page that shows all pictures.
func gallery(t *testing.T, dir string, seen []sight) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><meta charset=utf-8><title>Every page of Hale</title><style>img{width:23%;vertical-align:top;border:1px solid #888;margin:2px}</style>\n")
	for _, s := range seen {
		fmt.Fprintf(&b, "<h2>%s %s</h2><p>%s, %d kB</p>", html.EscapeString(s.who), html.EscapeString(s.kind), html.EscapeString(s.at), s.bytes/1000)
		for _, f := range s.files {
			fmt.Fprintf(&b, `<a href="%s"><img loading=lazy src="%[1]s"></a>`, html.EscapeString(f))
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(b.String()), 0o600); err != nil {
		t.Error(err)
	}
}

// TestPseudo has Maria walk through her pages in two languages that nobody
// speaks: one a third longer than English, one written from right to left.
// Nothing scrolls sideways on a small phone, and every button, label and
// heading went through the catalogue.
func TestPseudo(t *testing.T) {
	if os.Getenv("HALE_WALK") == "" {
		t.Skip("skipped: HALE_WALK is not set; make shots sets it")
	}
	b := start(t, serve(t))
	kinds := shapes(t)
	for _, l := range []lang.Lang{lang.Accented, lang.Mirrored} {
		t.Run(l.Tag(), func(t *testing.T) {
			tb := b.tab(t, l.Tag(), 320, 800)
			tb.stepIn("Maria Alvarez")
			ask[bool](tb, `(() => { document.cookie = "hale-lang=`+l.Tag()+`; path=/"; return true; })()`)
			tb.foreign(kinds, l)
		})
	}
}

// foreign walks through the portal and looks at its words and its width.
func (tb *tab) foreign(kinds *http.ServeMux, l lang.Lang) {
	tb.t.Helper()
	met, n := map[string]bool{}, 0
	for queue := []string{"/home", "/health", "/visits", "/inbox", "/more"}; len(queue) > 0; queue = queue[1:] {
		r, err := http.NewRequest(http.MethodGet, queue[0], nil)
		if err != nil {
			tb.t.Fatal(err)
		}
		_, kind := kinds.Handler(r)
		if met[kind] || strings.HasPrefix(r.URL.Path, "/town") || strings.HasPrefix(r.URL.Path, "/api") {
			continue
		}
		if met[kind] = true; !tb.isPage(queue[0]) {
			continue
		}
		n++
		tb.visit(queue[0])
		if dir := ask[string](tb, `document.documentElement.dir + " " + document.documentElement.lang`); dir != l.Dir()+" "+l.Tag() {
			tb.t.Errorf("%s is written %s, want %s %s", queue[0], dir, l.Dir(), l.Tag())
		}
		if wide := ask[int64](tb, `document.documentElement.scrollWidth`); wide > 320 {
			tb.t.Errorf("%s in %s scrolls sideways: %d pixels", queue[0], l.Tag(), wide)
		}
		for _, words := range ask[[]string](tb, unsaid) {
			if recorded.MatchString(words) {
				continue
			}
			tb.t.Errorf("%s says %q, which did not go through the catalogue", queue[0], words)
		}
		if tb.b.shots != "" {
			tb.shoot(fmt.Sprintf("pseudo-%s%s.png", l.Tag(), strings.ReplaceAll(kind, "/", "_")))
		}
		queue = append(queue, tb.links()...)
	}
	if n < 20 {
		tb.t.Errorf("%d pages were looked at, want the whole portal", n)
	}
}

// recorded is what the demo's record and its forms say themselves: names of
// medicines, bills and pharmacies, and the questions of a form.
var recorded = regexp.MustCompile(`\d mg tablet$|for (your )?diabetes$|^Linden Drugs|come to your visit\?$|wheelchair or a walker\?$|^By (car|bus or train)$|^On foot$`)

// unsaid finds buttons, labels, headings and names for screen readers of two
// words and more that carry no mark of the catalogue. What stands in an
// element marked translate=no, or as data in a list, is not Hale's to say.
const unsaid = `[...document.querySelectorAll("main button, main label, main legend, main h2, main th, main summary, nav a, [aria-label], [placeholder]")]
	.filter((e) => e.checkVisibility() && !e.closest("[translate=no], .items h2"))
	.flatMap((e) => e.hasAttribute("aria-label") ? [e.getAttribute("aria-label")] : e.placeholder ? [e.placeholder] : [e.innerText])
	.map((s) => s.trim().replace(/\s+/g, " ")).filter((s) => /[A-Za-z]{2,} [A-Za-z]{2,}/.test(s) && !s.includes("⟦"))`
