package app

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// describes sends the clinic's form, with a logo if there is one.
func (k *served) describes(who string, logo []byte, pairs ...string) page {
	k.t.Helper()
	was := regexp.MustCompile(`name="was" value="(\d+)"`).FindStringSubmatch(k.see("alan", "/desk/brand").body)
	if was == nil {
		k.t.Fatal("the form has no version")
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i, pairs := 0, append([]string{"was", was[1]}, pairs...); i < len(pairs); i += 2 {
		if err := form.WriteField(pairs[i], pairs[i+1]); err != nil {
			k.t.Fatal(err)
		}
	}
	if w, err := form.CreateFormFile("logo", "logo.png"); err != nil {
		k.t.Fatal(err)
	} else if _, err := w.Write(logo); err != nil {
		k.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		k.t.Fatal(err)
	}
	return k.read(k.who[who].Post(k.base+"/desk/brand", form.FormDataContentType(), &body))
}

// An administrator changes what the clinic says; the next page of anybody
// says it, without a restart, and it can be taken back.
func TestClinicDescribesItself(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		k := newClinic(t, database)
		shows(t, "the settings", k.see("alan", "/desk/settings"), "Change name, telephone, hours, color and logo")
		before := regexp.MustCompile(`<title>([^<]*)`).FindStringSubmatch(k.see("nobody", "/").body)[1]

		var logo bytes.Buffer
		picture := image.NewRGBA(image.Rect(0, 0, 40, 20))
		picture.Set(3, 3, color.RGBA{10, 100, 90, 255})
		if err := png.Encode(&logo, picture); err != nil {
			t.Fatal(err)
		}
		open := time.Now().AddDate(0, 0, 3).Weekday() // neither today nor tomorrow
		day := strings.ToLower(open.String()[:3])
		shows(t, "what was saved", k.describes("alan", logo.Bytes(), "name", "Alder Street Clinic", "phone", "(312) 555-0100", "address", "7 Alder Street", "own", "yes", "brand", "#7a1f5c",
			day+".from", "08:00", day+".to", "12:00", day+".from2", "13:00", day+".to2", "17:00", "welcome.en", "We are glad that you are here.", "welcome.es", "Nos alegra que esté aquí."),
			"Saved. All pages and messages say it from now on.", "Alder Street Clinic", "#7a1f5c", `value="13:00"`)
		first := k.see("nobody", "/")
		shows(t, "the first page", first, "Alder Street Clinic", "Call us: (312) 555-0100", "We are glad that you are here.", "on "+open.String()) // in words
		if src := regexp.MustCompile(`<img src="([^"]+)" alt="" class="logo-picture"`).FindStringSubmatch(first.body); src == nil || k.see("nobody", src[1]).status != http.StatusOK {
			t.Errorf("the logo is not on the first page: %q", src)
		}
		css := k.see("nobody", regexp.MustCompile(`href="([^"]+brand\.css)"`).FindStringSubmatch(first.body)[1])
		if !strings.Contains(css.body, "--brand: oklch(") {
			t.Errorf("the style sheet is %q", css.body)
		}

		for name, bad := range map[string][]string{
			"no name":       {"phone", "(312) 555-0100"},
			"a pale color":  {"name", "A", "own", "yes", "brand", "#ffee99"},
			"half a day":    {"name", "A", "tue.from", "08:00"},
			"hours reverse": {"name", "A", "tue.from", "17:00", "tue.to", "08:00"},
		} {
			if p := k.describes("alan", nil, bad...); p.status != http.StatusUnprocessableEntity || strings.Contains(k.see("nobody", "/").body, "<title>A<") {
				t.Errorf("%s = %d, want it refused and nothing changed", name, p.status)
			}
		}
		if p := k.describes("alan", []byte("%PDF-1.4 %%EOF"), "name", "A"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("a PDF as a logo = %d", p.status)
		}
		if p := k.describes("nia", nil, "name", "Nurses"); p.status != http.StatusNotFound { // not hers looks like not there
			t.Errorf("a nurse changes the clinic's name: %d", p.status)
		}
		k.describes("alan", nil, "name", "Second Thoughts")
		back := k.see("alan", "/desk/brand")
		at := regexp.MustCompile(`/desk/brand/1/restore`).FindString(back.body)
		shows(t, "the older words", k.press("alan", at), "Saved.", "Alder Street Clinic")
		if p := k.see("nobody", "/"); !strings.Contains(p.body, "Alder Street Clinic") || before == "" {
			t.Error("the older words are not back")
		}
	})
}
