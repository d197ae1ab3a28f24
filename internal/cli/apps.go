package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"hale/internal/access"
	"hale/internal/access/client"
	"hale/internal/app"
)

func appCommand() command {
	return command{
		name: "app", args: "add NAME | list | approve | suspend ID",
		short: "let programs use the API, or keep them out",
		long: `hale app add --jwks keys.json --scopes "system/*.rs" Warehouse
registers a program that asks in its own name (a backend service) and proves
itself by a key of its own; --jwks-url takes the keys from an address instead.

hale app add --redirect https://app.example/callback --scopes "launch/patient patient/*.rs" "My app"
registers an app that people sign in from. It keeps no secret and uses PKCE;
--secret gives it one, which is printed once. --redirect may be said more than
once. --native is for an app on a phone or a desk, which may keep access.

The last word that add prints is the client's id. What is registered here is
approved at once; what registers by itself at /oauth/register waits for
hale app approve ID, or for an administrator at the desk.

hale app list [--json]      every program, and whether it may come in
hale app suspend ID         keeps one out, at once; approve ID lets it in again`,
		run: apps,
	}
}

// appFlags are what the words of hale app take.
type appFlags struct {
	scopes, jwks, jwksURL, website, contact *string
	redirects                               words
	secret, native, json                    *bool
}

// words is a flag that may be said more than once.
type words []string

// String returns the words with spaces between them.
func (w *words) String() string { return strings.Join(*w, " ") }

// Set adds one word.
func (w *words) Set(s string) error {
	*w = append(*w, s)
	return nil
}

func apps(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	f := &appFlags{
		scopes:  fs.String("scopes", "", "the most that it may ask for, such as \"system/*.rs\""),
		jwks:    fs.String("jwks", "", "the `FILE` with its public keys, a JWK set"),
		jwksURL: fs.String("jwks-url", "", "the `URL` of its public keys"),
		website: fs.String("website", "", "the `URL` that tells people about it"),
		contact: fs.String("contact", "", "the `ADDRESS` of whoever answers for it"),
		secret:  fs.Bool("secret", false, "give it a secret, and print that once"),
		native:  fs.Bool("native", false, "it runs on people's own devices"),
		json:    fs.Bool("json", false, "print as JSON"),
	}
	fs.Var(&f.redirects, "redirect", "an `ADDRESS` that people come back to")
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
	pass, err := a.Doors.CheckAll(ctx, access.SystemActor("console", access.ManageUsers), access.ManageUsers)
	if err != nil {
		return err
	}
	switch rest[0] {
	case "add":
		return f.add(ctx, env, a, pass, rest[1])
	case "approve":
		c, err := a.Clients.Get(ctx, rest[1])
		if err != nil {
			return err
		}
		return a.Clients.Approve(ctx, pass, c.ID, client.Decision{Scopes: c.Scopes, Labels: c.Labels, Verified: c.Verified})
	case "suspend":
		return a.Clients.Suspend(ctx, pass, rest[1])
	}
	list, err := a.Clients.All(ctx, pass)
	if err != nil {
		return err
	}
	return printApps(env, list, *f.json)
}

// check says what is missing before anything is opened.
func (f *appFlags) check(rest []string) error {
	switch {
	case len(rest) == 1 && rest[0] == "list":
		return nil
	case len(rest) == 2 && (rest[0] == "approve" || rest[0] == "suspend"):
		return nil
	case len(rest) != 2 || rest[0] != "add":
		return usage("say add NAME, list, approve ID or suspend ID")
	case *f.scopes == "":
		return usage("--scopes is missing: what may it ask for at the most?")
	case len(f.redirects) == 0 && *f.jwks == "" && *f.jwksURL == "":
		return usage("say --redirect for an app that people sign in from, or --jwks or --jwks-url for a backend service")
	}
	return nil
}

// add registers one program.
func (f *appFlags) add(ctx context.Context, env Env, a *app.App, pass access.Pass, name string) error {
	c := client.Client{
		Name: name, Website: *f.website, Contact: *f.contact, Native: *f.native, Redirects: f.redirects, Scopes: *f.scopes,
		JWKSURI: *f.jwksURL, Auth: client.None, Backend: len(f.redirects) == 0, Verified: true,
	}
	switch {
	case *f.jwks != "" || *f.jwksURL != "":
		c.Auth = client.KeyJWT
	case *f.secret:
		c.Auth = client.Basic
	}
	if *f.jwks != "" {
		set, err := os.ReadFile(*f.jwks)
		if err != nil {
			return err
		}
		c.JWKS = string(set)
	}
	made, secret, err := a.Clients.Add(ctx, pass, c)
	if err != nil {
		return err
	}
	if *f.json {
		return json.NewEncoder(env.Stdout).Encode(map[string]string{"client_id": made.ID, "client_secret": secret, "name": made.Name, "scope": made.Scopes})
	}
	if secret != "" {
		fmt.Fprintf(env.Stdout, "Its secret, shown this once: %s\n", secret)
	}
	_, err = fmt.Fprintf(env.Stdout, "%s may ask for %s. Its client id: %s\n", made.Name, made.Scopes, made.ID)
	return err
}

func printApps(env Env, list []client.Client, asJSON bool) error {
	if asJSON {
		type row struct {
			ID       string        `json:"client_id"`
			Name     string        `json:"name"`
			Status   client.Status `json:"status"`
			Auth     client.Method `json:"token_endpoint_auth_method"`
			Scopes   string        `json:"scope"`
			Redirect []string      `json:"redirect_uris,omitempty"`
		}
		rows := make([]row, len(list))
		for i, c := range list {
			rows[i] = row{c.ID, c.Name, c.Status, c.Auth, c.Scopes, c.Redirects}
		}
		return json.NewEncoder(env.Stdout).Encode(rows)
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, c := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", c.ID, c.Name, c.Status, c.Auth, c.Scopes)
	}
	return tw.Flush()
}
