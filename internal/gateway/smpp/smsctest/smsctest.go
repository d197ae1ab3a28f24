// Package smsctest is a message centre for tests: it speaks SMPP, does as the
// last digits of a number say, and remembers what it took.
package smsctest

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"hale/internal/gateway/smpp"
)

// Script is what the centre does.
type Script struct {
	Password      string
	NoTransceiver bool // says that it does not know bind_transceiver
	Mute          bool // says nothing to bind_transceiver
	EmptyID       bool // takes messages without naming them
	Receipts      bool // sends a receipt for what asks for one
	Early         bool // the receipt comes before the answer
	NoTLV         bool // the receipt names its message in its text alone
	Decimal       bool // the receipt writes the id in another base than the answer
	KeyTag        smpp.Tag

	// Answer decides what becomes of a submit_sm; nil takes all. A Hang answers
	// nothing, and a Break takes it and closes the connection.
	Answer func(to string) Answer
}

// Answer is what becomes of a submit_sm.
type Answer struct {
	Status      smpp.Status
	Hang, Break bool
}

// Centre is a message centre that runs.
type Centre struct {
	Script
	l     net.Listener
	all   sync.WaitGroup
	mu    sync.Mutex
	took  []smpp.PDU
	next  int
	in    []*peer // those bound to receive
	conns []*peer
	seen  []smpp.PDU // answers to what the centre asked
}

type peer struct {
	c    *Centre
	conn net.Conn
	mu   sync.Mutex
	seq  uint32
}

// Start runs a centre on an address of this machine until Close.
func Start(s Script) (*Centre, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return Serve(l, s), nil
}

// Serve runs a centre on l.
func Serve(l net.Listener, s Script) *Centre {
	c := &Centre{Script: s, l: l, next: 0xa0f0}
	c.all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{c: c, conn: conn}
			c.mu.Lock()
			c.conns = append(c.conns, p)
			c.mu.Unlock()
			c.all.Go(p.serve)
		}
	})
	return c
}

// Addr is where it listens.
func (c *Centre) Addr() string { return c.l.Addr().String() }

// Close ends it.
func (c *Centre) Close() {
	_ = c.l.Close()
	c.Drop()
	c.all.Wait()
}

// Drop closes every connection, as a network that fails does.
func (c *Centre) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.conns {
		_ = p.conn.Close()
	}
}

// Took returns what it took, in its order.
func (c *Centre) Took() []smpp.PDU {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.took)
}

// Answers returns what it was answered.
func (c *Centre) Answers() []smpp.PDU {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Bound is how many are bound to receive.
func (c *Centre) Bound() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.in)
}

// Deliver sends a PDU to who is bound to receive.
func (c *Centre) Deliver(p smpp.PDU) bool {
	c.mu.Lock()
	if len(c.in) == 0 {
		c.mu.Unlock()
		return false
	}
	to := c.in[len(c.in)-1]
	c.mu.Unlock()
	return to.send(p)
}

// send sends p with a number of its own.
func (p *peer) send(pdu smpp.PDU) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	pdu.Seq = p.seq
	_, err := p.conn.Write(pdu.Bytes())
	return err == nil
}

func (p *peer) answer(to smpp.PDU, status smpp.Status, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.conn.Write(smpp.PDU{Command: to.Command | 1<<31, Status: status, Seq: to.Seq, ID: id}.Bytes())
}

func (p *peer) serve() {
	defer p.gone()
	in := bufio.NewReader(p.conn)
	for {
		pdu, err := smpp.ReadPDU(in)
		if err != nil {
			return
		}
		if !p.handle(pdu) {
			return
		}
	}
}

func (p *peer) gone() {
	_ = p.conn.Close()
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.c.in = slices.DeleteFunc(p.c.in, func(o *peer) bool { return o == p })
}

// handle answers one PDU; false ends the connection.
func (p *peer) handle(pdu smpp.PDU) bool {
	switch pdu.Command {
	case smpp.BindTransceiver, smpp.BindReceiver, smpp.BindTransmitter:
		p.bind(pdu)
	case smpp.EnquireLink:
		p.answer(pdu, smpp.OK, "")
	case smpp.Unbind:
		p.answer(pdu, smpp.OK, "")
		return false
	case smpp.SubmitSM:
		return p.submit(pdu)
	case smpp.QuerySM:
		p.mu.Lock()
		defer p.mu.Unlock()
		_, _ = p.conn.Write(smpp.PDU{Command: smpp.QuerySMResp, Seq: pdu.Seq, ID: pdu.Query.ID, State: 2}.Bytes())
	default:
		p.c.mu.Lock()
		p.c.seen = append(p.c.seen, pdu)
		p.c.mu.Unlock()
	}
	return true
}

func (p *peer) bind(pdu smpp.PDU) {
	switch {
	case pdu.Command == smpp.BindTransceiver && p.c.Mute:
		return
	case pdu.Command == smpp.BindTransceiver && p.c.NoTransceiver:
		p.mu.Lock()
		defer p.mu.Unlock()
		_, _ = p.conn.Write(smpp.PDU{Command: smpp.GenericNack, Status: smpp.BadCommand, Seq: 0}.Bytes())
		return
	case pdu.Bind.Password != p.c.Password:
		p.answer(pdu, smpp.BadPassword, "")
		return
	}
	if pdu.Command != smpp.BindTransmitter {
		p.c.mu.Lock()
		p.c.in = append(p.c.in, p)
		p.c.mu.Unlock()
	}
	p.answer(pdu, smpp.OK, "centre")
}

func (p *peer) submit(pdu smpp.PDU) bool {
	var a Answer
	if p.c.Answer != nil {
		a = p.c.Answer(pdu.Message.Dest)
	}
	switch {
	case a.Hang:
		return true
	case a.Status != smpp.OK:
		p.mu.Lock()
		defer p.mu.Unlock() // an error may come without a body
		_, _ = p.conn.Write(smpp.PDU{Command: smpp.SubmitSMResp, Status: a.Status, Seq: pdu.Seq}.Bytes())
		return true
	}
	p.c.mu.Lock()
	p.c.took = append(p.c.took, pdu)
	p.c.next++
	n := p.c.next
	p.c.mu.Unlock()
	if a.Break {
		return false
	}
	id := fmt.Sprintf("%08X", n)
	if p.c.EmptyID {
		id = ""
	}
	if p.c.Receipts && p.c.Early && pdu.Message.Registered&1 == 1 {
		p.c.Deliver(p.c.Receipt(pdu, n, "DELIVRD", 2))
	}
	p.answer(pdu, smpp.OK, id)
	if p.c.Receipts && !p.c.Early && pdu.Message.Registered&1 == 1 {
		p.c.Deliver(p.c.Receipt(pdu, n, "DELIVRD", 2))
	}
	return true
}

// Receipt is the receipt for a message that was taken as number n.
func (c *Centre) Receipt(of smpp.PDU, n int, state string, code byte) smpp.PDU {
	id := fmt.Sprintf("%08X", n)
	if c.Decimal {
		id = fmt.Sprintf("%010d", n)
	}
	if c.EmptyID {
		id = ""
	}
	text := fmt.Sprintf("id:%s sub:001 dlvrd:001 submit date:2603021200 done date:2603021200 stat:%s err:000 text:", id, state)
	p := smpp.PDU{Command: smpp.DeliverSM, Message: smpp.Message{
		SourceTON: 1, SrcNPI: 1, Source: of.Message.Dest, DestTON: 1, Dest: of.Message.Source, Class: 4, Short: []byte(text),
	}}
	if !c.NoTLV {
		p.Tags = map[smpp.Tag][]byte{smpp.TagState: {code}}
		if id != "" {
			p.Tags[smpp.TagReceiptedID] = append([]byte(id), 0)
		}
		if v, ok := of.Tags[smpp.TagUserRef]; ok && c.EmptyID {
			p.Tags[smpp.TagUserRef] = v
		}
	}
	return p
}

// Keys returns the keys that what it took carried in KeyTag.
func (c *Centre) Keys() []string {
	var list []string
	for _, p := range c.Took() {
		list = append(list, string(p.Tags[c.KeyTag]))
	}
	return list
}

// Wait waits until fn is true, for two seconds at most.
func Wait(fn func() bool) bool {
	for range 400 {
		if fn() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}
