package desk

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/reach"
	"hale/internal/reach/enclosure"
	"hale/internal/reach/link"
	"hale/internal/reach/track"
)

// Tracked is what the desk needs of package track.
type Tracked interface {
	Counts(ctx context.Context, pass access.Pass, outreach string) (track.Counts, error)
}

// Proofs is what the desk needs of package link.
type Proofs interface {
	Proofs(ctx context.Context, pass access.Pass, message string) ([]link.Proof, error)
}

// Enclosures is what the desk needs of package enclosure.
type Enclosures interface {
	List(ctx context.Context, pass access.Pass, outreach string) ([]enclosure.File, error)
	Add(ctx context.Context, pass access.Pass, outreach, name string, body []byte) error
	Remove(ctx context.Context, pass access.Pass, outreach, id string) error
}

// Retracts is what the desk needs of the engine to take messages back.
type Retracts interface {
	Retract(ctx context.Context, pass access.Pass, message, reason string) error
}

// pickupRoutes are the pages about what links open and mails report.
func (d *Desk) pickupRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/outreach/{id}/edit/pickup", d.editPickup)
	page("POST /desk/outreach/{id}/edit/pickup", d.savePickup)
	page("POST /desk/outreach/{id}/edit/pickup/file", d.addFile)
	page("POST /desk/outreach/{id}/edit/pickup/file/{file}/remove", d.removeFile)
	page("GET /desk/outreach/{id}/patients/{who}/retract/{message}", d.askRetract)
	page("POST /desk/outreach/{id}/patients/{who}/retract/{message}", d.retract)
}

// trackedRow is one of the two kinds of reports, in three numbers.
type trackedRow struct {
	Label                   string
	Human, Machine, Unknown int
}

// tracked returns what mails reported; nothing where none did.
func (d *Desk) tracked(r *http.Request, pass access.Pass, id string) ([]trackedRow, error) {
	if d.Tracked == nil {
		return nil, nil
	}
	c, err := d.Tracked.Counts(r.Context(), pass, id)
	if err != nil || c == (track.Counts{}) {
		return nil, err
	}
	return []trackedRow{
		{"Mail opened", c.Opens.Human, c.Opens.Machine, c.Opens.Unknown},
		{"Link followed", c.Clicks.Human, c.Clicks.Machine, c.Clicks.Unknown},
	}, nil
}

// pickupView is the form about links and files.
type pickupView struct {
	Href, Back      string
	Off, Opens      bool
	Links, LinksErr string
	Uses, UsesErr   string
	Alone           bool
	Files           []enclosure.File
	FileErr         string
}

func (d *Desk) editPickup(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	v := pickupView{
		Off: o.Tracking.Off, Opens: o.Tracking.Opens, Links: strings.Join(o.Tracking.Links, "\n"),
		Uses: zeroBlank(o.Pickup.MaxUses), Alone: o.Pickup.Alone,
	}
	return d.showPickup(w, r, http.StatusOK, pass, o, v)
}

func (d *Desk) showPickup(w http.ResponseWriter, r *http.Request, status int, pass access.Pass, o reach.Outreach, v pickupView) (err error) {
	v.Href, v.Back = path(o.ID)+"/edit/pickup", path(o.ID)+"/edit/plan"
	if d.Enclosures != nil {
		if v.Files, err = d.Enclosures.List(r.Context(), pass, o.ID); err != nil {
			return err
		}
	}
	return d.Site.Render(w, r, status, pickupPage(d.view(r, o.Name+": links and files", "outreach"), o.Name, v))
}

// mostLinks and mostUses bound what may be set.
const (
	mostLinks = 20
	mostUses  = 100
)

func (d *Desk) savePickup(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	v := pickupView{Off: in.Get("off") == "1", Opens: in.Get("opens") == "1", Links: in.Get("links"), Uses: field(in, "uses"), Alone: in.Get("alone") == "1"}
	o.Tracking = reach.Tracking{Off: v.Off, Opens: v.Opens, Links: strings.Fields(v.Links)}
	for _, l := range o.Tracking.Links {
		if err := track.Check(l); err != nil {
			v.LinksErr = errs.Say(err)
		}
	}
	if len(o.Tracking.Links) > mostLinks {
		v.LinksErr = "At most 20 links."
	}
	o.Pickup = reach.Pickup{Alone: v.Alone}
	if v.Uses != "" {
		if o.Pickup.MaxUses, err = strconv.Atoi(v.Uses); err != nil || o.Pickup.MaxUses < 0 || o.Pickup.MaxUses > mostUses {
			v.UsesErr = "Write a number from 1 to 100, or leave it empty."
		}
	}
	if v.LinksErr+v.UsesErr != "" {
		return d.showPickup(w, r, http.StatusUnprocessableEntity, pass, o, v)
	}
	if _, err = d.Reach.Save(r.Context(), pass, o); err != nil {
		return err
	}
	http.Redirect(w, r, path(o.ID)+"/edit/pickup", http.StatusSeeOther)
	return nil
}

// addFile keeps a file with a draft.
func (d *Desk) addFile(w http.ResponseWriter, r *http.Request) error {
	d.Site.Large(w, r, intake.MaxFile+1<<16)
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	name, body, err := upload(r)
	if err == nil {
		err = d.Enclosures.Add(r.Context(), pass, o.ID, name, body)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		v := pickupView{FileErr: errs.Say(err), Off: o.Tracking.Off, Opens: o.Tracking.Opens, Links: strings.Join(o.Tracking.Links, "\n"), Uses: zeroBlank(o.Pickup.MaxUses), Alone: o.Pickup.Alone}
		return d.showPickup(w, r, http.StatusUnprocessableEntity, pass, o, v)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, path(o.ID)+"/edit/pickup", http.StatusSeeOther)
	return nil
}

var errNoFile = errs.New(errs.Invalid, "Please choose a photo or a PDF.")

// upload reads the one file of a form.
func upload(r *http.Request) (name string, body []byte, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, errNoFile.Because(err)
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return "", nil, errNoFile.Because(err)
		}
		if part.FormName() != "file" {
			continue
		}
		body, err = io.ReadAll(io.LimitReader(part, intake.MaxFile+1))
		if err == nil && len(body) == 0 {
			err = errNoFile
		}
		return part.FileName(), body, err
	}
}

func (d *Desk) removeFile(w http.ResponseWriter, r *http.Request) error {
	o, pass, err := d.draft(r)
	if err != nil {
		return err
	}
	if err := d.Enclosures.Remove(r.Context(), pass, o.ID, r.PathValue("file")); err != nil {
		return err
	}
	http.Redirect(w, r, path(o.ID)+"/edit/pickup", http.StatusSeeOther)
	return nil
}

// askRetract asks once before a message is taken back.
func (d *Desk) askRetract(w http.ResponseWriter, r *http.Request) error {
	if _, err := d.one(r, access.AnswerPatients, r.PathValue("who")); err != nil {
		return err
	}
	back := path(r.PathValue("id")) + "/patients/" + r.PathValue("who")
	return d.Site.Render(w, r, http.StatusOK, retractPage(d.view(r, "Take this message back?", "patients"), r.URL.Path, back))
}

// retract takes a message back.
func (d *Desk) retract(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.one(r, access.AnswerPatients, r.PathValue("who"))
	if err != nil {
		return err
	}
	in, err := form(r)
	if err != nil {
		return err
	}
	if err := d.Retracts.Retract(r.Context(), pass, r.PathValue("message"), field(in, "reason")); err != nil {
		return err
	}
	http.Redirect(w, r, path(r.PathValue("id"))+"/patients/"+r.PathValue("who"), http.StatusSeeOther)
	return nil
}

// proofRow is one opening of a message's link, in words.
type proofRow struct{ When, Factor, Browser, Shown, Stayed, Read string }

// proven adds what shows that a message was read, and the way to take it
// back for those who may.
func (d *Desk) proven(r *http.Request, pass access.Pass, list []reach.Content, sent []sentText) error {
	for i, c := range list {
		if d.Retracts != nil && opens(r, access.AnswerPatients) {
			sent[i].Retract = path(r.PathValue("id")) + "/patients/" + r.PathValue("who") + "/retract/" + c.Message
		}
		if d.Proofs == nil {
			continue
		}
		proofs, err := d.Proofs.Proofs(r.Context(), pass, c.Message)
		if err != nil {
			return err
		}
		for _, p := range proofs {
			sent[i].Proofs = append(sent[i].Proofs, d.proofRow(p))
		}
	}
	return nil
}

func (d *Desk) proofRow(p link.Proof) proofRow {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(d.Site.Clinic.Zone).Format("3:04:05 pm")
	}
	row := proofRow{When: d.day(p.Opened) + ", " + at(p.Opened), Shown: at(p.Revealed), Read: at(p.Read)}
	row.Factor = map[string]string{"none": "by a button", "dob": "by the date of birth", "code": "by a code sent elsewhere", "dob+code": "by date of birth and code", "device": "in a browser that was known"}[p.Factor]
	row.Browser = map[string]string{link.FirstBrowser: "the first browser", link.SameBrowser: "the same browser", link.AnotherBrowser: "another browser"}[p.Browser]
	switch {
	case !p.Dwell30.IsZero():
		row.Stayed = "30 seconds or more"
	case !p.Dwell5.IsZero():
		row.Stayed = "5 to 30 seconds"
	}
	return row
}

// times and kilobytes put numbers into words.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return count(n) + " times"
}
