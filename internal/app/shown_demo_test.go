package app

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// steppedIn steps in as one of the town's ready sign-ins, by their place in the list,
// and returns how a page is read.
func steppedIn(t *testing.T, addr string, place int) func(path string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	res, err := browser.PostForm(addr+"/signin/demo", url.Values{"who": {strconv.Itoa(place)}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return func(path string) string {
		t.Helper()
		res, err := browser.Get(addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("GET %s = %d, %v", path, res.StatusCode, err)
		}
		return string(body)
	}
}

// townShows looks whether pages that a clinic fills are filled in the town.
func townShows(t *testing.T, addr string) {
	t.Helper()
	maria, nurse := steppedIn(t, addr, 0), steppedIn(t, addr, 2)
	for _, tt := range []struct {
		see  func(string) string
		path string
		want []string
	}{
		{maria, "/health/due", []string{"Shingles", "It was due on", "Do the home test for colon cancer"}},
		{maria, "/estimates", []string{"$185.00", "20 minutes with the doctor"}},
		{maria, "/forms", []string{"Health in your family"}},
		{nurse, "/desk/texts", []string{"Flu shots are here", "approved", "draft"}},
		{nurse, "/desk/content", []string{"A1c is coming down", "approved", "draft"}},
		{nurse, "/desk/prices", []string{"Follow-up visit", "$180.00"}},
		{nurse, "/desk/forms", []string{"Health in your family"}},
		{nurse, "/desk/queue", []string{"overdue"}},
		{nurse, "/desk/schedule", []string{"Follow-up visit", "Blood pressure check"}},
	} {
		body := tt.see(tt.path)
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not show %q", tt.path, want)
			}
		}
	}
	if strings.Contains(nurse("/desk/schedule"), "0 visits") {
		t.Error("nobody has a visit today")
	}
}
