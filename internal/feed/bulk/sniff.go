package bulk

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"hale/internal/standard/fhir"
)

// format is what a file holds.
type format int

const (
	other     format = iota // no JSON object
	whole                   // one JSON object: a bundle or a resource
	lineByOne               // a JSON object on each line
)

// window is how much of a file its format is told by.
const window = 64 << 10

// sniff tells what in holds from its beginning.
func sniff(in io.Reader) (format, error) {
	head, err := bufio.NewReaderSize(in, window).Peek(window)
	if err != nil && !errors.Is(err, io.EOF) {
		return other, err
	}
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] != '{' {
		return other, nil
	}
	line, rest, more := bytes.Cut(head, []byte("\n"))
	if n, err := fhir.Parse(line); err == nil {
		if n.Get("resourceType").Text() == "Bundle" {
			return whole, nil
		}
		return lineByOne, nil
	}
	if !more {
		if startsResource(head) {
			return lineByOne, nil
		}
		return whole, nil
	}
	if rest = bytes.TrimLeft(rest, "\r\n"); len(rest) > 1 && rest[0] == '{' && rest[1] == '"' {
		return lineByOne, nil // its first line is broken
	}
	return whole, nil
}

// startsResource says whether a line that goes on beyond the window begins
// with a resourceType other than Bundle.
func startsResource(head []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(head[1:], " \t"), []byte(`"resourceType"`))
	if !ok {
		return false
	}
	rest = bytes.TrimLeft(rest, " \t:")
	return !bytes.HasPrefix(rest, []byte(`"Bundle"`))
}
