package desk

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/disclosure"
)

// Disclosures is what the desk needs of package disclosure.
type Disclosures interface {
	Of(ctx context.Context, pass access.Pass) ([]disclosure.Entry, error)
	Note(ctx context.Context, pass access.Pass, e disclosure.Entry) error
	Void(ctx context.Context, pass access.Pass, id, why string) error
	Whose(ctx context.Context, id string) (string, error)
	TakenOf(ctx context.Context, pass access.Pass, n int) ([]disclosure.Taken, error)
}

// disclosureRoutes are the pages of the ledger of disclosures.
func (d *Desk) disclosureRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/patients/{id}/disclosures", d.showDisclosures)
	page("POST /desk/patients/{id}/disclosures", d.noteDisclosure)
	page("GET /desk/patients/{id}/disclosures.csv", d.exportDisclosures)
	page("POST /desk/disclosures/{id}/void", d.voidDisclosure)
}

// disclosureRow is one entry of the ledger, in words.
type disclosureRow struct {
	ID, When, Recipient, Address, What, Purpose, Basis string
	Silent, Void                                       string
}

// disclosuresView is one patient's ledger.
type disclosuresView struct {
	Name, Patient, Said, Err, Day string
	Rows                          []disclosureRow
	Taken                         []takenRow
	In                            url.Values
}

func (d *Desk) showDisclosures(w http.ResponseWriter, r *http.Request) error {
	said := map[string]string{"noted": "It is in the ledger.", "void": "The entry is void. It stays, and is counted no more."}[r.URL.Query().Get("note")]
	return d.renderDisclosures(w, r, http.StatusOK, said, "", url.Values{})
}

func (d *Desk) renderDisclosures(w http.ResponseWriter, r *http.Request, status int, said, problem string, in url.Values) error {
	patient := r.PathValue("id")
	pass, err := d.one(r, access.AnswerPrivacy, patient)
	if err != nil {
		return err
	}
	v := disclosuresView{Patient: patient, Said: said, Err: problem, In: in, Day: d.now().Format(time.DateOnly)}
	if v.Name, err = d.nameOf(r, patient); err != nil {
		return err
	}
	if v.Rows, err = d.ledger(r, pass); err != nil {
		return err
	}
	if v.Taken, err = d.taken(r, pass); err != nil {
		return err
	}
	return d.Site.Render(w, r, status, disclosuresPage(d.view(r, "Disclosures of "+v.Name, "patients"), v))
}

// takenRow is one line of what people took of a record themselves, in words.
type takenRow struct{ When, Who, What, Recipient string }

// taken says who viewed, saved or sent the whole record, the newest first.
//
// Spec: 45 CFR 170.315(e)(1)(ii)
func (d *Desk) taken(r *http.Request, pass access.Pass) ([]takenRow, error) {
	list, err := d.Given.TakenOf(r.Context(), pass, 100)
	if err != nil {
		return nil, err
	}
	did := map[disclosure.Did]string{disclosure.Viewed: "Viewed", disclosure.Downloaded: "Downloaded", disclosure.Sent: "Sent", disclosure.OpenedBy: "A link was opened"}
	var rows []takenRow
	for _, t := range list {
		what := did[t.Did] + " (" + t.Form + ")"
		if t.What != "" {
			what += ", " + t.What
		}
		if t.Plainly {
			what += ", without a code by their own choice"
		}
		who := t.Name
		if who == "" {
			who = string(t.Kind)
		}
		rows = append(rows, takenRow{t.At.In(d.Site.Clinic.Zone).Format("Jan 2, 2006 15:04"), who, what, t.Recipient})
	}
	return rows, nil
}

func (d *Desk) ledger(r *http.Request, pass access.Pass) ([]disclosureRow, error) {
	list, err := d.Given.Of(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	var rows []disclosureRow
	for _, e := range list {
		row := disclosureRow{ID: e.ID, When: e.At.In(d.Site.Clinic.Zone).Format("Jan 2, 2006"), Recipient: e.Recipient, Address: e.Address, What: e.What, Purpose: e.Purpose,
			Basis: lawWord(e.Basis), Void: e.VoidWhy}
		if e.Silent(d.now()) {
			row.Silent = "Not told to the patient before " + d.day(e.SilentUntil) + ", for " + e.SilentFor
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// lawWord says why the law allows a disclosure.
func lawWord(b disclosure.Basis) string {
	words := map[disclosure.Basis]string{
		disclosure.PublicHealth: "Public health, 164.512(b)", disclosure.RequiredByLaw: "Required by law, 164.512(a)", disclosure.Court: "Court or subpoena, 164.512(e)",
		disclosure.LawEnforcement: "Law enforcement, 164.512(f)", disclosure.Oversight: "Health oversight, 164.512(d)", disclosure.Abuse: "Abuse or neglect, 164.512(c)",
		disclosure.Threat: "Serious threat, 164.512(j)", disclosure.Decedent: "Coroner or funeral, 164.512(g)", disclosure.Research: "Research without authorization, 164.512(i)",
		disclosure.Government: "Government function, 164.512(k)", disclosure.WorkersComp: "Workers’ compensation, 164.512(l)", disclosure.InError: "Made in error",
	}
	return words[b]
}

func (d *Desk) noteDisclosure(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.AnswerPrivacy, r.PathValue("id"))
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	e := disclosure.Entry{Recipient: in.Get("recipient"), Address: in.Get("address"), What: in.Get("what"), Purpose: in.Get("purpose"), Basis: disclosure.Basis(in.Get("basis")),
		Plan: in.Get("plan") != "", SilentFor: in.Get("silent")}
	day, dayErr := time.ParseInLocation(time.DateOnly, in.Get("day"), d.Site.Clinic.Zone)
	if e.At = day; dayErr != nil {
		e.At = d.now().AddDate(1, 0, 0) // refused as no day
	}
	if until, err := time.ParseInLocation(time.DateOnly, in.Get("until"), d.Site.Clinic.Zone); err == nil {
		e.SilentUntil = until
	}
	err = d.Given.Note(r.Context(), pass, e)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Forbidden) {
		return d.renderDisclosures(w, r, http.StatusUnprocessableEntity, "", errs.Say(err), in)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+r.PathValue("id")+"/disclosures?note=noted", http.StatusSeeOther)
	return nil
}

func (d *Desk) voidDisclosure(w http.ResponseWriter, r *http.Request) error {
	patient, err := d.Given.Whose(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	pass, err := d.one(r, access.AnswerPrivacy, patient)
	if err != nil {
		return err
	}
	if err := d.Given.Void(r.Context(), pass, r.PathValue("id"), r.PostFormValue("why")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/patients/"+patient+"/disclosures?note=void", http.StatusSeeOther)
	return nil
}

// exportDisclosures is the accounting as the patient gets it: without what is
// void, and without what must be kept silent.
func (d *Desk) exportDisclosures(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.AnswerPrivacy, r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := d.ledger(r, pass)
	if err != nil {
		return err
	}
	rows := [][]string{{"Date", "Recipient", "Address", "What", "Purpose", "Basis"}}
	for _, e := range list {
		if e.Void == "" && e.Silent == "" {
			rows = append(rows, []string{e.When, e.Recipient, e.Address, e.What, e.Purpose, e.Basis})
		}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="disclosures.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	return writeSheet(w, rows)
}
