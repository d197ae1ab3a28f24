package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // clinics' zones are known on machines without a zone database, too

	"github.com/BurntSushi/toml"

	"hale/internal/app"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/keys"
)

// The files of a data folder.
const (
	configFile = "hale.toml"
	keyFile    = "hale.key"
)

// stateCode are the two letters by which the post names a state.
var stateCode = regexp.MustCompile(`^[A-Z]{2}$`)

// file is hale.toml.
type file struct {
	Address  string   `toml:"address"`
	URL      string   `toml:"url"`
	Database string   `toml:"database"`
	Proxies  []string `toml:"trusted_proxies"`
	Clinic   struct {
		Name    string `toml:"name"`
		Phone   string `toml:"phone"`
		Address string `toml:"address"`
		State   string `toml:"state"`
		Zone    string `toml:"zone"`
		Brand   string `toml:"brand"`
	} `toml:"clinic"`
	Mail   mailSettings   `toml:"mail"`
	MailIn mailInSettings `toml:"mail_in"`
	SignIn signInSettings `toml:"signin"`
	SSO    []ssoSettings  `toml:"sso"`
	Text   textSettings   `toml:"text"`
	Bills  billSettings   `toml:"bills"`
	Audit  struct {
		Files  []string `toml:"witness_files"`
		URLs   []string `toml:"witness_urls"`
		Emails []string `toml:"witness_emails"`
	} `toml:"audit"`
	Scan struct {
		Clamd string `toml:"clamd"`
	} `toml:"scan"`
	Release struct {
		Packs []string `toml:"packs"`
	} `toml:"release"`
	FHIR fhirSettings `toml:"fhir"`
	Bulk bulkSettings `toml:"bulk"`

	Tracking trackingSettings `toml:"tracking"`

	Outreach writingSettings `toml:"outreach"`

	Hooks hookSettings  `toml:"webhooks"`
	Reach reachSettings `toml:"reach"`
	Keys  keySettings   `toml:"keys"`
	TLS   struct {
		Certificate string `toml:"certificate"`
		Key         string `toml:"key"`
		ACME        bool   `toml:"acme"`
		Email       string `toml:"acme_email"`
		Directory   string `toml:"acme_directory"`
		CA          string `toml:"acme_ca"`
		HTTP        string `toml:"acme_http"`
	} `toml:"tls"`
}

// place is where a command finds its data: the flags that every command has.
type place struct {
	data     *string
	database *string
	addr     *string
}

// placeFlags adds --data and --database to fs.
func placeFlags(env Env, fs *flag.FlagSet) place {
	return place{
		data:     fs.String("data", or(env.Getenv("HALE_DATA"), "hale-data"), "the `DIR` that holds the key, the configuration and the SQLite file; or HALE_DATA"),
		database: fs.String("database", "", "the database `URL`, postgres://… or sqlite:PATH; or HALE_DATABASE; else as configured, else SQLite in DIR"),
	}
}

// load reads hale.toml, the environment and the key, and says what is wrong
// with them, all at once.
func (p place) load(env Env) (app.Config, error) {
	f, err := readFile(filepath.Join(*p.data, configFile))
	if err != nil {
		return app.Config{}, err
	}
	override(env, &f)
	if p.addr != nil && *p.addr != "" {
		f.Address = *p.addr
	}
	if *p.database != "" {
		f.Database = *p.database
	}
	f.Keys.override(env)
	above := keyring{env, p, f.Keys}
	roots, err := above.open(context.Background())
	if err != nil {
		return app.Config{}, err
	}
	c, err := f.config(*p.data)
	c.Key, c.Roots, c.Reload, c.Now, c.Rand = roots.Hash, roots, above.open, env.Now, env.Rand
	return c, err
}

// readFile reads hale.toml; without one everything has its default.
func readFile(path string) (file, error) {
	var f file
	meta, err := toml.DecodeFile(path, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return f, errs.New(errs.Invalid, fmt.Sprintf("%s, line %d: %s", path, bad.Position.Line, bad.Message))
		}
		return f, errs.New(errs.Invalid, fmt.Sprintf("%s could not be read: %s", path, err))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return f, errs.New(errs.Invalid, fmt.Sprintf("%s: there is no setting %q. `hale init` writes a file with every setting.", path, unknown[0]))
	}
	return f, nil
}

// override takes what the environment says instead.
func override(env Env, f *file) {
	for name, field := range map[string]*string{
		"HALE_ADDR": &f.Address, "HALE_URL": &f.URL, "HALE_DATABASE": &f.Database,
		"HALE_MAIL_SERVER": &f.Mail.Server, "HALE_MAIL_FROM": &f.Mail.From, "HALE_MAIL_USER": &f.Mail.User,
		"HALE_MAIL_PASSWORD": &f.Mail.Password, "HALE_MAIL_TLS": &f.Mail.TLS, "HALE_MAIL_IN_HOST": &f.MailIn.Host, "HALE_MAIL_IN_LISTEN": &f.MailIn.Listen,
		"HALE_TEXT_URL": &f.Text.URL, "HALE_TEXT_FROM": &f.Text.From, "HALE_TEXT_SECRET": &f.Text.Secret,
		"HALE_STRIPE_KEY":    &f.Bills.Key,
		"HALE_SMPP_PASSWORD": &f.Text.SMPP.Password, "HALE_TWILIO_TOKEN": &f.Text.Twilio.Token,
	} {
		if v := env.Getenv(name); v != "" {
			*field = v
		}
	}
	if v := env.Getenv("HALE_STRIPE_WEBHOOK_SECRET"); v != "" { // two, with a comma between, while one takes the other's place
		f.Bills.Hooks = strings.Split(v, ",")
	}
}

// key reads the root key from HALE_KEY or from the data folder.
func (p place) key(env Env) (seal.Key, error) {
	if text := env.Getenv("HALE_KEY"); text != "" {
		key, err := seal.ParseKey(text)
		if err != nil {
			return key, errs.New(errs.Invalid, "HALE_KEY must be 64 hexadecimal digits.")
		}
		return key, nil
	}
	return readKey(filepath.Join(*p.data, keyFile), *p.data)
}

// readKey reads a key file of the folder data, which nobody else may read.
func readKey(path, data string) (seal.Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return seal.Key{}, errs.New(errs.NotFound, fmt.Sprintf("There is no key %s. `hale init --data %s` makes one, or set HALE_KEY.", path, data))
	}
	if err != nil {
		return seal.Key{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return seal.Key{}, errs.New(errs.Invalid, fmt.Sprintf("%s can be read by others. `chmod 400 %s` mends it.", path, path))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return seal.Key{}, err
	}
	key, err := seal.ParseKey(strings.TrimSpace(string(text)))
	if err != nil {
		return key, errs.New(errs.Invalid, fmt.Sprintf("%s holds no key: it must be 64 hexadecimal digits.", path))
	}
	return key, nil
}

// config turns the file into what the program takes, or says everything that
// is wrong with it.
func (f file) config(data string) (app.Config, error) {
	var wrong []string
	c := app.Config{
		Addr: or(f.Address, "127.0.0.1:8080"), URL: strings.TrimSuffix(f.URL, "/"),
		Database: or(f.Database, "sqlite:"+filepath.Join(data, "hale.db")),
		TLS:      f.tls(data),
		Scanner:  f.Scan.Clamd,
		Version:  built(),
	}
	c.Clinic.Name, c.Clinic.Phone = or(f.Clinic.Name, "Our clinic"), f.Clinic.Phone
	c.Clinic.Address, c.Clinic.Brand = f.Clinic.Address, f.Clinic.Brand
	zone, err := time.LoadLocation(or(f.Clinic.Zone, "America/New_York"))
	if err != nil {
		wrong = append(wrong, fmt.Sprintf("clinic.zone %q is no time zone; write one like America/Chicago", f.Clinic.Zone))
	}
	c.Clinic.Zone = zone
	if c.State = strings.ToUpper(f.Clinic.State); c.State != "" && !stateCode.MatchString(c.State) {
		wrong = append(wrong, fmt.Sprintf("clinic.state %q is no state; write its two letters, like IL", f.Clinic.State))
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		wrong = append(wrong, fmt.Sprintf("address %q must be HOST:PORT", c.Addr))
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		wrong = append(wrong, fmt.Sprintf("url %q must begin with https://", f.URL))
	}
	for _, p := range f.Proxies {
		prefix, err := parsePrefix(p)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("trusted_proxies: %q is no address or network", p))
		}
		c.Proxies = append(c.Proxies, prefix)
	}
	c.Packs = f.Release.Packs
	wrong = append(wrong, f.Mail.into(data, &c)...)
	wrong = append(wrong, f.MailIn.into(&c)...)
	wrong = append(wrong, f.Text.into(&c)...)
	wrong = append(wrong, f.Bills.into(&c)...)
	wrong = append(wrong, f.signIn(&c)...)
	wrong = append(wrong, f.FHIR.policies(&c)...)
	wrong = append(wrong, f.Bulk.into(data, &c)...)
	wrong = append(wrong, f.Tracking.into(data, &c)...)
	wrong = append(wrong, f.Outreach.into(&c)...)
	wrong = append(wrong, f.Hooks.into(&c)...)
	wrong = append(wrong, f.Reach.into(data, &c)...)
	wrong = append(wrong, f.proofs()...)
	wrong = append(wrong, f.witnesses(data, &c)...)
	if len(wrong) > 0 {
		return c, errs.New(errs.Invalid, "The configuration is not right:\n  - "+strings.Join(wrong, "\n  - "))
	}
	return c, nil
}

// parsePrefix reads 10.0.0.0/8 or 127.0.0.1.
func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// open loads the configuration and builds the application.
func (p place) open(ctx context.Context, env Env) (*app.App, error) {
	c, err := p.load(env)
	if err != nil {
		return nil, err
	}
	c.Log = logger(env, true)
	return app.New(ctx, c)
}

// with loads the configuration for roots that are at hand.
func (p place) with(env Env, roots keys.Roots) (app.Config, error) {
	f, err := readFile(filepath.Join(*p.data, configFile))
	if err != nil {
		return app.Config{}, err
	}
	override(env, &f)
	if *p.database != "" {
		f.Database = *p.database
	}
	c, err := f.config(*p.data)
	c.Key, c.Roots, c.Now, c.Rand, c.Log = roots.Hash, roots, env.Now, env.Rand, logger(env, true)
	return c, err
}
