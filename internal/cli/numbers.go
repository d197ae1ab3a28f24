package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"time"

	"hale/internal/access"
	"hale/internal/app"
)

// numbersPass opens what is done with the numbers of all patients.
func numbersPass(ctx context.Context, a *app.App) (access.Pass, error) {
	return a.Doors.CheckAll(ctx, access.SystemActor("console", access.AnswerPatients), access.AnswerPatients)
}

// printNumbers prints the numbers in use, for the Reassigned Numbers Database
// to be asked about.
func printNumbers(ctx context.Context, env Env, a *app.App) error {
	pass, err := numbersPass(ctx, a)
	if err != nil {
		return err
	}
	list, err := a.Reach.Numbers(ctx, pass)
	if err != nil {
		return err
	}
	w := csv.NewWriter(env.Stdout)
	rows := [][]string{{"number", "date"}}
	for _, n := range list {
		rows = append(rows, []string{n.Number, n.Day.Format(time.DateOnly)})
	}
	return w.WriteAll(rows)
}

// readReassigned takes in what the database answered; - is the standard
// input.
func readReassigned(ctx context.Context, env Env, a *app.App, name string) error {
	pass, err := numbersPass(ctx, a)
	if err != nil {
		return err
	}
	in := env.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	n, err := a.Reach.Reassign(ctx, pass, in)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Given up and used no more: %d\nStill their patients’: %d\nNo data: %d\nAbout a day before the number was proven: %d\nOf nobody here: %d\n", n.Gone, n.Proven, n.NoData, n.Older, n.Unknown)
	for _, line := range n.Bad {
		fmt.Fprintf(env.Stdout, "Line %d could not be read.\n", line)
	}
	return nil
}
