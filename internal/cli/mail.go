package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	netmail "net/mail"
	"strings"
	"text/tabwriter"

	"hale/internal/app"
	"hale/internal/gateway/dkim"
	"hale/internal/gateway/mailin"
)

func mailCommand() command {
	return command{
		name: "mail", args: "keys [make SELECTOR | use SELECTOR]", short: "make and turn the keys that sign outgoing mail",
		long: `hale mail keys lists the keys that sign outgoing mail (DKIM) with their DNS records.

hale mail keys make SELECTOR makes an RSA key and an Ed25519 key and prints the
two records to publish. They sign nothing yet. When the records can be seen,
hale mail keys use SELECTOR lets them sign; those that signed before stop, and
their records can go a week later, when no mail of theirs is under way. A
selector is any short word, such as h2026a.`,
		run: mailMain,
	}
}

func mailMain(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	domain := fs.String("domain", "", "the `DOMAIN` of the sender; else that of mail.from")
	asJSON := fs.Bool("json", false, "print as JSON")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) == 0 || rest[0] != "keys" || len(rest) != 1 && len(rest) != 3 {
		return usage("say keys, keys make SELECTOR or keys use SELECTOR")
	}
	c, err := at.load(env)
	if err != nil {
		return err
	}
	if *domain == "" {
		*domain = c.SenderDomain()
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return err
	}
	defer a.Close()
	store := a.SigningKeys()
	switch {
	case len(rest) == 1:
		list, err := store.List(ctx)
		if err != nil {
			return err
		}
		return tellKeys(env, list, *asJSON)
	case *domain == "":
		return usage("say --domain DOMAIN, for mail.from is not set")
	case rest[1] == "make":
		list, err := store.Make(ctx, *domain, rest[2])
		if err != nil {
			return err
		}
		return tellKeys(env, list, *asJSON)
	case rest[1] == "use":
		if err := store.Use(ctx, *domain, rest[2]); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "Mail from %s is signed with %s from now on; a running Hale notices within a minute.\n", *domain, rest[2])
		return nil
	}
	return usage("say keys, keys make SELECTOR or keys use SELECTOR")
}

// tellKeys prints keys and the records to publish.
func tellKeys(env Env, list []dkim.Key, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(env.Stdout, "There are no keys: mail leaves unsigned, or the relay signs it. `hale mail keys make SELECTOR` makes some.")
		return nil
	}
	tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, k := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", k.Domain, k.Selector, k.Algorithm, k.State())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, "\nThe DNS records:")
	for _, k := range list {
		if k.State() != "retired" {
			fmt.Fprintf(env.Stdout, "\n%s\n", k.Line())
		}
	}
	return nil
}

// errAgain says that a letter could not be taken now: the mail server keeps
// it and comes again (EX_TEMPFAIL of sysexits.h).
var errAgain = errors.New("try again later")

func mailInCommand() command {
	return command{
		name: "mail-in", args: "[--to ADDRESS]… < MESSAGE", short: "take one mail that came back, from a mail server's pipe",
		long: `hale mail-in reads one message from its input: a report that mail did not
arrive, a complaint, or what somebody answered. It ends with 0 when the message
is on the disk, and with 75, which tells a mail server to come again, when it is
not. With Postfix, in master.cf:

  hale unix - n n - - pipe user=hale argv=hale mail-in --data /var/lib/hale --from ${sender} --to ${recipient}

and the host of mail_in.host sent there by transport_maps. Without --to the
addresses are those of the message's Delivered-To, X-Original-To and To.`,
		run: mailInMain,
	}
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func mailInMain(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	var to list
	fs.Var(&to, "to", "the `ADDRESS` that it came to; may be given several times")
	from := fs.String("from", "", "the `ADDRESS` that it came from")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usage("the message is read from the input; there is nothing to name")
	}
	a, err := at.open(ctx, env)
	if err != nil {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	defer a.Close()
	return takeOne(ctx, env, a, *from, to)
}

func takeOne(ctx context.Context, env Env, a *app.App, from string, to []string) error {
	desk := a.MailIn()
	raw, err := io.ReadAll(io.LimitReader(env.Stdin, int64(desk.Most)+1))
	if err != nil {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	if len(to) == 0 {
		to = addressed(raw)
	}
	err = desk.Take(ctx, mailin.Letter{From: strings.Trim(from, "<>"), To: to, Raw: raw})
	if err == nil || errors.Is(err, mailin.ErrNobody) || errors.Is(err, mailin.ErrLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", errAgain, err)
}

// addressed are the addresses that a message itself says it came to.
func addressed(raw []byte) []string {
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	var to []string
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"} {
		for _, field := range m.Header[name] {
			list, err := netmail.ParseAddressList(field)
			if err != nil {
				continue
			}
			for _, a := range list {
				to = append(to, a.Address)
			}
		}
	}
	return to
}
