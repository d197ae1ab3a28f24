package portal

import (
	"net/http"
	"time"

	"github.com/a-h/templ"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/care/patient"
	"hale/internal/face/web"
	"hale/internal/reach"
	"hale/internal/record/arrival"
)

var errNoRecord = errs.New(errs.NotFound, "There is no health record with your sign-in. If you help somebody, choose whom first.")

// sheet is what every page of the portal has.
type sheet struct {
	web.View
	Zone     *time.Location  // the patient's, else the clinic's
	Messages []reach.Content // to the patient, if the reader may see them
	Fresh    int             // threads in which the clinic wrote something new
	Fenced   bool            // there is more to see after a fresh proof
	Feeds    []arrival.Feed  // where the record comes from
	Part     access.Category // of the record, that the page is about; empty: several
	Said     map[string]said // what the patient said is wrong, by Type/id
	Slips    bool            // the clinic takes slips by a short form
	Writes   bool            // people can write to the clinic about an entry

	also map[access.Right]access.Pass // what open was asked for beside
}

// open returns the sheet of a page, and a pass for right on the patient whom
// it is about; the sheet keeps passes for what else was asked for. Looking is
// audited before anything is shown.
func (p *Portal) open(r *http.Request, right access.Right, title, tab string, also ...access.Right) (sheet, access.Pass, error) {
	subject := web.Subject(r)
	if subject == "" && web.Actor(r).ID != "" {
		return sheet{}, access.Pass{}, errNoRecord
	}
	rights := append([]access.Right{right}, also...)
	reads := p.Inbox != nil && web.Actor(r).May(access.ReadMessages, subject)
	if reads && (right != access.ReadMessages || len(also) > 0) {
		rights = append(rights, access.ReadMessages)
	}
	passes, err := p.Doors.CheckMany(r.Context(), web.Actor(r), subject, rights...)
	if err != nil {
		return sheet{}, access.Pass{}, err
	}
	s := sheet{View: p.Site.View(r, web.Lang(r).T(title), tab), Zone: p.Site.Clinic.Zone, also: map[access.Right]access.Pass{}}
	for i, right := range also {
		s.also[right] = passes[i+1]
	}
	if reads {
		if s.Messages, err = p.Inbox.Inbox(r.Context(), passes[len(passes)-1]); err != nil {
			return sheet{}, access.Pass{}, err
		}
	}
	if reads {
		s.also[access.ReadMessages] = passes[len(passes)-1]
		if s.Fresh, err = p.threadUnread(r, passes[len(passes)-1]); err != nil {
			return sheet{}, access.Pass{}, err
		}
	}
	s.View = s.WithUnread(unread(s.Messages) + s.Fresh)
	if err := p.standing(r, &s, right, passes[0]); err != nil {
		return sheet{}, access.Pass{}, err
	}
	if fenceable(right) && p.Fences != nil {
		if s.Fenced, err = p.Fences.Fenced(r.Context(), passes[0]); err != nil {
			return sheet{}, access.Pass{}, err
		}
	}
	return s, passes[0], nil
}

// fenceable says whether pages of right may leave out what wants a proof.
func fenceable(right access.Right) bool {
	return right == access.ReadRecord || right == access.ReadVisits || right == access.ReadMessages
}

// orProve returns err, or asks for a proof where what was not found may be
// there after it.
func (s sheet) orProve(err error) error {
	if s.Fenced && errs.KindOf(err) == errs.NotFound {
		return errMore.Because(err)
	}
	return err
}

func unread(list []reach.Content) int {
	n := 0
	for _, m := range list {
		if m.SeenAt.IsZero() {
			n++
		}
	}
	return n
}

// person returns whom the page is about.
func (p *Portal) person(r *http.Request, pass access.Pass) (patient.Person, error) {
	return p.People.Get(r.Context(), pass)
}

// zone returns where the person's clocks are.
func (p *Portal) zone(who patient.Person) *time.Location {
	if who.Zone != "" {
		if z, err := time.LoadLocation(who.Zone); err == nil {
			return z
		}
	}
	return p.Site.Clinic.Zone
}

// may says whether the reader may use right on the patient of the page.
func (s sheet) may(right access.Right) bool { return s.Actor.May(right, s.Patient) }

// own says whether the page is about the reader.
func (s sheet) own() bool { return s.Patient == s.Actor.Patient }

// day returns a date that may lie years back: with its year.
func (s sheet) day(t time.Time) string {
	if t.IsZero() {
		return s.T("Date not known")
	}
	return s.Lang.ShortDate(t.In(s.Zone))
}

// clock returns a date with its time.
func (s sheet) clock(t time.Time) string {
	t = t.In(s.Zone)
	return s.T("%s at %s", s.Lang.ShortDate(t), s.Lang.Clock(t))
}

// long returns the day of a visit with its time.
func (s sheet) long(t time.Time) string {
	t = t.In(s.Zone)
	day := s.Lang.Date(t)
	if t.Year() != s.Now().Year() {
		day = s.Lang.LongDate(t)
	}
	return s.T("%s, %s", day, s.Lang.Clock(t))
}

// render writes a page.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, page templ.Component) error {
	w.Header().Set("Cache-Control", "no-store")
	return p.Site.Render(w, r, http.StatusOK, page)
}

// greeting greets by the time of day where the person is.
func greeting(l lang.Lang, now time.Time, name string) string {
	switch h := now.Hour(); {
	case h >= 4 && h < 12:
		return l.T("Good morning, %s", name)
	case h >= 12 && h < 18:
		return l.T("Good afternoon, %s", name)
	}
	return l.T("Good evening, %s", name)
}
