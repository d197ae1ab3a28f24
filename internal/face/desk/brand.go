package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/clinic"
)

// Describes is what the desk needs of package clinic.
type Describes interface {
	Now() clinic.Version
	Save(ctx context.Context, pass access.Pass, was int64, in clinic.Settings) (clinic.Version, error)
	History(ctx context.Context, pass access.Pass, n int) ([]clinic.Version, error)
}

// brandView is what the clinic says about itself, as it stands in the form.
type brandView struct {
	Err, Said string
	Was       int64
	clinic.Settings
	Hex     string
	Own     bool // the clinic has a colour of its own
	Days    []brandDay
	History []brandRow
	Logo    bool

	ByCountry bool // the clinic's country is one that measures in metric units
}

// brandDay is one weekday's hours; four empty fields are a closed day.
type brandDay struct {
	Key, Name            string
	From, To, From2, To2 string
}

// brandRow is an older version.
type brandRow struct {
	N    int64
	What string
	When string
	By   string
	Now  bool
}

// brandRoutes are the pages about the clinic itself.
func (d *Desk) brandRoutes(page func(string, func(http.ResponseWriter, *http.Request) error)) {
	page("GET /desk/brand", d.askBrand)
	page("POST /desk/brand", d.setBrand)
	page("POST /desk/brand/{n}/restore", d.restoreBrand)
}

// pastBrands is how many versions the page lists.
const pastBrands = 20

// askBrand shows what the clinic says.
func (d *Desk) askBrand(w http.ResponseWriter, r *http.Request) error {
	v := brandOf(d.Clinic.Now())
	if r.URL.Query().Get("note") == "saved" {
		v.Said = "Saved. All pages and messages say it from now on."
	}
	return d.showBrand(w, r, http.StatusOK, v)
}

func (d *Desk) showBrand(w http.ResponseWriter, r *http.Request, status int, v brandView) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	list, err := d.Clinic.History(r.Context(), pass, pastBrands)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for i, past := range list {
		row := brandRow{N: past.N, When: d.clock(past.At), Now: i == 0, What: "the first words"}
		if i+1 < len(list) {
			row.What = changes(list[i+1].Settings, past.Settings)
		}
		if row.By, err = d.accountName(r, past.By, names); err != nil {
			return err
		}
		v.History = append(v.History, row)
	}
	v.Logo = d.Clinic.Now().Logo != nil
	return d.Site.Render(w, r, status, brandPage(d.view(r, "What the clinic says about itself", "settings"), v))
}

// changes names what differs.
func changes(was, is clinic.Settings) string {
	var list []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", was.Name == is.Name}, {"telephone", was.Phone == is.Phone}, {"address", was.Address == is.Address}, {"color", was.Brand == is.Brand},
		{"units", was.Units == is.Units},
		{"hours", fmt.Sprint(was.Open) == fmt.Sprint(is.Open)}, {"welcome", fmt.Sprint(was.Welcome) == fmt.Sprint(is.Welcome)},
		{"logo", (was.Logo == nil) == (is.Logo == nil) && (was.Logo == nil || slices.Equal(was.Logo.Body, is.Logo.Body))},
	} {
		if !f.same {
			list = append(list, f.name)
		}
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func brandOf(now clinic.Version) brandView {
	v := brandView{Was: now.N, Settings: now.Settings, Own: now.Brand != "", Hex: "#00686a"}
	if c, err := clinic.ParseColour(now.Brand); err == nil {
		v.Hex = c.Hex()
	}
	byCountry := now.Settings
	byCountry.Units = clinic.ByCountry
	v.ByCountry = byCountry.Metric()
	for _, day := range weekOptions() {
		b := brandDay{Key: day.Value, Name: day.Text}
		for i, p := range now.Open[weekday(day.Value)] {
			if i == 0 {
				b.From, b.To = clockOf(p.From), clockOf(p.To)
			} else {
				b.From2, b.To2 = clockOf(p.From), clockOf(p.To)
			}
		}
		v.Days = append(v.Days, b)
	}
	return v
}

// weekday is the day that a form calls mon.
func weekday(key string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.HasPrefix(strings.ToLower(d.String()), key) {
			return d
		}
	}
	return time.Sunday
}

// clockOf writes minutes after midnight as a clock: 08:30.
func clockOf(n int) string { return fmt.Sprintf("%02d:%02d", n/60, n%60) }

// clockMinutes reads it; midnight at the end of a day is 24:00 or 00:00.
func clockMinutes(text string) (int, bool) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	return h*60 + m, ok && err == nil && err2 == nil && h >= 0 && h <= 24 && m >= 0 && m < 60 && h*60+m <= 24*60
}

// setBrand keeps what the form says.
func (d *Desk) setBrand(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	d.Site.Large(w, r, intake.MaxFile+1<<16)
	now := d.Clinic.Now()
	in, logo, err := brandForm(r)
	set, typed := now.Settings, brandOf(now)
	if err == nil {
		set, err = readBrand(in, logo, now.Settings, &typed)
	}
	if err == nil {
		typed.Was, _ = strconv.ParseInt(in.Get("was"), 10, 64)
		_, err = d.Clinic.Save(r.Context(), pass, typed.Was, set)
	}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.Conflict {
		typed.Err = errs.Say(err)
		return d.showBrand(w, r, http.StatusUnprocessableEntity, typed)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/brand?note=saved", http.StatusSeeOther)
	return nil
}

// brandForm reads the form part by part; the picture stays in memory.
func brandForm(r *http.Request) (in url.Values, logo []byte, err error) {
	bad := errs.New(errs.Invalid, "The form did not arrive whole. Please send it once more.")
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, bad.Because(err)
	}
	in = url.Values{}
	for range 64 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return in, logo, nil
		}
		if err != nil {
			return in, nil, bad.Because(err)
		}
		limit := int64(4096)
		if part.FormName() == "logo" {
			limit = intake.MaxFile + 1
		}
		body, err := io.ReadAll(io.LimitReader(part, limit))
		if err != nil {
			return in, nil, bad.Because(err)
		}
		if part.FormName() == "logo" {
			logo = body
		} else {
			in.Add(part.FormName(), string(body))
		}
	}
	return in, nil, bad
}

// readBrand puts the form's fields into the settings that counted so far, and
// into the form as it is shown again.
func readBrand(in url.Values, logo []byte, was clinic.Settings, typed *brandView) (clinic.Settings, error) {
	s := was
	s.Name, s.Phone, s.Address = field(in, "name"), field(in, "phone"), field(in, "address")
	s.Welcome = map[string]string{"en": field(in, "welcome.en"), "es": field(in, "welcome.es")}
	s.Units = field(in, "units")
	s.Brand = ""
	if typed.Own = in.Get("own") == "yes"; typed.Own {
		s.Brand = field(in, "brand")
		typed.Hex = s.Brand
	}
	hours := readHours(in, &s, typed)
	var err error
	switch {
	case in.Get("nologo") == "yes":
		s.Logo = nil
	case len(logo) > 0:
		var f intake.File
		if f, err = intake.Open(logo); err == nil && !strings.HasPrefix(f.Media, "image/") {
			err = errs.New(errs.Invalid, "The logo is a PDF. Choose a PNG or JPEG picture.")
		}
		s.Logo = &clinic.Picture{Media: f.Media, Body: f.Body}
	}
	typed.Settings = s
	return s, errors.Join(hours, err)
}

// readHours reads the days of the week.
func readHours(in url.Values, s *clinic.Settings, typed *brandView) error {
	s.Open = [7][]clinic.Span{}
	var bad error
	for i := range typed.Days {
		b := &typed.Days[i]
		b.From, b.To, b.From2, b.To2 = field(in, b.Key+".from"), field(in, b.Key+".to"), field(in, b.Key+".from2"), field(in, b.Key+".to2")
		for _, span := range [][2]string{{b.From, b.To}, {b.From2, b.To2}} {
			if span[0] == "" && span[1] == "" {
				continue
			}
			from, ok := clockMinutes(span[0])
			to, ok2 := clockMinutes(span[1])
			if to == 0 {
				to = 24 * 60
			}
			if !ok || !ok2 {
				bad = errs.New(errs.Invalid, b.Name+": write both hours, like 08:00 and 17:00, or neither.")
			}
			day := weekday(b.Key)
			s.Open[day] = append(s.Open[day], clinic.Span{From: from, To: to})
		}
	}
	return bad
}

// restoreBrand says again what was said in an older version.
func (d *Desk) restoreBrand(w http.ResponseWriter, r *http.Request) error {
	pass, err := d.all(r, access.ManageUsers)
	if err != nil {
		return err
	}
	list, err := d.Clinic.History(r.Context(), pass, pastBrands)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v clinic.Version) bool { return strconv.FormatInt(v.N, 10) == r.PathValue("n") })
	if i < 0 {
		return errNowhere
	}
	if _, err := d.Clinic.Save(r.Context(), pass, list[0].N, list[i].Settings); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/brand?note=saved", http.StatusSeeOther)
	return nil
}
