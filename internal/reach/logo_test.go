package reach_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"hale/internal/haletest"
	"hale/internal/reach"
)

// drawn is a picture whose left half is paint and whose right half is nothing.
func drawn(t *testing.T, w, h int, paint func(x, y int) color.Color) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w / 2 {
			m.Set(x, y, paint(x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The clinic's logo comes with its e-mails, small and on white, and never with
// one that does not say who writes.
func TestLogo(t *testing.T) {
	w := newWorld(t, haletest.SQLite(t))
	dark := func(int, int) color.Color { return color.NRGBA{10, 20, 10, 255} }
	said := reach.Clinic{Name: "Riverside Family Medicine", Phone: "(312) 555-0100", Address: "1 Main St, Riverside", Logo: drawn(t, 900, 300, dark)}
	w.e.Speak(said)
	w.add(who{id: "ada", email: "ada@mail.example"}, who{id: "bob", email: "bob@mail.example"})
	o := care()
	o.Channels = []reach.Channel{reach.Email}
	w.start(o)
	w.send()
	got := w.gate[reach.Email].got()
	if len(got) != 2 || len(got[0].Inline) != 1 {
		t.Fatalf("%d mails, %+v", len(got), got)
	}
	h := got[0]
	if n := strings.Count(h.HTML, "cid:"); n != 1 || !strings.Contains(h.HTML, `width="120" height="40"`) || strings.Contains(h.HTML, `width="40" height="40"`) || strings.Contains(h.HTML, `src="http`) {
		t.Errorf("the page shows %d pictures: %s", n, h.HTML)
	}
	if !strings.Contains(h.HTML, `bgcolor="#ffffff" style="background:#ffffff;border-radius:10px`) {
		t.Error("the logo has no white around it in a dark page")
	}
	m, err := png.Decode(bytes.NewReader(h.Inline[0].Body))
	if err != nil || m.Bounds().Dy() != 80 || m.Bounds().Dx() != 240 || len(h.Inline[0].Body) > 24<<10 {
		t.Fatalf("the picture: %v, %v, %d bytes", err, m.Bounds(), len(h.Inline[0].Body))
	}
	if r, g, b, a := m.At(200, 40).RGBA(); r>>8 != 255 || g>>8 != 255 || b>>8 != 255 || a>>8 != 255 {
		t.Error("what was nothing is not white: a dark page would swallow the rest")
	}

	noise := rand.New(rand.NewPCG(1, 2))
	said.Logo = drawn(t, 1600, 320, func(int, int) color.Color {
		return color.NRGBA{uint8(noise.IntN(256)), uint8(noise.IntN(256)), uint8(noise.IntN(256)), 255}
	})
	for name, picture := range map[string][]byte{"none": nil, "no picture": []byte("<svg/>"), "a photograph": said.Logo} {
		said.Logo = picture
		w.e.Speak(said)
		before := len(w.gate[reach.Email].got())
		o := care()
		o.Channels, o.Purpose = []reach.Channel{reach.Email}, "recall"
		w.start(o)
		w.send()
		for _, h := range w.gate[reach.Email].got()[before:] {
			for _, p := range h.Inline {
				if len(p.Body) > 24<<10 {
					t.Errorf("%s: %d bytes with each mail", name, len(p.Body))
				}
			}
			if strings.Contains(h.HTML, "cid:") != (len(h.Inline) > 0) {
				t.Errorf("%s: the page and its pictures do not fit", name)
			}
		}
	}

	// Specially protected content goes without the clinic's name, and its logo.
	said.Logo = drawn(t, 900, 300, dark)
	w.e.Speak(said)
	before := len(w.gate[reach.Email].got())
	o = care()
	o.Channels, o.Template.Sensitivity = []reach.Channel{reach.Email}, 4
	w.start(o)
	w.send()
	neutral := w.gate[reach.Email].got()[before:]
	if len(neutral) == 0 {
		t.Fatal("nothing went")
	}
	for _, h := range neutral {
		if len(h.Inline) != 0 || strings.Contains(h.HTML, "cid:") {
			t.Error("a mail that does not say who writes wears the logo")
		}
	}
}
