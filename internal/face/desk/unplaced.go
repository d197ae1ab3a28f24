package desk

import (
	"context"
	"net/http"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/gateway/mailin"
)

// Unplaced is what the desk needs of mail that nobody could place.
type Unplaced interface {
	LeftCount(ctx context.Context, pass access.Pass) (int, error)
	Left(ctx context.Context, pass access.Pass, n int) ([]mailin.Left, error)
	LeftOne(ctx context.Context, pass access.Pass, id string) (mailin.Left, error)
	Place(ctx context.Context, all, pass access.Pass, id string) error
	Dismiss(ctx context.Context, pass access.Pass, id, reason string) error
	Again(ctx context.Context, pass access.Pass, id string) (dealt bool, err error)
}

const unplacedPath = "/desk/mail"

// unplacedMost is how many letters the list shows.
const unplacedMost = 50

// unplacedRow is one letter of the list.
type unplacedRow struct {
	Href, From, Subject, Why, When string
	Failed                         bool
}

// unplacedView is one letter, and who may have written it.
type unplacedView struct {
	Href, From, Subject, Text, When, Why, Proof string
	Files                                       []string
	Failed, Shut                                bool
	Reasons                                     []string
	Query                                       string
	Asked, More                                 bool
	Found                                       []foundRow
	Err                                         string
}

// unplacedRoutes adds the pages of mail that nobody could place.
func (d *Desk) unplacedRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET "+unplacedPath, d.listUnplaced)
	page("GET "+unplacedPath+"/{id}", d.showUnplaced)
	page("POST "+unplacedPath+"/{id}", d.showUnplaced)
	page("POST "+unplacedPath+"/{id}/place", d.placeMail)
	page("POST "+unplacedPath+"/{id}/dismiss", d.dismissMail)
	page("POST "+unplacedPath+"/{id}/again", d.againMail)
}

// whyUnplaced says why a letter waits.
func whyUnplaced(l mailin.Left) string {
	if l.Failed {
		why := "Hale tried " + counted(l.Tries, "time", "times") + " and could not deal with it."
		if l.Cause != "" {
			why += " The last time: " + l.Cause
		}
		return why
	}
	switch l.Kind {
	case "bounce", "delayed", "delivered":
		if l.Verdict != "" {
			return "A report about a message, which only names whom it went to. Anybody can write such a report, so it changed nothing."
		}
		return "A report about a message that Hale did not send, or no longer knows."
	case "complaint":
		return "A complaint about spam that does not say which message it is about. It changed nothing."
	case "reply":
		return "An answer that does not say who wrote it."
	}
	return "It came to the address for delivery reports, and is no report that Hale understands."
}

func unplacedSaid(note string) string {
	switch note {
	case "placed":
		return "It is in their conversation now, as what they wrote. It waits there for an answer."
	case "dismissed":
		return "Put aside. What it said is kept no longer."
	case "dealt":
		return "That worked this time: it is where it belongs."
	case "again":
		return "That did not work this time either. It is still in this list."
	}
	return ""
}

// listUnplaced shows what waits.
func (d *Desk) listUnplaced(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	n, err := d.Unplaced.LeftCount(r.Context(), pass)
	if err != nil {
		return err
	}
	list, err := d.Unplaced.Left(r.Context(), pass, unplacedMost)
	if err != nil {
		return err
	}
	rows := make([]unplacedRow, len(list))
	for i, l := range list {
		rows[i] = unplacedRow{Href: unplacedPath + "/" + l.ID, From: writerOf(l), Subject: subjectOf(l), Why: whyUnplaced(l), When: ago(l.At, d.now()), Failed: l.Failed}
	}
	return d.Site.Render(w, r, http.StatusOK, unplacedPage(d.view(r, "Mail nobody could place", "inbox"), rows, n, unplacedSaid(r.URL.Query().Get("note"))))
}

// writerOf says who wrote a letter, as far as it says so itself.
func writerOf(l mailin.Left) string {
	if l.Shut {
		return "Cannot be opened"
	}
	if l.From == "" {
		return "No sender"
	}
	return l.From
}

func subjectOf(l mailin.Left) string {
	if s := strings.TrimSpace(l.Subject); s != "" {
		return mask(s)
	}
	return "No subject"
}

// showUnplaced shows one letter, and whom a search found.
func (d *Desk) showUnplaced(w http.ResponseWriter, r *http.Request) error {
	return d.renderUnplaced(w, r, http.StatusOK, "")
}

func (d *Desk) renderUnplaced(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	l, err := d.Unplaced.LeftOne(r.Context(), pass, r.PathValue("id"))
	if err != nil {
		return errNowhere.Because(err)
	}
	v := unplacedView{
		Href: unplacedPath + "/" + l.ID, From: writerOf(l), Subject: subjectOf(l), Text: mask(l.Text), When: d.clock(l.At), Why: whyUnplaced(l),
		Proof: l.Verdict, Failed: l.Failed, Shut: l.Shut, Reasons: mailin.Reasons(), Err: problem,
	}
	for _, f := range l.Files {
		name := f.Name
		if name == "" {
			name = "a file without a name"
		}
		v.Files = append(v.Files, name+", "+fileSize(int64(f.Size)))
	}
	if err := d.fillWhose(r, &v); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, unplacedOne(d.view(r, v.Subject, "inbox"), v))
}

// fillWhose adds whom a search finds whose the letter may be.
func (d *Desk) fillWhose(r *http.Request, v *unplacedView) error {
	v.Query = strings.TrimSpace(strings.ToValidUTF8(cut(r.PostFormValue("q"), 80), ""))
	if v.Asked = v.Query != ""; !v.Asked {
		return nil
	}
	pass, err := d.all(r, access.FindPatients)
	if err != nil {
		return err
	}
	list, err := d.find(r, pass, v.Query)
	if err != nil {
		return err
	}
	if v.More = len(list) > findMost; v.More {
		list = list[:findMost]
	}
	for _, p := range list {
		row := d.personRow(p)
		row.Href = p.ID
		v.Found = append(v.Found, row)
	}
	return nil
}

// placeMail gives a letter to the patient that was picked.
func (d *Desk) placeMail(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	all, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.AnswerPatients, in.Get("patient"))
	if err != nil {
		return err
	}
	return d.dealtWith(w, r, "placed", d.Unplaced.Place(r.Context(), all, pass, r.PathValue("id")))
}

// dismissMail puts a letter aside.
func (d *Desk) dismissMail(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	return d.dealtWith(w, r, "dismissed", d.Unplaced.Dismiss(r.Context(), pass, r.PathValue("id"), in.Get("reason")))
}

// againMail has Hale try once more.
func (d *Desk) againMail(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	dealt, err := d.Unplaced.Again(r.Context(), pass, r.PathValue("id"))
	note := "again"
	if dealt {
		note = "dealt"
	}
	return d.dealtWith(w, r, note, err)
}

// dealtWith leads back to the list, or says on the page what was wrong.
func (d *Desk) dealtWith(w http.ResponseWriter, r *http.Request, note string, err error) error {
	if k := errs.KindOf(err); err != nil && (k == errs.Invalid || k == errs.Conflict) {
		if shown := d.renderUnplaced(w, r, http.StatusUnprocessableEntity, errs.Say(err)); errs.KindOf(shown) != errs.NotFound {
			return shown
		}
		return err
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, unplacedPath+"?note="+note, http.StatusSeeOther)
	return nil
}

// unplacedTask says on the first page, and where failures are counted, that
// mail waits.
func (d *Desk) unplacedTask(r *http.Request) ([]taskRow, error) {
	if d.Unplaced == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	n, err := d.Unplaced.LeftCount(r.Context(), pass)
	if err != nil || n == 0 {
		return nil, err
	}
	return []taskRow{{Href: unplacedPath, Icon: "mail", Tone: "watch", N: n, Title: "Mail nobody could place", Sub: "It may be from a patient. Please say whose it is, or put it aside"}}, nil
}

// mailTasks say that somebody waits for an answer, or may.
func (d *Desk) mailTasks(r *http.Request) ([]taskRow, error) {
	talks, err := d.dialogTask(r)
	if err != nil {
		return nil, err
	}
	strays, err := d.unplacedTask(r)
	return append(talks, strays...), err
}
