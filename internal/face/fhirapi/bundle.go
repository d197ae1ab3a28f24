package fhirapi

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"hale/internal/record"
)

// bundle is a Bundle that is being written, in a buffer that is used again.
type bundle struct {
	api     *API
	buf     *[]byte
	linked  bool
	entries int
}

// buffers are the texts of bundles that were sent.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 64<<10)
	return &b
}}

// largestBuffer is how large a buffer may be that is kept.
const largestBuffer = 1 << 20

// newBundle begins a bundle of a type.
func (a *API) newBundle(typ string) *bundle {
	buf, _ := buffers.Get().(*[]byte)
	*buf = append((*buf)[:0], `{"resourceType":"Bundle","type":"`...)
	*buf = append(append(*buf, typ...), '"')
	return &bundle{api: a, buf: buf}
}

func (b *bundle) add(text string) { *b.buf = append(*b.buf, text...) }

// text adds a JSON string.
func (b *bundle) text(s string) { *b.buf = quote(*b.buf, s) }

// quote adds s as a JSON string.
func quote(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			text, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

func (b *bundle) total(n int) {
	*b.buf = strconv.AppendInt(append(*b.buf, `,"total":`...), int64(n), 10)
}

// link adds a link. All links come before the first entry.
func (b *bundle) link(relation, address string) {
	if b.linked {
		b.add(`,{"relation":"`)
	} else {
		b.add(`,"link":[{"relation":"`)
	}
	b.linked = true
	b.add(relation)
	b.add(`","url":`)
	b.text(address)
	b.add("}")
}

// entry begins the next entry; end ends it.
func (b *bundle) entry() {
	if b.entries > 0 {
		b.add(",{")
	} else {
		if b.linked {
			b.add("]")
		}
		b.add(`,"entry":[{`)
	}
	b.entries++
}

func (b *bundle) end() { b.add("}") }

// resource adds the address and the body of a resource to an entry.
func (b *bundle) resource(c *Call, r *record.Resource) error {
	b.fullURL(r.Type, r.ID)
	b.add(`,"resource":`)
	body := r.JSON()
	if c.shape.short() {
		short, err := shape{summary: c.shape.summary, elements: c.shape.elements}.of(body)
		if err != nil {
			return err
		}
		body = short
	}
	*b.buf = append(*b.buf, body...)
	return nil
}

func (b *bundle) fullURL(typ, id string) {
	b.add(`"fullUrl":"`)
	b.add(b.api.Base)
	b.add("/")
	b.add(typ)
	b.add("/")
	b.add(id)
	b.add(`"`)
}

// found adds a resource that a search found.
func (b *bundle) found(c *Call, r *record.Resource, mode string) error {
	b.entry()
	if err := b.resource(c, r); err != nil {
		return err
	}
	b.add(`,"search":{"mode":"`)
	b.add(mode)
	b.add(`"}`)
	b.end()
	return nil
}

// note adds an OperationOutcome about the search.
func (b *bundle) note(outcome []byte) {
	b.entry()
	b.add(`"resource":`)
	*b.buf = append(*b.buf, outcome...)
	b.add(`,"search":{"mode":"outcome"}`)
	b.end()
}

// answer ends the bundle.
func (b *bundle) answer(c *Call) Answer {
	if b.linked || b.entries > 0 {
		b.add("]")
	}
	b.add("}")
	return Answer{Body: c.shape.pretty(*b.buf), buf: b.buf}
}

// release gives the buffer of a sent answer back.
func (out *Answer) release() {
	if out.buf != nil && cap(*out.buf) <= largestBuffer {
		buffers.Put(out.buf)
	}
	out.buf = nil
}

// instant is a time as FHIR writes it.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
