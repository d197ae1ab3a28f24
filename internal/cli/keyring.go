package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/keys"
	"hale/internal/store/keys/kek"
)

// boxFile holds the wrapped roots. Without one the key file is everything.
const boxFile = "hale.keys"

// keySettings is [keys] of hale.toml.
type keySettings struct {
	KEK        string `toml:"kek"`
	Passphrase string `toml:"passphrase_file"`
	Vault      struct {
		Address   string `toml:"address"`
		Mount     string `toml:"mount"`
		Key       string `toml:"key"`
		Namespace string `toml:"namespace"`
		CA        string `toml:"ca"`
		Token     string `toml:"token_file"`
		Seconds   int    `toml:"timeout_seconds"`
	} `toml:"vault"`
}

// override takes what the environment says instead.
func (s *keySettings) override(env Env) {
	for name, field := range map[string]*string{
		"HALE_KEK": &s.KEK, "HALE_PASSPHRASE_FILE": &s.Passphrase, "HALE_VAULT_ADDR": &s.Vault.Address, "HALE_VAULT_MOUNT": &s.Vault.Mount,
		"HALE_VAULT_KEY": &s.Vault.Key, "HALE_VAULT_NAMESPACE": &s.Vault.Namespace, "HALE_VAULT_CACERT": &s.Vault.CA,
		"HALE_VAULT_TOKEN_FILE": &s.Vault.Token,
	} {
		if v := env.Getenv(name); v != "" {
			*field = v
		}
	}
}

// keyring is what lies above the ring, on this machine.
type keyring struct {
	env Env
	at  place
	s   keySettings
}

// ring reads the settings of the keyring.
func (p place) ring(env Env) (keyring, error) {
	f, err := readFile(filepath.Join(*p.data, configFile))
	if err != nil {
		return keyring{}, err
	}
	f.Keys.override(env)
	return keyring{env, p, f.Keys}, nil
}

func (k keyring) path(name string) string { return filepath.Join(*k.at.data, name) }

// box reads hale.keys. A plain installation has none.
func (k keyring) box() (b kek.Box, plain bool, err error) {
	text, err := os.ReadFile(k.path(boxFile))
	if errors.Is(err, fs.ErrNotExist) {
		return kek.Box{Kind: kek.File, File: keyFile}, true, nil
	}
	if err != nil {
		return b, false, err
	}
	b, err = kek.Read(text)
	return b, false, err
}

// open reads the roots.
func (k keyring) open(ctx context.Context) (keys.Roots, error) {
	b, plain, err := k.box()
	if err != nil {
		return keys.Roots{}, err
	}
	if want := kek.Kind(k.s.KEK); want != "" && want != b.Kind {
		return keys.Roots{}, errs.New(errs.Invalid, fmt.Sprintf("The settings say that the keys are kept by %s; they are kept by %s. `hale keys rotate --kek --to %s` changes that; set kek = %q until then.", want, b.Kind, want, b.Kind))
	}
	if plain {
		key, err := k.at.key(k.env)
		return keys.Plain(key), err
	}
	by, err := k.wrapper(b)
	if err != nil {
		return keys.Roots{}, err
	}
	return b.Open(ctx, by)
}

// wrapper returns what opens b.
func (k keyring) wrapper(b kek.Box) (kek.Wrapper, error) {
	switch b.Kind {
	case kek.Passphrase:
		words, err := k.passphrase("HALE_PASSPHRASE", k.s.Passphrase, "Passphrase: ")
		if err != nil {
			return nil, err
		}
		return kek.FromPassphrase(words, *b.Work)
	case kek.Vault:
		return k.vault()
	case kek.File:
		key, err := k.keyIn(b.File)
		return kek.FromFile(key), err
	}
	return nil, errs.New(errs.Invalid, fmt.Sprintf("hale.keys names a kind of key that this Hale does not know: %q.", b.Kind))
}

// keyIn reads the key-encryption key from a file of the folder, or from
// HALE_KEY where there is no such file.
func (k keyring) keyIn(name string) (seal.Key, error) {
	_, err := os.Stat(k.path(name))
	if errors.Is(err, fs.ErrNotExist) && k.env.Getenv("HALE_KEY") != "" {
		return k.at.key(k.env)
	}
	return readKey(k.path(name), *k.at.data)
}

// passphrase takes it from the environment, from a file that nobody else can
// read, or from the person at the terminal.
func (k keyring) passphrase(name, path, prompt string) (string, error) {
	if words := k.env.Getenv(name); words != "" {
		return words, nil
	}
	if path != "" {
		return secretFile(path)
	}
	f, ok := k.env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", errs.New(errs.Invalid, "The passphrase is missing: set "+name+", or passphrase_file under [keys], or start Hale at a terminal.")
	}
	fmt.Fprint(k.env.Stderr, prompt)
	words, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(k.env.Stderr)
	return string(words), err
}

// secretFile reads one line from a file that only its owner may read.
func secretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", errs.New(errs.NotFound, path+" cannot be read.").Because(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", errs.New(errs.Invalid, fmt.Sprintf("%s can be read by others. `chmod 400 %s` mends it.", path, path))
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

func (k keyring) vault() (*kek.VaultKey, error) {
	c := kek.VaultConfig{
		Address: k.s.Vault.Address, Mount: k.s.Vault.Mount, Key: k.s.Vault.Key, Namespace: k.s.Vault.Namespace,
		Token: k.env.Getenv("HALE_VAULT_TOKEN"), Timeout: time.Duration(k.s.Vault.Seconds) * time.Second,
	}
	if c.Token == "" && k.s.Vault.Token != "" {
		token, err := secretFile(k.s.Vault.Token)
		if err != nil {
			return nil, err
		}
		c.Token = token
	}
	if k.s.Vault.CA != "" {
		pem, err := os.ReadFile(k.s.Vault.CA)
		if err != nil {
			return nil, errs.New(errs.NotFound, "keys.vault.ca cannot be read.").Because(err)
		}
		c.CA = pem
	}
	return kek.NewVault(c)
}

// save puts b in the place of hale.keys, in one rename.
func (k keyring) save(b kek.Box) error {
	text, err := b.Text()
	if err != nil {
		return err
	}
	fresh := k.path(boxFile + ".new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(fresh, string(text), 0o600); err != nil {
		return err
	}
	if err := os.Rename(fresh, k.path(boxFile)); err != nil {
		return err
	}
	folder, err := os.Open(*k.at.data)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// fresh makes a new key-encryption key of a kind: what wraps, and a box that
// says so.
func (k keyring) fresh(ctx context.Context, kind kek.Kind, paper *kek.Paper) (kek.Wrapper, kek.Box, error) {
	b := kek.Box{Kind: kind, Paper: paper}
	switch kind {
	case kek.File:
		key := seal.NewKey()
		b.File = "hale-" + key.KID() + ".key"
		return kek.FromFile(key), b, writeNew(k.path(b.File), key.Hex()+"\n", 0o400)
	case kek.Passphrase:
		words, err := k.passphrase("HALE_NEW_PASSPHRASE", "", "New passphrase, five or six words: ")
		if err != nil {
			return nil, b, err
		}
		if k.env.Getenv("HALE_NEW_PASSPHRASE") == "" {
			if again, err := k.passphrase("HALE_NEW_PASSPHRASE", "", "The same again: "); err != nil || again != words {
				return nil, b, errors.Join(err, errs.New(errs.Invalid, "The two are not the same. Nothing was changed."))
			}
		}
		work := kek.NewWork()
		b.Work = &work
		by, err := kek.FromPassphrase(words, work)
		return by, b, err
	case kek.Vault:
		v, err := k.vault()
		if err != nil {
			return nil, b, err
		}
		err = v.Rotate(ctx)
		if kek.IsDenied(err) {
			fmt.Fprintln(k.env.Stderr, "The token may not rotate the key in the Vault; its newest version is used as it is.")
			err = nil
		}
		return v, b, err
	}
	return nil, b, usage("--to must be file, passphrase or vault")
}

// lines reads n lines from the input.
func (k keyring) lines(n int, prompt string) ([]string, error) {
	in := bufio.NewScanner(k.env.Stdin)
	var list []string
	for len(list) < n {
		fmt.Fprintf(k.env.Stderr, prompt, len(list)+1)
		if !in.Scan() {
			return nil, errors.Join(in.Err(), errs.New(errs.Invalid, fmt.Sprintf("%d lines are wanted.", n)))
		}
		if text := strings.TrimSpace(in.Text()); text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}
