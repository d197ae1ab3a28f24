package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Command is what a PDU asks for or answers.
type Command uint32

// The commands of section 5.1.2.1. An answer has the highest bit set.
const (
	GenericNack         Command = 0x80000000
	BindReceiver        Command = 0x00000001
	BindTransmitter     Command = 0x00000002
	QuerySM             Command = 0x00000003
	SubmitSM            Command = 0x00000004
	DeliverSM           Command = 0x00000005
	Unbind              Command = 0x00000006
	BindTransceiver     Command = 0x00000009
	Outbind             Command = 0x0000000b
	EnquireLink         Command = 0x00000015
	AlertNotification   Command = 0x00000102
	DataSM              Command = 0x00000103
	answer              Command = 0x80000000
	BindTransceiverResp         = BindTransceiver | answer
	BindTransmitterResp         = BindTransmitter | answer
	BindReceiverResp            = BindReceiver | answer
	QuerySMResp                 = QuerySM | answer
	SubmitSMResp                = SubmitSM | answer
	DeliverSMResp               = DeliverSM | answer
	UnbindResp                  = Unbind | answer
	EnquireLinkResp             = EnquireLink | answer
	DataSMResp                  = DataSM | answer
)

// Tag names an optional parameter.
type Tag uint16

// The optional parameters of section 5.3.2 that are used here.
const (
	TagReceiptedID Tag = 0x001e // the message that a receipt is about
	TagUserRef     Tag = 0x0204 // user_message_reference
	TagSarRef      Tag = 0x020c
	TagSarTotal    Tag = 0x020e
	TagSarSeq      Tag = 0x020f
	TagVersion     Tag = 0x0210 // sc_interface_version
	TagPayload     Tag = 0x0424
	TagState       Tag = 0x0427 // message_state
)

// The sizes of a PDU: its header, and the most that is read.
const (
	headerSize = 16
	maxPDU     = 128 << 10
)

// Message is the body of submit_sm and of deliver_sm, which have the same
// fields.
type Message struct {
	Service            string
	SourceTON, SrcNPI  byte
	Source             string
	DestTON, DestNPI   byte
	Dest               string
	Class              byte // esm_class
	Protocol, Priority byte
	Schedule, Validity string
	Registered         byte // registered_delivery
	Replace            byte
	Coding             byte // data_coding
	DefaultID          byte
	Short              []byte
}

// Bind is the body of the three bind requests.
type Bind struct {
	System, Password, Type string
	Version                byte
	TON, NPI               byte
	Range                  string
}

// PDU is one packet. Which of the bodies it has, its Command says.
type PDU struct {
	Command Command
	Status  Status
	Seq     uint32
	Bind    Bind    // of the bind requests
	Message Message // of submit_sm, deliver_sm and data_sm
	ID      string  // message_id, or system_id of a bind's answer
	Query   Query   // of query_sm
	Done    string  // of query_sm_resp: the final date
	State   byte    // of query_sm_resp
	Err     byte    // of query_sm_resp
	Tags    map[Tag][]byte
}

// Query is the body of query_sm.
type Query struct {
	ID       string
	TON, NPI byte
	Source   string
}

// The errors of reading.
var (
	errLength = errors.New("smpp: the length of a PDU is out of bounds")
	errShort  = errors.New("smpp: a PDU ends before its fields do")
)

// Bytes is p as it goes over the wire.
func (p PDU) Bytes() []byte { return p.append(nil) }

// append appends p to b.
func (p PDU) append(b []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, headerSize)...)
	w := writer{b}
	p.body(&w)
	for _, t := range [...]Tag{TagReceiptedID, TagUserRef, TagSarRef, TagSarTotal, TagSarSeq, TagVersion, TagPayload, TagState} {
		if v, ok := p.Tags[t]; ok {
			w.tag(t, v)
		}
	}
	for t, v := range p.Tags {
		if t >= 0x1400 { // a provider's own
			w.tag(t, v)
		}
	}
	h := w.b[start:]
	binary.BigEndian.PutUint32(h, uint32(len(h)))
	binary.BigEndian.PutUint32(h[4:], uint32(p.Command))
	binary.BigEndian.PutUint32(h[8:], uint32(p.Status))
	binary.BigEndian.PutUint32(h[12:], p.Seq)
	return w.b
}

func (p PDU) body(w *writer) {
	switch p.Command {
	case BindReceiver, BindTransmitter, BindTransceiver:
		w.text(p.Bind.System).text(p.Bind.Password).text(p.Bind.Type).byte(p.Bind.Version, p.Bind.TON, p.Bind.NPI).text(p.Bind.Range)
	case BindReceiverResp, BindTransmitterResp, BindTransceiverResp, SubmitSMResp, DataSMResp:
		if p.Status == 0 {
			w.text(p.ID)
		}
	case DeliverSMResp:
		w.text("")
	case SubmitSM, DeliverSM:
		m := p.Message
		w.text(m.Service).byte(m.SourceTON, m.SrcNPI).text(m.Source).byte(m.DestTON, m.DestNPI).text(m.Dest)
		w.byte(m.Class, m.Protocol, m.Priority).text(m.Schedule).text(m.Validity)
		w.byte(m.Registered, m.Replace, m.Coding, m.DefaultID, byte(min(len(m.Short), 254)))
		w.b = append(w.b, m.Short[:min(len(m.Short), 254)]...)
	case DataSM:
		m := p.Message
		w.text(m.Service).byte(m.SourceTON, m.SrcNPI).text(m.Source).byte(m.DestTON, m.DestNPI).text(m.Dest).byte(m.Class, m.Registered, m.Coding)
	case QuerySM:
		w.text(p.Query.ID).byte(p.Query.TON, p.Query.NPI).text(p.Query.Source)
	case QuerySMResp:
		if p.Status == 0 {
			w.text(p.ID).text(p.Done).byte(p.State, p.Err)
		}
	}
}

// writer adds fields to bytes.
type writer struct{ b []byte }

func (w *writer) text(s string) *writer {
	if i := bytes.IndexByte([]byte(s), 0); i >= 0 {
		s = s[:i]
	}
	w.b = append(append(w.b, s...), 0)
	return w
}

func (w *writer) byte(list ...byte) *writer {
	w.b = append(w.b, list...)
	return w
}

func (w *writer) tag(t Tag, v []byte) {
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(t))
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(v)))
	w.b = append(w.b, v...)
}

// ReadPDU reads one packet. What it does not know the body of comes with its
// header alone.
func ReadPDU(r io.Reader) (PDU, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return PDU{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	p := PDU{Command: Command(binary.BigEndian.Uint32(head[4:])), Status: Status(binary.BigEndian.Uint32(head[8:])), Seq: binary.BigEndian.Uint32(head[12:])}
	if n < headerSize || n > maxPDU {
		return p, errLength
	}
	body := make([]byte, n-headerSize)
	if _, err := io.ReadFull(r, body); err != nil {
		return p, fmt.Errorf("smpp: read a body: %w", err)
	}
	return p, p.parse(body)
}

// parse reads a body. An answer that says something failed may have none.
func (p *PDU) parse(body []byte) error {
	rd := reader{b: body}
	switch p.Command {
	case BindReceiver, BindTransmitter, BindTransceiver:
		p.Bind = Bind{System: rd.text(), Password: rd.text(), Type: rd.text(), Version: rd.byte(), TON: rd.byte(), NPI: rd.byte(), Range: rd.text()}
	case BindReceiverResp, BindTransmitterResp, BindTransceiverResp, SubmitSMResp, DataSMResp:
		if len(body) == 0 {
			return nil
		}
		p.ID = rd.text()
	case DeliverSMResp:
		if len(body) == 0 {
			return nil
		}
		rd.text()
	case SubmitSM, DeliverSM:
		m := Message{Service: rd.text(), SourceTON: rd.byte(), SrcNPI: rd.byte(), Source: rd.text(), DestTON: rd.byte(), DestNPI: rd.byte(), Dest: rd.text()}
		m.Class, m.Protocol, m.Priority, m.Schedule, m.Validity = rd.byte(), rd.byte(), rd.byte(), rd.text(), rd.text()
		m.Registered, m.Replace, m.Coding, m.DefaultID = rd.byte(), rd.byte(), rd.byte(), rd.byte()
		m.Short = rd.bytes(int(rd.byte()))
		p.Message = m
	case DataSM:
		m := Message{Service: rd.text(), SourceTON: rd.byte(), SrcNPI: rd.byte(), Source: rd.text(), DestTON: rd.byte(), DestNPI: rd.byte(), Dest: rd.text()}
		m.Class, m.Registered, m.Coding = rd.byte(), rd.byte(), rd.byte()
		p.Message = m
	case QuerySM:
		p.Query = Query{ID: rd.text(), TON: rd.byte(), NPI: rd.byte(), Source: rd.text()}
	case QuerySMResp:
		if len(body) == 0 {
			return nil
		}
		p.ID, p.Done, p.State, p.Err = rd.text(), rd.text(), rd.byte(), rd.byte()
	default:
		return nil
	}
	if rd.short {
		return errShort
	}
	p.Tags = rd.tags()
	if rd.short {
		return errShort
	}
	return nil
}

// reader takes fields from bytes; short is set where they end too soon.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// text reads up to a zero byte.
func (r *reader) text() string {
	i := bytes.IndexByte(r.b, 0)
	if i < 0 {
		r.short, r.b = true, nil
		return ""
	}
	out := string(r.b[:i])
	r.b = r.b[i+1:]
	return out
}

// tags reads what is left as optional parameters. Some peers send a stray
// byte or two after the last one; it is passed over.
func (r *reader) tags() map[Tag][]byte {
	var m map[Tag][]byte
	for len(r.b) >= 4 {
		t, n := Tag(binary.BigEndian.Uint16(r.b)), int(binary.BigEndian.Uint16(r.b[2:]))
		r.b = r.b[4:]
		v := r.bytes(n)
		if r.short {
			return nil
		}
		if m == nil {
			m = map[Tag][]byte{}
		}
		m[t] = v
	}
	return m
}
