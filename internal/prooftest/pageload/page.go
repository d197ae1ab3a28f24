package main

import (
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// nodes are the elements of a page.
func nodes(body string) iter.Seq[*html.Node] {
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return func(func(*html.Node) bool) {}
	}
	return root.Descendants()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text is all that an element says.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
