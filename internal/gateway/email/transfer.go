package email

import (
	"context"
	"errors"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"hale/internal/reach"
)

// transfer is one SMTP transaction. Until the final dot ctx can end it;
// after that only the relay's answer, or its absence, counts.
func (c *conn) transfer(ctx context.Context, h reach.Handoff, body []byte) reach.Result {
	stop := c.guard(ctx)
	defer stop()
	if err := c.announce(h); err != nil {
		return c.refused(err, h)
	}
	c.wait(c.g.c.Timeouts.Command)
	w, err := c.smtp.Data()
	if err != nil {
		return c.refused(err, h)
	}
	if _, err := w.Write(body); err != nil {
		c.broken = true
		return notSent(err)
	}
	if !stop() || ctx.Err() != nil { // ended before the dot: the relay drops what it has
		c.broken = true
		return notSent(context.Cause(ctx))
	}
	c.sent++
	c.wait(c.g.c.Timeouts.Final)
	if err := w.Close(); err != nil {
		return c.afterDot(err, h)
	}
	r := reach.Result{Outcome: reach.Accepted, Code: "250"}
	if d, ok := w.(*smtp.DataCloser); ok {
		r.Ref = queueName(d.ServerResponse())
	}
	return r
}

// announce names the sender and the recipient.
func (c *conn) announce(h reach.Handoff) error {
	from, err := envelope(h.From)
	if err != nil {
		return err
	}
	line := "MAIL FROM:<" + from + ">"
	if ok, _ := c.smtp.Extension("8BITMIME"); ok {
		line += " BODY=8BITMIME"
	}
	if h.RequireTLS && c.requireTLS {
		line += " REQUIRETLS"
	}
	if err := c.command(250, line); err != nil {
		return err
	}
	return c.command(25, "RCPT TO:<"+h.To+">")
}

// command sends one line and reads the answer.
func (c *conn) command(expect int, line string) error {
	c.wait(c.g.c.Timeouts.Command)
	id, err := c.smtp.Text.Cmd("%s", line)
	if err != nil {
		return err
	}
	c.smtp.Text.StartResponse(id)
	defer c.smtp.Text.EndResponse(id)
	_, _, err = c.smtp.Text.ReadResponse(expect)
	return err
}

// refused is the result of an error before the final dot.
func (c *conn) refused(err error, h reach.Handoff) reach.Result {
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		c.broken = true
		return notSent(err)
	}
	return c.answered(answer, h)
}

// afterDot is the result of an error after it.
func (c *conn) afterDot(err error, h reach.Handoff) reach.Result {
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		c.broken = true
		return reach.Result{Outcome: reach.Uncertain, Code: "no_answer", Detail: "the relay did not answer after the message"}
	}
	return c.answered(answer, h)
}

// answered sorts the relay's answer.
func (c *conn) answered(e *textproto.Error, h reach.Handoff) reach.Result {
	r := reach.Result{Outcome: reach.Temp, Code: strconv.Itoa(e.Code), Detail: scrub(e.Msg, h)}
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
	if m := queued.FindStringSubmatch(answer); m != nil {
		return m[1]
	}
	return ""
}
