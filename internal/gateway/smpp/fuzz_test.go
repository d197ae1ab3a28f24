package smpp

import (
	"testing"
	"time"

	"hale/internal/gateway/inbound"
)

// FuzzReport reads any delivery: nothing breaks, and what comes of it can be
// kept and told from another.
func FuzzReport(f *testing.F) {
	f.Add(byte(4), byte(0), []byte("id:abc sub:001 dlvrd:001 done date:2603021200 stat:DELIVRD err:000 text:"), []byte("abc\x00"), byte(2))
	f.Add(byte(0x40), byte(8), []byte("\x05\x00\x03\x07\x02\x01ab"), []byte{}, byte(0))
	f.Add(byte(0x20), byte(0), []byte("stat:ENROUTE"), []byte{}, byte(1))
	f.Fuzz(func(t *testing.T, class, coding byte, short, id []byte, state byte) {
		g := &Gateway{c: Config{Name: "p", ReceiptIDs: DecimalIDs, Now: func() time.Time { return time.Unix(0, 0) }}, sent: newMemory()}
		p := PDU{Command: DeliverSM, Message: Message{Source: "12025550110", SourceTON: 1, Class: class, Coding: coding, Short: short}, Tags: map[Tag][]byte{}}
		if len(id) > 0 {
			p.Tags[TagReceiptedID] = id
		}
		if state > 0 {
			p.Tags[TagState] = []byte{state}
		}
		r, ok := g.report(p)
		if !ok {
			return
		}
		if r.ID == "" || r.Kind == "" || r.At.IsZero() {
			t.Fatalf("report %+v cannot be told from another", r)
		}
		if r.Part.Total > 0 && (r.Part.Seq < 1 || r.Part.Seq > r.Part.Total) && r.Kind == inbound.Replied && class&classUDH != 0 {
			t.Fatalf("part %+v is none", r.Part)
		}
	})
}
