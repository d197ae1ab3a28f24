package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hale/internal/access"
	"hale/internal/app"
	"hale/internal/base/errs"
	"hale/internal/reach"
	"hale/internal/reach/outline"
)

func outreachCommand() command {
	return command{
		name: "outreach", args: "start FILE | list | status ID | pause ID | resume ID | stop ID | explain ID PATIENT | key NAME | numbers | reassigned FILE",
		short: "write to patients from the command line, and see what came of it",
		long: `hale outreach start FILE.yaml   saves the outreach that FILE describes and starts it; --dry-run
                                says what it would do and starts nothing
hale outreach list              every outreach, newest first
hale outreach status ID         how far it has come, with the reconciliation line; --json prints it
                                as JSON, --watch again and again until it is over
hale outreach pause|resume|stop ID
hale outreach explain ID PATIENT
                                why one person did or did not get it, step by step
hale outreach numbers           every number in use, with the last day on which it was known to be its
                                patient's, as the Reassigned Numbers Database is asked
hale outreach reassigned FILE.csv
                                takes its answers in: number, date, yes, no or no data
hale outreach key NAME          makes a key for a program that asks for messages; it is printed once

FILE holds name, purpose, segment, channels, holdout and texts:

  name: Eye exams, fall
  purpose: care
  service: eye-exam
  segment:
    all:
      - has: { concept: diabetes }
      - not: { has: { concept: eye-exam, months: 12 } }
  holdout: 0.1
  texts:
    - channel: page
      lang: en
      subject: Time for your eye exam
      body: |
        Hello {{ first_name | default: "there" }}, it is time for your eye exam.

A server that runs on the same database sends what was started.`,
		run: outreach,
	}
}

// outreachFlags are what the words of hale outreach take.
type outreachFlags struct{ json, watch, dry *bool }

func outreach(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	f := outreachFlags{
		json:  fs.Bool("json", false, "print as JSON"),
		watch: fs.Bool("watch", false, "print the status again and again until the outreach is over"),
		dry:   fs.Bool("dry-run", false, "say what would happen, and start nothing"),
	}
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	wants := map[string]int{"start": 2, "list": 1, "status": 2, "pause": 2, "resume": 2, "stop": 2, "explain": 3, "key": 2, "numbers": 1, "reassigned": 2}
	if len(rest) == 0 || wants[rest[0]] != len(rest) {
		return usage("say start FILE, list, status ID, pause ID, resume ID, stop ID, explain ID PATIENT, key NAME, numbers or reassigned FILE")
	}
	var o reach.Outreach
	if rest[0] == "start" { // before anything is opened
		if o, err = readOutline(env, rest[1]); err != nil {
			return err
		}
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("console", access.RunOutreach), access.RunOutreach)
	if err != nil {
		return err
	}
	switch rest[0] {
	case "start":
		return startOutreach(ctx, env, a, pass, o, *f.dry)
	case "list":
		return listOutreach(ctx, env, a, pass, *f.json)
	case "status":
		return showStatus(ctx, env, a, pass, rest[1], f)
	case "explain":
		return explainOutreach(ctx, env, a, rest[1], rest[2])
	case "numbers":
		return printNumbers(ctx, env, a)
	case "reassigned":
		return readReassigned(ctx, env, a, rest[1])
	case "key":
		return makeKey(ctx, env, a, pass, rest[1])
	}
	move := map[string]func(context.Context, access.Pass, string) error{"pause": a.Reach.Pause, "resume": a.Reach.Resume, "stop": a.Reach.Stop}[rest[0]]
	if err := move(ctx, pass, rest[1]); err != nil {
		return err
	}
	return showStatus(ctx, env, a, pass, rest[1], f)
}

// readOutline reads the file of an outreach; - is the standard input.
func readOutline(env Env, name string) (reach.Outreach, error) {
	in := env.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return reach.Outreach{}, err
		}
		defer file.Close()
		in = file
	}
	o, err := outline.Read(in)
	if err != nil {
		return o, fmt.Errorf("%s: %w", name, err)
	}
	return o, nil
}

// startOutreach saves an outreach and starts it, or says what it would do.
func startOutreach(ctx context.Context, env Env, a *app.App, pass access.Pass, o reach.Outreach, dry bool) error {
	saved, err := a.Reach.Save(ctx, pass, o)
	if err != nil {
		return err
	}
	if dry {
		forecast, err := a.Reach.DryRun(ctx, pass, saved.ID)
		if err == nil {
			printForecast(env.Stdout, forecast)
		}
		if gone := a.Reach.Delete(ctx, pass, saved.ID); err == nil {
			err = gone
		}
		return err
	}
	if err := a.Reach.Start(ctx, pass, saved.ID); err != nil {
		return fmt.Errorf("%s is saved as a draft, %s, and not started: %w", saved.Name, saved.ID, err)
	}
	if o.Kind == reach.API {
		fmt.Fprintf(env.Stdout, "%s takes people one by one now. Its id is\n%s\n", saved.Name, saved.ID)
		return nil
	}
	fmt.Fprintf(env.Stdout, "%s has started. Its id is\n%s\n", saved.Name, saved.ID)
	return nil
}

// printForecast says what an outreach would do.
func printForecast(w io.Writer, f reach.Forecast) {
	fmt.Fprintf(w, "%s: %d\n  held out at random  %d\n  would be written to %d\n", f.Sentence, f.Audience, f.Held, f.Treated)
	channels := make([]string, 0, len(f.ByChannel))
	for c := range f.ByChannel {
		channels = append(channels, string(c))
	}
	slices.Sort(channels)
	for _, c := range channels {
		fmt.Fprintf(w, "    %-8s %d\n", reach.Channel(c).Name(), f.ByChannel[reach.Channel(c)])
	}
	if f.Later > 0 {
		fmt.Fprintf(w, "  after quiet hours   %d\n", f.Later)
	}
	for _, r := range f.Blocked {
		fmt.Fprintf(w, "  %6d  %s\n", r.N, r.Words)
	}
	for _, p := range f.Problems {
		fmt.Fprintf(w, "  has to be mended: %s %s\n", p.Part, p.Words)
	}
}

func listOutreach(ctx context.Context, env Env, a *app.App, pass access.Pass, asJSON bool) error {
	list, err := a.Reach.List(ctx, pass)
	if err != nil {
		return err
	}
	if asJSON {
		type line struct {
			ID      string      `json:"id"`
			Name    string      `json:"name"`
			Purpose string      `json:"purpose"`
			State   reach.State `json:"state"`
			Created time.Time   `json:"created"`
		}
		lines := make([]line, len(list))
		for i, o := range list {
			lines[i] = line{o.ID, o.Name, o.Purpose, o.State, o.Created}
		}
		return json.NewEncoder(env.Stdout).Encode(lines)
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, o := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", o.ID, o.State, o.Purpose, o.Name)
	}
	return tw.Flush()
}

// status is what hale outreach status prints as JSON.
type status struct {
	ID        string                           `json:"id"`
	State     reach.State                      `json:"state"`
	Audience  int                              `json:"audience"`
	Planned   int                              `json:"planned"`
	Intents   map[string]int                   `json:"intents"`
	Messages  map[reach.Channel]map[string]int `json:"messages"`
	InDoubt   int                              `json:"inDoubt"`
	Line      string                           `json:"line"`
	Balanced  bool                             `json:"balanced"`
	PerSecond float64                          `json:"perSecond"`
	ETA       *time.Time                       `json:"eta,omitempty"`
}

// watchEvery is how often --watch looks again.
const watchEvery = 2 * time.Second

func showStatus(ctx context.Context, env Env, a *app.App, pass access.Pass, id string, f outreachFlags) error {
	for {
		p, err := a.Reach.Progress(ctx, pass, id)
		if err != nil {
			return err
		}
		if *f.json {
			s := status{ID: id, State: p.State, Audience: p.Audience, Planned: p.Planned, Intents: p.Intents, Messages: p.Messages, InDoubt: p.InDoubt, Line: p.Line, Balanced: p.Balanced, PerSecond: p.PerSecond}
			if !p.ETA.IsZero() {
				s.ETA = &p.ETA
			}
			err = json.NewEncoder(env.Stdout).Encode(s)
		} else {
			printStatus(env, p)
		}
		if err != nil || !*f.watch || p.State != reach.Running {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery):
		}
	}
}

func printStatus(env Env, p reach.Progress) {
	fmt.Fprintf(env.Stdout, "%s: %d of %d decided\n%s\n", p.State, p.Planned, p.Audience, p.Line)
	if p.InDoubt > 0 {
		fmt.Fprintf(env.Stdout, "in doubt: %d\n", p.InDoubt)
	}
	if !p.ETA.IsZero() {
		fmt.Fprintf(env.Stdout, "%.0f a second, done at about %s\n", p.PerSecond, p.ETA.Local().Format("Jan 2, 15:04"))
	}
	if !p.Balanced {
		fmt.Fprintln(env.Stdout, "NOT BALANCED: somebody of the audience is in no state. Please report this.")
	}
}

// explainOutreach tells why one person did or did not get an outreach.
func explainOutreach(ctx context.Context, env Env, a *app.App, id, patient string) error {
	pass, err := a.Doors.Check(ctx, access.SystemActor("console", access.ReadDecisions), access.ReadDecisions, strings.TrimPrefix(patient, "Patient/"))
	if err != nil {
		return err
	}
	t, err := a.Reach.Trail(ctx, pass, id)
	if errs.KindOf(err) == errs.NotFound {
		return fmt.Errorf("%s was not in the audience of %s: %w", patient, id, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "%s: %s, %s\n", t.Outreach.Name, t.Assignment, t.State)
	for _, s := range t.Steps {
		fmt.Fprintf(env.Stdout, "  %s  %s\n", s.At.Local().Format("2006-01-02 15:04:05"), s.Words)
	}
	for _, c := range t.Choices {
		fmt.Fprintf(env.Stdout, "  wish about %s: %s\n", c.Topic, c.Words)
	}
	return nil
}

func makeKey(ctx context.Context, env Env, a *app.App, pass access.Pass, name string) error {
	k, secret, err := a.Hooks.MakeKey(ctx, pass, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "The key of %s, shown this once:\n%s\n", k.Name, secret)
	return nil
}
