package mailin_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/reach/dialog"
	"hale/internal/store/db"
)

// allTell is a clinic each of whose messages told of a thread.
type allTell struct{}

func (allTell) Tells(context.Context, string, string) (bool, error) { return true, nil }

// Files of a mail that answers a thread come into the thread, three at most;
// what is not taken is named in its words, and nothing of it lies elsewhere.
func TestFilesOfThread(t *testing.T) {
	photo := func(wide int) []byte { // each another: the same twice is one
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, wide, 16)), nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	part := func(name string, body []byte) string {
		return "\n--m\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=" + name + "\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(body)
	}
	raw := "From: pa@town.example\nSubject: Re: Time\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nThis is the rash."
	for i, name := range []string{"one.jpg", "two.jpg", "three.jpg", "four.jpg"} {
		if name == "two.jpg" {
			raw += part("run.exe", []byte("MZ\x90\x00"))
		}
		raw += part(name, photo(16+i))
	}
	raw = proven + strings.ReplaceAll(raw+"\n--m--\n", "\n", "\r\n")
	haletest.EachDB(t, func(t *testing.T, d *db.DB) {
		c := open(t, d, nil, "pa@town.example")
		c.desk.Threads = allTell{}
		var got []dialog.Heard
		c.desk.Dialogs.Threads = func(_ context.Context, _ *db.Tx, h dialog.Heard) (bool, error) {
			got = append(got, h)
			return true, nil
		}
		c.take(raw, "pa@town.example", c.gate.got(t, "pa@town.example").ReplyTo)
		if len(got) != 1 || len(got[0].Files) != 3 || len(got[0].Attachments) != 0 {
			t.Fatalf("heard %+v, want one mail with three photos", got)
		}
		for _, want := range []string{"This is the rash.", "run.exe was attached and not taken: we take photos and PDFs of up to 12 MB", "four.jpg was attached and not taken: one message holds 3 files"} {
			if !strings.Contains(got[0].Text, want) {
				t.Errorf("the words are %q, want %q", got[0].Text, want)
			}
		}
		if n := c.count(`select count(*) from upload`) + c.count(`select count(*) from dialog`); n != 0 {
			t.Errorf("%d files or conversations lie elsewhere", n)
		}
		c.desk.Threads = nil
		c.take(strings.Replace(raw, "the rash", "another", 1), "pa@town.example", c.gate.got(t, "pa@town.example").ReplyTo)
		if n := c.count(`select count(*) from upload`); n != 4 {
			t.Errorf("%d documents of a mail that answers no thread, want all photos", n)
		}
	})
}
