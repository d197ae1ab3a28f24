package portal

import (
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/medication"
	"hale/internal/care/task"
)

// moreData is the page on which somebody asks for more of a medicine.
type moreData struct {
	Card       medication.Card
	Free       bool // about a medicine that is not in the record
	Team       string
	Due        time.Time
	Pharmacies []medication.Pharmacy // the reader's own first
	In         medication.More
	Problem    string
}

// moreAsk says what happens when somebody asks for more, and asks for the
// pharmacy. Without a medicine it asks which.
func (p *Portal) moreAsk(w http.ResponseWriter, r *http.Request) error {
	ref := r.URL.Query().Get("m")
	if ref == "" {
		return p.moreWhich(w, r)
	}
	s, pass, err := p.open(r, access.ReadRecord, "I need more of this", "record", access.AskMedicines)
	if err != nil {
		return err
	}
	asked, err := p.Supplies.Requests(r.Context(), pass, askedMost)
	if err != nil {
		return err
	}
	for _, a := range asked {
		if a.Medicine == ref && a.Task.Status.Open() { // it is on its way
			http.Redirect(w, r, s.Link("/health/medicines/requests/"+a.Task.ID), http.StatusSeeOther)
			return nil
		}
	}
	d, err := p.moreForm(r, s, pass, medication.More{Medicine: ref})
	if err != nil {
		return s.orProve(err)
	}
	return p.render(w, r, needPage(s, d))
}

// other stands for a medicine that is not in the record.
const other = "other"

// moreForm fills the page in.
func (p *Portal) moreForm(r *http.Request, s sheet, pass access.Pass, in medication.More) (d moreData, err error) {
	d.In, d.Free = in, in.Medicine == other || in.Medicine == ""
	d.Card = medication.Card{Way: medication.Question, Because: medication.Elsewhere}
	if !d.Free {
		if d.Card, err = p.Supplies.Card(r.Context(), pass, s.Lang, in.Medicine); err != nil {
			return d, err
		}
		d.In.Medicine = d.Card.Ref()
	}
	if d.Pharmacies, err = p.Supplies.Pharmacies(r.Context(), pass); err != nil {
		return d, err
	}
	if d.In.Pharmacy == "" {
		d.In.Pharmacy = d.Card.Supply.Pharmacy
		if d.In.Pharmacy == "" && len(d.Pharmacies) > 0 && d.Pharmacies[0].Mine {
			d.In.Pharmacy = d.Pharmacies[0].Ref
		}
	}
	d.Team, d.Due, err = p.Tasks.Promise(r.Context(), d.Card.Way.Kind())
	return d, err
}

// moreWhich asks which medicine it is about.
func (p *Portal) moreWhich(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openMedicines(r, "Which medicine do you need?")
	if err != nil {
		return err
	}
	if d.Now, _, err = p.Supplies.Cards(r.Context(), pass, s.Lang); err != nil {
		return err
	}
	return p.render(w, r, whichPage(s, d))
}

// moreSay asks the clinic.
func (p *Portal) moreSay(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "I need more of this")
	if err != nil {
		return err
	}
	f := r.PostForm
	in := medication.More{Medicine: f.Get("m"), Name: f.Get("name"), Pharmacy: f.Get("pharmacy"), Told: f.Get("told"), Note: f.Get("note")}
	if in.Medicine == other {
		in.Medicine = ""
	}
	a, err := p.Supplies.Ask(r.Context(), k, in)
	if says, code := sayable(s, err); says != "" {
		d, err := p.moreForm(r, s, k.Read, in)
		if err != nil {
			return err
		}
		d.Problem = says
		return p.Site.Render(w, r, code, needPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/health/medicines/requests/"+a.Task.ID+"?done=asked"), http.StatusSeeOther)
	return nil
}

// sayable returns what a form says about an error that its reader can mend.
func sayable(s sheet, err error) (says string, code int) {
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany) {
		return s.T(errs.Say(err)), statusOf(kind)
	}
	return "", 0
}

// stateData is the page on which a request for more is followed.
type stateData struct {
	Ask      medication.Ask
	Pharmacy medication.Pharmacy
	Words    string // what the reader answered, to be sent again
	Done     string
	Problem  string
}

// moreState shows how far a request is.
func (p *Portal) moreState(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "Your request", "record")
	if err != nil {
		return err
	}
	d := stateData{Done: r.URL.Query().Get("done")}
	if d.Ask, err = p.Supplies.Get(r.Context(), pass, r.PathValue("id")); err != nil {
		return s.orProve(err)
	}
	return p.showState(w, r, s, pass, d, http.StatusOK)
}

func (p *Portal) showState(w http.ResponseWriter, r *http.Request, s sheet, pass access.Pass, d stateData, code int) error {
	list, err := p.Supplies.Pharmacies(r.Context(), pass)
	if err != nil {
		return err
	}
	for _, one := range list {
		if one.Ref == d.Ask.Pharmacy {
			d.Pharmacy = one
		}
	}
	s.Title = stateHead(s, d)
	w.Header().Set("Cache-Control", "no-store")
	return p.Site.Render(w, r, code, statePage(s, d))
}

// moreReply answers what the clinic asked.
func (p *Portal) moreReply(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "Your request")
	if err != nil {
		return err
	}
	id, words := r.PathValue("id"), strings.TrimSpace(r.PostForm.Get("words"))
	err = p.Supplies.Reply(r.Context(), k, id, words)
	if says, code := sayable(s, err); says != "" {
		a, err := p.Supplies.Get(r.Context(), k.Read, id)
		if err != nil {
			return err
		}
		return p.showState(w, r, s, k.Read, stateData{Ask: a, Words: words, Problem: says}, code)
	}
	return p.moved(w, r, s, err, id, "replied")
}

// moreHave notes that somebody has the medicine.
func (p *Portal) moreHave(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "Your request")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	return p.moved(w, r, s, p.Supplies.Have(r.Context(), k, id), id, "have")
}

// moreCancel takes a request back.
func (p *Portal) moreCancel(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "Your request")
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	return p.moved(w, r, s, p.Supplies.Withdraw(r.Context(), k, id), id, "cancelled")
}

// moved leads back to a request that was changed. One that somebody else had
// changed before shows as it is now.
func (p *Portal) moved(w http.ResponseWriter, r *http.Request, s sheet, err error, id, done string) error {
	if err != nil && errs.KindOf(err) != errs.Conflict {
		return err
	}
	if err != nil {
		done = ""
	}
	http.Redirect(w, r, s.Link("/health/medicines/requests/"+id+"?done="+done), http.StatusSeeOther)
	return nil
}

// overThere says where a task about a medicine has a page of its own.
func (p *Portal) overThere(r *http.Request, s sheet, pass access.Pass, t task.Task) (string, error) {
	if p.Supplies == nil || t.Kind != task.Refill && t.Kind != task.Renewal && t.Kind != task.MedicineQuestion {
		return "", nil
	}
	_, err := p.Supplies.Get(r.Context(), pass, t.ID)
	if errs.KindOf(err) == errs.NotFound {
		return "", nil // what somebody told of a medicine
	}
	return s.Link("/health/medicines/requests/" + t.ID), err
}
