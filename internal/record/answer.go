package record

import "sync"

// answer is a body as it is given out, made when it is first asked for and
// kept with the body.
type answer struct {
	once sync.Once
	json []byte
}

// JSON returns the body with the id, the version and the time written in.
// A body that has them keeps its other bytes. It must not be changed. What was
// deleted has none.
func (r Resource) JSON() []byte {
	if r.answer == nil {
		return r.encode()
	}
	r.answer.once.Do(func() { r.answer.json = r.encode() })
	return r.answer.json
}

func (r Resource) encode() []byte {
	at, ok := shallow(r.Body)
	if !ok {
		return r.Body // of a deletion; otherwise it cannot be: PutAll took it
	}
	return at.append(make([]byte, 0, len(r.Body)+128), r.ID, r.Version, r.Updated.UnixMicro(), r.Body)
}

// withID returns a body that has an id with another.
func withID(body []byte, id string) []byte {
	at, ok := shallow(body)
	if !ok || at.id.to == 0 {
		return body
	}
	out := make([]byte, 0, len(body)+len(id))
	out = append(out, body[:at.id.from]...)
	out = append(append(append(out, '"'), id...), '"')
	return append(out, body[at.id.to:]...)
}
