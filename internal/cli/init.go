package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
)

func initCommand() command {
	return command{
		name: "init", short: "make a data folder: a key and a configuration file",
		long: `Makes the data folder with two files: hale.key, which encrypts everything
(readable by you alone; keep a copy in a safe place, without it the data is
lost), and hale.toml, the configuration, with every setting explained.
It never overwrites a key.`,
		run: initialise,
	}
}

func initialise(ctx context.Context, env Env, flags *flag.FlagSet, args []string) error {
	data := flags.String("data", or(env.Getenv("HALE_DATA"), "hale-data"), "the `DIR` to make; or HALE_DATA")
	paper := flags.Bool("shares", false, "print three paper shares, any two of which restore the key")
	if _, err := parse(flags, args); err != nil {
		return err
	}
	if err := os.MkdirAll(*data, 0o700); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	key := filepath.Join(*data, keyFile)
	err := writeNew(key, seal.NewKey().Hex()+"\n", 0o400)
	if errors.Is(err, fs.ErrExist) {
		return errs.New(errs.Conflict, fmt.Sprintf("%s is there already. Nothing was changed.", key))
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	config := filepath.Join(*data, configFile)
	if err := writeNew(config, sampleConfig, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("init: %w", err)
	}
	fmt.Fprintf(env.Stdout, `Made %s and %s.
Next:
  1. write your clinic's name and senders into %s
  2. hale check --data %s
  3. hale user add --role admin --name "…" --email … --data %s
  4. hale serve --data %s
Keep a copy of the key in a safe place. Without it the data cannot be read.
`, key, config, config, *data, *data, *data)
	if !*paper {
		return nil
	}
	k, err := place{data: data, database: new(string)}.ring(env)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout)
	return k.shares(ctx, false)
}

// writeNew writes a file that must not be there yet, and makes sure that it
// is on the disk.
func writeNew(path, text string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

const sampleConfig = `# Hale's configuration. Lines that begin with # show the default or an example.

# address = "127.0.0.1:8080"           # where it listens
# url = "https://portal.example.org"   # what patients see: links in messages begin with it
# database = "postgres://hale@localhost/hale"   # default: an encrypted SQLite file in this folder
# trusted_proxies = ["127.0.0.1"]      # whose X-Forwarded-For is believed

[clinic]
name = "Our clinic"
# phone = "+1 555 0100"
# address = "12 Main Street, Springfield"
# zone = "America/New_York"            # times on pages and quiet hours
# brand = "oklch(0.46 0.085 195)"      # one colour; everything else follows from it

[mail]                                 # a mail relay that you trust
# server = "smtp.example.org:587"
# from = "care@example.org"
# user = "hale"
# password = ""                        # better: HALE_MAIL_PASSWORD
# tls = "required"                     # or "opportunistic", or "implicit" for port 465
# onward_tls = false                   # true only if the relay itself sends on over verified TLS or not at all

[text]                                 # an HTTP text-message gateway
# url = "https://sms.example.org/messages"
# from = "+15550100"
# secret = ""                          # better: HALE_TEXT_SECRET; receipts are signed with it

[audit]                                # who keeps copies of the audit log's checkpoints: best somebody else
# witness_files = ["/mnt/elsewhere/hale-checkpoints.txt"]   # default: checkpoints.txt in this folder
# witness_urls = ["https://witness.example.org/hale"]       # each takes them by HTTP POST
# witness_emails = ["privacy@example.org"]                  # once a day

[scan]                                 # looks for malware in what patients send
# clamd = "127.0.0.1:3310"             # or the path of ClamAV's socket

[release]                              # a result is there as soon as it is final, but for
# packs = ["TX-SB922"]                 # the states' rules by which some wait; see /desk/holds/rules

[signin]                               # how people sign in
# patient_rest = "30m"                 # a page that nobody uses locks; what was typed stays
# staff_rest = "15m"
# shared_rest = "5m"                   # on computers that others use too
# hold = "72h"                         # after a recovery or a new address nobody can take the account over for so long
# admin_passkey = false                # true: administrators need a passkey, an app is not enough

# [[sso]]                              # where your staff sign in already: any provider of OpenID Connect
# name = "work"                        # register https://YOUR-PORTAL/signin/sso/work there as the redirect address
# title = "your work account"          # on the button
# issuer = "https://login.example.org"
# client_id = ""
# client_secret = ""
# domains = ["example.org"]            # only verified addresses at these
# adopt = false                        # true: the first sign-in links to the account with the same address
# mfa = ["mfa"]                        # values of amr or acr that mean a second factor was given

[keys]                                 # what wraps the keys; hale keys rotate --kek --to … changes it
# kek = "file"                         # or "passphrase" (HALE_PASSPHRASE or passphrase_file), or "vault"
# passphrase_file = "/run/secrets/hale-passphrase"   # readable by Hale alone

[keys.vault]                           # HashiCorp Vault's transit engine; the token is HALE_VAULT_TOKEN
# address = "https://vault.example.org:8200"
# mount = "transit"
# key = "hale"
# namespace = ""
# ca = "/etc/hale/vault-ca.pem"        # default: the system's authorities
# token_file = "/run/secrets/vault-token"   # readable by Hale alone
# timeout_seconds = 10

[tls]                                  # without these, put a proxy with TLS in front
# certificate = "/etc/hale/fullchain.pem"
# key = "/etc/hale/privkey.pem"        # both are read again when they change
# acme = true                          # or: get and renew a certificate for the name in url, by itself
# acme_email = "it@example.org"        # told before a certificate runs out
# acme_http = ":80"                    # answers the authority by plain http and sends browsers to https
# acme_directory = ""                  # another authority's directory; acme_ca = who signed its certificate
`
