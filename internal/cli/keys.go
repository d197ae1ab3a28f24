package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hale/internal/app"
	"hale/internal/base/errs"
	"hale/internal/base/seal"
	"hale/internal/store/db"
	"hale/internal/store/keys"
	"hale/internal/store/keys/kek"
)

func keysCommand() command {
	return command{
		name: "keys", args: "status | list | rotate | shred PATIENT | shares | restore", short: "look at, turn, shred and restore the keys",
		long: `hale keys status tells where the key-encryption key lies, how old each key is and
how much still lies under old ones. hale keys list lists them. Both take --json.

hale keys rotate --class messages makes a new key active at once and moves what
lies under the old one, while Hale serves; cut off, it goes on where it was when
called again, and a serving Hale goes on by itself. Classes: secrets, messages,
audit, patients (which wraps the key of each patient), and root (which wraps
the others). hale keys rotate --kek [--to file|passphrase|vault] changes what
wraps the root; no data is touched. hale keys rotate --file writes the SQLite
file anew under a new key; stop Hale first.

hale keys shares prints three paper shares, any two of which restore everything
when the key-encryption key is lost; older ones open nothing any more. Keep
them in different places, and hale.keys in every backup. hale keys shares
--verify reads two back. hale keys restore --to KIND reads two and makes a new
key-encryption key.

hale keys shred PATIENT makes the sensitive part of a record unreadable for
good: first it says what that is, and gives the words that do it.`,
		run: keysMain,
	}
}

// keyFlags are the flags of hale keys.
type keyFlags struct {
	kek, file, json, verify bool
	class, to, reason, yes  string
}

func keysMain(ctx context.Context, env Env, fs *flag.FlagSet, args []string) error {
	at := placeFlags(env, fs)
	var f keyFlags
	fs.BoolVar(&f.kek, "kek", false, "rotate: change the key-encryption key")
	fs.BoolVar(&f.file, "file", false, "rotate: write the SQLite file anew under a new key")
	fs.BoolVar(&f.json, "json", false, "list, status: print as JSON")
	fs.BoolVar(&f.verify, "verify", false, "shares: read two shares back")
	fs.StringVar(&f.class, "class", "", "rotate: the `NAME` of the class to turn")
	fs.StringVar(&f.to, "to", "", "rotate --kek, restore: the `KIND` of the new key, file, passphrase or vault")
	fs.StringVar(&f.reason, "reason", "", "shred: `WHY`, for the audit log")
	fs.StringVar(&f.yes, "confirm", "", "shred: the `WORD` that the first call gave")
	rest, err := parse(fs, args)
	if err != nil {
		return err
	}
	what := strings.Join(rest[:min(1, len(rest))], "")
	k, err := at.ring(env)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 2 && what == "shred":
		return k.shred(ctx, rest[1], f)
	case len(rest) != 1:
	case what == "list", what == "status":
		return k.tell(ctx, what == "status", f.json)
	case what == "rotate":
		return k.rotate(ctx, f)
	case what == "shares":
		return k.shares(ctx, f.verify)
	case what == "restore":
		return k.restore(ctx, kek.Kind(f.to))
	}
	return usage("say status, list, rotate, shred PATIENT, shares or restore")
}

// old is the age at which a key is due to be turned.
const old = 365 * 24 * time.Hour

// keyRow is a key as it is told.
type keyRow struct {
	keys.Shown
	Left int64 `json:"left"` // values of its class that are not under the active key
	Due  bool  `json:"due"`
}

// told is what list and status say.
type told struct {
	KEK      kek.Kind `json:"kek"`
	Where    string   `json:"where"`
	Paper    bool     `json:"paper_shares"`
	Keys     []keyRow `json:"keys"`
	People   int64    `json:"patients"`
	Shredded int64    `json:"shredded"`
}

func (k keyring) tell(ctx context.Context, status, asJSON bool) error {
	a, err := k.at.open(ctx, k.env)
	if err != nil {
		return err
	}
	defer a.Close()
	t, err := k.look(ctx, a)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(k.env.Stdout).Encode(t)
	}
	if status {
		fmt.Fprintf(k.env.Stdout, "key-encryption key  %s (%s)\n", t.KEK, t.Where)
		paper := "none: hale keys shares makes them; without them, losing that key is losing the data"
		if t.Paper {
			paper = "made; any two of three restore"
		}
		fmt.Fprintf(k.env.Stdout, "paper shares        %s\npatients' keys      %d, and %d shredded\n\n", paper, t.People, t.Shredded)
	}
	tw := tabwriter.NewWriter(k.env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range t.Keys {
		note := ""
		switch {
		case r.State == keys.Retired && r.Emptied == 0:
			note = fmt.Sprintf("%d values still to be moved", r.Left)
		case r.State == keys.Retired:
			note = "nothing lies under it; erased a day after " + day(r.Emptied)
		case r.Due:
			note = "older than a year: hale keys rotate --class " + string(r.Class)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\tsince %s\t%s\n", r.Class, r.KID, r.State, day(r.Made), note)
	}
	return tw.Flush()
}

func day(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04") }

func (k keyring) look(ctx context.Context, a *app.App) (t told, err error) {
	b, plain, err := k.box()
	if err != nil {
		return t, err
	}
	t.KEK, t.Where, t.Paper = b.Kind, boxFile, b.Paper != nil
	if plain {
		t.Where = keyFile + ", which is also the root"
	}
	list, err := a.Keys.List(ctx)
	if err != nil {
		return t, err
	}
	for _, s := range list {
		r := keyRow{Shown: s, Due: s.State == keys.Active && k.env.Now().Sub(time.UnixMicro(s.Made)) > old}
		if s.State == keys.Retired {
			if r.Left, err = a.Keys.Left(ctx, s.Class); err != nil {
				return t, err
			}
		}
		t.Keys = append(t.Keys, r)
	}
	t.People, t.Shredded, err = a.Keys.People(ctx)
	return t, err
}

func (k keyring) rotate(ctx context.Context, f keyFlags) error {
	switch {
	case f.kek && f.class == "" && !f.file:
		return k.rotateKEK(ctx, kek.Kind(f.to))
	case f.to != "":
		return usage("--to goes with --kek")
	case f.file && f.class == "" && !f.kek:
		return k.rotateFile(ctx)
	case f.class == string(keys.Root) && !f.file && !f.kek:
		return k.rotateRoot(ctx)
	case slices.Contains(keys.Classes(), keys.Class(f.class)) && !f.file && !f.kek:
		return k.rotateClass(ctx, keys.Class(f.class))
	}
	return usage("rotate takes one of --kek, --file and --class, which is one of root %v", keys.Classes())
}

// rotateClass turns a class, or goes on with a turn that was cut off, and
// moves what is there.
func (k keyring) rotateClass(ctx context.Context, class keys.Class) error {
	a, err := k.at.open(ctx, k.env)
	if err != nil {
		return err
	}
	defer a.Close()
	list, err := a.Keys.List(ctx)
	if err != nil {
		return err
	}
	under := slices.ContainsFunc(list, func(s keys.Shown) bool {
		return s.Class == class && s.State == keys.Retired && s.Emptied == 0
	})
	if under {
		fmt.Fprintf(k.env.Stdout, "%s: the key was turned before; what was left is moved now\n", class)
	} else {
		kid, err := a.TurnKey(ctx, class)
		if err != nil {
			return err
		}
		fmt.Fprintf(k.env.Stdout, "%s: %s is active\n", class, kid)
	}
	total, err := a.Keys.Left(ctx, class)
	if err != nil {
		return err
	}
	for moved := 0; ; {
		n, err := a.Keys.Move(ctx, class, func(n int) { fmt.Fprintf(k.env.Stderr, "\r%d of %d moved", moved+n, max(total, int64(moved+n))) })
		if err != nil {
			return err
		}
		moved += n
		select { // what other nodes seal under the old key before they notice
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(1500 * time.Millisecond):
		}
		left, err := a.Keys.Left(ctx, class)
		if err != nil {
			return err
		}
		if left == 0 {
			fmt.Fprintf(k.env.Stdout, "%s: %d moved, nothing is left under older keys\n", class, moved)
			return a.Keys.Settle(ctx, class)
		}
	}
}

// rotateKEK wraps the roots by a new key-encryption key. A plain key file was
// the root as well, so that the root changes with it.
func (k keyring) rotateKEK(ctx context.Context, to kek.Kind) error {
	b, plain, err := k.box()
	if err != nil {
		return err
	}
	roots, err := k.open(ctx)
	if err != nil {
		return err
	}
	if to == "" {
		to = b.Kind
	}
	by, fresh, err := k.fresh(ctx, to, b.Paper)
	if err != nil {
		return err
	}
	if plain {
		roots = turned(roots)
	}
	if err := k.replace(ctx, by, fresh, roots, b, plain); err != nil {
		return err
	}
	fmt.Fprintf(k.env.Stdout, "The key-encryption key is a new %s. No data was touched.\n", to)
	if k.s.KEK != "" && k.s.KEK != string(to) {
		fmt.Fprintf(k.env.Stdout, "Write kek = %q under [keys] in %s, or Hale will not start.\n", to, configFile)
	}
	if plain {
		fmt.Fprintln(k.env.Stdout, "The old key was also that of the SQLite file: hale keys rotate --file changes it.")
	}
	return nil
}

// turned returns roots with a new root.
func turned(roots keys.Roots) keys.Roots {
	roots.Before = append([]seal.Key{roots.Root}, roots.Before...)
	roots.Root = seal.NewKey()
	return roots
}

// replace puts a new box in the place of the old one. It can be cut off at
// any point: the box is replaced in one rename, names the root before until
// the database has the new one, and the old key file goes last.
func (k keyring) replace(ctx context.Context, by kek.Wrapper, fresh kek.Box, roots keys.Roots, was kek.Box, plain bool) error {
	fresh, err := k.keep(ctx, fresh, by, roots)
	if err != nil {
		return err
	}
	if err := k.settle(ctx, by, fresh, roots, "keys.kek"); err != nil {
		return err
	}
	if was.Kind != kek.File || was.File == fresh.File {
		return nil
	}
	if plain && k.env.Getenv("HALE_KEY") != "" {
		fmt.Fprintln(k.env.Stdout, "HALE_KEY is not used any more: take it out of the environment.")
	}
	if err := os.Remove(k.path(was.File)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// settle has the database's keys wrapped by the root in use, and forgets the
// ones before.
func (k keyring) settle(ctx context.Context, by kek.Wrapper, b kek.Box, roots keys.Roots, action string) error {
	c, err := k.at.with(k.env, roots)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, c)
	if err != nil {
		return err
	}
	defer a.Close()
	if len(roots.Before) > 0 {
		roots.Before = nil
		if _, err = k.keep(ctx, b, by, roots); err != nil {
			return err
		}
	}
	return a.NoteKeys(ctx, action, roots.Root.KID())
}

// keep saves b holding roots.
func (k keyring) keep(ctx context.Context, b kek.Box, by kek.Wrapper, roots keys.Roots) (kek.Box, error) {
	b, err := b.With(ctx, by, roots)
	if err != nil {
		return b, err
	}
	return b, k.save(b)
}

// boxed returns the box and what opens it; a plain installation's is made.
func (k keyring) boxed() (kek.Box, kek.Wrapper, error) {
	b, _, err := k.box()
	if err != nil {
		return b, nil, err
	}
	by, err := k.wrapper(b)
	return b, by, err
}

func (k keyring) rotateRoot(ctx context.Context) error {
	b, by, err := k.boxed()
	if err != nil {
		return err
	}
	roots, err := k.open(ctx)
	if err != nil {
		return err
	}
	roots = turned(roots)
	if b, err = k.keep(ctx, b, by, roots); err != nil {
		return err
	}
	if err := k.settle(ctx, by, b, roots, "keys.rotate"); err != nil {
		return err
	}
	fmt.Fprintln(k.env.Stdout, "root: the keys of all classes are wrapped by a new root. No data was touched.")
	return nil
}

// rotateFile writes the SQLite file anew. The box names both keys until the
// file is there under the new one.
func (k keyring) rotateFile(ctx context.Context) error {
	b, by, err := k.boxed()
	if err != nil {
		return err
	}
	roots, err := k.open(ctx)
	if err != nil {
		return err
	}
	c, err := k.at.with(k.env, roots)
	if err != nil {
		return err
	}
	path, ok := strings.CutPrefix(c.Database, "sqlite:")
	if !ok {
		return errs.New(errs.Invalid, "The database is PostgreSQL, which encrypts nothing by itself: there is no file key to change. Encrypt its disk.")
	}
	if roots.Next.Made() { // an earlier call was cut off: which of the two opens it?
		if d, err := db.Open(ctx, c.Database, roots.Next); err == nil {
			roots.File = roots.Next
			if err := d.Close(); err != nil {
				return err
			}
		}
	}
	roots.Next = seal.NewKey()
	if b, err = k.keep(ctx, b, by, roots); err != nil {
		return err
	}
	if err := db.Rewrite(ctx, path, roots.File, roots.Next); err != nil {
		return err
	}
	roots.File, roots.Next = roots.Next, seal.Key{}
	if b, err = k.keep(ctx, b, by, roots); err != nil {
		return err
	}
	if err := k.settle(ctx, by, b, roots, "keys.file"); err != nil {
		return err
	}
	fmt.Fprintf(k.env.Stdout, "%s is under a new key. Copies made before are still under the old one.\n", filepath.Base(path))
	return nil
}
