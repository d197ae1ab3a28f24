package fhirpath

import "strings"

// nodeOf is one part of an expression as a tree.
type tree struct {
	what what
	text string // name, operator, literal
	at   int
	args []*tree // operands; for a call: what it is called on (or nil), then its arguments
}

type what uint8

const (
	literalTree  what = iota // value is in value
	nameTree                 // args[0]: what it is inside of, or nil
	callTree                 // as nameTree, then the arguments
	indexTree                // args[0][args[1]]
	operatorTree             // args[0] text args[1]
	signTree                 // text args[0]
	typeTree                 // args[0] is/as text
	variableTree             // %text
	dollarTree               // $text
	emptyTree                // {}
	stringTree
	numberTree
	dateTree
	quantityTree // text is the number, args[0] its unit as a string or name
)

// levels are the operators from the loosest to the tightest.
//
// Spec: http://hl7.org/fhirpath/N1/#operator-precedence
var levels = [][]string{
	{"implies"}, {"or", "xor"}, {"and"}, {"in", "contains"}, {"=", "~", "!=", "!~"}, {"<=", "<", ">", ">="},
	{"|"}, {"is", "as"}, {"+", "-", "&"}, {"*", "/", "div", "mod"},
}

type parser struct {
	list  []token
	pos   int
	depth int
}

func parse(text string) (*tree, error) {
	list, err := tokens(text)
	if err != nil {
		return nil, err
	}
	p := &parser{list: list}
	t, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if rest := p.peek(); rest.kind != endToken {
		return nil, fail(rest.at, "the expression should end here")
	}
	return t, nil
}

func (p *parser) peek() token { return p.list[p.pos] }

func (p *parser) take() token {
	t := p.list[p.pos]
	if t.kind != endToken {
		p.pos++
	}
	return t
}

// sign takes a sign, if it is next.
func (p *parser) sign(text string) bool {
	if t := p.peek(); t.kind == signToken && t.text == text {
		p.pos++
		return true
	}
	return false
}

func (p *parser) want(text string) error {
	if !p.sign(text) {
		return fail(p.peek().at, "%s is missing", text)
	}
	return nil
}

// operator takes an operator of a level, if one is next.
func (p *parser) operator(level int) (token, bool) {
	t := p.peek()
	if t.kind != signToken && t.kind != nameToken {
		return t, false
	}
	for _, op := range levels[level] {
		if t.text == op {
			p.pos++
			return t, true
		}
	}
	return t, false
}

// expression reads operators of a level and tighter ones.
func (p *parser) expression(level int) (*tree, error) {
	if level == len(levels) {
		return p.unary()
	}
	p.depth++
	if p.depth > maxDepth*len(levels) {
		return nil, fail(p.peek().at, "nested too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.expression(level + 1)
	for n := 0; err == nil; n++ {
		op, ok := p.operator(level)
		if !ok {
			return left, nil
		}
		if n > maxDepth*10 {
			return nil, fail(op.at, "too many operators in a row")
		}
		if op.text == "is" || op.text == "as" {
			left, err = p.typed(op, left)
			continue
		}
		var right *tree
		if right, err = p.expression(level + 1); err == nil {
			left = &tree{operatorTree, op.text, op.at, []*tree{left, right}}
		}
	}
	return nil, err
}

// typed reads the type after is and as.
func (p *parser) typed(op token, left *tree) (*tree, error) {
	name, err := p.qualified()
	return &tree{typeTree, name, op.at, []*tree{left, {what: nameTree, text: op.text}}}, err
}

func (p *parser) qualified() (string, error) {
	var parts []string
	for {
		t := p.take()
		if t.kind != nameToken && t.kind != quotedToken {
			return "", fail(t.at, "the name of a type is missing")
		}
		parts = append(parts, t.text)
		if !p.sign(".") {
			return strings.Join(parts, "."), nil
		}
	}
}

func (p *parser) unary() (*tree, error) {
	if t := p.peek(); t.kind == signToken && (t.text == "+" || t.text == "-") {
		p.depth++
		if p.depth > maxDepth*len(levels) {
			return nil, fail(t.at, "nested too deeply")
		}
		defer func() { p.depth-- }()
		p.pos++
		operand, err := p.unary()
		return &tree{signTree, t.text, t.at, []*tree{operand}}, err
	}
	return p.postfix()
}

// postfix reads a term with what is called on it.
func (p *parser) postfix() (*tree, error) {
	left, err := p.term()
	for err == nil {
		at := p.peek().at
		switch {
		case p.sign("."):
			left, err = p.invocation(left)
		case p.sign("["):
			var index *tree
			if index, err = p.expression(0); err == nil {
				left, err = &tree{indexTree, "", at, []*tree{left, index}}, p.want("]")
			}
		default:
			return left, nil
		}
		if p.pos > maxDepth*100 {
			return nil, fail(at, "the expression is too long")
		}
	}
	return nil, err
}

// term reads what an expression begins with.
func (p *parser) term() (*tree, error) {
	switch t := p.peek(); t.kind {
	case stringToken:
		p.pos++
		return &tree{what: stringTree, text: t.text, at: t.at}, nil
	case numberToken:
		p.pos++
		return p.number(t), nil
	case dateToken:
		p.pos++
		return &tree{what: dateTree, text: t.text, at: t.at}, nil
	case nameToken:
		if t.text == "true" || t.text == "false" {
			p.pos++
			return &tree{what: literalTree, text: t.text, at: t.at}, nil
		}
		return p.invocation(nil)
	case signToken:
		return p.signed(t)
	case endToken:
		return nil, fail(t.at, "the expression ends too early")
	}
	return p.invocation(nil)
}

// number reads a number, with its unit where one follows.
func (p *parser) number(t token) *tree {
	number := &tree{what: numberTree, text: t.text, at: t.at}
	unit := p.peek()
	if unit.kind == stringToken || unit.kind == nameToken && calendar[unit.text] != "" {
		p.pos++
		number.what = quantityTree
		number.args = []*tree{{what: stringTree, text: unit.text}}
		if unit.kind == nameToken {
			number.args[0].what = nameTree
		}
	}
	return number
}

// signed reads a bracket, {}, a variable or $this.
func (p *parser) signed(t token) (*tree, error) {
	p.pos++
	switch t.text {
	case "(":
		inner, err := p.expression(0)
		if err == nil {
			err = p.want(")")
		}
		return inner, err
	case "{":
		return &tree{what: emptyTree, at: t.at}, p.want("}")
	case "%", "$":
		name := p.take()
		if name.kind != nameToken && (t.text == "$" || name.kind != quotedToken && name.kind != stringToken) {
			return nil, fail(name.at, "a name must follow %s", t.text)
		}
		what := variableTree
		if t.text == "$" {
			what = dollarTree
		}
		return &tree{what: what, text: name.text, at: t.at}, nil
	}
	return nil, fail(t.at, "%s has no meaning here", t.text)
}

// invocation reads a name or a call, on left where that is not nil.
func (p *parser) invocation(left *tree) (*tree, error) {
	t := p.take()
	if t.kind == signToken && t.text == "$" && left != nil {
		p.pos--
		return nil, fail(t.at, "$ may only begin an expression")
	}
	if t.kind != nameToken && t.kind != quotedToken {
		return nil, fail(t.at, "a name is missing")
	}
	result := &tree{nameTree, t.text, t.at, []*tree{left}}
	if !p.sign("(") {
		return result, nil
	}
	result.what = callTree
	if p.sign(")") {
		return result, nil
	}
	for {
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		result.args = append(result.args, arg)
		if !p.sign(",") {
			return result, p.want(")")
		}
	}
}
