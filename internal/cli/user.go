package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/app"
	"hale/internal/base/errs"
)

func userCommand() command {
	return command{
		name: "user", args: "add | list | disable | enable | reset | link | sessions | logout ID | logout-all",
		short: "add, list and shut out the people who work here",
		long: `hale user add --role nurse --name "J. Okafor, RN" --email j.okafor@example.org
adds a member of staff and prints a link that works once, within 24 hours: it
makes the person's passkey. Without a second factor nobody who works here gets
in; a code to the mailbox alone opens nothing. Roles: nurse, frontdesk,
billing, marketer, privacy, admin, interpreter. Give those who administer Hale
an account for that alone.

hale user list [--json]     everybody, with what they sign in with
hale user disable ID        signs one out everywhere, at once; enable ID undoes it
hale user reset ID          takes passkeys, app and password away and prints a new link
hale user link --issuer https://login.example.org --subject SUB ID
                            lets a single sign-on open the account
hale user sessions ID       where one is signed in
hale user logout ID         signs one out everywhere
hale user logout-all        signs everybody out, patients too

When the single sign-on is down, or a second factor is lost, and somebody must
get in now: hale user reset ID. Its link makes a passkey on the device at hand,
the person is told on all channels and the log has it. It takes the link to the
single sign-on away, too; hale user link gives it back later.

Patients need no account made for them: they sign in with a phone number or
e-mail address on their record.`,
		run: user,
	}
}

// userFlags are what the words of hale user take.
type userFlags struct {
	role, name, email, phone *string
	issuer, subject          *string
	json                     *bool
}

func user(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	f := userFlags{
		role:    fs.String("role", "", "what the person does: `ROLE` "+roleList()),
		name:    fs.String("name", "", "the person's `NAME` as others see it"),
		email:   fs.String("email", "", "the `ADDRESS` that notices go to"),
		phone:   fs.String("phone", "", "a mobile `NUMBER` for notices, besides or instead"),
		issuer:  fs.String("issuer", "", "the `URL` of the provider of single sign-on"),
		subject: fs.String("subject", "", "the person's `SUB` there"),
		json:    fs.Bool("json", false, "print as JSON"),
	}
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	if err := f.check(rest); err != nil {
		return err
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	return f.run(ctx, env, a, rest)
}

// check says what is missing before anything is opened.
func (f userFlags) check(rest []string) error {
	word, ids := "", 0
	if len(rest) > 0 {
		word, ids = rest[0], len(rest)-1
	}
	switch word {
	case "add":
		return f.checkAdd(ids)
	case "list", "logout-all":
		if ids == 0 {
			return nil
		}
	case "disable", "enable", "reset", "sessions", "logout", "link":
		if word == "link" && (*f.issuer == "" || *f.subject == "") {
			return usage("--issuer or --subject is missing")
		}
		if ids == 1 {
			return nil
		}
	}
	return usage("say add, list or logout-all, or disable, enable, reset, link, sessions or logout with one ID")
}

// roleList names every role.
func roleList() string {
	list := make([]string, 0, len(access.Roles()))
	for _, r := range access.Roles() {
		list = append(list, string(r))
	}
	return strings.Join(list, ", ")
}

func (f userFlags) checkAdd(ids int) error {
	role := access.Role(*f.role)
	switch {
	case ids != 0:
		return usage("add takes no ID")
	case *f.name == "":
		return usage("--name is missing")
	case *f.email == "" && *f.phone == "":
		return usage("--email or --phone is missing")
	case !slices.Contains(access.Roles(), role):
		return usage("--role must be one of %s", roleList())
	}
	return nil
}

func (f userFlags) run(ctx context.Context, env Env, a *app.App, rest []string) error {
	switch rest[0] {
	case "add":
		return f.add(ctx, env, a)
	case "list":
		list, err := a.Accounts.Members(ctx)
		if err != nil {
			return err
		}
		return printMembers(env, list, *f.json)
	case "disable":
		return a.Accounts.Disable(ctx, rest[1])
	case "enable":
		return a.Accounts.Enable(ctx, rest[1])
	case "reset":
		if err := staffOnly(ctx, a, rest[1]); err != nil {
			return err
		}
		if err := a.Accounts.Reset(ctx, rest[1]); err != nil {
			return err
		}
		return invite(ctx, env, a, rest[1])
	case "link":
		return a.Accounts.Link(ctx, rest[1], *f.issuer, *f.subject)
	case "sessions":
		list, err := a.Accounts.Sessions(ctx, rest[1])
		if err != nil {
			return err
		}
		return printSessions(env, list, *f.json)
	case "logout":
		return a.Accounts.RevokeAll(ctx, rest[1])
	}
	return a.Accounts.RevokeEverybody(ctx, "console")
}

// staffOnly keeps the console's links to those who work here: a patient's
// way back in is help in person, with a colleague's word where it matters.
func staffOnly(ctx context.Context, a *app.App, id string) error {
	one, err := a.Accounts.Get(ctx, id)
	if err == nil && one.Kind != access.Staff {
		err = errs.New(errs.Invalid, "This is not somebody who works here. Help patients at the desk.")
	}
	return err
}

func (f userFlags) add(ctx context.Context, env Env, a *app.App) error {
	made, err := a.Accounts.Add(ctx, account.Account{
		Kind: access.Staff, Name: *f.name, Roles: []access.Role{access.Role(*f.role)}, Email: *f.email, Phone: *f.phone,
	})
	if err != nil {
		return err
	}
	if *f.json {
		token, err := a.Accounts.Invite(ctx, "console", made.ID, account.InviteLife)
		if err != nil {
			return err
		}
		return json.NewEncoder(env.Stdout).Encode(map[string]any{"id": made.ID, "name": made.Name, "roles": made.Roles, "link": a.InviteURL(token)})
	}
	if err := printMembers(env, []account.Member{{Account: made}}, false); err != nil {
		return err
	}
	return invite(ctx, env, a, made.ID)
}

// invite prints a link that enrols, once.
func invite(ctx context.Context, env Env, a *app.App, id string) error {
	token, err := a.Accounts.Invite(ctx, "console", id, account.InviteLife)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "\nGive this link to that person alone. It works once, within 24 hours:\n%s\n", a.InviteURL(token))
	return err
}

func printMembers(env Env, list []account.Member, asJSON bool) error {
	if asJSON {
		type row struct {
			ID       string        `json:"id"`
			Name     string        `json:"name"`
			Roles    []access.Role `json:"roles"`
			Email    string        `json:"email,omitempty"`
			Phone    string        `json:"phone,omitempty"`
			Disabled bool          `json:"disabled"`
			Passkeys int           `json:"passkeys"`
			App      bool          `json:"app"`
			Sessions int           `json:"sessions"`
			Linked   []string      `json:"linked,omitempty"`
		}
		rows := make([]row, len(list))
		for i, u := range list {
			rows[i] = row{u.ID, u.Name, u.Roles, u.Email, u.Phone, u.Disabled, u.Passkeys, u.TOTP, u.Sessions, u.Linked}
		}
		return json.NewEncoder(env.Stdout).Encode(rows)
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, u := range list {
		fmt.Fprintf(tw, "%s\t%s\t%v\t%s\t%s\t%s\n", u.ID, u.Name, u.Roles, u.Email, u.Phone, factors(u))
	}
	return tw.Flush()
}

// factors says what somebody signs in with.
func factors(u account.Member) string {
	var list []string
	if u.Disabled {
		list = append(list, "disabled")
	}
	if u.Passkeys > 0 {
		list = append(list, fmt.Sprintf("passkeys: %d", u.Passkeys))
	}
	if u.TOTP {
		list = append(list, "app")
	}
	if len(u.Linked) > 0 {
		list = append(list, "single sign-on")
	}
	if len(list) == 0 {
		return "nothing yet"
	}
	return strings.Join(list, ", ")
}

func printSessions(env Env, list []account.Session, asJSON bool) error {
	if asJSON {
		type row struct {
			ID    string    `json:"id"`
			How   string    `json:"how"`
			Agent string    `json:"device"`
			Seen  time.Time `json:"seen"`
			Ends  time.Time `json:"ends"`
		}
		rows := make([]row, len(list))
		for i, s := range list {
			rows[i] = row{s.ID, string(s.How), s.Agent, s.Seen, s.Expires}
		}
		return json.NewEncoder(env.Stdout).Encode(rows)
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, s := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\tlast used %s\n", s.ID, s.How, s.Agent, s.Seen.Format(time.RFC3339))
	}
	return tw.Flush()
}
