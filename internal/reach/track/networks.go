package track

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// The classes of networks.
const (
	Apple      = "apple"      // relays that load pictures ahead, for everybody
	Google     = "google"     // pictures through a proxy
	Microsoft  = "microsoft"  // scans
	Yahoo      = "yahoo"      // pictures through a proxy
	Datacentre = "datacentre" // hired machines
)

//go:embed networks.txt
var embedded string

// Networks knows which class an address is of.
type Networks struct {
	AsOf  string // the day of the list
	bits  []int  // lengths of prefixes that occur, longest first
	class map[netip.Prefix]string
}

// Shipped returns the list that comes with this program.
func Shipped() *Networks {
	n, err := ReadNetworks(strings.NewReader(embedded))
	if err != nil {
		panic("track: " + err.Error()) // the file is part of the program, and a test reads it
	}
	return n
}

// ReadNetworks reads a list: a class and a prefix on each line, or a prefix
// with a comma behind it, which is one of Apple's own list of relays. A line
// "# As of: …" dates it.
func ReadNetworks(in io.Reader) (*Networks, error) {
	n := &Networks{class: map[netip.Prefix]string{}}
	lines := bufio.NewScanner(in)
	for at := 1; lines.Scan(); at++ {
		line := strings.TrimSpace(lines.Text())
		if day, ok := strings.CutPrefix(line, "# As of:"); ok {
			n.AsOf = strings.TrimSpace(day)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		class, text, ok := strings.Cut(line, " ")
		if first, _, comma := strings.Cut(line, ","); comma {
			class, text, ok = Apple, first, true
		}
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil || !ok || !known(class) {
			return nil, fmt.Errorf("track: networks, line %d: want a class and a prefix", at)
		}
		n.class[p.Masked()] = class
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("track: networks: %w", err)
	}
	n.measure()
	return n, nil
}

func known(class string) bool {
	switch class {
	case Apple, Google, Microsoft, Yahoo, Datacentre:
		return true
	}
	return false
}

// measure notes which lengths of prefixes there are.
func (n *Networks) measure() {
	var there [129]bool
	for p := range n.class {
		there[p.Bits()] = true
	}
	for bits := 128; bits >= 0; bits-- {
		if there[bits] {
			n.bits = append(n.bits, bits)
		}
	}
}

// With returns n with what more says in the place of the classes that more
// names.
func (n *Networks) With(more *Networks) *Networks {
	named := map[string]bool{}
	for _, c := range more.class {
		named[c] = true
	}
	all := &Networks{AsOf: n.AsOf, class: map[netip.Prefix]string{}}
	if more.AsOf != "" {
		all.AsOf = more.AsOf
	}
	for p, c := range n.class {
		if !named[c] {
			all.class[p] = c
		}
	}
	for p, c := range more.class {
		all.class[p] = c
	}
	all.measure()
	return all
}

// Len returns how many prefixes the list has.
func (n *Networks) Len() int { return len(n.class) }

// Of returns the class of an address, "" for none: that of the longest
// prefix it lies in.
func (n *Networks) Of(a netip.Addr) string {
	a = a.Unmap()
	for _, bits := range n.bits {
		if bits > a.BitLen() {
			continue
		}
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if c, ok := n.class[p]; ok {
			return c
		}
	}
	return ""
}
