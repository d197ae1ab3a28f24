package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"hale/internal/base/errs"
	"hale/internal/feed/bulk"
)

func importCommand() command {
	return command{
		name: "import", args: "PATH…", short: "bring in FHIR R4 bundles and NDJSON",
		long: `Reads FHIR R4 bundles (JSON) and NDJSON from files and folders, in any order,
and tells them apart by what is in them. References inside a bundle are
resolved. A bundle comes in whole or not at all; of NDJSON, each good line
comes in. What is wrong is named with file, entry and reason, and the exit
status is 1. Running it twice changes nothing the second time.`,
		run: importFiles,
	}
}

func importFiles(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	asJSON := fs.Bool("json", false, "print the report as JSON")
	quiet := fs.Bool("quiet", false, "show no progress")
	feed := fs.String("feed", "import", "name where the data comes from, as lists and the desk's page of sources name it")
	paths, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return usage("name a folder or a file to import")
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	bar := newBar(env.Stderr, *quiet)
	var bad int
	for _, path := range paths {
		report, err := a.Importer(*feed).Import(ctx, path, bar.show)
		bar.done()
		if err != nil {
			return err
		}
		bad += len(report.Bad)
		if err := printReport(env.Stdout, report, *asJSON); err != nil {
			return err
		}
	}
	if bad > 0 {
		return errs.New(errs.Invalid, fmt.Sprintf("%d could not be imported; they are named above. Everything else is in.", bad))
	}
	return nil
}

// printReport prints the counts per type and what was bad.
func printReport(w io.Writer, r bulk.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	types := make([]string, 0, len(r.Counts))
	for typ := range r.Counts {
		types = append(types, typ)
	}
	slices.Sort(types)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, typ := range types {
		fmt.Fprintf(tw, "%d\t  %s\n", r.Counts[typ], typ)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d resources from %d files, %d of them unchanged\n", r.Resources, r.Files, r.Unchanged)
	for _, b := range r.Skipped {
		fmt.Fprintf(w, "skipped: %s\n", badLine(b))
	}
	for _, b := range r.Bad {
		fmt.Fprintf(w, "not imported: %s\n", badLine(b))
	}
	return nil
}

// badLine names file, entry, place and reason, as far as they are known.
func badLine(b bulk.Bad) string {
	parts := []string{b.File}
	if b.Entry > 0 {
		parts = append(parts, fmt.Sprintf("entry %d", b.Entry))
	}
	if b.Place != "" {
		parts = append(parts, b.Place)
	}
	return strings.Join(parts, ", ") + ": " + b.Reason
}

// bar draws progress on a terminal, and nothing elsewhere.
type bar struct {
	w     io.Writer
	drawn bool
}

func newBar(w io.Writer, quiet bool) *bar {
	f, ok := w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return &bar{}
	}
	return &bar{w: w}
}

const barWidth = 30

func (b *bar) show(p bulk.Progress) {
	if b.w == nil || p.Total <= 0 {
		return
	}
	share := min(1, float64(p.Done)/float64(p.Total))
	full := int(share * barWidth)
	fmt.Fprintf(b.w, "\r\033[K%s%s %3.0f %%  %d resources, %.0f/s, %s left",
		strings.Repeat("█", full), strings.Repeat("░", barWidth-full), share*100, p.Resources, p.Rate, p.Left.Round(time.Second))
	b.drawn = true
}

func (b *bar) done() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\033[K")
		b.drawn = false
	}
}
