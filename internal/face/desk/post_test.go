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
	"hale/internal/reach"
	"hale/internal/reach/letter"
)

// room is a mailroom with one letter.
type room struct {
	one letter.Entry
	did []string
}

func (m *room) Count(_ context.Context, pass access.Pass) (int, int, error) {
	return 1, 0, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Waiting(_ context.Context, pass access.Pass, _ int) ([]letter.Entry, error) {
	return []letter.Entry{m.one}, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Batches(_ context.Context, pass access.Pass, _ int) ([]letter.Batch, error) {
	return []letter.Batch{{N: 12, By: "nurse", Made: noon, Printed: noon, Letters: 1, Back: 1}}, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Of(_ context.Context, pass access.Pass, batch int) (letter.Batch, []letter.Entry, error) {
	if batch != 12 {
		return letter.Batch{}, nil, errGone
	}
	e := m.one
	e.State, e.Batch, e.N = letter.Batched, 12, 7
	return letter.Batch{N: 12, By: "nurse", Made: noon, Printed: noon, Letters: 1}, []letter.Entry{e}, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Find(_ context.Context, pass access.Pass, _, _ int) (letter.Entry, error) {
	return m.one, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Make(_ context.Context, pass access.Pass, letters []string) (int, error) {
	m.did = append(m.did, "make "+strings.Join(letters, " "))
	return 12, pass.OpenAll(access.AnswerPatients)
}

func (m *room) Printed(_ context.Context, pass access.Pass, _ int) error {
	m.did = append(m.did, "printed")
	return pass.OpenAll(access.AnswerPatients)
}

func (m *room) Mailed(_ context.Context, pass access.Pass, _ int) error {
	m.did = append(m.did, "mailed")
	return pass.OpenAll(access.AnswerPatients)
}

func (m *room) Back(_ context.Context, pass access.Pass, batch, n int, why string) error {
	if !slices.Contains(reach.Returns(), why) {
		return errs.New(errs.Invalid, "Please say why.")
	}
	m.did = append(m.did, letter.Entry{Batch: batch, N: n}.Ref()+" "+why)
	return pass.OpenAll(access.AnswerPatients)
}

func (m *room) Drop(_ context.Context, pass access.Pass, _, _ int, why string) error {
	if !slices.Contains(letter.Dropped(), why) {
		return errs.New(errs.Invalid, "Please say why.")
	}
	m.did = append(m.did, "drop "+why)
	return pass.OpenAll(access.AnswerPatients)
}

// Paper is the letter as it is printed.
func (m *room) Paper(_ context.Context, pass access.Pass, message string) (reach.Paper, error) {
	patient, err := pass.Open(access.AnswerPatients)
	return reach.Paper{
		Message: message, Patient: patient, To: []string{"Maria <b>Alvarez</b>", "12 Main St, Apt 4", "Riverside, IL 60546"}, Title: "Su inhalador", Text: "Deje de usarlo.\n\nLlámenos hoy.",
		Link: "https://rfm.example/m/ABCDEFGHJKMN", Asks: "dob", Lang: "es", Large: true,
	}, err
}

// Letters are put into a batch, printed in the language of whoever reads
// them, mailed, and written down when they come back.
func TestPost(t *testing.T) {
	m := &room{one: letter.Entry{ID: "l1", Message: "m1", Patient: "maria", Outreach: "o1", Name: "Inhalers", State: letter.Waiting, Created: noon}}
	h := serveMore(t, known(), func(c *Config) { c.Post, c.Papers = m, m })
	if body := ask(t, h, "nurse", "GET", "/desk", nil).Body.String(); !strings.Contains(body, `href="/desk/post"`) {
		t.Error("the first page does not say that letters wait")
	}
	for _, at := range []string{"/desk/post", "/desk/post/12", "/desk/post/12/print"} {
		if w := ask(t, h, "marketer", "GET", at, nil); w.Code == http.StatusOK {
			t.Errorf("whoever may not answer patients opens %s", at)
		}
	}
	if body := ask(t, h, "nurse", "GET", "/desk/post", nil).Body.String(); !strings.Contains(body, "Inhalers") || !strings.Contains(body, "printed, to mail") || !strings.Contains(body, "1 came back") {
		t.Errorf("the list = %s", body)
	}
	for _, step := range [][2]string{
		{"/desk/post", "/desk/post/12"}, {"/desk/post/12/printed", "/desk/post/12/print"}, {"/desk/post/12/mailed", "/desk/post?note=mailed"},
	} {
		if w := ask(t, h, "nurse", "POST", step[0], url.Values{}); w.Header().Get("Location") != step[1] {
			t.Errorf("%s = %d, leads to %q, want %q", step[0], w.Code, w.Header().Get("Location"), step[1])
		}
	}
	paper := ask(t, h, "nurse", "GET", "/desk/post/12/print", nil).Body.String()
	for _, want := range []string{"Maria &lt;b&gt;Alvarez", "Apt 4", "Llámenos hoy.", "rfm.example/m/ABCDEFGHJKMN", "La página pregunta la fecha de nacimiento", `class="qr"`, "12-7", `lang="es"`, "paper-large"} {
		if !strings.Contains(paper, want) {
			t.Errorf("the paper lacks %q", want)
		}
	}
	if w := ask(t, h, "nurse", "POST", "/desk/post/12/7/drop", url.Values{"why": {"x"}}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("taken out for no reason = %d", w.Code)
	}
	if w := ask(t, h, "nurse", "POST", "/desk/post/back", url.Values{"ref": {"twelve"}, "why": {"moved"}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `value="twelve"`) {
		t.Errorf("a number that is none = %d", w.Code)
	}
	if w := ask(t, h, "nurse", "POST", "/desk/post/back", url.Values{"ref": {" 12-7"}, "why": {"moved"}}); w.Header().Get("Location") != "/desk/post?note=back" {
		t.Errorf("back = %d", w.Code)
	}
	if w := ask(t, h, "nurse", "GET", "/desk/post/13", nil); w.Code != http.StatusNotFound {
		t.Errorf("a batch that is not there = %d", w.Code)
	}
	if want := []string{"make l1", "printed", "mailed", "12-7 moved"}; !slices.Equal(m.did, want) {
		t.Errorf("done: %q, want %q", m.did, want)
	}
}
