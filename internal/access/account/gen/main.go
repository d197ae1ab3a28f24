// Command gen writes the list of common passwords from the frequency lists of
// the npm package zxcvbn (MIT licence).
//
//	npm pack zxcvbn@4.4.2 && tar xzf zxcvbn-4.4.2.tgz
//	go run ./gen package/lib/frequency_lists.js > common.txt
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// most is how many are kept: those of eight characters and more come first,
// for shorter ones are refused anyway and count only with something added.
const most = 15000

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen frequency_lists.js > common.txt")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	found := regexp.MustCompile(`passwords:\s*"([^"]*)"`).FindSubmatch(text)
	if found == nil {
		fmt.Fprintln(os.Stderr, "there is no list of passwords in", os.Args[1])
		os.Exit(1)
	}
	var long, short []string
	for _, p := range strings.Split(string(found[1]), ",") {
		switch n := utf8.RuneCountInString(p); {
		case p == "" || strings.ContainsAny(p, " \t\r\n"):
		case n >= 8:
			long = append(long, strings.ToLower(p))
		case n >= 5:
			short = append(short, strings.ToLower(p))
		}
	}
	out := bufio.NewWriter(os.Stdout)
	list := append(long, short...)
	for _, p := range list[:min(most, len(list))] {
		fmt.Fprintln(out, p)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
