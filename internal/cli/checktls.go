package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"
	"time"

	"hale/internal/app"
	"hale/internal/base/errs"
	"hale/internal/gateway/mx"
	"hale/internal/reach/policy"
)

func checkTLSCommand() command {
	return command{
		name: "check-tls", args: "DOMAIN…", short: "say how well mail to a domain is protected",
		long: `hale check-tls DOMAIN… looks at the mail servers of each domain: TLS, certificate,
MTA-STS and DANE. It says hello to them and no more; no mailbox is named.

  L0  not encrypted for certain
  L1  encrypted, but nobody proves who is at the other end
  L2  encrypted, to a server that proves its name
  L3  encrypted, to a server that its domain vouches for (MTA-STS or DANE)

A domain is as good as the worst of the servers that mail would go to first.
DANE counts only where hale.toml names a resolver of your own that validates.

hale check-tls --patients looks at the domains of all patients' e-mail addresses
and says how many of them are good enough for mail about care.`,
		run: checkTLS,
	}
}

func checkTLS(ctx context.Context, env Env, flags *flag.FlagSet, args []string) error {
	at := placeFlags(env, flags)
	asJSON := flags.Bool("json", false, "print as JSON")
	patients := flags.Bool("patients", false, "look at the domains of all patients")
	domains, err := parse(flags, args)
	if err != nil {
		return err
	}
	if *patients {
		if len(domains) > 0 {
			return usage("--patients takes no domains")
		}
		return checkPatients(ctx, env, at, *asJSON)
	}
	if len(domains) == 0 {
		return usage("name a domain, or --patients")
	}
	c, err := at.load(env)
	if errs.KindOf(err) == errs.NotFound || errors.Is(err, fs.ErrNotExist) { // nothing is set up: the system's resolver will do
		c, err = app.Config{Now: env.Now, Rand: env.Rand}, nil
	}
	if err != nil {
		return err
	}
	dir, err := c.Directory(nil)
	if err != nil {
		return errs.New(errs.Invalid, "No resolver can be used: "+err.Error())
	}
	defer dir.Close()
	var list []mx.Report
	for _, name := range domains {
		r, err := dir.Check(ctx, name)
		if errors.Is(err, mx.ErrDomain) {
			return errs.New(errs.Invalid, fmt.Sprintf("%q is no domain that mail can go to.", name))
		}
		if err != nil {
			return err
		}
		list = append(list, r)
	}
	if *asJSON {
		return printJSON(env.Stdout, list)
	}
	for i, r := range list {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		printDomain(env.Stdout, r)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printDomain prints one domain for a person.
func printDomain(w io.Writer, r mx.Report) {
	fmt.Fprintf(w, "%s: %s\n%s\n", r.Domain, levelWords(r), r.Meaning())
	if r.Note != "" {
		fmt.Fprintln(w, r.Note)
	}
	if len(r.Hosts) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PRIORITY\tSERVER\tLEVEL\tTLS\tCERTIFICATE\tMTA-STS\tDANE\tNOTE")
	for _, row := range r.Table() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Priority, row.Server, row.Level, row.TLS, row.Certificate, row.STS, row.DANE, row.Note)
	}
	_ = t.Flush()
}

func levelWords(r mx.Report) string {
	if !r.Takes {
		return "takes no mail"
	}
	return r.Level.String() + ", " + r.Level.Words()
}

// checkPatients looks at the domains of all patients.
func checkPatients(ctx context.Context, env Env, at place, asJSON bool) error {
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	result, rows, err := a.AuditMail(ctx, func(done, all int) {
		fmt.Fprintf(env.Stderr, "\r%d of %d domains", done, all)
	})
	fmt.Fprintln(env.Stderr)
	if err != nil {
		return err
	}
	if asJSON {
		domains, patients := result.Good(policy.L2)
		return printJSON(env.Stdout, map[string]any{
			"sentence": result.Sentence(), "domains": result.Domains, "percent_domains_l2": domains, "percent_patients_l2": patients,
			"by_domain": rows, "checked_at": result.Ended.UTC().Format(time.RFC3339),
		})
	}
	fmt.Fprintln(env.Stdout, result.Sentence())
	t := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PATIENTS\tDOMAIN\tLEVEL")
	for _, r := range rows {
		level := r.Level.String()
		if !r.Takes {
			level = "takes no mail"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\n", r.Patients, r.Domain, level)
	}
	return t.Flush()
}
