package app

import (
	"context"
	"errors"

	"hale/internal/access/account"
	"hale/internal/access/mirror"
	"hale/internal/care/task"
	"hale/internal/face/desk"
	"hale/internal/face/portal"
	"hale/internal/store/db"
)

// openTasks makes what keeps the things that patients ask of the clinic.
func (a *App) openTasks() {
	a.Tasks = task.NewStore(a.db, a.Record, a.events, a.ids, a.c.Now, a.hours)
	a.Tasks.Tell(taskNotices{a})
}

// taskNotices tells a patient that there is news about what they asked: in
// their inbox, and by each way that they are reached. What it is stands behind
// the sign-in.
type taskNotices struct{ a *App }

// Tell puts the notice on its way, in the transaction of its cause.
func (n taskNotices) Tell(ctx context.Context, tx *db.Tx, t task.Task) error {
	return n.a.tellNews(ctx, tx, t.Patient, account.RequestMoved)
}

// tellNews tells a patient of one thing, in their inbox and by each way that
// they are reached, whether or not they have an account.
func (a *App) tellNews(ctx context.Context, tx *db.Tx, patient string, kind account.NoticeKind) error {
	return a.tellNotice(ctx, tx, patient, account.Notice{Kind: kind})
}

// tellNotice is tellNews with more to tell.
func (a *App) tellNotice(ctx context.Context, tx *db.Tx, patient string, to account.Notice) error {
	to.Account.Patient = patient
	err := addressTo(ctx, tx, patient, &to.Account)
	if err != nil {
		return err
	}
	if to.Account.Lang, err = db.One(ctx, tx, db.Value[string], `select lang from person where id = $1`, patient); err != nil && !errors.Is(err, db.ErrNone) {
		return err
	}
	return a.Accounts.Tell(ctx, tx, to)
}

// deskMirror lets the staff see the portal as a patient does.
func (a *App) deskMirror(c desk.Config) desk.Config {
	c.Mirror = mirror.NewStore(a.db, a.audit, a.c.Now)
	return c
}

// portalMirror has the portal ask whether they began to.
func (a *App) portalMirror(c portal.Config) portal.Config {
	c.Mirror = mirror.NewStore(a.db, a.audit, a.c.Now)
	return c
}
