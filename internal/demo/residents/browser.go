package residents

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// browser is one person's browser: it keeps cookies, follows redirects and
// fills in the forms of a page.
type browser struct {
	p      *People
	client *http.Client
	agent  string
	lang   string
	close  func()
}

// browser returns the browser of somebody in a household. Each household has
// an address of its own, as limits by address expect.
func (p *People) browser(agent, lang string, house int) *browser {
	jar, _ := cookiejar.New(nil) // never fails
	t := &http.Transport{DialContext: dialFrom(house), MaxIdleConnsPerHost: 1}
	return &browser{p: p, agent: agent, lang: lang, close: t.CloseIdleConnections,
		client: &http.Client{Transport: t, Jar: plainJar{jar}, Timeout: 15 * time.Second}}
}

// dialFrom connects from an address of this machine that stands for a
// household: all of 127/8 is this machine's, on most systems.
func dialFrom(house int) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		host, port, err := net.SplitHostPort(address)
		if host == "localhost" { // what passkeys ask the demo to be called
			host = "127.0.0.1"
			address = net.JoinHostPort(host, port)
		}
		if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() && ip.To4() != nil {
			own := d
			own.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(64+house>>16&63), byte(house>>8), byte(house))}
			if c, err := own.DialContext(ctx, network, address); err == nil {
				return c, nil
			}
		}
		return d.DialContext(ctx, network, address)
	}
}

// plainJar keeps cookies marked Secure on this machine's own address, as
// browsers do for localhost.
type plainJar struct{ http.CookieJar }

// SetCookies keeps cookies.
func (j plainJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	secure := *u
	secure.Scheme = "https"
	j.CookieJar.SetCookies(&secure, cookies)
}

// Cookies returns the cookies for u.
func (j plainJar) Cookies(u *url.URL) []*http.Cookie {
	secure := *u
	secure.Scheme = "https"
	return j.CookieJar.Cookies(&secure)
}

// page is what came back.
type page struct {
	at   *url.URL
	body string
}

// errRefused is an answer of 400 and above.
var errRefused = errors.New("residents: refused")

const mostPage = 1 << 20

// do makes one request when it is its turn.
func (b *browser) do(ctx context.Context, method, target string, form url.Values) (page, error) {
	select {
	case <-b.p.turn:
	case <-ctx.Done():
		return page{}, ctx.Err()
	}
	if !strings.Contains(target, "://") {
		target = b.p.Base + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return page{}, err
	}
	r.Header.Set("User-Agent", b.agent)
	if b.lang != "" {
		r.Header.Set("Accept-Language", b.lang)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.p.Base)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := b.client.Do(r)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, mostPage))
	if err != nil {
		return page{}, err
	}
	p := page{at: res.Request.URL, body: string(text)}
	if res.StatusCode >= 400 {
		return p, fmt.Errorf("%w: %d", errRefused, res.StatusCode)
	}
	return p, nil
}

// form is one form of a page.
type form struct {
	action, method string
	inputs         []input
}

// input is a field, a button or one choice of a form.
type input struct {
	name, value, kind, complete string
	checked                     bool
}

// choices returns the values that name can have.
func (f form) choices(name string) (list []string) {
	for _, in := range f.inputs {
		if in.name == name && in.kind != "hidden" && in.value != "" {
			list = append(list, in.value)
		}
	}
	return list
}

var (
	formTag  = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag = regexp.MustCompile(`(?is)<(input|button|select|option)\b([^>]*)>`)
	attrTag  = regexp.MustCompile(`(?is)([a-z][a-z0-9-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s">]+)))?`)
)

// forms reads the forms of Hale's own pages. It is no HTML parser.
func (p page) forms() (list []form) {
	for _, m := range formTag.FindAllStringSubmatch(p.body, -1) {
		a := attributes(m[1])
		f := form{action: a["action"], method: strings.ToUpper(a["method"])}
		within := ""
		for _, t := range inputTag.FindAllStringSubmatch(m[2], -1) {
			a := attributes(t[2])
			_, checked := a["checked"]
			in := input{name: a["name"], value: a["value"], kind: strings.ToLower(a["type"]), complete: a["autocomplete"], checked: checked}
			switch strings.ToLower(t[1]) {
			case "button":
				in.kind = "submit"
			case "select":
				within, in.kind = in.name, "select"
				continue
			case "option":
				in.name, in.kind = within, "option"
			}
			f.inputs = append(f.inputs, in)
		}
		list = append(list, f)
	}
	return list
}

func attributes(text string) map[string]string {
	all := map[string]string{}
	for _, m := range attrTag.FindAllStringSubmatch(text, -1) {
		all[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3] + m[4])
	}
	return all
}

// find returns the first form that is what is looked for.
func (p page) find(is func(form) bool) *form {
	for _, f := range p.forms() {
		if f.method == "POST" && is(f) {
			return &f
		}
	}
	return nil
}

// gate is the form that asks for a date of birth.
func gate(f form) bool {
	fill := birth("2000-01-02")
	for _, in := range f.inputs {
		if _, ok := fill(in); ok {
			return true
		}
	}
	return false
}

// offers is the form that offers times.
func offers(f form) bool { return len(f.choices("slot")) > 0 }

// notMe is the form that says that the message is somebody else's.
func notMe(f form) bool {
	return strings.Contains(f.action, "wrong") || strings.Contains(f.action, "not-me") || strings.Contains(f.action, "notme")
}

// submit fills in the first form of page that is what is looked for and
// sends it. What fill does not know keeps its value.
func (b *browser) submit(ctx context.Context, from page, is func(form) bool, fill func(input) (string, bool)) (page, error) {
	f := from.find(is)
	if f == nil {
		return from, errNoForm
	}
	values := url.Values{}
	button := false
	for _, in := range f.inputs {
		value, known := in.value, false
		if fill != nil {
			if v, ok := fill(in); ok {
				value, known = v, true
			}
		}
		switch {
		case in.name == "":
		case known:
			values.Set(in.name, value)
		case in.kind == "submit":
			if !button {
				button = true
				values.Set(in.name, value)
			}
		case in.kind == "radio" || in.kind == "checkbox" || in.kind == "option":
			if in.checked && values.Get(in.name) == "" {
				values.Set(in.name, value)
			}
		default:
			values.Set(in.name, value)
		}
	}
	target := from.at.String()
	if f.action != "" {
		u, err := from.at.Parse(f.action)
		if err != nil {
			return from, err
		}
		target = u.String()
	}
	return b.do(ctx, "POST", target, values)
}
