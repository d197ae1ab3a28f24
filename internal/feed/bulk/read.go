package bulk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hale/internal/base/errs"
	"hale/internal/standard/fhir"
)

// reader cuts files into pieces and passes each to the workers and, in
// order, to the writer.
type reader struct {
	*run
	work, order chan<- *piece
	now         *piece
	again       []int32 // the lines of the file to read again; nil: all of it
}

// send passes p on.
func (r *reader) send(ctx context.Context, p *piece) error {
	p.ready = make(chan struct{})
	if len(p.items) == 0 {
		close(p.ready)
	} else {
		select {
		case r.work <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case r.order <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain waits until everything sent has been written.
func (r *reader) drain(ctx context.Context) error {
	p := &piece{written: make(chan struct{})}
	if err := r.send(ctx, p); err != nil {
		return err
	}
	select {
	case <-p.written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add puts it into the piece being filled.
func (r *reader) add(ctx context.Context, f *file, atomic bool, it *item, size int64) error {
	if r.now == nil {
		r.now = &piece{file: f, atomic: atomic}
	}
	r.now.items = append(r.now.items, it)
	r.now.bytes += size
	if r.now.bytes < pieceBytes && len(r.now.items) < pieceItems {
		return nil
	}
	return r.flush(ctx)
}

func (r *reader) flush(ctx context.Context) error {
	p := r.now
	r.now = nil
	if p == nil {
		return nil
	}
	return r.send(ctx, p)
}

// end ends f: with bad if something is wrong with it as a whole, with an
// error if it could not be read on.
func (r *reader) end(ctx context.Context, f *file, atomic bool, rest int64, bad *Bad, fatal error) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	if bad == nil && errs.KindOf(fatal) == errs.Invalid { // damaged, or packed to harm
		bad, fatal = &Bad{File: f.name, Reason: errs.Say(fatal)}, nil
	}
	return r.send(ctx, &piece{file: f, atomic: atomic, end: true, bytes: rest, bad: bad, fatal: fatal})
}

// file reads f. It returns an error only when ctx has ended.
func (r *reader) file(ctx context.Context, f *file) error {
	r.again, f.pending = f.pending, nil
	in, err := f.open()
	if err != nil {
		return r.end(ctx, f, false, f.size, &Bad{File: f.name, Reason: "cannot be opened"}, nil)
	}
	defer in.Close()
	if f.stream != nil {
		return r.lines(ctx, f, in)
	}
	what, err := sniff(in)
	if err != nil {
		return r.end(ctx, f, false, f.size, &Bad{File: f.name, Reason: "cannot be read"}, nil)
	}
	switch what {
	case lineByOne:
		if err := rewind(in); err != nil {
			return r.end(ctx, f, false, f.size, nil, err)
		}
		return r.lines(ctx, f, in)
	case whole:
		return r.document(ctx, f, in)
	}
	r.skip(Bad{File: f.name, Reason: "no FHIR: not a JSON object"})
	return r.end(ctx, f, false, f.size, nil, nil)
}

// rewind goes back to the beginning of in. What is packed has no way back: it
// is opened once more.
func rewind(in *opened) error {
	if s, ok := in.ReadCloser.(io.Seeker); ok {
		_, err := s.Seek(0, io.SeekStart)
		return err
	}
	again, err := in.file.unpack()
	if err != nil {
		return err
	}
	_ = in.Close()
	in.ReadCloser = again
	return nil
}

func (r *run) skip(b Bad) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = append(r.skipped, b)
}

// lines reads NDJSON.
//
// Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html and https://github.com/ndjson/ndjson-spec
func (r *reader) lines(ctx context.Context, f *file, in io.Reader) error {
	buf := bufio.NewReaderSize(in, 256<<10)
	again := r.again
	for n := 1; ; n++ {
		line, size, err := readLine(buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errTooLarge) {
			return r.end(ctx, f, false, 0, nil, fmt.Errorf("bulk: read %s: %w", f.name, err))
		}
		if again != nil {
			size = 0 // counted already
			if len(again) == 0 || int(again[0]) != n {
				line, err = nil, onlyEnd(err)
			} else {
				again = again[1:]
			}
		}
		it := &item{src: f, file: f.name, entry: n, raw: line}
		if errors.Is(err, errTooLarge) {
			it.bad = &Bad{File: f.name, Entry: n, Reason: errTooLarge.Error()}
		}
		if n == 1 {
			it.raw = bytes.TrimPrefix(it.raw, []byte("\xef\xbb\xbf"))
		}
		if len(bytes.TrimSpace(it.raw)) > 0 || it.bad != nil {
			if err := r.add(ctx, f, false, it, size); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return r.end(ctx, f, false, 0, nil, nil)
		}
	}
}

// onlyEnd returns the end of the file, if err is that too.
func onlyEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return nil
}

// readLine returns the next line without its end, in memory of its own. Of
// one that is too long it returns nothing but reads all.
func readLine(in *bufio.Reader) (line []byte, size int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		if size <= MaxResource {
			line = append(line, part...)
		} else {
			line = nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err == nil && size > MaxResource {
			err = errTooLarge
		}
		if errors.Is(err, io.EOF) && size > MaxResource {
			err = errors.Join(errTooLarge, io.EOF)
		}
		return bytes.TrimRight(line, "\r\n"), size, err
	}
}

// document reads a file that is one JSON object: twice if it is a bundle,
// first to check it and to learn what its entries are called.
func (r *reader) document(ctx context.Context, f *file, in *opened) error {
	b, err := r.survey(ctx, f, in)
	if err != nil {
		return r.end(ctx, f, true, f.size, badOf(f, err), fatalOf(err))
	}
	switch {
	case b.late:
		r.mu.Lock()
		r.retry = append(r.retry, f)
		r.mu.Unlock()
		return nil
	case b.typ != "Bundle" && !fhir.IsType(b.typ):
		r.skip(Bad{File: f.name, Reason: "no FHIR: no resourceType of R4"})
		return r.end(ctx, f, false, f.size, nil, nil)
	case b.typ != "Bundle":
		return r.single(ctx, f, in)
	}
	if err := rewind(in); err != nil {
		return r.end(ctx, f, true, 0, nil, err)
	}
	doc, done := newDocument(in), int64(0)
	if err := doc.mark(); err != nil {
		return r.end(ctx, f, true, 0, nil, err)
	}
	err = doc.read(func(n int, raw []byte) error {
		it, err := b.item(f, n, raw)
		if err != nil {
			return err
		}
		size := doc.pos - done
		done = doc.pos
		return r.add(ctx, f, true, it, size)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.end(ctx, f, true, f.size-done, badOf(f, err), fatalOf(err))
}

// single reads a file that is one resource.
func (r *reader) single(ctx context.Context, f *file, in *opened) error {
	if f.size > MaxResource {
		return r.end(ctx, f, false, f.size, &Bad{File: f.name, Reason: errTooLarge.Error()}, nil)
	}
	if err := rewind(in); err != nil {
		return r.end(ctx, f, false, f.size, nil, err)
	}
	raw, err := io.ReadAll(io.LimitReader(in, MaxResource+1))
	if err == nil && len(raw) > MaxResource {
		return r.end(ctx, f, false, f.size, &Bad{File: f.name, Reason: errTooLarge.Error()}, nil)
	}
	if err != nil {
		return r.end(ctx, f, false, f.size, nil, err)
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	size := f.size
	if r.again != nil {
		size = 0 // counted already
	}
	if err := r.add(ctx, f, false, &item{src: f, file: f.name, entry: 1, raw: raw}, size); err != nil {
		return err
	}
	return r.end(ctx, f, false, 0, nil, nil)
}

// badOf returns what is wrong with a file, if err is about its content.
func badOf(f *file, err error) *Bad {
	if at, ok := errors.AsType[*placeError](err); ok {
		return &Bad{f.name, at.entry, at.place, at.reason}
	}
	return nil
}

// fatalOf returns err if it is not about the file's content.
func fatalOf(err error) error {
	if _, ok := errors.AsType[*placeError](err); ok {
		return nil
	}
	return err
}

// bundle is what the first reading of a document learns.
type bundle struct {
	typ   string // resourceType
	links *links
	met   map[int]bool // entries whose ifNoneExist is met
	late  bool         // refers to what is not there yet

	drained bool // everything read before it has been written
}

// taken are the types of bundles that hold current resources.
var taken = []string{"transaction", "batch", "collection", "searchset", "document"}

// survey reads a document once. What is wrong in an entry counts only if the
// document turns out to be a bundle.
func (r *reader) survey(ctx context.Context, f *file, in *opened) (*bundle, error) {
	if err := rewind(in); err != nil {
		return nil, err
	}
	b := &bundle{links: newLinks(), met: map[int]bool{}}
	doc := newDocument(in)
	if err := doc.mark(); err != nil {
		return nil, err
	}
	var bad error
	err := doc.read(func(n int, raw []byte) error {
		if bad == nil && !b.late {
			bad = r.surveyEntry(ctx, b, n, raw)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	top, err := fhir.Parse(doc.rest)
	if err != nil {
		se, _ := errors.AsType[*fhir.SyntaxError](err)
		return nil, &placeError{0, se.Path, se.Reason, nil}
	}
	b.typ = top.Get("resourceType").Text()
	if b.typ != "Bundle" {
		b.late = false
		return b, nil
	}
	if bad != nil {
		return nil, bad
	}
	if typ := top.Get("type").Text(); !slices.Contains(taken, typ) {
		return nil, &placeError{0, "Bundle.type", "not one of " + strings.Join(taken, ", "), nil}
	}
	return b, nil
}

// mark reads over a byte order mark.
func (d *document) mark() error {
	head, err := d.in.Peek(3)
	if err == nil && string(head) == "\xef\xbb\xbf" {
		_, err = d.in.Discard(3)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
