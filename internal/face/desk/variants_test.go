package desk

import (
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"hale/internal/reach"
)

// theDraft is the fakes' draft as it was last kept.
func theDraft(t *testing.T, f *fakes) reach.Outreach {
	t.Helper()
	for _, o := range f.outreaches {
		if o.ID == "draft" {
			return o
		}
	}
	t.Fatal("there is no draft")
	return reach.Outreach{}
}

func shares(o reach.Outreach) string {
	var b strings.Builder
	for _, v := range o.Variants {
		b.WriteString(v.Key + percent(v.Share))
	}
	return strings.ReplaceAll(b.String(), " ", "")
}

// Texts are added, written, weighed and taken out with plain forms, and the
// shares always make the whole.
func TestVariantPages(t *testing.T) {
	f := known()
	h := serve(t, f)
	const at = "/desk/outreach/draft/edit/message"
	words := func(key, title, do string, more ...string) url.Values {
		in := url.Values{"variant": {key}, "sensitivity": {"2"}, "page.en.title": {title}, "page.en.body": {"Please book a visit."}, "service": {"eye-exam"}, "do": {do}}
		for i := 0; i+1 < len(more); i += 2 {
			in.Set("share."+more[i], more[i+1])
		}
		return in
	}
	post := func(in url.Values, code int, want ...string) (to string) {
		t.Helper()
		w := ask(t, h, "nurse", "POST", at, in)
		if w.Code != code {
			t.Fatalf("POST %v = %d, want %d: %s", in, w.Code, code, w.Body)
		}
		for _, one := range want {
			if !strings.Contains(w.Body.String(), one) {
				t.Errorf("POST %v lacks %q", in, one)
			}
		}
		return w.Header().Get("Location")
	}
	if to := post(words("", "Your eye exam is due", "add"), http.StatusSeeOther); to != at+"?text=b" {
		t.Errorf("adding leads to %s", to)
	}
	if got := shares(theDraft(t, f)); got != "a50%b50%" {
		t.Errorf("shares = %s", got)
	}
	if body := ask(t, h, "nurse", "GET", at+"?text=b", nil).Body.String(); !strings.Contains(body, "This is text B") || !strings.Contains(body, `value="go-a"`) || !strings.Contains(body, `name="share.b"`) {
		t.Error("the page of the second text does not say which it is")
	}
	post(words("b", "Eyes matter", "go-a", "a", "70", "b", "20"), http.StatusUnprocessableEntity, "90 % together", "10 % are missing", `value="20"`)
	post(words("b", "Eyes matter", "go-a", "a", "90", "b", "20"), http.StatusUnprocessableEntity, "110 % together", "10 % too much")
	post(words("b", "Eyes matter", "go-a", "a", "100", "b", "0"), http.StatusUnprocessableEntity, "Write a share above 0 for text B")
	post(words("b", "Eyes matter", "go-a", "a", "x", "b", "50"), http.StatusUnprocessableEntity, "Write a share above 0 for text A")
	if got := shares(theDraft(t, f)); got != "a50%b50%" {
		t.Errorf("shares that are wrong were kept: %s", got)
	}
	post(words("b", "Eyes matter", "go-a", "a", "70", "b", "30"), http.StatusSeeOther)
	o := theDraft(t, f)
	if shares(o) != "a70%b30%" || o.Variants[0].Template.Parts[0].Subject != "Your eye exam is due" || o.Variants[1].Template.Parts[0].Subject != "Eyes matter" || o.Template.Parts[0].Subject != "Your eye exam is due" {
		t.Errorf("kept %s: %+v", shares(o), o.Variants)
	}
	post(words("a", "Your eye exam is due", "add", "a", "50", "b", "50"), http.StatusSeeOther)
	post(words("c", "Third", "save", "a", "33.3", "b", "33.3", "c", "33,3"), http.StatusSeeOther)
	sum := 0.0
	for _, v := range theDraft(t, f).Variants {
		sum += v.Share
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("three thirds make %v", sum)
	}
	// Words that give away too much are kept in none of them, and leaving one
	// text out does not need the others to be right.
	in := words("b", "Eyes matter", "go-a", "a", "50", "b", "25", "c", "25")
	in.Set("sms.en.body", "Your A1c is 9.2, {{ medicines }}")
	post(in, http.StatusUnprocessableEntity)
	post(words("b", "", "drop-b", "a", "", "b", "", "c", ""), http.StatusSeeOther)
	if got := shares(theDraft(t, f)); got != "a50%c50%" {
		t.Errorf("without the second: %s", got)
	}
	f.forecast.Variants = []reach.VariantForecast{{Key: "a", Share: 0.5, Treated: 3700, Held: 420}, {Key: "c", Share: 0.5, Treated: 3771, Held: 421}}
	if body := ask(t, h, "nurse", "GET", "/desk/outreach/draft/edit/check", nil).Body.String(); !strings.Contains(body, "Text C") || !strings.Contains(body, "3,771") {
		t.Error("the dry run does not say what each text would do")
	}
	post(words("c", "Third", "drop-c", "a", "50", "c", "50"), http.StatusSeeOther)
	if o := theDraft(t, f); len(o.Variants) != 0 || o.Template.Parts[0].Subject != "Your eye exam is due" {
		t.Errorf("one text is left, as %+v", o)
	}
}

// The hours of an outreach are read, checked and shown again.
func TestPlanHours(t *testing.T) {
	f := known()
	h := serve(t, f)
	in := url.Values{"holdout": {"10"}, "window": {"90"}, "expire": {"30"}, "day": {"mon", "wed"}, "from": {"9"}, "to": {"17"}, "spread": {"4"}}
	with := func(name, value string) url.Values {
		c := url.Values{}
		for k, v := range in {
			c[k] = v
		}
		c.Set(name, value)
		return c
	}
	const at = "/desk/outreach/draft/edit/plan"
	for _, tt := range []struct {
		in   url.Values
		want string
	}{
		{with("from", "18"), "The hours begin before they end"},
		{with("from", ""), "Choose both hours"},
		{with("spread", "x"), "as a whole number"},
		{with("spread", "81"), "spread over at most"},
		{with("day", "someday"), "at least one day"},
	} {
		if w := ask(t, h, "nurse", "POST", at, tt.in); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("POST %v = %d, without %q", tt.in, w.Code, tt.want)
		}
	}
	if w := ask(t, h, "nurse", "POST", at, in); w.Code != http.StatusSeeOther {
		t.Fatalf("POST = %d %s", w.Code, w.Body)
	}
	if got := theDraft(t, f).Hours; got.Words() != "Monday and Wednesday, 9:00 to 17:00" || got.Spread != 4 {
		t.Errorf("kept %+v", got)
	}
	body := ask(t, h, "nurse", "GET", at, nil).Body.String()
	if !regexp.MustCompile(`value="wed" checked`).MatchString(body) || regexp.MustCompile(`value="tue" checked`).MatchString(body) {
		t.Error("the days are not shown as they were kept")
	}
}
