package portal

import (
	"context"
	"net/http"
	"slices"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/care/price"
	"hale/internal/care/task"
	"hale/internal/care/visit"
	"hale/internal/face/web"
)

// Prices is what the portal needs of package price.
type Prices interface {
	List(ctx context.Context) ([]price.Price, error)
	Of(ctx context.Context, service string) (price.Price, error)
}

// estimateRoutes are the pages of what a visit costs.
func (p *Portal) estimateRoutes(both func(method, path string, h handler)) {
	if p.Prices == nil || p.Tasks == nil {
		return
	}
	see := func(h handler) handler { return p.shared(access.Bills, access.PayBills, h) }
	both("GET", "/estimates", see(p.estimates))
	both("POST", "/estimates", see(p.askEstimate))
}

// estimatesData is what visits cost.
type estimatesData struct {
	Coming  []visitPrice // of visits that are booked
	List    []price.Price
	Words   string
	Chosen  string
	Problem string
}

// visitPrice is a visit that is booked and what it costs; no cents where the
// clinic names no price.
type visitPrice struct {
	Visit visit.Visit
	Price price.Price
}

func (p *Portal) openEstimates(r *http.Request) (s sheet, pass access.Pass, d estimatesData, err error) {
	var also []access.Right
	if web.Actor(r).May(access.ReadVisits, web.Subject(r)) {
		also = append(also, access.ReadVisits)
	}
	if s, pass, err = p.open(r, access.PayBills, "What a visit costs", "more", also...); err != nil {
		return s, pass, d, err
	}
	if d.List, err = p.Prices.List(r.Context()); err != nil {
		return s, pass, d, err
	}
	visits, ok := s.also[access.ReadVisits]
	if !ok {
		return s, pass, d, nil
	}
	coming, err := p.Visits.Upcoming(r.Context(), visits, 20)
	for _, v := range coming {
		i := slices.IndexFunc(d.List, func(x price.Price) bool { return x.Service == v.Service })
		if i >= 0 && v.Open(s.Now()) {
			d.Coming = append(d.Coming, visitPrice{v, d.List[i]})
		}
	}
	return s, pass, d, err
}

// estimates shows what visits cost before anybody goes to one.
func (p *Portal) estimates(w http.ResponseWriter, r *http.Request) error {
	s, _, d, err := p.openEstimates(r)
	if err != nil {
		return err
	}
	d.Chosen = r.URL.Query().Get("service")
	return p.render(w, r, estimatesPage(s, d))
}

// askEstimate asks the billing office what the patient would pay.
func (p *Portal) askEstimate(w http.ResponseWriter, r *http.Request) error {
	s, pass, d, err := p.openEstimates(r)
	if err != nil {
		return err
	}
	d.Chosen, d.Words = r.FormValue("service"), typedText(r.FormValue("words"), 2000)
	in := task.New{Kind: task.Bill, Title: "What will my visit cost?", Text: d.Words, Values: map[string]string{"reason": "estimate"}}
	i := slices.IndexFunc(d.List, func(x price.Price) bool { return x.Service == d.Chosen })
	switch {
	case i >= 0:
		in.Values["kind of visit"], in.Values["price without insurance"] = d.List[i].Title, d.List[i].Sum.String()
	case d.Chosen != "other":
		d.Problem = s.T("Please choose a kind of visit.")
		return p.Site.Render(w, r, http.StatusUnprocessableEntity, estimatesPage(s, d))
	}
	if at := slices.IndexFunc(d.Coming, func(v visitPrice) bool { return v.Price.Service == d.Chosen }); at >= 0 {
		in.Focus = "Appointment/" + d.Coming[at].Visit.ID
	}
	t, err := p.Tasks.Ask(r.Context(), pass, in)
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.TooMany || kind == errs.Conflict) {
		d.Problem = s.T(errs.Say(err))
		return p.Site.Render(w, r, statusOf(kind), estimatesPage(s, d))
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, s.Link("/requests/"+t.ID+"?done=asked"), http.StatusSeeOther)
	return nil
}

// costs is what a kind of visit costs; nothing where the clinic names no
// price.
func (p *Portal) costs(r *http.Request, service string) (price.Price, error) {
	if p.Prices == nil {
		return price.Price{}, nil
	}
	return p.Prices.Of(r.Context(), service)
}
