package record

import (
	"bytes"
	"strconv"
	"time"
)

// AppendLine adds r to dst as one line of NDJSON, what JSON returns on one
// line, and a line feed. It reads no more of the body than where its id and
// its meta are.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-output-file-request
func AppendLine(dst []byte, id string, version, updated int64, body []byte) []byte {
	start := len(dst)
	at, ok := shallow(body)
	if !ok {
		r := Resource{ID: id, Version: version, Updated: time.UnixMicro(updated), Body: body}
		dst = append(dst, r.JSON()...)
	} else {
		dst = at.append(dst, id, version, updated, body)
	}
	if bytes.IndexByte(dst[start:], '\n') >= 0 || bytes.IndexByte(dst[start:], '\r') >= 0 {
		dst = oneLine(dst, start)
	}
	return append(dst, '\n')
}

// oneLine takes the line ends out of dst from start on; no text of JSON has
// one.
func oneLine(dst []byte, start int) []byte {
	out := dst[:start]
	for _, c := range dst[start:] {
		if c != '\n' && c != '\r' {
			out = append(out, c)
		}
	}
	return out
}

// piece is where a value begins and ends.
type piece struct{ from, to int }

// outline is where a body has its id and its meta.
type outline struct {
	open              int // after the first bracket
	empty             bool
	id, meta          piece
	version, updated  piece // within meta
	inMeta, metaEmpty bool
}

// shallow finds the outline of a body that was taken as FHIR's JSON before.
func shallow(body []byte) (o outline, ok bool) {
	var at int
	o.empty = true
	ok = members(body, space(body, 0), func(key []byte, v piece) {
		o.empty = false
		switch string(key) {
		case "id":
			o.id = v
		case "meta":
			o.meta = v
		}
	}, &o.open, &at)
	if !ok || o.meta.to == 0 || body[o.meta.from] != '{' {
		return o, ok
	}
	o.inMeta, o.metaEmpty = true, true
	var open int
	ok = members(body, o.meta.from, func(key []byte, v piece) {
		o.metaEmpty = false
		switch string(key) {
		case "versionId":
			o.version = v
		case "lastUpdated":
			o.updated = v
		}
	}, &open, &at)
	return o, ok
}

// members calls fn with every member of the object that begins at from.
func members(b []byte, from int, fn func(key []byte, v piece), open, end *int) bool {
	if from >= len(b) || b[from] != '{' {
		return false
	}
	*open = from + 1
	at := space(b, from+1)
	for at < len(b) && b[at] != '}' {
		if b[at] == ',' {
			at = space(b, at+1)
		}
		if at >= len(b) || b[at] != '"' {
			return false
		}
		stop := textEnd(b, at)
		if stop < 0 {
			return false
		}
		key := b[at+1 : stop-1]
		if at = space(b, stop); at >= len(b) || b[at] != ':' {
			return false
		}
		at = space(b, at+1)
		stop = valueEnd(b, at)
		if stop < 0 {
			return false
		}
		fn(key, piece{at, stop})
		at = space(b, stop)
	}
	*end = at + 1
	return at < len(b)
}

func space(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// textEnd returns where the text that begins at the quote at ends.
func textEnd(b []byte, at int) int {
	for i := at + 1; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		end := i + n
		back := end
		for back > at+1 && b[back-1] == '\\' {
			back--
		}
		if (end-back)%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
}

// valueEnd returns where the value that begins at at ends.
func valueEnd(b []byte, at int) int {
	if at >= len(b) {
		return -1
	}
	switch b[at] {
	case '"':
		return textEnd(b, at)
	case '{', '[':
		return nestedEnd(b, at)
	}
	for i := at; i < len(b); i++ {
		if c := b[i]; c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			return i
		}
	}
	return -1
}

// nestedEnd returns where the object or list that begins at at ends.
func nestedEnd(b []byte, at int) int {
	depth := 0
	for i := at; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := textEnd(b, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// append adds body with id, version and time written in, as Resource.JSON
// does.
func (o outline) append(dst []byte, id string, version, updated int64, body []byte) []byte {
	at := 0
	upTo := func(n int) { dst, at = append(dst, body[at:n]...), n }
	over := func(p piece, value func()) {
		upTo(p.from)
		value()
		at = p.to
	}
	writeID := func() { dst = append(append(append(dst, '"'), id...), '"') }
	missing := o.id.to == 0
	if missing || !o.inMeta {
		upTo(o.open)
		if missing {
			dst = append(dst, `"id":`...)
			writeID()
		}
		if !o.inMeta && o.meta.to == 0 {
			if missing {
				dst = append(dst, ',')
			}
			dst = appendBoth(append(dst, `"meta":{`...), version, updated)
			dst = append(dst, '}')
		}
		if !o.empty && (missing || o.meta.to == 0) {
			dst = append(dst, ',')
		}
	}
	meta := func() { dst = o.appendMeta(dst, version, updated, body) }
	switch {
	case o.id.to != 0 && (o.meta.to == 0 || o.id.from < o.meta.from):
		over(o.id, writeID)
		if o.meta.to != 0 {
			over(o.meta, meta)
		}
	default:
		if o.meta.to != 0 {
			over(o.meta, meta)
		}
		if o.id.to != 0 {
			over(o.id, writeID)
		}
	}
	upTo(len(body))
	return dst
}

// appendMeta adds the meta of body with version and time written in.
func (o outline) appendMeta(dst []byte, version, updated int64, body []byte) []byte {
	if !o.inMeta { // not an object, which cannot be
		dst = appendBoth(append(dst, '{'), version, updated)
		return append(dst, '}')
	}
	dst = append(dst, '{')
	at := o.meta.from + 1
	if o.version.to == 0 {
		dst = appendVersion(dst, version)
	}
	if o.updated.to == 0 {
		if o.version.to == 0 {
			dst = append(dst, ',')
		}
		dst = appendUpdated(dst, updated)
	}
	if !o.metaEmpty && (o.version.to == 0 || o.updated.to == 0) {
		dst = append(dst, ',')
	}
	first, second := o.version, o.updated
	if second.to != 0 && (first.to == 0 || second.from < first.from) {
		first, second = second, first
	}
	for _, p := range [...]piece{first, second} {
		if p.to == 0 {
			continue
		}
		dst = append(dst, body[at:p.from]...)
		if p == o.version {
			dst = append(strconv.AppendInt(append(dst, '"'), version, 10), '"')
		} else {
			dst = appendTime(dst, updated)
		}
		at = p.to
	}
	return append(dst, body[at:o.meta.to]...)
}

func appendVersion(dst []byte, version int64) []byte {
	dst = strconv.AppendInt(append(dst, `"versionId":"`...), version, 10)
	return append(dst, '"')
}

func appendUpdated(dst []byte, updated int64) []byte {
	return appendTime(append(dst, `"lastUpdated":`...), updated)
}

func appendBoth(dst []byte, version, updated int64) []byte {
	return appendUpdated(append(appendVersion(dst, version), ','), updated)
}

func appendTime(dst []byte, updated int64) []byte {
	dst = time.UnixMicro(updated).UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.000Z")
	return append(dst, '"')
}
