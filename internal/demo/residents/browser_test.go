package residents

import (
	"net"
	"slices"
	"strings"
	"testing"
)

const gatePage = `<form method="post" action="/m/abc/language"><input type="hidden" name="lang" value="es"><button>Español</button></form>
<form class="stack" method="post" action="/m/abc" novalidate>
<input class="input" id="m" name="m" autocomplete="bday-month" value=""/><input name='d' autocomplete=bday-day><input name="y" autocomplete="bday-year"/>
<button class="btn">Open</button></form>`

const timesPage = `<form method="get" action="/x"><input type="radio" name="slot" value="not-this"></form>
<form method="post" action="/m/abc/book"><input type="hidden" name="on" value="message"/>
<input type="radio" name="slot" value="a&amp;b" required/><input type="radio" name="slot" value="c" checked/><button name="go" value="1">Book</button></form>`

func TestForms(t *testing.T) {
	tests := []struct {
		name, body string
		is         func(form) bool
		action     string
	}{
		{"the gate among others", gatePage, gate, "/m/abc"},
		{"times in a form that posts", timesPage, offers, "/m/abc/book"},
		{"no times at the gate", gatePage, offers, ""},
		{"no gate among the times", timesPage, gate, ""},
		{"nothing to deny on either", gatePage + timesPage, notMe, ""},
		{"a form that denies", `<form method="post" action="/m/abc/not-me"><button>Stop</button></form>`, notMe, "/m/abc/not-me"},
		{"an empty page", "", gate, ""},
		{"a form cut off", `<form method="post" action="/m/abc"><input name="m"`, gate, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if f := (page{body: tt.body}).find(tt.is); f != nil {
				got = f.action
			}
			if got != tt.action {
				t.Errorf("find = %q, want %q", got, tt.action)
			}
		})
	}
	f := page{body: timesPage}.find(offers)
	if got, want := f.choices("slot"), []string{"a&b", "c"}; !slices.Equal(got, want) {
		t.Errorf("choices = %q, want %q", got, want)
	}
}

func TestBirth(t *testing.T) {
	fill := birth("1961-04-07")
	for _, tt := range []struct {
		in   input
		want string
	}{
		{input{name: "m", complete: "bday-month"}, "4"},
		{input{name: "d", complete: "bday-day"}, "7"},
		{input{name: "y", complete: "bday-year"}, "1961"},
		{input{name: "born", kind: "date"}, "1961-04-07"},
		{input{name: "on", kind: "hidden"}, ""},
		{input{name: "lang"}, ""},
	} {
		if got, _ := fill(tt.in); got != tt.want {
			t.Errorf("birth fills %+v with %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzForms holds forms to what it promises whatever a page holds: no panic,
// no form that does not end, and nothing changed by what follows the last.
func FuzzForms(f *testing.F) {
	f.Add(gatePage)
	f.Add(timesPage)
	f.Add(`<form><select name=a><option value=1 selected><option></select><input name="`)
	f.Fuzz(func(t *testing.T, body string) {
		n := len(page{body: body}.forms())
		if most := strings.Count(strings.ToLower(body), "</form>"); n > most {
			t.Errorf("forms = %d, but only %d end", n, most)
		}
		if more := len(page{body: body + " the end"}.forms()); more != n {
			t.Errorf("forms = %d with words after, %d without", more, n)
		}
	})
}

// The town is served as localhost; its households still come from addresses
// of their own, or the limits by address would take them for one.
func TestDialFromLocalhost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for house, want := range map[int]string{1: "127.64.0.1", 300: "127.64.1.44"} {
		for _, host := range []string{"localhost", "127.0.0.1"} {
			c, err := dialFrom(house)(t.Context(), "tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := net.SplitHostPort(c.LocalAddr().String()); got != want {
				t.Errorf("house %d dials %s from %s, want %s", house, host, got, want)
			}
			c.Close()
		}
	}
}
