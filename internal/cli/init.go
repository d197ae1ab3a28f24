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
# state = "IL"                         # what parents may see of minors here, beside the law of the patient's own state
# zone = "America/New_York"            # times on pages and quiet hours
# brand = "oklch(0.46 0.085 195)"      # one colour; everything else follows from it

[mail]                                 # how e-mail leaves: through a relay that you trust, or directly
# mode = "relay"                       # or "direct": to each domain's own servers, whose TLS is looked at for each message
# server = "smtp.example.org:587"      # the relay; not for "direct"
# from = "care@example.org"
# user = "hale"
# password = ""                        # better: HALE_MAIL_PASSWORD
# tls = "required"                     # or "opportunistic", or "implicit" for port 465
# onward_tls = false                   # true only if the relay itself sends on over verified TLS or not at all
# hello = "mail.example.org"           # for "direct": this server's own name, whose address leads back to it
# resolvers = ["127.0.0.1"]            # who is asked about other domains; default: the system's
# resolver_validates = false           # true only if that resolver is your own and validates DNSSEC: then DANE counts
# ca_file = ""                         # PEM of the authorities to trust instead of the system's

[mail_in]                              # how mail comes back: reports, complaints and answers
# host = "bounce.example.org"          # each mail gets addresses of its own there; its MX leads to this machine or to your mail server
# listen = "127.0.0.1:2525"            # take mail here, behind a mail server that relays host to it; without it only hale mail-in takes any
# lmtp = false                         # true: speak LMTP there
# addresses = ["care@example.org"]     # others that are sent on to Hale, such as the sender's own
# trusts_results_of = "mx.example.org" # your mail server, whose Authentication-Results are believed
# dkim = "both"                        # sign with RSA and Ed25519; or "rsa", "ed25519" or "off"; hale mail keys makes the keys

[text]                                 # how texts leave
# provider = "http"                    # or "smpp" or "twilio"; without it nobody gets texts
# failover = ["twilio"]                # tried, in this order, when the provider does not take a text
# from = "+15550100"
# url = "https://sms.example.org/messages"   # of "http"
# secret = ""                          # better: HALE_TEXT_SECRET; receipts are signed with it

[text.smpp]                            # a link to a carrier's message centre
# server = "smpp.example.net:2775"
# tls = true
# ca_file = ""                         # PEM of the authorities to trust instead of the system's
# system_id = "hale"
# password = ""                        # better: HALE_SMPP_PASSWORD
# system_type = ""
# bind = "auto"                        # or "transceiver" or "pair"
# long = "udh"                         # how long texts are joined; or "sar" or "payload"
# receipt_ids = "same"                 # or "decimal" or "hex", where receipts write ids otherwise than answers do
# latin1 = false                       # true where the carrier's default alphabet is ISO 8859-1
# window = 10                          # texts under way at once
# per_second = 30

[text.twilio]
# account = "AC…"
# token = ""                           # better: HALE_TWILIO_TOKEN; reports are signed with it
# messaging_service = "MG…"            # or from = "+15550100"

[text.limits]                          # of codes and links that anybody can ask for, against those who earn by each text
# countries = ["US"]                   # where they go
# hour = 1000                          # in all
# prefix_hour = 300                    # to numbers with the same first digits
# number_hour = 10
# number_day = 30
# network_hour = 300

[audit]                                # who keeps copies of the audit log's checkpoints: best somebody else
# witness_files = ["/mnt/elsewhere/hale-checkpoints.txt"]   # default: checkpoints.txt in this folder
# witness_urls = ["https://witness.example.org/hale"]       # each takes them by HTTP POST
# witness_emails = ["privacy@example.org"]                  # once a day

[bills]                                # how patients pay
# stripe_key = ""                      # better: HALE_STRIPE_KEY; without it no card is taken, and pages say how to pay otherwise
# stripe_webhook_secrets = []          # better: HALE_STRIPE_WEBHOOK_SECRET; Stripe tells https://HOST/hooks/stripe what was paid
# how_to_pay = ""                      # what patients read about paying otherwise; empty: at the desk, by check or by phone
# plan_least = "25.00"                 # the least a month of a payment plan
# plan_months = 12                     # and its longest time

[scan]                                 # looks for malware in what patients send
# clamd = "127.0.0.1:3310"             # or the path of ClamAV's socket

[release]                              # a result is there as soon as it is final, but for
# packs = ["TX-SB922"]                 # the states' rules by which some wait; see /desk/holds/rules

[fhir.validation]                      # what does not conform to FHIR R4 and US Core: "reject" it,
# api = "reject"                       # or take it and "flag" it on the desk's list soon after,
# import = "flag"                      # or "off"; here by where it comes from: apps, imports,
# forms = "flag"                       # and what Hale writes itself

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
