package portal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
)

// FuzzUpload reads a form of any parts: it is refused in words for a person,
// or there is a file in it that is no larger than what is taken.
func FuzzUpload(f *testing.F) {
	const part = "--b\r\nContent-Disposition: form-data; name=\"sort\"\r\n\r\nphoto\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../x.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--b--\r\n"
	f.Add("multipart/form-data; boundary=b", part)
	f.Add("multipart/form-data; boundary=b", part[:len(part)-9])
	f.Add("multipart/mixed; boundary=\"b\"", strings.Repeat("--b\r\n\r\n\r\n", 20))
	f.Add("multipart/form-data", "")
	f.Fuzz(func(t *testing.T, media, body string) {
		r := httptest.NewRequest(http.MethodPost, "/documents/send", strings.NewReader(body))
		r.Header.Set("Content-Type", media)
		l, err := readLetter(r)
		switch {
		case err != nil && errs.KindOf(err) != errs.Invalid:
			t.Errorf("readLetter = %v, want a refusal in words", err)
		case err == nil && (len(l.Body) == 0 || len(l.Body) > intake.MaxFile+1 || len(l.Note) > 4096):
			t.Errorf("readLetter took a file of %d bytes and a note of %d", len(l.Body), len(l.Note))
		}
	})
}
