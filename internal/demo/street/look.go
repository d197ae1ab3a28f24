package street

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// css is what these pages add to the design kit: a wide page, phones and
// lists.
const css = `
.solo { display: block; padding-block: var(--s-5); }
.solo > main { max-width: 62rem; margin-inline: auto; }
.sim { background: var(--watch-soft); border: 1px dashed var(--watch); border-radius: var(--r-s); padding: var(--s-2) var(--s-4); text-align: center; }
.two { display: grid; gap: var(--s-5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); align-items: start; }
form[role=search] .input { flex: 1 1 14rem; width: auto; }
.rows { padding: 0; margin: 0; max-height: 34rem; overflow-y: auto; }
.rows li { border-top: 1px solid var(--line); }
.rows a { display: grid; gap: 2px; padding: var(--s-3) var(--s-5); color: inherit; text-decoration: none; }
.rows a:hover, .rows a[aria-current] { background: var(--sunk); }
.rows b, .rows .last, .letter dd { overflow-wrap: anywhere; min-width: 0; }
.rows .row { flex-wrap: nowrap; align-items: baseline; } .rows .tiny { flex: none; }
.handset { justify-self: center; width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line-strong); border-radius: 2.25rem; padding: var(--s-6) var(--s-5) var(--s-5); box-shadow: var(--shadow); display: grid; gap: var(--s-4); }
.handset h1 { font-size: var(--step-2); } .handset > header { text-align: center; }
.texts { display: flex; flex-direction: column; gap: var(--s-3); align-content: start; min-height: 16rem; max-height: 32rem; overflow-y: auto; padding: var(--s-3); margin-inline: calc(-1 * var(--s-3)); background: var(--sunk); border-radius: var(--r-m); }
.texts .bubble { width: fit-content; max-width: 92%; background: var(--card); overflow-wrap: anywhere; white-space: pre-line; border-end-start-radius: .25rem; }
.texts .bubble.mine { align-self: end; background: var(--brand-soft); border-end-start-radius: var(--r-m); border-end-end-radius: .25rem; }
.texts .bubble p.tiny { white-space: normal; }
.answer { flex-wrap: nowrap; } .answer .input { flex: 1; min-width: 0; }
.mailbox { display: grid; gap: var(--s-5); align-items: start; }
@media (min-width: 50rem) { .mailbox { grid-template-columns: minmax(14rem, 20rem) minmax(0, 1fr); } }
.mailbox .rows li:first-child { border-top: 0; }
.letter > header { display: grid; }
.letter iframe { width: 100%; height: 34rem; border: 1px solid var(--line); border-radius: var(--r-s); background: #fff; }
.plain { white-space: pre-wrap; overflow-wrap: anywhere; }
.letter dt { font-weight: 650; } .letter dd { margin: 0 0 var(--s-2); }
details table { margin-top: var(--s-3); }
`

// who is a person's name, or the address where nobody is known.
func who(name, address string) string {
	if name != "" {
		return name
	}
	return address
}

// count is a number of things in words: 1 text, 2 texts.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// linked shows text with its links, and not a space more.
func linked(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for _, p := range pieces(text) {
			words := templ.EscapeString(p.Text)
			if p.Href != "" {
				words = `<a href="` + templ.EscapeString(p.Href) + `">` + words + `</a>`
			}
			b.WriteString(words)
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}
