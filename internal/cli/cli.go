// Package cli is the command line: it reads the arguments, the environment
// and the configuration file, and hands the rest of Hale what it found.
//
// Nothing below this package looks at the environment. A command ends with
// status 0, 1 (it failed and says why), 2 (it was called wrongly) or 3 (the
// audit log was bent).
package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"hale/internal/base/errs"
)

// Env is what a command gets from the system around it.
type Env struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
	Now    func() time.Time
	Rand   io.Reader
}

// System returns the process's own streams, environment and clock.
func System() Env {
	return Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: time.Now, Rand: rand.Reader}
}

// command is one subcommand.
type command struct {
	name  string
	args  string // what follows the flags, for the help text
	short string
	long  string
	run   func(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error
}

// commands lists the subcommands in the order in which a person meets them.
func commands() []command {
	return []command{
		demoCommand(), initCommand(), checkCommand(), serveCommand(), importCommand(), exportCommand(),
		userCommand(), appCommand(), outreachCommand(), keysCommand(), mailCommand(), mailInCommand(), checkTLSCommand(), auditCommand(), clockCommand(), reindexCommand(), relabelCommand(), migrateCommand(), versionCommand(),
	}
}

// errUsage marks an error in how a command was called.
var errUsage = errors.New("usage")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// Main runs the command that args name and returns the exit status.
func Main(args []string, env Env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, env)
}

func run(ctx context.Context, args []string, env Env) int {
	if len(args) == 0 || args[0] == "help" && len(args) == 1 || args[0] == "-h" || args[0] == "--help" {
		overview(env.Stdout)
		return 0
	}
	name, rest := args[0], args[1:]
	if name == "help" {
		name, rest = args[1], []string{"--help"}
	}
	if name == "--version" {
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return c.call(ctx, env, rest)
		}
	}
	fmt.Fprintf(env.Stderr, "hale: there is no command %q. `hale help` lists them.\n", name)
	return 2
}

// call parses the flags and runs c.
func (c command) call(ctx context.Context, env Env, args []string) int {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := c.run(ctx, env, fs, args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		c.help(env.Stdout, fs)
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(env.Stderr, "hale %s: %s\n`hale help %s` shows how it is used.\n", c.name, strings.TrimPrefix(err.Error(), "usage: "), c.name)
		return 2
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(env.Stderr, "hale %s: stopped\n", c.name)
		return 130
	}
	fmt.Fprintf(env.Stderr, "hale %s: %s\n", c.name, explain(err))
	if errors.Is(err, errBent) {
		return 3
	}
	if errors.Is(err, errAgain) {
		return 75
	}
	return 1
}

// parse reads the flags of a command and returns what follows them; flags
// may stand after the arguments, too.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usage("%s", err)
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// explain returns an error as an operator wants it: what to do, then why.
func explain(err error) string {
	if errs.KindOf(err) == errs.Internal {
		return err.Error()
	}
	say := errs.Say(err)
	if cause := err.Error(); !strings.HasSuffix(cause, say) {
		return say + "\n  (" + cause + ")"
	}
	return say
}

func overview(w io.Writer) {
	fmt.Fprint(w, "Hale is a patient portal that goes to the patient.\n\nUsage: hale COMMAND [flags]\n\n")
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(tw, "  %s\t%s\n", c.name, c.short)
	}
	_ = tw.Flush()
	fmt.Fprint(w, "\n`hale help COMMAND` tells more. Start with `hale demo`.\n")
}

func (c command) help(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: hale %s [flags]", c.name)
	if c.args != "" {
		fmt.Fprintf(w, " %s", c.args)
	}
	fmt.Fprintf(w, "\n\n%s\n\nFlags:\n", strings.TrimSpace(c.long))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(tw, "  --%s %s\t%s\n", f.Name, kind, text)
	})
	_ = tw.Flush()
}

// logger writes JSON lines to the error stream, or text for a person.
func logger(env Env, person bool) *slog.Logger {
	if person {
		return slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	return slog.New(slog.NewJSONHandler(env.Stderr, nil))
}
