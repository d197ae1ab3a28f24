package cli

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"time"

	"hale/internal/app"
	"hale/internal/care/disclosure"
	"hale/internal/feed/bulk"
)

func exportCommand() command {
	return command{
		name: "export", short: "write records as FHIR or C-CDA files",
		long: `Writes one patient's record, or everyone's, into a new folder: a FHIR bundle for
each patient, NDJSON for each type, a Continuity of Care Document (C-CDA R2.1)
or an International Patient Summary. What hale import reads, hale export wrote.

It leaves out what the law protects more and what waits for its release, unless
--protected asks for it. Say to whom it goes and why: each patient's copy leaves
a row in the audit log, and one in the ledger of disclosures where --basis is
one that is accounted for (45 CFR 164.528). The files are readable by you alone.
Nothing that exists is overwritten.`,
		run: exportFiles,
	}
}

// exportFlags are what export is told.
type exportFlags struct {
	patient, format, out, from, to     *string
	recipient, address, purpose, basis *string
	everyone, protected, quiet         *bool
}

func exportFiles(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	f := exportFlags{
		patient: fs.String("patient", "", "the `ID` of one patient"), everyone: fs.Bool("everyone", false, "every patient"),
		format: fs.String("format", app.AsBundle, "bundle, ndjson, ccd or ips"), out: fs.String("out", "", "the `FOLDER` to make"),
		from: fs.String("from", "", "only from this `DAY` on, YYYY-MM-DD"), to: fs.String("to", "", "and up to this `DAY`"),
		recipient: fs.String("recipient", "", "`WHO` gets it"), address: fs.String("address", "", "and where they are; for a basis that is accounted for"),
		purpose: fs.String("purpose", "", "`WHY`"), basis: fs.String("basis", string(disclosure.Operations), "why the law allows it: to-patient, treatment, authorized, operations, required-by-law, …"),
		protected: fs.Bool("protected", false, "with what the law protects more, and what waits for its release"), quiet: fs.Bool("quiet", false, "show no progress"),
	}
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usage("%q is one word too many", rest[0])
	}
	if err := f.check(); err != nil {
		return err
	}
	e := app.Export{Patient: *f.patient, Format: *f.format, Out: *f.out, Protected: *f.protected, Recipient: *f.recipient, Address: *f.address, Purpose: *f.purpose, Basis: disclosure.Basis(*f.basis)}
	c, err := at.load(env)
	if err != nil {
		return err
	}
	if e.Window.From, err = dayFlag("from", *f.from, c.Clinic.Zone); err != nil {
		return err
	}
	if e.Window.To, err = dayFlag("to", *f.to, c.Clinic.Zone); err != nil {
		return err
	}
	if !e.Window.To.IsZero() {
		e.Window.To = e.Window.To.AddDate(0, 0, 1)
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	bar, began := newBar(env.Stderr, *f.quiet), env.Now()
	done, err := a.Export(ctx, e, func(n, total int) {
		p := bulk.Progress{Done: int64(n), Total: int64(total), Resources: n}
		if took := env.Now().Sub(began).Seconds(); took > 0 && n > 0 {
			p.Rate = float64(n) / took
			p.Left = time.Duration(took / float64(n) * float64(total-n) * float64(time.Second))
		}
		bar.show(p)
	})
	bar.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%d patients, %d resources, %d files in %s\n", done.Patients, done.Resources, done.Files, e.Out)
	return nil
}

// check says what is missing.
func (f exportFlags) check() error {
	switch {
	case (*f.patient != "") == *f.everyone:
		return usage("say --patient ID, or --everyone")
	case *f.out == "":
		return usage("say where to: --out FOLDER")
	case !slices.Contains([]string{app.AsBundle, app.AsNDJSON, app.AsCCD, app.AsIPS}, *f.format):
		return usage("--format is bundle, ndjson, ccd or ips")
	case *f.recipient == "" || *f.purpose == "":
		return usage("say --recipient WHO gets it, and --purpose WHY")
	}
	return nil
}

// dayFlag reads a day; an empty one is the zero time.
func dayFlag(name, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return t, usage("--%s is a day, YYYY-MM-DD", name)
	}
	return t, nil
}
