package desk

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/money"
	"hale/internal/care/price"
)

// Prices is what the desk needs of package price.
type Prices interface {
	List(ctx context.Context) ([]price.Price, error)
	Versions(ctx context.Context, pass access.Pass, service string, n int) ([]price.Price, error)
	Set(ctx context.Context, pass access.Pass, p price.Price, was int64) error
	Drop(ctx context.Context, pass access.Pass, service string, was int64) error
}

const pricesPath = "/desk/prices"

// priceRoutes are the pages of what visits cost.
func (d *Desk) priceRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	if d.Prices == nil {
		return
	}
	page("GET "+pricesPath, d.listPrices)
	page("GET "+pricesPath+"/{service}", d.showPrice)
	page("POST "+pricesPath+"/{service}", d.savePrice)
}

// priceRow is one kind of visit in the list.
type priceRow struct{ Href, Name, Sub, Sum, Chip, Tone string }

// pricesView is the list of what visits cost.
type pricesView struct {
	Rows []priceRow
	Said string
}

func (d *Desk) listPrices(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.AnswerBills)
	if err != nil {
		return err
	}
	v := pricesView{Said: map[string]string{"saved": "Saved. Patients see it from now on.", "dropped": "Taken out of the list."}[r.URL.Query().Get("note")]}
	for _, s := range d.Services {
		list, err := d.Prices.Versions(r.Context(), pass, s.Code, 1)
		if err != nil {
			return err
		}
		row := priceRow{Href: pricesPath + "/" + s.Code, Name: s.Name, Sub: "No price: patients see none", Chip: "none"}
		if len(list) > 0 && list[0].Sum.Cents > 0 {
			row.Sum, row.Sub, row.Chip, row.Tone = list[0].Sum.String(), "Holds until "+d.day(list[0].Until.Add(-1)), "shown", "good"
			if !list[0].Holds(d.now()) {
				row.Sub, row.Chip, row.Tone = "Ended: patients see none", "ended", "watch"
			}
		}
		v.Rows = append(v.Rows, row)
	}
	return d.Site.Render(w, r, http.StatusOK, pricesPage(d.view(r, "What visits cost", "bills"), v))
}

// priceView is the form of one price, and its versions.
type priceView struct {
	Code, Name, Err                                     string
	Was                                                 int64
	Amount, Until, Includes, IncludesES, Extra, ExtraES string
	Stands                                              bool
	Past                                                [][3]string
}

// pastPrices is how many versions the page lists.
const pastPrices = 20

// thePrice is the form of a price, as it stands.
func (d *Desk) thePrice(r *http.Request) (v priceView, pass access.Pass, err error) {
	if pass, err = d.all(r, access.AnswerBills); err != nil {
		return v, pass, err
	}
	s, err := d.serviceOf(r)
	if err != nil {
		return v, pass, err
	}
	list, err := d.Prices.Versions(r.Context(), pass, s.Code, pastPrices)
	if err != nil {
		return v, pass, err
	}
	v = priceView{Code: s.Code, Name: s.Name, Until: d.now().In(d.Site.Clinic.Zone).AddDate(0, 6, 0).Format(time.DateOnly)}
	names := d.namer(r)
	text := func(lines map[string][]string, tag string) string { return strings.Join(lines[tag], "\n") }
	for i, p := range list {
		if i == 0 {
			v.Was, v.Stands = p.N, p.Sum.Cents > 0
			v.Includes, v.IncludesES, v.Extra, v.ExtraES = text(p.Includes, "en"), text(p.Includes, "es"), text(p.Extra, "en"), text(p.Extra, "es")
			if v.Stands {
				v.Amount, v.Until = p.Sum.Decimal(), p.Until.In(d.Site.Clinic.Zone).Add(-1).Format(time.DateOnly)
			}
		}
		what := p.Sum.String()
		if p.Sum.Cents == 0 {
			what = "Taken out"
		}
		v.Past = append(v.Past, [3]string{d.clock(p.At), what, names.of(p.By)})
	}
	return v, pass, names.err
}

func (d *Desk) showPrice(w http.ResponseWriter, r *http.Request) error {
	v, _, err := d.thePrice(r)
	if err != nil {
		return err
	}
	return d.pricePage(w, r, http.StatusOK, v)
}

func (d *Desk) pricePage(w http.ResponseWriter, r *http.Request, status int, v priceView) error {
	return d.Site.Render(w, r, status, pricePage(d.view(r, "What it costs: "+v.Name, "bills"), v))
}

// savePrice writes a new version, or takes the price out of the list.
func (d *Desk) savePrice(w http.ResponseWriter, r *http.Request) error {
	in, err := form(r)
	if err != nil {
		return err
	}
	v, pass, err := d.thePrice(r)
	if err != nil {
		return err
	}
	was, _ := strconv.ParseInt(in.Get("was"), 10, 64)
	note := "saved"
	if in.Get("do") == "drop" {
		note, err = "dropped", d.Prices.Drop(r.Context(), pass, v.Code, was)
	} else {
		v.Amount, v.Until = cut(in.Get("amount"), 20), cut(in.Get("until"), 10)
		v.Includes, v.IncludesES, v.Extra, v.ExtraES = in.Get("includes"), in.Get("includes-es"), in.Get("extra"), in.Get("extra-es")
		p := price.Price{Service: v.Code, Title: v.Name, Includes: map[string][]string{"en": price.Lines(v.Includes), "es": price.Lines(v.IncludesES)},
			Extra: map[string][]string{"en": price.Lines(v.Extra), "es": price.Lines(v.ExtraES)}}
		if p.Sum, err = money.Typed(v.Amount, "USD"); err != nil {
			p.Sum = money.Sum{Currency: "USD"}
		}
		if day, bad := time.ParseInLocation(time.DateOnly, v.Until, d.Site.Clinic.Zone); bad == nil {
			p.Until = day.AddDate(0, 0, 1)
		}
		err = d.Prices.Set(r.Context(), pass, p, was)
	}
	if kind := errs.KindOf(err); err != nil && (kind == errs.Invalid || kind == errs.Conflict) {
		v.Err = errs.Say(err)
		return d.pricePage(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, pricesPath+"?note="+note, http.StatusSeeOther)
	return nil
}
