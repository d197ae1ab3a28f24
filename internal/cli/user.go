package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"text/tabwriter"

	"hale/internal/access"
	"hale/internal/access/account"
)

func userCommand() command {
	return command{
		name: "user", args: "add | list | disable ID", short: "add, list and shut out the people who work here",
		long: `hale user add --role nurse --name "J. Okafor, RN" --email j.okafor@example.org
adds a member of staff, who then signs in with a code sent to that address and
may add a passkey. Roles: nurse, marketer, admin.

hale user list [--json] lists them. hale user disable ID signs one out
everywhere, at once and for good. Patients need no account made for them:
they sign in with a phone number or e-mail address on their record.`,
		run: user,
	}
}

func user(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	role := fs.String("role", "", "what the person does: `ROLE` nurse, marketer or admin")
	name := fs.String("name", "", "the person's `NAME` as others see it")
	email := fs.String("email", "", "the `ADDRESS` that sign-in codes go to")
	mobile := fs.String("phone", "", "a mobile `NUMBER` for codes, instead")
	asJSON := fs.Bool("json", false, "print as JSON")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	off := len(rest) == 2 && rest[0] == "disable"
	if !off && (len(rest) != 1 || rest[0] != "add" && rest[0] != "list") {
		return usage("say add or list, or disable ID")
	}
	if rest[0] == "add" {
		switch {
		case *name == "":
			return usage("--name is missing")
		case *email == "" && *mobile == "":
			return usage("--email or --phone is missing")
		case *role != string(access.Nurse) && *role != string(access.Marketer) && *role != string(access.Admin):
			return usage("--role must be nurse, marketer or admin")
		}
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	if off {
		return a.Accounts.Disable(ctx, rest[1])
	}
	if rest[0] == "list" {
		list, err := a.Accounts.Staff(ctx)
		if err != nil {
			return err
		}
		return printUsers(env, list, *asJSON)
	}
	made, err := a.Accounts.Add(ctx, account.Account{Kind: access.Staff, Name: *name, Roles: []access.Role{access.Role(*role)}, Email: *email, Phone: *mobile})
	if err != nil {
		return err
	}
	return printUsers(env, []account.Account{made}, *asJSON)
}

func printUsers(env Env, list []account.Account, asJSON bool) error {
	if asJSON {
		type row struct {
			ID    string        `json:"id"`
			Name  string        `json:"name"`
			Roles []access.Role `json:"roles"`
			Email string        `json:"email,omitempty"`
			Phone string        `json:"phone,omitempty"`
		}
		rows := make([]row, len(list))
		for i, u := range list {
			rows[i] = row{u.ID, u.Name, u.Roles, u.Email, u.Phone}
		}
		return json.NewEncoder(env.Stdout).Encode(rows)
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, u := range list {
		fmt.Fprintf(tw, "%s\t%s\t%v\t%s\t%s\n", u.ID, u.Name, u.Roles, u.Email, u.Phone)
	}
	return tw.Flush()
}
