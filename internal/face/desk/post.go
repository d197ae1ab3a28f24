package desk

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/patient"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/reach/letter"
	"hale/internal/reach/link"
)

// Mailroom is what the desk needs of package letter.
type Mailroom interface {
	Count(ctx context.Context, pass access.Pass) (waiting, unmailed int, err error)
	Waiting(ctx context.Context, pass access.Pass, n int) ([]letter.Entry, error)
	Batches(ctx context.Context, pass access.Pass, n int) ([]letter.Batch, error)
	Of(ctx context.Context, pass access.Pass, batch int) (letter.Batch, []letter.Entry, error)
	Find(ctx context.Context, pass access.Pass, batch, n int) (letter.Entry, error)
	Make(ctx context.Context, pass access.Pass, letters []string) (int, error)
	Printed(ctx context.Context, pass access.Pass, batch int) error
	Mailed(ctx context.Context, pass access.Pass, batch int) error
	Back(ctx context.Context, pass access.Pass, batch, n int, why string) error
	Drop(ctx context.Context, pass access.Pass, batch, n int, why string) error
}

// Papers is what the desk needs of the engine for letters.
type Papers interface {
	Paper(ctx context.Context, pass access.Pass, message string) (reach.Paper, error)
}

func (d *Desk) postRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/post", d.listPost)
	page("POST /desk/post", d.makeBatch)
	page("POST /desk/post/back", d.letterBack)
	page("GET /desk/post/{batch}", d.showBatch)
	page("GET /desk/post/{batch}/print", d.printBatch)
	page("POST /desk/post/{batch}/printed", d.batchPrinted)
	page("POST /desk/post/{batch}/mailed", d.batchMailed)
	page("POST /desk/post/{batch}/{n}/drop", d.dropLetter)
}

// postTask says on the first page how many letters there are to print.
func (d *Desk) postTask(r *http.Request) ([]taskRow, error) {
	if d.Post == nil || !may(r, access.AnswerPatients) {
		return nil, nil
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return nil, err
	}
	waiting, unmailed, err := d.Post.Count(r.Context(), pass)
	if err != nil || waiting+unmailed == 0 {
		return nil, err
	}
	return []taskRow{{Href: "/desk/post", Icon: "file-text", Tone: "act", N: waiting + unmailed, Title: "Letters to print and mail", Sub: "For people whom nothing else may reach"}}, nil
}

// mostBatches is how many batches the page lists.
const mostBatches = 25

// listPost shows what waits to be printed, and the batches.
func (d *Desk) listPost(w http.ResponseWriter, r *http.Request) error {
	return d.drawPost(w, r, http.StatusOK, "")
}

func (d *Desk) drawPost(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	waiting, err := d.Post.Waiting(r.Context(), pass, letter.MostLetters+1)
	if err != nil {
		return err
	}
	list, err := d.Post.Batches(r.Context(), pass, mostBatches)
	if err != nil {
		return err
	}
	v := postView{Problem: problem, Said: postSaid(r.URL.Query().Get("note")), More: len(waiting) > letter.MostLetters, Reasons: returnOptions()}
	waiting = waiting[:min(len(waiting), letter.MostLetters)]
	if v.Waiting, err = d.letterLines(r, waiting); err != nil {
		return err
	}
	if status != http.StatusOK { // what was typed stays
		v.Ref, v.Why = r.PostFormValue("ref"), r.PostFormValue("why")
	}
	names := map[string]string{}
	for _, b := range list {
		row, err := d.batchLine(r, b, names)
		if err != nil {
			return err
		}
		v.Batches = append(v.Batches, row)
	}
	return d.Site.Render(w, r, status, postPage(d.view(r, "Letters to print and mail", "today"), v))
}

func postSaid(note string) string {
	switch note {
	case "mailed":
		return "Written down: the batch was mailed."
	case "back":
		return "Written down: the letter came back. Nothing more is mailed there, and whoever it was for is with those whom no message reached."
	case "back-try":
		return "Written down: the letter came back. Whoever it was for is with those whom no message reached."
	}
	return ""
}

// returnOptions are why a letter comes back.
func returnOptions() []option {
	var list []option
	for _, code := range reach.Returns() {
		words := reach.ReturnWords(code)
		list = append(list, option{Value: code, Text: strings.ToUpper(words[:1]) + words[1:]})
	}
	return list
}

// batchLine puts a batch into words.
func (d *Desk) batchLine(r *http.Request, b letter.Batch, names map[string]string) (batchLine, error) {
	who, err := d.accountName(r, b.By, names)
	if err != nil {
		return batchLine{}, err
	}
	n := strconv.Itoa(b.N)
	row := batchLine{Href: "/desk/post/" + n, Title: "Batch " + n, Sub: counted(b.Letters, "letter", "letters") + ", made by " + who + ", " + d.clock(b.Made), State: "to print", Tone: "act"}
	switch {
	case !b.Mailed.IsZero():
		row.State, row.Tone = "mailed "+d.day(b.Mailed), "good"
	case !b.Printed.IsZero():
		row.State, row.Tone = "printed, to mail", "watch"
	}
	if b.Back > 0 {
		row.Sub += ", " + strconv.Itoa(b.Back) + " came back"
	}
	return row, nil
}

// letterLines puts letters into words.
func (d *Desk) letterLines(r *http.Request, list []letter.Entry) ([]letterLine, error) {
	by := map[string]patient.Person{}
	var ids []string
	for _, e := range list {
		if _, asked := by[e.Patient]; !asked {
			by[e.Patient] = patient.Person{}
			ids = append(ids, e.Patient)
		}
	}
	if err := d.name(r, ids, by); err != nil {
		return nil, err
	}
	rows := make([]letterLine, len(list))
	for i, e := range list {
		p := by[e.Patient]
		row := letterLine{Who: p.Full, Href: "/desk/patients/" + e.Patient, Trail: path(e.Outreach) + "/patients/" + e.Patient, Outreach: e.Name, When: d.clock(e.Created), Ref: e.Ref(), State: letterState(e)}
		if row.Who == "" {
			row.Who = "A patient without a name"
		}
		if p.Deceased {
			row.Warn = "Recorded as deceased: take this letter out"
		}
		if e.State == letter.Batched {
			row.Drop = "/desk/post/" + strconv.Itoa(e.Batch) + "/" + strconv.Itoa(e.N) + "/drop"
		}
		rows[i] = row
	}
	return rows, nil
}

// letterState is what became of a letter, in words.
func letterState(e letter.Entry) string {
	switch e.State {
	case letter.Mailed:
		return "Mailed"
	case letter.Returned:
		return "Came back: " + reach.ReturnWords(e.Reason)
	case letter.Ended:
		return "Taken out: " + dropWords[e.Reason]
	case letter.Batched:
		return "Not mailed yet"
	}
	return "Waits"
}

// dropWords are why a letter is taken out before it is mailed.
var dropWords = map[string]string{"spoiled": "spoiled in printing", "reached": "reached another way", "address": "the address is not right", "stopped": "the outreach was stopped", "withdrawn": "not to be sent any more"}

func dropOptions() []option {
	var list []option
	for _, code := range letter.Dropped() {
		words := dropWords[code]
		list = append(list, option{Value: code, Text: strings.ToUpper(words[:1]) + words[1:]})
	}
	return list
}

// makeBatch takes what waits into a batch.
func (d *Desk) makeBatch(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	waiting, err := d.Post.Waiting(r.Context(), pass, letter.MostLetters)
	if err != nil {
		return err
	}
	var mine []string
	for _, e := range waiting { // a record that the reader may not open is left to somebody else
		_, err := d.one(r, access.AnswerPatients, e.Patient)
		if err == nil {
			mine = append(mine, e.ID)
		} else if !noRight(err) {
			return err
		}
	}
	n, err := d.Post.Make(r.Context(), pass, mine)
	if errs.KindOf(err) == errs.Conflict {
		return d.drawPost(w, r, http.StatusConflict, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post/"+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}

// batchOf is the batch that the address names.
func batchOf(r *http.Request) int {
	n, err := strconv.Atoi(r.PathValue("batch"))
	if err != nil {
		return 0
	}
	return n
}

// showBatch shows what to do with a batch, and its letters.
func (d *Desk) showBatch(w http.ResponseWriter, r *http.Request) error {
	return d.drawBatch(w, r, http.StatusOK, "")
}

func (d *Desk) drawBatch(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	b, list, err := d.Post.Of(r.Context(), pass, batchOf(r))
	if err != nil {
		return err
	}
	line, err := d.batchLine(r, b, map[string]string{})
	if err != nil {
		return err
	}
	v := batchView{batchLine: line, Problem: problem, Printed: !b.Printed.IsZero(), Mailed: !b.Mailed.IsZero(), Reasons: dropOptions()}
	if v.Letters, err = d.letterLines(r, list); err != nil {
		return err
	}
	for _, l := range v.Letters {
		v.Left = v.Left || l.Drop != ""
	}
	return d.Site.Render(w, r, status, batchPage(d.view(r, line.Title, "today"), v))
}

// batchPrinted notes that a batch is printed, and shows it for that.
func (d *Desk) batchPrinted(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	if err := d.Post.Printed(r.Context(), pass, batchOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post/"+strconv.Itoa(batchOf(r))+"/print", http.StatusSeeOther)
	return nil
}

// batchMailed notes that a batch left the house.
func (d *Desk) batchMailed(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	if err := d.Post.Mailed(r.Context(), pass, batchOf(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post?note=mailed", http.StatusSeeOther)
	return nil
}

// dropLetter takes one letter out of its batch.
func (d *Desk) dropLetter(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err == nil {
		err = d.Post.Drop(r.Context(), pass, batchOf(r), n, in.Get("why"))
	}
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict:
		return d.drawBatch(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/post/"+strconv.Itoa(batchOf(r)), http.StatusSeeOther)
	return nil
}

// letterBack writes down a letter that came back, by the number at its foot.
func (d *Desk) letterBack(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	batch, n, err := letter.ParseRef(in.Get("ref"))
	if err == nil {
		err = d.Post.Back(r.Context(), pass, batch, n, in.Get("why"))
	}
	switch errs.KindOf(err) {
	case errs.Invalid, errs.Conflict, errs.NotFound:
		return d.drawPost(w, r, http.StatusUnprocessableEntity, errs.Say(err))
	}
	if err != nil {
		return err
	}
	note := "back"
	if why := in.Get("why"); why == "refused" || why == "unclaimed" {
		note = "back-try"
	}
	http.Redirect(w, r, "/desk/post?note="+note, http.StatusSeeOther)
	return nil
}

// printBatch shows the letters of a batch as they are printed, each on paper
// of its own. Each is a look at its patient, and audited as one.
func (d *Desk) printBatch(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerPatients)
	if err != nil {
		return err
	}
	b, list, err := d.Post.Of(r.Context(), pass, batchOf(r))
	if err != nil {
		return err
	}
	v := paperView{Back: "/desk/post/" + strconv.Itoa(b.N), Title: "Batch " + strconv.Itoa(b.N)}
	for _, e := range list {
		if e.State == letter.Ended {
			continue
		}
		p, err := d.paperOf(r, e)
		if noRight(err) {
			v.Left++
			continue
		}
		if err != nil {
			return err
		}
		sheet, err := d.sheetOf(p, e)
		if err != nil {
			return err
		}
		v.Sheets = append(v.Sheets, sheet)
	}
	return d.Site.Render(w, r, http.StatusOK, lettersSheet(d.view(r, v.Title, "today"), v))
}

// paperOf reads one letter.
func (d *Desk) paperOf(r *http.Request, e letter.Entry) (reach.Paper, error) {
	pass, err := d.one(r, access.AnswerPatients, e.Patient)
	if err != nil {
		return reach.Paper{}, err
	}
	return d.Papers.Paper(r.Context(), pass, e.Message)
}

// sheetOf lays a letter out, in the language of whoever reads it.
func (d *Desk) sheetOf(p reach.Paper, e letter.Entry) (paperSheet, error) {
	l, clinic := lang.Pick("", p.Lang), d.Site.Latest().Clinic
	s := paperSheet{
		To: p.To, Lang: l.Tag(), Large: p.Large, Title: p.Title, Text: web.Paragraphs(p.Text), Day: l.LongDate(d.now()), Link: p.Link, Short: strings.TrimPrefix(strings.TrimPrefix(p.Link, "https://"), "http://"),
		From: clinic.Name, Address: clinic.Address, Ref: e.Ref(),
		Call: l.T("Questions? Call us at %s.", phoneWords(clinic.Phone)), Square: l.T("A square that opens this letter online"), Online: l.T("Read it online and answer us"),
		How: l.T("Point the camera of your phone at the square, or type this address:"),
	}
	switch p.Asks {
	case link.DOB:
		s.Asks = l.T("The page asks for the date of birth. You need no password.")
	case link.Code:
		s.Asks = l.T("The page asks for the date of birth and sends you a code. No phone or email? Call us.")
	case link.SignIn:
		s.Asks = l.T("You sign in to read it. No account? Call us.")
	}
	if p.Neutral {
		s.From = ""
	}
	if p.Link == "" {
		return s, nil
	}
	var err error
	s.Code, err = web.NewSquare(p.Link)
	return s, err
}
