package cli

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"hale/internal/app"
)

func relabelCommand() command {
	return command{
		name: "relabel", short: "say anew who was behind what mails reported",
		long: `Whether a person or a machine opened a mail or followed a link is a label
that numbered rules make of stored facts. After an upgrade that changes a
rule, or with a newer list of networks, this command makes the labels again.
It changes no fact, and may run while Hale serves.`,
		run: func(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
			at := placeFlags(env, fs)
			days := fs.Int("days", 400, "only what was fetched within so many `days`")
			rest, err := parse(fs, args)
			if err != nil || len(rest) != 0 || *days < 1 {
				return orUsage(err, "it takes no arguments")
			}
			c, err := at.load(env)
			if err != nil {
				return err
			}
			c.Log = slog.New(slog.DiscardHandler)
			a, err := app.New(ctx, c)
			if err != nil {
				return err
			}
			defer a.Close()
			rows, changed, err := a.Relabel(ctx, time.Duration(*days)*24*time.Hour)
			if err == nil {
				fmt.Fprintf(env.Stdout, "%d reports were looked at; the label of %d changed.\n", rows, changed)
			}
			return err
		},
	}
}
