package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"hale/internal/base/seal"
	"hale/internal/gateway/inbound"
)

// SignatureHeader carries the signature of a report.
const SignatureHeader = "X-Twilio-Signature"

// Sign signs a form that is posted to address: HMAC-SHA-1 with the account's
// token over the address and every parameter's name and value in the order of
// their names, in base64.
func Sign(token, address string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			mac.Write([]byte(name + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// verify says whether a request that came to address was signed with the
// account's token: a form by its parameters, anything else by the hash of its
// body that the address carries.
func (g *Gateway) verify(r *http.Request, address string, body []byte) (url.Values, bool) {
	var form url.Values
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		var err error
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, false
		}
	} else {
		sum := sha256.Sum256(body)
		said, err := hex.DecodeString(r.URL.Query().Get("bodySHA256"))
		if err != nil || !hmac.Equal(said, sum[:]) {
			return nil, false
		}
	}
	want := Sign(g.c.Token, address, form)
	return form, hmac.Equal([]byte(want), []byte(r.Header.Get(SignatureHeader)))
}

// maxCallback bounds the body of a report.
const maxCallback = 64 << 10

// Callbacks returns the handler of the provider's reports, which keep gets
// before they are answered. They are signed for the public address, whatever a
// proxy in between makes of it. The provider repeats what keep failed on.
func (g *Gateway) Callbacks(keep inbound.Taker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallback))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		address := g.c.Callback
		if r.URL.RawQuery != "" {
			address += "?" + r.URL.RawQuery
		}
		form, ok := g.verify(r, address, body)
		if !ok {
			http.Error(w, "signature", http.StatusForbidden)
			return
		}
		report, ok := g.report(form, r.URL.Query().Get("key"))
		if ok {
			if err := keep(r.Context(), report); err != nil {
				g.c.Log.Error("twilio: keep a report", "kind", report.Kind, "error", err)
				http.Error(w, "try again", http.StatusInternalServerError)
				return
			}
		}
		w.Header().Set("Content-Type", "text/xml") // an empty answer: nothing is said back from here
		_, _ = io.WriteString(w, "<Response></Response>")
	})
}

// kinds are the statuses of a message.
var kinds = map[string]string{
	"accepted": inbound.Accepted, "scheduled": inbound.Accepted, "queued": inbound.Accepted, "sending": inbound.Accepted,
	"sent": inbound.Sent, "delivered": inbound.Delivered, "undelivered": inbound.Undelivered, "failed": inbound.Undelivered,
	"canceled": inbound.Undelivered, "read": inbound.Read,
}

// report reads what a form tells.
func (g *Gateway) report(form url.Values, key string) (inbound.Report, bool) {
	sid := form.Get("MessageSid")
	if sid == "" {
		sid = form.Get("SmsSid")
	}
	r := inbound.Report{Provider: g.c.Name, Ref: sid, Key: key, Party: form.Get("To"), At: g.c.Now()}
	status := strings.ToLower(form.Get("MessageStatus"))
	if status == "" {
		status = strings.ToLower(form.Get("SmsStatus"))
	}
	if sid == "" || len(sid) > 100 || len(key) > 200 {
		return r, false
	}
	if status == "received" || status == "receiving" {
		return g.reply(form, r)
	}
	r.Kind = kinds[status]
	r.Code = status
	if e := form.Get("ErrorCode"); e != "" && len(e) < 10 {
		r.Code = status + "_" + e
		switch e {
		case "30005", "21211", "21614": // no such number
			r.Kind = inbound.BadNumber
		case "21610":
			r.Kind = inbound.OptedOut
		}
	}
	r.ID = seal.Hash(sid + "|" + r.Code)
	return r, r.Kind != ""
}

// reply reads what somebody wrote. A word with which the network itself ends
// texts is passed on like any other.
func (g *Gateway) reply(form url.Values, r inbound.Report) (inbound.Report, bool) {
	r.Kind, r.ID, r.Key, r.Party = inbound.Replied, seal.Hash(r.Ref), "", ""
	r.From, r.To, r.Text = form.Get("From"), form.Get("To"), form.Get("Body")
	r.Ref = "" // it is the reply's own
	if n := form.Get("NumMedia"); n != "" && n != "0" {
		r.Text = strings.TrimSpace(r.Text + " [" + n + " pictures or files, which are not taken in by text]")
	}
	return r, inbound.Number(r.From) && strings.TrimSpace(r.Text) != ""
}
