package smpp

import (
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"hale/internal/base/seal"
	"hale/internal/gateway/inbound"
	"hale/internal/reach"
	"hale/internal/standard/gsm"
)

// What esm_class says of section 5.2.12.
const (
	classUDH          = 0x40
	classKind         = 0x3c
	classReceipt      = 0x04
	classIntermediate = 0x20
)

// deliver keeps what the peer brings, and answers only when it is kept: what
// is not, comes again.
func (g *Gateway) deliver(p PDU) PDU {
	res := PDU{Command: p.Command | answer, Seq: p.Seq}
	if g.c.Take == nil {
		res.Status = TryAgain
		return res
	}
	r, ok := g.report(p)
	if !ok {
		return res // nothing that anybody could use
	}
	ctx, cancel := context.WithTimeout(g.ctx, g.c.Timeout)
	defer cancel()
	if err := g.c.Take(ctx, r); err != nil {
		g.c.Log.Error("smpp: keep a report", "error", err)
		res.Status = TryAgain
	}
	return res
}

// report reads a delivery: a receipt, or what somebody wrote.
func (g *Gateway) report(p PDU) (inbound.Report, bool) {
	m := p.Message
	body := m.Short
	if v, ok := p.Tags[TagPayload]; ok {
		body = v
	}
	r := inbound.Report{Provider: g.c.Name, At: g.c.Now(), From: number(m.Source, m.SourceTON), To: number(m.Dest, m.DestTON)}
	_, receipted := p.Tags[TagReceiptedID]
	_, stated := p.Tags[TagState]
	if receipted && !stated { // some name a message in what people write, too
		stated = strings.Contains(strings.ToLower(string(body)), "stat:")
	}
	if kind := m.Class & classKind; kind == classReceipt || kind == classIntermediate || stated {
		return g.receipt(p, r, string(body))
	}
	// A peer whose answer was lost brings the same again within minutes.
	r.ID = seal.Hash(fmt.Sprintf("%s|%s|%x|%x|%v|%d", m.Source, m.Dest, m.Short, body, p.Tags[TagSarSeq], g.c.Now().Unix()/120))
	r.Kind = inbound.Replied
	if m.Class&classUDH != 0 {
		r.Part, body = header(body)
	} else if total := p.Tags[TagSarTotal]; len(total) == 1 && total[0] > 1 && len(p.Tags[TagSarRef]) == 2 && len(p.Tags[TagSarSeq]) == 1 {
		r.Part = inbound.Part{Ref: int(binary.BigEndian.Uint16(p.Tags[TagSarRef])), Total: int(total[0]), Seq: int(p.Tags[TagSarSeq][0])}
	}
	r.Text = g.c.read(m.Coding, body)
	return r, r.From != "" && (strings.TrimSpace(r.Text) != "" || r.Part.Total > 1)
}

// number writes an address with its plus where its type says that it is
// international, or it is long enough to be.
func number(address string, ton byte) string {
	digits := strings.TrimPrefix(address, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || ton != 1 && len(digits) < 10 {
		return address
	}
	return "+" + digits
}

// read returns the words of body by its data coding, section 5.2.19.
func (c Config) read(coding byte, body []byte) string {
	switch coding {
	case 8:
		return gsm.DecodeWide(body)
	case 1, 3:
		return gsm.DecodeLatin(body)
	case 2, 4, 9, 10, 13, 14:
		return "[a message in a form that cannot be shown]"
	case 0:
		if c.Latin {
			return gsm.DecodeLatin(body)
		}
		return gsm.Decode(body)
	}
	if coding&0xf0 == 0xf0 || coding&0xc0 == 0 { // message classes: bits 2 and 3 tell the alphabet
		switch coding & 0x0c {
		case 0x08:
			return gsm.DecodeWide(body)
		case 0x04:
			return gsm.DecodeLatin(body)
		}
	}
	return gsm.Decode(body)
}

// header reads a user data header, and returns what it says of parts and the
// bytes that follow it.
func header(body []byte) (inbound.Part, []byte) {
	if len(body) == 0 || int(body[0])+1 > len(body) {
		return inbound.Part{}, body
	}
	head, rest := body[1:1+int(body[0])], body[1+int(body[0]):]
	for len(head) >= 2 && int(head[1])+2 <= len(head) {
		id, v := head[0], head[2:2+int(head[1])]
		head = head[2+int(head[1]):]
		switch {
		case id == 0 && len(v) == 3 && v[1] > 1 && v[2] >= 1 && v[2] <= v[1]:
			return inbound.Part{Ref: int(v[0]), Total: int(v[1]), Seq: int(v[2])}, rest
		case id == 8 && len(v) == 4 && v[2] > 1 && v[3] >= 1 && v[3] <= v[2]:
			return inbound.Part{Ref: int(binary.BigEndian.Uint16(v)), Total: int(v[2]), Seq: int(v[3])}, rest
		}
	}
	return inbound.Part{}, rest
}

// fields finds the parts of a receipt's text, as appendix B has them and as
// they are really written.
var fields = regexp.MustCompile(`(?i)\b(id|stat|err|done date):\s?([0-9A-Za-z_.-]*)(:?)`)

// states are the final and other states of a message, as words and as
// message_state.
var states = map[string]string{
	"DELIVRD": inbound.Delivered, "EXPIRED": inbound.Undelivered, "DELETED": inbound.Undelivered, "UNDELIV": inbound.Undelivered,
	"REJECTD": inbound.Undelivered, "ACCEPTD": inbound.Accepted, "ENROUTE": inbound.Sent, "UNKNOWN": inbound.Unknown,
}

var stateWords = [...]string{1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}

// receipt reads what became of a message. A receipt is about the message that
// an optional parameter names, else its text, else our own reference, else
// the first to the number that has none yet.
func (g *Gateway) receipt(p PDU, r inbound.Report, text string) (inbound.Report, bool) {
	said := map[string]string{}
	for _, f := range fields.FindAllStringSubmatch(text, -1) {
		if name := strings.ToLower(f[1]); said[name] == "" && f[3] == "" { // else it is the name of the next
			said[name] = f[2]
		}
	}
	state := strings.ToUpper(said["stat"])
	if v := p.Tags[TagState]; len(v) == 1 && int(v[0]) < len(stateWords) && v[0] > 0 {
		state = stateWords[v[0]]
	}
	r.Kind = states[state[:min(len(state), 7)]]
	if p.Message.Class&classKind == classIntermediate && r.Kind != inbound.Delivered {
		r.Kind = inbound.Sent // it is tried still, whatever the state says
	}
	if r.Kind == "" {
		return r, false
	}
	id := said["id"]
	if v := p.Tags[TagReceiptedID]; len(v) > 0 {
		id = strings.TrimRight(string(v), "\x00")
	}
	to, final := r.From, r.Kind != inbound.Sent && r.Kind != inbound.Accepted
	r.Ref, r.Code = g.c.receipted(id), strings.ToLower(state)
	if e := said["err"]; e != "" && strings.Trim(e, "0") != "" {
		r.Code += "_" + e
	}
	switch ref := p.Tags[TagUserRef]; {
	case r.Ref != "":
		r.Key = g.sent.keyOf(r.Ref)
	case len(ref) == 2:
		r.Ref = userName(to, binary.BigEndian.Uint16(ref))
	default:
		r.Key = g.sent.oldest(to, final)
	}
	if r.Key != "" {
		if r.Kind == inbound.Delivered && r.Ref != "" {
			return r, false // a part of several has arrived
		}
		g.sent.reported(to, r.Key)
		r.Ref = ""
	}
	r.Party, r.From, r.To = to, "", ""
	r.At = doneAt(said["done date"], r.At)
	r.ID = seal.Hash(strings.Join([]string{r.Ref, r.Key, to, state, r.Code, said["done date"]}, "|"))
	return r, true
}

// doneAt reads YYMMDDhhmm[ss], which says no zone: what is far from now is not
// believed.
func doneAt(text string, now time.Time) time.Time {
	for _, layout := range []string{"0601021504", "060102150405"} {
		if at, err := time.Parse(layout, text); err == nil {
			if off := now.Sub(at); off > -time.Minute && off < 10*time.Minute {
				return at
			}
		}
	}
	return now
}

// canonical writes an id of an answer so that it can be compared.
func (c Config) canonical(id string) string {
	return strings.TrimLeft(strings.ToLower(strings.TrimSpace(id)), "0")
}

// receipted writes an id of a receipt as the answer had it.
func (c Config) receipted(id string) string {
	id = c.canonical(id)
	switch c.ReceiptIDs {
	case DecimalIDs:
		if n, err := strconv.ParseUint(id, 10, 64); err == nil {
			return strconv.FormatUint(n, 16)
		}
	case HexIDs:
		if n, err := strconv.ParseUint(id, 16, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	}
	return id
}

// arrived keeps an answer that came after we had stopped waiting.
func (g *Gateway) arrived(s *session, p PDU) { g.sent.answered(s, p) }

// Reconcile says what a late answer, or the peer itself, says of a message in
// doubt.
func (g *Gateway) Reconcile(ctx context.Context, h reach.Handoff) (reach.Result, bool) {
	p, ok := g.sent.heard(h.Key)
	if !ok {
		return reach.Result{}, false
	}
	if p.Status != OK {
		return p.Status.result(), true
	}
	out := reach.Result{Outcome: reach.Accepted, Ref: g.ref(p.ID, h), Code: "late", Peer: "smpp " + g.c.Addr}
	if p.ID != "" {
		if state, known := g.query(ctx, p.ID, or(g.c.From, h.From)); known && undone(state) {
			out.Outcome, out.Code = reach.Rejected, strings.ToLower(stateWords[state])
		}
	}
	return out, true
}

// undone says whether a message_state means that nobody gets the message.
func undone(state byte) bool { return state == 3 || state == 4 || state == 5 || state == 8 }

// query asks the peer for the state of a message.
func (g *Gateway) query(ctx context.Context, id, from string) (state byte, known bool) {
	l, err := g.bound(ctx)
	if err != nil {
		return 0, false
	}
	ton, npi, source := sender(from)
	res, _, err := l.out.call(ctx, PDU{Command: QuerySM, Query: Query{ID: id, TON: ton, NPI: npi, Source: source}})
	if err != nil || res.Command != QuerySMResp || res.Status != OK || int(res.State) >= len(stateWords) {
		return 0, false
	}
	return res.State, res.State > 0
}
