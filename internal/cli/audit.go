package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hale/internal/app"
	"hale/internal/record"
	"hale/internal/store/audit"
)

func auditCommand() command {
	return command{
		name: "audit", args: "verify | prove | check-proof FILE | watch", short: "prove that nobody has bent the log of who looked at what",
		long: `hale audit verify [--from FILE] computes the whole log anew and compares it with
its hashes, its signed checkpoints and what the witnesses kept: the files that
hale.toml names, and each FILE with checkpoints kept elsewhere (also a saved
e-mail). It says what was changed and where. It may run while Hale serves.

hale audit prove --event ID [--out FILE] writes a proof that one row is in the
log, with all that is needed to check it.
hale audit check-proof FILE [--from FILE] checks such a proof without any
database; with --from, also that a witness knows its checkpoint.
hale audit watch --witness FILE compares the log with witnesses again and again.

Ends with 0 if nothing was bent, 3 if something was, 1 if it could not tell.`,
		run: auditRun,
	}
}

// checkpointFile, in the data folder, is the witness of those who name none.
const checkpointFile = "checkpoints.txt"

// witnesses sets who keeps checkpoints and says what is wrong with them.
func (f file) witnesses(data string, c *app.Config) (wrong []string) {
	c.Witnesses = app.Witnesses{Files: f.Audit.Files, URLs: f.Audit.URLs, Emails: f.Audit.Emails}
	if len(f.Audit.Files) == 0 {
		c.Witnesses.Files = []string{filepath.Join(data, checkpointFile)}
	}
	for _, text := range f.Audit.URLs {
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			wrong = append(wrong, fmt.Sprintf("audit.witness_urls: %q must begin with https://", text))
		}
	}
	for _, to := range f.Audit.Emails {
		if !strings.Contains(to, "@") {
			wrong = append(wrong, fmt.Sprintf("audit.witness_emails: %q is no e-mail address", to))
		}
	}
	if len(f.Audit.Emails) > 0 && f.Mail.Server == "" && f.Mail.Mode != "direct" {
		wrong = append(wrong, "audit.witness_emails needs mail.server")
	}
	c.Node, _ = os.Hostname() // an empty name is one, too
	return wrong
}

// errBent ends a command whose log or proof does not hold.
var errBent = errors.New("audit")

// paths is a flag that may stand several times.
type paths []string

func (p *paths) String() string { return strings.Join(*p, ", ") }

func (p *paths) Set(s string) error {
	*p = append(*p, s)
	return nil
}

// auditFlags are those of all of audit's verbs.
type auditFlags struct {
	at     place
	from   paths
	event  string
	out    string
	every  time.Duration
	once   bool
	asJSON bool
}

func auditRun(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	f := auditFlags{at: placeFlags(env, fs)}
	fs.Var(&f.from, "from", "a `FILE` with checkpoints that somebody else kept; may stand several times")
	fs.Var(&f.from, "witness", "the same: a `FILE` of a witness")
	fs.StringVar(&f.event, "event", "", "prove: the `ID` of the row")
	fs.StringVar(&f.out, "out", "", "prove: the `FILE` to write; else the standard output")
	fs.DurationVar(&f.every, "every", 10*time.Second, "watch: how often to compare, a `TIME` like 10s or 5m")
	fs.BoolVar(&f.once, "once", false, "watch: compare once and end")
	fs.BoolVar(&f.asJSON, "json", false, "verify: print as JSON")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) == 2 && rest[0] == "check-proof" {
		return f.checkProof(env, rest[1])
	}
	if len(rest) != 1 {
		return usage("say verify, prove, check-proof FILE or watch")
	}
	c, err := f.at.load(env)
	if err != nil {
		return err
	}
	book, end, err := app.AuditBook(ctx, c)
	if err != nil {
		return err
	}
	defer end()
	switch rest[0] {
	case "verify":
		return f.verify(ctx, env, book, c)
	case "prove":
		return f.prove(ctx, env, book)
	case "watch":
		return f.watch(ctx, env, book, c.Witnesses.Files)
	}
	return usage("say verify, prove, check-proof FILE or watch")
}

// copies reads the configured witness files, and those that --from names.
func (f *auditFlags) copies(configured []string) ([]audit.Copy, error) {
	var list []audit.Copy
	for _, path := range configured {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // nothing was signed yet; Verify says so of the log itself
		}
		if err != nil {
			return nil, err
		}
		list = append(list, audit.Copy{Name: path, Notes: audit.SplitNotes(string(text)), All: true})
	}
	for _, path := range f.from {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		list = append(list, audit.Copy{Name: path, Notes: audit.SplitNotes(string(text))})
	}
	return list, nil
}

func (f *auditFlags) verify(ctx context.Context, env Env, book *audit.Book, c app.Config) error {
	copies, err := f.copies(c.Witnesses.Files)
	if err != nil {
		return err
	}
	r, err := book.Verify(ctx, copies...)
	if err != nil {
		return err
	}
	p, err := app.ProveRecord(ctx, c)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = json.NewEncoder(env.Stdout).Encode(struct {
			audit.Report
			Record record.Proof
		}{r, p})
	} else {
		sayReport(env.Stdout, r)
		sayRecord(env.Stdout, p)
	}
	switch {
	case err != nil:
		return err
	case !r.Intact():
		return fmt.Errorf("%w: the log is not as it was signed", errBent)
	case len(p.Altered) > 0:
		return fmt.Errorf("%w: the record is not as it was written", errBent)
	}
	return nil
}

// mostAltered is how many altered versions are named.
const mostAltered = 20

func sayRecord(w io.Writer, p record.Proof) {
	for _, about := range p.Altered[:min(len(p.Altered), mostAltered)] {
		fmt.Fprintf(w, "✗ %s is not as it was written.\n", about)
	}
	if n := len(p.Altered) - mostAltered; n > 0 {
		fmt.Fprintf(w, "✗ … and %d more.\n", n)
	}
	if p.Erased > 0 {
		fmt.Fprintf(w, "%d changes were erased for good with a patient's key, so nothing can be compared.\n", p.Erased)
	}
	if len(p.Altered) == 0 {
		fmt.Fprintf(w, "✓ The record is as the log says: %d changes compared.\n", p.Rows-p.Erased)
	}
}

func sayReport(w io.Writer, r audit.Report) {
	for _, found := range r.Findings {
		fmt.Fprintln(w, "✗ "+found.Words)
	}
	if r.More > 0 {
		fmt.Fprintf(w, "✗ … and %d more.\n", r.More)
	}
	fmt.Fprintf(w, "Read %d rows of %s; %d more wait for their place.\n", r.Size, or(r.Origin, "a log without a name yet"), r.Waiting)
	if r.Last.Number > 0 {
		fmt.Fprintf(w, "Checkpoints: %d; the last, number %d, signed %d rows on %s.\n", r.Checkpoints, r.Last.Number, r.Last.Size, r.Last.At.Format(time.RFC1123))
	}
	if r.Copies == 0 {
		fmt.Fprintln(w, "No witness was asked, so a log that was rewritten as a whole would not show. --from FILE names one.")
	} else {
		fmt.Fprintf(w, "Compared with %d checkpoints that witnesses kept.\n", r.Copies)
	}
	if r.Intact() {
		fmt.Fprintln(w, "✓ Every row is as it was written; none is missing and none was put in.")
	}
}

func (f *auditFlags) prove(ctx context.Context, env Env, book *audit.Book) error {
	if f.event == "" {
		return usage("--event ID is missing")
	}
	p, err := book.Prove(ctx, f.event)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if f.out == "" {
		_, err = env.Stdout.Write(text)
		return err
	}
	return os.WriteFile(f.out, text, 0o600)
}

func (f *auditFlags) checkProof(env Env, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p, err := audit.ReadProof(text)
	if err != nil {
		return err
	}
	c, err := p.Check()
	if err != nil {
		return fmt.Errorf("%w: %w", errBent, err)
	}
	copies, err := f.copies(nil)
	if err != nil {
		return err
	}
	for _, w := range copies {
		known := false
		for _, note := range w.Notes {
			known = known || note == c.Note
		}
		if !known {
			return fmt.Errorf("%w: %s does not have the checkpoint that the proof leads to", errBent, w.Name)
		}
	}
	for _, r := range p.Rows {
		fmt.Fprintln(env.Stdout, r.Leaf)
	}
	fmt.Fprintf(env.Stdout, "✓ In the log %s, signed on %s (checkpoint %d, %d rows).\nThe key is %s.\n",
		c.Origin, c.At.Format(time.RFC1123), c.Number, c.Size, p.Key)
	if len(copies) == 0 {
		fmt.Fprintln(env.Stdout, "Whose key that is has to be known from elsewhere; a witness's file says it: --from FILE.")
	}
	return nil
}

func (f *auditFlags) watch(ctx context.Context, env Env, book *audit.Book, files []string) error {
	if len(files) == 0 && len(f.from) == 0 {
		return usage("--witness FILE is missing")
	}
	for {
		copies, err := f.copies(files)
		if err != nil {
			return err
		}
		newest, found, err := book.Compare(ctx, copies...)
		if err != nil {
			return err
		}
		for _, one := range found {
			fmt.Fprintln(env.Stdout, "✗ "+one.Words)
		}
		if len(found) > 0 {
			return fmt.Errorf("%w: the log and its witnesses do not agree", errBent)
		}
		fmt.Fprintf(env.Stdout, "✓ %s checkpoint %d, %d rows: the witnesses agree.\n", env.Now().UTC().Format(time.RFC3339), newest.Number, newest.Size)
		if f.once {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.every):
		}
	}
}
