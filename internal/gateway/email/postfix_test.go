package email_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hale/internal/gateway/email"
	"hale/internal/haletest"
	"hale/internal/reach"
)

// postfix starts a Postfix of the test's own, which drops what it takes, on
// a free port of this machine. It skips where that cannot be done.
func postfix(t *testing.T) (addr, log string) {
	t.Helper()
	return startPostfix(t, fmt.Sprintf("127.0.0.1:%d", haletest.FreePort(t)), nil)
}

// startPostfix starts it at addr; more, if not nil, returns more services, and
// may write into the folder that it is given.
func startPostfix(t *testing.T, addr string, more func(dir string) string) (at, log string) {
	t.Helper()
	bin, err := exec.LookPath("postfix")
	if err != nil {
		t.Skip("skipped: Postfix is not installed")
	}
	if os.Getuid() != 0 {
		t.Skip("skipped: Postfix starts as root only")
	}
	if _, err := exec.Command("id", "postfix").Output(); err != nil {
		t.Skip("skipped: there is no user postfix")
	}
	dir, err := os.MkdirTemp("", "hale-postfix") // not t.TempDir, which the user postfix may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 20 { // its processes end a little after it says so
			os.RemoveAll(dir)
			time.Sleep(50 * time.Millisecond)
			if _, err := os.Stat(dir); err != nil {
				return
			}
		}
	})
	log = filepath.Join(dir, "log")
	conf, queue, data := filepath.Join(dir, "conf"), filepath.Join(dir, "queue"), filepath.Join(dir, "data")
	for _, d := range []string{conf, queue, data} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %s
data_directory = %s
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
tls_config_file = none
smtpd_tls_session_cache_database =
inet_protocols = ipv4
default_transport = discard
relay_transport = discard
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{bounce@town.example=REJECT, later@town.example=DEFER}, permit_mynetworks, reject
alias_maps =
local_recipient_maps =
alias_database =
maillog_file = %s
maillog_file_prefixes = %s
import_environment = MAIL_CONFIG
`, queue, data, log, dir)
	master := fmt.Sprintf(`%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`, addr)
	if more != nil {
		master += more(dir)
	}
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "postfix", data).CombinedOutput(); err != nil {
		t.Skipf("skipped: chown: %v %s", err, out)
	}
	if out, err := exec.Command(bin, "-c", conf, "start").CombinedOutput(); err != nil {
		t.Skipf("skipped: Postfix does not start here: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command(bin, "-c", conf, "stop").Run() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, log
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(log)
	t.Fatalf("Postfix does not answer:\n%s", text)
	return "", ""
}

func TestGatewayPostfix(t *testing.T) {
	addr, log := postfix(t)
	g, err := email.New(email.Config{
		Addr: addr, TLS: email.Opportunistic, From: "Riverside <care@clinic.example>", Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	tests := []struct {
		to   string
		want reach.Outcome
	}{
		{"ana@town.example", reach.Accepted},
		{"bounce@town.example", reach.Rejected},
		{"later@town.example", reach.Temp},
		{"bob@town.example", reach.Accepted},
	}
	for _, tt := range tests {
		h := note(tt.to)
		h.HTML = "<p>Hola, señora</p>"
		r := g.Send(t.Context(), h)
		if r.Outcome != tt.want || strings.Contains(r.Detail, "town.example") {
			t.Errorf("Send to %s = %+v, want %s", tt.to, r, tt.want)
		}
		if r.Outcome == reach.Accepted && r.Detail == "" {
			t.Errorf("Send to %s = %+v, want Postfix's queue id", tt.to, r)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "message-id=<k1@clinic.example>"); n != 2 {
		t.Errorf("Postfix logged our Message-ID %d times, want 2:\n%s", n, text)
	}
}
