package app

import (
	"context"
	"strings"

	"hale/internal/base/errs"
)

// CheckDurable looks at whether the database keeps what it acknowledges when
// the power goes. Where it does not, that is wrong, or a note if the operator
// has taken it upon himself.
func CheckDurable(ctx context.Context, c Config, accepted bool) Finding {
	const what = "durable"
	d, err := c.openFile(ctx)
	if err != nil {
		return Finding{what, Wrong, errs.Say(err)}
	}
	defer d.Close()
	off, err := d.Lossy(ctx)
	switch {
	case err != nil:
		return Finding{what, Wrong, "Whether it keeps what it acknowledges cannot be read: " + err.Error()}
	case len(off) == 0:
		return Finding{what, OK, "It keeps what it acknowledges, if the storage honours fsync."}
	case accepted:
		return Finding{what, Note, "You have taken it upon yourself: " + lossy(off)}
	}
	return Finding{what, Wrong, lossy(off) + " Set them to on; or, for tests only, say --allow-loss."}
}

func lossy(off []string) string {
	return "PostgreSQL runs with " + strings.Join(off, " = off, ") + " = off: a power cut takes what Hale has acknowledged."
}

// warnLossy tells the operator's log what CheckDurable would say.
func (a *App) warnLossy(ctx context.Context) {
	off, err := a.db.Lossy(ctx)
	if err == nil && len(off) > 0 {
		a.c.Log.Warn(lossy(off))
	}
}
