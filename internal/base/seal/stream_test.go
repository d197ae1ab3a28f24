package seal

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func sealStream(t *testing.T, k Key, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := k.StreamTo(&out)
	for part := plain; len(part) > 0; {
		n := min(len(part), 1000)
		if _, err := w.Write(part[:n]); err != nil {
			t.Fatal(err)
		}
		part = part[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openStream(k Key, sealed []byte) ([]byte, error) {
	r, err := k.StreamFrom(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestStream(t *testing.T) {
	k := NewKey()
	for _, size := range []int{0, 1, PieceSize - 1, PieceSize, PieceSize + 1, 2 * PieceSize, 3*PieceSize + 17} {
		plain := make([]byte, size)
		for i := range plain {
			plain[i] = byte(i * 7 / 3)
		}
		sealed := sealStream(t, k, plain)
		if got, err := openStream(k, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes do not come back: %v", size, err)
		}
		if _, err := openStream(NewKey(), sealed); err == nil {
			t.Errorf("%d bytes open with another key", size)
		}
		for _, cut := range []int{1, overhead, overhead + 1, sealedOne, sealedOne + 1} {
			if cut > len(sealed) {
				continue
			}
			if _, err := openStream(k, sealed[:len(sealed)-cut]); err == nil {
				t.Errorf("%d bytes cut short by %d open", size, cut)
			}
		}
		for at := 0; at < len(sealed); at += 1 + len(sealed)/50 {
			bent := bytes.Clone(sealed)
			bent[at] ^= 4
			if _, err := openStream(k, bent); !errors.Is(err, ErrOpen) {
				t.Errorf("%d bytes with bit %d flipped: %v, want ErrOpen", size, at, err)
			}
		}
	}
}

func TestStreamPiecesStayInPlace(t *testing.T) {
	k := NewKey()
	sealed := sealStream(t, k, make([]byte, 3*PieceSize))
	swapped := append(append(bytes.Clone(sealed[sealedOne:2*sealedOne]), sealed[:sealedOne]...), sealed[2*sealedOne:]...)
	if _, err := openStream(k, swapped); !errors.Is(err, ErrOpen) {
		t.Errorf("swapped pieces: %v, want ErrOpen", err)
	}
	if _, err := openStream(k, append(bytes.Clone(sealed), sealed[:sealedOne]...)); !errors.Is(err, ErrOpen) {
		t.Errorf("a piece more: %v, want ErrOpen", err)
	}
}

func TestStreamSeek(t *testing.T) {
	k := NewKey()
	plain := make([]byte, 2*PieceSize+100)
	for i := range plain {
		plain[i] = byte(i >> 5)
	}
	sealed := sealStream(t, k, plain)
	r, err := k.StreamFrom(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil || r.Size() != int64(len(plain)) {
		t.Fatalf("Size = %d, %v", r.Size(), err)
	}
	for _, at := range []int64{0, 1, PieceSize - 1, PieceSize, 2*PieceSize + 99, int64(len(plain))} {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain[at:]) {
			t.Errorf("from %d: %d bytes, %v; want %d", at, len(got), err, len(plain)-int(at))
		}
	}
}
