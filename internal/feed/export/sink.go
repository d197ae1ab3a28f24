package export

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"golang.org/x/sync/errgroup"

	"hale/internal/base/seal"
	"hale/internal/store/blob"
)

// A sink takes the lines of one slice and packs and seals them into one file
// for each type. Lines are packed in blocks, several at a time; the blocks of
// a file are one gzip stream (RFC 1952), whose parts end at a byte.
type sink struct {
	files   blob.Files
	export  string
	work    chan *chunk
	group   *errgroup.Group
	ctx     context.Context
	outputs map[place]*output
	spare   sync.Pool
}

// place is where a line belongs.
type place struct{ kind, typ string }

// output is one file under way.
type output struct {
	place
	id    string
	chunk *chunk // being filled

	mu        sync.Mutex
	draft     *blob.Draft
	sum       uint32
	bytes     int64
	resources int64
}

// chunk is some lines of one file.
type chunk struct {
	to    *output
	lines []byte
	n     int64
}

// chunkSize is how much is packed at a time.
const chunkSize = 128 << 10

// packers is how many pack at a time.
const packers = 2

// newSink returns a sink for one slice of an export.
func newSink(ctx context.Context, files blob.Files, export string) *sink {
	s := &sink{files: files, export: export, work: make(chan *chunk, packers), outputs: map[place]*output{}}
	s.spare.New = func() any { return &chunk{lines: make([]byte, 0, chunkSize+chunkSize/4)} }
	s.group, s.ctx = errgroup.WithContext(ctx)
	for range packers {
		s.group.Go(s.pack)
	}
	return s
}

// to returns the file for a place. One goroutine alone fills a sink.
func (s *sink) to(at place) (*output, error) {
	if o := s.outputs[at]; o != nil {
		return o, nil
	}
	id := seal.Token(18)
	d, err := s.files.Create(s.ctx, "export/"+id)
	if err != nil {
		return nil, err
	}
	o := &output{place: at, id: id, draft: d}
	s.outputs[at] = o
	// RFC 1952 §2.3: deflate, no name, no time, fastest, unknown system.
	_, err = d.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255})
	return o, err
}

// add adds a line that fn appends to what is there.
func (s *sink) add(at place, fn func([]byte) []byte) error {
	o, err := s.to(at)
	if err != nil {
		return err
	}
	if o.chunk == nil {
		o.chunk, _ = s.spare.Get().(*chunk)
		o.chunk.to, o.chunk.n = o, 0
	}
	c := o.chunk
	c.lines = fn(c.lines)
	c.n++
	if len(c.lines) < chunkSize {
		return nil
	}
	o.chunk = nil
	return s.send(c)
}

func (s *sink) send(c *chunk) error {
	select {
	case s.work <- c:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

// pack packs chunks until there are no more.
func (s *sink) pack() error {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return err
	}
	for c := range s.work {
		out.Reset()
		z.Reset(&out)
		if _, err := z.Write(c.lines); err != nil {
			return err
		}
		if err := z.Flush(); err != nil { // ends at a byte, and is not the last
			return err
		}
		if err := c.to.append(c, out.Bytes()); err != nil {
			return err
		}
		c.lines = c.lines[:0]
		s.spare.Put(c)
	}
	return nil
}

// append adds a packed chunk to its file.
func (o *output) append(c *chunk, packed []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sum = crc32.Update(o.sum, crc32.IEEETable, c.lines)
	o.bytes += int64(len(c.lines))
	o.resources += c.n
	_, err := o.draft.Write(packed)
	return err
}

// finish ends every file and puts it on the disk.
func (s *sink) finish() ([]*output, error) {
	for _, o := range s.outputs {
		if c := o.chunk; c != nil {
			o.chunk = nil
			if s.send(c) != nil {
				break // the group knows why
			}
		}
	}
	close(s.work)
	if err := s.group.Wait(); err != nil {
		return nil, err
	}
	var list []*output
	for _, o := range s.outputs {
		// An empty last block, the sum and the length.
		end := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0xff, 0xff}, o.sum)
		end = binary.LittleEndian.AppendUint32(end, uint32(o.bytes))
		if _, err := o.draft.Write(end); err != nil {
			return nil, err
		}
		if err := o.draft.Finish(); err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

// discard takes away what was written.
func (s *sink) discard() {
	for _, o := range s.outputs {
		o.draft.Discard()
	}
}

// abandon stops what is under way and takes away what was written.
func (s *sink) abandon() {
	close(s.work)
	_ = s.group.Wait()
	s.discard()
}
