package shares

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
)

// The products of FIPS 197, sections 4.2 and 4.2.1.
func TestTimes(t *testing.T) {
	tests := [][3]byte{{0x57, 0x83, 0xc1}, {0x57, 0x13, 0xfe}, {0x57, 0x02, 0xae}, {0x57, 0x04, 0x47}, {0x57, 0x08, 0x8e}, {0x57, 0x10, 0x07}, {0, 9, 0}, {1, 9, 9}}
	for _, tt := range tests {
		if got := times(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%02x·%02x = %02x, want %02x", tt[0], tt[1], got, tt[2])
		}
	}
	for a := 1; a < 256; a++ {
		if got := times(byte(a), inverse(byte(a))); got != 1 {
			t.Errorf("%02x times its inverse = %02x, want 01", a, got)
		}
	}
}

// A worked example: the polynomials 0x42+0x05x and 0xff+0x80x at 1 to 3.
func TestSplitVector(t *testing.T) {
	random := bytes.NewReader([]byte{9, 9, 9, 0x05, 0x80})
	list, err := Split(random, []byte{0x42, 0xff}, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{{0x47, 0x7f}, {0x48, 0xe4}, {0x4d, 0x64}} {
		if !bytes.Equal(list[i].Values, want) {
			t.Errorf("share %d = %x, want %x", i+1, list[i].Values, want)
		}
	}
}

// For every number and need up to 5: any need shares in any order restore
// the secret, printed and typed back; one fewer does not.
func TestJoin(t *testing.T) {
	for n := 2; n <= 5; n++ {
		for need := 2; need <= n; need++ {
			secret := make([]byte, 32)
			_, _ = rand.Read(secret)
			list, err := Split(rand.Reader, secret, n, need)
			if err != nil {
				t.Fatal(err)
			}
			for pick := range 1 << n {
				var some []Share
				for i := range n {
					if pick>>i&1 == 1 {
						s, err := Parse(strings.ToLower(strings.ReplaceAll(list[i].String(), "-", " ")))
						if err != nil {
							t.Fatal(err)
						}
						some = append([]Share{s}, some...)
					}
				}
				got, err := Join(some)
				if enough := len(some) >= need; enough != (err == nil && bytes.Equal(got, secret)) {
					t.Errorf("%d of %d with %d shares: restored %v, %v", need, n, len(some), bytes.Equal(got, secret), err)
				}
			}
		}
	}
}

// One share of two says nothing: under it every secret is as likely. For
// each value of a share each secret byte has exactly one polynomial.
func TestOneShareSaysNothing(t *testing.T) {
	for secret := range 256 {
		seen := map[byte]bool{}
		for slope := range 256 {
			seen[at([]byte{byte(secret), byte(slope)}, 3)] = true
		}
		if len(seen) != 256 {
			t.Fatalf("secret %d shows in %d values of a share, want 256", secret, len(seen))
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	a, err := Split(rand.Reader, []byte("one secret"), 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Split(rand.Reader, []byte("another one"), 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]Share{"none": nil, "one": a[:1], "one twice": {a[0], a[0]}, "of two sets": {a[0], b[1]}} {
		if got, err := Join(list); !errors.Is(err, ErrFew) {
			t.Errorf("%s: Join = %q, %v, want ErrFew", name, got, err)
		}
	}
	for _, n := range [][2]int{{1, 1}, {2, 3}, {256, 2}, {3, 0}} {
		if _, err := Split(rand.Reader, []byte("x"), n[0], n[1]); err == nil {
			t.Errorf("Split %d of %d = nil error, want one", n[1], n[0])
		}
	}
}

// Each letter copied wrongly is found.
func TestParseFindsMistakes(t *testing.T) {
	list, err := Split(rand.Reader, bytes.Repeat([]byte{7}, 32), 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	text := list[0].String()
	for i, r := range text {
		if r == '-' {
			continue
		}
		for _, other := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			if other == r {
				continue
			}
			if s, err := Parse(text[:i] + string(other) + text[i+1:]); err == nil {
				t.Errorf("with %c for %c at %d Parse = %v, want an error", other, r, i, s)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	list, _ := Split(rand.Reader, []byte("secret"), 3, 2)
	f.Add(list[0].String())
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("Parse(%q) = %v, which does not read back: %v", text, s, err)
		}
	})
}
