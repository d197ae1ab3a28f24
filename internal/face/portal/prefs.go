package portal

import (
	"context"
	"net/http"
	"strconv"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/lang"
	"hale/internal/face/web"
	"hale/internal/record/release"
)

// releases is what the portal needs of package release.
type releases interface {
	Waiting(ctx context.Context, pass access.Pass) ([]release.Wait, error)
	Wishes(ctx context.Context, pass access.Pass) (map[string]int, error)
	SetWish(ctx context.Context, pass access.Pass, sort string, days int) error
	Rules() (on, off []release.Pack, sorts []release.Sort)
}

// prefsData is how a patient wants to get results.
type prefsData struct {
	Sorts []sortChoice
	Laws  []string // why some results wait whatever is chosen
	May   bool     // the reader may change it
	Done  bool
}

// sortChoice is one sort of tests and what was chosen.
type sortChoice struct {
	ID, Name, About string
	Days            int // 0: at once
}

// waitData is one line about results that wait.
type waitData struct {
	Title, Why string
	Call       bool // a call may help
}

// waitDays are how long somebody may want to wait at most.
func waitDays() []int { return []int{2, 3, 5, 7, 10, release.WishMost} }

// usualDays is how long the form proposes to wait.
const usualDays = 5

// waits says what waits, as far as a rule lets it be said. It names no test.
func (p *Portal) waits(r *http.Request, s sheet, pass access.Pass) ([]waitData, error) {
	if p.Releases == nil {
		return nil, nil
	}
	list, err := p.Releases.Waiting(r.Context(), pass)
	if err != nil {
		return nil, err
	}
	var shown []waitData
	for _, w := range list {
		at := s.long(w.Until)
		d := waitData{Title: s.T("A result is waiting. It shows here on %s at the latest.", at), Call: true}
		switch w.Rule {
		case release.ByWish:
			d.Why = s.T("You asked us to call you first about this sort of test. If you want to see it now, change your choice.")
			if !s.own() {
				d.Why = s.T("The patient asked us to call first about this sort of test.")
			}
		case release.ByClinician:
			d.Why = s.T("Your clinic wants to speak with you before you see it. Call us if you want to know more, or want somebody else to look at this again. You have a right to that.")
		default:
			d.Why = s.T(w.Reason)
		}
		shown = append(shown, d)
	}
	return shown, nil
}

// prefs shows how the patient wants to get results.
func (p *Portal) prefs(w http.ResponseWriter, r *http.Request) error {
	s, pass, err := p.open(r, access.ReadRecord, "How you get your results", "record")
	if err != nil {
		return err
	}
	if p.Releases == nil {
		return errNoPage
	}
	wishes, err := p.Releases.Wishes(r.Context(), pass)
	if err != nil {
		return err
	}
	on, _, sorts := p.Releases.Rules()
	d := prefsData{May: s.may(access.EditContacts), Done: r.URL.Query().Get("done") == "1"}
	for _, o := range sorts {
		d.Sorts = append(d.Sorts, sortChoice{ID: o.ID, Name: s.T(o.Name), About: s.T(o.About), Days: wishes[o.ID]})
	}
	for _, pack := range on {
		d.Laws = append(d.Laws, s.T(pack.Reason))
	}
	return p.render(w, r, prefsPage(s, d))
}

var errWish = errs.New(errs.Invalid, "Please choose one of the ways we offer.")

// setPrefs keeps it.
func (p *Portal) setPrefs(w http.ResponseWriter, r *http.Request) error {
	if p.Releases == nil {
		return errNoPage
	}
	pass, err := p.Doors.Check(r.Context(), web.Actor(r), access.EditContacts, web.Subject(r))
	if err != nil {
		return err
	}
	_, _, sorts := p.Releases.Rules()
	for _, o := range sorts {
		days := 0
		switch r.PostFormValue(o.ID) {
		case "now":
		case "call":
			if days, err = strconv.Atoi(r.PostFormValue(o.ID + "-days")); err != nil || days < 1 {
				return errWish
			}
		default:
			return errWish
		}
		if err := p.Releases.SetWish(r.Context(), pass, o.ID, days); err != nil {
			return err
		}
	}
	back := p.Site.View(r, "", "").Link("/results/prefs?done=1")
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// dayWords writes a number of days.
func dayWords(l lang.Lang, n int) string {
	if n == 7 {
		return l.T("1 week")
	}
	if n == 14 {
		return l.T("2 weeks")
	}
	return l.T("%d days", n)
}
