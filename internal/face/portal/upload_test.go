package portal_test

import (
	"bytes"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hale/internal/base/intake"
	"hale/internal/haletest"
	"hale/internal/store/db"
)

// send sends a file with a note as somebody's browser does.
func (h *house) send(t testing.TB, as, path string, file []byte) answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"sort", "photo"}, {"note", "My left knee & how it swells"}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "IMG_0001.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return h.do(t, r, as)
}

// photo is a small picture.
func photo(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A patient sends a photo: it is in the record, and the page says so. What is
// refused keeps the note.
func TestUpload(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		ask := h.get(t, "maria", "/documents/send")
		if checkPage(t, ask.body); ask.code != http.StatusOK || strings.Index(ask.body, `name="note"`) > strings.Index(ask.body, `name="file"`) {
			t.Errorf("the form = %d, or its note comes after the file, and is lost with it", ask.code)
		}
		sent := h.send(t, "maria", "/documents/send", photo(t))
		if sent.code != http.StatusSeeOther || sent.to != "/documents/sent" {
			t.Fatalf("sending = %d to %q: %s", sent.code, sent.to, sent.body)
		}
		done := h.get(t, "maria", sent.to)
		if checkPage(t, done.body); !strings.Contains(done.body, "<h1>We have your document</h1>") {
			t.Error("the page after sending does not say that it came")
		}
		if list := h.get(t, "maria", "/health/documents"); !strings.Contains(list.body, "My left knee &amp; how it swells") {
			t.Error("the documents do not show what was sent")
		}
		for _, tt := range []struct {
			name, say string
			file      []byte
		}{
			{"too large", "too large", make([]byte, intake.MaxFile+1<<17)},
			{"a program", "", []byte("MZ this is no picture")},
			{"nothing", "Please choose a photo or a PDF first.", nil},
		} {
			a := h.send(t, "maria", "/documents/send", tt.file)
			checkPage(t, a.body)
			if a.code != http.StatusUnprocessableEntity || !strings.Contains(a.body, "My left knee &amp; how it swells") || !strings.Contains(a.body, `value="photo" required checked`) || !strings.Contains(a.body, tt.say) {
				t.Errorf("%s = %d, or the page does not keep the note, or does not say why", tt.name, a.code)
			}
		}
		for n := 1; n < 20; n++ {
			if a := h.send(t, "maria", "/documents/send", append(photo(t), make([]byte, n)...)); a.code != http.StatusSeeOther {
				t.Fatalf("document %d = %d", n+1, a.code)
			}
		}
		if a := h.send(t, "maria", "/documents/send", photo(t)); a.code != http.StatusSeeOther {
			t.Errorf("the same photo again = %d, want where it was sent", a.code)
		}
		full := h.send(t, "maria", "/documents/send", append(photo(t), make([]byte, 20)...))
		checkPage(t, full.body)
		if full.code != http.StatusTooManyRequests || !strings.Contains(full.body, "That is all we can take today") || !strings.Contains(full.body, "My left knee &amp; how it swells") {
			t.Errorf("one too many = %d, or does not say so, or loses the note", full.code)
		}
	})
}

// Whoever may not write to the clinic for the patient sends nothing either.
func TestUploadByHelper(t *testing.T) {
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d)
		h.maria(t)
		for _, who := range []string{"helper", "driver", "sam", ""} {
			page := h.get(t, who, "/for/maria/documents/send")
			sent := h.send(t, who, "/for/maria/documents/send", photo(t))
			if page.code == http.StatusOK || sent.to == "/for/maria/documents/sent" {
				t.Errorf("%q is offered the form: %d, sends: %d to %q", who, page.code, sent.code, sent.to)
			}
		}
		n, err := db.One(t.Context(), d, db.Value[int], `select count(*) from resource where typ = 'DocumentReference' and id not in ('d1', 'd2', 'd3')`)
		if err != nil || n != 0 {
			t.Errorf("%d documents were taken, %v", n, err)
		}
	})
}
