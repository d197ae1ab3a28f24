package ucum

import (
	"math/big"
	"strconv"
	"strings"
)

// lookup finds a unit without prefix by its name.
type lookup func(name string) (Unit, bool)

// parser reads a unit once, left to right.
type parser struct {
	text  string
	pos   int
	depth int
	find  lookup
}

func parse(code string, find lookup) (Unit, error) {
	if len(code) > maxLength {
		return Unit{}, errLong
	}
	p := parser{text: code, find: find}
	u, err := p.term()
	if err != nil {
		return Unit{}, err
	}
	if p.pos < len(p.text) {
		return Unit{}, errCloses
	}
	return u, nil
}

// term reads components between dots and slashes, up to the end or a closing
// bracket.
func (p *parser) term() (Unit, error) {
	p.depth++
	if p.depth > maxDepth {
		return Unit{}, errDeep
	}
	defer func() { p.depth-- }()
	result, sign := one(), 1
	if p.next('/') {
		sign = -1
	}
	for first := sign > 0; ; first = false {
		u, err := p.component()
		if err != nil {
			return Unit{}, err
		}
		switch {
		case first:
			result = u
		default:
			if result, err = result.times(u, sign); err != nil {
				return Unit{}, err
			}
		}
		switch {
		case p.next('.'):
			sign = 1
		case p.next('/'):
			sign = -1
		default:
			return result, nil
		}
	}
}

func (p *parser) next(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// component reads a bracket, a number, a unit with its exponent, or a note
// in braces, which measures nothing.
func (p *parser) component() (Unit, error) {
	if p.next('(') {
		u, err := p.term()
		if err == nil && !p.next(')') {
			err = errCloses
		}
		if err == nil {
			_, err = p.note()
		}
		return u, err
	}
	start := p.pos
	if err := p.skipName(); err != nil {
		return Unit{}, err
	}
	name := p.text[start:p.pos]
	noted, err := p.note()
	if err != nil {
		return Unit{}, err
	}
	if name == "" {
		if !noted {
			return Unit{}, errEmpty
		}
		return one(), nil
	}
	return p.named(name)
}

// skipName goes to the end of a name: square brackets may hold any sign.
func (p *parser) skipName() error {
	square := false
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c <= ' ' || c > '~':
			return unknown(p.text)
		case c == '[':
			square = true
		case c == ']':
			square = false
		case !square && strings.IndexByte("./(){}", c) >= 0:
			return nil
		}
	}
	if square {
		return errCloses
	}
	return nil
}

func (p *parser) note() (bool, error) {
	if !p.next('{') {
		return false, nil
	}
	end := strings.IndexByte(p.text[p.pos:], '}')
	if end < 0 {
		return false, errCloses
	}
	p.pos += end + 1
	return true, nil
}

// named finds a unit by its name with prefix and exponent.
func (p *parser) named(name string) (Unit, error) {
	if n, ok := new(big.Int).SetString(name, 10); ok && name[0] != '-' && name[0] != '+' {
		if n.Sign() == 0 {
			return Unit{}, errHuge
		}
		return Unit{factor: new(big.Rat).SetInt(n)}, nil
	}
	if u, ok := p.prefixed(name); ok {
		return u, nil
	}
	base := strings.TrimRight(name, "0123456789")
	digits := name[len(base):]
	if digits == "" {
		return Unit{}, unknown(name)
	}
	if strings.HasSuffix(base, "-") || strings.HasSuffix(base, "+") {
		digits = base[len(base)-1:] + digits
		base = base[:len(base)-1]
	}
	exponent, err := strconv.Atoi(digits)
	if err != nil {
		return Unit{}, errHuge
	}
	u, ok := p.prefixed(base)
	if !ok {
		return Unit{}, unknown(name)
	}
	if exponent == 0 {
		return one(), nil
	}
	return u.power(exponent)
}

// prefixed finds a unit, with a prefix where it is metric.
func (p *parser) prefixed(name string) (Unit, bool) {
	if u, ok := p.find(name); ok {
		return u, true
	}
	for n := 2; n >= 1; n-- {
		if len(name) <= n {
			continue
		}
		factor, ok := prefixes[name[:n]]
		if !ok || !metric()[name[n:]] {
			continue
		}
		if u, ok := p.find(name[n:]); ok && u.offset == nil {
			u.factor = new(big.Rat).Mul(u.factor, factor)
			return u, true
		}
	}
	return Unit{}, false
}
