package portal

import (
	"context"
	"net/http"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/lang"
	"hale/internal/care/medication"
	"hale/internal/care/problem"
	"hale/internal/care/task"
)

// Supplies is what the portal needs to tell how much of a medicine there is,
// and to get more of it.
type Supplies interface {
	Cards(ctx context.Context, pass access.Pass, l lang.Lang) ([]medication.Card, []medication.Medicine, error)
	Card(ctx context.Context, pass access.Pass, l lang.Lang, ref string) (medication.Card, error)
	Pharmacies(ctx context.Context, pass access.Pass) ([]medication.Pharmacy, error)
	Ask(ctx context.Context, k medication.Keys, in medication.More) (medication.Ask, error)
	Get(ctx context.Context, pass access.Pass, id string) (medication.Ask, error)
	Requests(ctx context.Context, pass access.Pass, n int) ([]medication.Ask, error)
	Reply(ctx context.Context, k medication.Keys, id, words string) error
	Withdraw(ctx context.Context, k medication.Keys, id string) error
	Have(ctx context.Context, k medication.Keys, id string) error
	Report(ctx context.Context, k medication.Keys, in medication.Reported) (string, error)
	Stop(ctx context.Context, k medication.Keys, id string) error
}

// medicineRoutes adds the pages about medicines.
func (p *Portal) medicineRoutes(both func(method, path string, h handler)) {
	if p.Supplies == nil {
		return
	}
	see := func(h handler) handler { return p.shared(access.Medicines, access.ReadRecord, h) }
	both("GET", "/health/medicines", see(p.medicineList))
	both("GET", "/health/medicines/card", see(p.medicineCard))
	both("GET", "/health/medicines/{id}", see(p.medicine))
	if p.Tasks == nil {
		return
	}
	both("GET", "/health/medicines/add", see(p.addAsk))
	both("POST", "/health/medicines/add", see(p.addSay))
	both("POST", "/health/medicines/{id}/stop", see(p.stopped))
	both("GET", "/health/medicines/more", see(p.moreAsk))
	both("POST", "/health/medicines/more", see(p.moreSay))
	both("GET", "/health/medicines/requests/{id}", see(p.moreState))
	both("POST", "/health/medicines/requests/{id}/reply", see(p.moreReply))
	both("POST", "/health/medicines/requests/{id}/have", see(p.moreHave))
	both("POST", "/health/medicines/requests/{id}/cancel", see(p.moreCancel))
}

// medicinesData is what the list of medicines shows.
type medicinesData struct {
	Now        []medication.Card
	Past       []medication.Medicine
	Asked      map[string]medication.Ask // the open or last request, by Type/id
	Told       map[string]task.Task      // what the patient told and the staff looks at, by Type/id
	Pharmacies map[string]medication.Pharmacy
	Updated    time.Time
	Done       string
}

// openMedicines opens a page about medicines.
func (p *Portal) openMedicines(r *http.Request, title string) (sheet, access.Pass, medicinesData, error) {
	s, pass, who, err := p.openPart(r, access.Medicines, title)
	d := medicinesData{Updated: who.Updated, Asked: map[string]medication.Ask{}, Told: map[string]task.Task{}, Pharmacies: map[string]medication.Pharmacy{}}
	if err != nil || p.Tasks == nil {
		return s, pass, d, err
	}
	asked, err := p.Supplies.Requests(r.Context(), pass, askedMost)
	if err != nil {
		return s, pass, d, err
	}
	for _, a := range asked {
		if _, ok := d.Asked[a.Medicine]; !ok && a.Medicine != "" && p.news(a.Task) {
			d.Asked[a.Medicine] = a
		}
	}
	told, err := p.Tasks.Mine(r.Context(), pass, askedMost)
	if err != nil {
		return s, pass, d, err
	}
	for _, t := range told {
		if _, ok := d.Told[t.Focus]; !ok && t.Kind == task.MedicineQuestion && strings.HasPrefix(t.Focus, "MedicationStatement/") {
			d.Told[t.Focus] = t
		}
	}
	list, err := p.Supplies.Pharmacies(r.Context(), pass)
	for _, one := range list {
		d.Pharmacies[one.Ref] = one
	}
	return s, pass, d, err
}

// news says whether a request is open, or was answered lately.
func (p *Portal) news(t task.Task) bool {
	return t.Status.Open() || t.Status != task.Cancelled && p.Now().Sub(t.Closed) < askedNews
}

// medicineList lists medicines, those to take now first.
func (p *Portal) medicineList(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openMedicines(r, "Medicines")
	if err != nil {
		return err
	}
	if d.Now, d.Past, err = p.Supplies.Cards(r.Context(), pass, s.Lang); err != nil {
		return err
	}
	if at := medication.Newest(d.Now, d.Past); !at.IsZero() {
		d.Updated = at
	}
	return p.render(w, r, medicinesPage(s, d))
}

// medicine is one medicine with all that is known of it.
func (p *Portal) medicine(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openMedicines(r, "Medicine")
	if err != nil {
		return err
	}
	c, err := p.Supplies.Card(r.Context(), pass, s.Lang, r.PathValue("id"))
	if err != nil {
		return s.orProve(err)
	}
	s.Title, d.Done, d.Updated = c.Name, r.URL.Query().Get("done"), c.Updated
	return p.render(w, r, medicinePage(s, c, d))
}

// walletData is a list of medicines for the wallet.
type walletData struct {
	Name, Born string
	Now        []medication.Card
	Allergies  []problem.Problem
	Hidden     bool // the reader does not see the allergies
}

// medicineCard is the list to print and to carry along.
func (p *Portal) medicineCard(w http.ResponseWriter, r *http.Request) error {
	s, pass, who, err := p.openPart(r, access.Medicines, "Medicine list to carry along")
	if err != nil {
		return err
	}
	d := walletData{Name: who.Full, Born: born(s, who.Born), Hidden: !s.sees(access.Conditions)}
	if d.Now, _, err = p.Supplies.Cards(r.Context(), pass, s.Lang); err != nil {
		return err
	}
	list, err := p.Problems.List(r.Context(), pass, problem.Allergy, 20)
	if err != nil {
		return err
	}
	for _, a := range list {
		if !a.Over() {
			d.Allergies = append(d.Allergies, a)
		}
	}
	return p.render(w, r, walletPage(s, d))
}

// addData is the form of a medicine that the patient tells of.
type addData struct {
	In      medication.Reported
	Problem string
}

// addAsk asks what else somebody takes.
func (p *Portal) addAsk(w http.ResponseWriter, r *http.Request) error {
	s, _, err := p.open(r, access.AskMedicines, "I also take something", "record")
	if err != nil {
		return err
	}
	return p.render(w, r, addPage(s, addData{}))
}

// addSay takes it down.
func (p *Portal) addSay(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "I also take something")
	if err != nil {
		return err
	}
	f := r.PostForm
	d := addData{In: medication.Reported{Name: f.Get("name"), Sig: f.Get("sig"), Why: f.Get("why"), Since: f.Get("since"), Stopped: f.Get("stopped") != ""}}
	id, err := p.Supplies.Report(r.Context(), k, d.In)
	if says, code := sayable(s, err); says != "" {
		d.Problem = says
		return p.Site.Render(w, r, code, addPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/health/medicines/"+id+"?done=told"), http.StatusSeeOther)
	return nil
}

// stopped notes that somebody no longer takes what they told of.
func (p *Portal) stopped(w http.ResponseWriter, r *http.Request) error {
	s, k, err := p.keys(r, "Medicine")
	if err != nil {
		return err
	}
	if err := p.Supplies.Stop(r.Context(), k, r.PathValue("id")); err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/health/medicines/"+r.PathValue("id")+"?done=stopped"), http.StatusSeeOther)
	return nil
}

// keys returns what somebody needs to do something about medicines.
func (p *Portal) keys(r *http.Request, title string) (sheet, medication.Keys, error) {
	s, read, err := p.open(r, access.ReadRecord, title, "record", access.AskMedicines)
	if err != nil {
		return s, medication.Keys{}, err
	}
	return s, medication.Keys{Act: s.also[access.AskMedicines], Read: read}, r.ParseForm()
}
