package smpp_test

import (
	"bytes"
	"reflect"
	"testing"

	"hale/internal/gateway/smpp"
)

// A submit_sm is written byte for byte as section 4.4.1 lays it out.
func TestPDUVector(t *testing.T) {
	p := smpp.PDU{Command: smpp.SubmitSM, Seq: 2, Message: smpp.Message{
		SourceTON: 5, Source: "Hale", DestTON: 1, DestNPI: 1, Dest: "44", Registered: 1, Short: []byte("Hi"),
	}, Tags: map[smpp.Tag][]byte{smpp.TagUserRef: {0, 7}}}
	want := []byte{
		0, 0, 0, 49, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 5, 0, 'H', 'a', 'l', 'e', 0, 1, 1, '4', '4', 0,
		0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 'H', 'i', 0x02, 0x04, 0, 2, 0, 7,
	}
	want[3] = byte(len(want))
	if got := p.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("Bytes = %x\nwant    %x", got, want)
	}
	back, err := smpp.ReadPDU(bytes.NewReader(want))
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("ReadPDU = %+v, %v, want %+v", back, err, p)
	}
}

// FuzzReadPDU reads any bytes: nothing breaks, nothing large is made of little,
// and what was read and written is read the same.
func FuzzReadPDU(f *testing.F) {
	for _, p := range []smpp.PDU{
		{Command: smpp.BindTransceiver, Seq: 1, Bind: smpp.Bind{System: "s", Password: "p", Version: 0x34}},
		{Command: smpp.SubmitSM, Seq: 2, Message: smpp.Message{Dest: "44", Short: []byte("Hi")}, Tags: map[smpp.Tag][]byte{smpp.TagPayload: []byte("long")}},
		{Command: smpp.DeliverSM, Seq: 3, Message: smpp.Message{Class: 4, Short: []byte("id:1 stat:DELIVRD")}, Tags: map[smpp.Tag][]byte{smpp.TagReceiptedID: []byte("1\x00")}},
		{Command: smpp.SubmitSMResp, Seq: 4, ID: "abc"},
		{Command: smpp.QuerySMResp, Seq: 5, ID: "abc", State: 2},
		{Command: smpp.SubmitSMResp, Status: smpp.Throttled, Seq: 6},
		{Command: smpp.EnquireLink, Seq: 7},
	} {
		f.Add(p.Bytes())
	}
	f.Add([]byte{0, 0, 0, 17, 0x80, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := smpp.ReadPDU(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := smpp.ReadPDU(bytes.NewReader(p.Bytes()))
		if err != nil {
			t.Fatalf("%x reads as %+v, which does not read again: %v", b, p, err)
		}
		if again.Command != p.Command || again.Seq != p.Seq || again.ID != p.ID && p.Status == 0 {
			t.Fatalf("%+v reads again as %+v", p, again)
		}
	})
}
