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
	typ := firstType(head)
	if !more { // a line that goes on beyond the window
		if typ != "" && typ != "Bundle" {
			return lineByOne, nil
		}
		return whole, nil
	}
	rest = bytes.TrimLeft(rest, "\r\n")
	goesOn := bytes.HasSuffix(bytes.TrimRight(line, " \t\r"), []byte(",")) || endsOpen(line)
	if typ != "Bundle" && !goesOn && bytes.HasPrefix(rest, []byte(`{"`)) {
		return lineByOne, nil // its first line is broken
	}
	return whole, nil
}

// endsOpen says whether a line ends with an opened bracket.
func endsOpen(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r")
	return len(line) > 0 && (line[len(line)-1] == '[' || line[len(line)-1] == '{')
}

// firstType returns the resourceType that head begins with, if it does.
func firstType(head []byte) string {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(head[1:], " \t\r\n"), []byte(`"resourceType"`))
	if !ok {
		return ""
	}
	rest = bytes.TrimLeft(rest, " \t\r\n:\"")
	typ, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(typ)
}
