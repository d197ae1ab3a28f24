package app

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"hale/internal/access"
	"hale/internal/care/saved"
	"hale/internal/care/thread"
	"hale/internal/care/translation"
	"hale/internal/face/desk"
	"hale/internal/face/pickup"
	"hale/internal/face/portal"
	"hale/internal/face/web"
	"hale/internal/reach/dialog"
	"hale/internal/reach/link"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// openThreads makes what keeps the messages between patients and the clinic.
func (a *App) openThreads() {
	a.Threads = thread.NewStore(a.db, a.Record, a.Tasks, a.events, a.ids, a.c.Now, a.Keys)
}

// askJob asks the desk for an answer to what came by a page, a text or a
// mail: whoever brings it holds no key to the record.
const askJob = "thread.ask"

// useThreads has what is answered to a thread's message land in the thread,
// and what is written on the page of any other message begin one, unless it
// answers a conversation of the desk: then it stays there.
func (a *App) useThreads() {
	a.Reach.Dialogs.Threads = func(ctx context.Context, tx *db.Tx, h dialog.Heard) (bool, error) {
		via := map[string]thread.Via{"sms": thread.SMS, "email": thread.Email, string(dialog.Page): thread.Page}[string(h.Channel)]
		in := thread.Heard{Message: h.Message, Patient: h.Patient, Via: via, Text: h.Text, Files: h.Files, At: h.At, Key: h.Key}
		to, title, err := a.Reach.Addressed(ctx, tx, h.Message)
		if errors.Is(err, db.ErrNone) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if h.Channel == dialog.Page && !h.Here {
			in.Title = title
		}
		if who, ok, err := a.Accounts.Active(ctx, tx, to); err != nil {
			return false, err
		} else if ok {
			in.By, in.Name = who.ID, who.Name
		}
		id, err := a.Threads.Hear(ctx, tx, in)
		if err != nil || id == "" {
			return false, err
		}
		return true, a.queue.Add(ctx, tx, jobs.Job{Kind: askJob, Unique: id})
	}
}

// behind returns the thread behind the link of a message. A caregiver sees it
// whose grant opens messages; another sees the answer alone.
func (a *App) behind(ctx context.Context, pass access.Pass, message string) (b pickup.Behind, err error) {
	t, lines, said, ok, err := a.Threads.Behind(ctx, pass, message)
	if err != nil || !ok {
		return b, err
	}
	b = pickup.Behind{Thread: t, Lines: lines, Said: said}
	if b.Words, err = a.wordsBehind(ctx, pass, lines); err != nil {
		return b, err
	}
	to, _, err := a.Reach.Addressed(ctx, a.db, message)
	if err != nil || to == "" {
		return b, err
	}
	who, err := a.Accounts.Person(ctx, to)
	if err != nil || !a.proved(who).May(access.ReadMessages, t.Patient) {
		b.Lines = nil
		return b, nil // whoever cannot be found sees the answer alone
	}
	b.Helper = who.Name
	return b, nil
}

// fileBehind opens the nth file of a line that stands on the page behind a
// message's link.
func (a *App) fileBehind(ctx context.Context, pass access.Pass, message, line string, n int) (f thread.File, body []byte, err error) {
	b, err := a.behind(ctx, pass, message)
	if err != nil {
		return f, nil, err
	}
	if !slices.ContainsFunc(b.Lines, func(l thread.Line) bool { return l.ID == line }) {
		return f, nil, link.ErrGone
	}
	read, err := a.Doors.Check(ctx, access.SystemActor("pickup", access.ReadMessages), access.ReadMessages, b.Thread.Patient)
	if err != nil {
		return f, nil, err
	}
	return a.Threads.File(ctx, read, b.Thread.ID, line, n)
}

// wordsBehind returns what of lines is translated, or is being.
func (a *App) wordsBehind(ctx context.Context, pass access.Pass, lines []thread.Line) (map[string]web.Words, error) {
	all, err := a.translations.Of(ctx, pass, translation.Message)
	if err != nil {
		return nil, err
	}
	words := map[string]web.Words{}
	for _, l := range lines {
		if t, ok := all[l.ID]; ok {
			words[l.ID] = web.Words{Text: l.Text, Lang: "en", In: t.Text, InLang: t.Lang, By: t.By, Coming: t.Coming(), Late: t.Late()}
		}
	}
	return words, nil
}

// threadWorks asks for answers.
type threadWorks struct{ a *App }

// Handlers returns what the queue does.
func (w threadWorks) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{askJob: w.a.askUnasked}
}

// Periodic returns when it does so without being asked.
func (w threadWorks) Periodic() []jobs.Periodic {
	return []jobs.Periodic{{Kind: askJob, Every: 10 * time.Minute}}
}

// askUnasked asks the desk for an answer to each thread that waits without
// having asked.
func (a *App) askUnasked(ctx context.Context, _ json.RawMessage) error {
	list, err := a.Threads.Unasked(ctx, 200)
	if err != nil {
		return err
	}
	asks := access.SystemActor("messages", access.SendMessages)
	for _, w := range list {
		asks.Patient = w.Patient // in the patient's name: the words are theirs
		pass, err := a.Doors.Check(ctx, asks, access.SendMessages, w.Patient)
		if err != nil {
			return err
		}
		if err := a.Threads.Ask(ctx, pass, w.Thread); err != nil {
			return err
		}
	}
	return nil
}

// portalThreads adds the messages to the portal.
func (a *App) portalThreads(c portal.Config) portal.Config {
	c.Talk = &portal.Talk{Threads: a.Threads, Files: a.letterbox(), Drafts: saved.NewStore(a.db, a.Keys, a.c.Now), Promise: a.Tasks.Promise}
	return c
}

// deskThreads adds them to the desk.
func (a *App) deskThreads(c desk.Config) desk.Config {
	c.Talk = &desk.Talk{Threads: a.Threads, Tells: a.Reach, Tasks: a.Tasks}
	return c
}
