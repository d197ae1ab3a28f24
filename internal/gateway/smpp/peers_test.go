package smpp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hale/internal/gateway/inbound"
	"hale/internal/gateway/smpp"
	"hale/internal/gateway/smpp/smsctest"
	"hale/internal/haletest"
	"hale/internal/reach"
)

// tool returns a program of another project's, or skips.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	t.Skipf("skipped: %s is not installed (scripts/install-test-tools.sh)", names[0])
	return ""
}

// run starts a program that ends with t, and returns its first lines as they
// come.
func run(t *testing.T, cmd *exec.Cmd) *bufio.Scanner {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return bufio.NewScanner(out)
}

// said is what the npm centre tells of a submit_sm.
type said struct {
	Port               int
	To, Text, Validity string
	Coding, Esm, TON   int
}

// TestNodeServer sends to the npm package smpp.
func TestNodeServer(t *testing.T) {
	node := tool(t, "node")
	root, err := filepath.Abs("../../../.bin/smpp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "node_modules/smpp")); err != nil {
		t.Skip("skipped: the npm package smpp is not installed (scripts/install-test-tools.sh)")
	}
	cmd := exec.Command(node, "testdata/centre.js")
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(root, "node_modules"))
	lines := run(t, cmd)
	var first said
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || first.Port == 0 {
		t.Fatalf("the server said %q", lines.Text())
	}
	var k kept
	c := config(fmt.Sprintf("127.0.0.1:%d", first.Port))
	c.Take, c.Bind, c.KeyTag = k.take, smpp.Transceiver, 0
	g, err := smpp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	tests := []struct {
		to, text string
		want     reach.Outcome
		receipt  bool
	}{
		{"+12025550110", "Plain [€]", reach.Accepted, true},
		{"+12025550111", "Reported before it is answered", reach.Accepted, true},
		{"+12025550112", "Throttled", reach.Temp, false},
		{"+12025550113", "Without an id", reach.Accepted, true},
		{"+12025550114", "Refused", reach.Rejected, false},
		{"+12025550120", "Привет", reach.Accepted, true},
	}
	refs := map[string]bool{}
	for i, tt := range tests {
		h := handoff(tt.to, fmt.Sprint("key-", i), tt.text)
		h.Expires = time.Now().Add(time.Hour)
		r := g.Send(t.Context(), h)
		if r.Outcome != tt.want {
			t.Errorf("%s: Send = %+v, want %s", tt.text, r, tt.want)
		}
		var got said
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &got) != nil || "+"+got.To != tt.to || got.Text != tt.text || got.TON != 1 || len(got.Validity) < 10 {
			t.Errorf("the server read %s", lines.Text())
		}
		if tt.receipt {
			refs[r.Ref] = true
		}
	}
	if !smsctest.Wait(func() bool { return len(k.all()) == len(refs) }) {
		t.Errorf("%d receipts, want %d", len(k.all()), len(refs))
	}
	for _, r := range k.all() {
		if r.Kind != inbound.Delivered || r.Key == "" && !refs[r.Ref] {
			t.Errorf("receipt %+v is about no message of ours", r)
		}
	}
	g.Send(t.Context(), handoff("+12025550115", "key-9", "Will you come?"))
	if !smsctest.Wait(func() bool { return len(k.all()) == len(refs)+2 }) {
		t.Fatalf("no reply came: %+v", k.all())
	}
	if r := k.all()[len(refs)+1]; r.Kind != inbound.Replied || r.From != "+12025550115" || !strings.HasPrefix(r.Text, "S") {
		t.Errorf("reply = %+v", r)
	}
}

// TestKannelCentre sends to the message centre that Kannel tests itself with:
// it is silent to bind_transceiver, names no ids, and asks for links meanwhile.
func TestKannelCentre(t *testing.T) {
	program := tool(t, "/usr/lib/kannel/test/drive_smpp")
	port := haletest.FreePort(t)
	run(t, exec.Command(program, "-v", "4", "-p", fmt.Sprint(port), "-m", "5"))
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	var k kept
	c := config(addr)
	c.System, c.Password, c.SystemType, c.KeyTag, c.Take = "foo", "bar", "VMA", 0, k.take
	c.Bind, c.Beat, c.Enquire = smpp.Pair, 20*time.Millisecond, 10*time.Millisecond
	g, err := smpp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = g.Run(ctx) })
	defer all.Wait()
	defer cancel()
	first := func() bool {
		return g.Send(t.Context(), handoff("+12025550110", "k", "Message")).Outcome == reach.Accepted
	}
	if !smsctest.Wait(first) {
		t.Fatal("drive_smpp takes nothing")
	}
	for i := range 4 {
		r := g.Send(t.Context(), handoff("+12025550110", fmt.Sprint("k", i), "Message"))
		if r.Outcome != reach.Accepted || r.Ref == "" {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	if !smsctest.Wait(func() bool { return len(k.all()) > 0 }) {
		t.Error("nothing was delivered to us")
	}
	for _, r := range k.all() {
		if r.Kind != inbound.Replied && r.Kind != inbound.Delivered {
			t.Errorf("report %+v", r)
		}
	}
}

// TestKannelClient has Kannel send through our message centre, so that what
// the other tests send to is seen by a client that we did not write.
func TestKannelClient(t *testing.T) {
	bearerbox, smsbox := tool(t, "/usr/sbin/bearerbox"), tool(t, "/usr/sbin/smsbox")
	centre, err := smsctest.Start(smsctest.Script{Password: "secret", Receipts: true})
	if err != nil {
		t.Fatal(err)
	}
	defer centre.Close()
	admin, boxes, web := haletest.FreePort(t), haletest.FreePort(t), haletest.FreePort(t)
	conf := fmt.Sprintf(`group = core
admin-port = %d
smsbox-port = %d
admin-password = bar
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = hale
host = 127.0.0.1
port = %s
transceiver-mode = true
smsc-username = "hale"
smsc-password = "secret"
system-type = ""
address-range = ""

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %d
global-sender = 12025550100

group = sendsms-user
username = u
password = p

group = sms-service
keyword = default
max-messages = 0
text = "none"
`, admin, boxes, centre.Addr()[strings.LastIndex(centre.Addr(), ":")+1:], web)
	file := filepath.Join(t.TempDir(), "kannel.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, exec.Command(bearerbox, "-v", "4", file))
	if !smsctest.Wait(func() bool { return centre.Bound() == 1 }) {
		t.Skip("skipped: bearerbox does not run here")
	}
	run(t, exec.Command(smsbox, "-v", "4", file))
	send := fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms?username=u&password=p&to=12025550110&dlr-mask=31&text=%s", web, url.QueryEscape("Hello from another"))
	ok := smsctest.Wait(func() bool {
		res, err := http.Get(send)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusAccepted
	})
	if !ok {
		t.Fatal("smsbox does not send")
	}
	if !smsctest.Wait(func() bool { return len(centre.Took()) > 0 && len(centre.Answers()) > 0 }) {
		t.Fatalf("Kannel sent %d messages, answered %d receipts", len(centre.Took()), len(centre.Answers()))
	}
	if m := centre.Took()[0].Message; string(m.Short) != "Hello from another" || m.Dest != "12025550110" {
		t.Errorf("Kannel sent %+v", m)
	}
	if a := centre.Answers()[0]; a.Command != smpp.DeliverSMResp || a.Status != smpp.OK {
		t.Errorf("Kannel answered our receipt with %+v", a)
	}
}
