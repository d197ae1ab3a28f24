package email_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"

	"hale/internal/reach"
)

// A picture comes with the mail, in a part of its own that the page names, and
// the words stay what they are.
func TestComposeInline(t *testing.T) {
	r := startRelay(t, nil)
	g := gateway(t, r, nil)
	h := note("ana@town.example")
	picture := bytes.Repeat([]byte("\x89PNG pixels"), 90)
	h.HTML, h.Inline = `<p><img src="cid:logo@hale" alt=""> See you soon.</p>`, []reach.Inline{{ID: "logo@hale", Media: "image/png", Body: picture}}
	if got := g.Send(t.Context(), h); got.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v, want accepted", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader(r.letters()[0].raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	outer := multipart.NewReader(m.Body, params["boundary"])
	if _, err := outer.NextPart(); err != nil {
		t.Fatal(err)
	}
	p, err := outer.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	typ, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
	if err != nil || typ != "multipart/related" || params["type"] != "text/html" {
		t.Fatalf("the page is in %q %v, %v", typ, params, err)
	}
	inner := multipart.NewReader(p, params["boundary"])
	page, err := inner.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(page); !strings.Contains(string(text), `src="cid:logo@hale"`) {
		t.Errorf("the page is %s", text)
	}
	img, err := inner.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(base64.NewDecoder(base64.StdEncoding, img))
	if img.Header.Get("Content-ID") != "<logo@hale>" || img.Header.Get("Content-Disposition") != "inline" || !bytes.Equal(body, picture) {
		t.Errorf("the picture is %d bytes, %v", len(body), img.Header)
	}
	if _, err := inner.NextPart(); err != io.EOF {
		t.Errorf("after the picture: %v", err)
	}
	if _, err := outer.NextPart(); err != io.EOF {
		t.Errorf("after the page: %v", err)
	}
	for _, line := range strings.Split(r.letters()[0].raw, "\r\n") {
		if len(line) > 78 {
			t.Errorf("a line of %d letters", len(line))
		}
	}
}
