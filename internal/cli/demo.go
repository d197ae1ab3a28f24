package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"hale/internal/app"
	"hale/internal/base/seal"
)

func demoCommand() command {
	return command{
		name: "demo", short: "run Hale with a synthetic town, to look at and try",
		long: `Makes the town of Riverside: a clinic, a few thousand people with two years of
history, a mail server, phones, and ready sign-ins for a patient, a caregiver, a
nurse, a marketer and an administrator. Nobody in it exists. What outreach truly
changes there is planted, so that what Hale measures can be held against it.

Without --data everything is gone when it ends. With it, a second start goes on
where the first one stopped. Never put the demo on a public address: anybody who
reaches it can sign in.`,
		run: demo,
	}
}

func demo(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	addr := fs.String("addr", "127.0.0.1:8080", "listen on `HOST:PORT`")
	data := fs.String("data", "", "keep the town in `DIR`; otherwise it is gone at the end")
	database := fs.String("database", "", "a database `URL`, postgres://…, that is empty or holds this town")
	people := fs.Int("people", 2500, "how many `PEOPLE` live there")
	seed := fs.Uint64("seed", 1, "another `SEED` makes another town")
	quiet := fs.Bool("quiet", false, "nobody opens messages by themselves; you do it")
	asJSON := fs.Bool("json", false, "print the sign-ins as JSON")
	verbose := fs.Bool("verbose", false, "log every request")
	if rest, err := parse(fs, args); err != nil || len(rest) > 0 {
		return orUsage(err, "it takes no arguments")
	}
	if *people < 50 || *people > 200_000 {
		return usage("--people must be from 50 to 200000")
	}
	dir, cleanup, err := demoFolder(*data)
	if err != nil {
		return err
	}
	defer cleanup()
	key, err := demoKey(dir)
	if err != nil {
		return err
	}
	c := app.Config{
		Validation: app.DefaultValidation(),
		Writing:    app.Writing{Approve: app.DefaultApproval(), Cents: 0.8},
		Addr:       *addr, Database: or(*database, "sqlite:"+filepath.Join(dir, "hale.db")), Key: key,
		Now: env.Now, Rand: env.Rand, Log: logger(env, !*verbose),
		Witnesses: app.Witnesses{Files: []string{filepath.Join(dir, checkpointFile)}},
	}
	dc := app.DemoConfig{Seed: *seed, People: *people, Quiet: *quiet, Step: func(words string) { fmt.Fprintln(env.Stderr, "… "+words) }}
	return app.ServeDemo(ctx, c, dc, func(r app.Ready) { welcome(env, r, *asJSON) })
}

// demoFolder returns where the town is kept, and what to do at the end.
func demoFolder(data string) (dir string, cleanup func(), err error) {
	if data != "" {
		return data, func() {}, os.MkdirAll(data, 0o700)
	}
	dir, err = os.MkdirTemp("", "hale-demo-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// demoKey reads the folder's key or makes it.
func demoKey(dir string) (seal.Key, error) {
	path := filepath.Join(dir, keyFile)
	p := place{data: &dir}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		key := seal.NewKey()
		return key, writeNew(path, key.Hex()+"\n", 0o400)
	}
	return p.key(Env{Getenv: func(string) string { return "" }})
}

// welcome prints the addresses and the ready sign-ins.
func welcome(env Env, r app.Ready, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(env.Stdout).Encode(r)
		fmt.Fprintf(env.Stdout, "ready %s\n", r.Addr)
		return
	}
	fmt.Fprintf(env.Stdout, "\n%d people live in Riverside. Nobody in it exists. It is %s there.\n\n", r.People, r.Clock)
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(tw, "  Portal\t%s\n  Desk\t%s/desk\n  Phones and mail of the town\t%s/town\n\n", r.URL, r.URL, r.URL)
	fmt.Fprintf(tw, "Sign in at %s/signin as\n", r.URL)
	for _, s := range r.SignIns {
		if s.Main {
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", s.Name, or(s.Email, s.Phone), s.What)
		}
	}
	_ = tw.Flush()
	fmt.Fprintf(env.Stdout, "\nOne tap is enough there; or ask for a code, it arrives at %s/town. Ctrl-C ends the town.\n\nready %s\n", r.URL, r.Addr)
}
