package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"hale/internal/app"
	"hale/internal/base/errs"
)

func serveCommand() command {
	return command{
		name: "serve", short: "run the portal",
		long: `Runs everything: the pages, the work queue and the sender. It brings the
database up to date first, and prints one line "ready http://HOST:PORT" when
it answers. It ends cleanly on Ctrl-C or SIGTERM: what is under way is
finished, what is queued stays queued.`,
		run: serve,
	}
}

func serve(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	at.addr = fs.String("addr", "", "listen on `HOST:PORT`; else as configured, else 127.0.0.1:8080")
	if rest, err := parse(fs, args); err != nil || len(rest) > 0 {
		return orUsage(err, "it takes no arguments")
	}
	c, err := at.load(env)
	if err != nil {
		return err
	}
	c.Log = logger(env, false)
	return app.Serve(ctx, c, func(addr string) { fmt.Fprintf(env.Stdout, "ready %s\n", addr) })
}

func orUsage(err error, text string) error {
	if err != nil {
		return err
	}
	return usage("%s", text)
}

func migrateCommand() command {
	return command{
		name: "migrate", short: "bring the database up to date",
		long: "Runs the migrations that the database does not have yet. hale serve does the same when it starts.",
		run: func(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
			at := placeFlags(env, fs)
			if rest, err := parse(fs, args); err != nil || len(rest) > 0 {
				return orUsage(err, "it takes no arguments")
			}
			c, err := at.load(env)
			if err != nil {
				return err
			}
			ran, err := app.Migrate(ctx, c)
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stdout, "%d migrations ran; the database is up to date\n", ran)
			return nil
		},
	}
}

func checkCommand() command {
	return command{
		name: "check", short: "check the configuration before serving",
		long: `Reads the configuration, opens the database with the key, and reaches the
mail relay and the text gateway without sending anything. It names everything
that is wrong and what would mend it. Exit status 1 if something must be
mended before serving.`,
		run: check,
	}
}

func check(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	asJSON := fs.Bool("json", false, "print as JSON")
	loss := fs.Bool("allow-loss", false, "only note that PostgreSQL may lose what it acknowledged: for tests")
	if rest, err := parse(fs, args); err != nil || len(rest) > 0 {
		return orUsage(err, "it takes no arguments")
	}
	c, err := at.load(env)
	if err != nil {
		return err
	}
	findings := append(app.Check(ctx, c), app.CheckDurable(ctx, c, *loss))
	if *asJSON {
		if err := json.NewEncoder(env.Stdout).Encode(findings); err != nil {
			return err
		}
	}
	wrong := 0
	for _, f := range findings {
		if f.State == app.Wrong {
			wrong++
		}
		if !*asJSON {
			fmt.Fprintf(env.Stdout, "%-6s %-10s %s\n", f.State, f.What, f.Say)
		}
	}
	if wrong > 0 {
		return errs.New(errs.Invalid, fmt.Sprintf("%d of %d must be mended before serving.", wrong, len(findings)))
	}
	return nil
}
