package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"hale/internal/base/errs"
	"hale/internal/base/shares"
	"hale/internal/store/keys"
	"hale/internal/store/keys/kek"
)

func (k keyring) shares(ctx context.Context, verify bool) error {
	b, by, err := k.boxed()
	if err != nil {
		return err
	}
	roots, err := k.open(ctx)
	if err != nil {
		return err
	}
	if verify {
		got, err := k.typed(b)
		if err == nil && !got.Root.Equal(roots.Root) {
			err = errs.New(errs.Invalid, "These shares open something else.")
		}
		if err == nil {
			fmt.Fprintln(k.env.Stdout, "These two shares open the keys.")
		}
		return err
	}
	if b, err = b.With(ctx, by, roots); err != nil {
		return err
	}
	b, list, err := b.Shares(ctx, by, k.env.Rand)
	if err != nil {
		return err
	}
	if err := k.save(b); err != nil {
		return err
	}
	for i, s := range list {
		fmt.Fprintf(k.env.Stdout, "Share %d of 3 of the keys of Hale, %s. Any two restore them with `hale keys restore`.\n\n    %s\n\n", i+1, k.env.Now().UTC().Format(time.DateOnly), s)
	}
	fmt.Fprintf(k.env.Stdout, "Each two of these were tried just now and open %s. Print them, keep them in\nthree places, and keep %s in every backup. Shares made before open nothing any more.\n`hale keys shares --verify` reads two back.\n", boxFile, boxFile)
	return nil
}

// typed reads two shares and opens b by them.
func (k keyring) typed(b kek.Box) (keys.Roots, error) {
	lines, err := k.lines(2, "Share, the %d. of 2: ")
	if err != nil {
		return keys.Roots{}, err
	}
	var list []shares.Share
	for i, text := range lines {
		s, err := shares.Parse(text)
		if err != nil {
			return keys.Roots{}, errs.New(errs.Invalid, fmt.Sprintf("The %d. is no share, or a letter is wrong in it.", i+1))
		}
		list = append(list, s)
	}
	return b.FromShares(list...)
}

func (k keyring) restore(ctx context.Context, to kek.Kind) error {
	b, plain, err := k.box()
	if err != nil {
		return err
	}
	if plain {
		return errs.New(errs.NotFound, "There is no "+boxFile+" in "+*k.at.data+". Take it from a backup: the shares open it, and are not the keys themselves.")
	}
	roots, err := k.typed(b)
	if err != nil {
		return err
	}
	by, fresh, err := k.fresh(ctx, to, b.Paper)
	if err != nil {
		return err
	}
	if err := k.replace(ctx, by, fresh, roots, b, false); err != nil {
		return err
	}
	fmt.Fprintf(k.env.Stdout, "Restored: the key-encryption key is a new %s. The shares stay good.\n", to)
	return nil
}

// shred asks first. The word binds the second call to what the first said.
func (k keyring) shred(ctx context.Context, patient string, f keyFlags) error {
	if f.reason == "" {
		return usage("--reason is missing: it is kept in the audit log")
	}
	a, err := k.at.open(ctx, k.env)
	if err != nil {
		return err
	}
	defer a.Close()
	n, err := a.Record.Shreddable(ctx, patient)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", patient, n, f.reason))
	word := hex.EncodeToString(sum[:4])
	switch {
	case n == 0:
		fmt.Fprintln(k.env.Stdout, "That patient has no sensitive resources. Nothing was changed.")
		return nil
	case f.yes == "":
		fmt.Fprintf(k.env.Stdout, `This would make %d sensitive resources of patient %s unreadable for good, with
all their versions. Nobody can undo it. Backups made before still open them until
they are gone. To do it:

    hale keys shred %s --reason %q --confirm %s
`, n, patient, patient, f.reason, word)
		return nil
	case f.yes != word:
		return errs.New(errs.Invalid, "That is not the word for this. Nothing was changed; call it without --confirm to see what it would do.")
	}
	if n, err = a.Shred(ctx, patient, f.reason); err == nil {
		fmt.Fprintf(k.env.Stdout, "%d resources are unreadable for good.\n", n)
	}
	return err
}
