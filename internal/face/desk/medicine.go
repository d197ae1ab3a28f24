package desk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/medication"
	"hale/internal/care/patient"
	"hale/internal/care/problem"
	"hale/internal/care/task"
	"hale/internal/face/web"
)

// Medicines is what the desk needs to answer who wants more of a medicine.
type Medicines interface {
	Get(ctx context.Context, pass access.Pass, id string) (medication.Ask, error)
	Card(ctx context.Context, pass access.Pass, l lang.Lang, ref string) (medication.Card, error)
	Cards(ctx context.Context, pass access.Pass, l lang.Lang) ([]medication.Card, []medication.Medicine, error)
	Pharmacies(ctx context.Context, pass access.Pass) ([]medication.Pharmacy, error)
	Approve(ctx context.Context, k medication.Keys, id string, in medication.Approval) error
	Send(ctx context.Context, k medication.Keys, id, how string) error
	Ready(ctx context.Context, k medication.Keys, id string) error
	PickedUp(ctx context.Context, k medication.Keys, id string) error
	Deny(ctx context.Context, k medication.Keys, id, why string) error
	AskBack(ctx context.Context, k medication.Keys, id, question string) error
	Reject(ctx context.Context, k medication.Keys, t task.Task, why string) error
}

// Problems is what the desk needs of package problem.
type Problems interface {
	List(ctx context.Context, pass access.Pass, kind problem.Kind, n int) ([]problem.Problem, error)
}

const medicinesPath = "/desk/medicines"

// medicineRoutes adds what is done on the panel of a medicine.
func (d *Desk) medicineRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	d.readingRoutes(page)
	if d.Medicines == nil {
		return
	}
	page("GET "+medicinesPath+"/{id}/letter", d.pharmacyLetter)
	page("POST "+medicinesPath+"/{id}/approve", d.moveMedicine("approved", d.approveMedicine))
	page("POST "+medicinesPath+"/{id}/send", d.moveMedicine("sent", func(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error {
		return d.Medicines.Send(ctx, k, t.ID, in.Get("how"))
	}))
	page("POST "+medicinesPath+"/{id}/ready", d.moveMedicine("ready", func(ctx context.Context, k medication.Keys, t task.Task, _ url.Values) error {
		return d.Medicines.Ready(ctx, k, t.ID)
	}))
	page("POST "+medicinesPath+"/{id}/picked", d.moveMedicine("picked", func(ctx context.Context, k medication.Keys, t task.Task, _ url.Values) error {
		return d.Medicines.PickedUp(ctx, k, t.ID)
	}))
	page("POST "+medicinesPath+"/{id}/deny", d.moveMedicine("denied", func(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error {
		return d.Medicines.Deny(ctx, k, t.ID, in.Get("words"))
	}))
	page("POST "+medicinesPath+"/{id}/ask", d.moveMedicine("asked", func(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error {
		return d.Medicines.AskBack(ctx, k, t.ID, in.Get("words"))
	}))
	page("POST "+medicinesPath+"/{id}/reject", d.moveMedicine("rejected", func(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error {
		return d.Medicines.Reject(ctx, k, t, in.Get("words"))
	}))
}

// moveMedicine does something with the request of a page and shows it again.
func (d *Desk) moveMedicine(note string, do func(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return d.moveTask(w, r, note, func(t openedTask, in url.Values) error {
			read, err := d.one(r, access.ReadRecord, t.Patient)
			if err != nil {
				return err
			}
			return do(r.Context(), medication.Keys{Act: t.pass, Read: read}, t.Task, in)
		})
	}
}

func (d *Desk) approveMedicine(ctx context.Context, k medication.Keys, t task.Task, in url.Values) error {
	a := medication.Approval{Authorised: strings.TrimSpace(in.Get("authorised")), Note: strings.TrimSpace(in.Get("note"))}
	var err error
	if a.Refills, err = whole(in.Get("refills")); err != nil {
		return err
	}
	if a.Days, err = whole(in.Get("days")); err != nil {
		return err
	}
	return d.Medicines.Approve(ctx, k, t.ID, a)
}

var errWhole = errs.New(errs.Invalid, "Refills and days are whole numbers.")

// whole reads a number that may be left out.
func whole(text string) (int, error) {
	if text = strings.TrimSpace(text); text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errWhole.Because(err)
	}
	return n, nil
}

// medicinePanel is what a nurse needs to know, and can do, about a request
// for more of a medicine, or about a medicine that a patient told of.
type medicinePanel struct {
	Task     task.Task
	Ask      medication.Ask
	Card     medication.Card // zero where the medicine is none of the record
	Known    bool
	Told     bool // the patient tells of it, and wants nothing
	Pharmacy medication.Pharmacy
	Others   []medication.Card
	Allergic []string
	Visit    string
	Facts    [][2]string
	Said     string
	Refills  string
}

// panelOfMedicine makes the panel of a task about a medicine.
func (d *Desk) panelOfMedicine(r *http.Request, pass access.Pass, t task.Task) (panel, error) {
	if d.Medicines == nil {
		return panel{}, nil
	}
	v := medicinePanel{Task: t, Told: t.Values["told"] != "", Said: medicineSaid(r.URL.Query().Get("note"))}
	ctx := r.Context()
	passes, err := d.Doors.CheckMany(ctx, web.Actor(r), t.Patient, access.ReadRecord, access.ReadVisits)
	if err != nil {
		return panel{}, err
	}
	read := passes[0]
	if v.Ask, err = d.Medicines.Get(ctx, pass, t.ID); err != nil && errs.KindOf(err) != errs.NotFound {
		return panel{}, err
	}
	if t.Focus != "" {
		v.Card, err = d.Medicines.Card(ctx, read, lang.English, t.Focus)
		if v.Known = err == nil; err != nil && errs.KindOf(err) != errs.NotFound {
			return panel{}, err
		}
	}
	if err := d.around(r, read, passes[1], &v); err != nil {
		return panel{}, err
	}
	v.fill(d)
	return panel{Body: medicineBody(v), Answers: v.open() && v.Ask.Way != medication.Question}, nil
}

// around reads what else matters: other medicines, allergies, the last visit.
func (d *Desk) around(r *http.Request, read, visits access.Pass, v *medicinePanel) error {
	cards, _, err := d.Medicines.Cards(r.Context(), read, lang.English)
	if err != nil {
		return err
	}
	for _, c := range cards {
		if c.Ref() != v.Task.Focus {
			v.Others = append(v.Others, c)
		}
	}
	shops, err := d.Medicines.Pharmacies(r.Context(), read)
	if err != nil {
		return err
	}
	for _, s := range shops {
		if s.Ref == v.Ask.Pharmacy {
			v.Pharmacy = s
		}
	}
	list, err := d.Problems.List(r.Context(), read, problem.Allergy, 50)
	if err != nil {
		return err
	}
	for _, a := range list {
		if !a.Over() {
			words := a.Name
			if a.Detail != "" {
				words += " (" + a.Detail + ")"
			}
			v.Allergic = append(v.Allergic, words)
		}
	}
	past, err := d.Visits.Past(r.Context(), visits, 1)
	if err == nil && len(past) > 0 {
		v.Visit = d.day(past[0].Start) + ", " + past[0].Title
	}
	return err
}

// fill writes the facts of the medicine down, line by line.
func (v *medicinePanel) fill(d *Desk) {
	add := func(name, text string) {
		if text != "" {
			v.Facts = append(v.Facts, [2]string{name, text})
		}
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return d.day(t)
	}
	u := v.Card.Supply
	if v.Known {
		add("Medicine", v.Card.Name)
		add("How to take it", v.Card.Sig.Words)
		add("What it is for", v.Card.Why)
		add("Status", v.Card.Status)
		add("Prescribed by", v.Card.Prescriber)
		add("Written on", day(v.Card.Authored))
		add("Good until", day(u.ValidUntil))
		add("Last filled", day(u.LastFilled))
		add("Lasts until", day(u.Until))
		if u.Left >= 0 {
			add("Refills left", strconv.Itoa(u.Left)+" of "+strconv.Itoa(u.Allowed)+counting(u))
		}
		if s := medication.Schedule(v.Card.Name); s != "" {
			add("Controlled", "Schedule "+s)
		}
	}
	if v.Ask.Task.ID != "" {
		add("It is a", wayName(v.Ask))
		add("Pharmacy", strings.TrimSuffix(v.Ask.PharmacyName+", "+v.Pharmacy.Address, ", "))
		add("Phone", web.Phone(v.Pharmacy.Phone))
		if v.Ask.Pharmacy == "" && v.Ask.PharmacyName != "" {
			add("Note", "The patient typed this pharmacy in. It is none of those on record.")
		}
	}
	allergies := strings.Join(v.Allergic, "; ")
	if allergies == "" {
		allergies = "None on record"
	}
	add("Allergies", allergies)
	add("Last visit", v.Visit)
	v.Refills = strconv.Itoa(max(u.Allowed, 0))
}

func counting(u medication.Supply) string {
	if u.Counted {
		return ""
	}
	return ", as far as we know: nobody told us of a fill"
}

// wayName says what a request is, and why.
func wayName(a medication.Ask) string {
	why := map[medication.Because]string{
		medication.Left: "refills are left", medication.NoneLeft: "no refills are left", medication.Expired: "the prescription is too old",
		medication.NotSaid: "the record does not say how many refills are left", medication.Stopped: "the record says that it was stopped",
		medication.Held: "it is on hold", medication.Controlled: "it is a controlled substance", medication.Elsewhere: "nobody here prescribed it",
		medication.Unclear: "the record does not say enough",
	}[a.Because]
	return string(a.Way) + ": " + why
}

// open says whether something can still be decided on the panel.
func (v medicinePanel) open() bool { return v.Task.Status.Open() && v.Ask.Task.ID != "" }

// decides says whether yes or no is to be said now.
func (v medicinePanel) decides() bool {
	return v.open() && v.Ask.Stage == medication.Asked && v.Known && !v.Card.Reported
}

// writes says whether yes means a new prescription.
func (v medicinePanel) writes() bool { return v.Ask.Way != medication.Refill }

func medicineSaid(note string) string {
	switch note {
	case "approved":
		return "Approved. The patient is told. Send it to the pharmacy next."
	case "sent":
		return "Noted that the pharmacy has it. The patient is told."
	case "ready":
		return "Ready. The patient is told to pick it up."
	case "picked":
		return "Picked up. The request is closed."
	case "denied":
		return "Not approved. The patient reads why."
	case "asked":
		return "The patient reads your question. The request is back when they answer."
	case "rejected":
		return "Struck out. The patient reads why."
	}
	return ""
}

// howWords are the ways to tell a pharmacy.
func howWords(how string) string {
	switch how {
	case "phone":
		return "I called the pharmacy"
	case "fax":
		return "I faxed the letter"
	case "paper":
		return "The patient takes the letter along"
	case "own":
		return "I sent it by another system"
	}
	return how
}

// letterData is the letter to a pharmacy.
type letterData struct {
	Clinic web.Clinic
	Who    patient.Person
	Panel  medicinePanel
	Day    string
	Back   string
}

// pharmacyLetter is the letter to a pharmacy, to print or to fax: there is no
// network for prescriptions here.
func (d *Desk) pharmacyLetter(w http.ResponseWriter, r *http.Request) error {
	t, err := d.taskOf(r)
	if err != nil {
		return err
	}
	read, err := d.one(r, access.ReadRecord, t.Patient)
	if err != nil {
		return err
	}
	v := medicinePanel{Task: t.Task}
	if v.Ask, err = d.Medicines.Get(r.Context(), t.pass, t.ID); err != nil {
		return err
	}
	if v.Ask.Request == "" {
		return errNowhere
	}
	if v.Card, err = d.Medicines.Card(r.Context(), read, lang.English, "MedicationRequest/"+v.Ask.Request); err != nil {
		return err
	}
	shops, err := d.Medicines.Pharmacies(r.Context(), read)
	if err != nil {
		return err
	}
	for _, s := range shops {
		if s.Ref == v.Ask.Pharmacy {
			v.Pharmacy = s
		}
	}
	data := letterData{Clinic: d.Site.Clinic, Who: t.who, Panel: v, Day: d.day(d.Site.Now()), Back: queuePath + "/" + t.ID}
	w.Header().Set("Cache-Control", "no-store")
	return d.Site.Render(w, r, http.StatusOK, medicineLetterPage(d.view(r, "Letter to the pharmacy", "queue"), data))
}
