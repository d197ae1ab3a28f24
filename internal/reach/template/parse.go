package template

import (
	"slices"
	"strconv"
	"strings"

	"hale/internal/reach/policy"
)

// The bounds of one text.
const (
	maxDepth  = 6
	maxNodes  = 2000
	maxRounds = 100     // of all lists of one text together
	maxSteps  = 20_000  // nodes visited by one rendering
	maxOut    = 100_000 // bytes of one rendering
)

// node is a piece of a parsed text: words, a field, a choice or a list.
type node struct {
	at   pos
	text string // words
	out  *output
	arms []arm // of a choice, in order; the first that holds is shown
	each *each
}

// output shows a field.
type output struct {
	ref
	filters []filter
	missing string // what stands for a field that is missing
	instead bool   // missing says so
	require bool   // without the field there is no message
	words   string // what an address is shown as: [Book a time]({{ link }})
	button  bool   // the address stands in a paragraph of its own
}

// arm is one way of a choice.
type arm struct {
	cond *cond // nil: otherwise
	body []node
}

// each goes over a list.
type each struct {
	list ref
	body []node
	none []node // where the list is empty
}

// cond is a condition: all of its terms, or any of them.
type cond struct {
	any   bool
	not   bool
	terms []term
}

// term tests one field.
type term struct {
	ref
	op    string // "" is there, ==, !=, <, >, <=, >=, contains
	value string
	n     int
}

// parser reads one text.
type parser struct {
	source
	pieces  []piece
	at      int
	nodes   int
	present map[string]int // fields that are known to be there, how often
	shown   policy.Class   // the most that the text can show
	uses    map[string]bool
	most    ref // the field that shows it
}

// parse reads a text whose names mean what fields says.
func parse(text string, fields []Field) (*parser, []node, error) {
	p := &parser{source: source{text}, present: map[string]int{}, uses: map[string]bool{}}
	var err error
	if p.pieces, err = p.source.pieces(); err != nil {
		return nil, nil, err
	}
	body, end, err := p.block(scope{fields: fields}, 0)
	if err != nil {
		return nil, nil, err
	}
	if end.kind != 0 {
		word := strings.Fields(end.text)[0]
		return nil, nil, p.fault(end.at, "Take it away, or write what it ends before it.", "{%% %s %%} ends nothing here", word)
	}
	return p, body, nil
}

// block reads up to a tag that the caller has to understand: an end, else,
// elsif or when. The zero piece is the end of the text.
func (p *parser) block(s scope, depth int) (list []node, end piece, err error) {
	if depth > maxDepth {
		return nil, end, p.fault(p.pieces[p.at-1].at, "Make it simpler.", "conditions stand more than %d deep in each other", maxDepth)
	}
	for p.at < len(p.pieces) {
		c := p.pieces[p.at]
		p.at++
		if p.nodes++; p.nodes > maxNodes {
			return nil, end, p.fault(c.at, "Make it shorter.", "the text has more than %d parts", maxNodes)
		}
		switch c.kind {
		case 't':
			if c.text != "" {
				list = append(list, node{at: c.at, text: c.text})
			}
		case '{':
			out, err := p.output(s, c)
			if err != nil {
				return nil, end, err
			}
			list = append(list, node{at: c.at, out: out})
		default:
			n, stop, err := p.tag(s, c, depth)
			if err != nil {
				return list, c, err
			}
			if stop {
				return p.linked(list, c)
			}
			if n != nil {
				list = append(list, *n)
			}
		}
	}
	return p.linked(list, piece{})
}

// linked joins [words]( an address ) into one output.
func (p *parser) linked(list []node, end piece) ([]node, piece, error) {
	for i := range list {
		o := list[i].out
		if o == nil || i == 0 || list[i-1].out != nil || !strings.HasSuffix(list[i-1].text, "](") {
			continue
		}
		before := strings.TrimSuffix(list[i-1].text, "](")
		open := strings.LastIndexByte(before, '[')
		switch {
		case o.Type != Address:
			return nil, end, p.fault(list[i].at, "Only {{ link }} can be opened.", "%s is no address", o.Name)
		case open < 0 || strings.Contains(before[open:], "\n") || strings.TrimSpace(before[open+1:]) == "":
			return nil, end, p.fault(list[i].at, "Write [Book a time]({{ link }}).", "the words of this link have no beginning")
		case i+1 == len(list) || !strings.HasPrefix(list[i+1].text, ")"):
			return nil, end, p.fault(list[i].at, "Write [Book a time]({{ link }}).", "the bracket after this link is not closed")
		}
		o.words = strings.TrimSpace(before[open+1:])
		list[i-1].text, list[i+1].text = before[:open], list[i+1].text[1:]
		o.button = alone(list, i)
	}
	return list, end, nil
}

// alone says whether nothing else is on the line of piece i.
func alone(list []node, i int) bool {
	before, after := list[i-1].text, ""
	if i+1 < len(list) {
		after = list[i+1].text
	}
	_, b, cutB := cutLast(before)
	a, _, cutA := strings.Cut(after, "\n")
	return strings.TrimSpace(b) == "" && strings.TrimSpace(a) == "" && (cutB || i == 1) && (cutA || i+2 >= len(list))
}

func cutLast(text string) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return "", text, false
}

// tag reads one tag and all that belongs to it. Stop says that it ends the
// block.
func (p *parser) tag(s scope, c piece, depth int) (n *node, stop bool, err error) {
	word, _, _ := strings.Cut(strings.TrimSpace(c.text), " ")
	switch word {
	case "if", "unless":
		n, err = p.choice(s, c, depth, word == "unless")
	case "case":
		n, err = p.cases(s, c, depth)
	case "for":
		n, err = p.loop(s, c, depth)
	case "comment":
		err = p.comment(c)
	case "elsif", "else", "when", "endif", "endunless", "endcase", "endfor":
		return nil, true, nil
	case "":
		err = p.fault(c.at, "Write if, unless, case, for or comment, or take it away.", "{%% %%} is empty")
	default:
		if strings.HasPrefix(word, "#") {
			return nil, false, nil
		}
		fix := "There are if, unless, case, for and comment."
		if near := nearest(word, []string{"if", "elsif", "else", "unless", "case", "when", "for", "comment", "endif", "endunless", "endcase", "endfor"}); near != "" {
			fix = "Did you mean " + near + "? " + fix
		}
		err = p.fault(c.at, fix, "there is no tag %q", word)
	}
	return n, false, err
}

func (p *parser) comment(c piece) error {
	for p.at < len(p.pieces) {
		e := p.pieces[p.at]
		p.at++
		if e.kind == '%' && strings.TrimSpace(e.text) == "endcomment" {
			return nil
		}
	}
	return p.fault(c.at, "Write {% endcomment %} after it.", "the comment does not end")
}

// choice reads if … elsif … else … endif, or unless.
func (p *parser) choice(s scope, c piece, depth int, unless bool) (*node, error) {
	n := &node{at: c.at}
	test, err := p.cond(s, c)
	if err != nil {
		return nil, err
	}
	test.not = unless
	var absent *cond // what is known because everything before did not hold
	for first := true; ; first = false {
		body, end, err := p.known(s, test, absent, depth)
		if err != nil {
			return nil, err
		}
		n.arms = append(n.arms, arm{test, body})
		if first {
			absent = test
		}
		word := strings.TrimSpace(end.text)
		switch name, _, _ := strings.Cut(word, " "); {
		case end.kind == 0:
			return nil, p.fault(c.at, "Write {% endif %} where it ends.", "this condition does not end")
		case word == "endif" && !unless, word == "endunless" && unless:
			return n, nil
		case word == "else" && test != nil:
			test = nil
		case name == "elsif" && test != nil:
			if test, err = p.cond(s, end); err != nil {
				return nil, err
			}
		default:
			return nil, p.fault(end.at, "End the condition first.", "{%% %s %%} does not belong to this condition", word)
		}
	}
}

// known reads a block inside which what test says holds, and, where test is
// nil, what failed does not.
func (p *parser) known(s scope, test, failed *cond, depth int) ([]node, piece, error) {
	var there []string
	switch {
	case test != nil && !test.not:
		there = test.implies()
	case test == nil && failed != nil && failed.not:
		there = failed.implies()
	}
	for _, k := range there {
		p.present[k]++
	}
	body, end, err := p.block(s, depth+1)
	for _, k := range there {
		p.present[k]--
	}
	return body, end, err
}

// implies returns the fields that are there where c holds.
func (c *cond) implies() []string {
	if c.any && len(c.terms) > 1 {
		return nil
	}
	var list []string
	for _, t := range c.terms {
		if t.op != "!=" {
			list = append(list, t.list+"/"+t.Name)
		}
	}
	return list
}

// cases reads case … when … else … endcase.
func (p *parser) cases(s scope, c piece, depth int) (*node, error) {
	toks, err := p.tokens(c)
	if err != nil {
		return nil, err
	}
	if len(toks) != 3 || toks[1].kind != 'i' {
		return nil, p.fault(c.at, "Write {% case language %}.", "case takes one field")
	}
	f, err := p.use(s, toks[1])
	if err != nil {
		return nil, err
	}
	if f.Type == List || f.Type == Date {
		return nil, p.fault(toks[1].at, "Use if.", "case compares words, and %s is a %s", f.Name, f.Type)
	}
	n := &node{at: c.at}
	before, end, err := p.block(s, depth+1)
	for _, b := range before {
		if strings.TrimSpace(b.text) != "" || b.out != nil || b.arms != nil || b.each != nil {
			return nil, p.fault(b.at, "Put it after {% when %}.", "nothing may stand between case and when")
		}
	}
	for last := false; err == nil; {
		word := strings.TrimSpace(end.text)
		name, _, _ := strings.Cut(word, " ")
		var test *cond
		switch {
		case end.kind == 0:
			return nil, p.fault(c.at, "Write {% endcase %} where it ends.", "this case does not end")
		case word == "endcase":
			return n, nil
		case last || name != "when" && word != "else":
			return nil, p.fault(end.at, "End the case first.", "{%% %s %%} does not belong to this case", word)
		case word == "else":
			last = true
		default:
			if test, err = p.when(f, end); err != nil {
				return nil, err
			}
		}
		var body []node
		body, end, err = p.known(s, test, nil, depth)
		n.arms = append(n.arms, arm{test, body})
	}
	return nil, err
}

// when reads the values of one way of a case.
func (p *parser) when(f ref, c piece) (*cond, error) {
	toks, err := p.tokens(c)
	if err != nil {
		return nil, err
	}
	out := &cond{any: true}
	for i := 1; i < len(toks)-1; i++ {
		if t := toks[i]; t.kind == 's' || t.kind == 'n' {
			n, _ := strconv.Atoi(t.text)
			out.terms = append(out.terms, term{ref: f, op: "==", value: t.text, n: n})
		} else if t.kind != ',' && t.text != "or" {
			return nil, p.fault(t.at, `Write {% when "es", "pt" %}.`, "when takes words in quotes")
		}
	}
	if len(out.terms) == 0 {
		return nil, p.fault(c.at, `Write {% when "es" %}.`, "when takes words in quotes")
	}
	return out, nil
}

// loop reads for x in list … else … endfor.
func (p *parser) loop(s scope, c piece, depth int) (*node, error) {
	toks, err := p.tokens(c)
	if err != nil {
		return nil, err
	}
	if len(toks) != 5 || toks[1].kind != 'i' || toks[2].text != "in" || toks[3].kind != 'i' {
		return nil, p.fault(c.at, "Write {% for v in visits %}.", "for takes a name and a list")
	}
	if s.item != "" {
		return nil, p.fault(c.at, "End the first list before the second.", "a list inside a list is not possible")
	}
	f, err := p.use(s, toks[3])
	if err != nil {
		return nil, err
	}
	if f.Type != List {
		return nil, p.fault(toks[3].at, "Lists are: "+strings.Join(lists(s.fields), ", ")+".", "%s is not a list", f.Name)
	}
	if _, taken := s.find(toks[1].text); taken || strings.Contains(toks[1].text, ".") {
		return nil, p.fault(toks[1].at, "Choose another, such as v.", "the name %s is taken", toks[1].text)
	}
	n := &node{at: c.at, each: &each{list: f}}
	inner := scope{fields: s.fields, item: toks[1].text, list: f.Field}
	var end piece
	p.present["/"+f.Name]++
	n.each.body, end, err = p.block(inner, depth+1)
	p.present["/"+f.Name]--
	if err == nil && strings.TrimSpace(end.text) == "else" {
		n.each.none, end, err = p.block(s, depth+1)
	}
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(end.text) != "endfor" {
		return nil, p.fault(c.at, "Write {% endfor %} where it ends.", "this list does not end")
	}
	return n, nil
}

func lists(fields []Field) []string {
	var list []string
	for _, f := range fields {
		if f.Type == List {
			list = append(list, f.Name)
		}
	}
	return list
}

// use finds the field that a text names and keeps what naming it gives away.
// A condition gives away what it tests, as much as showing it would.
func (p *parser) use(s scope, t token) (ref, error) {
	f, ok := s.find(t.text)
	if !ok {
		fix := "The fields are listed beside the text."
		if near := nearest(t.text, s.names()); near != "" {
			fix = "Did you mean " + near + "?"
		}
		return f, p.fault(t.at, fix, "there is no field %q", t.text)
	}
	if f.Type == "" {
		f.Type = Words
	}
	if f.Class > p.shown || p.most.Name == "" {
		p.shown, p.most = max(p.shown, f.Class), f
	}
	if f.list != "" {
		p.uses[f.list] = true
	} else {
		p.uses[f.Name] = true
	}
	return f, nil
}

// cond reads what follows if, unless or elsif.
func (p *parser) cond(s scope, c piece) (*cond, error) {
	toks, err := p.tokens(c)
	if err != nil {
		return nil, err
	}
	out, joined := &cond{}, ""
	for i := 1; ; {
		if toks[i].kind != 'i' {
			return nil, p.fault(toks[i].at, "Write {% if first_name %} or {% if language == \"es\" %}.", "a condition begins with a field")
		}
		t, next, err := p.term(s, toks, i)
		if err != nil {
			return nil, err
		}
		out.terms = append(out.terms, t)
		switch word := toks[next]; {
		case word.kind == 0:
			return out, nil
		case word.text != "and" && word.text != "or":
			return nil, p.fault(word.at, "Join conditions with and, or with or.", "%q means nothing here", word.text)
		case joined != "" && joined != word.text:
			return nil, p.fault(word.at, "Put one condition inside the other.", "and and or are mixed, which can be read two ways")
		default:
			joined, out.any, i = word.text, word.text == "or", next+1
		}
	}
}

var comparisons = []string{"==", "!=", "<", ">", "<=", ">=", "contains"}

func (p *parser) term(s scope, toks []token, i int) (t term, next int, err error) {
	if t.ref, err = p.use(s, toks[i]); err != nil {
		return t, i, err
	}
	op := toks[i+1]
	if !slices.Contains(comparisons, op.text) {
		return t, i + 1, nil
	}
	v := toks[i+2]
	t.op, t.value = op.text, v.text
	switch {
	case t.Type == List || t.Type == Date || t.Type == Address:
		return t, i, p.fault(op.at, "Test only whether it is there: {% if "+t.Name+" %}.", "%s cannot be compared", t.Name)
	case v.kind == 'n' && (t.Type == Number || t.Type == Money):
		t.n, _ = strconv.Atoi(v.text)
		if t.op == "contains" {
			return t, i, p.fault(op.at, "Use == or <.", "numbers contain nothing")
		}
	case t.Type == Number || t.Type == Money:
		return t, i, p.fault(v.at, "Write it without quotes.", "%s is compared with a number", t.Name)
	case v.kind != 's':
		return t, i, p.fault(v.at, "Write it in straight quotes.", "%s is compared with words", t.Name)
	case strings.ContainsAny(t.op, "<>"):
		return t, i, p.fault(op.at, "Use == or contains.", "words have no order here")
	}
	return t, i + 3, nil
}
