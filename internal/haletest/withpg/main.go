// Command withpg starts a PostgreSQL of its own, runs a command with
// HALE_TEST_POSTGRES naming it, and takes the server away again.
//
//	withpg go test ./...
//
// The server lives in a temporary folder, listens on a free port of this
// machine only, and keeps nothing. Where no PostgreSQL is installed the
// command runs without one, and the tests that need it say that they skip.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const variable = "HALE_TEST_POSTGRES"

func main() {
	args := os.Args[1:]
	durable := len(args) > 0 && args[0] == "-durable"
	if durable {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpg [-durable] COMMAND [ARGUMENT …]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code, err := run(ctx, args, durable)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg:", err)
	}
	os.Exit(code)
}

// run runs command beside a server and returns its exit code.
func run(ctx context.Context, command []string, durable bool) (int, error) {
	if os.Getenv(variable) != "" && !durable {
		return beside(ctx, command, "")
	}
	bin, err := installed()
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg: no PostgreSQL is installed: tests that need it are skipped")
		return beside(ctx, command, "")
	}
	s, err := start(ctx, bin, durable)
	if err != nil {
		return 1, err
	}
	code, err := beside(ctx, command, s.url())
	return code, errors.Join(err, s.stop())
}

// beside runs command with the variable set to url. A signal goes on to the
// command, which has until killAfter to end.
func beside(ctx context.Context, command []string, url string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	if url != "" {
		cmd.Env = append(cmd.Env, variable+"="+url)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = killAfter
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(1, exit.ExitCode()), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
