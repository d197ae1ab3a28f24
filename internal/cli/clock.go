package cli

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"hale/internal/app"
)

func clockCommand() command {
	return command{
		name: "clock", args: "accept", short: "take the machine's clock for right after it was set back",
		long: `Hale lets nobody in while the clock stands more than five minutes before the
latest time it has seen: sessions and links that had ended would live again.
Set the clock right first. If it is right, and was wrong before:

hale clock accept takes it as it stands. Every session, every link that was
sent and every code ends; people sign in again. It is written in the log.`,
		run: func(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
			at := placeFlags(env, fs)
			rest, err := parse(fs, args)
			if err != nil || len(rest) != 1 || rest[0] != "accept" {
				return orUsage(err, "say accept")
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
			if err := a.AcceptClock(ctx); err != nil {
				return err
			}
			fmt.Fprintf(env.Stdout, "The clock is taken for right: it is %s. Every session and link has ended. A Hale that serves takes it on when it starts anew.\n", c.Now().UTC().Format(time.RFC3339))
			return nil
		},
	}
}
