// Command trust writes docs/TRUST.md from the figures that the proofs left in
// docs/trust and from docs/asvs.json. With -write it writes the file; without
// it prints what it would write.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	write := flag.Bool("write", false, "write docs/TRUST.md")
	docs := flag.String("docs", "docs", "the folder of the documents")
	flag.Parse()
	if err := run(*docs, *write); err != nil {
		fmt.Fprintln(os.Stderr, "trust:", err)
		os.Exit(1)
	}
}

func run(docs string, write bool) error {
	text, err := Page(docs)
	if err != nil {
		return err
	}
	if !write {
		_, err := os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(filepath.Join(docs, "TRUST.md"), []byte(text), 0o644)
}
