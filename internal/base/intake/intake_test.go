package intake_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"strings"
	"testing"

	"hale/internal/base/errs"
	"hale/internal/base/intake"
)

// quarters is a picture with four colours, so that one sees how it is turned.
func quarters(w, h int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			switch {
			case x < w/2 && y < h/2:
				c.R = 255
			case y < h/2:
				c.G = 255
			case x < w/2:
				c.B = 255
			default:
				c.R, c.G, c.B = 255, 255, 255
			}
			p.Set(x, y, c)
		}
	}
	return p
}

func jpegOf(t testing.TB, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts how the camera was held, and a secret, into a JPEG file.
func withExif(body []byte, orientation byte) []byte {
	tiff := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00" + string([]byte{orientation, 0, 0, 0}) + "\x00\x00\x00\x00GPS 52.5200 13.4050")
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := []byte{0xff, 0xd8, 0xff, 0xe1, byte((len(segment) + 2) >> 8), byte(len(segment) + 2)}
	return append(append(head, segment...), body[2:]...)
}

func TestOpenPicture(t *testing.T) {
	red := color.RGBA{R: 255, A: 255}
	corner := map[byte]image.Point{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}} // where the red corner goes
	body := jpegOf(t, quarters(80, 40))
	for o := byte(1); o <= 8; o++ {
		f, err := intake.Open(withExif(body, o))
		if err != nil {
			t.Fatal(err)
		}
		if f.Media != "image/jpeg" || bytes.Contains(f.Body, []byte("GPS")) || bytes.Contains(f.Body, []byte("Exif")) {
			t.Errorf("orientation %d: %s, and what the camera told is kept", o, f.Media)
		}
		p, err := jpeg.Decode(bytes.NewReader(f.Body))
		if err != nil {
			t.Fatal(err)
		}
		w, h := p.Bounds().Dx(), p.Bounds().Dy()
		if wide := w == 80 && h == 40; wide != (o < 5) {
			t.Errorf("orientation %d is %d by %d", o, w, h)
		}
		at := corner[o]
		got := p.At(w/4+at.X*w/2, h/4+at.Y*h/2)
		if r, g, b, _ := got.RGBA(); r>>8 < 200 || g>>8 > 60 || b>>8 > 60 {
			t.Errorf("orientation %d: the corner that was %v is %v", o, red, got)
		}
	}
	f, err := intake.Open(pngOf(t, quarters(5000, 10)))
	if err != nil || f.Media != "image/png" {
		t.Fatal(f.Media, err)
	}
	if c, err := png.DecodeConfig(bytes.NewReader(f.Body)); err != nil || c.Width != 2400 {
		t.Errorf("a wide picture is kept %d pixels wide, %v", c.Width, err)
	}
	again, err := intake.Open(append(pngOf(t, quarters(4, 4)), []byte("<script>alert(1)</script>")...))
	if err != nil || bytes.Contains(again.Body, []byte("script")) {
		t.Errorf("what hides behind a picture is kept: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	wide := pngOf(t, image.NewGray(image.Rect(0, 0, 100, 100)))
	copy(wide[16:], []byte{0x00, 0x01, 0x86, 0xa0, 0x00, 0x01, 0x86, 0xa0}) // says 100,000 by 100,000; its check sum is wrong, too
	var bomb bytes.Buffer
	_ = png.Encode(&bomb, image.NewGray(image.Rect(0, 0, 9000, 9000))) // 81 million pixels in a few kilobytes
	for name, body := range map[string][]byte{
		"empty": {}, "html": []byte("<html>"), "svg": []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"), "gif": []byte("GIF89a..."),
		"half a jpeg": jpegOf(t, quarters(40, 40))[:100], "half a png": pngOf(t, quarters(40, 40))[:60], "huge header": wide, "pixels": bomb.Bytes(),
		"half a pdf": []byte("%PDF-1.7 but no end"), "program": []byte("MZ\x90\x00"), "too long": append([]byte("%PDF-1.7\n"), make([]byte, intake.MaxFile)...),
		"html called pdf":          []byte("<html>%PDF-1.7 %%EOF"),
		"pdf with a script":        []byte("%PDF-1.7\n1 0 obj <</S /JavaScript /JS (app.alert\\(1\\))>> endobj\n%%EOF\n"),
		"pdf with a hidden script": []byte("%PDF-1.7\n1 0 obj <</S /J#61va#53cript /JS 2 0 R>> endobj\n%%EOF\n"),
		"pdf that starts programs": []byte("%PDF-1.7\n1 0 obj <</S /Launch /F (cmd.exe)>> endobj\n%%EOF\n"),
	} {
		if f, err := intake.Open(body); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %q, %v, want a refusal that a person can read", name, f.Media, err)
		}
	}
	if f, err := intake.Open([]byte("%PDF-1.7\n…\n%%EOF\n")); err != nil || f.Media != "application/pdf" {
		t.Errorf("a PDF: %q, %v", f.Media, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(jpegOf(f, quarters(8, 8)))
	f.Add(withExif(jpegOf(f, quarters(8, 8)), 6))
	f.Add(pngOf(f, quarters(8, 8)))
	f.Add([]byte("%PDF-1.7\n%%EOF"))
	f.Fuzz(func(t *testing.T, body []byte) {
		file, err := intake.Open(body)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if again, err := intake.Open(file.Body); err != nil || again.Media != file.Media {
			t.Fatalf("what was taken as %s is not taken again: %v", file.Media, err)
		}
	})
}

// packed makes an archive of names and texts.
func packed(t testing.TB, edit func(*zip.FileHeader), entries ...[2]string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e[0], Method: zip.Deflate}
		if edit != nil {
			edit(h)
		}
		in, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func unpack(r *bytes.Reader, b intake.Budget) (names []string, n int64, err error) {
	a, err := intake.OpenArchive(r, r.Size(), b)
	if err != nil {
		return nil, 0, err
	}
	for i := range a.Len() {
		names = append(names, a.Name(i))
		in, err := a.Open(i)
		if err != nil {
			return names, n, err
		}
		m, err := io.Copy(io.Discard, in)
		in.Close()
		n += m
		if err != nil {
			return names, n, err
		}
	}
	return names, n, nil
}

// lying returns an archive whose file says it is shorter than it is.
func lying(t testing.TB) *bytes.Reader {
	t.Helper()
	body, err := io.ReadAll(packed(t, nil, [2]string{"a", noise(4 << 20)}))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(body, []byte("PK\x01\x02"))
	copy(body[at+24:], []byte{10, 0, 0, 0})
	return bytes.NewReader(body)
}

func TestZip(t *testing.T) {
	b := intake.Budget{Files: 3, Bytes: 8 << 20, Ratio: 100}
	names, n, err := unpack(packed(t, nil, [2]string{"a/b.json", "12345"}, [2]string{"a/", ""}, [2]string{"c.ndjson", "678"}), b)
	if err != nil || fmt.Sprint(names) != "[a/b.json c.ndjson]" || n != 8 {
		t.Errorf("an honest archive gives %v, %d bytes, %v", names, n, err)
	}
	for name, r := range map[string]*bytes.Reader{
		"up":        packed(t, nil, [2]string{"../evil", "x"}),
		"up inside": packed(t, nil, [2]string{"a/../../evil", "x"}),
		"absolute":  packed(t, nil, [2]string{"/etc/passwd", "x"}),
		"drive":     packed(t, nil, [2]string{"c:evil", "x"}),
		"backslash": packed(t, nil, [2]string{`..\evil`, "x"}),
		"link":      packed(t, func(h *zip.FileHeader) { h.SetMode(0o777 | 1<<27) }, [2]string{"link", "/etc/passwd"}),
		"too many":  packed(t, nil, [2]string{"1", ""}, [2]string{"2", ""}, [2]string{"3", ""}, [2]string{"4", ""}),
		"bomb":      packed(t, nil, [2]string{"zeros", strings.Repeat("\x00", 4<<20)}),
		"sum":       packed(t, nil, [2]string{"1", noise(5 << 20)}, [2]string{"2", noise(5 << 20)}),
		"lying":     lying(t),
		"no zip":    bytes.NewReader([]byte("PK no")),
	} {
		_, n, err := unpack(r, b)
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
		if n > b.Bytes {
			t.Errorf("%s: %d bytes came out", name, n)
		}
	}
}

// noise is text that does not pack well.
func noise(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func FuzzZip(f *testing.F) {
	for _, r := range []*bytes.Reader{packed(f, nil, [2]string{"a", "b"}), packed(f, nil, [2]string{"../a", "b"}, [2]string{"c", strings.Repeat("d", 1000)})} {
		b, _ := io.ReadAll(r)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		names, n, err := unpack(bytes.NewReader(b), intake.Budget{Files: 10, Bytes: 1 << 20, Ratio: 100})
		if err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatal(err)
		}
		if n > 1<<20 || len(names) > 10 {
			t.Fatalf("%d files, %d bytes", len(names), n)
		}
	})
}

func TestGzip(t *testing.T) {
	pack := func(s string) io.Reader {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return &b
	}
	b := intake.Budget{Bytes: 8 << 20, Ratio: 100}
	r, err := intake.Gzip(pack("hello"), b)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	r, err = intake.Gzip(pack(strings.Repeat("\x00", 6<<20)), b)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, intake.ErrBudget) || n > 2<<20 {
		t.Errorf("a bomb gives %d bytes, %v", n, err)
	}
	if _, err := intake.Gzip(strings.NewReader("no"), b); errs.KindOf(err) != errs.Invalid {
		t.Errorf("no gzip at all: %v", err)
	}
}

func read(doc string, limit int64) (text string, err error) {
	x := intake.NewXML(strings.NewReader(doc), limit)
	for {
		token, err := x.Token()
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return text, err
		}
		if c, ok := token.(xml.CharData); ok {
			text += string(c)
		}
	}
}

func TestXML(t *testing.T) {
	if got, err := read("<?xml version='1.0'?><a><!-- no --><b>one &amp; two</b></a>", 1000); err != nil || got != "one & two" {
		t.Errorf("%q, %v", got, err)
	}
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]><a>&lol2;</a>`
	for name, doc := range map[string]string{
		"laughs": laughs, "entity": "<a>&lol;</a>", "file": `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`,
		"parameter": `<!DOCTYPE a [<!ENTITY % x SYSTEM "http://169.254.169.254/">%x;]><a/>`,
		"deep":      strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65), "open": "<a><b></a>", "cut": "<a><b", "utf-7": "<?xml version='1.0' encoding='utf-7'?><a/>",
		"name": "<" + strings.Repeat("a", 300) + "/>", "attributes": "<a " + attributes(300) + "/>", "long": "<a>" + strings.Repeat("x", 2<<20) + "</a>",
		"attribute": `<a b="` + strings.Repeat("x", 2<<20) + `"/>`,
	} {
		if _, err := read(doc, 1<<20); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d='' ", i)
	}
	return b.String()
}

// An endless attribute costs no more memory than the limit allows.
func TestXMLMemory(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`<a b="`), zeros{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := intake.NewXML(endless, 8<<20).Token(); err == nil {
		t.Fatal("an endless document was read")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("%d MB were used", got>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzXML(f *testing.F) {
	f.Add("<a b='c'>d&amp;e<f/></a>")
	f.Add("<!DOCTYPE a><a/>")
	f.Fuzz(func(t *testing.T, doc string) {
		if _, err := read(doc, 1<<16); err != nil && errs.KindOf(err) != errs.Invalid {
			t.Fatal(err)
		}
	})
}
