package smpp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/channeltest"
	"hale/internal/gateway/inbound"
	"hale/internal/gateway/smpp"
	"hale/internal/gateway/smpp/smsctest"
	"hale/internal/reach"
)

const keyTag smpp.Tag = 0x1501

// kept are the reports that a gateway brought.
type kept struct {
	mu   sync.Mutex
	list []inbound.Report
	fail bool
}

func (k *kept) take(_ context.Context, r inbound.Report) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail {
		return errors.New("the disk is full")
	}
	k.list = append(k.list, r)
	return nil
}

func (k *kept) all() []inbound.Report {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]inbound.Report(nil), k.list...)
}

func config(addr string) smpp.Config {
	return smpp.Config{
		Addr: addr, System: "hale", Password: "secret", From: "+12025550100", KeyTag: keyTag, Rate: 5000,
		Timeout: 2 * time.Second, BindTimeout: 500 * time.Millisecond, Now: time.Now,
	}
}

func open(t *testing.T, s smsctest.Script, change func(*smpp.Config)) (*smpp.Gateway, *smsctest.Centre) {
	t.Helper()
	s.Password, s.KeyTag = "secret", keyTag
	c, err := smsctest.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	conf := config(c.Addr())
	if change != nil {
		change(&conf)
	}
	g, err := smpp.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, c
}

// far is the peer of the suite: the last digit of a number says what it does.
type far struct{ c *smsctest.Centre }

func (f far) Took() []string { return f.c.Keys() }

func (f far) Address(b channeltest.Behaviour, n int) (string, bool) {
	digit, ok := map[channeltest.Behaviour]int{channeltest.Take: 0, channeltest.RefuseNever: 1, channeltest.RefuseNow: 2, channeltest.TakeAndBreak: 3, channeltest.Hang: 4}[b]
	return fmt.Sprintf("+1202555%03d%d", n, digit), ok
}

func byDigit(to string) smsctest.Answer {
	switch to[len(to)-1] {
	case '1':
		return smsctest.Answer{Status: smpp.BadDest}
	case '2':
		return smsctest.Answer{Status: smpp.Throttled}
	case '3':
		return smsctest.Answer{Break: true}
	case '4':
		return smsctest.Answer{Hang: true}
	}
	return smsctest.Answer{}
}

func TestGateway(t *testing.T) {
	for name, script := range map[string]smsctest.Script{
		"transceiver": {Answer: byDigit},
		"pair":        {Answer: byDigit, NoTransceiver: true},
		"without ids": {Answer: byDigit, EmptyID: true},
	} {
		t.Run(name, func(t *testing.T) {
			channeltest.Run(t, func(t *testing.T, log *slog.Logger) channeltest.Setup {
				g, c := open(t, script, func(c *smpp.Config) { c.Log = log })
				return channeltest.Setup{Gateway: g, Peer: far{c}}
			})
		})
	}
}

func handoff(to, key, text string) reach.Handoff {
	return reach.Handoff{Key: key, To: to, Text: text, Attempt: 1}
}

func TestGatewayMute(t *testing.T) {
	g, c := open(t, smsctest.Script{Mute: true}, nil)
	if r := g.Send(t.Context(), handoff("+12025550110", "k", "Hi")); r.Outcome != reach.Accepted {
		t.Fatalf("Send to one that is silent to bind_transceiver = %+v, want accepted over a pair", r)
	}
	if c.Bound() != 1 {
		t.Errorf("%d are bound to receive, want one", c.Bound())
	}
}

func TestGatewayPassword(t *testing.T) {
	g, _ := open(t, smsctest.Script{}, func(c *smpp.Config) { c.Password = "wrong" })
	if r := g.Send(t.Context(), handoff("+12025550110", "k", "Hi")); r.Outcome != reach.Temp || r.Code != "bind_0x0e" {
		t.Errorf("Send with a wrong password = %+v, want temp, for the message is not to blame", r)
	}
}

// TestGatewayReceipts has receipts come in every form, and before the answer:
// each is about the message that the ledger knows by Ref or by key.
func TestGatewayReceipts(t *testing.T) {
	tests := []struct {
		name   string
		script smsctest.Script
		ids    string
	}{
		{"an optional parameter names it", smsctest.Script{}, ""},
		{"before the answer", smsctest.Script{Early: true}, ""},
		{"the text names it", smsctest.Script{NoTLV: true}, ""},
		{"the text, in decimal", smsctest.Script{NoTLV: true, Decimal: true}, smpp.DecimalIDs},
		{"no id, our reference", smsctest.Script{EmptyID: true}, ""},
		{"no id and no reference", smsctest.Script{EmptyID: true, NoTLV: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.script.Receipts = true
			var k kept
			g, _ := open(t, tt.script, func(c *smpp.Config) { c.Take, c.ReceiptIDs = k.take, tt.ids })
			res := g.Send(t.Context(), handoff("+12025550110", "key-a", "Hi"))
			if res.Outcome != reach.Accepted || res.Ref == "" {
				t.Fatalf("Send = %+v", res)
			}
			if !smsctest.Wait(func() bool { return len(k.all()) == 1 }) {
				t.Fatal("no receipt came")
			}
			r := k.all()[0]
			if r.Kind != inbound.Delivered || r.ID == "" || r.Ref != res.Ref && r.Key != "key-a" {
				t.Errorf("report = %+v, want delivered for %s", r, res.Ref)
			}
		})
	}
}

// A receipt that could not be kept comes again.
func TestGatewayReceiptAgain(t *testing.T) {
	k := kept{fail: true}
	g, c := open(t, smsctest.Script{Receipts: true}, func(c *smpp.Config) { c.Take = k.take })
	g.Send(t.Context(), handoff("+12025550110", "key-a", "Hi"))
	if !smsctest.Wait(func() bool { return len(c.Answers()) == 1 }) {
		t.Fatal("the receipt was not answered")
	}
	if a := c.Answers()[0]; a.Command != smpp.DeliverSMResp || a.Status != smpp.TryAgain {
		t.Errorf("answer = %+v, want try again", a)
	}
}

func TestGatewayLong(t *testing.T) {
	text := strings.Repeat("a", 152) + "€" + strings.Repeat("b", 100)
	for _, how := range []string{smpp.UDH, smpp.SAR, smpp.Payload} {
		t.Run(how, func(t *testing.T) {
			g, c := open(t, smsctest.Script{}, func(c *smpp.Config) { c.Long = how })
			h := handoff("+12025550110", "k", text)
			h.Expires = time.Now().Add(time.Hour)
			if r := g.Send(t.Context(), h); r.Outcome != reach.Accepted {
				t.Fatalf("Send = %+v", r)
			}
			took := c.Took()
			if want := map[string]int{smpp.UDH: 2, smpp.SAR: 2, smpp.Payload: 1}[how]; len(took) != want {
				t.Fatalf("%d PDUs, want %d", len(took), want)
			}
			m := took[len(took)-1].Message
			if m.Registered != 1 || len(took) > 1 && took[0].Message.Registered != 2 {
				t.Errorf("registered_delivery %d", m.Registered)
			}
			if m.DestTON != 1 || m.DestNPI != 1 || m.Dest != "12025550110" || len(m.Validity) != 16 || !strings.HasSuffix(m.Validity, "000+") {
				t.Errorf("addressed %+v", m)
			}
			var body []byte
			for i, p := range took {
				switch how {
				case smpp.UDH:
					if p.Message.Class != 0x40 || !bytes.Equal(p.Message.Short[:3], []byte{5, 0, 3}) || p.Message.Short[4] != 2 || int(p.Message.Short[5]) != i+1 {
						t.Errorf("part %d has header %x", i, p.Message.Short[:6])
					}
					if len(p.Message.Short) > 6+153 {
						t.Errorf("part %d is %d bytes", i, len(p.Message.Short))
					}
					body = append(body, p.Message.Short[6:]...)
				case smpp.SAR:
					if p.Tags[smpp.TagSarTotal][0] != 2 || int(p.Tags[smpp.TagSarSeq][0]) != i+1 {
						t.Errorf("part %d has %v", i, p.Tags)
					}
					body = append(body, p.Message.Short...)
				case smpp.Payload:
					body = p.Tags[smpp.TagPayload]
				}
			}
			if want := strings.Repeat("a", 152) + "\x1b\x65" + strings.Repeat("b", 100); string(body) != want {
				t.Errorf("the parts join to %q", body)
			}
		})
	}
}

func TestGatewayWide(t *testing.T) {
	g, c := open(t, smsctest.Script{}, func(c *smpp.Config) { c.From = "Riverside" })
	if r := g.Send(t.Context(), handoff("+12025550110", "k", "Привет 🙂")); r.Outcome != reach.Accepted {
		t.Fatalf("Send = %+v", r)
	}
	m := c.Took()[0].Message
	if m.Coding != 8 || len(m.Short) != 2*9 || m.SourceTON != 5 || m.SrcNPI != 0 || m.Source != "Riverside" {
		t.Errorf("sent %+v", m)
	}
}

// What people write is joined by whoever keeps it; here every form of it is
// read.
func TestGatewayReplies(t *testing.T) {
	var k kept
	g, c := open(t, smsctest.Script{}, func(c *smpp.Config) { c.Take = k.take; c.Beat = 10 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = g.Run(ctx) })
	defer run.Wait()
	defer cancel()
	if !smsctest.Wait(func() bool { return c.Bound() == 1 }) {
		t.Fatal("Run did not bind")
	}
	from := smpp.Message{SourceTON: 1, Source: "12025550110", DestTON: 1, Dest: "12025550100"}
	say := func(class, coding byte, short []byte, tags map[smpp.Tag][]byte) {
		m := from
		m.Class, m.Coding, m.Short = class, coding, short
		c.Deliver(smpp.PDU{Command: smpp.DeliverSM, Message: m, Tags: tags})
	}
	say(0, 0, []byte{'C', 0x04}, nil) // è in the GSM alphabet
	say(0, 8, []byte{0x04, 0x16}, nil)
	say(0, 3, []byte{0xf3}, nil)
	say(0x40, 0, []byte("\x05\x00\x03\x07\x02\x01one "), nil)
	say(0x40, 0, []byte("\x06\x08\x04\x01\x07\x02\x02two"), nil)
	say(0, 0, nil, map[smpp.Tag][]byte{smpp.TagPayload: []byte("long")})
	say(0, 0, []byte("three"), map[smpp.Tag][]byte{smpp.TagSarRef: {1, 2}, smpp.TagSarTotal: {2}, smpp.TagSarSeq: {1}})
	if !smsctest.Wait(func() bool { return len(k.all()) == 7 }) {
		t.Fatalf("%d reports, want 7", len(k.all()))
	}
	want := []struct {
		text string
		part inbound.Part
	}{
		{"Cè", inbound.Part{}}, {"Ж", inbound.Part{}}, {"ó", inbound.Part{}}, {"one ", inbound.Part{Ref: 7, Total: 2, Seq: 1}},
		{"two", inbound.Part{Ref: 263, Total: 2, Seq: 2}}, {"long", inbound.Part{}}, {"three", inbound.Part{Ref: 258, Total: 2, Seq: 1}},
	}
	for i, r := range k.all() {
		if r.Kind != inbound.Replied || r.From != "+12025550110" || r.To != "+12025550100" || r.Text != want[i].text || r.Part != want[i].part {
			t.Errorf("report %d = %+v, want %+v", i, r, want[i])
		}
	}
	for _, a := range c.Answers() {
		if a.Command == smpp.DeliverSMResp && a.Status != smpp.OK {
			t.Errorf("answered %+v", a)
		}
	}
}

// An intermediate receipt does not end a message, and a failed one says why.
func TestGatewayStates(t *testing.T) {
	var k kept
	g, c := open(t, smsctest.Script{NoTLV: true}, func(c *smpp.Config) { c.Take = k.take })
	res := g.Send(t.Context(), handoff("+12025550110", "k", "Hi"))
	of := c.Took()[0]
	n := 0xa0f1
	middle := c.Receipt(of, n, "ENROUTE", 1)
	middle.Message.Class = 0x20
	c.Deliver(middle)
	failed := c.Receipt(of, n, "UNDELIV", 5)
	failed.Message.Short = bytes.Replace(failed.Message.Short, []byte("err:000"), []byte("Err:027"), 1)
	c.Deliver(failed)
	if !smsctest.Wait(func() bool { return len(k.all()) == 2 }) {
		t.Fatalf("%d reports, want 2", len(k.all()))
	}
	list := k.all()
	if list[0].Kind != inbound.Sent || list[1].Kind != inbound.Undelivered || list[1].Code != "undeliv_027" || list[1].Ref != res.Ref {
		t.Errorf("reports = %+v", list)
	}
}

// A link that breaks is made again.
func TestGatewayReconnect(t *testing.T) {
	g, c := open(t, smsctest.Script{}, nil)
	for i := range 3 {
		if r := g.Send(t.Context(), handoff("+12025550110", fmt.Sprint("k", i), "Hi")); r.Outcome != reach.Accepted {
			t.Fatalf("message %d: %+v", i, r)
		}
		c.Drop()
		smsctest.Wait(func() bool { return c.Bound() == 0 })
		time.Sleep(20 * time.Millisecond)
	}
}

// A peer that throttles is sent to more slowly, and faster again later.
func TestGatewaySlowsDown(t *testing.T) {
	var mu sync.Mutex
	n := 0
	g, _ := open(t, smsctest.Script{Answer: func(string) smsctest.Answer {
		mu.Lock()
		defer mu.Unlock()
		if n++; n <= 3 {
			return smsctest.Answer{Status: smpp.QueueFull}
		}
		return smsctest.Answer{}
	}}, func(c *smpp.Config) { c.Rate = 100 })
	r := g.Send(t.Context(), handoff("+12025550110", "k", "Hi"))
	if r.Outcome != reach.Temp || r.Code != "queue_full_0x14" || r.RetryAfter <= 0 || g.PerSecond() != 50 {
		t.Fatalf("Send = %+v at %v a second, want temp at 50", r, g.PerSecond())
	}
	for i := range 6 {
		g.Send(t.Context(), handoff("+12025550110", fmt.Sprint("k", i), "Hi"))
	}
	if p := g.PerSecond(); p <= 50 || p >= 100 {
		t.Errorf("%v a second after some were taken, want a little more than 50", p)
	}
}

// What is answered after we gave up waiting is not in doubt any more.
func TestGatewayLate(t *testing.T) {
	block := make(chan struct{})
	g, c := open(t, smsctest.Script{Answer: func(string) smsctest.Answer { <-block; return smsctest.Answer{} }}, func(c *smpp.Config) { c.Timeout = 100 * time.Millisecond })
	h := handoff("+12025550110", "k", "Hi")
	if r := g.Send(t.Context(), h); r.Outcome != reach.Uncertain {
		t.Fatalf("Send = %+v, want uncertain", r)
	}
	if _, ok := g.Reconcile(t.Context(), h); ok {
		t.Error("Reconcile knew before the answer came")
	}
	close(block)
	var r reach.Result
	if !smsctest.Wait(func() (ok bool) { r, ok = g.Reconcile(t.Context(), h); return ok }) || r.Outcome != reach.Accepted || r.Ref != "a0f1" {
		t.Errorf("Reconcile = %+v, want accepted as a0f1; took %d", r, len(c.Took()))
	}
}
