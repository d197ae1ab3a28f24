package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxResource is the most bytes of one resource.
const MaxResource = 10 << 20

var errTooLarge = fmt.Errorf("larger than %d MB", MaxResource>>20)

// document reads one JSON object from a stream. The elements of its array
// "entry" are handed out one by one; the rest, where they are written as 0,
// is kept.
type document struct {
	in    *bufio.Reader
	pos   int64
	entry int    // the number of the entry being read
	rest  []byte // the object without its entries and without space
	buf   []byte // the entry being read
}

func newDocument(in io.Reader) *document {
	return &document{in: bufio.NewReaderSize(in, 256<<10)}
}

// placeError is an error at a place of a file.
type placeError struct {
	entry  int
	place  string
	reason string
	cause  error // may be nil
}

func (e *placeError) Error() string { return e.reason }

func (e *placeError) Unwrap() error { return e.cause }

func (d *document) fail(reason string) error {
	return &placeError{d.entry, fmt.Sprintf("byte %d", d.pos), reason, nil}
}

// read reads the whole object and calls each with every entry, whose bytes
// are good until the next.
func (d *document) read(each func(entry int, raw []byte) error) error {
	depth, inEntries := 0, false
	var key []byte // the last string at depth 1: in front of [ it is a key
	for {
		c, err := d.next()
		if err != nil {
			return d.end(err)
		}
		switch c {
		case '"':
			start := len(d.rest)
			if d.rest, err = d.text(d.rest); err != nil {
				return err
			}
			if depth == 1 {
				key = append(key[:0], d.rest[start+1:len(d.rest)-1]...)
			}
			continue
		case '{', '[':
			if inEntries && depth == 2 {
				if err := d.readEntry(c, each); err != nil {
					return err
				}
				d.rest = append(d.rest, '0')
				continue
			}
			depth++
			inEntries = inEntries || depth == 2 && c == '[' && string(key) == "entry"
		case '}', ']':
			depth--
			inEntries = inEntries && depth >= 2
		}
		d.rest = append(d.rest, c)
		if len(d.rest) > MaxResource {
			return d.fail(errTooLarge.Error())
		}
		if depth <= 0 {
			return d.trailing()
		}
	}
}

// trailing checks that nothing follows the object.
func (d *document) trailing() error {
	_, err := d.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		return d.fail("something follows the end")
	}
	return err
}

func (d *document) end(err error) error {
	if errors.Is(err, io.EOF) {
		return d.fail("the file ends too early")
	}
	return err
}

// next returns the next byte that is not space.
func (d *document) next() (byte, error) {
	for {
		c, err := d.in.ReadByte()
		if err != nil {
			return 0, err
		}
		d.pos++
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, nil
		}
	}
}

// text appends the string whose first quote has been read to b.
func (d *document) text(b []byte) ([]byte, error) {
	b = append(b, '"')
	for {
		part, err := d.in.ReadSlice('"')
		d.pos += int64(len(part))
		b = append(b, part...)
		if len(b) > MaxResource {
			return b, d.fail(errTooLarge.Error())
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return b, d.end(err)
		}
		if !escapedEnd(b) {
			return b, nil
		}
	}
}

// escapedEnd says whether the quote at b's end is escaped.
func escapedEnd(b []byte) bool {
	n := 0
	for i := len(b) - 2; i > 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// readEntry reads the value that begins with bracket and hands it out.
func (d *document) readEntry(bracket byte, each func(int, []byte) error) error {
	d.entry++
	d.buf = append(d.buf[:0], bracket)
	for depth := 1; depth > 0; {
		part, err := d.bracketOrQuote()
		d.buf = append(d.buf, part...)
		if len(d.buf) > MaxResource {
			return d.fail(errTooLarge.Error())
		}
		if err != nil {
			return d.end(err)
		}
		if len(part) == 0 {
			continue
		}
		switch d.buf[len(d.buf)-1] {
		case '"':
			d.buf = d.buf[:len(d.buf)-1]
			start := len(d.buf)
			text, err := d.text(d.buf[start:])
			if err != nil {
				return err
			}
			d.buf = append(d.buf[:start], text...)
			if len(d.buf) > MaxResource {
				return d.fail(errTooLarge.Error())
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	err := each(d.entry, d.buf)
	d.buf = d.buf[:0]
	return err
}

// bracketOrQuote returns what comes up to and with the next bracket or quote.
func (d *document) bracketOrQuote() ([]byte, error) {
	if _, err := d.in.Peek(1); err != nil {
		return nil, err
	}
	window, _ := d.in.Peek(d.in.Buffered())
	n := bytes.IndexAny(window, `{}[]"`)
	if n < 0 {
		n = len(window) - 1
	}
	part := window[:n+1]
	_, err := d.in.Discard(n + 1)
	d.pos += int64(n + 1)
	return part, err
}
