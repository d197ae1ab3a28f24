package cli

import (
	"context"
	"flag"
	"fmt"
	"log/slog"

	"hale/internal/app"
)

func reindexCommand() command {
	return command{
		name: "reindex", short: "write the search index of the record anew",
		long: `After an upgrade Hale brings the search index up to what can be searched now
by itself, in the background; until it is done, searches that need the new
part say so. This command writes all of it at once, or that of one type of
resource. It may run while Hale serves, and be stopped and run again. Lists
of the record that came with an upgrade are filled by it, too.`,
		run: func(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
			at := placeFlags(env, fs)
			typ := fs.String("type", "", "only resources of this `type`, such as Observation")
			rest, err := parse(fs, args)
			if err != nil || len(rest) != 0 {
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
			rounds := 0
			err = a.Reindex(ctx, *typ, func(number int64) {
				if rounds++; rounds%40 == 0 {
					fmt.Fprintf(env.Stdout, "resource %d\n", number)
				}
			})
			if err == nil {
				fmt.Fprintln(env.Stdout, "The search index is complete.")
			}
			return err
		},
	}
}
