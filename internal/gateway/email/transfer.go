package email

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"hale/internal/gateway/wire"
	"hale/internal/reach"
	"hale/internal/reach/policy"
)

// transfer is one SMTP transaction. Until the message's last byte leaves, ctx
// can end it; after that only the peer's answer, or its absence, counts. It
// is stale if the peer said nothing but that it hangs up.
func (c *conn) transfer(ctx context.Context, h reach.Handoff, body []byte) (r reach.Result, stale bool) {
	stop := c.Guard(ctx)
	defer stop()
	lines, err := c.envelope(h)
	if err != nil {
		return reach.Result{Outcome: reach.Rejected, Code: "invalid", Detail: "from is not an address"}, false
	}
	if c.pipelining && c.chunking && c.eager && c.sent > 0 && !c.dirty && ctx.Err() == nil {
		return c.atOnce(h, lines, body, stop)
	}
	if !c.chunking {
		lines = append(lines, line{"DATA", 354})
	}
	c.dirty = true
	if answered, err := c.commands(lines); err != nil {
		return c.refused(ctx, err, h), answered == 0 || closing(err)
	}
	put := c.Chunk
	if !c.chunking {
		put = c.Lines
	}
	if err := put(body); err != nil {
		c.broken = true
		return notSent(err), false
	}
	if !stop() { // ctx ended before the end: the peer drops what it has
		c.broken = true
		return notSent(context.Cause(ctx)), false
	}
	c.sent++
	c.Wait(c.wait.Final)
	if !c.chunking {
		c.Dot()
	}
	if err := c.Flush(); err != nil {
		return c.afterDot(err, h), false
	}
	answer, err := c.Read(250)
	if err != nil {
		return c.afterDot(err, h), false
	}
	c.dirty = false
	return accepted(answer), false
}

// atOnce sends the envelope and the message in one go (RFC 2920, RFC 3030
// section 4.2), on a connection that has just taken another message so. A
// peer that refuses the envelope refuses the message too; one that falls
// silent may have taken it, whatever it answered before.
func (c *conn) atOnce(h reach.Handoff, lines []line, body []byte, stop func() bool) (r reach.Result, stale bool) {
	c.Wait(c.wait.Final)
	for _, l := range lines {
		c.Say(l.text)
	}
	if !stop() { // nothing has left the buffer that the peer could act upon
		c.broken = true
		return notSent(context.Canceled), false
	}
	c.sent++
	c.dirty = true
	err := c.Chunk(body)
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return c.afterDot(err, h), false
	}
	var first error
	for i, l := range append(lines, line{"", 250}) {
		answer, err := c.Read(l.expect)
		if _, isAnswer := errors.AsType[*wire.Answer](err); err != nil && !isAnswer {
			return c.lost(first, err, h), closing(first)
		}
		if first == nil && err != nil {
			first = err
			continue
		}
		if first == nil && i == len(lines) {
			c.dirty = false
			return accepted(answer), false
		}
	}
	return c.refused(context.Background(), first, h), closing(first)
}

// lost is the result of a connection that broke with a message under way. A
// peer that had refused before cannot have taken it.
func (c *conn) lost(first, err error, h reach.Handoff) reach.Result {
	c.broken = true
	if first != nil {
		return c.refused(context.Background(), first, h)
	}
	return c.afterDot(err, h)
}

// accepted is the result of a message that the peer took. Its name for the
// message is kept as words: what it reports later names the message by ours.
func accepted(a *wire.Answer) reach.Result {
	r := reach.Result{Outcome: reach.Accepted, Code: "250"}
	if name := queueName(a.Text); name != "" {
		r.Detail = "queued as " + name
	}
	return r
}

// line is a command and the answer that it wants.
type line struct {
	text   string
	expect int
}

// envelope returns the commands that come before the message.
func (c *conn) envelope(h reach.Handoff) ([]line, error) {
	from, err := envelope(cmp.Or(h.ReturnPath, h.From))
	if err != nil {
		return nil, err
	}
	sender := "MAIL FROM:<" + from + ">"
	if _, ok := c.Ext("8BITMIME"); ok {
		sender += " BODY=8BITMIME"
	}
	if h.Level >= policy.L2 && c.requireTLS {
		sender += " REQUIRETLS"
	}
	lines := []line{{sender, 250}, {"RCPT TO:<" + h.To + ">", 25}}
	if c.dirty {
		lines = append([]line{{"RSET", 250}}, lines...)
	}
	return lines, nil
}

// commands sends lines, all at once if the peer can take that, and returns
// how many it answered and the first answer that was not the one wanted.
func (c *conn) commands(lines []line) (answered int, first error) {
	for i, l := range lines {
		c.Say(l.text)
		if c.pipelining && i < len(lines)-1 {
			continue
		}
		c.Wait(c.wait.Command)
		if err := c.Flush(); err != nil {
			return answered, err
		}
		for ; answered <= i; answered++ {
			_, err := c.Read(lines[answered].expect)
			if _, isAnswer := errors.AsType[*wire.Answer](err); err != nil && !isAnswer {
				return answered, cmp.Or(first, err)
			}
			c.broken = c.broken || (first != nil && err == nil && lines[answered].text == "DATA") // it waits for a message we will not send
			first = cmp.Or(first, err)
		}
		if first != nil {
			return answered, first
		}
	}
	return answered, nil
}

// closing says whether the relay answered only that it hangs up.
func closing(err error) bool {
	answer, ok := errors.AsType[*wire.Answer](err)
	return ok && answer.Code == 421
}

// refused is the result of an error before the final dot.
func (c *conn) refused(ctx context.Context, err error, h reach.Handoff) reach.Result {
	answer, ok := errors.AsType[*wire.Answer](err)
	if !ok {
		c.broken = true
		return notSent(cmp.Or(ctx.Err(), err))
	}
	return c.answered(answer, h)
}

// afterDot is the result of an error after it.
func (c *conn) afterDot(err error, h reach.Handoff) reach.Result {
	answer, ok := errors.AsType[*wire.Answer](err)
	if !ok {
		c.broken = true
		return reach.Result{Outcome: reach.Uncertain, Code: "no_answer", Detail: "the relay did not answer after the message"}
	}
	return c.answered(answer, h)
}

// answered sorts the relay's answer.
func (c *conn) answered(e *wire.Answer, h reach.Handoff) reach.Result {
	r := reach.Result{Outcome: reach.Temp, Code: strconv.Itoa(e.Code), Detail: scrub(e.Text, h)}
	switch {
	case e.Code == 421: // the relay closes the connection
		c.broken = true
		r.RetryAfter = time.Minute
	case e.Code == 530 || e.Code == 534 || e.Code == 535 || e.Code == 538: // our sign-in, not the message
		r.RetryAfter = 5 * time.Minute
	case e.Code/100 == 5:
		r.Outcome = reach.Rejected
	case e.Code/100 == 4:
		r.RetryAfter = 5 * time.Minute
	default: // not an answer that SMTP has here
		c.broken = true
		r.RetryAfter = 5 * time.Minute
	}
	return r
}

// notSent is the result of a connection that failed before the final dot.
func notSent(err error) reach.Result {
	r := reach.Result{Outcome: reach.Temp, Code: "unreachable", Detail: "the relay was not reached", RetryAfter: time.Minute}
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		r.Code, r.Detail, r.RetryAfter = "cancelled", "stopped before it was sent", 0
	case errors.Is(err, errNoTLS), errors.Is(err, errVerify):
		r.Code, r.Detail, r.RetryAfter = "tls_insufficient", "the relay does not offer TLS that verifies", 5*time.Minute
	case errors.Is(err, errAuth):
		r.Code, r.Detail, r.RetryAfter = "auth", errAuth.Error(), 5*time.Minute
	}
	return r
}

// Anything that looks like an address is left out of what a relay says.
var addressLike = regexp.MustCompile(`[^\s<>()]+@[^\s<>()]+`)

// scrub keeps of a relay's words what explains, without who and what it was
// about.
func scrub(words string, h reach.Handoff) string {
	words = addressLike.ReplaceAllString(words, "(address)")
	local, _, _ := strings.Cut(h.To, "@")
	for _, secret := range []string{h.To, local, h.Subject, h.Text} {
		if len(secret) > 2 {
			words = replaceFold(words, secret, "(…)")
		}
	}
	words = strings.Join(strings.Fields(words), " ")
	const most = 160
	if len(words) > most {
		words = strings.ToValidUTF8(words[:most], "")
	}
	return words
}

func replaceFold(s, old, with string) string {
	re, err := regexp.Compile("(?i)" + regexp.QuoteMeta(old))
	if err != nil {
		return s
	}
	return re.ReplaceAllString(s, with)
}

var queued = regexp.MustCompile(`(?i)queued as ([A-Za-z0-9._-]{1,64})`)

// queueName is the relay's name for a message, if it says one.
func queueName(answer string) string {
	if len(answer) < len("queued as x") || !strings.Contains(strings.ToLower(answer), "queued as ") {
		return ""
	}
	if m := queued.FindStringSubmatch(answer); m != nil {
		return m[1]
	}
	return ""
}
