package template

import (
	"html"
	"strings"
)

// block is what a line of a text is part of.
type block byte

const (
	none block = iota
	para
	item // begins with "- "
	head // begins with "# "
)

// op is one step of writing: words that were made ready when the text was
// compiled, a field, a choice or a list.
type op struct {
	nl    int   // line ends before the words
	mark  block // what the line is, if the words begin one
	lead  string
	html  string // the words, with every line but the first laid out
	plain string
	end   block // what the last of these lines is; none: as at the first

	out  *output
	arms []opArm
	each *opEach
}

type opArm struct {
	cond *cond
	body []op
}

type opEach struct {
	list       string
	body, none []op
}

// emit makes nodes ready to be written. First says that nothing stands
// before them.
func emit(nodes []node) []op {
	var list []op
	for _, n := range nodes {
		switch {
		case n.out != nil:
			list = append(list, op{out: n.out})
		case n.arms != nil:
			o := op{}
			for _, a := range n.arms {
				o.arms = append(o.arms, opArm{a.cond, emit(a.body)})
			}
			list = append(list, o)
		case n.each != nil:
			list = append(list, op{each: &opEach{n.each.list.Name, emit(n.each.body), emit(n.each.none)}})
		default:
			list = append(list, emitText(n.text)...)
		}
	}
	return list
}

// line is one line of words after so many line ends.
type line struct {
	nl   int
	text string
}

// cutLines cuts words into lines that say something. The first has a text
// although it may be empty, the last may be only line ends.
func cutLines(text string) []line {
	var list []line
	nl := 0
	rows := strings.Split(text, "\n")
	for i, r := range rows {
		if i > 0 {
			nl++
			r = strings.TrimLeft(r, " \t")
		}
		if i+1 < len(rows) {
			r = strings.TrimRight(r, " \t\r")
		}
		if r == "" {
			continue
		}
		list = append(list, line{nl, r})
		nl = 0
	}
	if nl > 0 {
		list = append(list, line{nl: nl})
	}
	return list
}

// marked takes the mark from the begin of a line.
func marked(text string) (m block, lead, rest string) {
	switch {
	case strings.HasPrefix(text, "- "):
		return item, "- ", text[2:]
	case strings.HasPrefix(text, "# "):
		return head, "# ", text[2:]
	}
	return none, "", text
}

// emitText lays words out. What the first line belongs to is known only when
// it is written; from the second on everything is.
func emitText(text string) []op {
	lines := cutLines(text)
	var list []op
	for i, l := range lines {
		m, lead, rest := marked(l.text)
		if i == 0 || l.text == "" {
			list = append(list, op{nl: l.nl, mark: m, lead: lead, html: html.EscapeString(rest), plain: rest})
			continue
		}
		if m == none {
			m = para
		}
		prev := &list[len(list)-1]
		if i == 1 {
			list = append(list, op{nl: l.nl, mark: m, lead: lead, html: html.EscapeString(rest), plain: rest, end: m})
			continue
		}
		prev.html += turn(prev.end, m, l.nl) + html.EscapeString(rest)
		prev.plain += strings.Repeat("\n", min(l.nl, 2)) + plainLead(m) + rest
		prev.end = m
	}
	return list
}

func plainLead(m block) string {
	if m == item {
		return "- "
	}
	return ""
}

// The looks of the blocks of an e-mail.
const (
	openPara  = `<p style="margin:0 0 16px">`
	openHead  = `<h2 style="margin:24px 0 8px;font-size:20px;line-height:1.3">`
	openList  = `<ul style="margin:0 0 16px;padding:0 0 0 24px">`
	openItem  = `<li style="margin:0 0 8px">`
	closePara = `</p>`
	closeHead = `</h2>`
	closeItem = `</li>`
	closeList = `</ul>`
)

// turn is what stands between a line of one block and the next line, after
// so many line ends.
func turn(from, to block, nl int) string {
	if from == to && to == para && nl == 1 {
		return "<br>"
	}
	if from == to && to == item {
		return closeItem + openItem
	}
	return closing(from) + opening(to)
}

func closing(b block) string {
	switch b {
	case para:
		return closePara
	case head:
		return closeHead
	case item:
		return closeItem + closeList
	}
	return ""
}

func opening(b block) string {
	switch b {
	case para:
		return openPara
	case head:
		return openHead
	case item:
		return openList + openItem
	}
	return ""
}

// writer writes one rendering.
type writer struct {
	env
	strings.Builder
	html    bool
	values  map[string]string
	lists   map[string][]map[string]string
	element map[string]string // of the list that is gone over

	cur     block // that is open
	pend    int   // line ends to come
	mark    block // what the line to come is
	any     bool  // something is written
	linked  bool  // the link is
	rounds  int
	steps   int
	missing string // why there is no message
	inPage  bool   // the link leads here: it is not shown
	bg, ink string // of a button
}

// run writes ops; false: it cannot go on.
func (w *writer) run(list []op) bool {
	for i := range list {
		o := &list[i]
		if w.steps++; w.steps > maxSteps || w.Len() > maxOut {
			w.missing = "too_long"
			return false
		}
		ok := true
		switch {
		case o.out != nil:
			ok = w.field(o.out)
		case o.arms != nil:
			ok = w.choose(o.arms)
		case o.each != nil:
			ok = w.each(o.each)
		default:
			w.words(o)
		}
		if !ok {
			return false
		}
	}
	return true
}

// words writes words.
func (w *writer) words(o *op) {
	w.pend += o.nl
	begins := w.pend > 0 || !w.any
	if begins && o.mark != none {
		w.mark = o.mark
	} else if o.lead != "" && !begins {
		w.flush()
		w.WriteString(o.lead)
	}
	text := o.plain
	if w.html {
		text = o.html
	}
	if text == "" || begins && o.end == none && strings.TrimSpace(text) == "" {
		return
	}
	w.flush()
	w.WriteString(text)
	if o.end != none {
		w.cur = o.end
	}
}

// flush begins the line that is to come.
func (w *writer) flush() {
	to := w.mark
	switch {
	case !w.any:
		to = max(to, para)
		if w.html {
			w.WriteString(opening(to))
		}
	case w.pend > 0:
		to = max(to, para)
		if w.html {
			w.WriteString(turn(w.cur, to, w.pend))
		} else {
			w.WriteString("\n\n"[:min(w.pend, 2)])
		}
	default:
		return
	}
	if !w.html {
		w.WriteString(plainLead(to))
	}
	w.cur, w.pend, w.mark, w.any = to, 0, none, true
}

// value returns what stands for a field: its value through its filters, or
// what is to stand for one that is missing.
func (w *writer) value(o *output) string {
	v := w.lookup(o.ref)
	for _, f := range o.filters {
		if v == "" {
			break
		}
		v = f(v, w.env)
	}
	if v == "" {
		if o.require {
			w.missing = o.Name
			return ""
		}
		v = o.missing
	}
	return clean(v)
}

func (w *writer) lookup(f ref) string {
	switch {
	case f.list != "":
		return w.element[f.Name]
	case f.Type == List:
		if n := len(w.lists[f.Name]); n > 0 {
			return itoa(n)
		}
		return ""
	}
	if w.inPage && f.Name == "link" {
		return ""
	}
	return w.values[f.Name]
}

func (w *writer) field(o *output) bool {
	v := w.value(o)
	if w.missing != "" {
		return false
	}
	if v == "" {
		return true
	}
	if o.button && w.html && web(v) {
		w.button(o, v)
		return true
	}
	w.flush()
	if o.Type == Address {
		w.address(o, v)
		return true
	}
	if !w.html {
		w.WriteString(v)
		return true
	}
	if rtl(v) {
		w.WriteString("<bdi>")
		w.WriteString(html.EscapeString(v))
		w.WriteString("</bdi>")
		return true
	}
	w.WriteString(html.EscapeString(v))
	return true
}

// address writes an address that can be opened. One that is not of the web
// is shown and leads nowhere.
func (w *writer) address(o *output, v string) {
	w.linked = true
	switch {
	case !w.html && o.words != "":
		w.WriteString(o.words)
		w.WriteString(": ")
		w.WriteString(v)
	case !w.html:
		w.WriteString(v)
	case !web(v):
		w.WriteString(html.EscapeString(v))
	default:
		words := o.words
		if words == "" {
			words = v
		}
		w.WriteString(`<a href="`)
		w.WriteString(html.EscapeString(v))
		w.WriteString(`" style="color:`)
		w.WriteString(w.bg)
		w.WriteString(`" class="a">`)
		w.WriteString(html.EscapeString(words))
		w.WriteString("</a>")
	}
}

// web says whether an address may be opened from a mail.
func web(v string) bool { return strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "http://") }

// button writes an address that stands alone as a button.
func (w *writer) button(o *output, v string) {
	if w.any {
		w.WriteString(closing(w.cur))
	}
	writeButton(&w.Builder, v, o.words, w.bg, w.ink)
	w.cur, w.pend, w.mark, w.any, w.linked = none, 2, none, true, true
}

func (w *writer) choose(arms []opArm) bool {
	for _, a := range arms {
		if a.cond == nil || w.holds(a.cond) {
			return w.run(a.body)
		}
	}
	return true
}

func (w *writer) each(e *opEach) bool {
	list := w.lists[e.list]
	if len(list) == 0 {
		return w.run(e.none)
	}
	defer func() { w.element = nil }()
	for _, el := range list[:min(len(list), MaxItems)] {
		if w.rounds++; w.rounds > maxRounds {
			w.missing = "too_long"
			return false
		}
		w.element = el
		if !w.run(e.body) {
			return false
		}
	}
	return true
}

// holds says whether a condition does.
func (w *writer) holds(c *cond) bool {
	ok := !c.any
	for _, t := range c.terms {
		if w.term(t) == c.any {
			ok = c.any
			break
		}
	}
	return ok != c.not
}

func (w *writer) term(t term) bool {
	v := clean(w.lookup(t.ref))
	if t.Type == Number || t.Type == Money {
		n, ok := atoi(v)
		if t.op == "" || !ok {
			return t.op == "" && ok
		}
		switch t.op {
		case "==":
			return n == t.n
		case "!=":
			return n != t.n
		case "<":
			return n < t.n
		case ">":
			return n > t.n
		case "<=":
			return n <= t.n
		}
		return n >= t.n
	}
	switch t.op {
	case "==":
		return v == t.value
	case "!=":
		return v != t.value
	case "contains":
		return v != "" && strings.Contains(strings.ToLower(v), strings.ToLower(t.value))
	}
	return v != ""
}

// done closes what is open.
func (w *writer) done() {
	if w.html && w.any {
		w.WriteString(closing(w.cur))
	}
}
