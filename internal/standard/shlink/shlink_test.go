package shlink

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// example is the link of the specification's own example.
//
// Spec: https://docs.smarthealthit.org/smart-health-links/spec/#construct-a-shlink-payload
const example = "shlink:/eyJ1cmwiOiJodHRwczovL2Voci5leGFtcGxlLm9yZy9xci9ZOXh3a1VkdG1OOXd3b0pvTjNmZkpJaFgyVUd2Q0wxSm5sUFZOTDNrRFdNL20iLCJmbGFnIjoiTFAiLCJrZXkiOiJyeFRnWWxPYUtKUEZ0Y0VkMHFjY2VOOHdFVTRwOTRTcUF3SVdRZTZ1WDdRIiwibGFiZWwiOiJCYWNrLXRvLXNjaG9vbCBpbW11bml6YXRpb25zIGZvciBPbGl2ZXIgQnJvd24ifQ" // not a secret: the specification's

func TestParse(t *testing.T) {
	for _, text := range []string{example, "https://viewer.example.org#" + example, "  " + example + "\n"} {
		l, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		if l.URL != "https://ehr.example.org/qr/Y9xwkUdtmN9wwoJoN3ffJIhX2UGvCL1JnlPVNL3kDWM/m" || l.Flags() != "LP" || l.Label != "Back-to-school immunizations for Oliver Brown" || text64(l.Key) != "rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q" {
			t.Errorf("Parse = %+v, want what the specification's example says", l)
		}
	}
	for _, text := range []string{"", "shlink:/", "shlink:/!!!", "https://x.example/shlink:/" + example[len(Scheme):], "shlink:/" + text([]byte(`{"url":"https://x.example","key":"short"}`)),
		"shlink:/" + text([]byte(`{"url":"file:///etc/passwd","key":"rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"}`)), "shlink:/" + text([]byte(`{"url":"https://x.example","flag":"PU","key":"rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"}`)),
		"shlink:/" + strings.Repeat("A", maxLink)} { // not secrets: damaged
		if _, err := Parse(text); !errors.Is(err, ErrLink) {
			t.Errorf("Parse(%.40q) = %v, want ErrLink", text, err)
		}
	}
	newer := "shlink:/" + text([]byte(`{"v":2,"url":"https://x.example","key":"rxTgYlOaKJPFtcEd0qcceN8wEU4p94SqAwIWQe6uX7Q"}`)) // not a secret
	if _, err := Parse(newer); !errors.Is(err, ErrVersion) {
		t.Errorf("Parse of version 2 = %v, want ErrVersion", err)
	}
}

func text64(key [KeySize]byte) string { return text(key[:]) }

func TestString(t *testing.T) {
	in := Link{URL: "https://hale.example/shl/abc", Key: [KeySize]byte{1, 2, 3}, Expires: time.Unix(1<<31, 0).UTC(), Live: true, Locked: true, Label: "For Dr. Lee"}
	out, err := Parse(in.String())
	if err != nil || out != in {
		t.Errorf("Parse(String) = %+v, %v, want %+v", out, err, in)
	}
}

// An independent library opens what Seal makes, and Open what it makes.
func TestJWE(t *testing.T) {
	key := [KeySize]byte{7, 7, 7}
	plain := bytes.Repeat([]byte(`{"resourceType":"Bundle"}`), 100)
	sealed, err := Seal(key, FHIR, plain)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := theirs.Decrypt(key[:]); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("go-jose opens %d bytes, %v, want %d", len(got), err, len(plain))
	}
	for _, zip := range []jose.CompressionAlgorithm{jose.NONE, jose.DEFLATE} {
		enc, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key[:]}, (&jose.EncrypterOptions{Compression: zip}).WithContentType(Card))
		if err != nil {
			t.Fatal(err)
		}
		o, err := enc.Encrypt(plain)
		if err != nil {
			t.Fatal(err)
		}
		made, _ := o.CompactSerialize()
		if typ, got, err := Open(key, made); err != nil || typ != Card || !bytes.Equal(got, plain) {
			t.Errorf("Open of %q = %q, %d bytes, %v", zip, typ, len(got), err)
		}
	}
	again, _ := Seal(key, FHIR, plain)
	if again == sealed {
		t.Error("two seals of one text are the same, want a nonce for each")
	}
	if _, _, err := Open([KeySize]byte{8}, sealed); !errors.Is(err, ErrFile) {
		t.Errorf("Open with another key = %v, want ErrFile", err)
	}
	changed := []byte(sealed)
	changed[len(changed)/2] ^= 1
	if _, _, err := Open(key, string(changed)); !errors.Is(err, ErrFile) {
		t.Errorf("Open of a changed file = %v, want ErrFile", err)
	}
	bomb, err := Seal(key, FHIR, make([]byte, MaxPlain+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(key, bomb); !errors.Is(err, ErrFile) {
		t.Errorf("Open of a bomb of %d characters = %v, want ErrFile", len(bomb), err)
	}
}

func TestManifest(t *testing.T) {
	if _, err := ReadAsk([]byte(`{"passcode":"1234"}`)); !errors.Is(err, ErrLink) {
		t.Errorf("ReadAsk without a recipient = %v, want ErrLink", err)
	}
	a, err := ReadAsk([]byte(`{"recipient":"Dr. Lee","embeddedLengthMax":0}`))
	if err != nil || a.EmbeddedMax == nil || *a.EmbeddedMax != 0 {
		t.Errorf("ReadAsk = %+v, %v, want a bound of 0", a, err)
	}
	m, err := ReadManifest([]byte(`{"files":[{"contentType":"application/fhir+json","embedded":"a.b"},{"contentType":"x"}]}`))
	if err != nil || len(m.Files) != 1 {
		t.Errorf("ReadManifest = %+v, %v, want the one file that is somewhere", m, err)
	}
	if _, err := ReadManifest([]byte(`{"files":[` + strings.Repeat(`{},`, maxFiles) + `{}]}`)); !errors.Is(err, ErrLink) {
		t.Errorf("ReadManifest of too many files = %v, want ErrLink", err)
	}
}

// What Parse takes, String gives back and Parse takes again.
func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("https://v.example/#" + example)
	f.Fuzz(func(t *testing.T, in string) {
		l, err := Parse(in)
		if err != nil {
			return
		}
		again, err := Parse(l.String())
		if err != nil || again != l {
			t.Errorf("Parse(%q) = %+v, again %+v, %v", in, l, again, err)
		}
	})
}

// Nothing that another server sends breaks Open or the readers of a manifest.
func FuzzOpen(f *testing.F) {
	good, _ := Seal([KeySize]byte{}, FHIR, []byte("{}"))
	f.Add(good)
	f.Add(`{"files":[{"embedded":"x"}]}`)
	f.Fuzz(func(t *testing.T, in string) {
		if _, plain, err := Open([KeySize]byte{}, in); err == nil && len(plain) > MaxPlain {
			t.Errorf("Open gave %d bytes", len(plain))
		}
		if m, err := ReadManifest([]byte(in)); err == nil && len(m.Files) > maxFiles {
			t.Errorf("ReadManifest gave %d files", len(m.Files))
		}
		if a, err := ReadAsk([]byte(in)); err == nil && a.Recipient == "" {
			t.Error("ReadAsk gave no recipient")
		}
	})
}
