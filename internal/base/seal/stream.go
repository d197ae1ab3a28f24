package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
)

// A sealed stream is cut into pieces of PieceSize, each sealed on its own
// with its number in the nonce, and the last one marked as the last: no piece
// can be changed, moved, left out or cut off. The key must be of this one
// stream alone.
//
// Spec: STREAM, https://eprint.iacr.org/2015/189
const (
	PieceSize = 64 << 10
	sealedOne = PieceSize + overhead
)

// nonceOf returns the nonce of piece n.
func nonceOf(n uint64, last bool) []byte {
	b := make([]byte, 12)
	binary.BigEndian.PutUint64(b[3:], n)
	if last {
		b[11] = 1
	}
	return b
}

// StreamWriter seals what is written to it.
type StreamWriter struct {
	out   io.Writer
	aead  cipher.AEAD
	plain []byte
	buf   []byte
	n     uint64
	err   error
}

// StreamTo returns a writer that seals to out. The stream is whole only
// after Close.
func (k Key) StreamTo(out io.Writer) *StreamWriter {
	return &StreamWriter{out: out, aead: k.For("stream").aead(), plain: make([]byte, 0, PieceSize), buf: make([]byte, 0, sealedOne)}
}

// Write seals p.
func (w *StreamWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && w.err == nil {
		if len(w.plain) == PieceSize {
			w.flush(false) // more comes, so it is not the last
		}
		n := copy(w.plain[len(w.plain):PieceSize], p)
		w.plain, p = w.plain[:len(w.plain)+n], p[n:]
	}
	return total - len(p), w.err
}

// Close seals what is left as the last piece. It does not close out.
func (w *StreamWriter) Close() error {
	if w.err == nil {
		w.flush(true)
	}
	return w.err
}

func (w *StreamWriter) flush(last bool) {
	if w.err != nil {
		return
	}
	w.buf = w.aead.Seal(w.buf[:0], nonceOf(w.n, last), w.plain, nil)
	_, w.err = w.out.Write(w.buf)
	w.plain, w.n = w.plain[:0], w.n+1
}

// StreamReader opens a sealed stream anywhere.
type StreamReader struct {
	in    io.ReaderAt
	aead  cipher.AEAD
	size  int64 // of the plain text
	last  int64 // number of the last piece
	at    int64
	held  int64 // number of the piece in plain, -1 for none
	plain []byte
	buf   []byte
}

// errStream says that a stream is no sealed stream of this length.
var errStream = errors.New("seal: the stream is cut off")

// StreamFrom returns a reader of the sealed stream in, of size bytes.
func (k Key) StreamFrom(in io.ReaderAt, size int64) (*StreamReader, error) {
	pieces := (size + sealedOne - 1) / sealedOne
	if pieces == 0 || size-(pieces-1)*sealedOne < overhead {
		return nil, errStream
	}
	return &StreamReader{in: in, aead: k.For("stream").aead(), size: size - pieces*overhead, last: pieces - 1, held: -1, buf: make([]byte, sealedOne)}, nil
}

// Size returns how much plain text there is.
func (r *StreamReader) Size() int64 { return r.size }

// Seek sets where the next Read begins.
func (r *StreamReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return r.at, errors.New("seal: before the beginning of the stream")
	}
	r.at = offset
	return r.at, nil
}

// Read returns plain text; ErrOpen where the stream was changed or cut off.
func (r *StreamReader) Read(p []byte) (int, error) {
	if r.at >= r.size {
		if r.held != r.last { // an end that was not proved is none
			if err := r.load(r.last); err != nil {
				return 0, err
			}
		}
		return 0, io.EOF
	}
	if n := r.at / PieceSize; n != r.held {
		if err := r.load(n); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.plain[r.at-r.held*PieceSize:])
	r.at += int64(n)
	return n, nil
}

// load opens piece n.
func (r *StreamReader) load(n int64) error {
	length := int64(sealedOne)
	if n == r.last {
		length = r.size + (r.last+1)*overhead - n*sealedOne
	}
	r.held = -1
	if _, err := r.in.ReadAt(r.buf[:length], n*sealedOne); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	plain, err := r.aead.Open(r.plain[:0], nonceOf(uint64(n), n == r.last), r.buf[:length], nil)
	if err != nil {
		return ErrOpen
	}
	r.plain, r.held = plain, n
	return nil
}
