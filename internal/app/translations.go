package app

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/access/account"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/task"
	"hale/internal/care/translation"
	"hale/internal/face/desk"
	"hale/internal/face/portal"
	"hale/internal/reach"
	"hale/internal/store/db"
	"hale/internal/store/jobs"
)

// openTranslations makes what keeps the words of the clinic in other
// languages, and has messages and remarks ask for them.
func (a *App) openTranslations() {
	within := func(asked time.Time) time.Time { return a.Tasks.By(asked, task.Rule{Days: 1}) }
	a.translations = translation.NewStore(a.db, a.Record, a.Doors, a.events, a.ids, a.c.Now, within, translated{a})
	a.Threads.Translate(a.translations)
	a.parts.reviews.Translate(a.translations)
	a.Tasks.Translate(a.translations)
}

// portalTranslations adds them to the portal.
func (a *App) portalTranslations(c portal.Config) portal.Config {
	c.Translations = a.translations
	return c
}

// deskTranslations adds them to the desk.
func (a *App) deskTranslations(c desk.Config) desk.Config {
	c.Translations = a.translations
	return c
}

// translatedJob tells a patient that what we wrote is there in their language.
const translatedJob = "translation.signed"

// translated tells patients of translations.
type translated struct{ a *App }

// Translated adds the notice in the transaction that brings the translation.
func (t translated) Translated(ctx context.Context, tx *db.Tx, id string) error {
	return t.a.queue.Add(ctx, tx, jobs.Job{Kind: translatedJob, Args: id, Unique: id})
}

// translationWorks tells them.
type translationWorks struct{ a *App }

// Handlers returns what the queue does.
func (w translationWorks) Handlers() map[string]jobs.Handler {
	return map[string]jobs.Handler{translatedJob: w.a.tellTranslated}
}

// Periodic says that nothing is done without being asked.
func (translationWorks) Periodic() []jobs.Periodic { return nil }

// errTold says that a patient was told of a translation before.
var errTold = errors.New("app: the patient was told of the translation before")

// tellTranslated tells a patient, once, that what we wrote is there in their
// language: of a message by the way that they are reached, with the words
// behind the link; of an answer as of the answer itself; of what was said about
// a result by the rules of results.
func (a *App) tellTranslated(ctx context.Context, args json.RawMessage) error {
	var id string
	if err := json.Unmarshal(args, &id); err != nil {
		return err
	}
	patient, err := a.translations.OfWork(ctx, id)
	if err != nil {
		return err
	}
	pass, err := a.Doors.Check(ctx, access.SystemActor("translation", access.Translate), access.Translate, patient)
	if err != nil {
		return err
	}
	w, t, err := a.translations.Done(ctx, pass, id)
	if errs.KindOf(err) == errs.NotFound { // withdrawn, or hidden since
		return nil
	}
	if err != nil {
		return err
	}
	once := func(ctx context.Context, tx *db.Tx) error {
		first, err := a.translations.Told(ctx, tx, id)
		if err == nil && !first {
			err = errTold
		}
		return err
	}
	switch w.Type {
	case translation.Message:
		err = a.tellWords(ctx, w, t, once)
	case translation.Answer:
		err = a.db.Tx(ctx, func(tx *db.Tx) error {
			if err := once(ctx, tx); err != nil {
				return err
			}
			return a.tellNews(ctx, tx, patient, account.AnswerTranslated)
		})
	default:
		err = a.tellRemark(ctx, patient, once)
	}
	if errors.Is(err, errTold) {
		return nil
	}
	return err
}

// tellWords tells of a message, with its translation behind the link.
func (a *App) tellWords(ctx context.Context, w translation.Work, t translation.Translation, once func(context.Context, *db.Tx) error) error {
	pass, err := a.Doors.Check(ctx, access.SystemActor("translation", access.AnswerPatients), access.AnswerPatients, w.Patient)
	if err != nil {
		return err
	}
	_, err = a.Reach.Tell(ctx, pass, reach.Telling{Patient: w.Patient, Text: cutText(t.Text), Private: true, Translated: true}, func(ctx context.Context, tx *db.Tx, message string) error {
		if err := once(ctx, tx); err != nil || message == "" {
			return err
		}
		return a.Threads.ToldTx(ctx, tx, message, w.Target)
	})
	return err
}

// cutText keeps a message within what one may hold: the page behind its link
// shows the whole translation.
func cutText(text string) string {
	const most = 7900 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// tellRemark tells of what was said about a result. Outside its page it names
// no test, and nowhere what was said.
func (a *App) tellRemark(ctx context.Context, patient string, once func(context.Context, *db.Tx) error) error {
	_, err := a.Reach.Inform(ctx, reach.News{
		Patient: patient, Purpose: "clinical_result", Within: 7 * 24 * time.Hour,
		Words: func(l lang.Lang, _ time.Time) (title, line, page string) {
			return l.T("News from your care team"), l.T("your care team has news for you."),
				l.T("What your care team said about a test result of yours is now in your language. You find it under Record, Test results. If you have questions about it, please call us.")
		},
		In: func(ctx context.Context, tx *db.Tx, _ string, _ time.Time) error { return once(ctx, tx) },
	})
	return err
}
