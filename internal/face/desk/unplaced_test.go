package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/gateway/mailin"
)

// strays are letters that nobody could place.
type strays struct {
	list []mailin.Left
	did  []string
}

func (s *strays) LeftCount(_ context.Context, pass access.Pass) (int, error) {
	return len(s.list), pass.OpenAll(access.AnswerPatients)
}

func (s *strays) Left(_ context.Context, pass access.Pass, _ int) ([]mailin.Left, error) {
	return s.list, pass.OpenAll(access.AnswerPatients)
}

func (s *strays) LeftOne(_ context.Context, pass access.Pass, id string) (mailin.Left, error) {
	i := slices.IndexFunc(s.list, func(l mailin.Left) bool { return l.ID == id })
	if i < 0 {
		return mailin.Left{}, errGone
	}
	return s.list[i], pass.OpenAll(access.AnswerPatients)
}

func (s *strays) Place(_ context.Context, _, pass access.Pass, id string) error {
	patient, err := pass.Open(access.AnswerPatients)
	s.did = append(s.did, "place "+id+" "+patient)
	return err
}

func (s *strays) Dismiss(_ context.Context, pass access.Pass, id, reason string) error {
	if !slices.Contains(mailin.Reasons(), reason) {
		return errs.New(errs.Invalid, "Please say why it is put aside.")
	}
	s.did = append(s.did, "dismiss "+id)
	return pass.OpenAll(access.AnswerPatients)
}

func (s *strays) Again(context.Context, access.Pass, string) (bool, error) { return true, nil }

func TestUnplaced(t *testing.T) {
	s := &strays{list: []mailin.Left{
		{ID: "m1", At: noon, From: "ada@else.example", Subject: "My <b>knee</b>", Text: "It hurts.\n<script>alert(1)</script> https://c.example/m/ABCDEFGHJKMNPQ", Kind: "none", Files: []mailin.LeftFile{{Name: "a<i>.pdf", Size: 3000}}},
		{ID: "m2", At: noon, Failed: true, Tries: 8, Cause: "Something went wrong on our side.", Shut: true},
	}}
	h := serveMore(t, known(), func(c *Config) { c.Unplaced = s })
	for _, at := range []string{"/desk", "/desk/todo"} {
		if body := ask(t, h, "nurse", "GET", at, nil).Body.String(); !strings.Contains(body, `href="/desk/mail"`) {
			t.Errorf("%s does not say that mail waits", at)
		}
	}
	if w := ask(t, h, "marketer", "GET", "/desk/mail", nil); w.Code == http.StatusOK {
		t.Error("whoever may not answer patients reads their mail")
	}
	list := ask(t, h, "nurse", "GET", "/desk/mail", nil).Body.String()
	for _, want := range []string{"My &lt;b&gt;knee", "failed", "tried 8 times", "Cannot be opened"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list lacks %q", want)
		}
	}
	one := ask(t, h, "nurse", "POST", "/desk/mail/m1", url.Values{"q": {"alvarez"}}).Body.String()
	if strings.Contains(one, "<script>alert") || strings.Contains(one, "<i>.pdf") || !strings.Contains(one, "It is from them") || strings.Contains(one, "ABCDEFGHJKMNPQ") {
		t.Errorf("one letter = %s", one)
	}
	if w := ask(t, h, "nurse", "POST", "/desk/mail/m1/place", url.Values{"patient": {"maria"}}); w.Code != http.StatusSeeOther || !slices.Contains(s.did, "place m1 maria") {
		t.Errorf("place = %d, %v", w.Code, s.did)
	}
	if w := ask(t, h, "nurse", "POST", "/desk/mail/m2/dismiss", url.Values{"reason": {"x"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Please say why") {
		t.Errorf("dismissed for no reason = %d", w.Code)
	}
	if w := ask(t, h, "nurse", "POST", "/desk/mail/m2/dismiss", url.Values{"reason": {mailin.Reasons()[4]}}); w.Header().Get("Location") != "/desk/mail?note=dismissed" {
		t.Errorf("dismiss = %d %v", w.Code, w.Header())
	}
	if w := ask(t, h, "nurse", "POST", "/desk/mail/m2/again", nil); w.Header().Get("Location") != "/desk/mail?note=dealt" {
		t.Errorf("again = %d", w.Code)
	}
}
